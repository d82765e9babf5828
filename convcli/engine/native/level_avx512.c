/* The kernels for AVX-512 as Skylake-X and Zen 4 have it. Nothing here may run before `is_supported` has said yes. */
#include "operation.h"
#include "system.h"
#include "windows.h"

#if defined(__x86_64__)

static int is_supported(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")
#endif

#define LEVEL avx512
#define VECTOR_BYTES 64
#define TILE_ROWS 14
#include "kernels.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const level level_avx512 = LEVEL_TABLE;

#endif
