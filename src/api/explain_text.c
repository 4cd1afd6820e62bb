#include "api/explained.h"

#include "base/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Shares and gains below these are not shown one by one. */
static const double LEAST_SHARE = 0.005, LEAST_GAIN = 0.005;

enum { NAME_COLUMNS = 46, PARTS_SHOWN = 6 };

const char *hg_by_name(hg_lang lang, int by)
{
    return hg_text_form(lang, (hg_text)(HG_TEXT_by_tensor + by));
}

static const char *seconds(hg_arena *arena, double s)
{
    char text[32];
    return isfinite(s) ? hg_strdup(arena, hg_format(text, sizeof text, s, HG_SECONDS)) : "-";
}

static const char *percent(hg_arena *arena, double frac)
{
    return hg_textf(arena, "%.0f%%", 100 * frac);
}

int hg_columns(const char *s)
{
    int n = 0;
    for (const unsigned char *p = (const unsigned char *)s; *p; p++)
        n += *p < 0x80 || (*p >= 0xC0 && *p < 0xE3) ? 1 : *p >= 0xE3 ? 2 : 0;
    return n;
}

static void name_column(hg_buf *b, const char *name)
{
    int gap = NAME_COLUMNS - hg_columns(name);
    hg_buf_printf(b, "  %s%*s", name, gap > 0 ? gap : 1, "");
}

const char *hg_bottleneck_text(hg_arena *arena, const hg_account *a, const hg_times *t, hg_lang lang)
{
    const hg_part *first = hg_part_first(a, t->most);
    if (!first || a->count == 0) /* a pool that makes the tokens, where answers have only the first */
        return "";
    const char *what = hg_by_name(lang, t->most), *share = percent(arena, t->share[t->most]);
    if (t->share[HG_BY_IDLE] > t->share[t->most])
        return hg_say(arena, lang, HG_TEXT_waits, percent(arena, t->share[HG_BY_IDLE]), what, share,
                      hg_operator_name(lang, first->name));
    return hg_say(arena, lang, HG_TEXT_binds, what, share, hg_operator_name(lang, first->name),
                  percent(arena, hg_part_by(first, t->most) / t->total_s),
                  percent(arena, a->decode_only_s / a->busy_s));
}

static const char *pool_bottleneck(hg_arena *arena, const char *name, const hg_account *a, const hg_times *t, hg_lang lang)
{
    const hg_part *first = hg_part_first(a, t->most);
    const char *what = hg_by_name(lang, t->most), *share = percent(arena, t->share[t->most]);
    if (a->count == 0)
        return "";
    if (t->share[HG_BY_IDLE] > t->share[t->most])
        return hg_say(arena, lang, HG_TEXT_pool_waits, name, percent(arena, t->share[HG_BY_IDLE]), what, share, first->name);
    return hg_say(arena, lang, HG_TEXT_pool_binds, name, what, share, first->name, percent(arena, hg_part_by(first, t->most) / t->total_s));
}

const char *hg_pools_bottleneck_text(hg_arena *arena, const hg_account *prefill, const hg_times *prefill_times, const hg_account *decode,
                                     const hg_times *decode_times, hg_lang lang)
{
    double busy[] = { hg_account_busy(prefill), hg_account_busy(decode) };
    const char *names[] = { hg_pool_name(lang, HG_POOL_PREFILL), hg_pool_name(lang, HG_POOL_DECODE) };
    const char *says[] = { pool_bottleneck(arena, names[0], prefill, prefill_times, lang),
                           pool_bottleneck(arena, names[1], decode, decode_times, lang) };
    int most = busy[1] >= busy[0];
    return hg_textf(arena, "%s\n%s\n%s",
                    hg_say(arena, lang, HG_TEXT_pools_busy, names[most], percent(arena, busy[most]), names[!most], percent(arena, busy[!most])),
                    says[most], says[!most]);
}

static const char *bottleneck(hg_arena *arena, const hg_explained *x, hg_lang lang)
{
    return x->candidate->prefill ? hg_pools_bottleneck_text(arena, &x->prefill_account, &x->prefill_times, &x->account, &x->times, lang)
                                 : hg_bottleneck_text(arena, &x->account, &x->times, lang);
}

static void head(hg_buf *b, const hg_explained *x, hg_lang lang)
{
    hg_arena *arena = b->arena;
    const hg_sim_result *r = &x->metrics.sim;
    hg_buf_puts(b, hg_say(arena, lang, HG_TEXT_head, x->problem->model.name,
                          hg_textf(arena, "%" PRId64, hg_candidate_devices(x->candidate)),
                          x->problem->rates.device.name, hg_candidate_text(arena, x->candidate)));
    hg_buf_puts(b, "\n");
    hg_buf_puts(b, hg_say(arena, lang, HG_TEXT_run, hg_figures(arena, r->requests_per_s, 3),
                          hg_figures(arena, r->output_tokens_per_s, 3), hg_figures(arena, x->metrics.tokens_per_s_per_device, 3),
                          seconds(arena, r->latency[HG_TTFT].mean), seconds(arena, r->latency[HG_TPOT].mean),
                          seconds(arena, r->latency[HG_E2E].mean)));
    hg_buf_printf(b, "\n\n%s\n", bottleneck(arena, x, lang));
}

/* pool NULL: there is one. */
static void by_component(hg_buf *b, const hg_times *t, const char *pool, hg_lang lang)
{
    hg_buf_printf(b, "\n%s\n", pool ? hg_say(b->arena, lang, HG_TEXT_pool_time_head, pool) : hg_text_form(lang, HG_TEXT_time_head));
    for (int by = 0; by < HG_BY; by++) {
        if (t->share[by] < LEAST_SHARE)
            continue;
        name_column(b, hg_by_name(lang, by));
        hg_buf_printf(b, "%6.1f%%\n", 100 * t->share[by]);
    }
    if (t->queue_frac >= LEAST_SHARE)
        hg_buf_printf(b, "%s\n", hg_say(b->arena, lang, HG_TEXT_queue, percent(b->arena, t->queue_frac)));
}

static void by_phase(hg_buf *b, const hg_explained *x, hg_lang lang)
{
    static const hg_text texts[HG_PHASES] = { HG_TEXT_phase_prompts, HG_TEXT_phase_decodes };
    hg_buf_puts(b, "\n");
    for (int phase = 0; phase < HG_PHASES; phase++) {
        const hg_times *t = &x->times;
        if (t->phase_share[phase] <= 0)
            continue;
        hg_buf_puts(b, hg_say(b->arena, lang, texts[phase], percent(b->arena, t->phase_share[phase]),
                              hg_by_name(lang, t->phase_most[phase])));
        const char *sep = hg_text_form(lang, HG_TEXT_list_open);
        for (int by = 0; by < HG_BY_STEPS; by++)
            if (t->phase_by[phase][by] >= LEAST_SHARE) {
                hg_buf_printf(b, "%s%s %.0f%%", sep, hg_by_name(lang, by), 100 * t->phase_by[phase][by]);
                sep = hg_text_form(lang, HG_TEXT_list_comma);
            }
        hg_buf_printf(b, "%s\n", hg_text_form(lang, HG_TEXT_list_close));
    }
}

static void by_operator(hg_buf *b, const hg_account *a, double total_s, hg_lang lang)
{
    hg_buf_printf(b, "\n%s\n", hg_text_form(lang, HG_TEXT_operators_head));
    for (int i = 0; i < a->count; i++) {
        const hg_part *p = &a->parts[i];
        if (p->seconds < LEAST_SHARE * total_s)
            continue;
        name_column(b, hg_operator_name(lang, p->name));
        hg_buf_printf(b, "%6.1f%% %6.1f%% %6.1f%%  %s\n", 100 * p->seconds / total_s, 100 * p->phase_s[HG_WITH_PROMPTS] / total_s,
                      100 * p->phase_s[HG_DECODES_ONLY] / total_s, hg_by_name(lang, hg_part_most(p)));
    }
}

static void fall(hg_buf *b, const hg_explained *x, hg_lang lang)
{
    const hg_waterfall *w = &x->waterfall;
    double left = w->ideal;
    if (w->ideal <= 0)
        return;
    hg_buf_printf(b, "\n%s\n", hg_text_form(lang, HG_TEXT_fall_head));
    name_column(b, hg_text_form(lang, HG_TEXT_fall_ideal));
    hg_buf_printf(b, " %10s %10.0f\n", "", w->ideal);
    for (int i = 0; i < HG_LOSSES; i++) {
        left -= w->loss[i];
        if (w->loss[i] < LEAST_SHARE * (left + w->loss[i]))
            continue;
        name_column(b, hg_text_form(lang, (hg_text)(HG_TEXT_loss_batch + i)));
        hg_buf_printf(b, " %+10.0f %10.0f\n", -w->loss[i], left);
    }
    name_column(b, hg_text_form(lang, x->problem->slo.count ? HG_TEXT_fall_good : HG_TEXT_fall_delivered));
    hg_buf_printf(b, " %10s %10.0f\n", "", w->delivered);
}

static const char *aim_value(hg_arena *arena, hg_aim aim, double v)
{
    return aim == HG_AIM_E2E ? seconds(arena, v) : hg_figures(arena, v, 3);
}

static bool is_none(const hg_bought *t)
{
    return t->fit == HG_FITS && !(fabs(t->gain_frac) >= LEAST_GAIN);
}

static void one_change(hg_buf *b, const hg_explained *x, const hg_bought *t, hg_lang lang)
{
    const char *text = hg_change_text(b->arena, lang, t->change, t->shown);
    const char *comma = hg_text_form(lang, HG_TEXT_list_comma);
    if (t->devices != hg_candidate_devices(x->candidate))
        text = hg_textf(b->arena, "%s%s%s", text, comma,
                        hg_say(b->arena, lang, HG_TEXT_change_gpus, hg_textf(b->arena, "%" PRId64, t->devices)));
    if (x->problem->slo.count && t->metrics.sim.slo_kept && !x->metrics.sim.slo_kept)
        text = hg_textf(b->arena, "%s%s%s", text, comma, hg_text_form(lang, HG_TEXT_change_keeps));
    hg_buf_printf(b, "  %+6.1f%%  ", 100 * t->gain_frac);
    name_column(b, text);
    hg_buf_printf(b, "%10s\n", aim_value(b->arena, x->aim, t->after));
}

static void changes(hg_buf *b, const hg_explained *x, hg_lang lang)
{
    hg_buf none = { .arena = b->arena };
    hg_buf_printf(b, "\n%s\n", hg_say(b->arena, lang, HG_TEXT_change_head,
                                      hg_text_form(lang, (hg_text)(HG_TEXT_aim_good + x->aim)),
                                      aim_value(b->arena, x->aim, hg_aim_value(x->aim, &x->metrics))));
    for (int i = 0; i < x->bought_count; i++) {
        const hg_bought *t = &x->bought[i];
        if (is_none(t))
            hg_buf_printf(&none, "%s%s", none.n ? hg_text_form(lang, HG_TEXT_list_semicolon) : "", hg_change_text(b->arena, lang, t->change, t->shown));
        else if (t->fit == HG_FITS)
            one_change(b, x, t, lang);
    }
    if (none.n)
        hg_buf_printf(b, "  %s\n", hg_say(b->arena, lang, HG_TEXT_change_none, none.s));
    for (int i = 0; i < x->bought_count; i++)
        if (x->bought[i].fit != HG_FITS)
            hg_buf_printf(b, "  %s\n", hg_say(b->arena, lang, HG_TEXT_change_cannot,
                                              hg_change_text(b->arena, lang, x->bought[i].change, x->bought[i].shown),
                                              x->bought[i].reason));
}

/* A row of figures of both. */
static void figure(hg_buf *b, const char *name, const char *before, const char *after)
{
    name_column(b, name);
    hg_buf_printf(b, "%12s %12s\n", before, after);
}

static void figures(hg_buf *b, const hg_explained *x, hg_lang lang)
{
    const hg_metrics *m = &x->metrics, *o = &x->other_metrics;
    hg_arena *arena = b->arena;
    /* Column heads: right-aligned by what they take on a terminal. */
    const char *asked = hg_text_form(lang, HG_TEXT_why_asked), *other = hg_text_form(lang, HG_TEXT_why_other);
    name_column(b, "");
    hg_buf_printf(b, "%*s%s %*s%s\n", 12 - hg_columns(asked), "", asked, 12 - hg_columns(other), "", other);
    figure(b, "GPUs", hg_textf(arena, "%" PRId64, hg_candidate_devices(x->candidate)),
           hg_textf(arena, "%" PRId64, hg_candidate_devices(x->other)));
    figure(b, "output tokens/s", hg_figures(arena, m->sim.output_tokens_per_s, 3), hg_figures(arena, o->sim.output_tokens_per_s, 3));
    figure(b, "output tokens/s/GPU", hg_figures(arena, m->tokens_per_s_per_device, 3), hg_figures(arena, o->tokens_per_s_per_device, 3));
    static const char *const names[HG_METRICS] = { "TTFT", "TPOT", "ITL", "E2E", "queue" };
    for (int k = 0; k < HG_METRICS; k++)
        figure(b, names[k], seconds(arena, m->sim.latency[k].mean), seconds(arena, o->sim.latency[k].mean));
    if (x->problem->slo.count)
        figure(b, "SLO", percent(arena, m->sim.attained_frac), percent(arena, o->sim.attained_frac));
    figure(b, "KV", percent(arena, m->sim.kv_peak_frac), percent(arena, o->sim.kv_peak_frac));
}

static const char *moved(hg_arena *arena, double s)
{
    return hg_textf(arena, "%s%s", s < 0 ? "-" : "+", seconds(arena, fabs(s)));
}

static void differences(hg_buf *b, const hg_explained *x, hg_lang lang)
{
    hg_difference rest = { 0 }, sum = { 0 };
    hg_buf_printf(b, "%s\n", hg_text_form(lang, HG_TEXT_why_parts));
    for (int i = 0; i < x->difference_count; i++) {
        const hg_difference *d = &x->differences[i];
        hg_difference *into = i < PARTS_SHOWN ? &sum : &rest;
        into->before_s += d->before_s;
        into->after_s += d->after_s;
        if (i < PARTS_SHOWN) {
            name_column(b, hg_operator_name(lang, d->name));
            hg_buf_printf(b, "%12s %12s %12s\n", seconds(b->arena, d->before_s), seconds(b->arena, d->after_s),
                          moved(b->arena, d->after_s - d->before_s));
        }
    }
    sum.before_s += rest.before_s;
    sum.after_s += rest.after_s;
    name_column(b, hg_text_form(lang, HG_TEXT_why_rest));
    hg_buf_printf(b, "%12s %12s %12s\n", seconds(b->arena, rest.before_s), seconds(b->arena, rest.after_s),
                  moved(b->arena, rest.after_s - rest.before_s));
    name_column(b, hg_text_form(lang, HG_TEXT_why_sum));
    hg_buf_printf(b, "%12s %12s %12s\n", seconds(b->arena, sum.before_s), seconds(b->arena, sum.after_s),
                  moved(b->arena, sum.after_s - sum.before_s));
}

static void verdict(hg_buf *b, const hg_explained *x, hg_lang lang)
{
    double gain = hg_aim_gain(x->aim, &x->metrics, &x->other_metrics);
    hg_text text = gain >= LEAST_GAIN ? HG_TEXT_why_better : gain <= -LEAST_GAIN ? HG_TEXT_why_worse : HG_TEXT_why_same;
    hg_buf_puts(b, hg_say(b->arena, lang, text, hg_text_form(lang, (hg_text)(HG_TEXT_aim_good + x->aim)),
                          aim_value(b->arena, x->aim, hg_aim_value(x->aim, &x->other_metrics)),
                          aim_value(b->arena, x->aim, hg_aim_value(x->aim, &x->metrics))));
    int64_t now = hg_candidate_devices(x->candidate), then = hg_candidate_devices(x->other);
    if (now != then)
        hg_buf_printf(b, " %s", hg_say(b->arena, lang, HG_TEXT_why_gpus, hg_textf(b->arena, "%" PRId64, then),
                                       hg_textf(b->arena, "%" PRId64, now)));
    hg_buf_puts(b, "\n");
}

static void why_not(hg_buf *b, const hg_explained *x, hg_lang lang)
{
    if (!x->other)
        return;
    hg_buf_puts(b, "\n");
    if (x->other->fit != HG_FITS) {
        hg_buf_printf(b, "%s\n", hg_say(b->arena, lang, HG_TEXT_why_cannot, x->why_not, x->other->reason));
        return;
    }
    if (x->difference_count == 0) {
        hg_buf_printf(b, "%s\n", hg_say(b->arena, lang, HG_TEXT_why_nothing, x->why_not));
        return;
    }
    hg_buf_printf(b, "%s ", hg_say(b->arena, lang, HG_TEXT_why_head, x->why_not, hg_candidate_text(b->arena, x->other)));
    verdict(b, x, lang);
    figures(b, x, lang);
    differences(b, x, lang);
}

static void advice(hg_buf *b, const hg_explained *x, hg_lang lang)
{
    bool any = false;
    for (int i = 0; i < hg_advice_count; i++) {
        const hg_advice *r = &hg_advices[i];
        if (!hg_advice_given(x, r))
            continue;
        if (!any)
            hg_buf_printf(b, "\n%s\n", hg_text_form(lang, HG_TEXT_advice_head));
        any = true;
        const hg_bought *t = hg_bought_named(x, r->change);
        hg_buf_printf(b, "  %s", hg_text_form(lang, r->text));
        if (t && isfinite(t->gain_frac))
            hg_buf_printf(b, " %s", hg_say(b->arena, lang, HG_TEXT_advice_worth,
                                           hg_textf(b->arena, "%s: %+.1f%%", hg_change_text(b->arena, lang, t->change, t->shown),
                                                    100 * t->gain_frac)));
        hg_buf_puts(b, "\n");
    }
}

const char *hg_explained_text(hg_arena *arena, const hg_explained *x, hg_lang lang)
{
    hg_buf b = { .arena = arena };
    head(&b, x, lang);
    why_not(&b, x, lang);
    bool pools = x->candidate->prefill != NULL;
    if (pools) {
        by_component(&b, &x->prefill_times, hg_pool_name(lang, HG_POOL_PREFILL), lang);
        by_operator(&b, &x->prefill_account, x->prefill_times.total_s, lang);
    }
    by_component(&b, &x->times, pools ? hg_pool_name(lang, HG_POOL_DECODE) : NULL, lang);
    by_phase(&b, x, lang);
    by_operator(&b, &x->account, x->times.total_s, lang);
    fall(&b, x, lang);
    changes(&b, x, lang);
    advice(&b, x, lang);
    hg_buf_printf(&b, "\n%s", hg_say(arena, lang, HG_TEXT_origin, x->account.origin));
    if (x->metrics.sim.offered > HG_EXPLAIN_NOTED)
        hg_buf_printf(&b, " %s", hg_say(arena, lang, HG_TEXT_noted, hg_textf(arena, "%d", HG_EXPLAIN_NOTED)));
    hg_buf_puts(&b, "\n");
    return b.s;
}
