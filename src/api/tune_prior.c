#include "api/tune.h"

#include "api/question.h"

#include <math.h>
#include <string.h>

enum { PRIOR_SETTINGS = 256 }; /* simulated at most; each takes some milliseconds to seconds */

static const double DOES_NOT_RUN = 3; /* e-folds below the worst that does: what the model says cannot start is tried last */

typedef struct known {
    const char *words;
    double ln_score; /* NAN: it would not run */
} known;

typedef struct prior {
    hg_ask ask;
    hg_problem *problem;
    known *list;
    size_t count, capacity;
    hg_aim aim;
} prior;

/* The deployment's word that a knob sets; NULL: heng's model knows nothing of it. */
static const hg_word *word_of(const hg_tune *t, const char *knob)
{
    const char *name = hg_adapter_carries(&t->adapter, knob);
    if (!name && t->adapter.has_table)
        return NULL;
    const hg_word *w = hg_word_find(name ? name : knob);
    bool deploys = w && hg_word_serves(w, "emit") && hg_word_serves(w, "simulate") && !hg_word_serves(w, "tune");
    return deploys ? w : NULL;
}

static const char *words_of(hg_arena *arena, const hg_tune *t, size_t point)
{
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, "");
    for (size_t i = 0; i < t->knobs.count; i++) {
        const hg_word *w = word_of(t, t->knobs.list[i].name);
        if (w)
            hg_buf_printf(&b, "%s=%s ", w->name, hg_tune_point_value(&t->knobs, &t->space, point, i));
    }
    return b.s;
}

/* ln of what the simulator makes of the words; NAN: it would not run, or not so. */
static double simulate(prior *p, hg_arena scratch, const char *words)
{
    hg_ask one = p->ask;
    hg_candidate *c = HG_NEW(&scratch, hg_candidate, 1);
    hg_metrics *m = HG_NEW(&scratch, hg_metrics, 1);
    hg_run run;
    one.arena = &scratch;
    if ((*words && !hg_scenario_words(&scratch, &one.s, "simulate", "The deployment", words, "--knob", &one.err)) ||
        !hg_ask_candidate(&one, p->problem, c) || c->fit != HG_FITS || !hg_ask_run(&one, p->problem, &run))
        return NAN;
    hg_evaluate(&scratch, p->problem, c, &run, m);
    double score = p->aim == HG_MAX_GOODPUT ? m->sim.good_per_s : m->sim.output_tokens_per_s;
    return score > 0 ? log(score) : NAN;
}

static double ln_score(prior *p, hg_arena *arena, const hg_tune *t, size_t point)
{
    const char *words = words_of(arena, t, point);
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->list[i].words, words) == 0)
            return p->list[i].ln_score;
    if (p->count == PRIOR_SETTINGS)
        return NAN;
    known *k = HG_PUSH(arena, p->list, p->count, p->capacity);
    *k = (known){ words, NAN };
    k->ln_score = simulate(p, *arena, words);
    return k->ln_score;
}

static bool open_prior(hg_ask *a, const hg_tune *t, prior *p)
{
    static const heng_io nobody = { .out = NULL };
    *p = (prior){ .ask = *a, .aim = t->aim, .problem = HG_NEW(a->arena, hg_problem, 1) };
    p->ask.io = &nobody;
    p->ask.verb = "simulate";
    p->ask.s.engine.s = t->adapter.modelled_as ? t->adapter.modelled_as : a->s.engine.s;
    p->ask.s.requests = (hg_ints_word){ .v = { (int64_t)t->bench.workload.count }, .n = 1, .where = "--requests" };
    return hg_ask_problem(&p->ask, HG_LOAD_NEEDED, p->problem);
}

void hg_tune_prior(hg_ask *a, hg_tune *t)
{
    prior p;
    size_t modelled = 0, answered = 0;
    double least = INFINITY, *ln = HG_NEW(a->arena, double, t->space.points);
    t->space.prior = NULL;
    if (!a->s.model.s || !a->s.device.s || t->strategy != HG_TUNE_MODEL)
        return;
    for (size_t i = 0; i < t->knobs.count; i++)
        modelled += word_of(t, t->knobs.list[i].name) != NULL;
    if (!modelled || !open_prior(a, t, &p)) {
        hg_note(a, hg_textf(a->arena, "heng's model is no prior here: %s %s", modelled ? p.ask.err.where : "none of the knobs",
                            modelled ? p.ask.err.msg : "is a word of its deployments"));
        return;
    }
    for (size_t i = 0; i < t->space.points && !hg_stopped(a); i++) {
        ln[i] = ln_score(&p, a->arena, t, i);
        answered += isfinite(ln[i]);
        least = isfinite(ln[i]) ? fmin(least, ln[i]) : least;
    }
    if (answered == 0 || hg_stopped(a)) {
        hg_note(a, "heng's model is no prior here: it finds none of the settings to run");
        return;
    }
    for (size_t i = 0; i < t->space.points; i++)
        ln[i] = isfinite(ln[i]) ? ln[i] : least - DOES_NOT_RUN;
    t->space.prior = ln;
    hg_note(a, hg_textf(a->arena, "heng's model is the prior: %zu settings simulated", p.count));
}

size_t hg_tune_prior_best(hg_ask *a, hg_tune *t, const hg_traffic *traffic, size_t now, const bool *may)
{
    enum { REQUESTS = 200 };
    const double tells = 0.05;
    hg_ask one = *a;
    hg_tune copy = *t;
    hg_arena scratch = *a->arena; /* a watch asks as often as traffic drifts */
    one.arena = &scratch;
    copy.strategy = HG_TUNE_MODEL;
    copy.bench.workload.count = REQUESTS;
    one.s.isl = (hg_ints_word){ .v = { (int64_t)fmax(1, traffic->of[HG_TRAFFIC_ISL]) }, .n = 1, .where = "--isl" };
    one.s.osl = (hg_ints_word){ .v = { (int64_t)fmax(1, traffic->of[HG_TRAFFIC_OSL]) }, .n = 1, .where = "--osl" };
    one.s.rate = (hg_real_word){ traffic->of[HG_TRAFFIC_RATE], true, "--rate" };
    if (!a->s.model.s || !a->s.device.s || isnan(traffic->of[HG_TRAFFIC_ISL]) || isnan(traffic->of[HG_TRAFFIC_OSL]))
        return t->space.points;
    hg_tune_prior(&one, &copy);
    const double *ln = copy.space.prior;
    size_t best = now;
    for (size_t i = 0; ln && i < t->space.points; i++)
        best = may[i] && ln[i] > ln[best] + (best == now ? tells : 0) ? i : best;
    return ln ? best : t->space.points;
}
