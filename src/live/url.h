/* A server's address: http[s]://HOST[:PORT][/BASE]. */
#ifndef HG_LIVE_URL_H
#define HG_LIVE_URL_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>

typedef struct hg_url {
    bool tls;
    const char *host, *port;  /* port as text, the scheme's when the URL names none */
    const char *authority;    /* as the Host header says it */
    const char *base;         /* the path, without a slash at its end; "" when there is none */
} hg_url;

/* Without a scheme it is http.  Refuses user names, queries and fragments: an API key belongs in the
 * environment, and a query would be sent to a server that reads none. */
bool hg_url_parse(hg_arena *arena, const char *text, const char *where, hg_url *out, hg_err *err);

#endif
