#include "measure/results_parts.h"

#include "base/num.h"

#include <math.h>
#include <string.h>

/* heng's own: `simulate --json`, `plan --json` (its recommendation) and `--requests-out`. */

static const char *const keys[HG_FIGURES] = { "ttft_s", "tpot_s", "itl_s", "e2e_s" };

static bool has_metrics(const json_t *d)
{
    return json_is_object(json_object_get(d, "ttft_s")) && json_is_object(json_object_get(d, "throughput"));
}

static bool is_simulate(const hg_result_source *s)
{
    return s->doc_count && has_metrics(s->docs[0]);
}

static hg_spread_s spread(const json_t *m)
{
    return (hg_spread_s){ hg_result_field(m, "mean"), hg_result_field(m, "p50"), hg_result_field(m, "p90"),
                          hg_result_field(m, "p95"), hg_result_field(m, "p99") };
}

static void read_deployment(hg_arena *arena, const json_t *d, hg_bench_result *r)
{
    hg_result_facts(arena, d, r);
    int64_t replicas = hg_result_whole(d, "replicas");
    r->gpus = (replicas ? replicas : 1) * (r->tp ? r->tp : 1) * (r->pp ? r->pp : 1) * (r->dp ? r->dp : 1);
}

static bool read_metrics(hg_result_source *s, const json_t *m, const json_t *deployment, const json_t *scenario, hg_err *err)
{
    const json_t *rates = json_object_get(m, "throughput");
    hg_bench_result *r = hg_result_add(s);
    for (int k = 0; k < HG_FIGURES; k++)
        r->of[k] = spread(json_object_get(m, keys[k]));
    r->completed = hg_result_field(json_object_get(m, "requests"), "completed");
    r->failed = hg_result_field(json_object_get(m, "requests"), "rejected");
    r->duration_s = hg_result_field(m, "duration_s");
    r->requests_per_s = hg_result_field(rates, "requests_per_s");
    r->output_tokens_per_s = hg_result_field(rates, "output_tokens_per_s");
    r->total_tokens_per_s = hg_result_field(rates, "total_tokens_per_s");
    r->isl = hg_result_field(scenario, "isl");
    r->osl = hg_result_field(scenario, "osl");
    hg_result_facts(s->arena, scenario, r);
    read_deployment(s->arena, deployment, r);
    hg_result_note(r, "predicted, not measured");
    return hg_result_finish(s, r, err);
}

static bool read_simulate(hg_result_source *s, const json_t *d, hg_err *err)
{
    return read_metrics(s, d, json_object_get(d, "deployment"), NULL, err);
}

const hg_result_format hg_result_format_simulate = { "simulate", "heng simulate --json", is_simulate, read_simulate, NULL };

static bool is_plan(const hg_result_source *s)
{
    return s->doc_count && has_metrics(json_object_get(json_object_get(s->docs[0], "recommended"), "metrics"));
}

static bool read_plan(hg_result_source *s, const json_t *d, hg_err *err)
{
    const json_t *best = json_object_get(d, "recommended");
    return read_metrics(s, json_object_get(best, "metrics"), json_object_get(best, "deployment"), json_object_get(d, "scenario"), err);
}

const hg_result_format hg_result_format_plan = { "plan", "heng plan --json", is_plan, read_plan, NULL };

static int column(const hg_result_table *t, const char *name)
{
    for (int c = 0; c < t->widths[0]; c++)
        if (strcmp(t->cells[0][c], name) == 0)
            return c;
    return -1;
}

static bool is_csv(const hg_result_source *s)
{
    return s->table.lines && column(&s->table, "arrival_s") >= 0 && column(&s->table, "first_token_s") >= 0 &&
           column(&s->table, "finish_s") >= 0 && column(&s->table, "isl") >= 0 && column(&s->table, "osl") >= 0;
}

enum { ARRIVAL, FIRST, FINISH, ISL, OSL, CELLS };

static bool read_row(const hg_result_table *t, size_t i, const int at[CELLS], hg_bench_result_request *q)
{
    double v[CELLS];
    for (int k = 0; k < CELLS; k++)
        if (at[k] >= t->widths[i] || !hg_parse_f64(t->cells[i][at[k]], &v[k]))
            return false;
    if (!(v[ISL] >= 0 && v[ISL] < 1e9) || !(v[OSL] >= 1 && v[OSL] < 1e9) || v[FIRST] <= v[ARRIVAL] || v[FINISH] < v[FIRST])
        return false;
    *q = (hg_bench_result_request){ v[ARRIVAL], (int64_t)v[ISL], (int64_t)v[OSL],
                              { v[FIRST] - v[ARRIVAL], v[OSL] > 1 ? (v[FINISH] - v[FIRST]) / (v[OSL] - 1) : NAN, NAN,
                                v[FINISH] - v[ARRIVAL] } };
    return true;
}

static bool read_csv(hg_result_source *s, hg_err *err)
{
    const hg_result_table *t = &s->table;
    int at[CELLS] = { column(t, "arrival_s"), column(t, "first_token_s"), column(t, "finish_s"), column(t, "isl"), column(t, "osl") };
    hg_bench_result *r = hg_result_add(s);
    r->requests = HG_NEW(s->arena, hg_bench_result_request, t->lines);
    r->failed = 0;
    for (size_t i = 1; i < t->lines; i++) {
        if (t->widths[i] == 1 && !*t->cells[i][0])
            continue;
        if (read_row(t, i, at, &r->requests[r->request_count]))
            r->request_count++;
        else
            r->failed++;
    }
    if (r->request_count == 0)
        return hg_result_refuse(s, 1, err, "holds no request with arrival, first token and finish; nothing can be learnt from it");
    return hg_result_finish(s, r, err);
}

const hg_result_format hg_result_format_requests_csv = { "requests_csv", "heng's requests CSV", is_csv, NULL, read_csv };
