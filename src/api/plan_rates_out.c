/* What hg_plan_rates found, for people and for programs. */
#include "api/plan_rates_out.h"

#include "api/plan_day.h"
#include "explain/explain.h"

#include <inttypes.h>

static const hg_rate_row nothing = { .kept = true };

static bool is_day(const hg_plan *p)
{
    return p->day.count > 0;
}

static size_t rows(const hg_plan *p)
{
    return is_day(p) ? p->day.count : p->rate_count;
}

/* The line's load and what it needs: loads as they were asked, or a day's in the order of time. */
static const hg_rate_row *row_of(const hg_plan *p, size_t i)
{
    const hg_rate_row *need = is_day(p) ? hg_day_need(p, i) : &p->rates[i];
    return need ? need : &nothing;
}

static double usd_per_hour(const hg_plan *p, const hg_rate_row *r)
{
    return (double)hg_rate_devices(p, r) * p->problem->price_usd_per_s * 3600;
}

static const char *seconds(hg_arena *arena, double s)
{
    return s < 1 ? hg_textf(arena, "%s ms", hg_figures(arena, 1e3 * s, 3)) : hg_textf(arena, "%s s", hg_figures(arena, s, 3));
}

static const char *latency(hg_arena *arena, const hg_rate_row *r, hg_metric metric)
{
    return r->replicas ? seconds(arena, r->metrics.sim.latency[metric].p90) : "-";
}

static void line(hg_buf *b, const hg_plan *p, size_t i)
{
    hg_arena *arena = b->arena;
    const hg_rate_row *r = row_of(p, i);
    if (is_day(p))
        hg_buf_printf(b, "%8s ", hg_day_clock(arena, p->day.rows[i].time_s));
    hg_buf_printf(b, "%10s ", r->rate_per_s > 0 ? hg_figures(arena, r->rate_per_s, 3) : "0");
    if (r->kept)
        hg_buf_printf(b, "%9" PRId64 " %6" PRId64 " %10s %10s %10s\n", r->replicas, hg_rate_devices(p, r), latency(arena, r, HG_TTFT),
                      latency(arena, r, HG_TPOT), p->problem->price_usd_per_s > 0 ? hg_textf(arena, "%.2f", usd_per_hour(p, r)) : "");
    else
        hg_buf_printf(b, " %s\n", hg_say(arena, p->lang, HG_TEXT_plan_rates_none));
}

void hg_rates_text(hg_buf *b, const hg_plan *p)
{
    hg_arena *arena = b->arena;
    hg_deployment one = p->top[0].deployment;
    one.replicas = 1;
    bool priced = p->problem->price_usd_per_s > 0;
    hg_buf_printf(b, "\n%s\n", hg_say(arena, p->lang, is_day(p) ? HG_TEXT_day_head : HG_TEXT_plan_rates, hg_deployment_text(arena, &one)));
    if (is_day(p))
        hg_buf_printf(b, "%8s ", hg_say(arena, p->lang, HG_TEXT_day_time));
    hg_buf_printf(b, "%10s %9s %6s %10s %10s %10s\n", hg_say(arena, p->lang, HG_TEXT_plan_table_rate),
                  hg_say(arena, p->lang, HG_TEXT_plan_rates_replicas), "GPUs", "TTFT p90", "TPOT p90",
                  priced ? hg_say(arena, p->lang, HG_TEXT_plan_rates_price) : "");
    for (size_t i = 0; i < rows(p); i++)
        line(b, p, i);
    if (is_day(p))
        hg_buf_printf(b, "%s\n", hg_day_sentence(arena, p));
}

static void json_row(hg_json *j, const hg_plan *p, size_t i)
{
    const hg_rate_row *r = row_of(p, i);
    hg_json_open(j, '{');
    if (is_day(p))
        hg_json_key_num(j, "time_s", p->day.rows[i].time_s);
    hg_json_key_num(j, "rate_per_s", r->rate_per_s);
    hg_json_key_bool(j, "kept", r->kept);
    if (r->kept) {
        hg_json_key_int(j, "replicas", r->replicas);
        hg_json_key_int(j, "gpus", hg_rate_devices(p, r));
        if (p->problem->price_usd_per_s > 0)
            hg_json_key_num(j, "usd_per_hour", usd_per_hour(p, r));
    }
    if (r->kept && r->replicas) {
        hg_json_key(j, "metrics");
        hg_json_open(j, '{');
        hg_json_metrics(j, &r->metrics, p->origin);
        hg_json_close(j, '}');
    }
    hg_json_close(j, '}');
}

static void json_day(hg_json *j, const hg_plan *p)
{
    hg_day_sum s = hg_day_sum_of(p);
    hg_json_key(j, "day");
    if (s.unkept) {
        hg_json_raw(j, "null");
        return;
    }
    hg_json_open(j, '{');
    hg_json_key_num(j, "gpu_hours", s.gpu_hours);
    hg_json_key_num(j, "peak_gpu_hours", s.peak_gpu_hours);
    hg_json_key_num(j, "saved_frac", s.saved_frac);
    if (s.usd > 0) {
        hg_json_key_num(j, "usd", s.usd);
        hg_json_key_num(j, "peak_usd", s.peak_usd);
    }
    hg_json_close(j, '}');
}

void hg_json_rates(hg_json *j, const hg_plan *p)
{
    hg_json_key(j, "rates");
    hg_json_open(j, '[');
    for (size_t i = 0; i < rows(p); i++)
        json_row(j, p, i);
    hg_json_close(j, ']');
    if (is_day(p))
        json_day(j, p);
}

const char *hg_rates_csv(hg_arena *arena, const hg_plan *p)
{
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b, "%srate_per_s,kept,replicas,gpus,ttft_p90_s,tpot_p90_s,e2e_p90_s,usd_per_hour\n", is_day(p) ? "time_s," : "");
    for (size_t i = 0; i < rows(p); i++) {
        const hg_rate_row *r = row_of(p, i);
        const hg_summary *of = r->metrics.sim.latency;
        if (is_day(p))
            hg_buf_printf(&b, "%.9g,", p->day.rows[i].time_s);
        hg_buf_printf(&b, "%.9g,%s,", r->rate_per_s, r->kept ? "yes" : "no");
        if (!r->kept)
            hg_buf_puts(&b, ",,,,,\n");
        else if (!r->replicas)
            hg_buf_puts(&b, "0,0,,,,0\n");
        else
            hg_buf_printf(&b, "%" PRId64 ",%" PRId64 ",%.6g,%.6g,%.6g,%.6g\n", r->replicas, hg_rate_devices(p, r), of[HG_TTFT].p90,
                          of[HG_TPOT].p90, of[HG_E2E].p90, usd_per_hour(p, r));
    }
    return b.s;
}
