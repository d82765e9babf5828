/* What becomes of a sum of products before it is stored: y = activation(clip(sum · scale + bias + residual)). */

/* The epilogue of an operation, read once: after each store the compiler would have to read the record again. */
#define ending NAME(ending)
typedef struct {
    vector low, high, alpha;
    int64_t activation;
    const NUMBER *scale, *bias;       /* of the first filter at hand, or null */
} ending;

#define ending_of NAME(ending_of) /* `filter` counts in whole blocks */
INLINE ending ending_of(const operation *o, int64_t filter) {
    return (ending){all_of((NUMBER)o->low), all_of((NUMBER)o->high), all_of((NUMBER)o->alpha), o->activation,
                    o->scale ? (const NUMBER *)o->scale + filter : 0, o->bias ? (const NUMBER *)o->bias + filter : 0};
}

/* Return what becomes of a vector of sums of the filters from `first` on; `count` of them are ours. The residual, or null,
   is at the first of them. */
#define end_with NAME(end_with)
INLINE vector end_with(vector sum, ending e, const int first, const NUMBER *residual, int64_t count) {
    if (e.scale) sum *= load(e.scale + first);
    if (e.bias) sum += load(e.bias + first);
    if (residual) sum += load_up_to(residual, count);
    sum = smallest(e.high, largest(e.low, sum));
    const vector none = {0};
    switch (e.activation) {
    case activation_leaky:
        return largest(none, sum) + e.alpha * smallest(none, sum);
    case activation_hard_sigmoid:
        return smallest(all_of(6), largest(none, sum + 3)) / 6;
    case activation_hard_silu:
        return sum * (smallest(all_of(6), largest(none, sum + 3)) / 6);
    }
    return sum;
}

/* The same with the record itself, where there are few vectors. */
#define finish NAME(finish)
INLINE vector finish(vector sum, const operation *o, const NUMBER *scale, const NUMBER *bias, const NUMBER *residual,
                     int64_t count) {
    ending e = ending_of(o, 0);
    e.scale = scale, e.bias = bias;
    return end_with(sum, e, 0, residual, count);
}
