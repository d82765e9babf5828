/* Threads that share the parts of a program's operations.

   All threads walk the operations together. One atomic number, the ticket, holds the current operation and its next
   part; whoever adds 1 to it has taken a part. The thread that finishes the last part of an operation moves the ticket
   to the next one. So nobody waits for a helper that is still waking up, and the caller does all the work alone where no
   helper comes. Helpers look for work for a short while, then sleep. */
#include "thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#define MOST_HELPERS 255
#define TICK_NANOSECONDS 40000000  /* Ctrl-C is noticed so often, and progress shown */
#define SPINS 50000                /* of a thread that waits for others, before it yields its processor: most of 1 ms */
#define IDLE_NANOSECONDS 50000     /* that a helper looks for more work before it sleeps */

typedef struct {
    program program;
    _Atomic uint64_t ticket;       /* index of the operation · 2³² + next part */
    _Atomic int64_t done;          /* parts of that operation */
    _Atomic int cancelled;
    int64_t start;
} running;

static struct {
    pthread_mutex_t lock;          /* guards all that follows */
    pthread_cond_t wake;
    int helpers, sleeping;
    int busy;                      /* a program has the helpers */
    running *current;
    _Atomic uint64_t generation;   /* counts programs; helpers watch it without the lock */
    _Atomic int active;            /* helpers at work on `current` */
} pool = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0, 0, 0};

int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * (int64_t)1000000000 + now.tv_nsec;
}

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Move on from an operation whose parts are all done. */
static void advance(running *run, int64_t index) {
    const program *program = &run->program;
    do {
        if (program->finished) program->finished[index] = nanoseconds() - run->start;
        index++;
    } while (index < program->count && program->parts[index] == 0);
    atomic_store_explicit(&run->done, 0, memory_order_relaxed);
    atomic_store_explicit(&run->ticket, (uint64_t)index << 32, memory_order_release);
}

static void run_part(running *run, int64_t index, int64_t part, int thread) {
    const program *program = &run->program;
    const operation *operation = &program->operations[index];
    if (!atomic_load_explicit(&run->cancelled, memory_order_relaxed))
        program->level->kernels[operation->is_double != 0][operation->kind].run(
            operation, part, program->scratch + (size_t)thread * program->scratch_size);
    if (atomic_fetch_add_explicit(&run->done, 1, memory_order_acq_rel) + 1 == program->parts[index]) advance(run, index);
}

/* Let the caller look at signals and progress, if it is time. */
static void tick(running *run, int64_t *last, int64_t index, double share) {
    int64_t now = nanoseconds();
    if (now - *last < TICK_NANOSECONDS) return;
    if (run->program.tick(run->program.tick_argument, index, share))
        atomic_store_explicit(&run->cancelled, 1, memory_order_relaxed);
    *last = nanoseconds();
}

/* Take parts until no operation is left. Thread 0 is the caller's. */
static void work(running *run, int thread) {
    const program *program = &run->program;
    int64_t last = run->start;
    for (int spins = 0;;) {
        uint64_t ticket = atomic_load_explicit(&run->ticket, memory_order_acquire);
        int64_t index = (int64_t)(ticket >> 32), part = (int64_t)(uint32_t)ticket;
        if (index >= program->count) return;
        if (part < program->parts[index]) {
            ticket = atomic_fetch_add_explicit(&run->ticket, 1, memory_order_acq_rel);
            index = (int64_t)(ticket >> 32), part = (int64_t)(uint32_t)ticket;
            if (index >= program->count) return;
            if (part < program->parts[index]) run_part(run, index, part, thread), spins = 0;
        } else if (++spins < SPINS) {
            pause_briefly();
        } else {
            sched_yield();
        }
        if (thread == 0 && program->tick) tick(run, &last, index, (double)part / (double)(program->parts[index] + 1));
    }
}

/* Wait for a program that this helper may join, and count the helper as active. */
static running *next_program(int helper, uint64_t *seen) {
    int64_t idle_since = nanoseconds();
    while (atomic_load_explicit(&pool.generation, memory_order_acquire) == *seen &&
           nanoseconds() - idle_since < IDLE_NANOSECONDS)
        pause_briefly();
    pthread_mutex_lock(&pool.lock);
    while (atomic_load(&pool.generation) == *seen) {
        pool.sleeping++;
        pthread_cond_wait(&pool.wake, &pool.lock);
        pool.sleeping--;
    }
    *seen = atomic_load(&pool.generation);
    running *run = pool.current;
    if (run && helper < run->program.threads)
        atomic_fetch_add(&pool.active, 1);
    else
        run = 0;
    pthread_mutex_unlock(&pool.lock);
    return run;
}

static void *help(void *number) {
    uint64_t seen = 0;
    for (;;) {
        running *run = next_program((int)(intptr_t)number, &seen);
        if (!run) continue;
        work(run, (int)(intptr_t)number);
        atomic_fetch_sub_explicit(&pool.active, 1, memory_order_release);
    }
    return 0;
}

static void forget_helpers(void) { /* a forked child has none */
    pthread_mutex_init(&pool.lock, 0);
    pthread_cond_init(&pool.wake, 0);
    pool.helpers = pool.sleeping = pool.busy = 0;
    pool.current = 0;
    atomic_store(&pool.generation, 0);
    atomic_store(&pool.active, 0);
}

/* Start helpers until there are so many, as far as the system allows. They leave all signals to other threads. */
static void start_helpers(int count) {
    static int prepared = 0;
    if (!prepared) prepared = 1, pthread_atfork(0, 0, forget_helpers);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool.helpers < count && pool.helpers < MOST_HELPERS) {
        pthread_t thread;
        if (pthread_create(&thread, 0, help, (void *)(intptr_t)(pool.helpers + 1))) break;
        pthread_detach(thread);
        pool.helpers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, 0);
}

/* Give a program to the helpers, unless another program has them. */
static int call_helpers(running *run) {
    pthread_mutex_lock(&pool.lock);
    int available = !pool.busy;
    if (available) {
        pool.busy = 1;
        start_helpers(run->program.threads - 1);
        pool.current = run;
        atomic_fetch_add_explicit(&pool.generation, 1, memory_order_release);
        if (pool.sleeping) pthread_cond_broadcast(&pool.wake);
    }
    pthread_mutex_unlock(&pool.lock);
    return available;
}

/* Take the program back; return when no helper looks at it any more. */
static void dismiss_helpers(void) {
    pthread_mutex_lock(&pool.lock);
    pool.current = 0;
    pthread_mutex_unlock(&pool.lock);
    while (atomic_load_explicit(&pool.active, memory_order_acquire)) pause_briefly();
    pthread_mutex_lock(&pool.lock);
    pool.busy = 0;
    pthread_mutex_unlock(&pool.lock);
}

int run_program(const program *program) {
    running run = {.program = *program, .start = nanoseconds()};
    int64_t first = 0, parts = 0;
    for (int64_t index = 0; index < program->count; index++) {
        if (first == index && program->parts[index] == 0) first++;
        if (program->parts[index] > parts) parts = program->parts[index];
    }
    atomic_store(&run.ticket, (uint64_t)first << 32);
    int shared = program->threads > 1 && parts > 1 && call_helpers(&run);
    work(&run, 0);
    if (shared) dismiss_helpers();
    return atomic_load(&run.cancelled);
}
