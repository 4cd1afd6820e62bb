#include "spec/workload.h"

#include "base/stat.h"

#include <math.h>

static hg_length_stats lengths(hg_arena scratch, const hg_workload *w, bool output)
{
    double *x = HG_NEW(&scratch, double, w->count);
    for (size_t i = 0; i < w->count; i++)
        x[i] = output ? w->requests[i].osl : w->requests[i].isl;
    hg_length_stats s = { .mean = hg_mean(x, w->count) };
    hg_sort(x, w->count);
    s.p50 = hg_percentile(x, w->count, 0.5);
    s.p90 = hg_percentile(x, w->count, 0.9);
    s.p99 = hg_percentile(x, w->count, 0.99);
    s.max = x[w->count - 1];
    return s;
}

static double burstiness(const hg_workload *w)
{
    size_t gaps = w->count - 1;
    double mean = w->requests[gaps].arrival_s / (double)gaps, sum = 0;
    for (size_t i = 0; i < gaps; i++) {
        double d = w->requests[i + 1].arrival_s - w->requests[i].arrival_s - mean;
        sum += d * d;
    }
    return mean * mean / (sum / (double)gaps);
}

/* Distinct block ids as small numbers, in order of first use: a hash table of open addressing. */
static size_t number_blocks(hg_arena *arena, const hg_workload *w, size_t total, uint32_t *number)
{
    size_t slots = 16, distinct = 0, at = 0;
    while (slots < 2 * total)
        slots *= 2;
    uint32_t *table = HG_NEW(arena, uint32_t, slots);
    int64_t *ids = HG_NEW(arena, int64_t, total);
    for (size_t i = 0; i < w->count; i++)
        for (uint32_t k = 0; k < w->requests[i].hash_count; k++) {
            int64_t id = w->hashes[w->requests[i].hash_first + k];
            size_t slot = (uint64_t)id * 0x9e3779b97f4a7c15u >> 20 & (slots - 1);
            while (table[slot] && ids[table[slot] - 1] != id)
                slot = (slot + 1) & (slots - 1);
            if (!table[slot]) {
                ids[distinct] = id;
                table[slot] = (uint32_t)++distinct;
            }
            number[at++] = table[slot] - 1;
        }
    return distinct;
}

/* A cache of blocks, least recently used out first, as a doubly linked list; block numbers are
 * places.  Index `distinct` is the list's two ends. */
typedef struct lru {
    uint32_t *prev, *next;
    bool *present;
    uint32_t end;
    size_t count, limit;
} lru;

static void unlink_block(lru *c, uint32_t b)
{
    c->next[c->prev[b]] = c->next[b];
    c->prev[c->next[b]] = c->prev[b];
}

static void make_newest(lru *c, uint32_t b)
{
    c->prev[b] = c->prev[c->end];
    c->next[b] = c->end;
    c->next[c->prev[c->end]] = b;
    c->prev[c->end] = b;
}

static void use(lru *c, uint32_t b)
{
    if (c->present[b]) {
        unlink_block(c, b);
    } else if (c->count == c->limit) {
        uint32_t oldest = c->next[c->end];
        unlink_block(c, oldest);
        c->present[oldest] = false;
    } else {
        c->count++;
    }
    c->present[b] = true;
    make_newest(c, b);
}

/* Every request looks its blocks up in order until the first miss, then uses all of them. */
static double hit_frac(hg_arena scratch, const hg_workload *w, const uint32_t *number,
                       size_t distinct, size_t total, size_t limit)
{
    lru c = { .prev = HG_NEW(&scratch, uint32_t, distinct + 1),
              .next = HG_NEW(&scratch, uint32_t, distinct + 1),
              .present = HG_NEW(&scratch, bool, distinct), .end = (uint32_t)distinct, .limit = limit };
    c.prev[distinct] = c.next[distinct] = (uint32_t)distinct;
    size_t hits = 0;
    for (size_t i = 0; i < w->count; number += w->requests[i++].hash_count) {
        uint32_t n = w->requests[i].hash_count, k = 0;
        while (k < n && c.present[number[k]])
            k++;
        hits += k;
        for (k = 0; k < n; k++)
            use(&c, number[k]);
    }
    return (double)hits / (double)total;
}

static void prefixes(hg_arena scratch, const hg_workload *w, hg_workload_stats *s)
{
    static const int64_t sizes[HG_LRU_SIZES] = { 1000, 10000, 50000 };
    size_t total = 0;
    for (size_t i = 0; i < w->count; i++)
        total += w->requests[i].hash_count;
    if (total == 0)
        return;
    uint32_t *number = HG_NEW(&scratch, uint32_t, total);
    size_t distinct = number_blocks(&scratch, w, total, number);
    s->prefix_block_tokens = w->hash_block_tokens;
    s->infinite_hit_frac = hit_frac(scratch, w, number, distinct, total, distinct);
    for (int i = 0; i < HG_LRU_SIZES; i++) {
        s->lru[i].blocks = sizes[i];
        s->lru[i].hit_frac = hit_frac(scratch, w, number, distinct, total, (size_t)sizes[i]);
    }
}

hg_workload_stats hg_workload_describe(hg_arena scratch, const hg_workload *w)
{
    bool gaps = w->timed && w->count > 1 && w->requests[w->count - 1].arrival_s > 0;
    double duration_s = w->timed ? w->requests[w->count - 1].arrival_s : NAN;
    hg_workload_stats s = { .requests = w->count, .duration_s = duration_s,
                            .rate_per_s = gaps ? (double)w->count / duration_s : NAN,
                            .burstiness = gaps ? burstiness(w) : NAN,
                            .isl = lengths(scratch, w, false), .osl = lengths(scratch, w, true) };
    prefixes(scratch, w, &s);
    return s;
}
