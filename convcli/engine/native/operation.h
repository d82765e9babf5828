/* The record of one operation, and what a kernel is. Python fills the records; `thread_pool.c` runs them in order.

   `OPERATION_FIELDS` is the one list of the fields: Python reads it through `module.c` and makes its NumPy type of it.
   Space has three axes (depth, rows, columns); an operation on fewer has leading axes of extent 1. Arrays hold numbers
   (float or double); steps are counted in numbers, and neighbouring channels are neighbours in memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* field(C type, name, count, NumPy type) */
#define OPERATION_FIELDS(field)                                                                          \
    field(int64_t, kind, 1, "i8")        /* which kernel: enum kind */                                     \
    field(int64_t, is_double, 1, "i8")   /* 0: float, 1: double */                                         \
    field(char *, x, 1, "u8")            /* the input */                                                   \
    field(char *, y, 1, "u8")            /* the output */                                                  \
    field(char *, residual, 1, "u8")     /* added to the sums, laid out as y; or null */                   \
    field(char *, z, 1, "u8")            /* a second input, of joins; or null */                           \
    field(char *, weights, 1, "u8")      /* as the kernel wants them */                                    \
    field(char *, scale, 1, "u8")        /* (filters,), padded to whole blocks; or null */                 \
    field(char *, bias, 1, "u8")         /* the same */                                                    \
    field(char *, skip, 1, "u8")         /* (samples,) of int64: a sample with a 1 is left out; or null */ \
    field(char *, measures, 1, "u8")     /* (samples, 2) of float, see winograd.h; or null */              \
    field(int64_t, samples, 1, "i8")                                                                      \
    field(int64_t, groups, 1, "i8")                                                                       \
    field(int64_t, channels, 1, "i8")    /* of the input, in a group */                                    \
    field(int64_t, filters, 1, "i8")     /* in a group */                                                  \
    field(int64_t, extent, 3, "i8")      /* of the input in space */                                       \
    field(int64_t, positions, 3, "i8")   /* of the window: the output in space */                          \
    field(int64_t, size, 3, "i8")        /* of the window */                                               \
    field(int64_t, stride, 3, "i8")                                                                       \
    field(int64_t, dilation, 3, "i8")                                                                     \
    field(int64_t, before, 3, "i8")      /* cells of padding before each axis; negative: cropped */        \
    field(int64_t, x_step, 4, "i8")      /* between samples, planes, rows, cells of the input */           \
    field(int64_t, y_step, 4, "i8")      /* the same of the output */                                      \
    field(int64_t, z_step, 4, "i8")      /* the same of the second input */                                \
    field(int64_t, activation, 1, "i8")  /* enum activation, after the clip */                             \
    field(int64_t, option, 4, "i8")      /* what only one kernel knows; its header says what */            \
    field(double, low, 1, "f8")          /* results are clipped to low … high; NaN stays */                \
    field(double, high, 1, "f8")                                                                          \
    field(double, alpha, 1, "f8")        /* parameter of the activation */                                 \
    field(double, number, 4, "f8")       /* what only one kernel knows */

#define FIELD_DECLARATION_1(type, name, count) type name;
#define FIELD_DECLARATION_3(type, name, count) type name[count];
#define FIELD_DECLARATION_4(type, name, count) type name[count];
#define FIELD_DECLARATION(type, name, count, format) FIELD_DECLARATION_##count(type, name, count)
typedef struct {
    OPERATION_FIELDS(FIELD_DECLARATION)
} operation;

/* Every kernel: its name here is its number in a record, and `kernel_NAME` in the level's table. */
#define KERNELS(kernel) \
    kernel(convolution) \
    kernel(grouped) \
    kernel(image) \
    kernel(pooling) \
    kernel(join) \
    kernel(winograd) \
    kernel(judgement)

#define KIND(name) kind_##name,
enum kind { KERNELS(KIND) kind_count };
#undef KIND

/* How a join makes one number of two. */
enum join { join_nothing, join_sum, join_mean, join_product, join_maximum, join_minimum };

/* What follows the clip; see epilogue.h. */
#define ACTIVATIONS(activation) activation(none) activation(leaky) activation(hard_sigmoid) activation(hard_silu)
#define ACTIVATION(name) activation_##name,
enum activation { ACTIVATIONS(ACTIVATION) activation_count };
#undef ACTIVATION

/* A kernel computes an operation in independent parts, each by one thread. Parts depend on the operation alone and write
   to places of their own, so that any number of threads gives the same bits. */
typedef struct {
    int64_t (*parts)(const operation *);                                /* how many parts there are */
    size_t (*scratch)(const operation *);                               /* bytes of memory that a thread needs beside */
    void (*run)(const operation *, int64_t part, void *scratch);        /* scratch: undefined, on a cache line */
} kernel;

/* An instruction level: what kernels are compiled for it, and how many floats fill a block of filters. */
typedef struct {
    const char *name;
    int (*is_supported)(void);
    int64_t block[2];                                                   /* filters in a block: of float, of double */
    kernel kernels[2][kind_count];
} level;

extern const level level_baseline, level_avx2, level_avx512;
