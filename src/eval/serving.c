#include "eval/serving.h"

#include "base/num.h"
#include "base/pool.h"
#include "base/text.h"
#include "eval/account.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct opened { /* (model, device, engine, version) made ready */
    const char *model, *device, *engine, *version;
    hg_problem problem;
    char reason[256];
} opened;

struct hg_serving_shelf {
    hg_arena *arena;
    const hg_data *data;
    const hg_launches *launches;
    const char *overlay; /* NULL: none */
    opened **problems;
    size_t count, capacity;
};

hg_serving_shelf *hg_serving_shelf_open(hg_arena *arena, const hg_data *data, hg_err *err)
{
    hg_serving_shelf *s = HG_NEW(arena, hg_serving_shelf, 1);
    *s = (hg_serving_shelf){ .arena = arena, .data = data,
                             .launches = hg_launches_open(arena, data, err) };
    return s->launches ? s : NULL;
}

void hg_serving_shelf_overlay(hg_serving_shelf *shelf, const char *path)
{
    shelf->overlay = path;
}

static bool open_parts(hg_serving_shelf *s, opened *o, hg_err *err)
{
    const char *note;
    hg_device device;
    hg_problem *p = &o->problem;
    return hg_model_find(s->arena, s->data, o->model, &p->model, &note, err) &&
           hg_engine_find(s->arena, s->data, o->engine, o->version, &p->engine, err) &&
           hg_device_find(s->arena, s->data, o->device, &device, err) &&
           hg_rates_open(s->arena, s->data, &device, o->engine, *o->version ? o->version : NULL,
                         &p->rates, &note, err) &&
           (!s->overlay || hg_rates_overlay(s->arena, &p->rates, s->overlay, err));
}

static const opened *open_problem(hg_serving_shelf *s, const hg_serving_row *row)
{
    for (size_t i = 0; i < s->count; i++) {
        const opened *o = s->problems[i];
        if (strcmp(o->model, row->model) == 0 && strcmp(o->device, row->device) == 0 &&
            strcmp(o->engine, row->engine) == 0 && strcmp(o->version, row->version) == 0)
            return o;
    }
    opened *o = HG_NEW(s->arena, opened, 1);
    *o = (opened){ .model = row->model, .device = row->device, .engine = row->engine, .version = row->version };
    hg_err err;
    if (!open_parts(s, o, &err))
        snprintf(o->reason, sizeof o->reason, "%.80s %.170s", err.where, err.msg);
    *HG_PUSH(s->arena, s->problems, s->count, s->capacity) = o;
    return o;
}

/* Sheets write the ranks of TP and EP, which are the same devices, as their product: a row that would
 * leave its node, and whose ranks are a square, has the root of them. */
static int64_t devices_of(const hg_serving_pool *pool, const hg_device *device)
{
    int64_t ranks = pool->tp * pool->dp, root = (int64_t)(sqrt((double)ranks) + 0.5);
    ranks = hg_max_i64(ranks, pool->moe_tp * pool->moe_ep);
    return ranks > device->domain_devices && root * root == ranks ? root : ranks;
}

enum { MOST_CLIENTS = 100000 };

/* No engine cuts an expert over more ranks than a node has: wider groups hold whole experts. */
enum { EXPERT_RANKS = 8 };

static void fill_parallel(const hg_serving_pool *pool, int64_t ranks, bool moe, hg_deployment *d)
{
    d->pp = pool->pp;
    d->dp = ranks == pool->tp * pool->dp ? pool->dp : pool->tp > 1 ? 1 : ranks;
    d->tp = ranks / d->dp;
    d->ep = moe && pool->moe_ep > 1 && pool->moe_ep > pool->moe_tp ? ranks : 1;
    d->ep = pool->moe_ep > 1 && pool->moe_tp > 1 && pool->moe_tp * pool->moe_ep == ranks ? pool->moe_ep : d->ep;
    bool written_twice = ranks < pool->tp * pool->dp || ranks < pool->moe_tp * pool->moe_ep;
    d->ep = moe && (ranks > EXPERT_RANKS || written_twice) ? ranks : d->ep;
}

/* What decides: the experts' format where it differs from the products'. */
static const char *precision_word(const hg_serving_row *row)
{
    return *row->moe_quant && strcmp(row->gemm_quant, row->moe_quant) != 0 ? row->moe_quant
           : *row->gemm_quant ? row->gemm_quant : row->precision;
}

/* In a row's words: blank is the checkpoint's own. */
static bool fill_precision(const hg_serving_row *row, const hg_model *m, hg_deployment *d)
{
    const char *word = precision_word(row);
    d->precision_is_checkpoints = !*word || strcmp(word, "bfloat16") == 0;
    if (d->precision_is_checkpoints)
        return true;
    if (!hg_dtype_parse(word, &d->precision))
        return false;
    /* A bare width ("fp4") is the checkpoint's own format of that width, whatever its kind. */
    bool bare = !*row->gemm_quant && !*row->moe_quant;
    hg_dtype own[2] = { m->precision.mlp, m->precision.experts };
    for (int i = 0; i < 2; i++)
        d->precision_is_checkpoints |=
            own[i] != HG_BF16 &&
            (bare || hg_dtype_table[own[i]].math == hg_dtype_table[d->precision].math) &&
            hg_dtype_table[own[i]].weight_bytes <= hg_dtype_table[d->precision].weight_bytes * 1.01;
    return true;
}

static bool is_moe(const hg_model *m)
{
    for (int64_t i = 0; i < m->layer_kinds; i++)
        if (m->layers[i].ffn == HG_FFN_MOE)
            return true;
    return false;
}

/* Whole copies of the attention on as many ranks as do not cut its heads: then experts are wide. */
static void fill_wide(const hg_model *m, hg_deployment *d)
{
    for (int64_t i = 0; i < m->layer_kinds; i++)
        if (m->layers[i].heads % d->tp != 0) {
            d->dp *= d->tp;
            d->tp = 1;
            d->ep = d->dp;
            return;
        }
}

static hg_deployment deployment_of(const hg_serving_row *row, const hg_serving_pool *pool, const hg_problem *p,
                                   const hg_launch_facts *l)
{
    const hg_engine_default *limits = hg_engine_default_for(&p->engine, &p->rates.device);
    hg_deployment d = {
        .replicas = hg_max_i64(1, pool->workers),
        .kv_dtype = l->kv_given ? l->kv_dtype : p->model.precision.kv, .kv_is_auto = !l->kv_given,
        .max_num_batched_tokens = l->max_num_batched_tokens ? l->max_num_batched_tokens : limits->max_num_batched_tokens,
        .max_num_seqs = l->max_num_seqs ? l->max_num_seqs : limits->max_num_seqs,
        .max_model_len = row->isl + row->osl,
        .gpu_memory_utilization = l->gpu_memory_utilization ? l->gpu_memory_utilization : p->engine.gpu_memory_utilization,
        .block_tokens = p->engine.block_tokens,
        .chunked_prefill = p->engine.chunked_prefill,
        .graph_tokens = l->graph_tokens,
        .prompt_graph_tokens = l->prompt_graph_tokens, .recv_interval = l->recv_interval,
        .draft_tokens = l->draft_tokens, .accepted_tokens = l->accepted_tokens,
        .batch_wait_steps = l->batch_wait_steps, .batch_wait_frac = l->batch_wait_frac,
    };
    d.max_num_seqs = hg_min_i64(d.max_num_seqs, d.max_num_batched_tokens);
    bool counted = row->disaggregated; /* pools say what they are; an engine's ranks may be written twice */
    int64_t ranks = counted ? pool->tp * pool->dp : devices_of(pool, &p->rates.device);
    fill_parallel(pool, ranks, is_moe(&p->model), &d);
    if (is_moe(&p->model))
        fill_wide(&p->model, &d);
    return d;
}

static bool make(const hg_serving_row *row, const hg_serving_pool *pool, hg_serving_case *c, hg_candidate *out)
{
    hg_deployment d = deployment_of(row, pool, c->problem, &c->launch);
    if (!fill_precision(row, &c->problem->model, &d)) {
        snprintf(c->reason, sizeof c->reason, "precision '%.40s' is not known", precision_word(row));
        return false;
    }
    hg_candidate_make(c->problem, &d, out);
    if (out->fit != HG_FITS)
        snprintf(c->reason, sizeof c->reason, "%s", out->reason);
    return out->fit == HG_FITS;
}

void hg_serving_case_open(hg_serving_shelf *shelf, const hg_serving_row *row, hg_serving_case *out)
{
    const opened *o = open_problem(shelf, row);
    *out = (hg_serving_case){ .problem = &o->problem, .isl = row->isl, .osl = row->osl,
                              .concurrency = row->concurrency, .disaggregated = row->disaggregated };
    snprintf(out->reason, sizeof out->reason, "%s", o->reason);
    if (*out->reason)
        return;
    hg_serving_pool whole = { .tp = row->tp, .pp = row->pp, .dp = row->dp, .moe_tp = row->moe_tp, .moe_ep = row->moe_ep };
    out->launch = hg_launch_facts_of(shelf->launches, row);
    if (row->isl < 1 || row->osl < 1 || row->concurrency < 1 || row->isl > HG_LENGTH_MAX ||
        row->osl > HG_LENGTH_MAX || row->concurrency > MOST_CLIENTS)
        snprintf(out->reason, sizeof out->reason, "isl, osl and concurrency must be 1 or more, and no more than %d tokens "
                 "and %d clients", HG_LENGTH_MAX, MOST_CLIENTS);
    else if (row->mode && *row->mode && !row->disaggregated && strcmp(row->mode, "agg") != 0)
        snprintf(out->reason, sizeof out->reason, "mode '%.40s' is not known; write agg or disagg", row->mode);
    else if (row->disaggregated && (row->prefill.workers < 1 || row->decode.workers < 1))
        snprintf(out->reason, sizeof out->reason, "how many prefill and decode workers is not said");
    else if (!row->disaggregated)
        make(row, &whole, out, &out->candidate);
    else if (make(row, &row->prefill, out, &out->prefill))
        make(row, &row->decode, out, &out->candidate);
}

/* Speculative decoding as a loop of steps that make `accepted_tokens` each: outputs are so much shorter,
 * contexts grow so much faster, and a KV block holds so much fewer simulated tokens. */
static void speculate(const hg_serving_case *c, hg_workload *w, hg_candidate *candidate, hg_step_oracle *o)
{
    double made = c->launch.accepted_tokens;
    if (!(made > 1))
        return;
    for (size_t i = 0; i < w->count; i++)
        w->requests[i].osl = (int32_t)fmax(2, round(1 + (w->requests[i].osl - 1) / made));
    o->stretch = made;
    o->prompt = (1 + c->launch.length_range) / 2 * (double)c->isl;
    double isl = (double)c->isl, osl = (double)c->osl;
    candidate->memory.kv_blocks = (int64_t)((double)candidate->memory.kv_blocks * (isl + osl / made) / (isl + osl));
}

/* A prompt's KV goes over the decode side's share of the network, or of the rack's links where both pools
 * lie in one; what it takes besides is among the host terms. */
static hg_prefill_pool prefill_pool(const hg_problem *p, const hg_candidate *c, hg_oracle oracle)
{
    const hg_device *d = &p->rates.device;
    hg_sim_config engine = hg_sim_config_of(p, c, &(hg_run){ .load = HG_LOAD_CLOSED }, oracle);
    double link = d->domain_devices > d->node_devices ? d->node_bytes_per_s : d->net_bytes_per_s;
    double bytes = c->memory.kv_bytes_per_token;
    return (hg_prefill_pool){ .instances = engine.replicas, .scheduler = engine.scheduler, .sched = engine.sched,
                              .oracle = oracle, .move_s = p->engine.overheads.transfer_s,
                              .move_s_per_token = link > 0 ? bytes / link : 0 };
}

hg_serving_figures hg_serving_predict(hg_arena scratch, const hg_serving_case *c,
                                      const hg_overheads *overheads)
{
    hg_problem p = *c->problem;
    hg_candidate candidate = c->candidate;
    hg_sim_result r;
    hg_err err;
    size_t requests = (size_t)(c->concurrency * c->launch.requests_per_client);
    p.engine.overheads = *overheads;
    if (!hg_step_prepare(&candidate.model, &candidate.deployment, &p.engine, &p.rates, &candidate.step, &err))
        return (hg_serving_figures){ NAN, NAN, NAN };
    hg_workload_synthetic(&scratch, (int32_t)c->isl, (int32_t)c->osl, c->launch.length_range, requests, 0,
                          &p.workload);
    p.workload.concurrency = c->concurrency;
    hg_step_oracle oracle = hg_step_oracle_new(&scratch, &candidate.step, &candidate.deployment, NULL);
    speculate(c, &p.workload, &candidate, &oracle);
    hg_sim_config config = hg_sim_config_of(&p, &candidate, &(hg_run){ .load = HG_LOAD_CLOSED, .requests = requests },
                                            (hg_oracle){ hg_step_oracle_seconds, &oracle });
    config.request_serial_s = p.engine.overheads.request_serial_s; /* one front end, whatever is behind it */
    hg_prefill_pool pool;
    hg_step_oracle prefill_oracle;
    hg_candidate prefill = c->prefill;
    if (c->disaggregated) {
        if (!hg_step_prepare(&prefill.model, &prefill.deployment, &p.engine, &p.rates, &prefill.step, &err))
            return (hg_serving_figures){ NAN, NAN, NAN };
        prefill_oracle = hg_step_oracle_new(&scratch, &prefill.step, &prefill.deployment, NULL);
        pool = prefill_pool(&p, &prefill, (hg_oracle){ hg_step_oracle_seconds, &prefill_oracle });
        config.prefill = &pool;
        config.scheduler = "receive";
    }
    p.workload.load = HG_LOAD_CLOSED;
    hg_sim_run(&scratch, &p.workload, &config, &r);
    return (hg_serving_figures){ r.latency[HG_TTFT].mean, r.latency[HG_TPOT].mean / oracle.stretch,
                                 r.busy_s / (double)r.steps };
}

enum { THREADS = 256 };

typedef struct crowd {
    const hg_serving_case *cases;
    const hg_overheads *const *overheads;
    hg_serving_figures *out;
    hg_arena arenas[THREADS];
} crowd;

static void predict_one(void *ctx, size_t i, int thread)
{
    crowd *c = ctx;
    c->out[i] = *c->cases[i].reason ? (hg_serving_figures){ NAN, NAN, NAN }
                                    : hg_serving_predict(c->arenas[thread], &c->cases[i], c->overheads[i]);
}

void hg_serving_predict_all(const hg_serving_case *cases, const hg_overheads *const *overheads, size_t n,
                            int threads, hg_serving_figures *out)
{
    crowd c = { .cases = cases, .overheads = overheads, .out = out };
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

const char *hg_serving_origin(const hg_serving_case *c)
{
    int64_t tokens = hg_min_i64(c->isl, c->candidate.deployment.max_num_batched_tokens);
    hg_chunk prompt = { .tokens = (int32_t)tokens, .last = true };
    hg_batch batch = { .chunks = &prompt, .chunk_count = 1, .decodes = (int32_t)c->concurrency,
                       .decode_context = c->concurrency * (c->isl + c->osl / 2) };
    return hg_step_origin(&c->candidate.step, &batch);
}
