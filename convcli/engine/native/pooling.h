/* The maximum or the mean of windows, channel by channel: the lanes of a vector are channels.

   groups is the number of channels, channels and filters of a group are 1. Taps on padding are left out. Neighbouring
   outputs are taken together where all their taps lie in the row: three by four vectors, or with few channels seven by
   one. Otherwise it is one by four, so that a sum does not wait for the one before.

   option[0]: 0 for the maximum, 1 for the mean. weights: by how many cells a sum is divided, a factor for each position
   along planes, rows and columns: (positions[0] + positions[1] + positions[2]); ones for the maximum. */

#define POOLING_PART (1 << 18)         /* numbers read that are worth a part */

#define pooling_plan NAME(pooling_plan)
static row_parts pooling_plan(const operation *o) {
    int64_t vectors = ceiling(o->groups, 4 * LANES);
    int64_t cells = row_count(o) * o->positions[2] * o->size[0] * o->size[1] * o->size[2];
    return cut_rows(o, vectors, cells * o->groups, POOLING_PART);
}

static int64_t NAME(pooling_parts)(const operation *o) {
    row_parts p = pooling_plan(o);
    return p.row_parts * p.vector_parts;
}

static size_t NAME(pooling_scratch)(const operation *o) {
    (void)o;
    return 0;
}

/* Pool `outputs` outputs of a row, `vectors` vectors of each, from the column `x` of the first tap on. `count` channels
   are there. All but the taps and the count is known when this is compiled. */
#define pool_tile NAME(pool_tile)
INLINE void pool_tile(const operation *o, const output_row *row, const NUMBER *sample, int64_t x, int64_t taps,
                      const NUMBER *scale, const NUMBER *bias, NUMBER divisor, const NUMBER *factors, NUMBER *y,
                      int64_t count, const int outputs, const int vectors, const int mean) {
    vector results[outputs][vectors];
    UNROLL for (int i = 0; i < outputs; i++) UNROLL for (int v = 0; v < vectors; v++)
        results[i][v] = all_of(mean ? 0 : -(NUMBER)INFINITY);
    for (int64_t plane = row->first[0]; plane < row->last[0]; plane++)
        for (int64_t line = row->first[1]; line < row->last[1]; line++) {
            const NUMBER *cell =
                sample + (row->output[0] * o->stride[0] - o->before[0] + plane * o->dilation[0]) * o->x_step[1] +
                (row->output[1] * o->stride[1] - o->before[1] + line * o->dilation[1]) * o->x_step[2] + x * o->x_step[3];
            vector sums[vectors]; /* of a line by itself in large windows: fewer numbers of different size meet */
            UNROLL for (int v = 0; v < vectors; v++) sums[v] = (vector){0};
            for (int64_t tap = 0; tap < taps; tap++, cell += o->dilation[2] * o->x_step[3])
                UNROLL for (int i = 0; i < outputs; i++) UNROLL for (int v = 0; v < vectors; v++) {
                    const NUMBER *at = cell + i * o->stride[2] * o->x_step[3] + v * LANES;
                    vector a = count >= vectors * LANES ? load(at) : load_up_to(at, count - v * LANES);
                    if (mean && outputs == 1)
                        sums[v] += a;
                    else if (mean)
                        results[i][v] += a;
                    else
                        results[i][v] = maximum(results[i][v], a);
                }
            if (mean && outputs == 1) UNROLL for (int v = 0; v < vectors; v++) results[0][v] += sums[v];
        }
    UNROLL for (int i = 0; i < outputs; i++) UNROLL for (int v = 0; v < vectors; v++) {
        vector result = mean ? results[i][v] / all_of(divisor * factors[i]) : results[i][v];
        int64_t left = count - v * LANES;
        if (left <= 0) continue;
        result = finish(result, o, scale ? scale + v * LANES : 0, bias ? bias + v * LANES : 0, 0, left);
        store_up_to(y + i * o->y_step[3] + v * LANES, result, left);
    }
}

#define DEFINE_POOL(outputs, vectors)                                                                                 \
    static __attribute__((noinline)) void NAME(pool_##outputs)(                                                       \
        const operation *o, const output_row *row, const NUMBER *sample, int64_t x, int64_t taps,                     \
        const NUMBER *scale, const NUMBER *bias, NUMBER divisor, const NUMBER *factors, NUMBER *y, int64_t count) {   \
        if (o->option[0])                                                                                             \
            pool_tile(o, row, sample, x, taps, scale, bias, divisor, factors, y, count, outputs, vectors, 1);         \
        else                                                                                                          \
            pool_tile(o, row, sample, x, taps, scale, bias, divisor, factors, y, count, outputs, vectors, 0);         \
    }
DEFINE_POOL(7, 1)
DEFINE_POOL(3, 4)
DEFINE_POOL(1, 4)
#undef DEFINE_POOL

static void NAME(pooling_run)(const operation *o, int64_t part, void *scratch) {
    (void)scratch;
    row_parts p = pooling_plan(o);
    const NUMBER *factors = (const NUMBER *)o->weights, *scale = (const NUMBER *)o->scale;
    const NUMBER *bias = (const NUMBER *)o->bias;
    int64_t first_row = part / p.vector_parts * p.rows, last_row = lesser(row_count(o), first_row + p.rows);
    int64_t first = part % p.vector_parts * p.vectors * 4 * LANES;
    int64_t last = lesser(o->groups, first + p.vectors * 4 * LANES);
    const int64_t together = last - first > LANES ? 3 : 7, vectors = together == 7 ? 1 : 4;
    for (int64_t number = first_row; number < last_row; number++) {
        output_row row = row_of(o, number);
        NUMBER divisor = factors[row.output[0]] * factors[o->positions[0] + row.output[1]];
        const NUMBER *columns = factors + o->positions[0] + o->positions[1];
        for (int64_t output = 0, outputs; output < o->positions[2]; output += outputs) {
            int64_t tap, end, other_tap, other_end, ahead = output + together - 1;
            meeting_taps(o, 2, output, &tap, &end);
            outputs = 1;
            if (ahead < o->positions[2] && tap == 0 && end == o->size[2]) {
                meeting_taps(o, 2, ahead, &other_tap, &other_end);
                if (other_tap == 0 && other_end == o->size[2]) outputs = together;
            }
            int64_t x = output * o->stride[2] - o->before[2] + tap * o->dilation[2];
            NUMBER *y = (NUMBER *)o->y + row.sample * o->y_step[0] + row.output[0] * o->y_step[1] +
                        row.output[1] * o->y_step[2] + output * o->y_step[3];
            const NUMBER *sample = (const NUMBER *)o->x + row.sample * o->x_step[0];
            for (int64_t channel = first; channel < last; channel += vectors * LANES)
                (outputs == 1 ? NAME(pool_1) : outputs == 3 ? NAME(pool_3) : NAME(pool_7))(
                    o, &row, sample + channel, x, end - tap, scale ? scale + channel : 0, bias ? bias + channel : 0,
                    divisor, columns + output, y + channel, last - channel);
        }
    }
}
