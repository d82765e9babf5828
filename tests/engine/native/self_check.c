/* A program without Python that compares the kernels of a level with plain loops, on small whole numbers: for machines
   that have no Python, such as an emulated one. It prints a line for each kernel, and returns how many cases differ.

       cc -O2 -pthread -static -I convcli/engine/native self_check.c thread_pool.c level_*.c -lm && ./a.out */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "operation.h"
#include "thread_pool.h"

#define MOST 40000 /* numbers of an array */
static float x[MOST], y[MOST], expected[MOST], kernel_cells[MOST], packed[MOST];
static char scratch[1 << 22] __attribute__((aligned(64)));
static const level *checked;

static int any(int low, int high) { return low + rand() % (high - low + 1); }

/* Run one operation by two threads. */
static void run_one(const operation *o) {
    const kernel *kernel = &checked->kernels[0][o->kind];
    int64_t parts = kernel->parts(o);
    size_t size = (kernel->scratch(o) + 63) / 64 * 64;
    program program = {.level = checked, .operations = o, .count = 1, .parts = &parts, .threads = 2, .scratch = scratch,
                       .scratch_size = size};
    if (2 * size > sizeof scratch) exit(100);
    run_program(&program);
}

/* An operation on an input with no more than two axes, dense in memory. */
static operation random_operation(int kind, int groups, int channels, int filters, int most_stride, int dilation) {
    operation o;
    memset(&o, 0, sizeof o);
    o.kind = kind, o.samples = any(1, 2), o.groups = groups, o.channels = channels, o.filters = filters;
    o.low = -INFINITY, o.high = INFINITY;
    for (int axis = 0; axis < 3; axis++) {
        o.size[axis] = axis ? any(1, 4) : 1, o.stride[axis] = axis ? any(1, most_stride) : 1;
        o.dilation[axis] = axis ? any(1, dilation) : 1, o.before[axis] = axis ? any(-1, 3) : 0;
        int64_t window = (o.size[axis] - 1) * o.dilation[axis] + 1;
        o.positions[axis] = axis ? any(1, 12) : 1;
        o.extent[axis] = (o.positions[axis] - 1) * o.stride[axis] + window - o.before[axis] - any(0, 1) * (axis > 0);
        if (o.extent[axis] < 1) o.extent[axis] = 1;
    }
    o.x_step[3] = groups * channels, o.y_step[3] = groups * filters;
    for (int axis = 2; axis >= 0; axis--) {
        o.x_step[axis] = o.x_step[axis + 1] * o.extent[axis];
        o.y_step[axis] = o.y_step[axis + 1] * o.positions[axis];
    }
    o.x = (char *)x, o.y = (char *)y, o.weights = (char *)packed;
    for (int i = 0; i < MOST; i++) x[i] = (float)any(-4, 4), kernel_cells[i] = (float)any(-4, 4), y[i] = 1e30f;
    memset(packed, 0, sizeof packed);
    return o;
}

/* Pack (taps, channels, groups · filters) into vectors of so many filters; `whole` groups share a vector, or none. */
static void pack(const operation *o, int64_t width, int whole) {
    int64_t taps = o->size[1] * o->size[2], all = o->groups * o->filters, vector = 0;
    int64_t in_vector = whole ? width / o->filters * o->filters : width;
    for (int64_t group = 0; group < (whole ? 1 : o->groups); group++)
        for (int64_t first = 0; first < (whole ? all : o->filters); first += in_vector, vector++)
            for (int64_t row = 0; row < taps * o->channels; row++)
                for (int64_t i = 0; i < in_vector && first + i < (whole ? all : o->filters); i++)
                    packed[(vector * taps * o->channels + row) * width + i] =
                        kernel_cells[row * all + group * o->filters + first + i];
}

/* Compute what each output is, by `combine` of the input cells under the window. */
static void expect(const operation *o) {
    for (int64_t n = 0; n < o->samples; n++)
        for (int64_t row = 0; row < o->positions[1]; row++)
            for (int64_t column = 0; column < o->positions[2]; column++)
                for (int64_t filter = 0; filter < o->groups * o->filters; filter++) {
                    float sum = 0, most = -INFINITY;
                    for (int64_t i = 0; i < o->size[1]; i++)
                        for (int64_t j = 0; j < o->size[2]; j++) {
                            int64_t a = row * o->stride[1] - o->before[1] + i * o->dilation[1];
                            int64_t b = column * o->stride[2] - o->before[2] + j * o->dilation[2];
                            if (a < 0 || a >= o->extent[1] || b < 0 || b >= o->extent[2]) continue;
                            const float *cell = x + n * o->x_step[0] + a * o->x_step[2] + b * o->x_step[3];
                            for (int64_t c = 0; c < o->channels; c++) {
                                float value = cell[filter / o->filters * o->channels + c];
                                int64_t tap = (i * o->size[2] + j) * o->channels + c;
                                sum += value * kernel_cells[tap * o->groups * o->filters + filter];
                                most = value > most ? value : most;
                            }
                        }
                    expected[n * o->y_step[0] + row * o->y_step[2] + column * o->y_step[3] + filter] =
                        o->kind == kind_pooling ? most : sum;
                }
}

static int differs(const operation *o) {
    run_one(o);
    return memcmp(y, expected, (size_t)(o->samples * o->y_step[0]) * sizeof *y) != 0;
}

static int check(int kind, int turn) {
    int64_t block = checked->block[0], lanes = block / 2;
    operation o;
    switch (kind) {
    case kind_convolution:
        o = random_operation(kind, any(1, 2), any(1, 9), any(1, 40), 3, 3);
        pack(&o, block, 0);
        break;
    case kind_grouped: {
        int filters = any(1, (int)lanes), channels = turn % 2 ? 1 : any(1, filters);
        o = random_operation(kind, any(2, 9), channels, turn % 2 ? 1 : filters, 2, 2);
        pack(&o, lanes, 1);
        break;
    }
    case kind_image:
        o = random_operation(kind, 1, any(1, 3), any(1, 3), 1, 1);
        for (int64_t f = 0; f < o.filters; f++)
            for (int64_t c = 0; c < o.channels; c++)
                for (int64_t tap = 0; tap < o.size[1] * o.size[2]; tap++)
                    packed[(f * o.channels + c) * o.size[1] * o.size[2] + tap] =
                        kernel_cells[(tap * o.channels + c) * o.filters + f];
        break;
    case kind_pooling:
        o = random_operation(kind, any(1, 30), 1, 1, 3, 2);
        for (int i = 0; i < MOST; i++) packed[i] = 1;
        break;
    default:
        return 0;
    }
    expect(&o);
    return differs(&o);
}

int main(void) {
    const level *const levels[] = {
        &level_baseline,
#if defined(__x86_64__)
        &level_avx2, &level_avx512,
#endif
    };
    const struct {
        const char *name;
        int kind;
    } kernels[] = {{"convolution", kind_convolution}, {"grouped", kind_grouped}, {"image", kind_image},
                   {"pooling", kind_pooling}};
    int failures = 0;
    for (size_t i = 0; i < sizeof levels / sizeof *levels && levels[i]->is_supported(); i++)
        for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
            int differing = 0;
            checked = levels[i];
            for (int turn = 0; turn < 200; turn++) differing += check(kernels[k].kind, turn);
            printf("%s %s: %d of 200 differ\n", checked->name, kernels[k].name, differing);
            failures += differing;
        }
    return failures > 99 ? 99 : failures;
}
