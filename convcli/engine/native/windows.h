/* Where windows meet the input, for kernels that go row by row over the output: no numbers, so no level. */
#pragma once

#include "system.h"

/* A row of the output: where it is, and which taps along planes and rows meet the input. */
typedef struct {
    int64_t sample, output[2];
    int64_t first[2], last[2];
} output_row;

/* Find the taps along an axis that meet the input at a position: first ≤ tap < last. */
static inline void meeting_taps(const operation *o, int axis, int64_t position, int64_t *first, int64_t *last) {
    int64_t start = position * o->stride[axis] - o->before[axis], step = o->dilation[axis];
    *first = start < 0 ? ceiling(-start, step) : 0;
    *last = start < o->extent[axis] ? lesser(o->size[axis], (o->extent[axis] - 1 - start) / step + 1) : 0;
}

static inline int64_t row_count(const operation *o) { return o->samples * o->positions[0] * o->positions[1]; }

static inline output_row row_of(const operation *o, int64_t number) {
    output_row row;
    row.output[1] = number % o->positions[1], number /= o->positions[1];
    row.output[0] = number % o->positions[0];
    row.sample = number / o->positions[0];
    for (int axis = 0; axis < 2; axis++)
        meeting_taps(o, axis, row.output[axis], &row.first[axis], &row.last[axis]);
    return row;
}

/* Parts of some rows by some vectors of channels. Rows are not cut; vectors are where there are too few rows. */
typedef struct {
    int64_t rows, vectors;             /* of a part */
    int64_t row_parts, vector_parts;
} row_parts;

static inline row_parts cut_rows(const operation *o, int64_t vectors, int64_t work, int64_t part_work) {
    int64_t rows = row_count(o), wanted = greater(1, lesser(64, work / part_work));
    row_parts p;
    p.rows = greater(1, rows / wanted);
    p.row_parts = ceiling(rows, p.rows);
    p.vectors = ceiling(vectors, lesser(vectors, ceiling(wanted, p.row_parts)));
    p.vector_parts = ceiling(vectors, p.vectors);
    return p;
}

/* Windows whose taps along a row are taken together: neighbouring outputs share cells. For others a cell is looked up
   for each tap of each output. */
static inline int taps_together(const operation *o) {
    int64_t size = o->size[2], stride = o->stride[2];
    int mixed = o->channels > 1 || o->filters > 1;
    return o->dilation[2] == 1 && ((size == 3 && stride == 1) || (!mixed && size == 3 && stride == 2) ||
                                   (!mixed && size == 5 && stride == 1));
}

/* How many entries a line of the table of cells has: see cells.h. */
static inline int64_t column_count(const operation *o, int64_t outputs) {
    return taps_together(o) ? (outputs - 1) * o->stride[2] + o->size[2] : outputs * o->size[2];
}

/* Enter the column of each, counted from the first output's first cell. */
static inline void enter_columns(const operation *o, int64_t outputs, int64_t *columns) {
    if (taps_together(o))
        for (int64_t i = 0; i < column_count(o, outputs); i++) columns[i] = i;
    else
        for (int64_t tap = 0; tap < o->size[2]; tap++)
            for (int64_t output = 0; output < outputs; output++)
                columns[tap * outputs + output] = output * o->stride[2] + tap * o->dilation[2];
}
