#include "api/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const struct {
    const char *word, *meaning;
} objectives[] = {
    { "goodput-per-gpu", "most good requests a second per GPU" },
    { "throughput", "most requests a second" },
    { "latency", "the fastest answer to a request alone" },
    { "cost", "most requests for the money" },
    { "energy", "least energy a request" },
};

static const char *objective_meaning(const char *word)
{
    for (size_t i = 0; word && i < sizeof objectives / sizeof *objectives; i++)
        if (strcmp(word, objectives[i].word) == 0)
            return objectives[i].meaning;
    return word;
}

static const char *load_text(hg_arena *arena, const hg_workload *w)
{
    switch (w->load) {
    case HG_LOAD_RATE:
        return hg_textf(arena, "%s requests/s%s", hg_html_number(arena, w->rate_per_s),
                        w->burstiness > 0 && w->burstiness != 1
                            ? hg_textf(arena, ", burstiness %g", w->burstiness)
                            : ", Poisson");
    case HG_LOAD_REPLAY:
        return w->speedup > 0 && w->speedup != 1
                   ? hg_textf(arena, "the trace's own times, %g times as fast", w->speedup)
                   : "the trace's own times";
    case HG_LOAD_CLOSED:
        return hg_textf(arena, "%" PRId64 " clients, each waits for its answer", w->concurrency);
    default:
        return "to be found";
    }
}

static const char *device_title(const hg_plan *p)
{
    const hg_device *d = &p->problem->rates.device;
    return d->title ? d->title : d->name;
}

static void fact(const hg_report *r, const char *name, const char *value, const char *more)
{
    hg_html(r->b, "<div><dt>%s</dt><dd><bdi>%s</bdi>", name, value);
    if (more)
        hg_html(r->b, " <span class=\"mute\">%s</span>", more);
    hg_buf_puts(r->b, "</dd></div>\n");
}

static const char *model_size(hg_arena *arena, const hg_model *m)
{
    if (!(m->parameters > 0))
        return NULL;
    const char *all =
        hg_textf(arena, "%s B parameters", hg_html_number(arena, m->parameters / 1e9));
    if (!(m->active_parameters > 0) || m->active_parameters > 0.9 * m->parameters)
        return all;
    return hg_textf(arena, "%s, %s B active", all,
                    hg_html_number(arena, m->active_parameters / 1e9));
}

static const char *slo_text(hg_arena *arena, const hg_slo *slo)
{
    hg_buf b = { .arena = arena };
    for (int i = 0; i < slo->count; i++)
        hg_buf_printf(&b, "%s%s < %s", i ? ", " : "", hg_report_limit_name(arena, &slo->limits[i]),
                      hg_html_given(arena, slo->limits[i].limit_s));
    return slo->count ? b.s : "nothing";
}

void hg_report_question(const hg_report *r)
{
    const hg_problem *q = r->p->problem;
    const char *version = q->rates.version ? q->rates.version : q->engine.version;
    hg_buf_puts(r->b, "<header>\n<p class=\"brand\"><b lang=\"zh\">衡</b> heng <span>deployment "
                      "plan</span></p>\n");
    hg_html(r->b, "<h1><bdi>%s</bdi></h1>\n<dl class=\"facts\">\n", r->model_word);
    if (model_size(r->arena, &q->model))
        fact(r, "Model", model_size(r->arena, &q->model), NULL);
    fact(r, "Device", device_title(r->p), NULL);
    fact(r, "Engine", q->engine.title ? q->engine.title : q->engine.name, version);
    fact(r, "Workload", q->workload.name,
         hg_textf(r->arena, "%s requests", hg_html_fixed(r->arena, (double)q->workload.count, 0)));
    fact(r, "Load", load_text(r->arena, &q->workload), NULL);
    fact(r, "Promise", slo_text(r->arena, &q->slo), NULL);
    fact(r, "Objective", objective_meaning(r->p->objective), NULL);
    hg_buf_puts(r->b, "</dl>\n</header>\n");
}

/* ---- the answer ---- */

static const char *on_devices(hg_arena *arena, const hg_plan *p)
{
    return hg_textf(arena, "%" PRId64 " × %s", hg_deployment_devices(&p->top[0].deployment),
                    device_title(p));
}

static double rate_of(const hg_metrics *m)
{
    return m->rate_per_s > 0 ? m->rate_per_s : m->sim.requests_per_s;
}

static const char *kept(const hg_plan *p)
{
    return p->problem->slo.count ? " within the promise" : "";
}

static void say_found(const hg_report *r)
{
    const hg_point *best = &r->p->top[0];
    const hg_metrics *m = &best->metrics;
    hg_html(r->b,
            "Run <strong>%s</strong> on %s: ", hg_deployment_text(r->arena, &best->deployment),
            on_devices(r->arena, r->p));
    if (r->p->objective && strcmp(r->p->objective, "latency") == 0 && !r->p->load_given)
        hg_html(r->b,
                "a request alone is answered in <strong>%s</strong> on average, at %s tokens/s%s.",
                hg_html_seconds(r->arena, m->sim.latency[HG_E2E].mean),
                hg_html_number(r->arena, m->tokens_per_s_per_user), kept(r->p));
    else
        hg_html(r->b, "<strong>%s&nbsp;requests/s</strong>%s, %s good requests/s per GPU.",
                hg_html_number(r->arena, rate_of(m)), kept(r->p),
                hg_html_number(r->arena, m->goodput_per_device));
}

static void say_miss(const hg_report *r)
{
    const hg_point *near = &r->p->top[0];
    const hg_sim_result *s = &near->metrics.sim;
    double ratio;
    int worst = hg_report_worst_limit(r->p, &ratio);
    hg_html(r->b, "<strong>No deployment keeps the promise.</strong> The nearest, %s on %s, ",
            hg_deployment_text(r->arena, &near->deployment), on_devices(r->arena, r->p));
    if (worst >= 0 && isfinite(ratio))
        hg_html(r->b, "misses %s at %s requests/s: %s where less than %s was promised.",
                hg_report_limit_name(r->arena, &r->p->problem->slo.limits[worst]),
                hg_html_number(r->arena, rate_of(&near->metrics)),
                hg_html_seconds(r->arena, s->estimates[worst].value_s),
                hg_html_given(r->arena, r->p->problem->slo.limits[worst].limit_s));
    else if (s->rejected)
        hg_html(r->b, "rejects %zu of %zu requests: they are longer than it can hold.", s->rejected,
                s->counted);
    else
        hg_html(r->b, "cannot keep up with %s requests/s.",
                hg_html_number(r->arena, rate_of(&near->metrics)));
}

static void say_nothing(const hg_report *r)
{
    if (r->p->interrupted)
        hg_buf_puts(r->b, "<strong>Nothing is known yet.</strong> The search was interrupted "
                          "before any deployment was simulated.");
    else
        hg_html(r->b,
                "<strong>No deployment can run.</strong> %zu %s considered; <a "
                "href=\"#left-out\">why each was left out</a> stands below.",
                r->p->considered, r->p->considered == 1 ? "was" : "were");
}

/* The deployment for those who do not read flags. */
static void spell_out(const hg_report *r)
{
    const hg_deployment *d = &r->p->top[0].deployment;
    int64_t each = d->tp * d->pp * d->dp;
    hg_html(r->b, "<p class=\"spelled\">%" PRId64 " engine%s %" PRId64 " GPU%s", d->replicas,
            d->replicas > 1 ? "s behind a router, each on" : " on", each, each > 1 ? "s" : "");
    if (d->tp > 1)
        hg_html(r->b, "; every layer cut over %" PRId64 " (tensor parallel)", d->tp);
    if (d->pp > 1)
        hg_html(r->b, "; layers in %" PRId64 " stages (pipeline parallel)", d->pp);
    if (d->dp > 1)
        hg_html(r->b, "; %" PRId64 " ranks with requests of their own (data parallel)", d->dp);
    if (d->ep > 1)
        hg_html(r->b, "; experts spread over %" PRId64, d->ep);
    hg_html(r->b, ". At most %s answers under way and %s tokens a step in each%s.</p>\n",
            hg_html_fixed(r->arena, (double)d->max_num_seqs, 0),
            hg_html_fixed(r->arena, (double)d->max_num_batched_tokens, 0),
            d->dp > 1         ? " rank"
            : d->replicas > 1 ? " engine"
                              : "");
}

static void tile(const hg_report *r, const char *name, const char *value)
{
    hg_html(r->b, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, value);
}

static void money(const hg_report *r, const hg_metrics *m, double devices)
{
    double usd_per_s = devices * r->p->problem->price_usd_per_s;
    if (!(usd_per_s > 0))
        return;
    tile(r, "USD an hour", hg_html_number(r->arena, usd_per_s * 3600));
    if (m->sim.output_tokens_per_s > 0)
        tile(r, "USD per million output tokens",
             hg_html_number(r->arena, usd_per_s / m->sim.output_tokens_per_s * 1e6));
}

static void tiles(const hg_report *r)
{
    const hg_metrics *m = &r->p->top[0].metrics;
    double devices = (double)hg_deployment_devices(&r->p->top[0].deployment);
    hg_buf_puts(r->b, "<dl class=\"tiles\">\n");
    double off = r->p->rate_hi > 0 ? fmax(r->p->rate_hi / rate_of(m) - 1, 1 - r->p->rate_lo / rate_of(m)) : 0;
    tile(r, off > 0 ? hg_textf(r->arena, "requests/s, ± %.0f%%", ceil(100 * off)) : "requests/s",
         hg_html_number(r->arena, rate_of(m)));
    tile(r, "good requests/s/GPU", hg_html_number(r->arena, m->goodput_per_device));
    if (r->p->problem->slo.count)
        tile(r, "of requests meet every limit", hg_html_percent(r->arena, m->sim.attained_frac));
    tile(r, "output tokens/s", hg_html_number(r->arena, m->sim.output_tokens_per_s));
    tile(r, "output tokens/s/GPU", hg_html_number(r->arena, m->tokens_per_s_per_device));
    tile(r, "tokens/s for a user", hg_html_number(r->arena, m->tokens_per_s_per_user));
    money(r, m, devices);
    if (r->p->objective && strcmp(r->p->objective, "energy") == 0 && m->energy_j > 0 &&
        m->sim.completed)
        tile(r, "J a request", hg_html_number(r->arena, m->energy_j / (double)m->sim.completed));
    hg_buf_puts(r->b, "</dl>\n");
}

void hg_report_answer(const hg_report *r)
{
    hg_html(r->b, "<section class=\"answer %s\" aria-label=\"The answer\">\n",
            r->p->found ? "yes" : "no");
    if (r->p->interrupted && r->p->top_count)
        hg_buf_puts(
            r->b, "<p class=\"notice\"><strong>Interrupted.</strong> The search was stopped before "
                  "its end: this is the best so far, and something better may exist.</p>\n");
    hg_buf_puts(r->b, "<p class=\"sentence\">");
    if (r->p->top_count == 0)
        say_nothing(r);
    else if (r->p->found)
        say_found(r);
    else
        say_miss(r);
    hg_buf_puts(r->b, "</p>\n");
    if (r->p->top_count) {
        spell_out(r);
        tiles(r);
    }
    hg_buf_puts(r->b, "</section>\n");
}
