#include "api/report.h"

#include "base/units.h"

#include <inttypes.h>
#include <math.h>

static void row(const hg_report *r, hg_text what, const char *value, const char *from, const char *error)
{
    hg_html(r->b, "<tr><th scope=\"row\">%s</th><td>%s</td><td class=\"mute\">%s</td><td>%s</td></tr>\n", hg_report_form(r, what), value, from,
            error ? error : "–");
}

static const char *per_s(const hg_report *r, double bytes_per_s)
{
    char text[32];
    return bytes_per_s > 0 ? hg_strdup(r->arena, hg_format(text, sizeof text, bytes_per_s, HG_BYTES_PER_S)) : "–";
}

/* ---- what steps cost ---- */

static void kernels(const hg_report *r)
{
    const hg_account *a = &r->p->detail->account;
    const hg_rates *rates = &r->p->problem->rates;
    double s = 0, lo_s = 0, hi_s = 0;
    for (int i = 0; i < a->count; i++)
        if (!a->parts[i].host) {
            s += a->parts[i].seconds;
            lo_s += a->parts[i].lo_s;
            hi_s += a->parts[i].hi_s;
        }
    if (!(s > 0))
        return;
    row(r, HG_TEXT_assume_kernels, hg_say(r->arena, r->p->lang, HG_TEXT_assume_kernels_value, hg_html_percent(r->arena, s / a->busy_s)),
        hg_say(r->arena, r->p->lang, HG_TEXT_assume_kernels_from, r->p->origin ? r->p->origin : "–", rates->engine ? rates->engine : "–",
               rates->version ? rates->version : ""),
        hg_say(r->arena, r->p->lang, HG_TEXT_assume_kernels_error, hg_html_percent(r->arena, 1 - lo_s / s),
               hg_html_percent(r->arena, hi_s / s - 1)));
}

static void host(const hg_report *r)
{
    const hg_account *a = &r->p->detail->account;
    const hg_overheads *o = &r->p->problem->engine.overheads;
    double s = 0;
    for (int i = 0; i < a->count; i++)
        s += a->parts[i].host ? a->parts[i].seconds : 0;
    row(r, HG_TEXT_assume_host, hg_say(r->arena, r->p->lang, HG_TEXT_assume_host_value, hg_html_percent(r->arena, a->busy_s > 0 ? s / a->busy_s : 0)),
        o->fitted ? hg_say(r->arena, r->p->lang, HG_TEXT_assume_host_from, o->fitted) : hg_report_form(r, HG_TEXT_assume_host_unknown), NULL);
    if (!(o->ttft_band[1] > 0))
        return;
    const double bands[4] = { o->ttft_band[0], o->ttft_band[1], o->tpot_band[0], o->tpot_band[1] };
    const char *text[4];
    for (int i = 0; i < 4; i++)
        text[i] = hg_textf(r->arena, "%.2f", bands[i]);
    row(r, HG_TEXT_assume_runs, hg_report_form(r, HG_TEXT_assume_runs_value), hg_report_form(r, HG_TEXT_assume_runs_from),
        hg_say(r->arena, r->p->lang, HG_TEXT_assume_runs_error, text[0], text[1], text[2], text[3]));
}

/* ---- what it runs on ---- */

static void hardware(const hg_report *r)
{
    const hg_device *d = &r->p->problem->rates.device;
    row(r, HG_TEXT_assume_device,
        hg_say(r->arena, r->p->lang, HG_TEXT_assume_device_value, hg_html_gib(r->arena, r->p->memory.total_bytes), per_s(r, d->memory_bytes_per_s),
               per_s(r, d->node_bytes_per_s), per_s(r, d->net_bytes_per_s)),
        hg_say(r->arena, r->p->lang, HG_TEXT_assume_device_from, d->name), NULL);
}

static bool has_experts(const hg_model *m)
{
    for (int64_t i = 0; i < m->layer_kinds; i++)
        if (m->layers[i].ffn == HG_FFN_MOE)
            return true;
    return false;
}

static void software(const hg_report *r)
{
    const hg_problem *q = r->p->problem;
    const hg_deployment *d = &r->p->top[0].deployment;
    const char *version = q->rates.asked ? q->rates.asked : q->rates.version ? q->rates.version : "";
    row(r, HG_TEXT_assume_engine,
        hg_say(r->arena, r->p->lang, HG_TEXT_assume_engine_value, q->engine.title ? q->engine.title : q->engine.name, version),
        hg_say(r->arena, r->p->lang, HG_TEXT_assume_engine_from, q->engine.name), NULL);
    hg_dtype weights = d->precision_is_checkpoints ? q->model.precision.mlp : d->precision;
    row(r, HG_TEXT_assume_model,
        hg_say(r->arena, r->p->lang, HG_TEXT_assume_model_value, q->model.name, hg_dtype_table[weights].name, hg_dtype_table[d->kv_dtype].name),
        hg_report_form(r, hg_changes_outputs(d) ? HG_TEXT_assume_precision : HG_TEXT_assume_checkpoint), NULL);
    if (has_experts(&q->model))
        row(r, HG_TEXT_assume_experts, hg_report_form(r, HG_TEXT_assume_experts_value), r->p->origin ? r->p->origin : "–", NULL);
    row(r, HG_TEXT_assume_draft,
        d->accepted_tokens > 0 ? hg_say(r->arena, r->p->lang, HG_TEXT_assume_draft_value, hg_html_number(r->arena, d->accepted_tokens))
                               : hg_report_form(r, HG_TEXT_assume_draft_off),
        hg_report_form(r, HG_TEXT_assume_words), NULL);
    row(r, HG_TEXT_assume_memory,
        hg_say(r->arena, r->p->lang, HG_TEXT_assume_memory_value, hg_html_gib(r->arena, r->p->memory.budget_bytes),
               hg_html_gib(r->arena, r->p->memory.total_bytes)),
        hg_say(r->arena, r->p->lang, HG_TEXT_assume_engine_from, q->engine.name), NULL);
}

/* ---- what comes ---- */

static void traffic(const hg_report *r)
{
    const hg_workload *w = &r->p->problem->workload;
    double isl = 0, osl = 0;
    for (size_t i = 0; i < w->count; i++) {
        isl += w->requests[i].isl;
        osl += w->requests[i].osl;
    }
    row(r, HG_TEXT_assume_traffic,
        hg_say(r->arena, r->p->lang, HG_TEXT_assume_traffic_value, w->name, hg_html_fixed(r->arena, (double)w->count, 0),
               hg_html_fixed(r->arena, isl / (double)w->count, 0), hg_html_fixed(r->arena, osl / (double)w->count, 0)),
        hg_report_form(r, HG_TEXT_assume_traffic_from), NULL);
    row(r, HG_TEXT_assume_arrivals,
        hg_say(r->arena, r->p->lang, HG_TEXT_assume_arrivals_value,
               w->load == HG_LOAD_NONE ? hg_report_form(r, HG_TEXT_assume_arrivals_poisson) : hg_report_load(r),
               hg_textf(r->arena, "%" PRIu64, r->p->problem->seed)),
        hg_report_form(r, HG_TEXT_assume_words), NULL);
    row(r, HG_TEXT_assume_prefix,
        !r->p->top[0].deployment.prefix_caching ? hg_report_form(r, HG_TEXT_assume_prefix_off)
        : w->hash_block_tokens == 0             ? hg_report_form(r, HG_TEXT_assume_prefix_none)
                                                : hg_say(r->arena, r->p->lang, HG_TEXT_assume_prefix_value,
                                                         hg_html_percent(r->arena, r->p->top[0].metrics.sim.prefix_hit_frac)),
        hg_report_form(r, HG_TEXT_assume_words), NULL);
}

static void rest(const hg_report *r)
{
    double rate = r->p->top[0].metrics.rate_per_s, off = fmax(r->p->rate_hi / rate - 1, 1 - r->p->rate_lo / rate);
    if (r->p->rate_hi > 0 && rate > 0)
        row(r, HG_TEXT_assume_simulation, hg_report_form(r, HG_TEXT_assume_simulation_value), hg_report_form(r, HG_TEXT_assume_repeats),
            hg_say(r->arena, r->p->lang, HG_TEXT_assume_simulation_error, hg_textf(r->arena, "%.0f%%", ceil(100 * off))));
    if (r->p->problem->price_usd_per_s > 0)
        row(r, HG_TEXT_assume_price,
            hg_say(r->arena, r->p->lang, HG_TEXT_assume_price_value, hg_html_number(r->arena, 3600 * r->p->problem->price_usd_per_s)),
            hg_report_form(r, HG_TEXT_assume_price_from), NULL);
    row(r, HG_TEXT_assume_not, hg_report_form(r, HG_TEXT_assume_not_value), "–", NULL);
}

/* ---- every part of a step ---- */

static void parts(const hg_report *r)
{
    static const hg_column columns[] = { { HG_TEXT_column_part, "" }, { HG_TEXT_column_share, "n" }, { HG_TEXT_column_origin_of, "" },
                                         { HG_TEXT_column_half, "n" }, { 0, NULL } };
    const hg_account *a = &r->p->detail->account;
    hg_html(r->b, "<details>\n<summary>%s</summary>\n", hg_report_form(r, HG_TEXT_assume_parts));
    hg_report_table(r, "data", columns);
    for (int i = 0; i < a->count; i++) {
        const hg_part *p = &a->parts[i];
        double share = p->seconds / r->p->detail->times.total_s;
        if (!(p->seconds > 0))
            continue;
        hg_html(r->b, "<tr><th scope=\"row\">%s</th>", hg_operator_name(r->p->lang, p->name));
        hg_report_figure(r, share, hg_html_percent(r->arena, share));
        hg_html(r->b, "<td>%s</td>", p->host ? hg_report_form(r, HG_TEXT_assume_host) : p->origin_text);
        hg_report_figure(r, p->hi_s / p->seconds - 1,
                         p->host ? "–" : hg_textf(r->arena, "−%s … +%s", hg_html_percent(r->arena, 1 - p->lo_s / p->seconds),
                                                  hg_html_percent(r->arena, p->hi_s / p->seconds - 1)));
        hg_buf_puts(r->b, "</tr>\n");
    }
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</details>\n");
}

void hg_report_assumptions(const hg_report *r)
{
    static const hg_column columns[] = { { HG_TEXT_column_assumption, "" }, { HG_TEXT_column_value, "" }, { HG_TEXT_column_origin, "" },
                                         { HG_TEXT_column_error, "" },      { 0, NULL } };
    if (!r->p->detail || r->p->top_count == 0)
        return;
    hg_report_section(r, "assumptions", hg_report_form(r, HG_TEXT_assume_head), hg_report_form(r, HG_TEXT_assume_lead));
    hg_report_table(r, "data assumptions", columns);
    kernels(r);
    host(r);
    hardware(r);
    software(r);
    traffic(r);
    rest(r);
    hg_report_table_end(r);
    parts(r);
    hg_buf_puts(r->b, "</section>\n");
}
