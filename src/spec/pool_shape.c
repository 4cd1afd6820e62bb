#include "spec/pool_shape.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 100000000 };

static const struct {
    const char *word;
    size_t member;
} sizes[] = {
    { "tp", offsetof(hg_pool_shape, tp) },
    { "pp", offsetof(hg_pool_shape, pp) },
    { "dp", offsetof(hg_pool_shape, dp) },
    { "ep", offsetof(hg_pool_shape, ep) },
};
enum { SIZE_MOST = 65536 };

/* Behind the shape, each after a colon (or a comma). */
static const struct {
    const char *word;
    size_t member;
} limits[] = {
    { "tokens=", offsetof(hg_pool_shape, tokens) },
    { "seqs=", offsetof(hg_pool_shape, seqs) },
};

/* Digits from 1 to MOST at *text, which moves behind them; 0: something else. */
static int64_t number(const char **text)
{
    int64_t n = 0;
    while (**text >= '0' && **text <= '9' && n <= MOST)
        n = n * 10 + *(*text)++ - '0';
    return n <= MOST ? n : 0;
}

static bool one_size(const char **text, hg_pool_shape *out, unsigned *given)
{
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (strncmp(*text, sizes[i].word, strlen(sizes[i].word)) != 0 || *given & 1U << i)
            continue;
        *text += strlen(sizes[i].word);
        *given |= 1U << i;
        int64_t n = number(text);
        *(int64_t *)(void *)((char *)out + sizes[i].member) = n;
        return n > 0 && n <= SIZE_MOST;
    }
    return false;
}

static bool take_word(const char **text, const char *word)
{
    size_t n = strlen(word);
    bool is = strncmp(*text, word, n) == 0;
    *text += is ? n : 0;
    return is;
}

static bool one_limit(const char **text, hg_pool_shape *out)
{
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        int64_t *member = (int64_t *)(void *)((char *)out + limits[i].member);
        if (*member == 0 && take_word(text, limits[i].word))
            return (*member = number(text)) > 0;
    }
    if (out->chunked_said || !take_word(text, "chunked="))
        return false;
    out->chunked_said = true;
    out->chunked = take_word(text, "yes");
    return out->chunked || take_word(text, "no");
}

bool hg_pool_shape_parse(const char *text, const char *where, hg_pool_shape *out, hg_err *err)
{
    const char *at = text;
    unsigned given = 0;
    bool ok = true;
    *out = (hg_pool_shape){ .engines = 1, .tp = 1, .pp = 1, .dp = 1, .ep = 1 };
    if (*at >= '0' && *at <= '9') {
        out->engines = number(&at);
        ok = out->engines > 0 && out->engines <= SIZE_MOST && *at++ == 'x';
    }
    do
        ok = ok && one_size(&at, out, &given);
    while (ok && *at && *at != ':' && *at != ',');
    while (ok && *at)
        ok = (*at == ':' || *at == ',') && (at++, one_limit(&at, out));
    return ok || hg_fail(err, HG_INPUT, where, "is '%.60s'; write engines and their shape like 2xtp4 or 1xtp8dp8ep64, with limits of "
                         "their own like 2xtp4:tokens=16384:seqs=64:chunked=yes", text);
}
