#include "api/plan_rates_out.h"
#include "api/plan_detail.h"

#include <math.h>

static void launch_lines(hg_arena *arena, hg_json *j, const hg_plan *p, const hg_point *at, const char *model_word)
{
    const hg_emitter *e = hg_emitter_find(p->problem->engine.name);
    hg_json_key(j, "launch");
    hg_json_open(j, '[');
    if (e) {
        hg_launch l = hg_plan_launch(arena, p, at, model_word);
        size_t n;
        const char **lines = hg_emit_command(arena, e, &l, &n);
        for (size_t i = 0; i < n; i++)
            hg_json_str(j, lines[i]);
    }
    hg_json_close(j, ']');
}

static void point(hg_json *j, const hg_point *at, const char *origin)
{
    hg_json_key(j, "deployment");
    hg_json_open(j, '{');
    hg_json_pools(j, &at->deployment, &at->prefill);
    hg_json_close(j, '}');
    hg_json_key(j, "metrics");
    hg_json_open(j, '{');
    hg_json_metrics(j, &at->metrics, origin);
    hg_json_close(j, '}');
}

/* Which pool it is of, and how busy both are. */
static void pools(hg_json *j, const hg_plan *p)
{
    hg_json_key_str(j, "pool", p->bottleneck_pool);
    hg_json_key(j, "busy_frac");
    hg_json_open(j, '{');
    hg_json_key_num(j, "prefill", hg_account_busy(&p->detail->prefill_account));
    hg_json_key_num(j, "decode", hg_account_busy(&p->detail->account));
    hg_json_close(j, '}');
}

static void bottleneck(hg_json *j, const hg_plan *p)
{
    hg_json_key(j, "bottleneck");
    hg_json_open(j, '{');
    hg_json_key_str(j, "name", p->bottleneck_name);
    hg_json_key_num(j, "share_frac", p->bottleneck_share);
    hg_json_key_str(j, "sentence", p->bottleneck);
    if (p->bottleneck_pool)
        pools(j, p);
    hg_json_key(j, "shares");
    hg_json_open(j, '[');
    for (size_t i = 0; i < p->share_count; i++) {
        hg_json_open(j, '{');
        hg_json_key_str(j, "name", p->shares[i].name);
        hg_json_key_num(j, "share_frac", p->shares[i].share_frac);
        hg_json_key_str(j, "bound", p->shares[i].bound);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
    hg_json_key(j, "what_if");
    hg_json_open(j, '[');
    for (size_t i = 0; i < p->what_if_count; i++) {
        hg_json_open(j, '{');
        hg_json_key_str(j, "change", p->what_ifs[i].change);
        hg_json_key_num(j, "gain_frac", p->what_ifs[i].gain_frac);
        hg_json_key_str(j, "metric", p->what_ifs[i].metric);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
    hg_json_close(j, '}');
}

static void recommended(hg_arena *arena, hg_json *j, const hg_plan *p, const char *model_word)
{
    hg_json_key(j, p->found ? "recommended" : "nearest_miss");
    hg_json_open(j, '{');
    point(j, &p->top[0], p->origin);
    hg_json_key_num(j, "score", p->top[0].score);
    if (p->rate_hi > 0) {
        hg_json_key(j, "rate_interval");
        hg_json_open(j, '[');
        hg_json_num(j, p->rate_lo);
        hg_json_num(j, p->rate_hi);
        hg_json_close(j, ']');
    }
    if (isfinite(p->chance))
        hg_json_key_num(j, "slo_chance", p->chance);
    launch_lines(arena, j, p, &p->top[0], model_word);
    if (hg_plan_again(arena, p))
        hg_json_key_str(j, "simulate", hg_plan_again(arena, p));
    hg_json_key(j, "reasons");
    hg_json_open(j, '[');
    for (size_t i = 0; i < p->reason_count; i++)
        hg_json_str(j, p->reasons[i]);
    hg_json_close(j, ']');
    bottleneck(j, p);
    if (p->detail)
        hg_json_detail(j, p->detail);
    hg_json_close(j, '}');
}

static void points(hg_json *j, const char *key, const hg_plan *p, const hg_point *list, size_t n, bool scored)
{
    hg_json_key(j, key);
    hg_json_open(j, '[');
    for (size_t i = 0; i < n; i++) {
        hg_buf_puts(j->out, j->comma ? "" : "\n");
        hg_json_open(j, '{');
        if (scored)
            hg_json_key_num(j, "score", list[i].score);
        hg_json_key_num(j, "tokens_per_s_per_user", list[i].metrics.tokens_per_s_per_user);
        hg_json_key_num(j, "tokens_per_s_per_gpu", list[i].metrics.tokens_per_s_per_device);
        point(j, &list[i], p->origin);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

static void choice(hg_json *j, const hg_plan *p, const hg_choice_row *c)
{
    hg_buf_puts(j->out, j->comma ? "" : "\n");
    hg_json_open(j, '{');
    hg_json_key_str(j, "device", c->device);
    hg_json_key_str(j, "engine", c->engine);
    hg_json_key_bool(j, "keeps_slo", c->found);
    hg_json_key_bool(j, "recommended", c->chosen);
    if (c->reason)
        hg_json_key_str(j, "reason", c->reason);
    if (c->best) {
        hg_json_key_num(j, "score", c->best->score);
        hg_json_key_int(j, "gpus", hg_point_devices(c->best));
        if (c->usd_per_h > 0)
            hg_json_key_num(j, "usd_per_h", c->usd_per_h);
        point(j, c->best, c->chosen ? p->origin : NULL);
    }
    hg_json_close(j, '}');
}

static void choices(hg_json *j, const hg_plan *p)
{
    if (!p->choice_count)
        return;
    hg_json_key_str(j, "compared_by", p->rate_count ? (p->by_cost ? "rates_usd" : "rates_gpus") : p->by_cost ? "usd_per_h" : p->fewest ? "gpus" : p->objective);
    hg_json_key(j, "choices");
    hg_json_open(j, '[');
    for (size_t i = 0; i < p->choice_count; i++)
        choice(j, p, &p->choices[i]);
    hg_json_close(j, ']');
}

static void scenes(hg_json *j, const hg_plan *p)
{
    if (!p->scene_count)
        return;
    hg_json_key(j, "scenarios");
    hg_json_open(j, '[');
    for (size_t i = 0; i < p->scene_count; i++) {
        const hg_scene_row *s = &p->scenes[i];
        hg_json_open(j, '{');
        hg_json_key_str(j, "name", s->name);
        if (isfinite(s->weight))
            hg_json_key_num(j, "weight", s->weight);
        if (isfinite(s->own_best)) {
            hg_json_key_num(j, "part_of_own_best", s->part);
            hg_json_key_num(j, "own_best_score", s->own_best);
        }
        hg_json_key(j, "metrics");
        hg_json_open(j, '{');
        hg_json_metrics(j, &s->metrics, NULL);
        hg_json_close(j, '}');
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

static void refusals(hg_json *j, const hg_plan *p)
{
    hg_json_key(j, "infeasible");
    hg_json_open(j, '[');
    for (size_t i = 0; i < p->refusal_count; i++) {
        hg_json_open(j, '{');
        hg_json_key(j, "deployment");
        hg_json_open(j, '{');
        hg_json_deployment(j, &p->refusals[i].deployment);
        hg_json_close(j, '}');
        hg_json_key_str(j, "reason", p->refusals[i].reason);
        hg_json_key_int(j, "count", (int64_t)p->refusals[i].count);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

/* The question in its own words but those that any verb takes (-o, --json), for those who ask it again ('heng compare'). */
static void words(hg_arena *arena, hg_json *j, const hg_plan *p)
{
    hg_json_key(j, "words");
    hg_json_open(j, '{');
    for (int i = 0; p->asked && i < hg_word_count; i++) {
        const hg_word *w = &hg_word_table[i];
        if (w->kind != HG_WORD_SECTION && hg_word_serves(w, "simulate") && !hg_word_serves(w, "version") && hg_word_given(p->asked, w))
            hg_json_key_str(j, w->name, hg_word_value(arena, p->asked, w));
    }
    hg_json_close(j, '}');
}

static void scenario(hg_arena *arena, hg_json *j, const hg_plan *p, const char *model_word)
{
    const hg_problem *q = p->problem;
    hg_json_key(j, "scenario");
    hg_json_open(j, '{');
    hg_json_key_str(j, "model", model_word);
    hg_json_key_str(j, "device", q->rates.device.name);
    hg_json_key_str(j, "engine", q->engine.name);
    hg_json_key_str(j, "engine_version", q->rates.version);
    hg_json_key_str(j, "workload", q->workload.name);
    hg_json_key_int(j, "requests", (int64_t)q->workload.count);
    hg_json_key_str(j, "slo", hg_slo_text(arena, &q->slo));
    hg_json_key_str(j, "objective", p->objective);
    hg_json_key_int(j, "seed", (int64_t)q->seed);
    words(arena, j, p);
    hg_json_close(j, '}');
}

const char *hg_plan_json(hg_arena *arena, const hg_plan *p, const char *model_word)
{
    hg_buf out = { .arena = arena };
    hg_json j = { .out = &out };
    hg_json_open(&j, '{');
    if (!p->found || !p->top_count) {
        hg_json_key(&j, "recommended");
        hg_json_raw(&j, "null");
    }
    if (p->top_count)
        recommended(arena, &j, p, model_word);
    points(&j, "top", p, p->top, p->found ? p->top_count : 0, true);
    choices(&j, p);
    scenes(&j, p);
    points(&j, "pareto", p, p->pareto, p->pareto_count, false);
    if (p->found && p->rate_count)
        hg_json_rates(&j, p);
    hg_json_key_int(&j, "considered", (int64_t)p->considered);
    hg_json_key_int(&j, "pruned", (int64_t)p->pruned);
    hg_json_key_int(&j, "alike", (int64_t)p->alike);
    hg_json_key_int(&j, "simulated", (int64_t)p->simulated);
    hg_json_key_int(&j, "runs", (int64_t)p->runs);
    if (p->asked && p->asked->history.s)
        hg_json_key_int(&j, "from_history", (int64_t)p->from_history);
    refusals(&j, p);
    hg_json_key_bool(&j, "interrupted", p->interrupted);
    hg_json_key_num(&j, "elapsed_s", p->elapsed_s);
    scenario(arena, &j, p, model_word);
    hg_json_close(&j, '}');
    hg_buf_puts(&out, "\n");
    return out.s;
}
