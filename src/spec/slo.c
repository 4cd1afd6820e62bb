#include "spec/slo.h"

#include "base/num.h"
#include "base/text.h"
#include "base/units.h"

#include <math.h>
#include <string.h>

const char *const hg_metric_names[HG_METRICS] = {
    [HG_TTFT] = "ttft", [HG_TPOT] = "tpot", [HG_ITL] = "itl", [HG_E2E] = "e2e", [HG_QUEUE] = "queue",
};

static const struct {
    const char *name;
    hg_metric metric;
} aliases[] = { { "e2el", HG_E2E }, { "latency", HG_E2E }, { "queued", HG_QUEUE } };

/* Source: MLPerf Inference rules, constraints of the server and interactive scenarios by model. */
const hg_slo_preset hg_slo_presets[] = {
    { "mlperf:llama2-70b", 2, 0.2 },
    { "mlperf:llama2-70b-interactive", 0.45, 0.04 },
    { "mlperf:llama3.1-405b", 6, 0.175 },
    { "mlperf:llama3.1-405b-interactive", 4.5, 0.08 },
    { "mlperf:llama3.1-8b", 2, 0.1 },
    { "mlperf:llama3.1-8b-interactive", 0.5, 0.03 },
    { "mlperf:deepseek-r1", 2, 0.08 },
    { "mlperf:deepseek-r1-interactive", 1.5, 0.015 },
    { "mlperf:gpt-oss-120b", 3, 0.08 },
    { "mlperf:mixtral-8x7b", 2, 0.2 },
};

const size_t hg_slo_preset_count = sizeof hg_slo_presets / sizeof *hg_slo_presets;

enum { WORD_MAX = 64 };

static bool find_metric(const char *name, hg_metric *out)
{
    for (int i = 0; i < HG_METRICS; i++)
        if (hg_same_nocase(name, hg_metric_names[i]))
            return *out = (hg_metric)i, true;
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (hg_same_nocase(name, aliases[i].name))
            return *out = aliases[i].metric, true;
    return false;
}

static bool unknown_metric(const char *name, const char *where, hg_err *err)
{
    const char *near = hg_nearest(name, hg_metric_names, HG_METRICS);
    return hg_fail(err, HG_INPUT, where, "'%s' is no metric; %s%s%swrite one of ttft, tpot, itl, e2e, "
                   "queue", name, near ? "did you mean '" : "", near ? near : "", near ? "'? " : "");
}

/* "p90", "p99.9", "mean", "median". */
static bool parse_statistic(const char *s, double *percentile)
{
    double percent;
    if (hg_same_nocase(s, "mean") || hg_same_nocase(s, "avg"))
        return *percentile = HG_MEAN, true;
    if (hg_same_nocase(s, "median"))
        return *percentile = 0.5, true;
    if ((*s != 'p' && *s != 'P') || !hg_parse_f64(s + 1, &percent) || !(percent > 0 && percent < 100))
        return false;
    *percentile = percent / 100;
    return true;
}

/* A time with its unit; "1" would be a second to one reader and a millisecond to another. */
static bool parse_time(const char *s, double *limit_s)
{
    double bare;
    return !hg_parse_f64(s, &bare) && hg_parse_quantity(s, HG_SECONDS, limit_s);
}

static bool parse_limit(char *word, const char *where, hg_limit *out, hg_err *err)
{
    char *less = strchr(word, '<'), *colon = strchr(word, ':'), *time = NULL;
    *out = (hg_limit){ .percentile = 0.99 };
    if (!less && strchr(word, '>'))
        return hg_fail(err, HG_INPUT, where, "'%s' promises no more than; write it with '<', as in ttft:p90<1s", word);
    if (less) {
        *less = 0;
        time = less + 1 + (less[1] == '=');
        colon = strchr(word, ':');
    }
    if (colon)
        *colon = 0;
    if (!find_metric(word, &out->metric))
        return unknown_metric(word, where, err);
    const char *name = hg_metric_names[out->metric];
    if (!less && !colon)
        return hg_fail(err, HG_INPUT, where, "%s has no limit; write %s:p99<1s", name, name);
    if (!less) {
        if (!hg_parse_f64(colon + 1, &out->limit_s) || out->limit_s <= 0 || out->limit_s > 1e9)
            return hg_fail(err, HG_INPUT, where, "%s has no limit; write %s:p99<1s, or %s:500 for 500 ms",
                           name, name, name);
        out->limit_s *= 1e-3;
        return true;
    }
    if (colon && !parse_statistic(colon + 1, &out->percentile))
        return hg_fail(err, HG_INPUT, where, "%s: '%s' is no percentile; write p50, p99 or mean", name,
                       colon + 1);
    if (!parse_time(time, &out->limit_s) || out->limit_s <= 0 || out->limit_s > 1e6)
        return hg_fail(err, HG_INPUT, where, "%s: '%s' is no time limit; write it with its unit, as in "
                       "40ms or 1.5s", name, time);
    return true;
}

static bool parse_preset(const char *word, const char *where, hg_slo *out, hg_err *err)
{
    const char *names[sizeof hg_slo_presets / sizeof *hg_slo_presets];
    for (size_t i = 0; i < hg_slo_preset_count; i++) {
        const hg_slo_preset *p = &hg_slo_presets[i];
        names[i] = p->name;
        if (!hg_same_nocase(word, p->name))
            continue;
        *out = (hg_slo){ .limits = { { HG_TTFT, 0.99, p->ttft_s }, { HG_TPOT, 0.99, p->tpot_s } },
                         .count = 2 };
        return true;
    }
    const char *near = hg_nearest(word, names, hg_slo_preset_count);
    return hg_fail(err, HG_INPUT, where, "'%s' is no preset; did you mean '%s'?", word,
                   near ? near : names[0]);
}

static bool add_limit(hg_slo *out, hg_limit limit, const char *where, hg_err *err)
{
    for (int i = 0; i < out->count; i++)
        if (out->limits[i].metric == limit.metric && out->limits[i].percentile == limit.percentile)
            return hg_fail(err, HG_INPUT, where, "limits %s twice; keep one",
                           hg_metric_names[limit.metric]);
    if (out->count == HG_SLO_MAX)
        return hg_fail(err, HG_INPUT, where, "has more than %d limits", HG_SLO_MAX);
    out->limits[out->count++] = limit;
    return true;
}

bool hg_slo_parse(const char *text, const char *where, hg_slo *out, hg_err *err)
{
    static const char separators[] = ", \t;";
    *out = (hg_slo){ 0 };
    for (const char *p = text + strspn(text, separators); *p; p += strspn(p, separators)) {
        char word[WORD_MAX];
        size_t n = strcspn(p, separators);
        if (n >= sizeof word)
            return hg_fail(err, HG_INPUT, where, "'%.40s…' is too long; write ttft:p90<1s,tpot:p95<40ms", p);
        memcpy(word, p, n);
        word[n] = 0;
        p += n;
        if (hg_starts(word, "mlperf:")) {
            if (out->count || p[strspn(p, separators)])
                return hg_fail(err, HG_INPUT, where, "'%s' is a whole promise; write it alone", word);
            return parse_preset(word, where, out, err);
        }
        hg_limit limit;
        if (!parse_limit(word, where, &limit, err) || !add_limit(out, limit, where, err))
            return false;
    }
    if (out->count == 0)
        return hg_fail(err, HG_INPUT, where, "is empty; write limits as in ttft:p90<1s,tpot:p95<40ms");
    return true;
}

const char *hg_slo_text(hg_arena *arena, const hg_slo *slo)
{
    hg_buf b = { .arena = arena };
    hg_buf_add(&b, "", 0);
    for (int i = 0; i < slo->count; i++) {
        const hg_limit *l = &slo->limits[i];
        hg_buf_printf(&b, "%s%s:", i ? "," : "", hg_metric_names[l->metric]);
        if (l->percentile == HG_MEAN)
            hg_buf_puts(&b, "mean");
        else
            hg_buf_printf(&b, "p%.9g", l->percentile * 100);
        bool small = l->limit_s < 1;
        hg_buf_printf(&b, "<%.9g%s", small ? l->limit_s * 1e3 : l->limit_s, small ? "ms" : "s");
    }
    return b.s;
}
