#include "fit/miss.h"

#include "base/json.h"

#include <math.h>
#include <string.h>

const char *const hg_miss_names[HG_MISS_FIGURES] = { "ttft", "tpot" };
const char *const hg_miss_terms[HG_MISS_TERMS] = { "server", "slope", "bend", "load_reach", "length_reach", "noise" };

/* Where a server's factor is told apart from its slope: 32 clients. */
static const double MIDDLE_LOAD = 3.4657359027997265;

/* What two places share before the distance of their lengths is counted. */
static double along_load(const hg_miss_prior *p, double a, double b)
{
    double x = a - MIDDLE_LOAD, y = b - MIDDLE_LOAD;
    return p->server * p->server + p->slope * p->slope * x * y + p->bend * p->bend * exp(-fabs(a - b) / p->load_reach);
}

static double covariance(const hg_miss_prior *p, const hg_miss_run *a, const hg_miss_run *b)
{
    double far = fabs(a->isl - b->isl) + fabs(a->osl - b->osl);
    return along_load(p, a->load, b->load) * exp(-far / p->length_reach);
}

/* The runs that say this figure, at most HG_MISS_RUNS, the nearest first to stay. */
static size_t nearest(const hg_miss_prior *p, hg_miss_figure figure, const hg_miss_run *runs, size_t n, const hg_miss_run *at,
                      const hg_miss_run **out)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(runs[i].miss[figure]))
            continue;
        size_t place = count < HG_MISS_RUNS ? count++ : HG_MISS_RUNS - 1;
        if (place == HG_MISS_RUNS - 1 && count == HG_MISS_RUNS && out[place] &&
            covariance(p, out[place], at) >= covariance(p, &runs[i], at))
            continue;
        for (; place > 0 && covariance(p, out[place - 1], at) < covariance(p, &runs[i], at); place--)
            out[place] = out[place - 1];
        out[place] = &runs[i];
    }
    return count;
}

/* Lower Cholesky factor in place; the matrix is positive by its noise. */
static void factor(double *m, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double s = m[i * n + j];
            for (size_t k = 0; k < j; k++)
                s -= m[i * n + k] * m[j * n + k];
            m[i * n + j] = i == j ? sqrt(fmax(s, 1e-12)) : s / m[j * n + j];
        }
}

static void forward(const double *l, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            x[i] -= l[i * n + k] * x[k];
        x[i] /= l[i * n + i];
    }
}

hg_miss_shift hg_miss_at(hg_arena scratch, const hg_miss_prior *p, hg_miss_figure figure, const hg_miss_run *runs, size_t n,
                         const hg_miss_run *at)
{
    const hg_miss_run **near = HG_NEW(&scratch, const hg_miss_run *, HG_MISS_RUNS);
    size_t count = nearest(p, figure, runs, n, at, near);
    double *l = HG_NEW(&scratch, double, count * count), *y = HG_NEW(&scratch, double, count), *k = HG_NEW(&scratch, double, count);
    for (size_t i = 0; i < count; i++) {
        y[i] = near[i]->miss[figure];
        k[i] = covariance(p, near[i], at);
        for (size_t j = 0; j <= i; j++)
            l[i * count + j] = covariance(p, near[i], near[j]) + (i == j ? p->noise * p->noise : 0);
    }
    factor(l, count);
    forward(l, count, y);
    forward(l, count, k);
    double whole = covariance(p, at, at), left = whole, mean = 0;
    for (size_t i = 0; i < count; i++) {
        mean += k[i] * y[i];
        left -= k[i] * k[i];
    }
    left = fmax(left, 0);
    return (hg_miss_shift){ mean, sqrt(left + p->noise * p->noise), whole > 0 ? 1 - left / whole : 0 };
}

static bool read_prior(const json_t *o, hg_miss_prior *out)
{
    double *terms[HG_MISS_TERMS] = { &out->server, &out->slope, &out->bend, &out->load_reach, &out->length_reach, &out->noise };
    for (int i = 0; i < HG_MISS_TERMS; i++) {
        *terms[i] = json_number_value(json_object_get(o, hg_miss_terms[i]));
        if (!(*terms[i] > 0))
            return false;
    }
    const json_t *band = json_object_get(o, "band");
    out->lo = json_number_value(json_array_get(band, 0));
    out->hi = json_number_value(json_array_get(band, 1));
    out->repeat = json_number_value(json_object_get(o, "repeat"));
    return out->lo < 0 && out->hi > 0 && out->repeat > 0;
}

bool hg_miss_priors_read(hg_arena *arena, const hg_data *data, hg_miss_priors *out, hg_err *err)
{
    static const char path[] = "serving/misses.json";
    size_t size;
    const char *text = hg_data_text(data, arena, path, &size, err);
    json_t *root = text ? hg_json_parse(text, size, path, err) : NULL;
    bool ok = root != NULL;
    for (int f = 0; ok && f < HG_MISS_FIGURES; f++)
        ok = read_prior(json_object_get(root, hg_miss_names[f]), &out->of[f]) ||
             hg_fail(err, HG_INPUT, path, "%s lacks a positive %s, %s, %s, %s, %s or %s, its band or repeat", hg_miss_names[f], hg_miss_terms[0],
                     hg_miss_terms[1], hg_miss_terms[2], hg_miss_terms[3], hg_miss_terms[4], hg_miss_terms[5]);
    json_decref(root);
    return ok;
}
