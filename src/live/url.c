#include "live/url.h"

#include "base/num.h"
#include "base/text.h"

#include <string.h>

static bool bad(const char *text, const char *where, const char *why, hg_err *err)
{
    return hg_fail(err, HG_INPUT, where, "'%.150s' %s; write it like http://127.0.0.1:8000", text, why);
}

/* Printable ASCII without spaces: what goes into a request line unchanged. */
static bool plain(const char *s)
{
    for (; *s; s++)
        if (*s <= ' ' || *s > '~' || *s == '"' || *s == '\\')
            return false;
    return true;
}

/* "[::1]:8000", "host:8000", "host". */
static bool split_authority(hg_arena *arena, const char *authority, hg_url *out)
{
    bool bracket = authority[0] == '[';
    const char *end = bracket ? strchr(authority, ']') : strchr(authority, ':');
    if (bracket && !end)
        return false;
    const char *host = authority + bracket, *rest = end ? end + bracket : "";
    size_t n = end ? (size_t)(end - host) : strlen(host);
    int64_t port;
    out->host = hg_strndup(arena, host, n);
    out->port = *rest ? rest + 1 : out->tls ? "443" : "80";
    return n > 0 && (!*rest || (*rest == ':' && hg_parse_i64(rest + 1, &port) && port >= 1 && port <= 65535));
}

bool hg_url_parse(hg_arena *arena, const char *text, const char *where, hg_url *out, hg_err *err)
{
    *out = (hg_url){ 0 };
    const char *rest = strstr(text, "://");
    if (rest && !hg_starts(text, "http://") && !hg_starts(text, "https://"))
        return bad(text, where, "is neither http nor https", err);
    out->tls = hg_starts(text, "https://");
    rest = rest ? rest + 3 : text;
    if (!plain(text) || strchr(rest, '@'))
        return hg_fail(err, HG_INPUT, where, "holds a user name or characters no URL has; a key is read from the "
                       "environment, see --api-key-env");
    if (strpbrk(rest, "?#"))
        return bad(text, where, "has a query or a fragment", err);
    size_t n = strcspn(rest, "/");
    out->authority = hg_strndup(arena, rest, n);
    if (!split_authority(arena, out->authority, out))
        return bad(text, where, "names no host and port", err);
    char *base = hg_strdup(arena, rest + n);
    for (size_t k = strlen(base); k > 0 && base[k - 1] == '/'; k--)
        base[k - 1] = 0;
    out->base = base;
    return true;
}
