/* The table of the cells that the windows of some neighbouring outputs meet, line by line.

   A line is a row of the input under a row of the window. An entry points to the first channel of a cell; where there is
   no cell, to zeros. Whole vectors may be read from any channel on: behind the input's last cell, where memory may end,
   a copy of that cell stands in for it. */

typedef struct {
    const NUMBER **table;              /* (lines, entries) */
    int64_t entries;
    const int64_t *columns;            /* of each entry, counted from the first output's first cell */
    const NUMBER *zeros;
    const NUMBER *last_cell, *copy;    /* of the input, and what stands in for it */
} NAME(cells);

/* Lay out the scratch, which holds two cells of so many channels, the table, and the columns. */
#define prepare_cells NAME(prepare_cells)
static NAME(cells) prepare_cells(const operation *o, int64_t channels, int64_t outputs, void *scratch) {
    NAME(cells) cells = {.entries = column_count(o, outputs), .table = scratch};
    int64_t *columns = (int64_t *)(cells.table + o->size[0] * o->size[1] * cells.entries);
    NUMBER *zeros = (NUMBER *)(columns + cells.entries), *copy = zeros + channels + LANES;
    enter_columns(o, outputs, columns);
    cells.columns = columns, cells.zeros = zeros, cells.copy = copy;
    cells.last_cell = (const NUMBER *)o->x + (o->samples - 1) * o->x_step[0];
    for (int axis = 0; axis < 3; axis++) cells.last_cell += (o->extent[axis] - 1) * o->x_step[axis + 1];
    memset(zeros, 0, (size_t)(2 * (channels + LANES)) * sizeof(NUMBER));
    memcpy(copy, cells.last_cell, (size_t)channels * sizeof(NUMBER));
    return cells;
}

/* Enter the cells that outputs of a row meet, from `output` on, on all lines that the input has. */
#define enter_cells NAME(enter_cells)
static void enter_cells(const operation *o, const output_row *row, int64_t output, const NAME(cells) *cells) {
    const NUMBER **entry = cells->table;
    const int64_t step = o->x_step[3], start = output * o->stride[2] - o->before[2];
    for (int64_t plane = row->first[0]; plane < row->last[0]; plane++)
        for (int64_t line = row->first[1]; line < row->last[1]; line++, entry += cells->entries) {
            const NUMBER *x = (const NUMBER *)o->x + row->sample * o->x_step[0] +
                              (row->output[0] * o->stride[0] - o->before[0] + plane * o->dilation[0]) * o->x_step[1] +
                              (row->output[1] * o->stride[1] - o->before[1] + line * o->dilation[1]) * o->x_step[2];
            for (int64_t i = 0; i < cells->entries; i++) {
                int64_t column = start + cells->columns[i];
                entry[i] = column >= 0 && column < o->extent[2] ? x + column * step : cells->zeros;
                if (entry[i] == cells->last_cell) entry[i] = cells->copy;
            }
        }
}
