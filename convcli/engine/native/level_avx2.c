/* The kernels for AVX2 with FMA. Nothing here may run before `is_supported` has said yes. */
#include "operation.h"
#include "system.h"
#include "windows.h"

#if defined(__x86_64__)

static int is_supported(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#define LEVEL avx2
#define VECTOR_BYTES 32
#define TILE_ROWS 6
#include "kernels.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const level level_avx2 = LEVEL_TABLE;

#endif
