#include "live/prompt.h"

#include "base/json.h"
#include "base/num.h"
#include "base/rng.h"

#include <math.h>

/* Short common words: one token each, with the space before it, in the vocabularies of GPT-2's kind. */
static const char *const words[] = {
    "the",   "of",    "and",   "to",    "in",    "is",    "that",  "for",   "it",    "as",    "was",   "with",  "be",
    "by",    "on",    "not",   "he",    "this",  "are",   "or",    "his",   "from",  "at",    "which", "but",   "have",
    "an",    "had",   "they",  "you",   "were",  "their", "one",   "all",   "we",    "can",   "her",   "has",   "there",
    "been",  "if",    "more",  "when",  "will",  "would", "who",   "so",    "no",    "out",   "up",    "into",  "do",
    "any",   "your",  "what",  "could", "man",   "its",   "then",  "only",  "other", "new",   "some",  "time",  "two",
    "may",   "first", "than",  "my",    "now",   "such",  "like",  "our",   "over",  "me",    "even",  "most",  "made",
    "after", "also",  "did",   "many",  "off",   "must",  "well",  "back",  "years", "way",   "down",  "where", "much",
    "work",  "life",  "being", "under", "three", "own",   "last",  "right", "take",  "good",  "house", "while", "long",
    "day",   "water", "same",  "part",  "high",  "place", "world", "still", "hand",  "old",   "great", "year",  "point",
    "home",  "small", "found", "those", "state", "never", "few",   "end",   "group", "head",  "side",
};

enum {
    CAUSE_OWN = 0x10000, CAUSE_HASH = 0x20000, CAUSE_GROUP = 0x30000, CAUSE_PICK = 0x40000, /* far from other causes' numbers */
    TOKEN_FIRST = 1000, TOKEN_LAST = 20000, /* no vocabulary of today ends below, and its special ids lie elsewhere */
};

static uint64_t mixed(uint64_t seed, uint64_t what)
{
    return seed * 0x9e3779b97f4a7c15u + what * 0xbf58476d1ce4e5b9u;
}

static void add_units(const hg_prompts *p, hg_rng r, int64_t count, hg_buf *out)
{
    for (int64_t i = 0; i < count; i++) {
        if (p->kind == HG_PROMPT_TOKENS) {
            char id[16];
            int64_t value = hg_rng_between(&r, TOKEN_FIRST, TOKEN_LAST);
            size_t n = sizeof id;
            id[--n] = ',';
            for (; value; value /= 10)
                id[--n] = (char)('0' + value % 10);
            hg_buf_add(out, id + n, sizeof id - n);
        } else {
            const char *word = words[hg_rng_u64(&r) % (sizeof words / sizeof *words)];
            hg_buf_puts(out, word);
            hg_buf_add(out, " ", 1);
        }
    }
}

/* Words up to a place counted in tokens: rounded there, so that equal places fall together. */
static int64_t units_to(const hg_prompts *p, double tokens)
{
    return p->kind == HG_PROMPT_TOKENS ? (int64_t)tokens : llround(tokens / p->tokens_per_word);
}

typedef struct cursor {
    double tokens;  /* written so far */
    int64_t units;
} cursor;

static void add_up_to(const hg_prompts *p, cursor *at, double tokens, double limit, hg_rng r, hg_buf *out)
{
    tokens = fmin(tokens, limit);
    int64_t units = units_to(p, tokens);
    add_units(p, r, units - at->units, out);
    *at = (cursor){ fmax(tokens, at->tokens), hg_max_i64(units, at->units) };
}

int64_t hg_prompt_group(const hg_prompts *p, size_t number)
{
    hg_rng pick = hg_rng_seed(mixed(p->seed, number), CAUSE_PICK);
    return hg_rng_between(&pick, 0, p->groups - 1);
}

void hg_prompt_text(const hg_prompts *p, size_t number, int64_t tokens, hg_buf *out)
{
    const hg_workload *w = p->workload;
    const hg_request *q = &w->requests[number % w->count];
    uint64_t round = number / w->count; /* a trace that is repeated brings prefixes of its own each time */
    double limit = fmax(1, (double)tokens - p->overhead_tokens);
    cursor at = { 0, 0 };
    if (p->shared_tokens > 0)
        add_up_to(p, &at, (double)p->shared_tokens, limit,
                  hg_rng_seed(mixed(p->seed, (uint64_t)hg_prompt_group(p, number)), CAUSE_GROUP), out);
    for (uint32_t i = 0; w->hash_block_tokens > 0 && i < q->hash_count; i++)
        add_up_to(p, &at, (double)(i + 1) * w->hash_block_tokens, limit,
                  hg_rng_seed(mixed(mixed(p->seed, round), (uint64_t)w->hashes[q->hash_first + i]), CAUSE_HASH), out);
    add_up_to(p, &at, limit, limit, hg_rng_seed(mixed(p->seed, number), CAUSE_OWN), out);
    if (at.units == 0)
        add_units(p, hg_rng_seed(mixed(p->seed, number), CAUSE_OWN), 1, out);
    out->s[--out->n] = 0; /* the last separator */
}

static void add_prompt(const hg_prompts *p, const char *history, const char *text, hg_buf *out)
{
    if (p->chat)
        hg_buf_printf(out, "\"messages\":[%s", history);
    else
        hg_buf_puts(out, p->kind == HG_PROMPT_TOKENS ? "\"prompt\":[" : "\"prompt\":\"");
    if (p->chat)
        hg_buf_puts(out, "{\"role\":\"user\",\"content\":\"");
    else
        hg_buf_puts(out, history);
    hg_buf_puts(out, text);
    hg_buf_puts(out, p->chat ? "\"}]" : p->kind == HG_PROMPT_TOKENS ? "]" : "\"");
}

void hg_prompt_body(const hg_prompts *p, const char *history, const char *text, int64_t osl, hg_buf *out)
{
    static const char *const options[] = { [HG_USAGE_FINAL] = ",\"stream_options\":{\"include_usage\":true}",
                                           [HG_USAGE_EACH] = (",\"stream_options\":{\"include_usage\":true,"
                                                              "\"continuous_usage_stats\":true}"),
                                           [HG_USAGE_NONE] = "" };
    hg_json j = { .out = out };
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "model", p->model);
    hg_buf_puts(out, ",");
    add_prompt(p, history, text, out);
    hg_buf_printf(out, ",\"max_tokens\":%lld,\"stream\":true%s%s%s}", (long long)osl, options[p->usage],
                  p->ignore_eos ? ",\"ignore_eos\":true" : "", p->extra);
}

void hg_prompt_history(const hg_prompts *p, const char *text, const char *answer, hg_buf *history)
{
    if (p->chat) {
        hg_buf_puts(history, "{\"role\":\"user\",\"content\":\"");
        hg_buf_puts(history, text);
        hg_buf_puts(history, "\"},{\"role\":\"assistant\",\"content\":\"");
        hg_buf_puts(history, answer);
        hg_buf_puts(history, "\"},");
    } else {
        hg_buf_puts(history, text);
        hg_buf_puts(history, answer);
        hg_buf_puts(history, " ");
    }
}
