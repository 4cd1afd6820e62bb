#include "api/compare.h"
#include "api/compared.h"

#include "base/json.h"
#include "base/units.h"

#include <math.h>
#include <string.h>

/* Two scenarios: the first simulated, then again with one word after another as the second has it, at each step the
 * one that moves the figures most.  What a word explains depends on those before it: the order is shown. */

enum { MOST_CHANGES = 12, MOVED = 4 };

static const char *const moved_names[MOVED] = { "TTFT mean", "TPOT mean", "E2E mean", "tokens/s/GPU" };
static const char *const moved_keys[MOVED] = { "ttft_mean_s", "tpot_mean_s", "e2e_mean_s", "output_tokens_per_s_per_gpu" };

/* Words that mean nothing one by one go over together. */
static const char *const traffic[] = { "isl", "osl", "length_range", "workload", "arrivals", "requests", "rate", "steady", "burstiness", "replay",
                                       "speedup", "concurrency", "seed" };
/* What is no part of the deployment or the traffic. */
static const char *const beside[] = { "slo", "price", "objective", "top_n", "threads", "output", "scenario", "rows_out", "page_out", "requests_out",
                                      "trace_out", "data", "json", "force", "quiet", "total_gpus" };

typedef struct change {
    const hg_word *words[HG_LIST];
    int count;
    const char *name;
} change;

typedef struct moved {
    double of[MOVED];
    const char *refused; /* why it cannot run so; NULL: it can */
} moved;

static bool listed(const char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

static size_t size_of(const hg_word *w)
{
    return w->kind == HG_WORD_TEXT ? sizeof(hg_text_word) : w->kind == HG_WORD_INTS ? sizeof(hg_ints_word)
         : w->kind == HG_WORD_REAL ? sizeof(hg_real_word) : sizeof(hg_flag_word);
}

static const char *value_of(hg_arena *arena, const hg_scenario *s, const hg_word *w)
{
    const void *at = (const char *)s + w->offset;
    if (!hg_word_given(s, w))
        return "not said";
    if (w->kind == HG_WORD_TEXT)
        return ((const hg_text_word *)at)->s;
    if (w->kind == HG_WORD_REAL)
        return hg_textf(arena, "%g", ((const hg_real_word *)at)->v);
    if (w->kind == HG_WORD_FLAG)
        return ((const hg_flag_word *)at)->v ? "yes" : "no";
    const hg_ints_word *ints = at;
    return ints->any ? "any" : hg_textf(arena, "%lld", (long long)ints->v[0]);
}

static bool differs(hg_arena scratch, const hg_scenario *a, const hg_scenario *b, const hg_word *w)
{
    return strcmp(value_of(&scratch, a, w), value_of(&scratch, b, w)) != 0;
}

/* A word's change; those of the traffic are one. */
static int changes_of(hg_arena *arena, const hg_scenario *a, const hg_scenario *b, change *out)
{
    int n = 0, of_traffic = -1;
    for (int i = 0; i < hg_word_count; i++) {
        const hg_word *w = &hg_word_table[i];
        if (w->kind == HG_WORD_SECTION || listed(beside, sizeof beside / sizeof *beside, w->name) || !differs(*arena, a, b, w))
            continue;
        bool is_traffic = listed(traffic, sizeof traffic / sizeof *traffic, w->name);
        int at = is_traffic && of_traffic >= 0 ? of_traffic : n;
        if (at == n && n == MOST_CHANGES)
            return -1;
        if (at == n)
            out[n++] = (change){ .name = "" };
        of_traffic = is_traffic ? at : of_traffic;
        change *c = &out[at];
        c->words[c->count++] = w;
        c->name = hg_textf(arena, "%s%s%s: %s → %s", c->name, *c->name ? ", " : "", w->name, value_of(arena, a, w), value_of(arena, b, w));
    }
    return n;
}

static void take_over(hg_scenario *to, const hg_scenario *from, const change *c)
{
    for (int i = 0; i < c->count; i++)
        memcpy((char *)to + c->words[i]->offset, (const char *)from + c->words[i]->offset, size_of(c->words[i]));
}

static bool simulate(hg_ask *a, hg_problem *p, hg_candidate *c, moved *out)
{
    hg_metrics m;
    if (!hg_compare_run(a, p, c, &m))
        return false;
    const hg_summary *l = m.sim.latency;
    *out = (moved){ { l[HG_TTFT].mean, l[HG_TPOT].mean, l[HG_E2E].mean, m.tokens_per_s_per_device }, NULL };
    return true;
}

/* On scratch of its own: nothing but the figures outlives it. */
static moved run_scenario(hg_ask *a, const hg_scenario *s)
{
    hg_arena scratch = *a->arena;
    hg_ask sub = *a;
    moved out = { .refused = NULL };
    sub.verb = "simulate";
    sub.s = *s;
    sub.s.quiet.v = true;
    sub.arena = &scratch;
    if (!simulate(&sub, HG_NEW(&scratch, hg_problem, 1), HG_NEW(&scratch, hg_candidate, 1), &out)) {
        a->err = sub.err;
        out.refused = "";
    }
    if (out.refused)
        out.refused = hg_textf(a->arena, "%s %s", a->err.where, a->err.msg);
    return out;
}

static double distance(const moved *a, const moved *b)
{
    double sum = 0;
    for (int k = 0; k < MOVED; k++)
        sum += a->of[k] > 0 && b->of[k] > 0 ? fabs(log(b->of[k] / a->of[k])) : 0;
    return sum;
}

typedef struct step {
    const char *name;
    moved after;
} step;

/* The change that moves the figures most from here; −1: none of those left runs by itself. */
static int furthest(hg_ask *a, const hg_scenario *here, const hg_scenario *b, const change *c, const bool *done, int n, const moved *now, moved *after)
{
    int best = -1;
    double most = -1;
    for (int i = 0; i < n; i++) {
        hg_scenario s = *here;
        if (done[i])
            continue;
        take_over(&s, b, &c[i]);
        moved m = run_scenario(a, &s);
        if (m.refused || distance(now, &m) <= most)
            continue;
        best = i;
        most = distance(now, &m);
        *after = m;
    }
    return best;
}

static int walk(hg_ask *a, const hg_scenario *from, const hg_scenario *to, const change *c, int n, const moved *first, const moved *last, step *out)
{
    bool done[MOST_CHANGES] = { false };
    hg_scenario here = *from;
    moved now = *first;
    int steps = 0;
    for (int left = n; left > 0; left--) {
        moved after = *last;
        int i = left > 1 ? furthest(a, &here, to, c, done, n, &now, &after) : -1;
        if (i < 0) { /* the last, or those that run together only */
            out[steps] = (step){ "", *last };
            for (int k = 0; k < n; k++)
                if (!done[k])
                    out[steps].name = hg_textf(a->arena, "%s%s%s", out[steps].name, *out[steps].name ? ", " : "", c[k].name);
            return steps + 1;
        }
        take_over(&here, to, &c[i]);
        done[i] = true;
        out[steps++] = (step){ c[i].name, after };
        now = after;
    }
    return steps;
}

static const char *figure_text(hg_arena *arena, int k, double v)
{
    char text[32];
    return k == MOVED - 1 ? hg_figures(arena, v, 3) : isfinite(v) ? hg_strdup(arena, hg_format(text, sizeof text, v, HG_SECONDS)) : "-";
}

static void write_line(hg_buf *b, const moved *before, const moved *m, const char *name)
{
    for (int k = 0; k < MOVED; k++) {
        hg_buf_printf(b, "%10s", figure_text(b->arena, k, m->of[k]));
        if (before && before->of[k] > 0)
            hg_buf_printf(b, " %+6.1f %%", 100 * (m->of[k] / before->of[k] - 1));
        else
            hg_buf_printf(b, "%9s", "");
    }
    hg_buf_printf(b, "   %s\n", name);
}

static void write_text(hg_buf *b, const char *const names[2], const moved *first, const step *steps, int n, hg_lang lang)
{
    for (int k = 0; k < MOVED; k++)
        hg_buf_printf(b, "%12s%7s", moved_names[k], "");
    hg_buf_puts(b, "\n");
    write_line(b, NULL, first, names[0]);
    const char *idle = "";
    for (int i = 0; i < n; i++) {
        const moved *before = i ? &steps[i - 1].after : first;
        if (distance(before, &steps[i].after) > 0)
            write_line(b, before, &steps[i].after, steps[i].name);
        else
            idle = hg_textf(b->arena, "%s%s%s", idle, *idle ? hg_text_form(lang, HG_TEXT_list_semicolon) : "", steps[i].name);
    }
    if (*idle)
        hg_buf_printf(b, "   %s\n", hg_say(b->arena, lang, HG_TEXT_change_none, idle));
    if (n)
        write_line(b, first, &steps[n - 1].after, hg_say(b->arena, lang, HG_TEXT_compare_all, names[1]));
    else
        hg_buf_printf(b, "%s\n", hg_text_form(lang, HG_TEXT_compare_same));
}

static void write_moved(hg_json *j, const char *name, const moved *m)
{
    hg_json_open(j, '{');
    hg_json_key_str(j, "change", name);
    for (int k = 0; k < MOVED; k++)
        hg_json_key_num(j, moved_keys[k], m->of[k]);
    hg_json_close(j, '}');
}

static void write_steps(hg_json *j, const moved *first, const step *steps, int n)
{
    hg_json_key(j, "steps");
    hg_json_open(j, '[');
    write_moved(j, NULL, first);
    for (int i = 0; i < n; i++)
        write_moved(j, steps[i].name, &steps[i].after);
    hg_json_close(j, ']');
}

typedef struct answer {
    hg_buf text;
    hg_json json;
    hg_lang lang;
} answer;

/* The first against another: what each word does, then which parts of a step it does it by. */
static bool pair(hg_ask *a, const hg_compared *first, const hg_compared *other, bool more, answer *out)
{
    change changes[MOST_CHANGES];
    step steps[MOST_CHANGES];
    moved at[2] = { run_scenario(a, &first->words), run_scenario(a, &other->words) };
    const char *names[2] = { first->name, other->name };
    int n = changes_of(a->arena, &first->words, &other->words, changes);
    if (n < 0)
        return hg_fail(&a->err, HG_INPUT, other->name, "differs from %s in more than %d words; compare nearer ones", first->name, MOST_CHANGES);
    n = walk(a, &first->words, &other->words, changes, n, &at[0], &at[1], steps);
    if (a->s.json.v) {
        hg_json_open(&out->json, '{');
        hg_json_key_str(&out->json, "a", first->name);
        hg_json_key_str(&out->json, "b", other->name);
        write_steps(&out->json, &at[0], steps, n);
        hg_json_causes(&out->json, first, other);
        hg_json_close(&out->json, '}');
        return true;
    }
    hg_buf_puts(&out->text, more ? "\n" : "");
    write_text(&out->text, names, &at[0], steps, n, out->lang);
    hg_causes_text(&out->text, first, other, out->lang);
    return true;
}

hg_code hg_compare_deployments(hg_ask *a, const char *const *files, size_t n)
{
    hg_compared *all = HG_NEW(a->arena, hg_compared, n);
    answer out = { .text = { .arena = a->arena } };
    out.json.out = &out.text;
    if (!hg_ask_lang(a, &out.lang))
        return a->err.code;
    for (size_t i = 0; i < n; i++)
        if (!hg_compared_open(a, files[i], &all[i]))
            return a->err.code;
    if (a->s.json.v) {
        hg_json_open(&out.json, '{');
        hg_json_key(&out.json, "comparisons");
        hg_json_open(&out.json, '[');
    }
    for (size_t i = 1; i < n; i++)
        if (!pair(a, &all[0], &all[i], i > 1, &out))
            return a->err.code;
    if (a->s.json.v) {
        hg_json_close(&out.json, ']');
        hg_json_close(&out.json, '}');
        hg_buf_puts(&out.text, "\n");
    }
    return hg_answer(a, out.text.s, out.text.n);
}
