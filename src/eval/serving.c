#include "eval/serving.h"

#include "base/num.h"
#include "base/text.h"
#include "eval/account.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct opened { /* (model, device, engine, version) made ready */
    const char *model, *device, *engine, *version, *era;
    bool counted;       /* of a sheet: what was run was launched for its lengths, beyond the model's own if need be */
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

static bool is_simulated(const hg_engine *e, hg_err *err)
{
    return e->scheduler || hg_fail(err, HG_INPUT, e->name, "has no scheduler in the simulator; vllm, sglang, trtllm and mindie do");
}

/* Rows of runs that were measured did start, whatever a loader refuses: a sheet does not say which build it was. */
static bool was_started(hg_engine *e)
{
    e->whole_expert_blocks = false;
    return true;
}

static bool open_parts(hg_serving_shelf *s, opened *o, hg_err *err)
{
    const char *note;
    hg_device device;
    hg_problem *p = &o->problem;
    return hg_model_find(s->arena, s->data, o->model, &p->model, &note, err) &&
           hg_engine_find(s->arena, s->data, o->engine, o->era, &p->engine, err) && is_simulated(&p->engine, err) &&
           hg_device_find(s->arena, s->data, o->device, &device, err) &&
           hg_engine_settle(s->arena, s->data, &device, o->era, &p->engine, err) && was_started(&p->engine) &&
           hg_rates_open(s->arena, s->data, &device, o->engine, *o->version ? o->version : NULL,
                         &p->rates, &note, err) &&
           (!s->overlay || hg_rates_overlay(s->arena, &p->rates, s->overlay, err));
}

static const opened *open_problem(hg_serving_shelf *s, const hg_serving_row *row)
{
    const char *era = row->era ? row->era : row->version;
    for (size_t i = 0; i < s->count; i++) {
        const opened *o = s->problems[i];
        if (strcmp(o->model, row->model) == 0 && strcmp(o->device, row->device) == 0 &&
            strcmp(o->engine, row->engine) == 0 && strcmp(o->era, era) == 0 &&
            o->counted == row->counted)
            return o;
    }
    opened *o = HG_NEW(s->arena, opened, 1);
    *o = (opened){ .model = row->model, .device = row->device, .engine = row->engine, .version = row->version,
                    .era = era, .counted = row->counted };
    hg_err err;
    if (!open_parts(s, o, &err))
        snprintf(o->reason, sizeof o->reason, "%.80s %.170s", err.where, err.msg);
    if (o->counted)
        o->problem.model.max_tokens = 2 * (int64_t)HG_LENGTH_MAX;
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
    bool written_twice = ranks < pool->tp * pool->dp || ranks < pool->moe_tp * pool->moe_ep;
    bool cut = pool->moe_ep > 1 && pool->moe_tp > 1 && pool->moe_tp * pool->moe_ep == ranks;
    if (moe && (ranks > EXPERT_RANKS || written_twice))
        d->ep = ranks;
    else if (cut)
        d->ep = pool->moe_ep;
    else
        d->ep = moe && pool->moe_ep > 1 && pool->moe_ep > pool->moe_tp ? ranks : 1;
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

/* Nobody cuts heads over more ranks than this: more are the devices of a rack. */
enum { MOST_TP = 32 };

static bool is_cut_evenly(const hg_model *m, int64_t tp)
{
    if (tp > MOST_TP)
        return false;
    for (int64_t i = 0; i < m->layer_kinds; i++)
        if (m->layers[i].heads % tp != 0)
            return false;
    return true;
}

/* Whole copies of the attention on as many ranks as do not cut its heads evenly: then experts are wide. */
static void fill_wide(const hg_model *m, hg_deployment *d)
{
    if (!is_cut_evenly(m, d->tp)) {
        d->dp *= d->tp;
        d->tp = 1;
        d->ep = d->dp;
    }
}

/* A sheet that says no more than that tokens are proposed leaves what does: the model's own layer, else a head. */
static hg_draft drafts_by(const hg_launch_facts *l, const hg_model *m)
{
    return l->draft == HG_DRAFT_MTP && m->mtp_layers == 0 ? HG_DRAFT_EAGLE3 : l->draft;
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
        .draft_tokens = l->draft_tokens, .draft = drafts_by(l, &p->model), .accepted_tokens = l->accepted_tokens,
        .batch_wait_steps = l->batch_wait_steps, .batch_wait_frac = l->batch_wait_frac,
        .balance_steps = l->balance_steps,
    };
    d.max_num_seqs = hg_min_i64(d.max_num_seqs, d.max_num_batched_tokens);
    bool counted = row->disaggregated || row->counted; /* pools say what they are; an engine's ranks may be written twice */
    int64_t ranks = counted ? pool->tp * pool->dp : devices_of(pool, &p->rates.device);
    fill_parallel(pool, ranks, is_moe(&p->model), &d);
    if (is_moe(&p->model))
        fill_wide(&p->model, &d);
    if (l->attention_dp) {
        d.dp *= d.tp;
        d.tp = 1;
    }
    if (l->devices > hg_deployment_devices(&d))
        d.replicas *= l->devices / hg_deployment_devices(&d);
    return d;
}

/* Of all formats that the row names, those that do not decide among them; NULL: each is known. */
static const char *unknown_format(const hg_serving_row *row)
{
    const char *const words[] = { row->precision, row->gemm_quant, row->moe_quant };
    hg_dtype dtype;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (*words[i] && !hg_dtype_parse(words[i], &dtype))
            return words[i];
    return NULL;
}

/* Patches of the one image, joined to tokens as the model's tower does. */
static int64_t image_tokens(const hg_serving_row *row, const hg_model *m)
{
    int64_t side = m->vision.patch_pixels * hg_max_i64(1, m->vision.merge);
    return row->image_width && side ? hg_ceil_div(row->image_width, side) * hg_ceil_div(row->image_height, side) : 0;
}

/* What only decode pools are launched with. */
static void fill_decode(const hg_launch_facts *l, const hg_device *device, hg_deployment *d)
{
    if (l->decode_seqs > 0)
        d->max_num_seqs = hg_min_i64(d->max_num_seqs, l->decode_seqs);
    if (l->decode_tp && d->tp == 1 && d->dp <= device->node_devices) {
        d->tp = d->dp;
        d->dp = 1;
    }
}

static bool make(const hg_serving_row *row, const hg_serving_pool *pool, hg_serving_case *c, hg_candidate *out)
{
    hg_deployment d = deployment_of(row, pool, c->problem, &c->launch);
    d.max_model_len = c->isl + c->osl;
    const char *unknown = unknown_format(row);
    if (unknown) {
        snprintf(c->reason, sizeof c->reason, "precision '%.40s' is not known", unknown);
        return false;
    }
    if (pool == &row->decode)
        fill_decode(&c->launch, &c->problem->rates.device, &d);
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
    static const opened nothing;
    const opened *o = row->refused ? &nothing : open_problem(shelf, row);
    *out = (hg_serving_case){ .problem = &o->problem, .isl = row->isl, .osl = row->osl,
                              .concurrency = row->concurrency, .disaggregated = row->disaggregated };
    snprintf(out->reason, sizeof out->reason, "%s", row->refused ? row->refused : o->reason);
    if (*out->reason)
        return;
    out->isl += image_tokens(row, &o->problem.model);
    out->decodes_only = row->decodes_only;
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
        out->apart = make(row, &whole, out, &out->candidate) && row->dp == 1 && !row->counted && !out->launch.attention_dp &&
                     out->candidate.deployment.dp > 1;
    else if (make(row, &row->prefill, out, &out->prefill))
        make(row, &row->decode, out, &out->candidate);
}

const char *hg_serving_origin(const hg_serving_case *c)
{
    int64_t tokens = hg_min_i64(c->isl, c->candidate.deployment.max_num_batched_tokens);
    hg_chunk prompt = { .tokens = (int32_t)tokens, .last = true };
    hg_batch batch = { .chunks = &prompt, .chunk_count = 1, .decodes = (int32_t)c->concurrency,
                       .decode_context = c->concurrency * (c->isl + c->osl / 2) };
    return hg_step_origin(&c->candidate.step, &batch);
}
