#include "api/plan.h"

#include "base/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *seconds(hg_arena *arena, double s)
{
    char text[32];
    return isfinite(s) ? hg_strdup(arena, hg_format(text, sizeof text, s, HG_SECONDS)) : "-";
}

/* Requests a second: offered where a rate was, else those completed. */
static double served(const hg_point *p)
{
    return p->metrics.rate_per_s > 0 ? p->metrics.rate_per_s : p->metrics.sim.requests_per_s;
}

static void row(hg_arena *arena, hg_buf *b, const char *rank, const hg_point *p)
{
    const hg_sim_result *r = &p->metrics.sim;
    hg_buf_printf(b, "%4s  %-44s %8s %9s %9s %9s %9s %8.0f %5.0f%%%s\n", rank,
                  hg_deployment_text(arena, &p->deployment), hg_figures(arena, served(p), 3),
                  hg_figures(arena, p->metrics.goodput_per_device, 3), seconds(arena, r->latency[HG_TTFT].p90),
                  seconds(arena, r->latency[HG_TPOT].p90), seconds(arena, r->latency[HG_E2E].p90),
                  p->metrics.tokens_per_s_per_device, 100 * r->kv_peak_frac,
                  hg_changes_outputs(&p->deployment) ? "  changes outputs" : "");
}

static void table(hg_arena *arena, hg_buf *b, const hg_plan *p)
{
    hg_buf_printf(b, "\n%4s  %-44s %8s %9s %9s %9s %9s %8s %6s\n", "", "deployment", "req/s", "good/s/GPU",
                  "TTFT p90", "TPOT p90", "E2E p90", "tok/s/GPU", "KV");
    for (size_t i = 0; i < p->top_count; i++)
        row(arena, b, hg_textf(arena, "%zu", i + 1), &p->top[i]);
}

enum { PLOT_COLUMNS = 64, PLOT_ROWS = 14 };

/* The Pareto front in characters: logarithmic axes would hide the knee, so both are linear. */
static void plot(hg_buf *b, const hg_plan *p)
{
    char cells[PLOT_ROWS][PLOT_COLUMNS + 1];
    double x_most = 0, y_most = 0;
    if (p->pareto_count < 2)
        return;
    for (size_t i = 0; i < p->pareto_count; i++) {
        x_most = fmax(x_most, p->pareto[i].metrics.tokens_per_s_per_user);
        y_most = fmax(y_most, p->pareto[i].metrics.tokens_per_s_per_device);
    }
    for (int r = 0; r < PLOT_ROWS; r++) {
        memset(cells[r], ' ', PLOT_COLUMNS);
        cells[r][PLOT_COLUMNS] = 0;
    }
    for (size_t i = 0; i < p->pareto_count; i++) {
        int x = (int)(p->pareto[i].metrics.tokens_per_s_per_user / x_most * (PLOT_COLUMNS - 1));
        int y = (int)(p->pareto[i].metrics.tokens_per_s_per_device / y_most * (PLOT_ROWS - 1));
        cells[PLOT_ROWS - 1 - y][x] = (char)(p->pareto[i].deployment.tp < 10 ? '0' + p->pareto[i].deployment.tp : '+');
    }
    hg_buf_printf(b, "\nPareto front: output tokens/s/GPU over tokens/s/user (digits: tp)\n");
    for (int r = 0; r < PLOT_ROWS; r++)
        hg_buf_printf(b, "%8.0f |%s\n", y_most * (PLOT_ROWS - 1 - r) / (PLOT_ROWS - 1), cells[r]);
    hg_buf_printf(b, "%8s +", "");
    for (int c = 0; c < PLOT_COLUMNS; c++)
        hg_buf_puts(b, "-");
    hg_buf_printf(b, "\n%8s  0%*.0f\n", "", PLOT_COLUMNS - 2, x_most);
}

/* " ± 3%": how far from it the highest rate may lie. */
static const char *rate_interval(hg_arena *arena, const hg_plan *p)
{
    double rate = p->top_count ? p->top[0].metrics.rate_per_s : 0;
    double off = fmax(p->rate_hi / rate - 1, 1 - p->rate_lo / rate);
    return p->rate_hi > 0 && rate > 0 ? hg_textf(arena, " ± %.0f%%", ceil(100 * off)) : "";
}

static void limits(hg_arena *arena, hg_buf *b, const hg_plan *p)
{
    const hg_slo *slo = &p->problem->slo;
    const hg_sim_result *r = &p->top[0].metrics.sim;
    for (int i = 0; i < slo->count; i++) {
        const hg_limit *l = &slo->limits[i];
        const char *which = l->percentile > 0 ? hg_textf(arena, "p%g", 100 * l->percentile) : "mean";
        hg_buf_printf(b, "  %-5s %-5s %10s  (limit %s)%s\n", hg_metric_names[l->metric], which,
                      seconds(arena, r->estimates[i].value_s), seconds(arena, l->limit_s),
                      r->estimates[i].kept ? "" : "  BROKEN");
    }
}

static void launch(hg_arena *arena, hg_buf *b, const hg_plan *p, const char *model_word)
{
    const hg_emitter *e = hg_emitter_find(p->problem->engine.name);
    if (!e)
        return;
    hg_launch l = hg_plan_launch(arena, p, &p->top[0], model_word);
    size_t n;
    const char **lines = hg_emit_command(arena, e, &l, &n);
    for (size_t i = 0; i < n; i++)
        hg_buf_printf(b, "%s%s\n", i ? "" : "\n", lines[i]);
    if (e->config_needed)
        hg_buf_printf(b, "(-o DIR writes %s, which holds what has no flag)\n", e->config_name);
    if (l.wanted)
        hg_buf_printf(b, "\nMODEL must name %s: %s does not make one while it loads.\n", l.wanted, p->problem->engine.title);
}

static void what_if(hg_buf *b, const hg_what_if *w)
{
    char gain[32];
    bool lost = w->gain_frac <= -1;
    snprintf(gain, sizeof gain, "%+.1f%%", 100 * w->gain_frac);
    hg_buf_printf(b, "  %9s  %s", lost ? "breaks it" : w->gain_frac == 0 ? "no change" : gain, w->change);
    if (w->gain_frac != 0 && !lost && strcmp(w->metric, "objective") != 0)
        hg_buf_printf(b, " (%s)", strcmp(w->metric, "GPUs") == 0 ? "load a GPU" : "faster answers at as many GPUs");
    hg_buf_puts(b, "\n");
}

static void explanation(hg_buf *b, const hg_plan *p)
{
    hg_buf_puts(b, "\nWhy\n");
    for (size_t i = 0; i < p->reason_count; i++)
        hg_buf_printf(b, "  %s\n", p->reasons[i]);
    hg_buf_printf(b, "\nWhat holds it back\n  %s\n", p->bottleneck);
    if (p->what_if_count)
        hg_buf_puts(b, "\nWhat would change it (each run again with the one change; under 2% is no change)\n");
    for (size_t i = 0; i < p->what_if_count; i++)
        what_if(b, &p->what_ifs[i]);
}

static void counts(hg_buf *b, const hg_plan *p)
{
    hg_buf_printf(b, "\n%zu deployments: %zu cannot run, %zu pruned by their bound, %zu do as another does, %zu simulated; %.2f s%s. Predictions: %s.\n",
                  p->considered, p->infeasible, p->pruned, p->alike, p->simulated, p->elapsed_s,
                  p->interrupted ? "; INTERRUPTED, the best so far" : "", p->origin ? p->origin : "-");
}

static void no_plan(hg_arena *arena, hg_buf *b, const hg_plan *p)
{
    if (p->top_count == 0) {
        if (p->considered == 0) {
            hg_buf_puts(b, "No deployment can run: every shape asked for needs more devices than --total-gpus.\n");
            return;
        }
        hg_buf_puts(b, "No deployment can run:\n");
        for (size_t i = 0; i < p->refusal_count && i < 8; i++)
            hg_buf_printf(b, "  %s: %s\n", hg_deployment_text(arena, &p->refusals[i].deployment),
                          p->refusals[i].reason);
        return;
    }
    hg_buf_puts(b, "No deployment keeps the promise. The nearest:\n");
}

const char *hg_plan_text(hg_arena *arena, const hg_plan *p, const char *model_word)
{
    hg_buf b = { .arena = arena };
    if (!p->found)
        no_plan(arena, &b, p);
    if (p->top_count) {
        const hg_point *best = &p->top[0];
        hg_buf_printf(&b, "%s on %" PRId64 " x %s: %s\n", model_word, hg_deployment_devices(&best->deployment),
                      p->problem->rates.device.name, hg_deployment_text(arena, &best->deployment));
        hg_buf_printf(&b, "  %s req/s%s (%s good req/s/GPU), %.0f output tokens/s, %s tokens/s/user\n",
                      hg_figures(arena, served(best), 3), rate_interval(arena, p),
                      hg_figures(arena, best->metrics.goodput_per_device, 3), best->metrics.sim.output_tokens_per_s,
                      isfinite(best->metrics.tokens_per_s_per_user)
                          ? hg_textf(arena, "%.0f", best->metrics.tokens_per_s_per_user)
                          : "-");
        if (p->found && p->score_text && strcmp(p->objective, "goodput-per-gpu") != 0)
            hg_buf_printf(&b, "  %s: %s\n", p->objective, p->score_text);
        limits(arena, &b, p);
        if (!p->found)
            hg_buf_puts(&b, "\nIt would be launched so, and would break the promise:");
        launch(arena, &b, p, model_word);
        explanation(&b, p);
        if (p->found)
            table(arena, &b, p);
        plot(&b, p);
    }
    counts(&b, p);
    return b.s;
}
