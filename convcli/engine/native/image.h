/* Convolution of images of few channels by few filters, stride 1, at most two axes: the lanes of a vector are neighbours
   in a row.

   A part is a rectangle of outputs. The cells under it are copied to planes, one for each channel, with the padding
   around them, so that the loops know no edges. A tile is four rows by some vectors: a vector of the input is loaded
   once for the taps of all rows that meet it.

   groups is 1. weights: (filters, channels, size[1], size[2]); scale and bias: (filters, LANES), each number repeated.
   No residual. */

#define IMAGE_ROWS 4
#define IMAGE_VECTORS (VECTOR_BYTES == 64 ? 4 : 2)
#define IMAGE_TILE (IMAGE_VECTORS * LANES)
#define IMAGE_HEIGHT 32                /* outputs of a part */
#define IMAGE_WIDTH 512

static int64_t NAME(image_parts)(const operation *o) {
    return o->samples * o->positions[0] * ceiling(o->positions[1], IMAGE_HEIGHT) * ceiling(o->positions[2], IMAGE_WIDTH);
}

/* The columns and rows of a plane. The last tiles may read beyond what is needed. */
#define plane_columns NAME(plane_columns)
#define plane_rows NAME(plane_rows)
INLINE int64_t plane_columns(const operation *o) {
    return ceiling(lesser(IMAGE_WIDTH, o->positions[2]), IMAGE_TILE) * IMAGE_TILE + o->size[2] + LANES;
}
INLINE int64_t plane_rows(const operation *o) {
    return ceiling(lesser(IMAGE_HEIGHT, o->positions[1]), IMAGE_ROWS) * IMAGE_ROWS + o->size[1];
}

static size_t NAME(image_scratch)(const operation *o) {
    return (size_t)(o->channels * plane_columns(o) * plane_rows(o)) * sizeof(NUMBER);
}

/* Copy the cells under outputs from (row, column) on to the planes, and zeros where there are none. */
#define copy_planes NAME(copy_planes)
static void copy_planes(const operation *o, const NUMBER *image, int64_t row, int64_t column, int64_t rows,
                        int64_t columns, NUMBER *planes) {
    int64_t width = plane_columns(o), height = plane_rows(o);
    int64_t first = column - o->before[2], wanted = columns + o->size[2] - 1;
    int64_t low = lesser(wanted, greater(0, -first)), high = greater(low, lesser(wanted, o->extent[2] - first));
    for (int64_t channel = 0; channel < o->channels; channel++)
        for (int64_t i = 0; i < height; i++) {
            NUMBER *to = planes + (channel * height + i) * width;
            int64_t y = row - o->before[1] + i;
            if (i >= rows + o->size[1] - 1 || y < 0 || y >= o->extent[1]) {
                memset(to, 0, (size_t)width * sizeof *to);
                continue;
            }
            const NUMBER *from = image + y * o->x_step[2] + first * o->x_step[3] + channel;
            memset(to, 0, (size_t)low * sizeof *to);
            if (o->x_step[3] == 1)
                memcpy(to + low, from + low, (size_t)(high - low) * sizeof *to);
            else
                for (int64_t x = low; x < high; x++) to[x] = from[x * o->x_step[3]];
            memset(to + high, 0, (size_t)(width - high) * sizeof *to);
        }
}

/* Add the products of a row of the planes to the sums of the rows `low` … `high`; `w` is the tap that meets row 0. */
#define add_line NAME(add_line)
INLINE void add_line(vector sums[IMAGE_ROWS][IMAGE_VECTORS], const NUMBER *x, const NUMBER *w, int64_t size,
                     const int low, const int high) {
    for (int64_t tap = 0; tap < size; tap++) {
        vector cells[IMAGE_VECTORS];
        UNROLL for (int v = 0; v < IMAGE_VECTORS; v++) cells[v] = load(x + tap + v * LANES);
        UNROLL for (int row = low; row <= high; row++) {
            vector weight = all_of(w[tap - row * size]);
            UNROLL for (int v = 0; v < IMAGE_VECTORS; v++) sums[row][v] += weight * cells[v];
        }
    }
}

/* Compute a tile of one filter. `y` is where the tile begins, `step` leads to the next output in a row. */
#define image_tile NAME(image_tile)
static void image_tile(const operation *o, const NUMBER *planes, int64_t filter, NUMBER *y, int64_t rows,
                       int64_t columns) {
    vector sums[IMAGE_ROWS][IMAGE_VECTORS];
    UNROLL for (int row = 0; row < IMAGE_ROWS; row++) UNROLL for (int v = 0; v < IMAGE_VECTORS; v++)
        sums[row][v] = (vector){0};
    int64_t width = plane_columns(o), height = plane_rows(o), size = o->size[2];
    const NUMBER *weights = (const NUMBER *)o->weights + filter * o->channels * o->size[1] * size;
    for (int64_t channel = 0; channel < o->channels; channel++, weights += o->size[1] * size)
        for (int64_t line = 0; line < o->size[1] + rows - 1; line++) {
            const NUMBER *x = planes + (channel * height + line) * width, *w = weights + line * size;
            int64_t low = greater(0, line - o->size[1] + 1), high = lesser(rows - 1, line);
            switch (low * IMAGE_ROWS + high) {
#define LINE(low, high)                                                                                              \
    case low * IMAGE_ROWS + high:                                                                                    \
        add_line(sums, x, w, size, low, high);                                                                       \
        break;
                LINE(0, 0) LINE(0, 1) LINE(0, 2) LINE(0, 3) LINE(1, 1) LINE(1, 2) LINE(1, 3) LINE(2, 2) LINE(2, 3)
                LINE(3, 3)
#undef LINE
            }
        }
    const NUMBER *scale = o->scale ? (const NUMBER *)o->scale + filter * LANES : 0;
    const NUMBER *bias = o->bias ? (const NUMBER *)o->bias + filter * LANES : 0;
    UNROLL for (int row = 0; row < IMAGE_ROWS; row++) {
        if (row >= rows) break;
        NUMBER *to = y + row * o->y_step[2];
        UNROLL for (int v = 0; v < IMAGE_VECTORS; v++) {
            vector result = finish(sums[row][v], o, scale, bias, 0, LANES);
            if (o->y_step[3] == 1)
                store_up_to(to + v * LANES, result, columns - v * LANES);
            else
                for (int lane = 0; lane < lesser(LANES, columns - v * LANES); lane++)
                    to[(v * LANES + lane) * o->y_step[3]] = result[lane];
        }
    }
}

static void NAME(image_run)(const operation *o, int64_t part, void *scratch) {
    int64_t across = ceiling(o->positions[2], IMAGE_WIDTH), down = ceiling(o->positions[1], IMAGE_HEIGHT);
    int64_t first_column = part % across * IMAGE_WIDTH, first_row = part / across % down * IMAGE_HEIGHT;
    int64_t image = part / across / down, sample = image / o->positions[0], plane = image % o->positions[0];
    int64_t columns = lesser(IMAGE_WIDTH, o->positions[2] - first_column);
    int64_t rows = lesser(IMAGE_HEIGHT, o->positions[1] - first_row);
    copy_planes(o, (const NUMBER *)o->x + sample * o->x_step[0] + plane * o->x_step[1], first_row, first_column, rows,
                columns, scratch);
    NUMBER *y = (NUMBER *)o->y + sample * o->y_step[0] + plane * o->y_step[1] + first_row * o->y_step[2] +
                first_column * o->y_step[3];
    for (int64_t row = 0; row < rows; row += IMAGE_ROWS)
        for (int64_t column = 0; column < columns; column += IMAGE_TILE)
            for (int64_t filter = 0; filter < o->filters; filter++)
                image_tile(o, (const NUMBER *)scratch + row * plane_columns(o) + column, filter,
                           y + row * o->y_step[2] + column * o->y_step[3] + filter, lesser(IMAGE_ROWS, rows - row),
                           columns - column);
}
