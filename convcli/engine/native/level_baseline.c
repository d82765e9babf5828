/* The kernels for every machine: vectors of 16 bytes, which x86-64 (SSE2) and AArch64 (NEON) always have. */
#include "operation.h"
#include "system.h"
#include "windows.h"

#define LEVEL baseline
#define VECTOR_BYTES 16
#define TILE_ROWS 4
#include "kernels.h"

static int is_supported(void) { return 1; }

const level level_baseline = LEVEL_TABLE;
