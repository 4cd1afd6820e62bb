#include "api/plan_run.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum { TOP_N = 5, TP_MOST = 64 };

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

static bool take_dtypes(hg_ask *a, const hg_problem *p, hg_space *s)
{
    const hg_device *d = &p->rates.device;
    bool is_default;
    s->precision = (hg_knob){ { -1 }, 1 };
    s->kv_dtype = (hg_knob){ { p->model.precision.kv }, 1 };
    s->base.kv_is_auto = true;
    if (a->s.precision.s && strcmp(a->s.precision.s, "any") == 0) {
        s->precision.v[s->precision.n++] = HG_BF16;
        if (d->tensor_flops_per_s[HG_FP8] > 0)
            s->precision.v[s->precision.n++] = HG_FP8;
    } else if (a->s.precision.s) {
        hg_dtype dtype = HG_BF16;
        if (!hg_ask_precision(a, &p->model, &dtype, &is_default))
            return false;
        s->precision.v[0] = is_default ? -1 : (int64_t)dtype;
    }
    if (a->s.kv_dtype.s && strcmp(a->s.kv_dtype.s, "any") == 0) {
        s->kv_dtype = (hg_knob){ { HG_BF16, HG_FP8 }, 2 };
        s->base.kv_is_auto = false;
    } else if (a->s.kv_dtype.s) {
        hg_dtype dtype = p->model.precision.kv;
        if (!hg_ask_dtype(&a->s.kv_dtype, "auto", &dtype, &s->base.kv_is_auto, &a->err))
            return false;
        s->kv_dtype.v[0] = dtype;
    }
    return true;
}

static bool make_space(hg_ask *a, const hg_problem *p, hg_space *s)
{
    static const int64_t seqs[] = { 32, 64, 128, 256, 512, 1024 }, tokens[] = { 1024, 2048, 4096, 8192, 16384 };
    static const int64_t one[] = { 1 }, fill[] = { 0 };
    const hg_scenario *q = &a->s;
    const hg_device *d = &p->rates.device;
    int64_t powers[HG_KNOB_VALUES];
    bool load = p->workload.load != HG_LOAD_NONE, moe = has_experts(&p->model);
    memset(s, 0, sizeof *s);
    if (!hg_ask_deployment(a, p, &s->base))
        return false;
    int64_t node = d->node_devices > 0 ? d->node_devices : 8;
    s->total_devices = q->total_gpus.n ? q->total_gpus.v[0] : q->total_gpus.any ? 0 : node;
    int64_t most = s->total_devices ? s->total_devices : TP_MOST;
    take(&s->tp, &q->tp, powers, doublings(most < d->domain_devices ? most : d->domain_devices, powers));
    take(&s->pp, &q->pp, powers, doublings(most < 8 ? most : 8, powers));
    take(&s->dp, &q->dp, moe ? powers : one, moe ? doublings(most < 8 ? most : 8, powers) : 1);
    const int64_t spread[] = { 1, 0 };
    take(&s->ep, &q->ep, spread, moe ? 2 : 1);
    int64_t copies[HG_KNOB_VALUES];
    int copy_count = 0;
    for (int64_t r = 1; r <= (most < 16 ? most : 16); r++)
        copies[copy_count++] = r;
    if (load)
        take(&s->replicas, &q->replicas, copies, copy_count);
    else
        take(&s->replicas, &q->replicas, s->total_devices ? fill : one, 1);
    take(&s->max_num_seqs, &q->max_num_seqs, seqs, 6);
    take(&s->max_num_batched_tokens, &q->max_num_batched_tokens, tokens, 5);
    return take_dtypes(a, p, s);
}

static bool take_objective(hg_ask *a, hg_goal *g)
{
    const char *word = a->s.objective.s ? a->s.objective.s : hg_objective_names[0];
    for (int i = 0; i < HG_OBJECTIVES; i++)
        if (strcmp(word, hg_objective_names[i]) == 0) {
            g->objective = (hg_objective)i;
            return true;
        }
    const char *near = hg_nearest(word, hg_objective_names, HG_OBJECTIVES);
    return hg_fail(&a->err, HG_INPUT, a->s.objective.where, "is '%.40s'%s%s; one of goodput-per-gpu, throughput, "
                   "latency, cost, energy", word, near ? "; did you mean " : "", near ? near : "");
}

static bool check_goal(hg_ask *a, const hg_problem *p, const hg_goal *g)
{
    if (p->slo.count == 0 && g->objective != HG_LATENCY)
        return hg_fail(&a->err, HG_INPUT, "--slo", "is missing; write what users are promised, such as "
                       "'ttft:p90<1s,tpot:p90<40ms'");
    if (g->objective == HG_COST && p->price_usd_per_s <= 0)
        return hg_fail(&a->err, HG_INPUT, "--price", "is missing for %s; write it like '%s=2.5/h'",
                       p->rates.device.name, p->rates.device.name);
    if (g->objective == HG_ENERGY && p->rates.device.power_w <= 0)
        return hg_fail(&a->err, HG_INPUT, "--objective", "energy needs the power of %s, which its facts lack",
                       p->rates.device.name);
    return true;
}

static hg_code give(hg_ask *a, const hg_plan *plan)
{
    const char *word = a->s.model.s;
    if (a->s.output.s) {
        if (!hg_plan_write(a->arena, plan, word, a->s.output.s, a->s.force.v, &a->err))
            return a->err.code;
        hg_note(a, hg_textf(a->arena, "wrote %s (report.html opens in a browser)", a->s.output.s));
        a->s.output.s = NULL;
    }
    const char *text = a->s.json.v ? hg_plan_json(a->arena, plan, word) : hg_plan_text(a->arena, plan, word);
    hg_code code = hg_answer(a, text, strlen(text));
    return code != HG_DONE ? code : plan->found ? HG_DONE : HG_NO;
}

static hg_code run(hg_ask *a)
{
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    hg_problem *p = HG_NEW(a->arena, hg_problem, 1);
    hg_space space;
    hg_goal goal = { .problem = p };
    hg_plan plan;
    if (!hg_ask_no_inputs(a) || !hg_ask_problem(a, HG_LENGTHS_NEEDED, p) || !take_objective(a, &goal) || !check_goal(a, p, &goal) ||
        !make_space(a, p, &space))
        return a->err.code;
    hg_plan_search(a, p, &goal, &space, a->s.top_n.n ? (size_t)a->s.top_n.v[0] : TOP_N,
                   a->s.threads.n ? (int)a->s.threads.v[0] : 0, &plan);
    hg_plan_explain(a, &goal, &plan);
    clock_gettime(CLOCK_MONOTONIC, &end);
    plan.elapsed_s = (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    return give(a, &plan);
}

const hg_verb hg_verb_plan = {
    "plan", "heng plan --model M --device D --workload W --slo S [--total-gpus N] [-o DIR]",
    "which deployment? a recommendation with its reasons, alternatives, Pareto front, launch files", run
};
