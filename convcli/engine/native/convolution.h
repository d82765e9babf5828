/* Convolution of any size, stride, dilation and padding, in one to three axes: sums of products, channels last.

   A tile is TILE_ROWS outputs (cells of the map, one after the other, across ends of rows) by a block of filters (two
   vectors). Its sums stay in registers while the loop goes over all taps of the window and, in each, over the channels:

       sums[row] += x[row][channel] · weights[tap][channel][block]

   Where the cell that a tap meets lies is looked up in a table of pointers, made once for some tiles and used for all
   blocks. Cells of the padding point to zeros; so edges cost nothing, nor do strides, and no input is copied. With few
   channels the taps along the last axis are one run of numbers in memory; then a run that crosses an edge is copied.

   weights: (groups, blocks, taps, channels, BLOCK), filled with zeros. With option 0 (`runs`) a tap is a whole run:
   (groups, blocks, size[0] · size[1], size[2] · channels, BLOCK).
   option[0]: whether taps along the last axis are one run. */

#define MOST_TILES 16                 /* that share a table */
#define PART_PRODUCTS (5 << 20)       /* multiplications worth a part: 40 microseconds at 128 a nanosecond */
#define MOST_PARTS 64

#ifndef CONVOLUTION_PLAN
#define CONVOLUTION_PLAN
typedef struct {
    int64_t taps, run;                /* how many runs of how many numbers a filter has */
    int64_t cells, tiles;             /* of the output */
    int64_t blocks;                   /* of all groups */
    int64_t part_tiles, part_blocks;  /* of a part */
    int64_t block_parts;              /* parts that share tiles */
} convolution_plan;
#endif

#define plan NAME(plan_convolution)
static convolution_plan plan(const operation *o) {
    convolution_plan p;
    p.run = o->channels * (o->option[0] ? o->size[2] : 1);
    p.taps = o->size[0] * o->size[1] * (o->option[0] ? 1 : o->size[2]);
    p.cells = o->samples * o->positions[0] * o->positions[1] * o->positions[2];
    p.tiles = ceiling(p.cells, TILE_ROWS);
    p.blocks = o->groups * ceiling(o->filters, BLOCK);
    int64_t products = p.tiles * TILE_ROWS * p.blocks * BLOCK * p.taps * p.run;
    int64_t wanted = greater(1, lesser(MOST_PARTS, products / PART_PRODUCTS));
    p.part_tiles = greater(1, lesser(MOST_TILES, ceiling(p.tiles, wanted)));
    int64_t tile_parts = ceiling(p.tiles, p.part_tiles);
    p.block_parts = lesser(p.blocks, ceiling(wanted, tile_parts));
    p.part_blocks = ceiling(p.blocks, p.block_parts);
    p.block_parts = ceiling(p.blocks, p.part_blocks);
    return p;
}

static int64_t NAME(convolution_parts)(const operation *o) {
    convolution_plan p = plan(o);
    return ceiling(p.tiles, p.part_tiles) * p.block_parts;
}

/* The scratch of a part: zeros, a place for unwanted results, the table, where outputs go, runs across edges. */
static size_t NAME(convolution_scratch)(const operation *o) {
    convolution_plan p = plan(o);
    int64_t rows = p.part_tiles * TILE_ROWS;
    int64_t zeros = greater(o->groups * o->channels, p.run);
    return (size_t)((zeros + BLOCK + (o->option[0] ? rows * p.taps * p.run : 0)) * (int64_t)sizeof(NUMBER) +
                    rows * (p.taps * (int64_t)sizeof(NUMBER *) + (int64_t)sizeof(int64_t)) + 256);
}

/* Add to rows × vectors sums the products of a run of numbers at `cells[row]` and as many rows of a block of weights. */
#define accumulate NAME(accumulate)
INLINE void accumulate(vector sums[TILE_ROWS][2], const NUMBER *const cells[TILE_ROWS], const NUMBER *w, int64_t run,
                       const int rows, const int vectors) {
    for (int64_t channel = 0; channel < run; channel++, w += BLOCK) {
        vector weights[2];
        UNROLL for (int v = 0; v < vectors; v++) weights[v] = load(w + v * LANES);
        UNROLL for (int row = 0; row < rows; row++) {
            vector cell = all_of(cells[row][channel]);
            UNROLL for (int v = 0; v < vectors; v++) sums[row][v] += cell * weights[v];
        }
    }
}

/* Add up `rows` × `vectors` sums, and store them. `x` is the tile's table, TILE_ROWS pointers a tap; `offset` leads from
   there to the group's channels. `at` says where in y each row goes, -1 for nowhere. */
#define multiply NAME(multiply)
INLINE void multiply(const operation *o, const NUMBER *const *x, int64_t offset, const NUMBER *w, int64_t taps, int64_t run,
                     const int64_t *at, int64_t filter, int64_t padded, int64_t count, const int rows,
                     const int vectors) {
    vector sums[TILE_ROWS][2];
    UNROLL for (int row = 0; row < rows; row++) UNROLL for (int v = 0; v < vectors; v++) sums[row][v] = (vector){0};
    for (int64_t tap = 0; tap < taps; tap++, x += TILE_ROWS, w += run * BLOCK) {
        const NUMBER *cells[TILE_ROWS];
        UNROLL for (int row = 0; row < rows; row++) cells[row] = x[row] + offset;
        accumulate(sums, cells, w, run, rows, vectors);
    }
    const ending e = ending_of(o, padded);
    NUMBER *const y = (NUMBER *)o->y;
    const NUMBER *const residual = (const NUMBER *)o->residual;
    UNROLL for (int row = 0; row < rows; row++) {
        if (at[row] < 0) continue;
        int64_t place = at[row] + filter;
        UNROLL for (int v = 0; v < vectors; v++) {
            const int first = v * LANES;
            vector sum = end_with(sums[row][v], e, first, residual ? residual + place + first : 0, count - first);
            store_up_to(y + place + first, sum, count - first);
        }
    }
}

/* The variants of a tile: CALL with the least number of rows, of those that are compiled, that holds `count`. */
#if TILE_ROWS >= 14
#define WITH_ROWS(count, CALL)                                                                      \
    if ((count) > 10) CALL(14); else if ((count) > 8) CALL(10); else if ((count) > 6) CALL(8);      \
    else if ((count) > 4) CALL(6); else if ((count) > 2) CALL(4); else if ((count) > 1) CALL(2); else CALL(1);
#define EVERY_ROWS(DEFINE) DEFINE(1) DEFINE(2) DEFINE(4) DEFINE(6) DEFINE(8) DEFINE(10) DEFINE(14)
#elif TILE_ROWS >= 6
#define WITH_ROWS(count, CALL)                                                                      \
    if ((count) > 4) CALL(6); else if ((count) > 2) CALL(4); else if ((count) > 1) CALL(2); else CALL(1);
#define EVERY_ROWS(DEFINE) DEFINE(1) DEFINE(2) DEFINE(4) DEFINE(6)
#else
#define WITH_ROWS(count, CALL) if ((count) > 2) CALL(4); else if ((count) > 1) CALL(2); else CALL(1);
#define EVERY_ROWS(DEFINE) DEFINE(1) DEFINE(2) DEFINE(4)
#endif

#define DEFINE_MULTIPLY(rows)                                                                                       \
    static __attribute__((noinline)) void NAME(multiply_##rows)(                                                    \
        const operation *o, const NUMBER *const *x, int64_t offset, const NUMBER *w, int64_t taps, int64_t run,     \
        const int64_t *at, int64_t filter, int64_t padded, int64_t count) {                                         \
        if (count > LANES)                                                                                          \
            multiply(o, x, offset, w, taps, run, at, filter, padded, count, rows, 2);                               \
        else                                                                                                        \
            multiply(o, x, offset, w, taps, run, at, filter, padded, count, rows, 1);                               \
    }
EVERY_ROWS(DEFINE_MULTIPLY)
#undef DEFINE_MULTIPLY

/* Where the rows of a part's tiles read and write. */
typedef struct {
    const NUMBER **table;             /* (tiles, taps, TILE_ROWS) */
    int64_t *at;                      /* (tiles, TILE_ROWS) */
    const NUMBER *zeros;
    NUMBER *copies;                   /* of runs across edges: what is free */
} NAME(places);

/* Return where the run of a row begins whose first cell is at `x`, a copy with zeros where it crosses an edge. */
#define whole_run NAME(whole_run)
static const NUMBER *whole_run(const operation *o, const NUMBER *row, int64_t x, NAME(places) *places) {
    int64_t size = o->size[2], channels = o->channels;
    int64_t low = greater(0, lesser(size, -x)), high = greater(low, lesser(size, o->extent[2] - x));
    if (low == high) return places->zeros;
    if (low == 0 && high == size) return row + x * channels;
    NUMBER *copy = places->copies;
    places->copies += size * channels;
    memset(copy, 0, (size_t)(size * channels) * sizeof *copy);
    memcpy(copy + low * channels, row + (x + low) * channels, (size_t)((high - low) * channels) * sizeof *copy);
    return copy;
}

/* Enter in the table the cells that each tap meets at one output. */
#define enter NAME(enter)
static void enter(const operation *o, const int64_t *output, const NUMBER **table, NAME(places) *places) {
    const NUMBER *sample = (const NUMBER *)o->x + output[0] * o->x_step[0];
    int64_t start[3];
    for (int axis = 0; axis < 3; axis++) start[axis] = output[axis + 1] * o->stride[axis] - o->before[axis];
    for (int64_t i = 0; i < o->size[0]; i++) {
        int64_t z = start[0] + i * o->dilation[0];
        for (int64_t j = 0; j < o->size[1]; j++) {
            int64_t y = start[1] + j * o->dilation[1];
            int inside = z >= 0 && z < o->extent[0] && y >= 0 && y < o->extent[1];
            const NUMBER *row = inside ? sample + z * o->x_step[1] + y * o->x_step[2] : 0;
            if (o->option[0]) {
                *table = inside ? whole_run(o, row, start[2], places) : places->zeros;
                table += TILE_ROWS;
                continue;
            }
            for (int64_t k = 0, x = start[2]; k < o->size[2]; k++, x += o->dilation[2], table += TILE_ROWS)
                *table = inside && x >= 0 && x < o->extent[2] ? row + x * o->x_step[3] : places->zeros;
        }
    }
}

/* Enter all rows of a tile; those after the last output repeat it, and go nowhere. */
#define enter_tile NAME(enter_tile)
static void enter_tile(const operation *o, const convolution_plan *p, int64_t tile, const NUMBER **table, int64_t *at,
                       NAME(places) *places) {
    int64_t output[4], rest = tile * TILE_ROWS;
    for (int axis = 3; axis > 0; axis--) output[axis] = rest % o->positions[axis - 1], rest /= o->positions[axis - 1];
    output[0] = rest;
    for (int row = 0; row < TILE_ROWS; row++) {
        if (tile * TILE_ROWS + row >= p->cells) { /* the kernel may read it, and does not store the result */
            for (int64_t tap = 0; tap < p->taps; tap++) table[tap * TILE_ROWS + row] = places->zeros;
            at[row] = -1;
            continue;
        }
        enter(o, output, table + row, places);
        at[row] = 0;
        for (int axis = 0; axis < 4; axis++) at[row] += output[axis] * o->y_step[axis];
        if (o->skip && ((const int64_t *)o->skip)[output[0]]) at[row] = -1;
        for (int axis = 3; axis >= 0; axis--) {
            if (++output[axis] < (axis ? o->positions[axis - 1] : o->samples) || axis == 0) break;
            output[axis] = 0;
        }
    }
}

/* Return whether all samples of some tiles are left out. */
#define all_skipped NAME(all_skipped)
static int all_skipped(const operation *o, const convolution_plan *p, int64_t first, int64_t tiles) {
    int64_t cells = p->cells / o->samples;
    int64_t last = lesser(p->cells, (first + tiles) * TILE_ROWS) - 1;
    for (int64_t sample = first * TILE_ROWS / cells; sample <= last / cells; sample++)
        if (!((const int64_t *)o->skip)[sample]) return 0;
    return 1;
}

static void NAME(convolution_run)(const operation *o, int64_t part, void *scratch) {
    convolution_plan p = plan(o);
    int64_t first = part / p.block_parts * p.part_tiles, tiles = lesser(p.part_tiles, p.tiles - first);
    if (o->skip && all_skipped(o, &p, first, tiles)) return;
    int64_t block = part % p.block_parts * p.part_blocks, last = lesser(p.blocks, block + p.part_blocks);
    int64_t zeros = greater(o->groups * o->channels, p.run);
    NAME(places) places;
    places.table = scratch;
    places.at = (int64_t *)(places.table + p.part_tiles * p.taps * TILE_ROWS);
    places.zeros = (NUMBER *)(places.at + p.part_tiles * TILE_ROWS);
    places.copies = (NUMBER *)places.zeros + zeros;
    memset((NUMBER *)places.zeros, 0, (size_t)zeros * sizeof(NUMBER));
    for (int64_t tile = 0; tile < tiles; tile++)
        enter_tile(o, &p, first + tile, places.table + tile * p.taps * TILE_ROWS, places.at + tile * TILE_ROWS, &places);
    int64_t group_blocks = p.blocks / o->groups;
    for (; block < last; block++) {
        int64_t group = block / group_blocks, in_group = block % group_blocks * BLOCK;
        int64_t offset = group * o->channels, filter = group * o->filters + in_group, count = o->filters - in_group;
        const NUMBER *w = (const NUMBER *)o->weights + block * p.taps * p.run * BLOCK;
        for (int64_t tile = 0; tile < tiles; tile++) {
            const NUMBER *const *x = places.table + tile * p.taps * TILE_ROWS;
            const int64_t *at = places.at + tile * TILE_ROWS;
            int64_t rows = p.cells - (first + tile) * TILE_ROWS;
#define MULTIPLY(rows) NAME(multiply_##rows)(o, x, offset, w, p.taps, p.run, at, filter, block *BLOCK, count)
            WITH_ROWS(rows, MULTIPLY)
#undef MULTIPLY
        }
    }
}
