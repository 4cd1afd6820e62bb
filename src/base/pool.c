#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { THREADS_MAX = 256 };

typedef struct pool {
    atomic_size_t next;
    size_t n;
    void (*work)(void *ctx, size_t i, int thread);
    void *ctx;
} pool;

typedef struct worker {
    pool *pool;
    int thread;
} worker;

static void *run(void *arg)
{
    worker *w = arg;
    for (size_t i; (i = atomic_fetch_add(&w->pool->next, 1)) < w->pool->n;)
        w->pool->work(w->pool->ctx, i, w->thread);
    return NULL;
}

int hg_processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (int)n;
}

void hg_parallel(size_t n, int threads, void (*work)(void *ctx, size_t i, int thread), void *ctx)
{
    pool p = { .n = n, .work = work, .ctx = ctx };
    worker workers[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    if (threads <= 0)
        threads = hg_processors();
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    int started = 0;
    for (int t = 1; t < threads && (size_t)t < n; t++) {
        workers[t] = (worker){ &p, t };
        if (pthread_create(&ids[started], NULL, run, &workers[t]) == 0)
            started++;
    }
    workers[0] = (worker){ &p, 0 };
    run(&workers[0]);
    for (int t = 0; t < started; t++)
        pthread_join(ids[t], NULL);
}
