#include "api/explained.h"
#include "api/plan_rates_out.h"
#include "api/plan_detail.h"

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

static const char *form(const hg_plan *p, hg_text text)
{
    return hg_text_form(p->lang, text);
}

static const char *whole(hg_arena *arena, double n)
{
    return hg_textf(arena, "%.0f", n);
}

/* A cell of so many columns on a terminal: to the right, or (negative) to the left. */
static void cell(hg_buf *b, int width, const char *text)
{
    int gap = (width < 0 ? -width : width) - hg_columns(text);
    gap = gap > 0 ? gap : 0;
    hg_buf_printf(b, "%*s%s%*s", width > 0 ? gap : 0, "", text, width < 0 ? gap : 0, "");
}

/* Requests a second: offered where a rate was, else those completed. */
static double served(const hg_point *p)
{
    return p->metrics.rate_per_s > 0 ? p->metrics.rate_per_s : p->metrics.sim.requests_per_s;
}

enum { TABLE_COLUMNS = 10 };

static void table_line(hg_buf *b, const char *const cells[TABLE_COLUMNS], const char *tail)
{
    static const int widths[TABLE_COLUMNS] = { 4, -44, 8, 9, 9, 9, 9, 8, 5 };
    for (int i = 0; widths[i]; i++) {
        hg_buf_puts(b, i == 1 ? "  " : i ? " " : "");
        cell(b, widths[i], cells[i]);
    }
    hg_buf_printf(b, "%s\n", tail);
}

static void row(hg_buf *b, const hg_plan *plan, size_t rank, const hg_point *p)
{
    const hg_sim_result *r = &p->metrics.sim;
    hg_arena *arena = b->arena;
    const char *cells[TABLE_COLUMNS] = {
        hg_textf(arena, "%zu", rank), hg_point_text(arena, p), hg_figures(arena, served(p), 3),
        hg_figures(arena, p->metrics.goodput_per_device, 3), seconds(arena, r->latency[HG_TTFT].p90),
        seconds(arena, r->latency[HG_TPOT].p90), seconds(arena, r->latency[HG_E2E].p90),
        whole(arena, p->metrics.tokens_per_s_per_device), hg_textf(arena, "%.0f%%", 100 * r->kv_peak_frac) };
    bool changes = hg_changes_outputs(&p->deployment);
    table_line(b, cells, changes ? hg_textf(arena, "  %s", form(plan, HG_TEXT_plan_outputs)) : "");
}

static void table(hg_buf *b, const hg_plan *p)
{
    const char *heads[TABLE_COLUMNS] = { "", form(p, HG_TEXT_plan_table_deployment), form(p, HG_TEXT_plan_table_rate),
                                         form(p, HG_TEXT_plan_table_good), "TTFT p90", "TPOT p90", "E2E p90",
                                         form(p, HG_TEXT_plan_table_tokens), "KV" };
    hg_buf_puts(b, "\n");
    table_line(b, heads, "");
    for (size_t i = 0; i < p->top_count; i++)
        row(b, p, i + 1, &p->top[i]);
}

enum { PLOT_COLUMNS = 64, PLOT_ROWS = 12 };

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
    hg_buf_printf(b, "\n%s\n", form(p, HG_TEXT_plan_front));
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
        hg_buf_printf(b, "  %-5s %-5s %10s  (%s)%s%s\n", hg_metric_names[l->metric], which,
                      seconds(arena, r->estimates[i].value_s), hg_say(arena, p->lang, HG_TEXT_plan_limit, seconds(arena, l->limit_s)),
                      r->estimates[i].kept ? "" : "  ", r->estimates[i].kept ? "" : form(p, HG_TEXT_plan_broken));
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
        hg_buf_printf(b, "%s\n", hg_say(arena, p->lang, HG_TEXT_plan_config, e->config_name));
    if (l.wanted)
        hg_buf_printf(b, "\n%s\n", hg_say(arena, p->lang, HG_TEXT_plan_model, l.wanted, p->problem->engine.title));
}

/* ---- where memory and time go, shortly ---- */

static void ledger(hg_buf *b, const hg_plan *p)
{
    const hg_memory *m = &p->memory;
    const double bytes[] = { m->weight_bytes, m->kv_bytes, m->activation_bytes, m->state_bytes, m->context_bytes };
    static const hg_text names[] = { HG_TEXT_memory_weights, HG_TEXT_memory_kv, HG_TEXT_memory_activations,
                                     HG_TEXT_memory_states, HG_TEXT_memory_context };
    const char *sep = "";
    hg_buf_printf(b, "\n%s\n  ", form(p, HG_TEXT_plan_ledger));
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++)
        if (bytes[i] > 0) {
            hg_buf_printf(b, "%s%s %.1f", sep, form(p, names[i]), bytes[i] / 0x1p30);
            sep = " + ";
        }
    hg_buf_printf(b, " = %s\n", hg_say(b->arena, p->lang, HG_TEXT_plan_ledger_of,
                                       hg_textf(b->arena, "%.1f GiB", m->budget_bytes / 0x1p30),
                                       hg_textf(b->arena, "%.1f GiB", m->total_bytes / 0x1p30)));
}

enum { LOSS_COLUMNS = 44 };
static const double LEAST_LOSS = 0.01; /* of the ideal; those below are one line */

static void fall_line(hg_buf *b, const char *name, const char *loss, double left)
{
    hg_buf_puts(b, "  ");
    cell(b, -LOSS_COLUMNS, name);
    hg_buf_printf(b, "%10s %9.0f\n", loss, left);
}

static void waterfall(hg_buf *b, const hg_plan *p)
{
    const hg_waterfall *w = &p->detail->waterfall;
    double left = w->ideal, small = 0;
    if (!(w->ideal > 0))
        return;
    hg_buf_printf(b, "\n%s\n", form(p, HG_TEXT_fall_head));
    fall_line(b, form(p, HG_TEXT_fall_ideal), "", w->ideal);
    for (int i = 0; i < HG_LOSSES; i++) {
        if (fabs(w->loss[i]) < LEAST_LOSS * w->ideal) {
            small += w->loss[i];
            continue;
        }
        left -= w->loss[i];
        fall_line(b, form(p, (hg_text)(HG_TEXT_loss_batch + i)), hg_textf(b->arena, "%+.0f", -w->loss[i]), left);
    }
    if (fabs(small) >= 0.5)
        fall_line(b, form(p, HG_TEXT_plan_rest_losses), hg_textf(b->arena, "%+.0f", -small), left - small);
    fall_line(b, form(p, p->problem->slo.count ? HG_TEXT_fall_good : HG_TEXT_fall_delivered), "", w->delivered);
}

const char *hg_varied_text(hg_arena *arena, hg_lang lang, const hg_varied *v)
{
    const char *good = hg_textf(arena, "%.0f%%", floor(100 * v->attained_frac));
    if (!v->known)
        return hg_text_form(lang, HG_TEXT_vary_unknown);
    if (v->fixed_load)
        return hg_say(arena, lang, v->kept ? HG_TEXT_vary_keeps : HG_TEXT_vary_broken, good);
    return v->gain_frac <= -1  ? hg_text_form(lang, HG_TEXT_plan_breaks)
           : v->gain_frac == 0 ? hg_text_form(lang, HG_TEXT_plan_no_change)
                               : hg_textf(arena, "%+.1f%%", 100 * v->gain_frac);
}

static void sensitivity(hg_buf *b, const hg_plan *p)
{
    if (p->detail->sensitivity_count == 0)
        return;
    hg_buf_printf(b, "\n%s\n  ", form(p, HG_TEXT_vary_head));
    cell(b, -24, "");
    cell(b, 18, form(p, HG_TEXT_vary_less));
    cell(b, 18, form(p, HG_TEXT_vary_more));
    for (int i = 0; i < p->detail->sensitivity_count; i++) {
        const hg_sensitivity *s = &p->detail->sensitivity[i];
        hg_buf_puts(b, "\n  ");
        cell(b, -24, form(p, s->vary->text));
        cell(b, 18, hg_varied_text(b->arena, p->lang, &s->at[0]));
        cell(b, 18, hg_varied_text(b->arena, p->lang, &s->at[1]));
    }
    hg_buf_puts(b, "\n");
}

/* ---- why, and what would change it ---- */

static void what_if(hg_buf *b, const hg_plan *p, const hg_what_if *w)
{
    bool lost = w->gain_frac <= -1, gpus = strcmp(w->metric, "GPUs") == 0;
    hg_buf_puts(b, "  ");
    cell(b, 9, lost ? form(p, HG_TEXT_plan_breaks) : w->gain_frac == 0 ? form(p, HG_TEXT_plan_no_change)
                                                                       : hg_textf(b->arena, "%+.1f%%", 100 * w->gain_frac));
    hg_buf_printf(b, "  %s", w->change);
    if (w->gain_frac != 0 && !lost && strcmp(w->metric, "objective") != 0)
        hg_buf_printf(b, "%s%s%s", form(p, HG_TEXT_list_open), form(p, gpus ? HG_TEXT_plan_gain_gpus : HG_TEXT_plan_gain_e2e),
                      form(p, HG_TEXT_list_close));
    hg_buf_puts(b, "\n");
}

static void explanation(hg_buf *b, const hg_plan *p)
{
    hg_buf_printf(b, "\n%s\n", form(p, HG_TEXT_plan_why));
    for (size_t i = 0; i < p->reason_count; i++)
        hg_buf_printf(b, "  %s\n", p->reasons[i]);
    hg_buf_printf(b, "\n%s\n  %s\n", form(p, HG_TEXT_plan_holds), p->bottleneck);
    if (p->detail)
        waterfall(b, p);
    ledger(b, p);
    if (p->what_if_count)
        hg_buf_printf(b, "\n%s\n", form(p, HG_TEXT_plan_changes));
    for (size_t i = 0; i < p->what_if_count; i++)
        what_if(b, p, &p->what_ifs[i]);
    if (p->detail)
        sensitivity(b, p);
}

static void counts(hg_buf *b, const hg_plan *p)
{
    hg_arena *arena = b->arena;
    hg_buf_printf(b, "\n%s\n", hg_say(arena, p->lang, HG_TEXT_plan_counts, hg_textf(arena, "%zu", p->considered),
                                      hg_textf(arena, "%zu", p->infeasible), hg_textf(arena, "%zu", p->pruned),
                                      hg_textf(arena, "%zu", p->alike), hg_textf(arena, "%zu", p->simulated),
                                      p->from_history ? hg_say(arena, p->lang, HG_TEXT_plan_from_history, hg_textf(arena, "%zu", p->from_history)) : "",
                                      hg_textf(arena, "%.2f", p->elapsed_s),
                                      p->interrupted ? form(p, HG_TEXT_plan_interrupted) : "", p->origin ? p->origin : "-"));
}

static void no_plan(hg_arena *arena, hg_buf *b, const hg_plan *p)
{
    if (p->top_count) {
        hg_buf_printf(b, "%s\n", form(p, HG_TEXT_plan_nearest));
        return;
    }
    hg_buf_printf(b, "%s\n", form(p, p->refusal_count ? HG_TEXT_plan_none : HG_TEXT_plan_none_any));
    for (size_t i = 0; i < p->refusal_count && i < 8; i++)
        hg_buf_printf(b, "  %s: %s\n", hg_deployment_text(arena, &p->refusals[i].deployment), p->refusals[i].reason);
}

static void figures(hg_arena *arena, hg_buf *b, const hg_plan *p, const char *model_word)
{
    const hg_point *best = &p->top[0];
    const hg_metrics *m = &best->metrics;
    hg_buf_printf(b, "%s\n", hg_say(arena, p->lang, HG_TEXT_plan_head, model_word,
                                    hg_textf(arena, "%" PRId64, hg_point_devices(best)),
                                    p->problem->rates.device.name, hg_point_text(arena, best)));
    hg_buf_printf(b, "  %s\n", hg_say(arena, p->lang, HG_TEXT_plan_figures, hg_figures(arena, served(best), 3),
                                      rate_interval(arena, p), hg_figures(arena, m->goodput_per_device, 3),
                                      whole(arena, m->sim.output_tokens_per_s),
                                      isfinite(m->tokens_per_s_per_user) ? whole(arena, m->tokens_per_s_per_user) : "-"));
    if (p->found && p->score_text && strcmp(p->objective, "goodput-per-gpu") != 0)
        hg_buf_printf(b, "  %s: %s\n", p->objective, p->score_text);
    limits(arena, b, p);
    if (p->found && isfinite(p->chance))
        hg_buf_printf(b, "  %s\n", hg_say(arena, p->lang, HG_TEXT_plan_chance, whole(arena, 100 * p->chance)));
}

const char *hg_plan_text(hg_arena *arena, const hg_plan *p, const char *model_word)
{
    hg_buf b = { .arena = arena };
    if (!p->found)
        no_plan(arena, &b, p);
    if (p->top_count) {
        figures(arena, &b, p, model_word);
        if (!p->found)
            hg_buf_printf(&b, "\n%s", form(p, HG_TEXT_plan_launched));
        launch(arena, &b, p, model_word);
        explanation(&b, p);
        if (p->found)
            table(&b, p);
        plot(&b, p);
        if (p->found && p->rate_count)
            hg_rates_text(&b, p);
    }
    counts(&b, p);
    return b.s;
}
