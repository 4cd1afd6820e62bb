#include "api/tune.h"

#include "api/question.h"
#include "api/tune_launch.h"
#include "base/rng.h"
#include "tune/additive.h"

#include <math.h>
#include <string.h>

enum { PRIOR_SETTINGS = 256, /* simulated at most; each takes some milliseconds to seconds */
       SCRATCH_GIB = 8 };

static const double DOES_NOT_RUN = 3; /* e-folds below the worst that does: what the model says cannot start is tried last */

typedef struct known {
    const char *key;
    double ln_score; /* NAN: it would not run */
} known;

typedef struct prior {
    hg_ask ask;
    hg_problem *problem;
    known *list;
    size_t count, capacity;
    hg_aim aim;
    hg_arena scratch;
    double seconds;  /* of the load by the simulator, summed over what runs */
    size_t timed;
} prior;

/* What the launch says is said to the question, as `heng plan --fix-launch` does. */
static bool set_words(prior *p, hg_ask *one, const hg_fixed_launch *launch)
{
    bool drafts = hg_said_value(&launch->said, "speculative") != NULL;
    for (size_t i = 0; i < launch->said.count; i++) {
        const hg_said *s = &launch->said.list[i];
        if ((drafts || strcmp(s->word, "draft_tokens") != 0) && !hg_ask_said(one, "simulate", "launch", s->word, s->value, s->line))
            return false;
    }
    if (!one->s.tp.n)
        one->s.tp = (hg_ints_word){ .v = { 1 }, .n = 1, .where = "--tp" };
    return hg_ask_fix_fraction(one, p->problem, launch);
}

/* ln of what the simulator makes of it; NAN: it would not run, or not so. */
static double simulate(prior *p, hg_arena scratch, const hg_fixed_launch *launch)
{
    hg_ask one = p->ask;
    hg_candidate *c = HG_NEW(&scratch, hg_candidate, 1);
    hg_metrics *m = HG_NEW(&scratch, hg_metrics, 1);
    hg_run run;
    one.arena = &scratch;
    if (!set_words(p, &one, launch) || !hg_ask_candidate(&one, p->problem, c) || c->fit != HG_FITS || !hg_ask_run(&one, p->problem, &run))
        return NAN;
    hg_evaluate(&scratch, p->problem, c, &run, m);
    double score = p->aim == HG_MAX_GOODPUT ? m->sim.good_per_s : m->sim.output_tokens_per_s;
    p->seconds += m->sim.duration_s;
    p->timed++;
    return score > 0 ? log(score) : NAN;
}

static double ln_score(prior *p, hg_arena *arena, const hg_tune *t, size_t point)
{
    hg_arena scratch = p->scratch;
    hg_tune_said *said = HG_NEW(&scratch, hg_tune_said, 1);
    hg_tune_said_of(&scratch, &p->ask, t, point, said);
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->list[i].key, said->key) == 0)
            return p->list[i].ln_score;
    known *k = HG_PUSH(arena, p->list, p->count, p->capacity);
    *k = (known){ hg_strdup(arena, said->key), simulate(p, scratch, &said->launch) };
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
    return (hg_arena_open(&p->scratch, (size_t)SCRATCH_GIB << 30) ||
            hg_fail(&p->ask.err, HG_WORLD, "memory", "the system refuses address space; raise 'ulimit -v'")) &&
           hg_ask_problem(&p->ask, HG_LOAD_NEEDED, p->problem);
}

/* ---- which points are simulated ---- */

/* The point that stands for all that heng's model cannot tell from it: knobs it does not know are as in the baseline. */
static size_t stand_in(const hg_tune *t, const bool *modelled, size_t point)
{
    size_t at = 0;
    for (size_t i = 0; i < t->knobs.count; i++)
        at = at * t->space.levels[i] + t->space.at[modelled[i] ? point : t->space.baseline][i];
    return at;
}

/* Every value of each knob by itself beside the baseline's, so that none is unknown. */
static void ask_alone(prior *p, hg_ask *a, const hg_tune *t, bool *asked, double *ln)
{
    for (size_t i = 0; i < t->space.points && p->count < PRIOR_SETTINGS && !hg_stopped(a); i++) {
        size_t differs = 0;
        for (size_t k = 0; k < t->knobs.count; k++)
            differs += t->space.at[i][k] != t->space.at[t->space.baseline][k];
        if (differs > 1)
            continue;
        ln[i] = ln_score(p, a->arena, t, i);
        asked[i] = true;
    }
}

/* By lot, so that what is left out is spread over the space. */
static void ask_by_lot(prior *p, hg_ask *a, const hg_tune *t, const bool *modelled, bool *asked, double *ln)
{
    hg_rng dice = hg_rng_seed(t->seed, 2);
    size_t n = t->space.points, *order = HG_NEW(a->arena, size_t, n);
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)hg_rng_between(&dice, 0, (int64_t)i);
        order[i] = order[at];
        order[at] = i;
    }
    for (size_t i = 0; i < n && p->count < PRIOR_SETTINGS && !hg_stopped(a); i++) {
        size_t point = order[i];
        if (stand_in(t, modelled, point) != point || asked[point])
            continue;
        ln[point] = ln_score(p, a->arena, t, point);
        asked[point] = true;
    }
}

/* True: some settings run. */
static bool ask_all(prior *p, hg_ask *a, hg_tune *t, const bool *modelled, double *ln, size_t *left)
{
    bool *asked = HG_NEW(a->arena, bool, t->space.points);
    double least = INFINITY;
    ask_alone(p, a, t, asked, ln);
    ask_by_lot(p, a, t, modelled, asked, ln);
    *left = 0;
    for (size_t i = 0; i < t->space.points; i++) {
        *left += stand_in(t, modelled, i) == i && !asked[i];
        least = asked[i] && isfinite(ln[i]) ? fmin(least, ln[i]) : least;
    }
    if (!isfinite(least) || hg_stopped(a))
        return false;
    for (size_t i = 0; i < t->space.points; i++) {
        size_t of = stand_in(t, modelled, i);
        if (asked[of])
            ln[i] = isfinite(ln[of]) ? ln[of] : least - DOES_NOT_RUN;
        asked[i] = asked[of];
    }
    return hg_additive_fill(*a->arena, &t->space, asked, ln);
}

static const char *known_list(hg_arena *arena, const hg_tune *t, const bool *modelled, bool want)
{
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, "");
    for (size_t i = 0; i < t->knobs.count; i++)
        if (modelled[i] == want)
            hg_buf_printf(&b, "%s%s", b.n ? ", " : "", t->knobs.list[i].name);
    return b.s;
}

static void say_prior(hg_ask *a, const hg_tune *t, const prior *p, const bool *modelled, size_t left)
{
    const char *unknown = known_list(a->arena, t, modelled, false);
    hg_note(a, hg_textf(a->arena, "heng's model is the prior over %s: %zu settings simulated%s%s%s", known_list(a->arena, t, modelled, true), p->count,
                        left ? hg_textf(a->arena, ", %zu more by the effects of their values", left) : "", *unknown ? "; it knows nothing of " : "", unknown));
}

static void take_prior(hg_ask *a, hg_tune *t, prior *p)
{
    bool modelled[HG_TUNE_KNOBS] = { false };
    size_t left, n = hg_tune_modelled(*a->arena, a, t, modelled);
    double *ln = HG_NEW(a->arena, double, t->space.points);
    if (n == 0 || !open_prior(a, t, p)) {
        hg_note(a, hg_textf(a->arena, "heng's model is no prior here: %s %s", n ? p->ask.err.where : "none of the knobs",
                            n ? p->ask.err.msg : "is a word of its deployments"));
    } else if (!ask_all(p, a, t, modelled, ln, &left)) {
        hg_note(a, "heng's model is no prior here: it finds none of the settings to run");
    } else {
        t->space.prior = ln;
        t->load_s = p->timed ? p->seconds / (double)p->timed : NAN;
        say_prior(a, t, p, modelled, left);
    }
}

void hg_tune_prior(hg_ask *a, hg_tune *t)
{
    prior p = { .count = 0 };
    t->space.prior = NULL;
    t->load_s = NAN;
    if (!a->s.model.s || !a->s.device.s || t->strategy != HG_TUNE_MODEL)
        return;
    take_prior(a, t, &p);
    hg_arena_close(&p.scratch);
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
