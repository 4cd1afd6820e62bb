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
