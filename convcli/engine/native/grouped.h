/* Convolution in groups of few filters, depthwise above all: the lanes of a vector are filters of several groups.

   For each tap a vector of neighbouring channels is loaded, one for each filter; where a group has more than one channel
   or filter, it is permuted so that each lane has its filter's first channel, then its second, and so on. Up to seven
   outputs of a row are a tile: a weight is loaded once for all of them, and a cell once for all taps that meet it. The
   cells are looked up in a table of pointers, made once for all vectors of the tile; those of the padding are zeros.

   weights: (vectors, taps, channels, LANES), where a vector holds the filters of as many whole groups as it can; scale
   and bias: (vectors, LANES). A group has at most LANES filters, and no more channels than filters. */

#define GROUPED_PART (1 << 20)         /* multiplications worth a part */
#define MOST_OUTPUTS 7                 /* of a tile */

#define grouped_filters NAME(grouped_filters) /* in a vector */
INLINE int64_t grouped_filters(const operation *o) { return LANES / o->filters * o->filters; }

#define grouped_plan NAME(grouped_plan)
static row_parts grouped_plan(const operation *o) {
    int64_t vectors = ceiling(o->groups * o->filters, grouped_filters(o));
    int64_t products = row_count(o) * o->positions[2] * o->size[0] * o->size[1] * o->size[2] * o->channels;
    return cut_rows(o, vectors, products * vectors * LANES, GROUPED_PART);
}

static int64_t NAME(grouped_parts)(const operation *o) {
    row_parts p = grouped_plan(o);
    return p.row_parts * p.vector_parts;
}

/* The scratch of a part: zeros and a copy of the input's last cell, the table, and the columns of its entries. */
static size_t NAME(grouped_scratch)(const operation *o) {
    int64_t padded = o->groups * o->channels + LANES, entries = column_count(o, MOST_OUTPUTS);
    return (size_t)(2 * padded) * sizeof(NUMBER) +
           (size_t)(o->size[0] * o->size[1] * entries) * sizeof(NUMBER *) + (size_t)entries * sizeof(int64_t);
}

/* A tile of outputs, and one vector of their filters. */
typedef struct {
    const operation *o;
    const NUMBER *const *table;        /* of the taps that meet the input: (planes, lines, cells or taps × outputs) */
    int64_t offset;                    /* from there to the vector's first channel */
    int64_t entries;                   /* of a line */
    const NUMBER *weights;             /* of the vector */
    NUMBER *y;
    const NUMBER *residual, *scale, *bias;
    const NAME(lanes) *order;          /* for each channel of a group, the lane in which each filter finds it */
    int64_t outputs, count;            /* that are stored: outputs, filters */
    output_row row;
} NAME(grouped_place);

/* Compute `outputs` outputs. `size` taps of a row are taken together, with `stride` between outputs; or one, with any.
   `mixed`: groups of more than one. All these are known when this is compiled. */
#define grouped_tile NAME(grouped_tile)
INLINE void grouped_tile(const NAME(grouped_place) *at, const int outputs, const int size, const int stride,
                         const int mixed) {
    const operation *o = at->o;
    const int64_t channels = mixed ? o->channels : 1;
    const NUMBER *const *line_cells = at->table;
    vector sums[outputs];
    UNROLL for (int i = 0; i < outputs; i++) sums[i] = (vector){0};
    for (int64_t plane = at->row.first[0]; plane < at->row.last[0]; plane++)
        for (int64_t line = at->row.first[1]; line < at->row.last[1]; line++, line_cells += at->entries) {
            const NUMBER *const *cells = line_cells;
            const NUMBER *w = at->weights + (plane * o->size[1] + line) * o->size[2] * channels * LANES;
            for (int64_t tap = 0; tap < o->size[2]; tap += size, cells += MOST_OUTPUTS)
                for (int64_t channel = 0; channel < channels; channel++, w += LANES) {
                    vector weights[size];
                    UNROLL for (int k = 0; k < size; k++) weights[k] = load(w + k * channels * LANES);
                    UNROLL for (int cell = 0; cell < (outputs - 1) * stride + size; cell++) {
                        vector v = load(cells[cell] + at->offset);
                        if (mixed) v = permuted(v, at->order[channel]);
                        UNROLL for (int k = 0; k < size; k++)
                            if (cell >= k && (cell - k) % stride == 0 && (cell - k) / stride < outputs)
                                sums[(cell - k) / stride] += v * weights[k];
                    }
                }
        }
    UNROLL for (int i = 0; i < outputs; i++) {
        if (i >= at->outputs) break;
        int64_t offset = i * o->y_step[3];
        store_up_to(at->y + offset,
                    finish(sums[i], o, at->scale, at->bias, at->residual ? at->residual + offset : 0, at->count),
                    at->count);
    }
}

/* A tile of seven outputs, and one of four for the rest of a row. */
#define GROUPED_TILES(size, stride, mixed)                                                                             \
    static __attribute__((noinline)) void NAME(grouped_##size##_##stride##_##mixed)(const NAME(grouped_place) *at) {   \
        if (at->outputs > 4)                                                                                           \
            grouped_tile(at, MOST_OUTPUTS, size, stride, mixed);                                                       \
        else                                                                                                           \
            grouped_tile(at, 4, size, stride, mixed);                                                                  \
    }
GROUPED_TILES(1, 1, 0)
GROUPED_TILES(1, 1, 1)
GROUPED_TILES(3, 1, 0)
GROUPED_TILES(3, 1, 1)
GROUPED_TILES(3, 2, 0)
GROUPED_TILES(5, 1, 0)

typedef void (*NAME(grouped_function))(const NAME(grouped_place) *);

/* Return the function whose loops are for this window, or one for any. */
static NAME(grouped_function) NAME(grouped_choice)(const operation *o, int mixed) {
    if (taps_together(o) && o->stride[2] == 2 && !mixed) return NAME(grouped_3_2_0);
    if (taps_together(o) && o->size[2] == 3) return mixed ? NAME(grouped_3_1_1) : NAME(grouped_3_1_0);
    if (taps_together(o)) return NAME(grouped_5_1_0);
    return mixed ? NAME(grouped_1_1_1) : NAME(grouped_1_1_0);
}

static void NAME(grouped_run)(const operation *o, int64_t part, void *scratch) {
    row_parts p = grouped_plan(o);
    const int64_t filters = o->groups * o->filters, in_vector = grouped_filters(o);
    const int64_t read = in_vector / o->filters * o->channels, taps = o->size[0] * o->size[1] * o->size[2];
    const int mixed = o->channels > 1 || o->filters > 1;
    NAME(lanes) order[LANES];
    for (int64_t channel = 0; channel < lesser(LANES, o->channels); channel++)
        for (int lane = 0; lane < LANES; lane++)
            order[channel][lane] = lane < in_vector ? lane / o->filters * o->channels + channel : 0;
    NAME(cells) cells = prepare_cells(o, o->groups * o->channels, MOST_OUTPUTS, scratch);
    const NAME(grouped_function) compute = NAME(grouped_choice)(o, mixed);
    NAME(grouped_place) at = {.o = o, .table = cells.table, .entries = cells.entries, .order = order};
    int64_t first_row = part / p.vector_parts * p.rows, last_row = lesser(row_count(o), first_row + p.rows);
    int64_t first = part % p.vector_parts * p.vectors, last = lesser(ceiling(filters, in_vector), first + p.vectors);
    for (int64_t number = first_row; number < last_row; number++) {
        at.row = row_of(o, number);
        for (int64_t output = 0; output < o->positions[2]; output += MOST_OUTPUTS) {
            at.outputs = lesser(MOST_OUTPUTS, o->positions[2] - output);
            enter_cells(o, &at.row, output, &cells);
            int64_t y = at.row.sample * o->y_step[0] + at.row.output[0] * o->y_step[1] +
                        at.row.output[1] * o->y_step[2] + output * o->y_step[3];
            for (int64_t v = first; v < last; v++) {
                int64_t filter = v * in_vector;
                at.offset = v * read;
                at.weights = (const NUMBER *)o->weights + v * taps * o->channels * LANES;
                at.y = (NUMBER *)o->y + y + filter;
                at.residual = o->residual ? (const NUMBER *)o->residual + y + filter : 0;
                at.scale = o->scale ? (const NUMBER *)o->scale + v * LANES : 0;
                at.bias = o->bias ? (const NUMBER *)o->bias + v * LANES : 0;
                at.count = lesser(in_vector, filters - filter);
                compute(&at);
            }
        }
    }
}
