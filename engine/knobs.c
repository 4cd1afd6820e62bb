#include "knobs.h"

#include "base/num.h"

#include <stddef.h>
#include <string.h>

typedef struct row {
    const char *flag, *choices, *help; /* choices NULL: a whole number */
    const char *word;                  /* the default */
    int otherwise, least, most;
    size_t offset;
} row;

static const row rows[] = {
#define INT(field, name, value, lo, hi, text)                                                      \
    { .flag = name,                                                                                \
      .help = text,                                                                                \
      .otherwise = value,                                                                          \
      .least = lo,                                                                                 \
      .most = hi,                                                                                  \
      .offset = offsetof(knobs, field) },
#define CHOICE(field, name, value, list, text)                                                     \
    { .flag = name,                                                                                \
      .choices = list,                                                                             \
      .word = value,                                                                               \
      .help = text,                                                                                \
      .offset = offsetof(knobs, field) },
#include "knobs.def"
#undef INT
#undef CHOICE
};

enum { ROWS = sizeof rows / sizeof *rows };

static void put_int(knobs *k, const row *r, int v)
{
    memcpy((char *)k + r->offset, &v, sizeof v);
}
static void put_word(knobs *k, const row *r, const char *w)
{
    memcpy((char *)k + r->offset, &w, sizeof w);
}

static bool among(const char *choices, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = choices; at; at = strchr(at, '|'), at = at ? at + 1 : NULL)
        if (n && strncmp(at, word, n) == 0 && (at[n] == '|' || at[n] == 0))
            return true;
    return false;
}

static bool set(knobs *k, const row *r, const char *value, hg_err *err)
{
    int64_t v;
    if (!value)
        return hg_fail(err, HG_INPUT, r->flag, "wants a value");
    if (r->choices) {
        put_word(k, r, value);
        return among(r->choices, value) ||
               hg_fail(err, HG_INPUT, r->flag, "is '%s'; write one of %s", value, r->choices);
    }
    if (!hg_parse_i64(value, &v) || v < r->least || v > r->most)
        return hg_fail(err, HG_INPUT, r->flag, "is '%s'; write a whole number from %d to %d", value,
                       r->least, r->most);
    put_int(k, r, (int)v);
    return true;
}

static bool set_flag(knobs *k, const char *flag, const char *value, hg_err *err)
{
    if (strcmp(flag, "--model") == 0)
        return (k->model = value) != NULL || hg_fail(err, HG_INPUT, flag, "wants a GGUF file");
    for (int i = 0; i < ROWS; i++)
        if (strcmp(flag, rows[i].flag) == 0)
            return set(k, &rows[i], value, err);
    return hg_fail(err, HG_INPUT, flag, "is no option; --help lists them");
}

static bool is_quantised(const char *type)
{
    return type[0] == 'q';
}

static bool agree(const knobs *k, hg_err *err)
{
    if (!k->model)
        return hg_fail(err, HG_INPUT, "--model", "is missing; build/engine/gguf writes one");
    if (k->token_budget > k->batch)
        return hg_fail(err, HG_INPUT, "--token-budget", "is %d, more than the %d tokens of --batch",
                       k->token_budget, k->batch);
    if (k->max_seqs > k->token_budget)
        return hg_fail(err, HG_INPUT, "--max-seqs",
                       "is %d, more than the %d tokens of a step (--token-budget, --batch)",
                       k->max_seqs, k->token_budget);
    if (k->ubatch > k->batch)
        return hg_fail(err, HG_INPUT, "--ubatch", "is %d, more than the %d tokens of --batch",
                       k->ubatch, k->batch);
    if (k->kv_tokens && strcmp(k->kv_unified, "on") != 0)
        return hg_fail(err, HG_INPUT, "--kv-tokens", "needs one pool of KV; add --kv-unified on");
    if (k->kv_tokens && k->kv_tokens < k->context)
        return hg_fail(err, HG_INPUT, "--kv-tokens", "is %d; one request of --context %d must fit",
                       k->kv_tokens, k->context);
    if (is_quantised(k->kv_type) && strcmp(k->flash_attention, "off") == 0)
        return hg_fail(err, HG_INPUT, "--kv-type",
                       "is %s, which needs flash attention; drop --flash-attention off",
                       k->kv_type);
    return true;
}

bool knobs_read(int argc, char **argv, knobs *k, hg_err *err)
{
    *k = (knobs){ .model = NULL };
    for (int i = 0; i < ROWS; i++)
        rows[i].choices ? put_word(k, &rows[i], rows[i].word)
                        : put_int(k, &rows[i], rows[i].otherwise);
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0)
            return k->help = true;
        if (!set_flag(k, argv[i], argv[i + 1], err))
            return false;
    }
    k->threads_batch = k->threads_batch ? k->threads_batch : k->threads;
    k->token_budget = k->token_budget ? k->token_budget : k->batch;
    return agree(k, err);
}

void knobs_help(FILE *out)
{
    fprintf(out, "server --model FILE.gguf [OPTION VALUE ...]\n\n");
    for (int i = 0; i < ROWS; i++)
        if (rows[i].choices)
            fprintf(out, "  %-18s %s (%s): %s\n", rows[i].flag, rows[i].choices, rows[i].word,
                    rows[i].help);
        else
            fprintf(out, "  %-18s %d..%d (%d): %s\n", rows[i].flag, rows[i].least, rows[i].most,
                    rows[i].otherwise, rows[i].help);
}
