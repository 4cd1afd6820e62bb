#include "api/speculation.h"

#include <math.h>
#include <string.h>

static bool is(const hg_text_word *w, const char *word)
{
    return w->s && strcmp(w->s, word) == 0;
}

static bool is_off(const hg_ask *a)
{
    return !a->s.speculative.s || is(&a->s.speculative, "off") || is(&a->s.speculative, "none");
}

static bool refuse_strays(hg_ask *a)
{
    const struct {
        bool given;
        const char *where, *word;
    } words[] = {
        { a->s.num_speculative_tokens.n > 0, a->s.num_speculative_tokens.where, "--num-speculative-tokens" },
        { a->s.acceptance.given, a->s.acceptance.where, "--acceptance" },
        { a->s.draft_model.s != NULL, a->s.draft_model.where, "--draft-model" },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].given)
            return hg_fail(&a->err, HG_INPUT, words[i].where,
                           "is of speculative decoding, which is off; say --speculative mtp, eagle3, ngram or draft");
    return true;
}

static bool take_kind(hg_ask *a, hg_draft *out)
{
    static const char *const names[] = {
#define DRAFT(id, word, tokens, inputs, aliases, help) word,
#include "spec/draft.def"
#undef DRAFT
        "off", "any"
    };
    const char *word = a->s.speculative.s;
    *out = HG_DRAFT_MTP;
    if (is(&a->s.speculative, "any"))
        return strcmp(a->verb, "plan") == 0 ||
               hg_fail(&a->err, HG_INPUT, a->s.speculative.where, "'any' is a search's word; 'heng plan' takes it");
    if (hg_draft_parse(word, out))
        return true;
    const char *near = hg_nearest(word, names, sizeof names / sizeof *names);
    return hg_fail(&a->err, HG_INPUT, a->s.speculative.where, "is '%.40s'%s%s%s; one of mtp, eagle3, ngram, draft, off",
                   word, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* A model that drafts must be read; of an eagle3 head the engine's name for it is enough. */
static bool take_model(hg_ask *a, hg_deployment *d)
{
    const hg_text_word *w = &a->s.draft_model;
    const char *note = NULL;
    hg_err err = { 0 };
    if (!w->s)
        return d->draft != HG_DRAFT_MODEL ||
               hg_fail(&a->err, HG_INPUT, "--draft-model", "is missing; name the small model that drafts");
    if (d->draft == HG_DRAFT_MTP || d->draft == HG_DRAFT_NGRAM)
        return hg_fail(&a->err, HG_INPUT, w->where, "is not used by --speculative %s; leave it out",
                       hg_draft_table[d->draft].word);
    hg_model *m = HG_NEW(a->arena, hg_model, 1);
    bool read = hg_model_find(a->arena, &a->data, w->s, m, &note, &err);
    if (!read && d->draft == HG_DRAFT_MODEL) {
        a->err = err;
        return false;
    }
    d->draft_name = w->s;
    d->draft_model = read ? m : NULL;
    if (read)
        hg_note(a, note);
    return true;
}

static bool too_long(hg_ask *a, double length, int64_t tokens)
{
    return hg_fail(&a->err, HG_INPUT, a->s.acceptance.where,
                   "%.4g tokens a step are more than the %lld that %lld proposed ones can make", length,
                   (long long)tokens + 1, (long long)tokens);
}

static bool published_for(hg_ask *a, const hg_deployment *d, hg_draft_default *out)
{
    a->err = (hg_err){ 0 };
    if (hg_draft_published(a->arena, &a->data, d->draft, d->draft_tokens, out, &a->err))
        return true;
    return a->err.code != HG_DONE ? false
                                  : hg_fail(&a->err, HG_INPUT, "--acceptance",
                                            "is missing: how many proposals of %s are accepted is the traffic's own; give "
                                            "the chance of one (0.4), or the mean tokens a step (1.6)",
                                            hg_draft_table[d->draft].word);
}

static void note_published(hg_ask *a, const hg_deployment *d, const hg_draft_default *of)
{
    if (a->drafts_noted && strcmp(a->drafts_noted, of->source) == 0)
        return;
    a->drafts_noted = of->source;
    hg_note(a, hg_textf(a->arena, "speculative decoding by %s: of %.0f proposed each is taken to be accepted with chance %.2f "
                        "(%.2f tokens a step), by %s; --acceptance says what yours is",
                        hg_draft_table[d->draft].word, d->draft_tokens, of->acceptance, d->accepted_tokens, of->source));
}

bool hg_set_draft_tokens(hg_ask *a, int64_t tokens, hg_deployment *d)
{
    const hg_real_word *w = &a->s.acceptance;
    hg_draft_default published = { 0 };
    d->draft_tokens = (double)tokens;
    d->accepted_tokens = 0;
    if (tokens == 0)
        return true;
    if (w->given && w->v > 1) {
        d->accepted_tokens = w->v;
        return w->v <= (double)tokens + 1 || too_long(a, w->v, tokens);
    }
    if (!w->given && !published_for(a, d, &published))
        return false;
    d->accepted_tokens = hg_draft_length(w->given ? w->v : published.acceptance, d->draft_tokens);
    if (!w->given)
        note_published(a, d, &published);
    return true;
}

static int64_t first_count(const hg_ask *a, hg_draft kind)
{
    return a->s.num_speculative_tokens.n ? a->s.num_speculative_tokens.v[0] : hg_draft_table[kind].tokens;
}

bool hg_ask_speculation(hg_ask *a, const hg_problem *p, hg_deployment *d)
{
    d->draft_tokens = d->accepted_tokens = 0;
    if (is_off(a))
        return refuse_strays(a);
    if (!take_kind(a, &d->draft) || !take_model(a, d))
        return false;
    if (a->s.num_speculative_tokens.n > 1 && a->s.acceptance.given && a->s.acceptance.v > 1)
        return hg_fail(&a->err, HG_INPUT, a->s.acceptance.where,
                       "tokens a step belong to one --num-speculative-tokens; give a chance (1 or less) with a list");
    if (is(&a->s.speculative, "any") && p->model.mtp_layers == 0)
        return true;
    /* What is refused further on (legal.c) wants no word on its rate. */
    bool quiet = a->s.quiet.v;
    a->s.quiet.v |= d->draft == HG_DRAFT_MTP && p->model.mtp_layers == 0;
    bool ok = hg_set_draft_tokens(a, first_count(a, d->draft), d);
    a->s.quiet.v = quiet;
    return ok;
}

int hg_ask_draft_counts(hg_ask *a, const hg_problem *p, int64_t *out, int most)
{
    static const int64_t usual[] = { 1, 2, 3 };
    const hg_ints_word *w = &a->s.num_speculative_tokens;
    bool any = is(&a->s.speculative, "any");
    hg_draft kind = HG_DRAFT_MTP;
    int n = 0;
    if (is_off(a) || any)
        out[n++] = 0;
    if (is_off(a) || (any && p->model.mtp_layers == 0))
        return n;
    if (!any)
        (void)hg_draft_parse(a->s.speculative.s, &kind);
    const int64_t *list = w->n ? w->v : usual, own = hg_draft_table[kind].tokens;
    int count = w->n ? w->n : any || w->any ? 3 : 1;
    for (int i = 0; i < count && n < most; i++)
        out[n++] = !w->n && count == 1 ? own : list[i];
    return n;
}
