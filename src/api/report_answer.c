#include "api/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const struct {
    const char *word;
    hg_text meaning;
} objectives[] = {
    { "goodput-per-gpu", HG_TEXT_goal_goodput }, { "throughput", HG_TEXT_goal_throughput }, { "latency", HG_TEXT_goal_latency },
    { "cost", HG_TEXT_goal_cost },               { "energy", HG_TEXT_goal_energy },
};

static const char *objective_meaning(const hg_report *r)
{
    const char *word = r->p->objective;
    for (size_t i = 0; word && i < sizeof objectives / sizeof *objectives; i++)
        if (strcmp(word, objectives[i].word) == 0)
            return hg_report_form(r, objectives[i].meaning);
    return word;
}

const char *hg_report_load(const hg_report *r)
{
    const hg_workload *w = &r->p->problem->workload;
    bool bursty = w->burstiness > 0 && w->burstiness != 1, fast = w->speedup > 0 && w->speedup != 1;
    switch (w->load) {
    case HG_LOAD_RATE:
        return bursty ? hg_say(r->arena, r->p->lang, HG_TEXT_load_bursty, hg_html_number(r->arena, w->rate_per_s),
                               hg_textf(r->arena, "%g", w->burstiness))
                      : hg_say(r->arena, r->p->lang, HG_TEXT_load_poisson, hg_html_number(r->arena, w->rate_per_s));
    case HG_LOAD_REPLAY:
        return fast ? hg_say(r->arena, r->p->lang, HG_TEXT_load_faster, hg_textf(r->arena, "%g", w->speedup))
                    : hg_report_form(r, HG_TEXT_load_replay);
    case HG_LOAD_CLOSED:
        return hg_say(r->arena, r->p->lang, HG_TEXT_load_clients, hg_textf(r->arena, "%" PRId64, w->concurrency));
    default:
        return hg_report_form(r, HG_TEXT_load_found);
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

static const char *model_size(const hg_report *r)
{
    const hg_model *m = &r->p->problem->model;
    if (!(m->parameters > 0))
        return NULL;
    const char *all = hg_say(r->arena, r->p->lang, HG_TEXT_page_parameters, hg_html_number(r->arena, m->parameters / 1e9));
    if (!(m->active_parameters > 0) || m->active_parameters > 0.9 * m->parameters)
        return all;
    return hg_say(r->arena, r->p->lang, HG_TEXT_page_active, all, hg_html_number(r->arena, m->active_parameters / 1e9));
}

static const char *slo_text(const hg_report *r)
{
    const hg_slo *slo = &r->p->problem->slo;
    hg_buf b = { .arena = r->arena };
    for (int i = 0; i < slo->count; i++)
        hg_buf_printf(&b, "%s%s < %s", i ? ", " : "", hg_report_limit_name(r, &slo->limits[i]),
                      hg_html_given(r->arena, slo->limits[i].limit_s));
    return slo->count ? b.s : hg_report_form(r, HG_TEXT_page_nothing);
}

void hg_report_question(const hg_report *r)
{
    const hg_problem *q = r->p->problem;
    const char *version = q->rates.version ? q->rates.version : q->engine.version;
    hg_html(r->b, "<header>\n<p class=\"brand\"><b lang=\"zh\">衡</b> heng <span>%s</span></p>\n", hg_report_form(r, HG_TEXT_page_brand));
    hg_html(r->b, "<h1><bdi>%s</bdi></h1>\n<dl class=\"facts\">\n", r->model_word);
    if (model_size(r))
        fact(r, hg_report_form(r, HG_TEXT_page_model), model_size(r), NULL);
    fact(r, hg_report_form(r, HG_TEXT_page_device), device_title(r->p), NULL);
    fact(r, hg_report_form(r, HG_TEXT_page_engine), q->engine.title ? q->engine.title : q->engine.name, version);
    fact(r, hg_report_form(r, HG_TEXT_page_workload), q->workload.name,
         hg_say(r->arena, r->p->lang, HG_TEXT_page_requests, hg_html_fixed(r->arena, (double)q->workload.count, 0)));
    fact(r, hg_report_form(r, HG_TEXT_page_load), hg_report_load(r), NULL);
    fact(r, hg_report_form(r, HG_TEXT_page_promise), slo_text(r), NULL);
    fact(r, hg_report_form(r, HG_TEXT_page_objective), objective_meaning(r), NULL);
    hg_buf_puts(r->b, "</dl>\n</header>\n");
}

/* ---- the answer ---- */

static const char *devices(const hg_report *r)
{
    return hg_textf(r->arena, "%" PRId64, hg_point_devices(&r->p->top[0]));
}

static double rate_of(const hg_metrics *m)
{
    return m->rate_per_s > 0 ? m->rate_per_s : m->sim.requests_per_s;
}

static void say_found(const hg_report *r)
{
    const hg_metrics *m = &r->p->top[0].metrics;
    const char *kept = r->p->problem->slo.count ? hg_report_form(r, HG_TEXT_page_kept) : "";
    hg_html_say(r->b, r->p->lang, HG_TEXT_page_html_run, hg_point_text(r->arena, &r->p->top[0]), devices(r),
                device_title(r->p));
    if (r->p->objective && strcmp(r->p->objective, "latency") == 0 && !r->p->load_given)
        hg_html_say(r->b, r->p->lang, HG_TEXT_page_html_alone, hg_html_seconds(r->arena, m->sim.latency[HG_E2E].mean),
                    hg_html_number(r->arena, m->tokens_per_s_per_user), kept);
    else
        hg_html_say(r->b, r->p->lang, HG_TEXT_page_html_rate, hg_html_number(r->arena, rate_of(m)), kept,
                    hg_html_number(r->arena, m->goodput_per_device));
}

static const char *what_is_missed(const hg_report *r)
{
    const hg_point *near = &r->p->top[0];
    const hg_sim_result *s = &near->metrics.sim;
    const char *rate = hg_html_number(r->arena, rate_of(&near->metrics));
    double ratio;
    int worst = hg_report_worst_limit(r->p, &ratio);
    if (worst >= 0 && isfinite(ratio))
        return hg_say(r->arena, r->p->lang, HG_TEXT_page_misses, hg_report_limit_name(r, &r->p->problem->slo.limits[worst]), rate,
                      hg_html_seconds(r->arena, s->estimates[worst].value_s),
                      hg_html_given(r->arena, r->p->problem->slo.limits[worst].limit_s));
    if (s->rejected)
        return hg_say(r->arena, r->p->lang, HG_TEXT_page_rejects, hg_textf(r->arena, "%zu", s->rejected),
                      hg_textf(r->arena, "%zu", s->counted));
    return hg_say(r->arena, r->p->lang, HG_TEXT_page_cannot_keep, rate);
}

static void say_miss(const hg_report *r)
{
    hg_html_say(r->b, r->p->lang, HG_TEXT_page_html_miss, hg_point_text(r->arena, &r->p->top[0]), devices(r),
                device_title(r->p));
    hg_html(r->b, "%s", what_is_missed(r));
}

static void say_nothing(const hg_report *r)
{
    if (r->p->interrupted)
        hg_buf_puts(r->b, hg_report_form(r, HG_TEXT_page_html_unknown));
    else
        hg_html_say(r->b, r->p->lang, HG_TEXT_page_html_none, hg_textf(r->arena, "%zu", r->p->considered));
}

static const char *counted(const hg_report *r, hg_text text, int64_t n)
{
    return n > 1 ? hg_say(r->arena, r->p->lang, text, hg_textf(r->arena, "%" PRId64, n)) : "";
}

/* The deployment for those who do not read flags. */
static void spell_out(const hg_report *r, const char *name, const hg_deployment *d)
{
    int64_t each = d->tp * d->pp * d->dp;
    const char *gpus = hg_textf(r->arena, "%" PRId64, each), *engines = hg_textf(r->arena, "%" PRId64, d->replicas);
    hg_html(r->b, "<p class=\"spelled\">%s%s", name,
            d->replicas > 1 ? hg_say(r->arena, r->p->lang, each > 1 ? HG_TEXT_spell_engines : HG_TEXT_spell_engines_one, engines, gpus)
                            : hg_say(r->arena, r->p->lang, each > 1 ? HG_TEXT_spell_engine : HG_TEXT_spell_engine_one, gpus));
    hg_html(r->b, "%s%s%s%s", counted(r, HG_TEXT_spell_tp, d->tp), counted(r, HG_TEXT_spell_pp, d->pp),
            counted(r, HG_TEXT_spell_dp, d->dp), counted(r, HG_TEXT_spell_ep, d->ep));
    hg_html(r->b, "%s</p>\n",
            hg_say(r->arena, r->p->lang, d == &r->p->top[0].prefill ? HG_TEXT_spell_prompts : HG_TEXT_spell_limits, hg_html_fixed(r->arena, (double)d->max_num_seqs, 0),
                   hg_html_fixed(r->arena, (double)d->max_num_batched_tokens, 0),
                   d->dp > 1         ? hg_report_form(r, HG_TEXT_spell_rank)
                   : d->replicas > 1 ? hg_report_form(r, HG_TEXT_spell_of_engine)
                                     : ""));
}

static void spell_all(const hg_report *r)
{
    const hg_point *p = &r->p->top[0];
    hg_lang lang = r->p->lang;
    if (p->prefill.replicas)
        spell_out(r, hg_say(r->arena, lang, HG_TEXT_spell_pool, hg_pool_name(lang, HG_POOL_PREFILL)), &p->prefill);
    spell_out(r, p->prefill.replicas ? hg_say(r->arena, lang, HG_TEXT_spell_pool, hg_pool_name(lang, HG_POOL_DECODE)) : "", &p->deployment);
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
    tile(r, hg_report_form(r, HG_TEXT_tile_usd), hg_html_number(r->arena, usd_per_s * 3600));
    if (m->sim.output_tokens_per_s > 0)
        tile(r, hg_report_form(r, HG_TEXT_tile_usd_tokens),
             hg_html_number(r->arena, usd_per_s / m->sim.output_tokens_per_s * 1e6));
}

static void tiles(const hg_report *r)
{
    const hg_metrics *m = &r->p->top[0].metrics;
    double devices = (double)hg_point_devices(&r->p->top[0]);
    hg_buf_puts(r->b, "<dl class=\"tiles\">\n");
    double off = r->p->rate_hi > 0 ? fmax(r->p->rate_hi / rate_of(m) - 1, 1 - r->p->rate_lo / rate_of(m)) : 0;
    tile(r, off > 0 ? hg_say(r->arena, r->p->lang, HG_TEXT_tile_rate_known, hg_textf(r->arena, "%.0f%%", ceil(100 * off))) : hg_report_form(r, HG_TEXT_tile_rate),
         hg_html_number(r->arena, rate_of(m)));
    tile(r, hg_report_form(r, HG_TEXT_tile_good), hg_html_number(r->arena, m->goodput_per_device));
    if (r->p->problem->slo.count)
        tile(r, hg_report_form(r, HG_TEXT_tile_attained), hg_html_percent(r->arena, m->sim.attained_frac));
    tile(r, hg_report_form(r, HG_TEXT_tile_tokens), hg_html_number(r->arena, m->sim.output_tokens_per_s));
    tile(r, hg_report_form(r, HG_TEXT_tile_tokens_gpu), hg_html_number(r->arena, m->tokens_per_s_per_device));
    tile(r, hg_report_form(r, HG_TEXT_tile_user), hg_html_number(r->arena, m->tokens_per_s_per_user));
    money(r, m, devices);
    if (r->p->objective && strstr(r->p->objective, "energy") && m->energy_j > 0 &&
        m->sim.completed)
        tile(r, hg_report_form(r, HG_TEXT_tile_energy), hg_html_number(r->arena, m->energy_j / (double)m->sim.completed));
    hg_buf_puts(r->b, "</dl>\n");
}

void hg_report_answer(const hg_report *r)
{
    hg_html(r->b, "<section class=\"answer %s\" aria-label=\"%s\">\n", r->p->found ? "yes" : "no",
            hg_report_form(r, HG_TEXT_page_answer));
    if (r->p->interrupted && r->p->top_count) {
        hg_buf_puts(r->b, "<p class=\"notice\">");
        hg_buf_puts(r->b, hg_report_form(r, HG_TEXT_page_html_interrupted));
        hg_buf_puts(r->b, "</p>\n");
    }
    hg_buf_puts(r->b, "<p class=\"sentence\">");
    if (r->p->top_count == 0)
        say_nothing(r);
    else if (r->p->found)
        say_found(r);
    else
        say_miss(r);
    hg_buf_puts(r->b, "</p>\n");
    if (r->p->top_count) {
        spell_all(r);
        tiles(r);
    }
    hg_buf_puts(r->b, "</section>\n");
}
