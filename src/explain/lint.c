#include "explain/lint.h"

#include "explain/rules.h"

#include "base/num.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE NULL
#define MEND(name) hg_mend_##name
#define RULE(name, level, engines, reason, reason_zh, fix, fix_zh, mend, model, device, isl, osl,  \
             clients, bad, good)                                                                   \
    { #name,                                                                                       \
      level,                                                                                       \
      engines,                                                                                     \
      { reason, reason_zh },                                                                       \
      { fix, fix_zh },                                                                             \
      hg_check_##name,                                                                             \
      mend,                                                                                        \
      model,                                                                                       \
      device,                                                                                      \
      bad,                                                                                         \
      good,                                                                                        \
      isl,                                                                                         \
      osl,                                                                                         \
      clients },
const hg_lint_rule hg_lint_rules[] = {
#include "explain/rules.def"
};
#undef RULE
#undef MEND
#undef NONE
const int hg_lint_rule_count = sizeof hg_lint_rules / sizeof *hg_lint_rules;

const char *const hg_lint_level_names[] = { "note", "warning", "error" };

static bool is_for(const char *engines, const char *engine)
{
    size_t n = strlen(engine);
    for (const char *p = engines; *p; p += strcspn(p, " "), p += *p == ' ')
        if (*p == '*' || (strncmp(p, engine, n) == 0 && (p[n] == ' ' || !p[n])))
            return true;
    return false;
}

void hg_lint_run(hg_lint *x)
{
    for (int i = 0; i < hg_lint_rule_count; i++) {
        x->rule = &hg_lint_rules[i];
        if (is_for(x->rule->engines, x->launch->knobs->engine))
            x->rule->check(x);
    }
}

void hg_lint_find(hg_lint *x, const hg_setting *at, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    hg_text_clean(text);
    *HG_PUSH(x->arena, x->found, x->count, x->capacity) =
        (hg_finding){ .rule = x->rule,
                      .level = x->rule->level,
                      .message = hg_strdup(x->arena, text),
                      .line = at && at->line > 0 ? at->line : x->launch->line,
                      .file = at && at->file ? at->file : x->launch->script };
}

/* ---- what a fix is worth ---- */

enum { EACH_CLIENT = 4, CLIENTS_MOST = 512 };

/* Output tokens a second under so many clients; 0: it would not run. */
static double tokens_per_s(hg_arena scratch, const hg_problem *p, const hg_deployment *d,
                           int64_t clients)
{
    hg_candidate *c = HG_NEW(&scratch, hg_candidate, 1);
    hg_problem *q = HG_NEW(&scratch, hg_problem, 1);
    hg_metrics m;
    *q = *p;
    q->workload.load = HG_LOAD_CLOSED;
    q->workload.concurrency = clients;
    hg_candidate_make(q, d, c);
    if (c->fit != HG_FITS)
        return 0;
    hg_run run = { .load = HG_LOAD_CLOSED, .requests = (size_t)(EACH_CLIENT * clients) };
    hg_evaluate(&scratch, q, c, &run, &m);
    return m.sim.output_tokens_per_s;
}

/* By what the fix is worth a finding that stops nothing is a warning or a note: what changes less
 * than this costs nothing. */
static const double WORTH_LEAST_FRAC = 0.005;

static hg_lint_level level_of(const hg_finding *f)
{
    if (f->level == HG_LINT_ERROR || !f->priced)
        return f->mends_start && f->level == HG_LINT_NOTE ? HG_LINT_WARNING : f->level;
    return f->gain_frac >= WORTH_LEAST_FRAC ? HG_LINT_WARNING : HG_LINT_NOTE;
}

void hg_lint_price(hg_lint *x, const hg_problem *p, int64_t clients)
{
    clients = hg_min_i64(clients, CLIENTS_MOST);
    for (size_t i = 0; x->d_is_known && i < x->count; i++) {
        hg_finding *f = &x->found[i];
        hg_deployment broken = x->d, fixed = x->d;
        if (!f->rule->mend || !f->rule->mend(x, &broken, &fixed))
            continue;
        double before = tokens_per_s(*x->arena, p, &broken, clients),
               after = tokens_per_s(*x->arena, p, &fixed, clients);
        f->mends_start = before <= 0 && after > 0;
        f->priced = before > 0 && after > 0;
        f->gain_frac = f->priced ? after / before - 1 : 0;
        f->level = level_of(f);
    }
}

/* ---- settings, for rules ---- */

const hg_setting *hg_rule_setting(const hg_lint *x, const char *key)
{
    const hg_settings *s = &x->launch->settings;
    const hg_setting *found = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const hg_engine_knob *k = s->list[i].knob;
        if (k &&
            ((k->key && strcmp(k->key, key) == 0) || (k->flag && strcmp(k->flag + 2, key) == 0)))
            found = &s->list[i];
    }
    return found;
}

int64_t hg_rule_int(const hg_lint *x, const char *key, int64_t otherwise)
{
    const hg_setting *t = hg_rule_setting(x, key);
    int64_t v;
    bool sane =
        t && t->value && hg_parse_count(t->value, &v) && v >= -HG_COUNT_MOST && v <= HG_COUNT_MOST;
    return sane ? v : otherwise;
}

double hg_rule_real(const hg_lint *x, const char *key, double otherwise)
{
    const hg_setting *t = hg_rule_setting(x, key);
    double v;
    return t && t->value && hg_parse_f64(t->value, &v) ? v : otherwise;
}

bool hg_rule_on(const hg_lint *x, const char *key)
{
    return strcmp(hg_rule_text(x, key), "true") == 0;
}

const char *hg_rule_text(const hg_lint *x, const char *key)
{
    const hg_setting *t = hg_rule_setting(x, key);
    return t && t->value ? t->value : "";
}

json_t *hg_rule_json(const hg_lint *x, const char *key)
{
    const char *text = hg_rule_text(x, key);
    hg_err err;
    return *text == '{' || *text == '[' ? hg_json_parse(text, strlen(text), "json", &err) : NULL;
}

bool hg_rule_is_ascend(const hg_lint *x)
{
    return (x->device && strcmp(x->device->vendor, "ascend") == 0) ||
           strcmp(hg_rule_text(x, "quantization"), "ascend") == 0 ||
           hg_rule_setting(x, "additional-config");
}

bool hg_rule_has_experts(const hg_lint *x)
{
    for (int64_t i = 0; x->model && i < x->model->layer_kinds; i++)
        if (x->model->layers[i].ffn == HG_FFN_MOE)
            return true;
    return false;
}

int64_t hg_rule_each(const hg_lint *x)
{
    return 1 + hg_said_int(&x->said, "draft_tokens", 0);
}

bool hg_rule_on_stride(int64_t tokens)
{
    return tokens == 1 || tokens == 2 || tokens == 4 ||
           (tokens <= 256 ? tokens % 8 == 0 : tokens % 16 == 0);
}

/* "1,2,4" or [1,2,4]. */
static bool sizes_of(const char *text, int64_t each, int64_t *most, bool *multiples)
{
    bool any = false;
    *most = 0;
    *multiples = true;
    for (const char *p = text + strcspn(text, "0123456789"); *p; p += strcspn(p, "0123456789")) {
        char digits[20];
        size_t n = strspn(p, "0123456789");
        int64_t v;
        snprintf(digits, sizeof digits, "%.*s", (int)n, p);
        if (!hg_parse_i64(digits, &v))
            return false;
        *most = hg_max_i64(*most, v);
        *multiples &= v % each == 0;
        any = true;
        p += n;
    }
    return any;
}

bool hg_rule_sizes(const hg_lint *x, int64_t *most, bool *multiples)
{
    json_t *o = hg_rule_json(x, "compilation-config");
    char *inner = json_dumps(json_object_get(o, "cudagraph_capture_sizes"), JSON_COMPACT);
    const char *text = inner ? inner : hg_rule_text(x, "cudagraph-capture-sizes");
    bool any = sizes_of(text, hg_rule_each(x), most, multiples);
    free(inner);
    json_decref(o);
    return any;
}
