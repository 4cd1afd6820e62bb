#include "api/plan.h"

#include "base/file.h"
#include "base/units.h"
#include "eval/account.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { STEPS_SHOWN = 200000 };

static const char *requests_csv(hg_arena *arena, const hg_sim_result *r)
{
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, "id,arrival_s,isl,osl,queued_s,first_token_s,finish_s,ttft_s,tpot_s,e2e_s,preemptions,"
                    "prefix_hit_tokens,replica\n");
    for (size_t i = 0; i < r->offered; i++) {
        const hg_record *q = &r->records[i];
        if (!q->finished) {
            hg_buf_printf(&b, "%zu,%.9f,%d,%d,,,,,,,%d,%d,%d\n", i, q->arrival_s, q->isl, q->osl, q->preemptions,
                          q->prefix_hit_tokens, q->replica);
            continue;
        }
        double tpot = q->osl > 1 ? (q->finish_s - q->first_token_s) / (q->osl - 1) : 0;
        hg_buf_printf(&b, "%zu,%.9f,%d,%d,%.9f,%.9f,%.9f,%.9f,%.9f,%.9f,%d,%d,%d\n", i, q->arrival_s, q->isl,
                      q->osl, q->queued_s, q->first_token_s, q->finish_s, q->first_token_s - q->arrival_s, tpot,
                      q->finish_s - q->arrival_s, q->preemptions, q->prefix_hit_tokens, q->replica);
    }
    return b.s;
}

/* Chrome's trace events: one process a replica, one slice a step, and each request's life as an
 * asynchronous slice. */
static const char *timeline_json(hg_arena *arena, const hg_sim_result *r)
{
    hg_buf b = { .arena = arena };
    hg_json j = { .out = &b };
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "displayTimeUnit", "ms");
    hg_json_key(&j, "traceEvents");
    hg_json_open(&j, '[');
    for (size_t i = 0; i < r->steps_logged; i++) {
        const hg_step_record *s = &r->steps_log[i];
        bool prompts = s->tokens > s->decodes;
        if (j.comma)
            hg_buf_puts(&b, ",\n");
        j.comma = false;
        hg_buf_printf(&b, "{\"name\":\"%s\",\"ph\":\"X\",\"ts\":%.3f,\"dur\":%.3f,\"pid\":%d,\"tid\":0,"
                          "\"args\":{\"tokens\":%d,\"decodes\":%d}}",
                      prompts ? s->decodes ? "prefill+decode" : "prefill" : "decode", (double)s->start_ns / 1e3,
                      (double)s->duration_ns / 1e3, s->replica, s->tokens, s->decodes);
        j.comma = true;
    }
    for (size_t i = 0; i < r->offered; i++) {
        const hg_record *q = &r->records[i];
        if (!q->finished)
            continue;
        hg_buf_printf(&b, "%s{\"name\":\"request\",\"cat\":\"request\",\"ph\":\"b\",\"id\":%zu,\"ts\":%.3f,\"pid\":%d,"
                          "\"tid\":1,\"args\":{\"isl\":%d,\"osl\":%d}},\n"
                          "{\"name\":\"first token\",\"cat\":\"request\",\"ph\":\"n\",\"id\":%zu,\"ts\":%.3f,\"pid\":%d,\"tid\":1},\n"
                          "{\"name\":\"request\",\"cat\":\"request\",\"ph\":\"e\",\"id\":%zu,\"ts\":%.3f,\"pid\":%d,\"tid\":1}",
                      j.comma ? ",\n" : "", i, q->arrival_s * 1e6, q->replica, q->isl, q->osl, i,
                      q->first_token_s * 1e6, q->replica, i, q->finish_s * 1e6, q->replica);
        j.comma = true;
    }
    hg_json_close(&j, ']');
    hg_json_close(&j, '}');
    hg_buf_puts(&b, "\n");
    return b.s;
}

static const char *seconds(hg_arena *arena, double s)
{
    char text[32];
    return isfinite(s) ? hg_strdup(arena, hg_format(text, sizeof text, s, HG_SECONDS)) : "-";
}

static const char *queue_text(const hg_problem *p, const hg_metrics *m)
{
    return m->sim.end == HG_END_SATURATED                                  ? "; SATURATED: the queue grows"
           : hg_metrics_overloaded(p, m) || hg_metrics_queue_grows(p, m) ? "; OVERLOADED: the queue grows through the run"
                                                                           : "";
}

static const char *as_text(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_metrics *m,
                           const char *origin)
{
    static const char *const names[HG_METRICS] = { "TTFT", "TPOT", "ITL", "E2E", "queue" };
    const hg_sim_result *r = &m->sim;
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b, "%s on %" PRId64 " x %s: %s\n%zu requests done, %zu rejected in %s%s\n", p->model.name,
                  hg_candidate_devices(c), p->rates.device.name, hg_candidate_text(arena, c), r->completed, r->rejected,
                  seconds(arena, r->window_s), queue_text(p, m));
    hg_buf_printf(&b, "  %s requests/s, %.0f output tokens/s (%.0f per GPU), %.1f sequences a step, KV peak %.0f%%, "
                      "%" PRId64 " preemptions\n\n", hg_figures(arena, r->requests_per_s, 3), r->output_tokens_per_s,
                  m->tokens_per_s_per_device, r->mean_batch, 100 * r->kv_peak_frac, r->preemptions);
    if (r->tokens_per_step > 0)
        hg_buf_printf(&b, "  speculative decoding by %s: %.0f proposed, %.2f tokens made a step\n\n",
                      hg_draft_table[c->deployment.draft].word, c->deployment.draft_tokens, r->tokens_per_step);
    if (r->rejected)
        hg_buf_printf(&b, "of the %zu done; the %zu rejected keep no limit\n", r->completed, r->rejected);
    hg_buf_printf(&b, "%6s %10s %10s %10s %10s %10s\n", "", "mean", "p50", "p90", "p95", "p99");
    for (int k = 0; k < HG_METRICS; k++) {
        const hg_summary *s = &r->latency[k];
        hg_buf_printf(&b, "%6s %10s %10s %10s %10s %10s\n", names[k], seconds(arena, s->mean),
                      seconds(arena, s->p50), seconds(arena, s->p90), seconds(arena, s->p95), seconds(arena, s->p99));
    }
    if (p->slo.count)
        hg_buf_printf(&b, "\n%s: %s; %.1f%% of %srequests are good, %s good requests/s\n",
                      hg_slo_text(arena, &p->slo), r->slo_kept ? "kept" : "BROKEN", 100 * r->attained_frac,
                      r->rejected ? hg_textf(arena, "all %zu ", r->counted) : "",
                      hg_figures(arena, r->good_per_s, 3));
    hg_buf_printf(&b, "\nPredictions: %s. Simulated in %s.\n", origin, seconds(arena, m->simulated_in_s));
    return b.s;
}

static const char *as_json(hg_arena *arena, const hg_candidate *c, const hg_metrics *m, const char *origin)
{
    hg_buf b = { .arena = arena };
    hg_json j = { .out = &b };
    hg_json_open(&j, '{');
    hg_json_metrics(&j, m, origin);
    hg_json_key(&j, "deployment");
    hg_json_open(&j, '{');
    hg_json_candidate(&j, c);
    hg_json_close(&j, '}');
    hg_json_close(&j, '}');
    hg_buf_puts(&b, "\n");
    return b.s;
}

static bool write_out(hg_ask *a, const hg_text_word *path, const char *text)
{
    return !path->s || hg_file_write(path->s, text, strlen(text), a->s.force.v, &a->err);
}

/* The origin of the run itself; of its first requests where it is long: noting every operator is slow. */
static const char *origin_of(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *how,
                             const hg_metrics *m)
{
    enum { NOTED = 1000 };
    hg_arena scratch = *arena;
    hg_account *account = HG_NEW(&scratch, hg_account, 1);
    hg_run run = { .load = how->load, .rate_per_s = how->rate_per_s,
                   .requests = m->sim.offered < NOTED ? m->sim.offered : NOTED };
    hg_evaluate_account(&scratch, p, c, &run, account);
    return hg_strdup(arena, account->origin);
}

static hg_code run(hg_ask *a)
{
    hg_problem *p = HG_NEW(a->arena, hg_problem, 1);
    hg_candidate *c = HG_NEW(a->arena, hg_candidate, 1);
    hg_metrics m;
    if (!hg_ask_single(a) || !hg_ask_problem(a, HG_LOAD_NEEDED, p) || !hg_ask_priced(a, p) || !hg_ask_candidate(a, p, c))
        return a->err.code;
    if (c->fit == HG_TOO_BIG) {
        const char *text = a->s.json.v ? hg_textf(a->arena, "{\"fits\":false,\"reason\":\"%s\"}\n", c->reason)
                                       : hg_textf(a->arena, "%s\n", c->reason);
        hg_code code = hg_answer(a, text, strlen(text));
        return code == HG_DONE ? HG_NO : code;
    }
    if (c->fit != HG_FITS)
        return hg_refuse(a, c->fit == HG_ILLEGAL ? "deployment:" : "model:", "%s", c->reason);
    hg_run how;
    if (!hg_ask_run(a, p, &how) || !hg_ask_confidence(a, p))
        return a->err.code;
    how.keep_requests = a->s.requests_out.s || a->s.trace_out.s;
    how.keep_steps = a->s.trace_out.s ? STEPS_SHOWN : 0;
    hg_evaluate(a->arena, p, c, &how, &m);
    const char *origin = origin_of(a->arena, p, c, &how, &m);
    if ((a->s.requests_out.s && !write_out(a, &a->s.requests_out, requests_csv(a->arena, &m.sim))) ||
        (a->s.trace_out.s && !write_out(a, &a->s.trace_out, timeline_json(a->arena, &m.sim))))
        return a->err.code;
    hg_note_run(a, p, c, &m);
    const char *text = a->s.json.v ? as_json(a->arena, c, &m, origin) : as_text(a->arena, p, c, &m, origin);
    hg_code code = hg_answer(a, text, strlen(text));
    return code != HG_DONE ? code : m.sim.completed ? HG_DONE : HG_NO;
}

const hg_verb hg_verb_simulate = {
    "simulate", "heng simulate --model M --device D --workload W --rate R|--concurrency C|--replay [--tp N …]",
    "how would this one deployment do on this traffic?", run
};
