#include "tune/gp.h"

#include <math.h>
#include <string.h>

/* e-folds, before anything was tried.  A prior of a few operators' times is wrong by some tenth in what a knob does; without one a
 * knob may halve or double.  Trials of some seconds on a machine that is shared repeat to a tenth. */
static const double ALONE = 0.5, TOGETHER = 0.25, ALONE_OF_PRIOR = 0.15, TOGETHER_OF_PRIOR = 0.10, NOISE = 0.08;
static const double INDIFFERENT = 0.01; /* e-folds: a prior whose mean moves less over a knob's values says nothing of it */
static const double SPREAD = 0.7;      /* of the logarithm of each */
static const double LEVEL = 1;         /* the constant's standard deviation about the mean of what was seen */
static const double SLOPE = 0.3;       /* the prior's differences are right but for this factor */
static const double JITTER = 1e-9;

typedef double levels[HG_GP_LEVELS][HG_GP_LEVELS];

struct hg_gp {
    hg_arena *arena;
    const hg_tune_space *space;
    const double *prior;
    double prior_mean;
    size_t knobs;
    hg_gp_hyper hyper, usual;
    levels *same;              /* [knobs]: the correlation of two values */
    double more[HG_GP_KNOBS];  /* times `alone`: where the prior says nothing of a knob */
    size_t count, capacity;
    size_t *point;
    double *y, *root, *weight, *work; /* root: lower triangle, [count][count] */
    double offset;
};

static size_t level(const hg_gp *g, size_t point, size_t knob)
{
    size_t l = g->space->at[point][knob];
    return l < HG_GP_LEVELS ? l : HG_GP_LEVELS - 1;
}

static bool says_nothing(const hg_gp *g, size_t knob)
{
    double sum[HG_GP_LEVELS] = { 0 }, count[HG_GP_LEVELS] = { 0 }, least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < g->space->points; i++) {
        size_t l = level(g, i, knob);
        sum[l] += g->prior[i];
        count[l]++;
    }
    for (size_t l = 0; l < HG_GP_LEVELS; l++)
        if (count[l] > 0) {
            least = fmin(least, sum[l] / count[l]);
            most = fmax(most, sum[l] / count[l]);
        }
    return most - least < INDIFFERENT;
}

/* What the prior passes over is as unknown as it would be without one. */
static void trust(hg_gp *g)
{
    for (size_t k = 0; k < g->knobs; k++) {
        bool unknown = g->prior && says_nothing(g, k);
        g->more[k] = unknown ? ALONE / ALONE_OF_PRIOR : 1;
        g->usual.together = unknown ? TOGETHER : g->usual.together;
    }
}

hg_gp *hg_gp_new(hg_arena *arena, const hg_tune_space *space, bool prior)
{
    hg_gp *g = HG_NEW(arena, hg_gp, 1);
    *g = (hg_gp){ .arena = arena, .space = space, .prior = prior ? space->prior : NULL,
                  .knobs = space->knobs < HG_GP_KNOBS ? space->knobs : HG_GP_KNOBS };
    g->usual = (hg_gp_hyper){ .alone = g->prior ? ALONE_OF_PRIOR : ALONE, .together = g->prior ? TOGETHER_OF_PRIOR : TOGETHER, .noise = NOISE };
    for (size_t k = 0; k < g->knobs; k++)
        g->usual.length[k] = 1;
    trust(g);
    g->hyper = g->usual;
    g->same = HG_NEW(arena, levels, g->knobs ? g->knobs : 1);
    for (size_t i = 0; g->prior && i < space->points; i++)
        g->prior_mean += g->prior[i] / (double)space->points;
    return g;
}

const hg_gp_hyper *hg_gp_learnt(const hg_gp *g)
{
    return &g->hyper;
}

/* Matérn 5/2: twice differentiable, no smoother than times of machines are. */
static double matern(double r)
{
    double s = sqrt(5) * r;
    return (1 + s + s * s / 3) * exp(-s);
}

static void correlate(hg_gp *g)
{
    const hg_tune_space *s = g->space;
    for (size_t k = 0; k < g->knobs; k++)
        for (size_t a = 0; a < s->levels[k] && a < HG_GP_LEVELS; a++)
            for (size_t b = 0; b < s->levels[k] && b < HG_GP_LEVELS; b++)
                g->same[k][a][b] = a == b           ? 1
                                   : s->ordered[k] ? matern(fabs(s->x[k][a] - s->x[k][b]) / g->hyper.length[k])
                                                   : exp(-1 / g->hyper.length[k]);
}

static double covariance(const hg_gp *g, size_t a, size_t b)
{
    double sum = 0, product = 1;
    for (size_t k = 0; k < g->knobs; k++) {
        double c = g->same[k][level(g, a, k)][level(g, b, k)];
        sum += g->more[k] * g->more[k] * c;
        product *= c;
    }
    double slope = g->prior ? SLOPE * SLOPE * (g->prior[a] - g->prior_mean) * (g->prior[b] - g->prior_mean) : 0;
    double alone = g->knobs ? g->hyper.alone * g->hyper.alone * sum : 0;
    return LEVEL * LEVEL + slope + alone + g->hyper.together * g->hyper.together * product;
}

/* root·rootᵀ = K + noise²; root·out = in. */
static void factor(hg_gp *g)
{
    size_t n = g->count;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = covariance(g, g->point[i], g->point[j]) + (i == j ? g->hyper.noise * g->hyper.noise + JITTER : 0);
            for (size_t k = 0; k < j; k++)
                sum -= g->root[i * n + k] * g->root[j * n + k];
            g->root[i * n + j] = i == j ? sqrt(fmax(sum, JITTER)) : sum / g->root[j * n + j];
        }
}

static void forward(const hg_gp *g, double *v)
{
    size_t n = g->count;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            v[i] -= g->root[i * n + k] * v[k];
        v[i] /= g->root[i * n + i];
    }
}

static void backward(const hg_gp *g, double *v)
{
    size_t n = g->count;
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            v[i] -= g->root[k * n + i] * v[k];
        v[i] /= g->root[i * n + i];
    }
}

static double ln_chance(hg_gp *g)
{
    const double ln_2pi = log(8 * atan(1));
    double ln = 0;
    correlate(g);
    factor(g);
    memcpy(g->weight, g->y, g->count * sizeof *g->y);
    forward(g, g->weight);
    for (size_t i = 0; i < g->count; i++)
        ln -= 0.5 * g->weight[i] * g->weight[i] + log(g->root[i * g->count + i]) + 0.5 * ln_2pi;
    return ln;
}

/* y becomes the residual about its mean. */
static void take(hg_gp *g, size_t count, const size_t *point, const double *y)
{
    if (count > g->capacity || !g->y) {
        g->capacity = 2 * count + 16;
        g->point = HG_NEW(g->arena, size_t, g->capacity);
        g->y = HG_NEW(g->arena, double, g->capacity);
        g->weight = HG_NEW(g->arena, double, g->capacity);
        g->work = HG_NEW(g->arena, double, g->capacity);
        g->root = HG_NEW(g->arena, double, g->capacity * g->capacity);
    }
    g->count = count;
    g->offset = 0;
    for (size_t i = 0; i < count; i++) {
        g->point[i] = point[i];
        g->y[i] = y[i] - (g->prior ? g->prior[point[i]] : 0);
        g->offset += g->y[i] / (double)count;
    }
    for (size_t i = 0; i < count; i++)
        g->y[i] -= g->offset;
}

double hg_gp_condition(hg_gp *g, const hg_gp_hyper *h, size_t count, const size_t *point, const double *y)
{
    take(g, count, point, y);
    g->hyper = *h;
    double ln = ln_chance(g);
    backward(g, g->weight);
    return ln;
}

static double *parameter(hg_gp_hyper *h, size_t i)
{
    return i == 0 ? &h->alone : i == 1 ? &h->together : i == 2 ? &h->noise : &h->length[i - 3];
}

/* ln of the chance of y and of the hyperparameters, each of which is log-normal about its usual value. */
static double posterior(hg_gp *g)
{
    double ln = ln_chance(g);
    for (size_t i = 0; i < 3 + g->knobs; i++) {
        double z = log(*parameter(&g->hyper, i) / *parameter(&g->usual, i)) / SPREAD;
        ln -= 0.5 * z * z;
    }
    return ln;
}

/* Up and down each coordinate's logarithm by a step that shrinks: few evaluations, no derivative, the same on every machine. */
static void climb(hg_gp *g)
{
    static const double steps[] = { 0.8, 0.4, 0.2 };
    double best = posterior(g);
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
        for (size_t i = 0; i < 3 + g->knobs; i++)
            for (int way = -1; way <= 1; way += 2) {
                double *p = parameter(&g->hyper, i), kept = *p;
                *p *= exp(way * steps[s]);
                double ln = posterior(g);
                if (ln > best)
                    best = ln;
                else
                    *p = kept;
            }
}

void hg_gp_fit(hg_gp *g, size_t count, const size_t *point, const double *y)
{
    take(g, count, point, y);
    climb(g);
    ln_chance(g);
    backward(g, g->weight);
}

void hg_gp_at(const hg_gp *g, size_t point, double *mean, double *sd)
{
    double sum = 0, taken = 0;
    for (size_t i = 0; i < g->count; i++) {
        g->work[i] = covariance(g, point, g->point[i]);
        sum += g->work[i] * g->weight[i];
    }
    forward(g, g->work);
    for (size_t i = 0; i < g->count; i++)
        taken += g->work[i] * g->work[i];
    *mean = sum + g->offset + (g->prior ? g->prior[point] : 0);
    *sd = sqrt(fmax(covariance(g, point, point) - taken, 0));
}
