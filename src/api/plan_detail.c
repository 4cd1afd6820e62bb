#include "api/plan_detail.h"

#include "api/explained.h"

static void varied(hg_json *j, const char *key, const hg_varied *v)
{
    hg_json_key(j, key);
    if (!v->known) {
        hg_json_raw(j, "null");
        return;
    }
    hg_json_open(j, '{');
    if (v->fixed_load) {
        hg_json_key_bool(j, "slo_kept", v->kept);
        hg_json_key_num(j, "attained_frac", v->attained_frac);
    } else {
        hg_json_key_num(j, "gain_frac", v->gain_frac);
    }
    hg_json_close(j, '}');
}

static void sensitivity(hg_json *j, const hg_plan_detail *d)
{
    hg_json_key(j, "sensitivity");
    hg_json_open(j, '[');
    for (int i = 0; i < d->sensitivity_count; i++) {
        hg_json_open(j, '{');
        hg_json_key_str(j, "fact", d->sensitivity[i].vary->name);
        varied(j, "less", &d->sensitivity[i].at[0]);
        varied(j, "more", &d->sensitivity[i].at[1]);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

static void curve_point(hg_json *j, const hg_curve_point *at)
{
    static const char *const names[HG_METRICS] = { "ttft_s", "tpot_s", "itl_s", "e2e_s", "queue_s" };
    hg_buf_puts(j->out, j->comma ? "" : "\n");
    hg_json_open(j, '{');
    hg_json_key_num(j, "load", at->load);
    hg_json_key_bool(j, "settled", at->settled);
    hg_json_key_num(j, "attained_frac", at->attained_frac);
    for (int k = 0; at->settled && k < HG_METRICS; k++) {
        hg_json_key(j, names[k]);
        hg_json_open(j, '{');
        hg_json_key_num(j, "p50", at->latency[k].p50);
        hg_json_key_num(j, "p90", at->latency[k].p90);
        hg_json_key_num(j, "p99", at->latency[k].p99);
        hg_json_close(j, '}');
    }
    hg_json_close(j, '}');
}

static void curves(hg_json *j, const hg_plan_detail *d)
{
    hg_json_key(j, "curves");
    hg_json_open(j, '[');
    for (int i = 0; i < d->curve_count; i++) {
        hg_json_open(j, '{');
        hg_json_key(j, "deployment");
        hg_json_open(j, '{');
        hg_json_pools(j, d->curves[i].deployment, d->curves[i].prefill);
        hg_json_close(j, '}');
        hg_json_key(j, "points");
        hg_json_open(j, '[');
        for (int k = 0; k < d->curves[i].count; k++)
            curve_point(j, &d->curves[i].points[k]);
        hg_json_close(j, ']');
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

void hg_json_detail(hg_json *j, const hg_plan_detail *d)
{
    hg_json_waterfall(j, &d->waterfall);
    sensitivity(j, d);
    curves(j, d);
}
