#include "probe/crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { CREW_MAX = 256 };

/* Looks at the job number so often before sleeping, some 20 µs: kernels follow one another closely
 * while a sample is taken, and nothing is burnt between samples. */
enum { LOOKS = 4000 };

struct hg_crew {
    pthread_mutex_t lock;
    pthread_cond_t news;
    atomic_uint number; /* of the job, from 1 */
    atomic_int unfinished;
    atomic_bool over;
    hg_crew_job job;
    void *ctx;
    int threads;
    struct member {
        hg_crew *crew;
        int part;
        pthread_t id;
    } member[CREW_MAX];
};

static unsigned wait_for_news(hg_crew *c, unsigned seen)
{
    for (int i = 0; i < LOOKS; i++)
        if (atomic_load_explicit(&c->number, memory_order_acquire) != seen)
            return atomic_load(&c->number);
    pthread_mutex_lock(&c->lock);
    while (atomic_load(&c->number) == seen)
        pthread_cond_wait(&c->news, &c->lock);
    pthread_mutex_unlock(&c->lock);
    return atomic_load(&c->number);
}

static void *work(void *arg)
{
    struct member *m = arg;
    hg_crew *c = m->crew;
    for (unsigned seen = 0;;) {
        seen = wait_for_news(c, seen);
        if (atomic_load(&c->over))
            return NULL;
        c->job(c->ctx, m->part, c->threads);
        atomic_fetch_sub_explicit(&c->unfinished, 1, memory_order_release);
    }
}

static void announce(hg_crew *c)
{
    pthread_mutex_lock(&c->lock);
    atomic_fetch_add(&c->number, 1);
    pthread_cond_broadcast(&c->news);
    pthread_mutex_unlock(&c->lock);
}

hg_crew *hg_crew_open(int threads)
{
    hg_crew *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->news, NULL);
    c->threads = 1;
    for (int i = 1; i < threads && i < CREW_MAX; i++) {
        c->member[i] = (struct member){ .crew = c, .part = i };
        if (pthread_create(&c->member[i].id, NULL, work, &c->member[i]) != 0) {
            hg_crew_close(c);
            return NULL;
        }
        c->threads++;
    }
    return c;
}

void hg_crew_run(hg_crew *c, hg_crew_job job, void *ctx)
{
    c->job = job;
    c->ctx = ctx;
    atomic_store(&c->unfinished, c->threads - 1);
    if (c->threads > 1)
        announce(c);
    job(ctx, 0, c->threads);
    for (int i = 0; atomic_load_explicit(&c->unfinished, memory_order_acquire) > 0; i++)
        if (i > LOOKS)
            sched_yield();
}

int hg_crew_threads(const hg_crew *c)
{
    return c->threads;
}

void hg_crew_close(hg_crew *c)
{
    atomic_store(&c->over, true);
    announce(c);
    for (int i = 1; i < c->threads; i++)
        pthread_join(c->member[i].id, NULL);
    pthread_cond_destroy(&c->news);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
