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

enum { LINE_COLUMNS = 100 };     /* of a command that is folded */

static const char *form(const hg_plan *p, hg_text text)
{
    return hg_text_form(p->lang, text);
}

static const char *whole(hg_arena *arena, double n)
{
    return hg_textf(arena, "%.0f", n);
}

static void lines(hg_buf *b, const char *text)
{
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
        hg_buf_printf(b, "  %.*s\n", (int)strcspn(text, "\n"), text);
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

enum { TABLE_COLUMNS = 10, DEPLOYMENT_COLUMNS = 44 };

static void table_line(hg_buf *b, int deployment, const char *const cells[TABLE_COLUMNS], const char *tail)
{
    static const int widths[TABLE_COLUMNS] = { 4, -DEPLOYMENT_COLUMNS, 8, 9, 9, 9, 9, 8, 5 };
    for (int i = 0; widths[i]; i++) {
        hg_buf_puts(b, i == 1 ? "  " : i ? " " : "");
        cell(b, i == 1 ? -deployment : widths[i], cells[i]);
    }
    hg_buf_printf(b, "%s\n", tail);
}

/* A pool's line, named where there are two. */
static const char *pool_text(hg_arena *arena, const hg_plan *plan, const hg_point *p, hg_pool_role role)
{
    if (!p->prefill.replicas)
        return role == HG_POOL_PREFILL ? "" : hg_deployment_text(arena, &p->deployment);
    return hg_textf(arena, "%s %s", hg_pool_name(plan->lang, role),
                    hg_deployment_text(arena, role == HG_POOL_PREFILL ? &p->prefill : &p->deployment));
}

static int deployment_columns(hg_arena *arena, const hg_plan *p)
{
    int most = DEPLOYMENT_COLUMNS;
    for (size_t i = 0; i < p->top_count; i++)
        for (int role = HG_POOL_PREFILL; role <= HG_POOL_DECODE; role++) {
            int n = hg_columns(pool_text(arena, p, &p->top[i], (hg_pool_role)role));
            most = n > most ? n : most;
        }
    return most;
}

static void row(hg_buf *b, const hg_plan *plan, int width, size_t rank, const hg_point *p)
{
    const hg_sim_result *r = &p->metrics.sim;
    hg_arena *arena = b->arena;
    const char *cells[TABLE_COLUMNS] = {
        hg_textf(arena, "%zu", rank), pool_text(arena, plan, p, p->prefill.replicas ? HG_POOL_PREFILL : HG_POOL_DECODE), hg_figures(arena, served(p), 3),
        hg_figures(arena, p->metrics.goodput_per_device, 3), seconds(arena, r->latency[HG_TTFT].p90),
        seconds(arena, r->latency[HG_TPOT].p90), seconds(arena, r->latency[HG_E2E].p90),
        whole(arena, p->metrics.tokens_per_s_per_device), hg_textf(arena, "%.0f%%", 100 * r->kv_peak_frac) };
    bool changes = hg_changes_outputs(&p->deployment);
    const char *scene = plan->scene_count ? hg_textf(arena, "  %s, %s %.0f%%", plan->scenes[p->scene].name, form(plan, HG_TEXT_plan_scene_part), 100 * p->score) : "";
    table_line(b, width, cells, hg_textf(arena, "%s%s%s", changes ? "  " : "", changes ? form(plan, HG_TEXT_plan_outputs) : "", scene));
    if (p->prefill.replicas)
        hg_buf_printf(b, "%6s%s\n", "", pool_text(arena, plan, p, HG_POOL_DECODE));
}

static void table(hg_buf *b, const hg_plan *p)
{
    const char *heads[TABLE_COLUMNS] = { "", form(p, HG_TEXT_plan_table_deployment), form(p, HG_TEXT_plan_table_rate),
                                         form(p, HG_TEXT_plan_table_good), "TTFT p90", "TPOT p90", "E2E p90",
                                         form(p, HG_TEXT_plan_table_tokens), "KV" };
    int width = deployment_columns(b->arena, p);
    hg_buf_puts(b, "\n");
    table_line(b, width, heads, "");
    for (size_t i = 0; i < p->top_count; i++)
        row(b, p, width, i + 1, &p->top[i]);
    if (p->top_count > 1)
        hg_buf_printf(b, "%6s%s\n", "", form(p, HG_TEXT_plan_table_note));
}

/* What each kind of traffic gets. */
static void scenes(hg_buf *b, const hg_plan *p)
{
    static const int widths[] = { -22, 8, 9, 9, 9 };
    hg_arena *arena = b->arena;
    if (!p->scene_count)
        return;
    hg_buf_printf(b, "\n%s\n", form(p, p->load_given ? HG_TEXT_plan_scenes_loads : HG_TEXT_plan_scenes));
    for (size_t i = 0; i <= p->scene_count; i++) {
        const hg_scene_row *s = i ? &p->scenes[i - 1] : NULL;
        const hg_sim_result *r = s ? &s->metrics.sim : NULL;
        double rate = s ? s->metrics.rate_per_s > 0 ? s->metrics.rate_per_s : r->requests_per_s : 0;
        const char *cells[] = { s ? s->name : form(p, HG_TEXT_plan_scene), s ? hg_figures(arena, rate, 3) : form(p, HG_TEXT_plan_table_rate),
                                s ? seconds(arena, r->latency[HG_TTFT].p90) : "TTFT p90", s ? seconds(arena, r->latency[HG_TPOT].p90) : "TPOT p90",
                                !s ? form(p, HG_TEXT_plan_scene_part) : isfinite(s->own_best) ? hg_textf(arena, "%.0f%%", 100 * s->part) : "-" };
        hg_buf_puts(b, "  ");
        for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
            hg_buf_puts(b, k ? " " : "");
            cell(b, widths[k], cells[k]);
        }
        hg_buf_printf(b, "%s\n", s && i - 1 == p->top[0].scene ? hg_textf(arena, "  %s", form(p, HG_TEXT_plan_scene_shown)) : "");
    }
}

static void choice_line(hg_buf *b, const char *const cells[TABLE_COLUMNS], const char *tail)
{
    static const int widths[TABLE_COLUMNS] = { -22, -9, 6, 8, 9, 9, 9 };
    hg_buf_puts(b, "  ");
    for (int i = 0; widths[i]; i++) {
        hg_buf_puts(b, i ? " " : "");
        cell(b, widths[i], cells[i]);
    }
    hg_buf_printf(b, "  %s\n", tail);
}

/* Devices and engines, each by its best. */
static void choices(hg_buf *b, const hg_plan *p)
{
    hg_arena *arena = b->arena;
    const char *heads[TABLE_COLUMNS] = { form(p, HG_TEXT_plan_choice_device), form(p, HG_TEXT_plan_choice_engine), "GPUs",
                                         form(p, HG_TEXT_plan_table_rate), "TTFT p90", "TPOT p90", form(p, HG_TEXT_plan_rates_price) };
    if (!p->choice_count)
        return;
    hg_buf_printf(b, "\n%s\n", form(p, hg_choices_heading(p)));
    choice_line(b, heads, "");
    for (size_t i = 0; i < p->choice_count; i++) {
        const hg_choice_row *c = &p->choices[i];
        if (!c->best) {
            hg_buf_printf(b, "  %s, %s: %s\n", c->device ? c->device : "-", c->engine, c->reason ? c->reason : form(p, HG_TEXT_plan_choice_nothing));
            continue;
        }
        const hg_summary *of = c->best->metrics.sim.latency;
        const char *cells[TABLE_COLUMNS] = { c->device, c->engine, hg_textf(arena, "%" PRId64, hg_point_devices(c->best)),
                                             hg_figures(arena, served(c->best), 3), seconds(arena, of[HG_TTFT].p90),
                                             seconds(arena, of[HG_TPOT].p90),
                                             c->usd_per_h > 0 ? hg_textf(arena, "%.2f", c->usd_per_h) : "-" };
        const char *best = hg_point_text(arena, c->best);
        choice_line(b, cells, c->found ? hg_textf(arena, "%s%s%s", best, c->score_text ? "  " : "", c->score_text ? c->score_text : "")
                                       : hg_textf(arena, "%s  %s", form(p, HG_TEXT_plan_broken), best));
    }
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

/* Of many servers that differ in place only one is shown. */
static void launch_pools(hg_buf *b, const hg_plan *p, const hg_emitter *e, const hg_launch *l)
{
    hg_launch_step steps[HG_LAUNCH_STEPS];
    size_t n = hg_launch_steps(b->arena, p->lang, e, l, steps);
    hg_buf_printf(b, "\n%s %s\n", hg_launch_order(b->arena, p->lang, e, l, p->found ? "1/" : ""), form(p, HG_TEXT_pools_written));
    lines(b, hg_launch_places(b->arena, p->lang, e, l));
    for (size_t i = 0; i < n; i++)
        hg_buf_printf(b, "\n%s\n%s\n", steps[i].says, hg_folded(b->arena, steps[i].command, LINE_COLUMNS));
}

static void launch(hg_arena *arena, hg_buf *b, const hg_plan *p, const char *model_word)
{
    const hg_emitter *e = hg_emitter_find(p->problem->engine.name);
    if (!e)
        return;
    hg_launch l = hg_plan_launch(arena, p, &p->top[0], model_word);
    size_t n;
    const char **lines = hg_emit_command(arena, e, &l, &n);
    if (l.prefill)
        launch_pools(b, p, e, &l);
    for (size_t i = 0; !l.prefill && i < n; i++)
        hg_buf_printf(b, "%s%s\n", i ? "" : "\n", lines[i]);
    if (e->config_needed)
        hg_buf_printf(b, "%s\n", hg_say(arena, p->lang, HG_TEXT_plan_config, e->config_name));
    if (l.wanted)
        hg_buf_printf(b, "\n%s\n", hg_say(arena, p->lang, HG_TEXT_plan_model, l.wanted, p->problem->engine.title));
}

/* ---- where memory and time go, shortly ---- */

static void ledger(hg_buf *b, const hg_plan *p, const hg_memory *m, const char *of)
{
    const double bytes[] = { m->weight_bytes, m->kv_bytes, m->activation_bytes, m->state_bytes, m->context_bytes };
    static const hg_text names[] = { HG_TEXT_memory_weights, HG_TEXT_memory_kv, HG_TEXT_memory_activations,
                                     HG_TEXT_memory_states, HG_TEXT_memory_context };
    const char *sep = "";
    hg_buf_printf(b, "  %s", of);
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
    hg_buf_printf(b, "\n%s\n", form(p, HG_TEXT_plan_holds));
    lines(b, p->bottleneck);
    if (p->detail)
        waterfall(b, p);
    bool pools = p->top[0].prefill.replicas > 0;
    hg_buf_printf(b, "\n%s\n", form(p, HG_TEXT_plan_ledger));
    if (pools)
        ledger(b, p, &p->prefill_memory, hg_say(b->arena, p->lang, HG_TEXT_spell_pool, hg_pool_name(p->lang, HG_POOL_PREFILL)));
    ledger(b, p, &p->memory, pools ? hg_say(b->arena, p->lang, HG_TEXT_spell_pool, hg_pool_name(p->lang, HG_POOL_DECODE)) : "");
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
        choices(&b, p);
        scenes(&b, p);
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
    if (p->top_count && hg_plan_again(arena, p))
        hg_buf_printf(&b, "\n%s\n%s\n", form(p, HG_TEXT_plan_again), hg_folded(arena, hg_plan_again(arena, p), LINE_COLUMNS));
    counts(&b, p);
    return b.s;
}
