/* Threads that share the parts of a program's operations. */
#pragma once

#include "operation.h"

typedef struct {
    const level *level;
    const operation *operations;
    int64_t count;
    int64_t *parts;                                  /* of each operation */
    int threads;                                     /* that may work, this one included */
    char *scratch;                                   /* threads × scratch_size bytes */
    size_t scratch_size;
    int64_t *finished;                               /* nanoseconds from the start to each operation's end; or null */
    int (*tick)(void *, int64_t index, double share); /* called now and then by this thread; true ends the run; or null */
    void *tick_argument;
} program;

/* Run all operations in order. Return 1 where `tick` has ended the run before its end, else 0. */
int run_program(const program *);

/* Return the nanoseconds of a clock that only moves forward. */
int64_t nanoseconds(void);
