#include "api/serving_picks.h"

#include "api/serving_judged.h"
#include "base/json.h"

#include <inttypes.h>
#include <math.h>

static void write_row(hg_buf *out, const hg_serving_table *t, const hg_judged *d, const char *what, size_t row)
{
    if (row == hg_pick_no_row)
        return;
    const hg_pick_row *r = &d->rows[row];
    const hg_serving_row *of = &t->rows[d->of[row]];
    hg_buf_printf(out, "    %-6s %s, %" PRId64 " clients, %.0f device%s%s%s: TPOT %.1f ms (predicted %.1f), TTFT %.0f ms (%.0f), "
                       "%.0f tokens/s a device (%.0f)\n",
                  what, hg_judged_shape(out->arena, &t->samples[d->of[row]].of), of->concurrency, r->devices, r->devices > 1 ? "s" : "", *of->version ? ", version " : "",
                  of->version, 1e3 * r->tpot_s, 1e3 * r->predicted_tpot_s, 1e3 * r->ttft_s, 1e3 * r->predicted_ttft_s,
                  hg_pick_throughput(r, r->ttft_s, r->tpot_s), hg_pick_throughput(r, r->predicted_ttft_s, r->predicted_tpot_s));
}

static void write_text(hg_buf *out, const hg_serving_table *t, const hg_judged *d, const char *by)
{
    size_t n, lost;
    const hg_judged_group *g = hg_judge_groups(out->arena, d, &n);
    const hg_pick **worst = hg_judged_losers(out->arena, d, &lost);
    hg_buf_printf(out, "\n%-44s %20s   %26s   %16s\n%-44s %10s %9s   %8s %7s %9s   %6s %9s\n", "", "ranking by TPOT", "picks under a TPOT limit",
                  "by chances", by, "pairs", "tau", "cases", "mean", ">= 1/2, %", "mean", ">= 1/2, %");
    for (size_t i = 0; i < n; i++) {
        const hg_picking *p = g[i].picking;
        hg_buf_printf(out, "%-44s %10zu %9.3f   %8zu %7.3f %9.1f   %6.3f %9.1f\n", g[i].key ? g[i].key : "all", g[i].ranking.pairs, g[i].ranking.tau,
                      p[0].cases, p[0].mean, 100 * p[0].at_least_half_frac, p[1].mean, 100 * p[1].at_least_half_frac);
    }
    const hg_picking *all = g[n - 1].picking;
    hg_buf_printf(out, "with no score above 1: mean %.3f, by chances %.3f\n", all[0].mean_at_most_one, all[1].mean_at_most_one);
    if (lost)
        hg_buf_printf(out, "\npicks below a half of the best, the worst first (%zu)\n", lost);
    for (size_t i = 0; i < lost; i++) {
        const hg_pick *p = worst[i];
        hg_buf_printf(out, "%5.2f %s, TPOT <= %.0f ms: %s\n", p->score, d->rows[p->best].group, 1e3 * p->limit_s, hg_judged_reason(out->arena, d, p));
        write_row(out, t, d, "picked", p->picked);
        write_row(out, t, d, "best", p->best);
    }
}

static void write_ranking(hg_json *j, const hg_ranking *r)
{
    hg_json_key_int(j, "pairs", (int64_t)r->pairs);
    hg_json_key_int(j, "concordant", (int64_t)r->concordant);
    hg_json_key_int(j, "discordant", (int64_t)r->discordant);
    hg_json_key_num(j, "tau", r->tau);
}

static void write_picking(hg_json *j, const hg_picking *p)
{
    hg_json_key_num(j, "mean", p->mean);
    hg_json_key_num(j, "at_least_half_frac", p->at_least_half_frac);
    hg_json_key_num(j, "mean_at_most_one", p->mean_at_most_one);
    hg_json_key_int(j, "cases", (int64_t)p->cases);
}

static void write_both(hg_json *j, const hg_picking p[2])
{
    write_picking(j, &p[HG_PICK_PREDICTED]);
    hg_json_key(j, "by_chances");
    hg_json_open(j, '{');
    write_picking(j, &p[HG_PICK_WEIGHED]);
    hg_json_close(j, '}');
}

static void write_json_row(hg_json *j, const hg_serving_table *t, const hg_judged *d, const char *key, size_t row)
{
    hg_json_key(j, key);
    if (row == hg_pick_no_row) {
        hg_json_str(j, NULL);
        return;
    }
    const hg_pick_row *r = &d->rows[row];
    const hg_serving_row *of = &t->rows[d->of[row]];
    hg_json_open(j, '{');
    hg_json_key_str(j, "id", of->id);
    hg_json_key_str(j, "engine_version", of->version);
    hg_json_key_str(j, "shape", hg_judged_shape(j->out->arena, &t->samples[d->of[row]].of));
    hg_json_key_num(j, "devices", r->devices);
    hg_json_key_int(j, "concurrency", of->concurrency);
    hg_json_key_num(j, "tpot_ms", 1e3 * r->tpot_s);
    hg_json_key_num(j, "predicted_tpot_ms", 1e3 * r->predicted_tpot_s);
    hg_json_key_num(j, "ttft_ms", 1e3 * r->ttft_s);
    hg_json_key_num(j, "predicted_ttft_ms", 1e3 * r->predicted_ttft_s);
    hg_json_key_num(j, "tokens_per_s_per_device", hg_pick_throughput(r, r->ttft_s, r->tpot_s));
    hg_json_key_num(j, "predicted_tokens_per_s_per_device", hg_pick_throughput(r, r->predicted_ttft_s, r->predicted_tpot_s));
    hg_json_close(j, '}');
}

static void write_loser(hg_json *j, const hg_serving_table *t, const hg_judged *d, const hg_pick *p)
{
    hg_json_open(j, '{');
    hg_json_key_str(j, "group", d->rows[p->best].group);
    hg_json_key_num(j, "limit_ms", 1e3 * p->limit_s);
    hg_json_key_num(j, "score", p->score);
    hg_json_key_str(j, "reason", hg_judged_reason(j->out->arena, d, p));
    write_json_row(j, t, d, "picked", p->picked);
    write_json_row(j, t, d, "best", p->best);
    hg_json_close(j, '}');
}

static void write_groups(hg_json *j, const hg_judged_group *g, size_t n, bool ranking)
{
    hg_json_key(j, "groups");
    hg_json_open(j, '[');
    for (size_t i = 0; i < n; i++) {
        if (!g[i].key || !(ranking ? g[i].ranking.pairs : g[i].picking[0].cases))
            continue;
        hg_json_open(j, '{');
        hg_json_key_str(j, "group", g[i].key);
        if (ranking)
            write_ranking(j, &g[i].ranking);
        else
            write_both(j, g[i].picking);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

static void write_json(hg_json *j, const hg_serving_table *t, const hg_judged *d)
{
    size_t n, lost;
    const hg_judged_group *g = hg_judge_groups(j->out->arena, d, &n);
    const hg_pick **worst = hg_judged_losers(j->out->arena, d, &lost);
    hg_json_key(j, "ranking");
    hg_json_open(j, '{');
    write_ranking(j, &g[n - 1].ranking);
    write_groups(j, g, n, true);
    hg_json_close(j, '}');
    hg_json_key(j, "picking");
    hg_json_open(j, '{');
    write_both(j, g[n - 1].picking);
    write_groups(j, g, n, false);
    hg_json_key(j, "losers");
    hg_json_open(j, '[');
    for (size_t i = 0; i < lost; i++)
        write_loser(j, t, d, worst[i]);
    hg_json_close(j, ']');
    hg_json_close(j, '}');
}

/* The picks of groups that plan's words can say, by prediction and by plan. */
typedef struct by_plan {
    const char *key, *how;
    hg_judged predicted, planned;
    size_t others;           /* cases in which they pick another row */
} by_plan;

static by_plan judge_plan(hg_arena *arena, const hg_judged *all, const hg_serving_predicted *p, int way)
{
    static const char *const keys[2] = { "by_words", "as_launched" };
    static const char *const hows[2] = { "by its words", "told every knob of the launch" };
    by_plan b = { keys[way], hows[way], hg_judge_within(arena, all, p->planned[way], NULL),
                  hg_judge_within(arena, all, p->planned[way], p->planned[way]), 0 };
    for (size_t i = 0; i < b.planned.pick_count; i++)
        b.others += b.planned.picks[0][i].picked != b.predicted.picks[0][i].picked;
    return b;
}

static hg_picking sum_of(const hg_judged *d)
{
    return hg_picking_of(d->picks[HG_PICK_PREDICTED], d->pick_count);
}

enum { SAMPLE = 6 };

static void write_others(hg_buf *out, const hg_serving_table *t, const by_plan *b)
{
    for (size_t i = 0, shown = 0; i < b->planned.pick_count && shown < SAMPLE; i++) {
        const hg_pick *p = &b->planned.picks[0][i], *q = &b->predicted.picks[0][i];
        if (p->picked == q->picked)
            continue;
        shown++;
        hg_buf_printf(out, "%5.2f, not %.2f: %s, TPOT <= %.0f ms\n", p->score, q->score, b->planned.rows[p->best].group, 1e3 * p->limit_s);
        write_row(out, t, &b->planned, "plan", p->picked);
        write_row(out, t, &b->predicted, "else", q->picked);
    }
}

static void write_plan_text(hg_buf *out, const hg_serving_table *t, const by_plan *b)
{
    hg_picking before = sum_of(&b->predicted), now = sum_of(&b->planned);
    hg_buf_printf(out, "\npicks by plan, %s: %zu runs in groups all of which it can be asked for; %zu cases, mean %.3f, %.1f %% >= 1/2 "
                       "(as predicted: %.3f, %.1f %%); another run is picked in %zu\n", b->how, b->planned.count, now.cases, now.mean,
                  100 * now.at_least_half_frac, before.mean, 100 * before.at_least_half_frac, b->others);
    write_others(out, t, b);
}

static void write_plan_json(hg_json *j, const by_plan *b)
{
    hg_picking now = sum_of(&b->planned), before = sum_of(&b->predicted);
    hg_json_key(j, b->key);
    hg_json_open(j, '{');
    hg_json_key_int(j, "rows", (int64_t)b->planned.count);
    hg_json_key_int(j, "other_picks", (int64_t)b->others);
    write_picking(j, &now);
    hg_json_key(j, "as_predicted");
    hg_json_open(j, '{');
    write_picking(j, &before);
    hg_json_close(j, '}');
    hg_json_close(j, '}');
}

static void write_object(hg_ask *a, const hg_serving_table *t, const hg_buf *errors, const hg_judged *d, const by_plan *plans, hg_buf *out)
{
    hg_json j = { .out = out };
    hg_json_open(&j, '{');
    hg_json_key(&j, "errors");
    hg_json_raw(&j, hg_strndup(a->arena, errors->s, errors->n - 1)); /* but for its newline */
    write_json(&j, t, d);
    if (plans) {
        hg_json_key(&j, "picking_by_plan");
        hg_json_open(&j, '{');
        for (int i = 0; i < 2; i++)
            write_plan_json(&j, &plans[i]);
        hg_json_close(&j, '}');
    }
    hg_json_close(&j, '}');
    hg_buf_puts(out, "\n");
}

void hg_serving_by_plan(hg_ask *a, const hg_serving_case *cases, const hg_overheads *const *overheads, size_t n, hg_serving_predicted *out)
{
    static hg_serving_way *const ways[2] = { hg_serving_planned, hg_serving_planned_as_launched };
    int threads = a->s.threads.n ? (int)a->s.threads.v[0] : 0;
    for (int i = 0; i < 2 && a->s.picks_by_plan.v; i++) {
        hg_serving_figures *figures = HG_NEW(a->arena, hg_serving_figures, n);
        hg_serving_all(ways[i], cases, overheads, n, threads, figures);
        out->planned[i] = figures;
    }
}

bool hg_serving_report_picks(hg_ask *a, const hg_serving_table *t, const hg_serving_predicted *p, const char *by, hg_buf *out)
{
    hg_buf errors = { .arena = a->arena };
    bool picks = a->s.picks.v || a->s.picks_by_plan.v;
    if (!hg_serving_report(a, t, p->figures, by, picks && a->s.json.v ? &errors : out))
        return false;
    if (!picks)
        return true;
    by_plan plans[2];
    hg_judged d = hg_judge(a, t, p, by);
    for (int i = 0; i < 2 && p->planned[0]; i++)
        plans[i] = judge_plan(a->arena, &d, p, i);
    if (a->s.json.v) {
        write_object(a, t, &errors, &d, p->planned[0] ? plans : NULL, out);
        return true;
    }
    write_text(out, t, &d, by);
    for (int i = 0; i < 2 && p->planned[0]; i++)
        write_plan_text(out, t, &plans[i]);
    return true;
}
