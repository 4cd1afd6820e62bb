/* What hg_plan_rates found, for people and for programs. */
#include "api/plan_rates_out.h"

#include "explain/explain.h"

#include <inttypes.h>

static int64_t devices(const hg_plan *p, const hg_rate_row *r)
{
    return r->replicas * (hg_deployment_devices(&p->top[0].deployment) / p->top[0].deployment.replicas);
}

static double usd_per_hour(const hg_plan *p, const hg_rate_row *r)
{
    return (double)devices(p, r) * p->problem->price_usd_per_s * 3600;
}

static const char *seconds(hg_arena *arena, double s)
{
    return s < 1 ? hg_textf(arena, "%s ms", hg_figures(arena, 1e3 * s, 3)) : hg_textf(arena, "%s s", hg_figures(arena, s, 3));
}

void hg_rates_text(hg_buf *b, const hg_plan *p)
{
    hg_arena *arena = b->arena;
    hg_deployment one = p->top[0].deployment;
    one.replicas = 1;
    bool priced = p->problem->price_usd_per_s > 0;
    hg_buf_printf(b, "\n%s\n", hg_say(arena, p->lang, HG_TEXT_plan_rates, hg_deployment_text(arena, &one)));
    hg_buf_printf(b, "%10s %9s %6s %10s %10s %10s\n", hg_say(arena, p->lang, HG_TEXT_plan_table_rate),
                  hg_say(arena, p->lang, HG_TEXT_plan_rates_replicas), "GPUs", "TTFT p90", "TPOT p90",
                  priced ? hg_say(arena, p->lang, HG_TEXT_plan_rates_price) : "");
    for (size_t i = 0; i < p->rate_count; i++) {
        const hg_rate_row *r = &p->rates[i];
        const hg_summary *of = r->metrics.sim.latency;
        if (r->kept)
            hg_buf_printf(b, "%10s %9" PRId64 " %6" PRId64 " %10s %10s %10s\n", hg_figures(arena, r->rate_per_s, 3), r->replicas,
                          devices(p, r), seconds(arena, of[HG_TTFT].p90), seconds(arena, of[HG_TPOT].p90),
                          priced ? hg_textf(arena, "%.2f", usd_per_hour(p, r)) : "");
        else
            hg_buf_printf(b, "%10s  %s\n", hg_figures(arena, r->rate_per_s, 3), hg_say(arena, p->lang, HG_TEXT_plan_rates_none));
    }
}

void hg_json_rates(hg_json *j, const hg_plan *p)
{
    hg_json_key(j, "rates");
    hg_json_open(j, '[');
    for (size_t i = 0; i < p->rate_count; i++) {
        const hg_rate_row *r = &p->rates[i];
        hg_json_open(j, '{');
        hg_json_key_num(j, "rate_per_s", r->rate_per_s);
        hg_json_key_bool(j, "kept", r->kept);
        if (r->kept) {
            hg_json_key_int(j, "replicas", r->replicas);
            hg_json_key_int(j, "gpus", devices(p, r));
            if (p->problem->price_usd_per_s > 0)
                hg_json_key_num(j, "usd_per_hour", usd_per_hour(p, r));
            hg_json_key(j, "metrics");
            hg_json_open(j, '{');
            hg_json_metrics(j, &r->metrics, p->origin);
            hg_json_close(j, '}');
        }
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

const char *hg_rates_csv(hg_arena *arena, const hg_plan *p)
{
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, "rate_per_s,kept,replicas,gpus,ttft_p90_s,tpot_p90_s,e2e_p90_s,usd_per_hour\n");
    for (size_t i = 0; i < p->rate_count; i++) {
        const hg_rate_row *r = &p->rates[i];
        const hg_summary *of = r->metrics.sim.latency;
        hg_buf_printf(&b, "%.9g,%s,", r->rate_per_s, r->kept ? "yes" : "no");
        if (r->kept)
            hg_buf_printf(&b, "%" PRId64 ",%" PRId64 ",%.6g,%.6g,%.6g,%.6g\n", r->replicas, devices(p, r), of[HG_TTFT].p90,
                          of[HG_TPOT].p90, of[HG_E2E].p90, usd_per_hour(p, r));
        else
            hg_buf_puts(&b, ",,,,,\n");
    }
    return b.s;
}
