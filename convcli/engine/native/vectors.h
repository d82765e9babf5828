/* Vectors of one number type at one level. No `#pragma once`: `kernels.h` includes it for float and again for double.

   GCC and Clang have operators for their vector types, so that kernels read alike at every level; only what has no
   operator is spelled for each. Every name ends in the number type and the level: NAME(load) is load_float_avx2. */
#define JOIN_3(a, b, c) a##_##b##_##c
#define JOIN(a, b, c) JOIN_3(a, b, c)
#define NAME(name) JOIN(name, NUMBER, LEVEL)
#define LANES (VECTOR_BYTES / (int)sizeof(NUMBER))
#define BLOCK (2 * LANES) /* filters in a block of weights: two vectors */
#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("GCC unroll 16")

#define vector NAME(vector)
typedef NUMBER vector __attribute__((vector_size(VECTOR_BYTES)));
typedef NUMBER NAME(anywhere) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(NUMBER)), may_alias));

#define load NAME(load)
INLINE vector load(const NUMBER *at) { return *(const NAME(anywhere) *)at; }

#define store NAME(store)
INLINE void store(NUMBER *at, vector v) { *(NAME(anywhere) *)at = v; }

#define all_of NAME(all_of) /* a vector of one number */
INLINE vector all_of(NUMBER a) { return a - (vector){0}; }

/* The lanes of a vector in another order: lane i becomes lane order[i]. */
typedef INTEGER NAME(lanes) __attribute__((vector_size(VECTOR_BYTES)));
#define permuted NAME(permuted)
INLINE vector permuted(vector v, NAME(lanes) order) {
#if defined(__clang__)
    vector result;
    for (int lane = 0; lane < LANES; lane++) result[lane] = v[order[lane]];
    return result;
#else
    return __builtin_shuffle(v, order);
#endif
}

#define largest NAME(largest) /* a where a > b, else b: where one is not a number, b */
#define smallest NAME(smallest)
#if VECTOR_BYTES == 64
INLINE vector largest(vector a, vector b) { return JOIN(_mm512, max, SUFFIX)(a, b); }
INLINE vector smallest(vector a, vector b) { return JOIN(_mm512, min, SUFFIX)(a, b); }
#elif VECTOR_BYTES == 32
INLINE vector largest(vector a, vector b) { return JOIN(_mm256, max, SUFFIX)(a, b); }
INLINE vector smallest(vector a, vector b) { return JOIN(_mm256, min, SUFFIX)(a, b); }
#elif defined(__SSE2__)
INLINE vector largest(vector a, vector b) { return JOIN(_mm, max, SUFFIX)(a, b); }
INLINE vector smallest(vector a, vector b) { return JOIN(_mm, min, SUFFIX)(a, b); }
#else
typedef INTEGER NAME(bits) __attribute__((vector_size(VECTOR_BYTES)));
#define choose NAME(choose)
INLINE vector choose(NAME(bits) which, vector a, vector b) {
    return (vector)((which & (NAME(bits))a) | (~which & (NAME(bits))b));
}
INLINE vector largest(vector a, vector b) { return choose(a > b, a, b); }
INLINE vector smallest(vector a, vector b) { return choose(a < b, a, b); }
#undef choose
#endif

/* The same as NumPy has it: not a number where either is not. */
#define maximum NAME(maximum)
#define minimum NAME(minimum)
#if VECTOR_BYTES == 64
#define IS_NUMBER(a) JOIN(_mm512_cmp, SUFFIX, mask)(a, a, _CMP_ORD_Q)
INLINE vector maximum(vector a, vector b) { return JOIN(_mm512_mask, max, SUFFIX)(a, IS_NUMBER(a), a, b); }
INLINE vector minimum(vector a, vector b) { return JOIN(_mm512_mask, min, SUFFIX)(a, IS_NUMBER(a), a, b); }
#else
#define number_or NAME(number_or) /* b where a is a number, else a */
#if VECTOR_BYTES == 32
INLINE vector number_or(vector a, vector b) {
    return JOIN(_mm256, blendv, SUFFIX)(a, b, JOIN(_mm256, cmp, SUFFIX)(a, a, _CMP_ORD_Q));
}
#elif defined(__SSE2__)
INLINE vector number_or(vector a, vector b) {
    vector is_number = JOIN(_mm, cmpord, SUFFIX)(a, a);
    return JOIN(_mm, or, SUFFIX)(JOIN(_mm, and, SUFFIX)(is_number, b), JOIN(_mm, andnot, SUFFIX)(is_number, a));
}
#else
INLINE vector number_or(vector a, vector b) {
    NAME(lanes) is_number = a == a;
    return (vector)((is_number & (NAME(lanes))b) | (~is_number & (NAME(lanes))a));
}
#endif
INLINE vector maximum(vector a, vector b) { return number_or(a, largest(a, b)); }
INLINE vector minimum(vector a, vector b) { return number_or(a, smallest(a, b)); }
#endif

/* The first `count` numbers of a vector, 0 < count < LANES; what is loaded beyond them is 0, and nothing is stored. */
#define load_some NAME(load_some)
#define store_some NAME(store_some)
#if VECTOR_BYTES == 64
INLINE vector load_some(const NUMBER *at, int64_t count) {
    return JOIN(_mm512_maskz, loadu, SUFFIX)((1u << count) - 1, at);
}
INLINE void store_some(NUMBER *at, vector v, int64_t count) {
    JOIN(_mm512_mask, storeu, SUFFIX)(at, (1u << count) - 1, v);
}
#elif VECTOR_BYTES == 32
static const INTEGER NAME(masks)[16] = {-1, -1, -1, -1, -1, -1, -1, -1}; /* the first `count` lanes, from 8 - count on */
#define LANES_BEFORE(count) (*(const __m256i_u *)(NAME(masks) + 8 - (count)))
INLINE vector load_some(const NUMBER *at, int64_t count) {
    return JOIN(_mm256, maskload, SUFFIX)(at, LANES_BEFORE(count));
}
INLINE void store_some(NUMBER *at, vector v, int64_t count) {
    JOIN(_mm256, maskstore, SUFFIX)(at, LANES_BEFORE(count), v);
}
#else
INLINE vector load_some(const NUMBER *at, int64_t count) {
    vector v = {0};
    for (int64_t lane = 0; lane < count; lane++) v[lane] = at[lane];
    return v;
}
INLINE void store_some(NUMBER *at, vector v, int64_t count) {
    for (int64_t lane = 0; lane < count; lane++) at[lane] = v[lane];
}
#endif

/* The same with any count: nothing for 0 or less, the whole vector for LANES or more. */
#define load_up_to NAME(load_up_to)
INLINE vector load_up_to(const NUMBER *at, int64_t count) {
    return count >= LANES ? load(at) : count > 0 ? load_some(at, count) : (vector){0};
}
#define store_up_to NAME(store_up_to)
INLINE void store_up_to(NUMBER *at, vector v, int64_t count) {
    if (count >= LANES)
        store(at, v);
    else if (count > 0)
        store_some(at, v, count);
}

/* The sum of the numbers of a vector. */
#define sum_of NAME(sum_of)
INLINE NUMBER sum_of(vector v) {
#if VECTOR_BYTES == 64
    return JOIN(_mm512, reduce_add, SUFFIX)(v);
#else
    NUMBER sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += v[lane];
    return sum;
#endif
}
