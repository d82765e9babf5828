/* What becomes of a sum of products before it is stored: y = activation(clip(sum · scale + bias + residual)). */

#define finish NAME(finish) /* of a vector of sums; `scale` … may be null, and so may `residual`; `count` numbers are ours */
INLINE vector finish(vector sum, const operation *o, const NUMBER *scale, const NUMBER *bias, const NUMBER *residual,
                     int64_t count) {
    if (scale) sum *= load(scale);
    if (bias) sum += load(bias);
    if (residual) sum += load_up_to(residual, count);
    sum = smallest(all_of((NUMBER)o->high), largest(all_of((NUMBER)o->low), sum));
    switch (o->activation) {
    case activation_leaky:
        return largest(sum, (vector){0}) + all_of((NUMBER)o->alpha) * smallest(sum, (vector){0});
    case activation_hard_sigmoid:
        return smallest(all_of(1), largest((vector){0}, sum / 6 + (NUMBER)0.5));
    case activation_hard_silu:
        return sum * smallest(all_of(1), largest((vector){0}, sum / 6 + (NUMBER)0.5));
    }
    return sum;
}
