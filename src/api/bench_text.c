#include "api/bench.h"

#include "base/units.h"

#include <inttypes.h>
#include <math.h>

static const char *seconds(hg_arena *arena, double s)
{
    char text[32];
    return isfinite(s) ? hg_strdup(arena, hg_format(text, sizeof text, s, HG_SECONDS)) : "-";
}

const char *hg_bench_load_text(hg_arena *arena, const hg_bench *b)
{
    const hg_workload *w = &b->workload;
    const hg_live_load *l = &b->load;
    const char *what = l->turns > 1 ? hg_textf(arena, "conversations of %" PRId64 " requests", l->turns) : "requests";
    if (b->sweep)
        return hg_textf(arena, "rates up to the knee, %s each", seconds(arena, l->duration_s));
    if (l->ramp.from_per_s + l->ramp.to_per_s > 0)
        return hg_textf(arena, "%s at %g/s to %g/s over %s", what, l->ramp.from_per_s, l->ramp.to_per_s, seconds(arena, l->duration_s));
    if (w->load == HG_LOAD_CLOSED)
        return hg_textf(arena, "%" PRId64 " clients, %s one after the other", w->concurrency, what);
    if (w->load == HG_LOAD_REPLAY)
        return hg_textf(arena, "the trace's own times%s", w->speedup != 1 ? hg_textf(arena, ", %g times faster", w->speedup) : "");
    return hg_textf(arena, "%s at %g/s, burstiness %g", what, w->rate_per_s, w->burstiness);
}

static void latency_rows(hg_buf *b, hg_arena *arena, const hg_live_figures *f)
{
    const struct {
        const char *name;
        const hg_spread *s;
    } rows[] = { { "TTFT", &f->latency[HG_TTFT] }, { "TPOT", &f->latency[HG_TPOT] }, { "ITL", &f->latency[HG_ITL] },
                 { "E2E", &f->latency[HG_E2E] }, { "send lag", &f->lag } };
    hg_buf_printf(b, "%9s %10s %10s %10s %10s %10s\n", "", "mean", "p50", "p90", "p95", "p99");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const hg_spread *s = rows[i].s;
        hg_buf_printf(b, "%9s %10s %10s %10s %10s %10s\n", rows[i].name, seconds(arena, s->mean), seconds(arena, s->p50),
                      seconds(arena, s->p90), seconds(arena, s->p95), seconds(arena, s->p99));
    }
}

static void sweep_rows(hg_buf *out, hg_arena *arena, const hg_bench *b)
{
    hg_buf_printf(out, "%9s %10s %10s %10s %10s  %s\n", "offered/s", "served/s", "TTFT p99", "TPOT p99", "good", "");
    for (size_t i = 0; i < b->stage_count; i++) {
        const hg_bench_stage *s = &b->stages[i];
        const hg_live_figures *f = &s->figures;
        hg_buf_printf(out, "%9s %10s %10s %10s %9.1f%%  %s\n", s->rate_per_s > 0 ? hg_figures(arena, s->rate_per_s, 3) : "one",
                      hg_figures(arena, f->requests_per_s, 3), seconds(arena, f->latency[HG_TTFT].p99),
                      seconds(arena, f->latency[HG_TPOT].p99), 100 * f->attained_frac, s->borne ? "borne" : "too much");
    }
    if (b->knee_per_s > 0)
        hg_buf_printf(out, "\nThe knee: %s requests/s.  At it:\n\n", hg_figures(arena, b->knee_per_s, 3));
    else
        hg_buf_puts(out, "\nNo rate was borne.  One request after the other:\n\n");
}

const char *hg_bench_text(hg_arena *arena, const hg_bench *b)
{
    const hg_live_figures *f = &b->answer->figures;
    hg_buf out = { .arena = arena };
    hg_buf_printf(&out, "%s at %s://%s%s, %s: %s\n", b->prompts.model, b->url.tls ? "https" : "http", b->url.authority, b->path,
                  b->protocol, hg_bench_load_text(arena, b));
    if (b->sweep)
        sweep_rows(&out, arena, b);
    hg_buf_printf(&out, "%zu requests done, %zu failed, %zu unfinished in %s%s\n", f->complete, f->failed, f->unfinished,
                  seconds(arena, b->answer->run.duration_s), f->counted < f->sent
                  ? hg_textf(arena, "; %zu of %zu counted, the others in the warm-up or cool-down", f->counted, f->sent) : "");
    hg_buf_printf(&out, "  %s requests/s, %s output tokens/s, %.1f requests at once\n", hg_figures(arena, f->requests_per_s, 3),
                  hg_figures(arena, f->output_tokens_per_s, 3), f->concurrency_mean);
    if (f->complete) {
        hg_buf_printf(&out, "  prompts of %.0f tokens asked, %.1f counted; answers of %.0f asked, %.1f counted\n\n", f->isl_asked,
                      f->isl.mean, f->osl_asked, f->osl.mean);
        latency_rows(&out, arena, f);
    }
    if (b->slo.count)
        hg_buf_printf(&out, "\n%s: %s; %.1f%% of requests are good, %s good requests/s\n", hg_slo_text(arena, &b->slo),
                      f->slo_kept ? "kept" : "BROKEN", 100 * f->attained_frac, hg_figures(arena, f->good_per_s, 3));
    hg_buf_puts(&out, "\nTTFT and E2E run from the intended send time; send lag is what passed until the first byte left.\n");
    return out.s;
}
