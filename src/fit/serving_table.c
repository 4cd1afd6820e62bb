#include "fit/serving_table.h"

#include "base/json.h"
#include "base/stat.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static uint64_t hash(const char *text)
{
    uint64_t h = 14695981039346656037u;
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 1099511628211u;
    return h ^ h >> 29;
}

/* Rows of one configuration at different loads; of sweeps over lengths, those of one length too. */
static uint64_t family_of(hg_arena scratch, const hg_serving_row *r)
{
    int64_t isl = r->dp_given ? 0 : r->isl, osl = r->dp_given ? 0 : r->osl;
    return hash(hg_textf(&scratch, "%s|%s|%s|%s|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64,
                         r->model, r->device, r->engine, r->precision, r->tp, r->dp, r->moe_ep, isl, osl));
}

/* The hash alone leaves texts that differ in one digit near each other, and folds take remainders. */
static uint64_t mixed(uint64_t h)
{
    h = (h ^ h >> 31) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 29) * 0x94d049bb133111ebu;
    return h ^ h >> 32;
}

static const char *pool_text(hg_arena *scratch, const hg_serving_pool *p)
{
    return hg_textf(scratch, "%" PRId64 "x%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64, p->workers, p->tp, p->pp,
                    p->dp, p->moe_tp, p->moe_ep);
}

uint64_t hg_serving_configuration(hg_arena scratch, const hg_serving_row *r, bool versions)
{
    hg_serving_pool whole = { .tp = r->tp, .pp = r->pp, .dp = r->dp, .moe_tp = r->moe_tp, .moe_ep = r->moe_ep };
    const char *text = hg_textf(&scratch, "%s|%s|%s|%s|%s|%s|%s|%s", r->model, r->device, r->engine, versions ? r->version : "",
                                r->precision, pool_text(&scratch, &whole), pool_text(&scratch, &r->prefill), pool_text(&scratch, &r->decode));
    return mixed(hash(text));
}

bool hg_serving_is_sheet(const hg_serving_table *t)
{
    return t->count > 0 && t->rows[0].trust != NULL;
}

/* Of a sheet whole models are kept back: its few configurations of one are much alike. */
static void number_models(hg_arena *arena, hg_serving_table *t)
{
    const char **ids = HG_NEW(arena, const char *, t->count);
    t->models = 0;
    for (size_t i = 0; hg_serving_is_sheet(t) && i < t->count; i++) {
        const char *id = t->samples[i].of.problem->model.id;
        size_t k = 0;
        while (id && k < t->models && strcmp(ids[k], id) != 0)
            k++;
        if (id && k == t->models)
            ids[t->models++] = id;
        t->samples[i].family = k;
    }
}

void hg_serving_table_of(hg_arena *arena, hg_serving_shelf *shelf, hg_serving_row *rows, size_t n, hg_serving_table *out)
{
    *out = (hg_serving_table){ .samples = HG_NEW(arena, hg_serving_sample, n), .rows = rows, .count = n };
    for (size_t i = 0; i < n; i++) {
        hg_serving_sample *s = &out->samples[i];
        *s = (hg_serving_sample){ .engine = rows[i].engine, .version = rows[i].era ? rows[i].era : rows[i].version,
                                  .ttft_s = rows[i].ttft_s, .tpot_s = rows[i].tpot_s,
                                  .output_tokens_per_s = rows[i].output_tokens_per_s, .family = family_of(*arena, &rows[i]) };
        hg_serving_case_open(shelf, &rows[i], &s->of);
    }
    number_models(arena, out);
}

bool hg_serving_table_read(hg_arena *arena, hg_serving_shelf *shelf, const char *const *paths, size_t paths_n,
                           hg_serving_table *out, hg_err *err)
{
    hg_serving_row *all = NULL;
    size_t count = 0, capacity = 0;
    for (size_t p = 0; p < paths_n; p++) {
        size_t n;
        hg_serving_row *rows = hg_serving_file(arena, paths[p], &n, err);
        if (!rows)
            return false;
        for (size_t i = 0; i < n; i++)
            *HG_PUSH(arena, all, count, capacity) = rows[i];
    }
    hg_serving_table_of(arena, shelf, all, count, out);
    return true;
}

void hg_serving_figures_by(hg_arena scratch, const hg_serving_table *t, const hg_serving_group *groups,
                           size_t count, int threads, hg_serving_figures *out)
{
    const hg_overheads **each = HG_NEW(&scratch, const hg_overheads *, t->count);
    hg_serving_case *cases = HG_NEW(&scratch, hg_serving_case, t->count);
    for (size_t i = 0; i < t->count; i++) {
        each[i] = hg_serving_overheads(groups, count, t->samples[i].engine, t->samples[i].version);
        cases[i] = t->samples[i].of;
    }
    hg_serving_predict_all(cases, each, t->count, threads, out);
}

void hg_serving_terms_kept_back(hg_arena *keep, const hg_serving_table *t, int folds, const hg_serving_group *fitted, size_t count,
                                const hg_overheads **each)
{
    hg_serving_group *without = HG_NEW(keep, hg_serving_group, (size_t)folds * count);
    for (int fold = 0; fold < folds; fold++) {
        hg_serving_group *groups = without + (size_t)fold * count;
        for (size_t g = 0; g < count; g++)
            groups[g] = fitted[g];
        hg_serving_fit_without(t->samples, t->count, hg_serving_is_sheet(t) ? HG_FIT_SHEET : HG_FIT_VERSIONS, fold, folds, groups, count);
        for (size_t i = 0; i < t->count; i++)
            if (hg_serving_is_of_fold(&t->samples[i], fold, folds))
                each[i] = hg_serving_overheads(groups, count, t->samples[i].engine, t->samples[i].version);
    }
}

void hg_serving_kept_back(hg_arena scratch, const hg_serving_table *t, int folds, int threads,
                          const hg_serving_group *fitted, size_t count, hg_serving_figures *out)
{
    const hg_overheads **each = HG_NEW(&scratch, const hg_overheads *, t->count);
    hg_serving_case *cases = HG_NEW(&scratch, hg_serving_case, t->count);
    hg_serving_terms_kept_back(&scratch, t, folds, fitted, count, each);
    for (size_t i = 0; i < t->count; i++)
        cases[i] = t->samples[i].of;
    hg_serving_predict_all(cases, each, t->count, threads, out);
}

static bool of_group(const hg_serving_sample *s, const hg_serving_group *g)
{
    return strcmp(s->engine, g->engine) == 0 && (!g->version || strcmp(s->version, g->version) == 0);
}

/* Few say little of how wide it is. */
enum { LEAST_FOR_BAND = 8 };

static void band(double *ratios, size_t n, double out[2])
{
    if (n < LEAST_FOR_BAND)
        return;
    hg_sort(ratios, n);
    out[0] = hg_percentile(ratios, n, 0.1);
    out[1] = hg_percentile(ratios, n, 0.9);
}

void hg_serving_bands(hg_arena scratch, const hg_serving_table *t, const hg_serving_figures *kept_back,
                      hg_serving_group *groups, size_t count)
{
    double *ttft = HG_NEW(&scratch, double, t->count), *tpot = HG_NEW(&scratch, double, t->count);
    for (size_t g = 0; g < count; g++) {
        size_t ttfts = 0, tpots = 0;
        for (size_t i = 0; i < t->count; i++) {
            const hg_serving_sample *s = &t->samples[i];
            if (!of_group(s, &groups[g]) || !isfinite(kept_back[i].ttft_s))
                continue;
            if (s->ttft_s > 0)
                ttft[ttfts++] = s->ttft_s / kept_back[i].ttft_s;
            if (s->tpot_s > 0)
                tpot[tpots++] = s->tpot_s / kept_back[i].tpot_s;
        }
        band(ttft, ttfts, groups[g].overheads.ttft_band);
        band(tpot, tpots, groups[g].overheads.tpot_band);
    }
}

static hg_miss_spread misses_by(const hg_serving_group *groups, size_t count, const hg_serving_sample *s)
{
    hg_miss_spread own = hg_misses_within(hg_serving_overheads(groups, count, s->engine, s->version)->tpot_band);
    return own.sd > 0 ? own : hg_misses_within(hg_serving_overheads(groups, count, s->engine, NULL)->tpot_band);
}

void hg_serving_misses_kept_back(hg_arena scratch, const hg_serving_table *t, int folds, const hg_serving_figures *kept_back,
                                 const hg_serving_group *fitted, size_t count, hg_miss_spread *out)
{
    hg_serving_figures *others = HG_NEW(&scratch, hg_serving_figures, t->count);
    hg_serving_group *groups = HG_NEW(&scratch, hg_serving_group, count);
    for (int fold = 0; fold < folds; fold++) {
        for (size_t g = 0; g < count; g++) {
            groups[g] = fitted[g];
            memset(groups[g].overheads.tpot_band, 0, sizeof groups[g].overheads.tpot_band);
        }
        for (size_t i = 0; i < t->count; i++)
            others[i] = hg_serving_is_of_fold(&t->samples[i], fold, folds) ? (hg_serving_figures){ NAN, NAN, NAN, NAN } : kept_back[i];
        hg_serving_bands(scratch, t, others, groups, count);
        for (size_t i = 0; i < t->count; i++)
            if (hg_serving_is_of_fold(&t->samples[i], fold, folds))
                out[i] = misses_by(groups, count, &t->samples[i]);
    }
}

static void write_band(hg_json *j, const char *key, const double band[2])
{
    hg_json_key(j, key);
    hg_json_open(j, '[');
    hg_json_raw(j, hg_textf(j->out->arena, "%.3f", band[0]));
    hg_json_raw(j, hg_textf(j->out->arena, "%.3f", band[1]));
    hg_json_close(j, ']');
}

const char *hg_serving_text(hg_arena *arena, const hg_serving_group *groups, size_t count,
                            const char *source, const char *date, const char *errors)
{
    hg_buf b = { .arena = arena };
    hg_json j = { .out = &b };
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "how", "heng calibrate host: host terms by Gauss-Newton over the simulator; bands are the "
                               "80 % of measured / predicted on configurations kept back");
    hg_json_key_str(&j, "source", source);
    hg_json_key_str(&j, "fitted", date);
    hg_json_key(&j, "errors");
    hg_json_raw(&j, errors);
    hg_json_key(&j, "overheads");
    hg_json_open(&j, '[');
    for (size_t g = 0; g < count; g++) {
        hg_overheads o = groups[g].overheads;
        hg_buf_puts(&b, "\n");
        hg_json_open(&j, '{');
        hg_json_key_str(&j, "engine", groups[g].engine);
        if (groups[g].version)
            hg_json_key_str(&j, "version", groups[g].version);
        hg_json_key_int(&j, "rows", (int64_t)groups[g].rows);
        for (int k = 0; k < HG_OVERHEAD_TERMS; k++)
            if (*hg_overhead(&o, k) > 0)
                hg_json_key_str(&j, hg_overhead_terms[k].name, hg_overhead_text(arena, &o, k));
        write_band(&j, "ttft_band", o.ttft_band);
        write_band(&j, "tpot_band", o.tpot_band);
        hg_json_close(&j, '}');
    }
    hg_json_close(&j, ']');
    hg_json_close(&j, '}');
    hg_buf_puts(&b, "\n");
    return b.s;
}
