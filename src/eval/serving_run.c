/* Predicting a serving run: the very closed loop that was measured, simulated. */
#include "eval/serving.h"

#include "base/num.h"
#include "base/pool.h"

#include <math.h>

/* Speculative decoding as a loop of steps that make `accepted_tokens` each: outputs are so much shorter,
 * contexts grow so much faster, and a KV block holds so much fewer simulated tokens. */
static void speculate(const hg_serving_case *c, hg_workload *w, hg_candidate *candidate, hg_step_oracle *o)
{
    double made = c->launch.accepted_tokens;
    if (!(made > 1) || c->osl == 1)
        return;
    for (size_t i = 0; i < w->count; i++)
        w->requests[i].osl = (int32_t)fmax(2, round(1 + (w->requests[i].osl - 1) / made));
    o->stretch = made;
    o->prompt = (1 + c->launch.length_range) / 2 * (double)c->isl;
    double isl = (double)c->isl, osl = (double)c->osl;
    candidate->memory.kv_blocks = (int64_t)((double)candidate->memory.kv_blocks * (isl + osl / made) / (isl + osl));
}

/* Of a few prompts in turn: what the engine's prefix cache holds of them is found again. */
static void repeat_prompts(hg_arena *arena, const hg_serving_case *c, hg_workload *w)
{
    int64_t prompts = c->launch.distinct_prompts, tokens = c->problem->engine.block_tokens, blocks = c->isl / tokens;
    if (prompts == 0 || !c->problem->engine.prefix_caching)
        return;
    int64_t *hashes = HG_NEW(arena, int64_t, prompts * blocks);
    for (int64_t i = 0; i < prompts * blocks; i++)
        hashes[i] = i;
    w->hashes = hashes;
    w->hash_block_tokens = (int32_t)tokens;
    for (size_t i = 0; i < w->count; i++) {
        w->requests[i].hash_first = (uint32_t)((int64_t)i % prompts * blocks);
        w->requests[i].hash_count = (uint32_t)(w->requests[i].isl / tokens);
    }
}

/* Prompts that begin alike: the cache of prefixes has that part once the first of them was computed. */
static void share_prefix(hg_arena *arena, const hg_serving_case *c, hg_workload *w)
{
    int64_t tokens = c->problem->engine.block_tokens, blocks = (int64_t)(c->launch.prefix_hit_frac * (double)c->isl) / tokens;
    if (blocks < 1)
        return;
    int64_t *hashes = HG_NEW(arena, int64_t, blocks);
    for (int64_t i = 0; i < blocks; i++)
        hashes[i] = i;
    w->hashes = hashes;
    w->hash_block_tokens = (int32_t)tokens;
    for (size_t i = 0; i < w->count; i++)
        w->requests[i].hash_count = (uint32_t)blocks;
}

/* Ranks that are alike need not all be simulated: of a wide engine one in `parts`, with as many fewer clients,
 * ranks and prefill engines. */
enum { RANKS_ENOUGH = 8 };

static bool divides(int64_t parts, const hg_serving_case *c)
{
    const hg_deployment *d = &c->candidate.deployment, *prefill = &c->prefill.deployment;
    return d->dp % parts == 0 && c->concurrency % parts == 0 &&
           (!c->disaggregated || prefill->replicas % parts == 0 || prefill->dp % parts == 0);
}

static int64_t parts_of(const hg_serving_case *c)
{
    int64_t parts = 1;
    if (c->candidate.step.meets && !c->whole)
        while (c->candidate.deployment.dp / (2 * parts) >= RANKS_ENOUGH && divides(2 * parts, c))
            parts *= 2;
    return parts;
}

static void thin(int64_t parts, const hg_serving_case *c, hg_sim_config *config, hg_prefill_pool *pool)
{
    config->replicas /= (int32_t)parts;
    config->ranks /= (int32_t)parts;
    config->request_serial_s *= (double)parts; /* each stands for so many */
    config->token_serial_s *= (double)parts;
    if (!c->disaggregated)
        return;
    pool->instances /= (int32_t)parts;
    if (c->prefill.deployment.replicas % parts != 0)
        pool->ranks /= (int32_t)parts;
}

typedef struct side { /* one pool, ready to step */
    hg_candidate candidate;
    hg_step_oracle oracle;
} side;

static bool ready(hg_arena *arena, const hg_problem *p, side *s)
{
    hg_err err;
    hg_candidate *c = &s->candidate;
    if (!hg_step_prepare(&c->model, &c->deployment, &p->engine, &p->rates, &c->step, &err))
        return false;
    s->oracle = hg_step_oracle_new(arena, &c->step, &c->deployment, NULL);
    return true;
}

static hg_oracle oracle_of(side *s)
{
    return (hg_oracle){ hg_step_oracle_seconds, &s->oracle };
}

static double at_once(void *ctx, const hg_batch *batch)
{
    (void)ctx, (void)batch;
    return 1e-9;
}

/* Prompts whose KV is there when they come: a pool that takes no time and has room for all. */
static hg_prefill_pool ideal_pool(const hg_serving_case *c)
{
    enum { BLOCK = 128 };
    int64_t blocks = (c->isl / BLOCK + 2) * c->concurrency;
    return (hg_prefill_pool){ .instances = 1, .oracle = { at_once, NULL },
                              .sched = { .max_num_seqs = c->concurrency, .max_num_batched_tokens = c->isl * c->concurrency,
                                         .kv_blocks = blocks, .block_tokens = BLOCK, .chunked_prefill = true } };
}

hg_serving_figures hg_serving_predict(hg_arena scratch, const hg_serving_case *c,
                                      const hg_overheads *overheads)
{
    static const hg_serving_figures none = { NAN, NAN, NAN, NAN };
    hg_problem p = *c->problem;
    side main = { c->candidate }, prefill = { c->prefill };
    hg_prefill_pool pool;
    hg_sim_result r;
    p.engine.overheads = *overheads;
    if (!ready(&scratch, &p, &main) || (c->disaggregated && !ready(&scratch, &p, &prefill)))
        return none;
    int64_t parts = parts_of(c), clients = c->concurrency / parts;
    int64_t warm_waves = c->client ? c->client->warm_waves : 0;
    size_t warmup = (size_t)(clients * hg_max_i64(c->launch.warmup_per_client, warm_waves));
    size_t requests = warmup + (size_t)(clients * c->launch.requests_per_client);
    hg_workload_synthetic(&scratch, (int32_t)c->isl, (int32_t)c->osl, c->launch.length_range, requests, 0,
                          &p.workload);
    repeat_prompts(&scratch, c, &p.workload);
    share_prefix(&scratch, c, &p.workload);
    main.candidate.deployment.prefix_caching = p.workload.hashes != NULL;
    p.workload.concurrency = clients;
    p.workload.load = HG_LOAD_CLOSED;
    speculate(c, &p.workload, &main.candidate, &main.oracle);
    hg_sim_config config = hg_sim_config_of(&p, &main.candidate, &(hg_run){ .load = HG_LOAD_CLOSED, .requests = requests },
                                            oracle_of(&main));
    config.client = c->client;
    config.request_serial_s = p.engine.overheads.request_serial_s; /* one front end, whatever is behind it */
    config.token_serial_s = p.engine.overheads.token_s;
    if (c->disaggregated) {
        pool = hg_prefill_pool_of(&p, &prefill.candidate, oracle_of(&prefill));
        config.prefill = &pool;
        config.scheduler = "receive";
    }
    if (main.oracle.stretch > 1)
        config.sched.draft_tokens = 0; /* `speculate` stands for them */
    if (c->decodes_only) {
        pool = ideal_pool(c);
        config.prefill = &pool;
        config.scheduler = "receive";
    }
    if (c->apart)
        config.ranks = 1;
    config.warmup_requests = warmup;
    thin(parts, c, &config, &pool);
    hg_sim_run(&scratch, &p.workload, &config, &r);
    return (hg_serving_figures){ r.latency[HG_TTFT].mean, c->osl == 1 ? 0 : r.latency[HG_TPOT].mean / main.oracle.stretch,
                                 r.output_tokens_per_s * (double)parts * main.oracle.stretch, r.busy_s / (double)r.steps };
}

enum { THREADS = 256 };

typedef struct crowd {
    hg_serving_way *way;
    const hg_serving_case *cases;
    const hg_overheads *const *overheads;
    hg_serving_figures *out;
    hg_arena arenas[THREADS];
} crowd;

static void predict_one(void *ctx, size_t i, int thread)
{
    crowd *c = ctx;
    c->out[i] = *c->cases[i].reason ? (hg_serving_figures){ NAN, NAN, NAN, NAN }
                                    : c->way(c->arenas[thread], &c->cases[i], c->overheads[i]);
}

void hg_serving_all(hg_serving_way *way, const hg_serving_case *cases, const hg_overheads *const *overheads, size_t n, int threads,
                    hg_serving_figures *out)
{
    crowd c = { .way = way, .cases = cases, .overheads = overheads, .out = out };
    if (threads < 1)
        threads = hg_processors();
    threads = (int)hg_min_i64(threads, THREADS);
    for (int t = 0; t < threads; t++)
        if (!hg_arena_open(&c.arenas[t], 0))
            threads = t;
    hg_parallel(n, threads, predict_one, &c);
    for (int t = 0; t < threads; t++)
        hg_arena_close(&c.arenas[t]);
}

void hg_serving_predict_all(const hg_serving_case *cases, const hg_overheads *const *overheads, size_t n,
                            int threads, hg_serving_figures *out)
{
    hg_serving_all(hg_serving_predict, cases, overheads, n, threads, out);
}
