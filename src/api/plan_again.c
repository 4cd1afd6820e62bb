/* The question that has a plan's figures for its answer: a line of 'heng simulate'. */
#include "api/plan.h"

#include <inttypes.h>
#include <string.h>

const char *hg_folded(hg_arena *arena, const char *command, size_t columns)
{
    hg_buf b = { .arena = arena };
    char quote = 0;
    size_t column = 0;
    hg_buf_add(&b, "", 0);
    for (const char *p = command; *p; p++) {
        if (*p == '\\' && quote != '\'' && p[1]) {
            hg_buf_add(&b, p++, 2);
            column += 2;
            continue;
        }
        if (quote ? *p == quote : *p == '\'' || *p == '"')
            quote = quote ? 0 : *p;
        size_t word = strcspn(p + 1, " ") + 1, value = p[word] ? strcspn(p + word + 1, " ") + 1 : 0;
        if (!quote && hg_starts(p, "  # ")) { /* a comment would take what follows a break */
            hg_buf_puts(&b, p);
            break;
        }
        bool flags = hg_starts(p, " --") && column + word + value > columns, long_list = *p == ' ' && column + word > columns;
        if (!quote && (flags || long_list)) {
            hg_buf_puts(&b, " \\\n   ");
            column = 3;
        }
        hg_buf_add(&b, p, 1);
        column++;
    }
    return b.s;
}

const char *hg_pool_word(hg_arena *arena, const hg_deployment *d)
{
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b, "%" PRId64 "xtp%" PRId64, d->replicas, d->tp);
    if (d->pp > 1)
        hg_buf_printf(&b, "pp%" PRId64, d->pp);
    if (d->dp > 1)
        hg_buf_printf(&b, "dp%" PRId64, d->dp);
    if (d->ep > 1)
        hg_buf_printf(&b, "ep%" PRId64, d->ep);
    hg_buf_printf(&b, ":tokens=%" PRId64 ":seqs=%" PRId64, d->max_num_batched_tokens, d->max_num_seqs);
    return b.s;
}

static void flag(hg_buf *b, const char *name, const char *value)
{
    hg_buf_puts(b, " --");
    for (const char *p = name; *p; p++)
        hg_buf_printf(b, "%c", *p == '_' ? '-' : *p);
    if (value)
        hg_buf_printf(b, " %s", hg_shell_word(b->arena, value));
}

static void number(hg_buf *b, const char *name, int64_t n)
{
    flag(b, name, hg_textf(b->arena, "%" PRId64, n));
}

/* What the search chose, or the plan says of its own. */
static bool is_answered(const char *name)
{
    static const char *const names[] = { "tp", "pp", "dp", "ep", "replicas", "prefill", "decode", "precision", "kv_dtype",
                                         "max_num_seqs", "max_num_batched_tokens", "speculative", "num_speculative_tokens" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* Of words that every verb takes only those that change an answer. */
static bool matters(const hg_word *w)
{
    return strcmp(w->name, "data") == 0 || !hg_word_serves(w, "version");
}

static void asked_words(hg_buf *b, const hg_scenario *asked, bool alone)
{
    for (int i = 0; i < hg_word_count; i++) {
        const hg_word *w = &hg_word_table[i];
        if (w->kind == HG_WORD_SECTION || !hg_word_serves(w, "simulate") || !matters(w) || !hg_word_given(asked, w) || is_answered(w->name) ||
            (alone && strcmp(w->name, "requests") == 0))
            continue;
        const char *value = hg_word_value(b->arena, asked, w);
        bool off = w->kind == HG_WORD_FLAG && strcmp(value, "false") == 0;
        flag(b, off ? hg_textf(b->arena, "no_%s", w->name) : w->name, w->kind == HG_WORD_FLAG ? NULL : value);
    }
}

static bool default_chunked(const hg_plan *p)
{
    const hg_flag_word *w = &p->asked->enable_chunked_prefill;
    return w->given ? w->v : p->problem->engine.chunked_prefill;
}

static void pool(hg_buf *b, const hg_plan *p, const char *name, const hg_deployment *d)
{
    const char *chunked = d->chunked_prefill == default_chunked(p) ? "" : d->chunked_prefill ? ":chunked=yes" : ":chunked=no";
    flag(b, name, hg_textf(b->arena, "%s%s", hg_pool_word(b->arena, d), chunked));
}

static void shape(hg_buf *b, const hg_plan *p, const hg_deployment *d)
{
    number(b, "tp", d->tp);
    if (d->pp > 1)
        number(b, "pp", d->pp);
    if (d->dp > 1)
        number(b, "dp", d->dp);
    if (d->ep > 1)
        number(b, "ep", d->ep);
    if (d->replicas > 1)
        number(b, "replicas", d->replicas);
    number(b, "max_num_seqs", d->max_num_seqs);
    number(b, "max_num_batched_tokens", d->max_num_batched_tokens);
    if (d->chunked_prefill != default_chunked(p))
        flag(b, d->chunked_prefill ? "enable_chunked_prefill" : "no_enable_chunked_prefill", NULL);
}

static void deployment(hg_buf *b, const hg_plan *p, const hg_point *at)
{
    const hg_deployment *d = &at->deployment;
    if (at->prefill.replicas) {
        pool(b, p, "prefill", &at->prefill);
        pool(b, p, "decode", d);
    } else {
        shape(b, p, d);
    }
    if (!d->precision_is_checkpoints)
        flag(b, "precision", hg_dtype_table[d->precision].name);
    if (!d->kv_is_auto)
        flag(b, "kv_dtype", hg_dtype_table[d->kv_dtype].name);
    if (d->draft_tokens > 0) {
        flag(b, "speculative", hg_draft_table[d->draft].word);
        number(b, "num_speculative_tokens", (int64_t)d->draft_tokens);
    }
}

const char *hg_plan_again(hg_arena *arena, const hg_plan *p)
{
    const hg_point *at = &p->top[0];
    bool alone = p->objective && strcmp(p->objective, "latency") == 0 && !p->load_given;
    hg_buf b = { .arena = arena };
    if (!p->asked)
        return NULL;
    hg_buf_puts(&b, "heng simulate");
    asked_words(&b, p->asked, alone);
    deployment(&b, p, at);
    if (alone) {
        number(&b, "concurrency", 1);
        number(&b, "requests", (int64_t)at->metrics.sim.offered);
    } else if (!p->load_given) {
        flag(&b, "rate", hg_textf(arena, "%.6g", at->metrics.rate_per_s));
    }
    if (!alone && at->metrics.rate_per_s > 0)
        flag(&b, "steady", NULL);
    return b.s;
}
