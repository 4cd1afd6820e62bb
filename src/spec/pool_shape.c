#include "spec/pool_shape.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 65536 };

static const struct {
    const char *word;
    size_t member;
} sizes[] = {
    { "tp", offsetof(hg_pool_shape, tp) },
    { "pp", offsetof(hg_pool_shape, pp) },
    { "dp", offsetof(hg_pool_shape, dp) },
    { "ep", offsetof(hg_pool_shape, ep) },
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
        return n > 0;
    }
    return false;
}

bool hg_pool_shape_parse(const char *text, const char *where, hg_pool_shape *out, hg_err *err)
{
    const char *at = text;
    unsigned given = 0;
    bool ok = true;
    *out = (hg_pool_shape){ 1, 1, 1, 1, 1 };
    if (*at >= '0' && *at <= '9') {
        out->engines = number(&at);
        ok = out->engines > 0 && *at++ == 'x';
    }
    do
        ok = ok && one_size(&at, out, &given);
    while (ok && *at);
    return ok || hg_fail(err, HG_INPUT, where, "is '%.40s'; write engines and their shape like 2xtp4 or 1xtp8dp8ep64", text);
}
