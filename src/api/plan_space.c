/* A question's words as the space that is searched and what is looked for in it. */
#include "api/plan_space.h"

#include "api/speculation.h"

#include "base/num.h"
#include "engine/emit.h"

#include <string.h>

enum { TP_MOST = 64 };

static void take(hg_knob *k, const hg_ints_word *w, const int64_t *otherwise, int n)
{
    k->n = w->n ? w->n : n;
    memcpy(k->v, w->n ? w->v : otherwise, (size_t)k->n * sizeof *k->v);
}

static bool has_experts(const hg_model *m)
{
    for (int64_t i = 0; i < m->layer_kinds; i++)
        if (m->layers[i].ffn == HG_FFN_MOE)
            return true;
    return false;
}

/* Powers of two up to `most`, 1 included. */
static int doublings(int64_t most, int64_t *out)
{
    int n = 0;
    for (int64_t v = 1; v <= most && n < HG_KNOB_VALUES; v *= 2)
        out[n++] = v;
    return n;
}

static bool is_any(const hg_text_word *w)
{
    return w->s && strcmp(w->s, "any") == 0;
}

/* What the checkpoint is in, 16 bit where it is not that, and fp8 of 16 bit, which engines make while they
 * load.  Anything else is a checkpoint of its own: name it with --precision. */
static bool take_precision(hg_ask *a, const hg_problem *p, hg_knob *k)
{
    hg_dtype own = p->model.precision.mlp, dtype = HG_BF16;
    bool is_own;
    *k = (hg_knob){ { -1 }, 1 };
    if (is_any(&a->s.precision)) {
        if (own != HG_BF16)
            k->v[k->n++] = HG_BF16;
        else if (p->model.precision.experts == HG_BF16 && p->rates.device.tensor_flops_per_s[HG_FP8] > 0)
            k->v[k->n++] = HG_FP8;
        return true;
    }
    if (!hg_ask_precision(a, &p->model, &dtype, &is_own))
        return false;
    k->v[0] = is_own ? -1 : (int64_t)dtype;
    return true;
}

static bool take_kv_dtype(hg_ask *a, const hg_problem *p, hg_knob *k)
{
    hg_dtype own = p->model.precision.kv, dtype = own;
    bool is_auto;
    *k = (hg_knob){ { -1 }, 1 };
    if (is_any(&a->s.kv_dtype)) {
        if (own != HG_BF16 || p->rates.device.tensor_flops_per_s[HG_FP8] > 0)
            k->v[k->n++] = own == HG_BF16 ? HG_FP8 : HG_BF16;
        return true;
    }
    if (!hg_ask_dtype(&a->s.kv_dtype, "auto", &dtype, &is_auto, &a->err))
        return false;
    k->v[0] = is_auto ? -1 : (int64_t)dtype;
    return true;
}

/* The deployment that holds what is not searched; "any" is a search's word, no precision. */
static bool take_base(hg_ask *a, const hg_problem *p, hg_deployment *out)
{
    hg_text_word precision = a->s.precision, kv_dtype = a->s.kv_dtype;
    if (is_any(&precision))
        a->s.precision.s = NULL;
    if (is_any(&kv_dtype))
        a->s.kv_dtype.s = NULL;
    bool ok = hg_ask_deployment(a, p, out);
    a->s.precision = precision;
    a->s.kv_dtype = kv_dtype;
    out->kv_dtype = p->model.precision.kv;
    return ok;
}

/* One engine to sixteen, then steps of about an eighth, and powers of two. */
size_t hg_plan_engine_counts(hg_arena *arena, const hg_scenario *q, const int64_t **out)
{
    enum { EACH = 16, COUNTS = 96, MOST = 1 << 20 };
    int64_t *v = HG_NEW(arena, int64_t, COUNTS + HG_LIST);
    size_t n = 0;
    if (q->replicas.n) {
        memcpy(v, q->replicas.v, (size_t)q->replicas.n * sizeof *v);
        n = (size_t)q->replicas.n;
        for (size_t i = 1; i < n; i++)
            for (size_t k = i; k > 0 && v[k] < v[k - 1]; k--) {
                int64_t swap = v[k];
                v[k] = v[k - 1];
                v[k - 1] = swap;
            }
    } else {
        for (int64_t r = 1, power = 2; r <= MOST && n < COUNTS;) {
            v[n++] = r;
            while (power <= r)
                power *= 2;
            r = hg_min_i64(r < EACH ? r + 1 : r + r / 8, power);
        }
    }
    *out = v;
    return n;
}

static void take_shapes(const hg_scenario *q, const hg_problem *p, hg_space *s)
{
    static const int64_t one[] = { 1 }, spread[] = { 1, 0 };
    const hg_device *d = &p->rates.device;
    int64_t powers[HG_KNOB_VALUES], most = s->total_devices ? s->total_devices : TP_MOST;
    bool moe = has_experts(&p->model);
    take(&s->tp, &q->tp, powers, doublings(most < d->domain_devices ? most : d->domain_devices, powers));
    take(&s->pp, &q->pp, powers, doublings(most < 8 ? most : 8, powers));
    take(&s->dp, &q->dp, moe ? powers : one, moe ? doublings(most < 8 ? most : 8, powers) : 1);
    take(&s->ep, &q->ep, spread, moe ? 2 : 1);
}

/* The engine's own values come first: of equals the first one tried stays. */
static int with_default(int64_t first, const int64_t *list, int n, int64_t *out)
{
    int count = 0;
    out[count++] = first;
    for (int i = 0; i < n; i++)
        if (list[i] != first)
            out[count++] = list[i];
    return count;
}

static void take_limits(const hg_scenario *q, const hg_problem *p, hg_space *s)
{
    static const int64_t seqs[] = { 32, 64, 128, 256, 512, 1024 }, tokens[] = { 1024, 2048, 4096, 8192, 16384 };
    const hg_engine_default *own = hg_engine_default_for(&p->engine, &p->rates.device);
    int64_t list[HG_KNOB_VALUES];
    take(&s->max_num_seqs, &q->max_num_seqs, list, with_default(own->max_num_seqs, seqs, 6, list));
    take(&s->max_num_batched_tokens, &q->max_num_batched_tokens, list,
         with_default(own->max_num_batched_tokens, tokens, 5, list));
}

static bool take_drafts(hg_ask *a, const hg_problem *p, hg_space *s)
{
    s->drafts.n = hg_ask_draft_counts(a, p, s->drafts.v, HG_KNOB_VALUES);
    for (int i = 0; i < s->drafts.n; i++) {
        hg_deployment d = s->base;
        if (!hg_set_draft_tokens(a, s->drafts.v[i], &d))
            return false;
        s->accepted[i] = d.accepted_tokens;
    }
    return true;
}

static int64_t devices_of(const hg_pool_shape *s)
{
    return s->engines * s->tp * s->pp * s->dp;
}

/* From so many devices on pools are looked at unasked: below, one engine fails and a pool is gone. */
enum { POOLS_FROM = 16 };

/* Answers of one token each leave a decode pool nothing to do. */
static bool makes_tokens(const hg_workload *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->requests[i].osl > 1)
            return true;
    return false;
}

static bool take_pools(hg_ask *a, const hg_problem *p, const hg_goal *g, hg_space *s)
{
    static const char *const modes[] = { [HG_MODE_WHOLE] = "aggregated", [HG_MODE_POOLS] = "disaggregated", [HG_MODE_ANY] = "any" };
    const hg_scenario *q = &a->s;
    const hg_emitter *e = hg_emitter_find(p->engine.name);
    bool can = e && e->pool && !hg_objectives_first(&g->objectives, HG_LATENCY) && makes_tokens(&p->workload), pinned = q->prefill.s || q->decode.s, found = !q->mode.s;
    if (q->replicas.n && q->mode.s && strcmp(q->mode.s, "aggregated") != 0)
        return hg_fail(&a->err, HG_INPUT, q->replicas.where, "counts engines that do both; with --mode %.20s the split is searched (--prefill and --decode pin it)", q->mode.s);
    s->mode = can && !q->rates.s && !q->replicas.n && (s->total_devices == 0 || s->total_devices >= POOLS_FROM) ? HG_MODE_ANY : HG_MODE_WHOLE;
    for (int i = 0; q->mode.s && i <= HG_MODE_ANY; i++)
        if (strcmp(q->mode.s, modes[i]) == 0) {
            s->mode = (hg_mode)i;
            found = true;
        }
    if (!found)
        return hg_fail(&a->err, HG_INPUT, q->mode.where, "is '%.40s'; one of aggregated, disaggregated, any", q->mode.s);
    if (!pinned)
        return can || s->mode == HG_MODE_WHOLE ||
               hg_fail(&a->err, HG_INPUT, q->mode.where, "pools are not searched %s; leave it out or write aggregated",
                       hg_objectives_first(&g->objectives, HG_LATENCY) ? "where latency decides"
                       : !makes_tokens(&p->workload) ? "where answers are of one token"
                                                     : "where heng cannot launch them with this engine");
    if (!q->prefill.s || !q->decode.s)
        return hg_fail(&a->err, HG_INPUT, q->prefill.s ? "--decode" : "--prefill", "is missing; a disaggregated deployment has both pools");
    if (!can || (q->mode.s && s->mode == HG_MODE_WHOLE))
        return hg_fail(&a->err, HG_INPUT, q->prefill.where, "%s", can ? "contradicts --mode aggregated"
                                                                        : "pools are not searched for this engine or objective");
    if (q->tp.n || q->pp.n || q->dp.n || q->ep.n || q->replicas.n)
        return hg_fail(&a->err, HG_INPUT, q->prefill.where, "and --decode give the shapes; leave out --tp, --pp, --dp, --ep and --replicas");
    s->mode = HG_MODE_POOLS;
    if (!hg_pool_shape_parse(q->prefill.s, q->prefill.where, &s->prefill, &a->err) ||
        !hg_pool_shape_parse(q->decode.s, q->decode.where, &s->decode, &a->err))
        return false;
    int64_t both = devices_of(&s->prefill) + devices_of(&s->decode);
    if (!q->total_gpus.n)
        s->total_devices = both;
    return s->total_devices == 0 || both <= s->total_devices ||
           hg_fail(&a->err, HG_INPUT, q->prefill.where, "and --decode take %lld devices, --total-gpus says %lld", (long long)both,
                   (long long)s->total_devices);
}

bool hg_plan_space(hg_ask *a, const hg_problem *p, hg_space *s, hg_goal *g)
{
    static const int64_t one[] = { 1 }, fill[] = { 0 };
    const hg_scenario *q = &a->s;
    memset(s, 0, sizeof *s);
    if (!take_base(a, p, &s->base) || !take_precision(a, p, &s->precision) || !take_kv_dtype(a, p, &s->kv_dtype) ||
        !take_drafts(a, p, s))
        return false;
    int64_t node = p->rates.device.node_devices > 0 ? p->rates.device.node_devices : 8;
    s->total_devices = g->total_devices = q->total_gpus.n ? q->total_gpus.v[0] : q->total_gpus.any ? 0 : node;
    if (q->total_gpus.any)
        hg_note(a, hg_textf(a->arena, "--total-gpus any looks at %d devices at most; a number may be higher", HG_ANY_DEVICES));
    take_shapes(q, p, s);
    if (p->workload.load != HG_LOAD_NONE) {
        g->replica_count = hg_plan_engine_counts(a->arena, q, &g->replicas);
        g->fill = q->replicas.n == 0;
        s->replicas = (hg_knob){ { g->replicas[0] }, 1 };
    } else {
        take(&s->replicas, &q->replicas, s->total_devices ? fill : one, 1);
    }
    take_limits(q, p, s);
    return take_pools(a, p, g, s);
}

static bool take_objective(hg_ask *a, hg_goal *g)
{
    const hg_text_word *w = &a->s.objective;
    return hg_objectives_parse(w->s ? w->s : hg_objective_names[0], w->where, &g->objectives, &a->err);
}

static bool check_goal(hg_ask *a, const hg_problem *p, const hg_goal *g)
{
    if (p->slo.count == 0 && !(g->objectives.count == 1 && g->objectives.of[0] == HG_LATENCY))
        return hg_fail(&a->err, HG_INPUT, "--slo", "is missing; write what users are promised, such as "
                       "'ttft:p90<1s,tpot:p90<40ms'");
    if (hg_objectives_any(&g->objectives, HG_COST) && p->price_usd_per_s <= 0)
        return hg_fail(&a->err, HG_INPUT, "--price", "is missing for %s; write it like '%s=2.5/h'",
                       p->rates.device.name, p->rates.device.name);
    if (hg_objectives_any(&g->objectives, HG_ENERGY) && p->rates.device.power_w <= 0)
        return hg_fail(&a->err, HG_INPUT, "--objective", "energy needs the power of %s, which its facts lack",
                       p->rates.device.name);
    return true;
}

bool hg_plan_goal(hg_ask *a, const hg_problem *p, hg_goal *g)
{
    *g = (hg_goal){ .problem = p };
    return take_objective(a, g) && check_goal(a, p, g);
}
