#include "eval/objective.h"

#include "base/num.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const hg_objective_names[HG_OBJECTIVES] = { "goodput-per-gpu", "throughput", "latency", "cost", "energy" };

static const double LEAST_WEIGHT = 1e-3;

static bool named(const char *word, const char *where, hg_objective *out, hg_err *err)
{
    for (int i = 0; i < HG_OBJECTIVES; i++)
        if (strcmp(word, hg_objective_names[i]) == 0) {
            *out = (hg_objective)i;
            return true;
        }
    const char *near = hg_nearest(word, hg_objective_names, HG_OBJECTIVES);
    return hg_fail(err, HG_INPUT, where, "is '%.40s'%s%s; one of goodput-per-gpu, throughput, latency, cost, energy; several "
                   "with commas are looked at in turn, with weights (cost=2,energy=1) together",
                   word, near ? "; did you mean " : "", near ? near : "");
}

static bool add(char *word, const char *where, hg_objectives *o, int *weighed, hg_err *err)
{
    char *equals = strchr(word, '=');
    double weight = 0;
    hg_objective which = HG_GOODPUT_PER_GPU;
    if (equals)
        *equals = 0;
    if (!named(word, where, &which, err))
        return false;
    if (equals && (!hg_parse_f64(equals + 1, &weight) || !(weight > 0) || weight > 1e6))
        return hg_fail(err, HG_INPUT, where, "weighs %s by '%.20s'; write a number above 0", word, equals + 1);
    for (int i = 0; i < o->count; i++)
        if (o->of[i] == which)
            return hg_fail(err, HG_INPUT, where, "names %s twice", word);
    o->of[o->count] = which;
    o->weight[o->count++] = weight;
    *weighed += equals != NULL;
    return true;
}

bool hg_objectives_parse(const char *text, const char *where, hg_objectives *out, hg_err *err)
{
    char copy[256];
    int weighed = 0;
    double sum = 0;
    *out = (hg_objectives){ 0 };
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = copy, *comma; word; word = comma) {
        comma = strchr(word, ',');
        if (comma)
            *comma++ = 0;
        if (!add(word, where, out, &weighed, err))
            return false;
    }
    if (weighed && weighed < out->count)
        return hg_fail(err, HG_INPUT, where, "weighs some and not others; write cost,energy for one after the other, cost=2,energy=1 for both");
    out->in_turn = !weighed;
    for (int i = 0; i < out->count; i++)
        sum += out->weight[i];
    for (int i = 0; i < out->count && weighed; i++)
        if (out->weight[i] < LEAST_WEIGHT * sum)
            return hg_fail(err, HG_INPUT, where, "weighs %s by less than a thousandth of all; leave it out", hg_objective_names[out->of[i]]);
    for (int i = 0; i < out->count; i++)
        out->weight[i] = weighed ? out->weight[i] / sum : i == 0;
    return true;
}

const char *hg_objectives_text(hg_arena *arena, const hg_objectives *o)
{
    hg_buf b = { .arena = arena };
    for (int i = 0; i < o->count; i++)
        if (o->in_turn)
            hg_buf_printf(&b, "%s%s", i ? ", then " : "", hg_objective_names[o->of[i]]);
        else
            hg_buf_printf(&b, "%s%s to the power %s", i ? ", " : "", hg_objective_names[o->of[i]], hg_figures(arena, o->weight[i], 2));
    return b.s;
}

bool hg_objectives_any(const hg_objectives *o, hg_objective which)
{
    for (int i = 0; i < o->count; i++)
        if (o->of[i] == which)
            return true;
    return false;
}

bool hg_objectives_first(const hg_objectives *o, hg_objective which)
{
    return o->in_turn ? o->of[0] == which : hg_objectives_any(o, which);
}

static double served_per_s(const hg_metrics *m)
{
    return m->rate_per_s > 0 ? m->rate_per_s : m->sim.requests_per_s;
}

double hg_objective_worth(const hg_problem *p, hg_objective o, double devices)
{
    switch (o) {
    case HG_THROUGHPUT:
    case HG_LATENCY: return 1;
    case HG_COST: return 1 / (devices * (p->price_usd_per_s > 0 ? p->price_usd_per_s : 1));
    case HG_ENERGY: return 1 / (devices * p->rates.device.power_w);
    default: return 1 / devices;
    }
}

double hg_objective_value(const hg_problem *p, hg_objective o, double devices, const hg_metrics *m)
{
    double e2e_s = m->alone_s > 0 ? m->alone_s : m->sim.latency[HG_E2E].mean;
    switch (o) {
    case HG_ENERGY: return m->energy_j > 0 ? (m->rate_per_s > 0 ? m->rate_per_s * m->sim.window_s : (double)m->sim.completed) / m->energy_j : 0;
    case HG_LATENCY: return e2e_s > 0 ? 1 / e2e_s : 0;
    case HG_GOODPUT_PER_GPU: return m->goodput_per_device;
    default: return served_per_s(m) * hg_objective_worth(p, o, devices);
    }
}

const char *hg_objective_say(hg_arena *arena, hg_objective o, double value)
{
    static const char *const units[HG_OBJECTIVES] = {
        [HG_GOODPUT_PER_GPU] = "good req/s per GPU", [HG_THROUGHPUT] = "req/s", [HG_LATENCY] = "s a request",
        [HG_COST] = "requests per USD",              [HG_ENERGY] = "J a request",
    };
    bool inverse = o == HG_LATENCY || o == HG_ENERGY;
    return hg_textf(arena, "%s %s", hg_figures(arena, inverse ? 1 / value : value, 3), units[o]);
}

double hg_objectives_weigh(const hg_objectives *o, const double value[HG_OBJECTIVES])
{
    double product = 1;
    if (o->in_turn)
        return value[0];
    for (int i = 0; i < o->count; i++)
        product *= pow(value[i], o->weight[i]);
    return product;
}
