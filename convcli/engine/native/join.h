/* Cell by cell: y = epilogue(x ∘ z), where z is laid out as it likes (a step of 0 repeats it), or is not there.

   groups is the number of channels; positions is the space, and extent is the same. option[0]: enum join. With
   join_mean the sum is divided by number[0]. Without z it is the epilogue of x, or a copy. */

#define JOIN_PART (1 << 16)            /* numbers worth a part */

#define join_plan NAME(join_plan)
static row_parts join_plan(const operation *o) {
    return cut_rows(o, ceiling(o->groups, 4 * LANES), row_count(o) * o->positions[2] * o->groups, JOIN_PART);
}

static int64_t NAME(join_parts)(const operation *o) {
    row_parts p = join_plan(o);
    return p.row_parts * p.vector_parts;
}

static size_t NAME(join_scratch)(const operation *o) {
    (void)o;
    return 0;
}

#define join_vectors NAME(join_vectors)
INLINE vector join_vectors(vector x, vector z, const operation *o, const int how) {
    switch (how) {
    case join_sum: return x + z;
    case join_mean: return (x + z) / all_of((NUMBER)o->number[0]);
    case join_product: return x * z;
    case join_maximum: return maximum(x, z);
    case join_minimum: return minimum(x, z);
    }
    return x;
}

/* Join `count` neighbouring numbers; scale and bias have as many, or are null. */
#define join_numbers NAME(join_numbers)
INLINE void join_numbers(const operation *o, const NUMBER *x, const NUMBER *z, const NUMBER *scale, const NUMBER *bias,
                         NUMBER *y, int64_t count, const int how) {
    for (; count > 0; count -= LANES, x += LANES, y += LANES) {
        vector joined = join_vectors(load_up_to(x, count), how ? load_up_to(z, count) : (vector){0}, o, how);
        store_up_to(y, finish(joined, o, scale, bias, 0, count), count);
        if (how) z += LANES;
        if (scale) scale += LANES;
        if (bias) bias += LANES;
    }
}

#define DEFINE_JOIN(how)                                                                                            \
    static __attribute__((noinline)) void NAME(how)(const operation *o, const NUMBER *x, const NUMBER *z,          \
                                                    const NUMBER *scale, const NUMBER *bias, NUMBER *y,            \
                                                    int64_t count) {                                               \
        join_numbers(o, x, z, scale, bias, y, count, how);                                                         \
    }
DEFINE_JOIN(join_nothing)
DEFINE_JOIN(join_sum)
DEFINE_JOIN(join_mean)
DEFINE_JOIN(join_product)
DEFINE_JOIN(join_maximum)
DEFINE_JOIN(join_minimum)
#undef DEFINE_JOIN

static void NAME(join_run)(const operation *o, int64_t part, void *scratch) {
    (void)scratch;
    static void (*const functions[])(const operation *, const NUMBER *, const NUMBER *, const NUMBER *, const NUMBER *,
                                     NUMBER *, int64_t) = {
        [join_nothing] = NAME(join_nothing), [join_sum] = NAME(join_sum),         [join_mean] = NAME(join_mean),
        [join_product] = NAME(join_product), [join_maximum] = NAME(join_maximum), [join_minimum] = NAME(join_minimum),
    };
    row_parts p = join_plan(o);
    const NUMBER *scale = (const NUMBER *)o->scale, *bias = (const NUMBER *)o->bias;
    int64_t first_row = part / p.vector_parts * p.rows, last_row = lesser(row_count(o), first_row + p.rows);
    int64_t first = part % p.vector_parts * p.vectors * 4 * LANES;
    int64_t count = lesser(o->groups, first + p.vectors * 4 * LANES) - first, cells = o->positions[2];
    int dense = o->x_step[3] == o->groups && o->y_step[3] == o->groups && (!o->z || o->z_step[3] == o->groups);
    if (dense && !scale && !bias && p.vector_parts == 1) count *= cells, cells = 1; /* a row is one run of numbers */
    for (int64_t number = first_row; number < last_row; number++) {
        output_row row = row_of(o, number);
        const NUMBER *x = (const NUMBER *)o->x + row.sample * o->x_step[0] + row.output[0] * o->x_step[1] +
                          row.output[1] * o->x_step[2] + first;
        const NUMBER *z = o->z ? (const NUMBER *)o->z + row.sample * o->z_step[0] + row.output[0] * o->z_step[1] +
                                     row.output[1] * o->z_step[2] + first
                               : 0;
        NUMBER *y = (NUMBER *)o->y + row.sample * o->y_step[0] + row.output[0] * o->y_step[1] +
                    row.output[1] * o->y_step[2] + first;
        for (int64_t cell = 0; cell < cells; cell++, x += o->x_step[3], y += o->y_step[3]) {
            functions[o->option[0]](o, x, z, scale ? scale + first : 0, bias ? bias + first : 0, y, count);
            if (z) z += o->z_step[3];
        }
    }
}
