/* Winograd's minimal filtering: M × M outputs of a 3 × 3 window from (M + 2)² products in place of 9 · M².

   For a tile d of the input and a filter g, y = A'[(G g G') ⊙ (B' d B)]A; ../algorithms/winograd.py says more. A part
   transforms some tiles of one sample, cell by cell of the tile ("planes"), multiplies each plane by its weights in the
   tiles of convolution.h, and transforms the sums of a block of filters back. Windows of 3 × 3 × 3 are transformed along
   their last two axes and summed along the first.

   weights: (blocks, planes, size[0], channels, BLOCK), transformed; strides, dilation of the last two axes and groups are 1.
   option[0]: M, 2 or 4.

   Rounding errors are relative to the largest cell of the input. `measures` takes for each sample the largest square of a
   cell's norm, and a large sum. Then `judgement` decides which samples are as exact as they must be, and a convolution
   computes the others: its `skip` is that of the judgement.

   judgement, option[0]: 0: clear the measures; 1: write `skip`. number[0]: the noise of a sample whose largest norm is 1;
   number[1]: the tolerance. */

#define LARGEST_PLANE_SIZE 36         /* (4 + 2)² */
#define PLANES_BYTES (512 << 10)      /* of the transformed tiles of a part: half of a usual second-level cache */
#define MOST_WINOGRAD_TILES 56
#define LEAST_SQUARE 1e-25f           /* smaller squares are zero in float, or coarse */

#ifndef WINOGRAD_PLAN
#define WINOGRAD_PLAN
typedef struct {
    int64_t m, n, planes;
    int64_t rows, columns;            /* of tiles in a map */
    int64_t tiles;                    /* of a sample: maps × rows × columns */
    int64_t part_tiles, tile_parts;   /* of a part; parts of a sample that have tiles of their own */
    int64_t blocks, part_blocks, block_parts;
} winograd_plan;

/* Let a measure, which is not negative, be at least as large as a number, or no number at all if that is none. Their bits
   have the same order as they; and a maximum does not depend on the order in which threads come. */
static inline void raise_measure(char *measures, int64_t index, float number) {
    uint32_t bits, *measure = (uint32_t *)measures + index;
    memcpy(&bits, &number, sizeof bits);
    bits &= 0x7fffffff;
    uint32_t before = __atomic_load_n(measure, __ATOMIC_RELAXED);
    while (bits > before && !__atomic_compare_exchange_n(measure, &before, bits, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}
#endif

#define winograd_plan_of NAME(winograd_plan_of)
static winograd_plan winograd_plan_of(const operation *o) {
    winograd_plan p;
    p.m = o->option[0], p.n = p.m + 2, p.planes = p.n * p.n;
    p.rows = ceiling(o->positions[1], p.m), p.columns = ceiling(o->positions[2], p.m);
    p.tiles = o->positions[0] * p.rows * p.columns;
    int64_t tile_bytes = p.planes * o->size[0] * o->channels * (int64_t)sizeof(NUMBER);
    int64_t most = lesser(MOST_WINOGRAD_TILES, PLANES_BYTES / tile_bytes / TILE_ROWS * TILE_ROWS);
    p.tile_parts = ceiling(p.tiles, greater(TILE_ROWS, most));
    p.part_tiles = ceiling(p.tiles, p.tile_parts);
    p.tile_parts = ceiling(p.tiles, p.part_tiles);
    p.blocks = ceiling(o->filters, BLOCK);
    p.block_parts = lesser(p.blocks, ceiling(8, p.tile_parts * o->samples));
    p.part_blocks = ceiling(p.blocks, p.block_parts);
    p.block_parts = ceiling(p.blocks, p.part_blocks);
    return p;
}

/* Return the numbers from one plane to the next: an odd count of cache lines, so that planes lie in different sets. */
#define spread NAME(spread)
INLINE int64_t spread(int64_t numbers) {
    const int64_t line = 64 / (int64_t)sizeof(NUMBER);
    return (ceiling(numbers, line) | 1) * line;
}

static int64_t NAME(winograd_parts)(const operation *o) {
    winograd_plan p = winograd_plan_of(o);
    return o->samples * p.tile_parts * p.block_parts;
}

/* The scratch of a part: transformed tiles (size[0], planes, tiles, channels), their sums (planes, tiles, BLOCK), and a cell
   of zeros. */
static size_t NAME(winograd_scratch)(const operation *o) {
    winograd_plan p = winograd_plan_of(o);
    int64_t room = ceiling(p.part_tiles, TILE_ROWS) * TILE_ROWS;
    int64_t numbers = p.planes * (o->size[0] * spread(room * o->channels) + spread(room * BLOCK)) + o->channels;
    return (size_t)numbers * sizeof(NUMBER);
}

/* B' along one axis: n numbers at `step` from each other become n others. The points of interpolation are 0, ±3/4, ±3/2
   and infinity for M = 4, and 0, ±1 and infinity for M = 2. */
#define transform_input NAME(transform_input)
INLINE void transform_input(vector *d, const int step, const int m) {
    const NUMBER a = (NUMBER)0.75, b = (NUMBER)1.5, aa = a * a, bb = b * b;
    vector d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    if (m == 2) {
        d[0] = d2 - d0, d[step] = d2 + d1, d[2 * step] = d2 - d1, d[3 * step] = d3 - d1;
        return;
    }
    vector d4 = d[4 * step], d5 = d[5 * step];
    vector even = d4 - bb * d2, odd = a * (d3 - bb * d1);
    d[0] = d4 - (aa + bb) * d2 + aa * bb * d0;
    d[step] = even + odd, d[2 * step] = even - odd;
    even = d4 - aa * d2, odd = b * (d3 - aa * d1);
    d[3 * step] = even + odd, d[4 * step] = even - odd;
    d[5 * step] = d5 - (aa + bb) * d3 + aa * bb * d1;
}

/* A' along one axis: n numbers at `step` from each other become the first m. */
#define transform_output NAME(transform_output)
INLINE void transform_output(vector *d, const int step, const int m) {
    const NUMBER a = (NUMBER)0.75, b = (NUMBER)1.5, aa = a * a, bb = b * b;
    vector d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    if (m == 2) {
        d[0] = d0 + d1 + d2, d[step] = d1 - d2 + d3;
        return;
    }
    vector d4 = d[4 * step], d5 = d[5 * step];
    vector sum = d1 + d2, difference = d1 - d2, sum2 = d3 + d4, difference2 = d3 - d4;
    d[0] = d0 + sum + sum2;
    d[step] = a * difference + b * difference2;
    d[2 * step] = aa * sum + bb * sum2;
    d[3 * step] = aa * a * difference + bb * b * difference2 + d5;
}

/* Where a tile begins in its sample. */
typedef struct {
    int64_t map, row, column;         /* of the output */
} NAME(corner);

/* Return the square of the norm of a cell over its channels. */
#define square_of NAME(square_of)
INLINE NUMBER square_of(const NUMBER *cell, int64_t channels) {
    vector squares = {0};
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES) squares += load(cell + c) * load(cell + c);
    if (c < channels) {
        vector rest = load_some(cell + c, channels - c);
        squares += rest * rest;
    }
    return sum_of(squares);
}

/* Transform up to a vector of channels of a tile, from its cells to its planes. */
#define transform_channels NAME(transform_channels)
INLINE void transform_channels(const NUMBER *const *cells, int64_t c, int64_t count, NUMBER *planes, int64_t plane_step,
                               const int m) {
    const int n = m + 2;
    vector d[LARGEST_PLANE_SIZE];
    UNROLL for (int i = 0; i < n; i++) {
        UNROLL for (int j = 0; j < n; j++) d[i * n + j] = load_up_to(cells[i * n + j] + c, count);
        transform_input(d + i * n, 1, m);
    }
    UNROLL for (int j = 0; j < n; j++) {
        transform_input(d + j, n, m);
        UNROLL for (int i = 0; i < n; i++) store_up_to(planes + (i * n + j) * plane_step + c, d[i * n + j], count);
    }
}

/* Transform a tile for one cell of the window along the first axis. `planes` is where its first plane goes. Return the
   largest square of the norm of a cell among those that are this tile's alone, for measures. */
#define fetch_tile NAME(fetch_tile)
INLINE NUMBER fetch_tile(const operation *o, const NUMBER *sample, NAME(corner) corner, int64_t slice, NUMBER *planes,
                         int64_t plane_step, const NUMBER *zeros, const int m) {
    const int n = m + 2;
    const NUMBER *cells[LARGEST_PLANE_SIZE];
    int64_t z = corner.map - o->before[0] + slice * o->dilation[0];
    int inside_z = z >= 0 && z < o->extent[0];
    int64_t last_row = corner.row + m >= o->positions[1] ? n : m, last_column = corner.column + m >= o->positions[2] ? n : m;
    NUMBER largest_square = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            int64_t y = corner.row + i - o->before[1], x = corner.column + j - o->before[2];
            int inside = inside_z && y >= 0 && y < o->extent[1] && x >= 0 && x < o->extent[2];
            cells[i * n + j] = inside ? sample + z * o->x_step[1] + y * o->x_step[2] + x * o->x_step[3] : zeros;
            if (!inside || i >= last_row || j >= last_column) continue;
            NUMBER square = square_of(cells[i * n + j], o->channels);
            if (square > largest_square || square != square) largest_square = square;
        }
    const int64_t channels = o->channels;
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES) transform_channels(cells, c, LANES, planes, plane_step, m);
    if (c < channels) transform_channels(cells, c, channels - c, planes, plane_step, m);
    return largest_square;
}

/* Multiply the tiles of one plane by the weights of a block: `rows` tiles from `tile` on. */
#define DEFINE_PLANE(rows)                                                                                            \
    static __attribute__((noinline)) void NAME(multiply_plane_##rows)(                                                \
        const NUMBER *planes, int64_t slices, int64_t slice_step, int64_t channels, const NUMBER *w, NUMBER *sums_at) { \
        vector sums[TILE_ROWS][2];                                                                                    \
        UNROLL for (int row = 0; row < rows; row++) sums[row][0] = sums[row][1] = (vector){0};                        \
        for (int64_t slice = 0; slice < slices; slice++, planes += slice_step, w += channels * BLOCK) {               \
            const NUMBER *cells[TILE_ROWS];                                                                           \
            UNROLL for (int row = 0; row < rows; row++) cells[row] = planes + row * channels;                         \
            accumulate(sums, cells, w, channels, rows, 2);                                                            \
        }                                                                                                             \
        UNROLL for (int row = 0; row < rows; row++) UNROLL for (int v = 0; v < 2; v++)                                \
            store(sums_at + row * BLOCK + v * LANES, sums[row][v]);                                                   \
    }
EVERY_ROWS(DEFINE_PLANE)
#undef DEFINE_PLANE

/* Transform the sums of a tile back, and store its outputs. `magnitudes` keeps the largest of its first outputs, and is no
   number where one of them is none or infinite. */
#define store_tile NAME(store_tile)
INLINE void store_tile(const operation *o, NUMBER *y, const NUMBER *residual, NAME(corner) corner, const NUMBER *sums,
                       int64_t plane_step, int64_t filter, ending e, vector *magnitudes, const int m) {
    const int n = m + 2;
    const int64_t count = o->filters - filter, row_step = o->y_step[2], cell_step = o->y_step[3];
    const int64_t at = corner.map * o->y_step[1] + corner.row * row_step + corner.column * cell_step + filter;
    const int64_t rows = o->positions[1] - corner.row, columns = o->positions[2] - corner.column;
    UNROLL for (int v = 0; v < 2; v++) {
        const int first = v * LANES;
        if (count <= first) break;
        vector d[LARGEST_PLANE_SIZE];
        UNROLL for (int i = 0; i < n; i++) {
            UNROLL for (int j = 0; j < n; j++) d[i * n + j] = load(sums + (i * n + j) * plane_step + first);
            transform_output(d + i * n, 1, m);
        }
        UNROLL for (int j = 0; j < m; j++) transform_output(d + j, n, m);
        *magnitudes = largest(*magnitudes, largest(d[0], -d[0])) + (d[0] - d[0]);
        UNROLL for (int i = 0; i < m; i++) {
            if (i >= rows) break;
            UNROLL for (int j = 0; j < m; j++) {
                if (j >= columns) break;
                int64_t cell = at + i * row_step + j * cell_step + first;
                vector result = end_with(d[i * n + j], e, first, residual ? residual + cell : 0, count - first);
                store_up_to(y + cell, result, count - first);
            }
        }
    }
}

#define compute_tiles NAME(compute_tiles)
INLINE void compute_tiles(const operation *o, const winograd_plan *p, int64_t part, NUMBER *scratch, const int m) {
    int64_t block = part % p->block_parts * p->part_blocks, last_block = lesser(p->blocks, block + p->part_blocks);
    part /= p->block_parts;
    int64_t first = part % p->tile_parts * p->part_tiles, tiles = lesser(p->part_tiles, p->tiles - first);
    int64_t sample = part / p->tile_parts, slices = o->size[0], channels = o->channels;
    int64_t room = ceiling(p->part_tiles, TILE_ROWS) * TILE_ROWS, plane_step = spread(room * channels);
    const int64_t sums_step = spread(room * BLOCK);
    NUMBER *sums = scratch + slices * p->planes * plane_step, *zeros = sums + p->planes * sums_step;
    memset(zeros, 0, (size_t)channels * sizeof *zeros);
    const NUMBER *x = (const NUMBER *)o->x + sample * o->x_step[0];
    const NUMBER *residual = o->residual ? (const NUMBER *)o->residual + sample * o->y_step[0] : 0;
    NUMBER *y = (NUMBER *)o->y + sample * o->y_step[0];
    NAME(corner) corners[MOST_WINOGRAD_TILES];
    NUMBER square = 0;
    vector magnitudes = {0};
    for (int64_t tile = 0; tile < tiles; tile++) {
        int64_t index = first + tile;
        corners[tile].column = index % p->columns * m, index /= p->columns;
        corners[tile].row = index % p->rows * m, corners[tile].map = index / p->rows;
        for (int64_t slice = 0; slice < slices; slice++) {
            NUMBER *planes = scratch + slice * p->planes * plane_step + tile * channels;
            NUMBER norm = fetch_tile(o, x, corners[tile], slice, planes, plane_step, zeros, m);
            if (norm > square || norm != norm) square = norm;
        }
    }
    for (; block < last_block; block++) {
        const NUMBER *w = (const NUMBER *)o->weights + block * p->planes * slices * channels * BLOCK;
        for (int64_t plane = 0; plane < p->planes; plane++, w += slices * channels * BLOCK)
            for (int64_t tile = 0; tile < tiles; tile += TILE_ROWS) {
#define MULTIPLY(rows)                                                                                                \
    NAME(multiply_plane_##rows)(scratch + plane * plane_step + tile * channels, slices, p->planes * plane_step, channels, \
                                w, sums + plane * sums_step + tile * BLOCK)
                WITH_ROWS(tiles - tile, MULTIPLY)
#undef MULTIPLY
            }
        const ending e = ending_of(o, block * BLOCK);
        for (int64_t tile = 0; tile < tiles; tile++)
            store_tile(o, y, residual, corners[tile], sums + tile * BLOCK, sums_step, block * BLOCK, e, &magnitudes, m);
    }
    NUMBER magnitude = 0;
    for (int lane = 0; lane < LANES; lane++)
        if (magnitudes[lane] > magnitude || magnitudes[lane] != magnitudes[lane]) magnitude = magnitudes[lane];
    raise_measure(o->measures, 2 * sample, (float)square);
    raise_measure(o->measures, 2 * sample + 1, (float)magnitude);
}

static void NAME(winograd_run)(const operation *o, int64_t part, void *scratch) {
    winograd_plan p = winograd_plan_of(o);
    if (p.m == 4)
        compute_tiles(o, &p, part, scratch, 4);
    else
        compute_tiles(o, &p, part, scratch, 2);
}

static int64_t NAME(judgement_parts)(const operation *o) {
    (void)o;
    return 1;
}

static size_t NAME(judgement_scratch)(const operation *o) {
    (void)o;
    return 0;
}

static void NAME(judgement_run)(const operation *o, int64_t part, void *scratch) {
    (void)part, (void)scratch;
    float *measures = (float *)o->measures;
    for (int64_t sample = 0; sample < o->samples; sample++) {
        if (o->option[0] == 0) {
            measures[2 * sample] = measures[2 * sample + 1] = 0;
            continue;
        }
        float square = measures[2 * sample], magnitude = measures[2 * sample + 1];
        double noise = o->number[0] * sqrt((double)square);
        int exact = square >= LEAST_SQUARE && noise <= o->number[1] * (double)magnitude && isfinite(magnitude);
        ((int64_t *)o->skip)[sample] = exact;
    }
}
