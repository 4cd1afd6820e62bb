#include "measure/launch.h"

#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEXTS = 8, SIZES = 16 };

/* A number that may grow with the row: plus + isl·ISL + concurrency·C + decode_batch·B, at least `least`, and of
 * `sizes`, where there are any, the largest that is no more. */
typedef struct count_rule {
    double plus, isl, concurrency, decode_batch, least;
    double sizes[SIZES];
    size_t size_count;
    bool given;
} count_rule;

typedef struct text_set {
    const char *s[TEXTS];
    size_t n; /* 0: any */
} text_set;

typedef enum key {
    BUDGET, SEQS, GRAPH, MEMORY, RANGE, PER_CLIENT, WAIT_STEPS, WAIT_FRAC, BALANCE, RECV, PROMPT_GRAPH, DRAFT,
    ACCEPTED, DEVICES, ATTENTION_DP, DISTINCT, WARMUP, DECODE_SEQS, DECODE_TP,
    KEYS
} key;

static const char *const key_names[KEYS] = {
    [BUDGET] = "max_num_batched_tokens", [SEQS] = "max_num_seqs",
    [GRAPH] = "graph_tokens", [MEMORY] = "gpu_memory_utilization",
    [RANGE] = "length_range", [PER_CLIENT] = "requests_per_client",
    [WAIT_STEPS] = "batch_wait_steps", [WAIT_FRAC] = "batch_wait_frac",
    [BALANCE] = "balance_steps", [DEVICES] = "devices", [ATTENTION_DP] = "attention_dp",
    [DISTINCT] = "distinct_prompts", [WARMUP] = "warmup_per_client",
    [RECV] = "recv_interval", [PROMPT_GRAPH] = "prompt_graph_tokens",
    [DRAFT] = "draft_tokens", [ACCEPTED] = "accepted_tokens",
    [DECODE_SEQS] = "decode_seqs", [DECODE_TP] = "decode_tp",
};

typedef enum condition { LENGTHS, ENGINE, DEVICE, MODEL, PRECISION, VERSION, TP, EP, MODE, CONDITIONS } condition;

static const char *const condition_names[CONDITIONS] = { "lengths", "engine", "device", "model",
                                                         "precision", "version", "tp", "ep", "mode" };

typedef struct launch_rule {
    text_set when[CONDITIONS];
    bool dp_given;
    double least_concurrency, most_concurrency; /* 0: any */
    count_rule set[KEYS];
    const char *kv_dtype; /* NULL: not said */
} launch_rule;

struct hg_launches {
    launch_rule *rules;
    size_t count;
};

static text_set read_texts(hg_arena *arena, const json_t *v)
{
    text_set t = { .n = 0 };
    size_t n = json_is_array(v) ? json_array_size(v) : v != NULL;
    for (size_t i = 0; i < n && t.n < TEXTS; i++) {
        const char *s = json_string_value(json_is_array(v) ? json_array_get(v, i) : v);
        if (s)
            t.s[t.n++] = hg_strdup(arena, s);
    }
    return t;
}

static count_rule read_count(const json_t *v)
{
    const json_t *sizes = json_object_get(v, "sizes");
    count_rule r = {
        .plus = json_is_object(v) ? json_number_value(json_object_get(v, "plus")) : json_number_value(v),
        .isl = json_number_value(json_object_get(v, "isl")),
        .concurrency = json_number_value(json_object_get(v, "concurrency")),
        .decode_batch = json_number_value(json_object_get(v, "decode_batch")),
        .least = json_number_value(json_object_get(v, "least")),
        .given = v != NULL,
    };
    for (; r.size_count < SIZES && r.size_count < json_array_size(sizes); r.size_count++)
        r.sizes[r.size_count] = json_number_value(json_array_get(sizes, r.size_count));
    return r;
}

/* The clients of a decode rank, from the row's own column or all of them shared out. */
static double decode_batch(const hg_serving_row *row)
{
    const hg_serving_pool *p = &row->decode;
    double ranks = (double)(p->workers * (p->dp > 1 ? p->dp : 1));
    return p->batch > 0 ? (double)p->batch : ranks > 0 ? ceil((double)row->concurrency / ranks) : 0;
}

static double count_of(const count_rule *r, const hg_serving_row *row)
{
    double n = r->plus + r->isl * (double)row->isl + r->concurrency * (double)row->concurrency + r->decode_batch * decode_batch(row);
    double size = r->size_count > 0 ? r->sizes[0] : fmax(r->least, n);
    for (size_t i = 0; i < r->size_count; i++)
        size = r->sizes[i] <= n ? fmax(size, r->sizes[i]) : size;
    return size;
}

static launch_rule read_rule(hg_arena *arena, const json_t *o)
{
    const json_t *when = json_object_get(o, "when"), *set = json_object_get(o, "set");
    const char *kv = json_string_value(json_object_get(set, "kv_dtype"));
    const json_t *load = json_object_get(when, "concurrency");
    launch_rule r = { .dp_given = json_is_true(json_object_get(when, "dp_given")),
                      .least_concurrency = json_number_value(json_object_get(load, "least")),
                      .most_concurrency = json_number_value(json_object_get(load, "most")),
                      .kv_dtype = kv ? hg_strdup(arena, kv) : NULL };
    for (int i = 0; i < CONDITIONS; i++)
        r.when[i] = read_texts(arena, json_object_get(when, condition_names[i]));
    for (int k = 0; k < KEYS; k++)
        r.set[k] = read_count(json_object_get(set, key_names[k]));
    return r;
}

const hg_launches *hg_launches_open(hg_arena *arena, const hg_data *data, hg_err *err)
{
    static const char path[] = "serving/launches.json";
    size_t size;
    const char *text = hg_data_text(data, arena, path, &size, err);
    json_t *root = text ? hg_json_parse(text, size, path, err) : NULL;
    if (!root)
        return NULL;
    const json_t *list = json_object_get(root, "rules");
    hg_launches *l = HG_NEW(arena, hg_launches, 1);
    l->count = json_array_size(list);
    l->rules = HG_NEW(arena, launch_rule, l->count);
    for (size_t i = 0; i < l->count; i++)
        l->rules[i] = read_rule(arena, json_array_get(list, i));
    json_decref(root);
    return l;
}

/* "MiniMaxAI/MiniMax-M2.5" is one of "MiniMax"'s: a word matches where the text has it; a number, whole. */
static bool holds(const text_set *t, const char *text, bool number)
{
    bool any = t->n == 0;
    for (size_t i = 0; i < t->n; i++)
        any |= !*t->s[i] || number ? strcmp(text, t->s[i]) == 0 : strstr(text, t->s[i]) != NULL;
    return any;
}

static bool matches(const launch_rule *r, const hg_serving_row *row)
{
    char lengths[64], tp[32], ep[32];
    double load = (double)row->concurrency;
    snprintf(ep, sizeof ep, "%" PRId64, row->moe_ep);
    snprintf(tp, sizeof tp, "%" PRId64, row->tp);
    snprintf(lengths, sizeof lengths, "%" PRId64 "x%" PRId64, row->isl, row->osl);
    const char *texts[CONDITIONS] = { [LENGTHS] = lengths, [ENGINE] = row->engine,
                                      [DEVICE] = row->device, [MODEL] = row->model,
                                      [PRECISION] = row->precision, [VERSION] = row->version,
                                      [TP] = tp, [EP] = ep, [MODE] = row->disaggregated ? "disagg" : "agg" };
    if (load < r->least_concurrency || (r->most_concurrency > 0 && load > r->most_concurrency))
        return false;
    for (int i = 0; i < CONDITIONS; i++)
        if (!holds(&r->when[i], texts[i], i == LENGTHS || i == TP || i == EP))
            return false;
    return row->dp_given || !r->dp_given;
}

static double own_or(double own, double rule)
{
    return own > 0 ? own : own < 0 ? 0 : rule;
}

/* What the row knows of its own launch goes over every rule. */
static void lay_over(const hg_launch_facts *own, double v[KEYS], hg_launch_facts *out)
{
    v[BUDGET] = own_or((double)own->max_num_batched_tokens, v[BUDGET]);
    v[SEQS] = own_or((double)own->max_num_seqs, v[SEQS]);
    v[MEMORY] = own_or(own->gpu_memory_utilization, v[MEMORY]);
    v[RANGE] = own_or(own->length_range, v[RANGE]);
    v[PER_CLIENT] = own_or((double)own->requests_per_client, v[PER_CLIENT]);
    v[DRAFT] = own_or(own->draft_tokens, v[DRAFT]);
    v[ACCEPTED] = own_or(own->accepted_tokens, v[ACCEPTED]);
    out->prefix_hit_frac = own->prefix_hit_frac;
    out->draft = own->draft;
    if (own->kv_given) {
        out->kv_given = true;
        out->kv_dtype = own->kv_dtype;
    }
}

/* What is asked of no sheet: equal lengths, as many requests a client as sheets have, the engine's own limits. */
enum { REQUESTS_PER_CLIENT = 10 };

hg_launch_facts hg_launch_facts_of(const hg_launches *l, const hg_serving_row *row)
{
    double v[KEYS] = { 0 };
    hg_launch_facts out = { .kv_dtype = HG_BF16 };
    v[PER_CLIENT] = REQUESTS_PER_CLIENT;
    v[RANGE] = 1;
    for (size_t i = 0; row->published && i < l->count; i++) {
        const launch_rule *r = &l->rules[i];
        if (!matches(r, row))
            continue;
        for (int k = 0; k < KEYS; k++)
            if (r->set[k].given)
                v[k] = count_of(&r->set[k], row);
        if (r->kv_dtype)
            out.kv_given = hg_dtype_parse(r->kv_dtype, &out.kv_dtype);
    }
    if (row->own)
        lay_over(row->own, v, &out);
    out.max_num_batched_tokens = (int64_t)v[BUDGET];
    out.max_num_seqs = (int64_t)v[SEQS];
    out.graph_tokens = (int64_t)v[GRAPH];
    out.gpu_memory_utilization = v[MEMORY];
    out.length_range = v[RANGE];
    out.requests_per_client = (int64_t)v[PER_CLIENT];
    out.recv_interval = (int64_t)v[RECV];
    out.prompt_graph_tokens = (int64_t)v[PROMPT_GRAPH];
    out.draft_tokens = v[DRAFT];
    out.accepted_tokens = v[ACCEPTED];
    out.batch_wait_steps = (int64_t)v[WAIT_STEPS];
    out.batch_wait_frac = v[WAIT_FRAC];
    out.balance_steps = (int64_t)v[BALANCE];
    out.devices = (int64_t)v[DEVICES];
    out.attention_dp = v[ATTENTION_DP] > 0;
    out.decode_seqs = (int64_t)v[DECODE_SEQS];
    out.decode_tp = v[DECODE_TP] > 0;
    out.distinct_prompts = (int64_t)v[DISTINCT];
    out.warmup_per_client = (int64_t)v[WARMUP];
    return out;
}
