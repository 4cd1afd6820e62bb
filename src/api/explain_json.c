#include "api/explained.h"

static void binding(hg_json *j, const hg_explained *x, hg_lang lang)
{
    hg_json_key(j, "bottleneck");
    hg_json_open(j, '{');
    hg_json_key_str(j, "name", hg_by_name(HG_EN, x->times.most));
    hg_json_key_num(j, "share_frac", x->times.share[x->times.most]);
    hg_json_key_str(j, "text", x->candidate->prefill
                                   ? hg_pools_bottleneck_text(j->out->arena, &x->prefill_account, &x->prefill_times, &x->account, &x->times, lang)
                                   : hg_bottleneck_text(j->out->arena, &x->account, &x->times, lang));
    hg_json_close(j, '}');
}

static void components(hg_json *j, const double *share, int count)
{
    hg_json_key(j, "components");
    hg_json_open(j, '{');
    for (int by = 0; by < count; by++)
        hg_json_key_num(j, hg_by_name(HG_EN, by), share[by]);
    hg_json_close(j, '}');
}

static void phases(hg_json *j, const hg_times *t)
{
    static const char *const names[HG_PHASES] = { "prefill", "decode" };
    hg_json_key(j, "phases");
    hg_json_open(j, '{');
    for (int phase = 0; phase < HG_PHASES; phase++) {
        hg_json_key(j, names[phase]);
        hg_json_open(j, '{');
        hg_json_key_num(j, "share_frac", t->phase_share[phase]);
        hg_json_key_str(j, "binds", t->phase_share[phase] > 0 ? hg_by_name(HG_EN, t->phase_most[phase]) : NULL);
        components(j, t->phase_by[phase], HG_BY_STEPS);
        hg_json_close(j, '}');
    }
    hg_json_close(j, '}');
}

static void operators(hg_json *j, const hg_account *a, const hg_times *t)
{
    hg_json_key(j, "operators");
    hg_json_open(j, '[');
    for (int i = 0; i < a->count; i++) {
        const hg_part *p = &a->parts[i];
        if (p->seconds <= 0)
            continue;
        hg_json_open(j, '{');
        hg_json_key_str(j, "name", p->name);
        hg_json_key_str(j, "bound", hg_by_name(HG_EN, hg_part_most(p)));
        hg_json_key_num(j, "share_frac", p->seconds / t->total_s);
        hg_json_key_num(j, "prefill_frac", p->phase_s[HG_WITH_PROMPTS] / t->total_s);
        hg_json_key_num(j, "decode_frac", p->phase_s[HG_DECODES_ONLY] / t->total_s);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

/* Of two pools: what stands above is of the one that makes the tokens. */
static void pools(hg_json *j, const hg_explained *x)
{
    const hg_account *accounts[] = { &x->prefill_account, &x->account };
    const hg_times *times[] = { &x->prefill_times, &x->times };
    if (!x->candidate->prefill)
        return;
    hg_json_key(j, "pools");
    hg_json_open(j, '{');
    for (int i = 0; i < 2; i++) {
        hg_json_key(j, i ? "decode" : "prefill");
        hg_json_open(j, '{');
        hg_json_key_num(j, "busy_frac", hg_account_busy(accounts[i]));
        hg_json_key_str(j, "binds", hg_by_name(HG_EN, times[i]->most));
        components(j, times[i]->share, HG_BY);
        if (!i)
            operators(j, accounts[i], times[i]);
        hg_json_close(j, '}');
    }
    hg_json_close(j, '}');
}

void hg_json_waterfall(hg_json *j, const hg_waterfall *w)
{
    hg_json_key(j, "waterfall");
    hg_json_open(j, '{');
    hg_json_key_num(j, "ideal_tokens_per_s", w->ideal);
    hg_json_key(j, "losses");
    hg_json_open(j, '[');
    for (int i = 0; i < HG_LOSSES; i++) {
        hg_json_open(j, '{');
        hg_json_key_str(j, "name", hg_text_form(HG_EN, (hg_text)(HG_TEXT_loss_batch + i)));
        hg_json_key_num(j, "tokens_per_s", w->loss[i]);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
    hg_json_key_num(j, "delivered_tokens_per_s", w->delivered);
    hg_json_close(j, '}');
}

static void change(hg_json *j, const hg_explained *x, const hg_bought *t)
{
    hg_json_open(j, '{');
    hg_json_key_str(j, "change", hg_change_text(j->out->arena, HG_EN, t->change, t->shown));
    hg_json_key_int(j, "gpus", t->devices);
    if (t->fit != HG_FITS) {
        hg_json_key_str(j, "reason", t->reason);
    } else {
        hg_json_key_str(j, "metric", hg_text_form(HG_EN, (hg_text)(HG_TEXT_aim_good + x->aim)));
        hg_json_key_num(j, "gain_frac", t->gain_frac);
        hg_json_key_num(j, "before", hg_aim_value(x->aim, &x->metrics));
        hg_json_key_num(j, "after", t->after);
        hg_json_key(j, "metrics");
        hg_json_open(j, '{');
        hg_json_metrics(j, &t->metrics, NULL);
        hg_json_close(j, '}');
    }
    hg_json_close(j, '}');
}

static void changes(hg_json *j, const hg_explained *x, bool fit, const char *key)
{
    hg_json_key(j, key);
    hg_json_open(j, '[');
    for (int i = 0; i < x->bought_count; i++)
        if ((x->bought[i].fit == HG_FITS) == fit)
            change(j, x, &x->bought[i]);
    hg_json_close(j, ']');
}

static void why_not(hg_json *j, const hg_explained *x)
{
    if (!x->other)
        return;
    hg_json_key(j, "why_not");
    hg_json_open(j, '{');
    hg_json_key_str(j, "words", x->why_not);
    hg_json_key_str(j, "reason", x->other->fit != HG_FITS ? x->other->reason : NULL);
    hg_json_key(j, "deployment");
    hg_json_open(j, '{');
    hg_json_candidate(j, x->other);
    hg_json_close(j, '}');
    if (x->difference_count) {
        hg_json_key_str(j, "metric", hg_text_form(HG_EN, (hg_text)(HG_TEXT_aim_good + x->aim)));
        hg_json_key_num(j, "gain_frac", hg_aim_gain(x->aim, &x->metrics, &x->other_metrics));
        hg_json_key(j, "metrics");
        hg_json_open(j, '{');
        hg_json_metrics(j, &x->other_metrics, x->other_account.origin);
        hg_json_close(j, '}');
    }
    hg_json_key(j, "differences");
    hg_json_open(j, '[');
    for (int i = 0; i < x->difference_count; i++) {
        hg_json_open(j, '{');
        hg_json_key_str(j, "name", x->differences[i].name);
        hg_json_key_num(j, "before_gpu_s", x->differences[i].before_s);
        hg_json_key_num(j, "after_gpu_s", x->differences[i].after_s);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
    hg_json_close(j, '}');
}

static void advice(hg_json *j, const hg_explained *x, hg_lang lang)
{
    hg_json_key(j, "advice");
    hg_json_open(j, '[');
    for (int i = 0; i < hg_advice_count; i++) {
        const hg_advice *r = &hg_advices[i];
        if (!hg_advice_given(x, r))
            continue;
        const hg_bought *t = hg_bought_named(x, r->change);
        hg_json_open(j, '{');
        hg_json_key_str(j, "name", r->name);
        hg_json_key_str(j, "text", hg_text_form(lang, r->text));
        hg_json_key_str(j, "change", t ? hg_change_text(j->out->arena, HG_EN, t->change, t->shown) : NULL);
        if (t)
            hg_json_key_num(j, "gain_frac", t->gain_frac);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

const char *hg_explained_json(hg_arena *arena, const hg_explained *x, hg_lang lang)
{
    hg_buf b = { .arena = arena };
    hg_json j = { .out = &b };
    hg_json_open(&j, '{');
    hg_json_key(&j, "deployment");
    hg_json_open(&j, '{');
    hg_json_candidate(&j, x->candidate);
    hg_json_close(&j, '}');
    hg_json_key(&j, "metrics");
    hg_json_open(&j, '{');
    hg_json_metrics(&j, &x->metrics, x->account.origin);
    hg_json_close(&j, '}');
    binding(&j, x, lang);
    components(&j, x->times.share, HG_BY);
    hg_json_key_num(&j, "queue_frac", x->times.queue_frac);
    phases(&j, &x->times);
    operators(&j, &x->account, &x->times);
    pools(&j, x);
    hg_json_waterfall(&j, &x->waterfall);
    changes(&j, x, true, "what_if");
    changes(&j, x, false, "infeasible");
    advice(&j, x, lang);
    why_not(&j, x);
    hg_json_key_str(&j, "origin", x->account.origin);
    hg_json_key_int(&j, "noted", (int64_t)(x->metrics.sim.offered < HG_EXPLAIN_NOTED ? x->metrics.sim.offered : HG_EXPLAIN_NOTED));
    hg_json_close(&j, '}');
    hg_buf_puts(&b, "\n");
    return b.s;
}
