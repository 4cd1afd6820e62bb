/* A server's address: any text gives a host and a port, or one line that shows no user name. */
#include "live/url.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static hg_arena arena;
    if (!arena.base && !hg_arena_open(&arena, (size_t)1 << 30))
        abort();
    hg_arena scratch = arena;
    char *text = HG_NEW(&scratch, char, size + 1);
    memcpy(text, bytes, size);
    hg_url url;
    hg_err err;
    if (!hg_url_parse(&scratch, text, "--url", &url, &err)) {
        assert(err.code == HG_INPUT && err.msg[0] && !strchr(err.msg, '\n'));
        return 0;
    }
    assert(*url.host && *url.port && !strpbrk(url.authority, " \r\n@/") && !strpbrk(url.base, " \r\n"));
    assert(atoi(url.port) >= 1 && atoi(url.port) <= 65535);
    return 0;
}
