#include "api/loads_report.h"

#include "base/json.h"
#include "base/stat.h"

#include <inttypes.h>
#include <math.h>

hg_serving_figures *hg_shipped_figures(hg_ask *a, const hg_serving_table *t)
{
    hg_serving_case *cases = HG_NEW(a->arena, hg_serving_case, t->count);
    const hg_overheads **overheads = HG_NEW(a->arena, const hg_overheads *, t->count);
    hg_serving_figures *out = HG_NEW(a->arena, hg_serving_figures, t->count);
    for (size_t i = 0; i < t->count; i++) {
        cases[i] = t->samples[i].of;
        overheads[i] = &cases[i].problem->engine.overheads;
    }
    hg_serving_predict_all(cases, overheads, t->count, a->s.threads.n ? (int)a->s.threads.v[0] : 0, out);
    return out;
}

bool hg_refuse_unread(hg_ask *a, const char *by)
{
    static const char *const words[] = { "by", "rows", "rows_out", "page_out", "calibration", "op", "budget" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (hg_word_given(&a->s, hg_word_find(words[i])))
            return hg_fail(&a->err, HG_INPUT, hg_textf(a->arena, "--%s", words[i]), "is not read by '%s'; leave it out", by);
    return true;
}

typedef struct line { /* one way, one figure */
    double *before, *after;
    size_t n;
} line;

typedef struct study {
    const hg_miss_server *servers;
    size_t n, most;
    const hg_miss_priors *priors;  /* of each fold */
    int folds;
    line lines[HG_MISS_WAYS][HG_MISS_FIGURES];
} study;

static void judge(hg_arena scratch, study *s, size_t server, size_t run)
{
    const hg_miss_server *of = &s->servers[server];
    const hg_miss_priors *p = &s->priors[server % (size_t)s->folds];
    for (int f = 0; f < HG_MISS_FIGURES; f++)
        for (int w = 0; w < HG_MISS_WAYS; w++) {
            line *l = &s->lines[w][f];
            double miss = of->runs[run].miss[f];
            double e = isfinite(miss) ? hg_miss_left_out(scratch, &p->of[f], (hg_miss_figure)f, of, run, (hg_miss_way)w, NULL) : NAN;
            if (!isfinite(e))
                continue;
            l->before[l->n] = fabs(exp(-miss) - 1);
            l->after[l->n++] = fabs(e);
        }
}

/* Servers of a fold are those that the fold's priors did not see. */
static const hg_miss_priors *priors_by_fold(hg_arena *arena, const hg_miss_server *servers, size_t n, const hg_miss_priors *all, int folds)
{
    hg_miss_priors *out = HG_NEW(arena, hg_miss_priors, (size_t)folds);
    out[0] = *all;
    for (int fold = 0; folds > 1 && fold < folds; fold++) {
        hg_miss_server *others = HG_NEW(arena, hg_miss_server, n);
        size_t count = 0;
        for (size_t i = 0; i < n; i++)
            if ((int)(i % (size_t)folds) != fold)
                others[count++] = servers[i];
        hg_miss_fit(*arena, others, count, &out[fold]);
    }
    return out;
}

static study run_study(hg_arena *arena, const hg_miss_server *servers, size_t n, const hg_miss_priors *priors, int folds)
{
    study s = { .servers = servers, .n = n, .priors = priors_by_fold(arena, servers, n, priors, folds), .folds = folds };
    for (size_t i = 0; i < n; i++)
        s.most += servers[i].count;
    for (int w = 0; w < HG_MISS_WAYS; w++)
        for (int f = 0; f < HG_MISS_FIGURES; f++)
            s.lines[w][f] = (line){ HG_NEW(arena, double, s.most), HG_NEW(arena, double, s.most), 0 };
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < servers[i].count; k++)
            judge(*arena, &s, i, k);
    return s;
}

typedef struct size_of { /* of errors */
    double median, mean, p90;
} size_of;

static size_of size_of_errors(double *x, size_t n)
{
    hg_sort(x, n);
    return (size_of){ hg_percentile(x, n, 0.5), hg_mean(x, n), hg_percentile(x, n, 0.9) };
}

static void write_size(hg_json *j, const char *key, const size_of *s)
{
    hg_json_key(j, key);
    hg_json_open(j, '{');
    hg_json_key_num(j, "median", s->median);
    hg_json_key_num(j, "mean", s->mean);
    hg_json_key_num(j, "p90", s->p90);
    hg_json_close(j, '}');
}

static void write_json(hg_buf *out, study *s)
{
    hg_json j = { .out = out };
    hg_json_open(&j, '[');
    for (int f = 0; f < HG_MISS_FIGURES; f++)
        for (int w = HG_MISS_FACTOR; w < HG_MISS_WAYS; w++) {
            line *l = &s->lines[w][f];
            size_of before = size_of_errors(l->before, l->n), after = size_of_errors(l->after, l->n);
            hg_json_open(&j, '{');
            hg_json_key_str(&j, "figure", hg_miss_names[f]);
            hg_json_key_str(&j, "learnt_from", hg_miss_ways[w]);
            hg_json_key_int(&j, "n", (int64_t)l->n);
            write_size(&j, "before", &before);
            write_size(&j, "after", &after);
            hg_json_close(&j, '}');
        }
    hg_json_close(&j, ']');
    hg_buf_puts(out, "\n");
}

static void write_text(hg_buf *out, study *s)
{
    hg_buf_printf(out, "%-30s %6s   %20s   %20s   %13s\n%-30s %6s   %6s %6s %6s   %6s %6s %6s   %6s %6s\n", "Error of a left-out load, %", "",
                  "as shipped", "corrected", "change", "  learnt from", "runs", "median", "mean", "p90", "median", "mean", "p90", "median", "mean");
    for (int f = 0; f < HG_MISS_FIGURES; f++)
        for (int w = HG_MISS_FACTOR; w < HG_MISS_WAYS; w++) {
            line *l = &s->lines[w][f];
            if (l->n == 0)
                continue;
            size_of b = size_of_errors(l->before, l->n), n = size_of_errors(l->after, l->n);
            hg_buf_printf(out, "%s %-25s %6zu   %6.1f %6.1f %6.1f   %6.1f %6.1f %6.1f   %+5.0f%% %+5.0f%%\n", f ? "TPOT" : "TTFT",
                          hg_miss_ways[w], l->n, 100 * b.median, 100 * b.mean, 100 * b.p90, 100 * n.median, 100 * n.mean, 100 * n.p90,
                          100 * (n.median / b.median - 1), 100 * (n.mean / b.mean - 1));
        }
}

/* What `--calibration` would do, said and held to where it does not help: the mean, as one bad load is what it may bring. */
static bool judge_help(hg_ask *a, const line *l, const char *figure)
{
    double before = hg_mean(l->before, l->n), after = hg_mean(l->after, l->n);
    if (l->n == 0 || after < before)
        return true;
    hg_note(a, hg_textf(a->arena, "%s: your other loads do not help to predict one left out, whose error goes from %.1f%% to %.1f%% in the mean; "
                        "loads that were not measured stay as shipped", figure, 100 * before, 100 * after));
    return false;
}

void hg_loads_report(hg_ask *a, const hg_miss_server *servers, size_t n, const hg_miss_priors *priors, int folds,
                     bool helps[HG_MISS_FIGURES], hg_buf *out)
{
    study s = run_study(a->arena, servers, n, priors, folds);
    for (int f = 0; helps && f < HG_MISS_FIGURES; f++)
        helps[f] = judge_help(a, &s.lines[HG_MISS_ALL][f], f ? "TPOT" : "TTFT");
    if (a->s.json.v)
        write_json(out, &s);
    else
        write_text(out, &s);
}
