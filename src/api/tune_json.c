#include "api/tune.h"

#include <math.h>

static void point(hg_json *j, const hg_tune *t, const char *key, size_t p)
{
    hg_json_key(j, key);
    if (p == t->space.points) {
        hg_json_str(j, NULL);
        return;
    }
    hg_json_open(j, '{');
    for (size_t i = 0; i < t->knobs.count; i++)
        hg_json_key_str(j, t->knobs.list[i].name, hg_tune_point_value(&t->knobs, &t->space, p, i));
    hg_json_close(j, '}');
}

static void trial(hg_json *j, const hg_tune *t, hg_trial *x)
{
    hg_json_open(j, '{');
    hg_json_key_int(j, "id", x->id);
    hg_json_key_str(j, "role", hg_role_words[x->role]);
    point(j, t, "settings", x->point);
    hg_json_key_str(j, "outcome", hg_outcome_words[x->outcome]);
    hg_json_key_str(j, "why", x->why);
    hg_json_key_num(j, "score", hg_trial_score(x, t->aim));
    hg_json_key_num(j, "took_s", x->took_s);
    for (int i = 0; i < HG_TRIAL_FIGURES; i++)
        hg_json_key_num(j, hg_trial_figure_names[i], *hg_trial_figure(x, i));
    hg_json_key_str(j, "log", x->log);
    hg_json_close(j, '}');
}

static void knobs(hg_json *j, const hg_tune *t)
{
    hg_json_key(j, "knobs");
    hg_json_open(j, '[');
    for (size_t i = 0; i < t->knobs.count; i++) {
        const hg_tune_knob *k = &t->knobs.list[i];
        hg_json_open(j, '{');
        hg_json_key_str(j, "name", k->name);
        hg_json_key(j, "values");
        hg_json_open(j, '[');
        for (size_t v = 0; v < k->count; v++)
            hg_json_str(j, k->values[v]);
        hg_json_close(j, ']');
        hg_json_key_bool(j, "live", k->live_path != NULL);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

const char *hg_tune_dry_json(hg_ask *a, const hg_tune *t)
{
    hg_buf out = { .arena = a->arena };
    hg_json j = { .out = &out };
    hg_tune_bill b;
    hg_tune_bill_of(a, t, &b);
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "engine", t->adapter.name);
    hg_json_key_str(&j, "objective", hg_aim_words[t->aim]);
    hg_json_key_str(&j, "slo", t->bench.slo.count ? hg_slo_text(a->arena, &t->bench.slo) : NULL);
    hg_json_key_str(&j, "strategy", hg_strategy_names[t->strategy]);
    hg_json_key_bool(&j, "prior", t->space.prior != NULL);
    knobs(&j, t);
    hg_json_key_int(&j, "settings", (int64_t)t->space.points);
    point(&j, t, "baseline", t->space.baseline);
    hg_json_key_str(&j, "launch", hg_tune_launch(a->arena, t, t->space.baseline));
    hg_json_key_int(&j, "trials", (int64_t)t->trials);
    hg_json_key_num(&j, "load_s", b.load_s);
    hg_json_key_num(&j, "time_least_s", b.least_s);
    hg_json_key_num(&j, "time_most_s", b.most_s);
    hg_json_key_num(&j, "devices_most", b.devices_most);
    hg_json_key_num(&j, "cost_least_usd", t->price_usd_per_s > 0 ? b.least_usd : NAN);
    hg_json_key_num(&j, "cost_most_usd", t->price_usd_per_s > 0 ? b.most_usd : NAN);
    hg_json_key_str(&j, "store", t->path);
    hg_json_close(&j, '}');
    hg_buf_puts(&out, "\n");
    return out.s;
}

const char *hg_tune_json(hg_ask *a, const hg_tune *t)
{
    const hg_session_result *r = &t->result;
    static const char *const ends[] = { "done", "stopped", "failed alike" };
    hg_buf out = { .arena = a->arena };
    hg_json j = { .out = &out };
    bool good = r->winner != t->space.points;
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "engine", t->adapter.name);
    hg_json_key_str(&j, "objective", hg_aim_words[t->aim]);
    hg_json_key_str(&j, "unit", hg_aim_units[t->aim]);
    hg_json_key_str(&j, "slo", t->bench.slo.count ? hg_slo_text(a->arena, &t->bench.slo) : NULL);
    hg_json_key_str(&j, "strategy", hg_strategy_names[t->strategy]);
    hg_json_key_str(&j, "end", ends[r->end]);
    point(&j, t, "baseline", r->baseline);
    point(&j, t, "winner", r->winner);
    hg_json_key_num(&j, "baseline_score", r->baseline_score);
    hg_json_key_num(&j, "winner_score", r->winner_score);
    hg_json_key_num(&j, "gain_frac", r->gain_frac);
    hg_json_key(&j, "turns_gain_frac");
    hg_json_open(&j, '[');
    for (size_t i = 0; i < r->pair_count; i++)
        hg_json_num(&j, expm1(r->pairs[i]));
    hg_json_close(&j, ']');
    hg_json_key_bool(&j, "confirmed", r->confirmed);
    hg_json_key_str(&j, "launch", good ? hg_tune_launch(a->arena, t, r->confirmed ? r->winner : r->baseline) : NULL);
    hg_json_key_str(&j, "store", t->path);
    hg_json_key_int(&j, "lost", (int64_t)r->lost);
    hg_json_key(&j, "trials");
    hg_json_open(&j, '[');
    for (size_t i = 0; i < r->count; i++)
        trial(&j, t, &r->trials[i]);
    hg_json_close(&j, ']');
    hg_json_close(&j, '}');
    hg_buf_puts(&out, "\n");
    return out.s;
}
