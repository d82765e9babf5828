/* All kernels at one level, for float and for double, and the level's table. Included by the files level_*.c, which
   define LEVEL, VECTOR_BYTES and TILE_ROWS and say for what instructions the functions here are compiled. */

#define NUMBER float
#define INTEGER int32_t
#define SUFFIX ps
#include "kernels_of_number.h"
#undef NUMBER
#undef INTEGER
#undef SUFFIX

#define NUMBER double
#define INTEGER int64_t
#define SUFFIX pd
#include "kernels_of_number.h"
#undef NUMBER
#undef INTEGER
#undef SUFFIX

#define TABLE_JOIN_4(a, b, c, d) a##_##b##_##c##_##d
#define TABLE_JOIN(a, b, c, d) TABLE_JOIN_4(a, b, c, d)
#define FLOAT_KERNEL(name)                                                       \
    [kind_##name] = {TABLE_JOIN(name, parts, float, LEVEL),                      \
                     TABLE_JOIN(name, scratch, float, LEVEL), TABLE_JOIN(name, run, float, LEVEL)},
#define DOUBLE_KERNEL(name)                                                      \
    [kind_##name] = {TABLE_JOIN(name, parts, double, LEVEL),                     \
                     TABLE_JOIN(name, scratch, double, LEVEL), TABLE_JOIN(name, run, double, LEVEL)},
#define LEVEL_STRING_2(level) #level
#define LEVEL_STRING(level) LEVEL_STRING_2(level)
#define LEVEL_TABLE                                                              \
    {                                                                            \
        LEVEL_STRING(LEVEL), is_supported,                                       \
            {2 * VECTOR_BYTES / sizeof(float), 2 * VECTOR_BYTES / sizeof(double)}, \
            {{KERNELS(FLOAT_KERNEL)}, {KERNELS(DOUBLE_KERNEL)}},                 \
    }
