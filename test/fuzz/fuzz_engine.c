/* What clients of the test engine send: heads of requests, and bodies of both endpoints. */
#include "../../engine/http_parse.c"
#include "../../engine/request.c"

#include <assert.h>

static void body(const char *text, size_t size, bool chat)
{
    request_limits l = { .vocabulary = 512, .context = 256 };
    request r;
    char why[128] = "";
    if (!request_read(text, size, chat, &l, &r, why, sizeof why)) {
        assert(*why && !r.prompt);
        return;
    }
    assert(r.prompt_tokens > 0 && r.max_tokens > 0 && r.prompt_tokens + r.max_tokens <= l.context);
    for (int i = 0; i < r.prompt_tokens; i++)
        assert(r.prompt[i] >= 0 && r.prompt[i] < l.vocabulary);
    request_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    http_request r;
    http_state s = http_parse((const char *)data, size, &r);
    assert(s != HTTP_BAD || r.status >= 400);
    assert(s != HTTP_WHOLE || r.head_size + r.body_size <= size);
    if (s == HTTP_WHOLE)
        body((const char *)data + r.head_size, r.body_size, strcmp(r.path, "/v1/chat/completions") == 0);
    body((const char *)data, size, false);
    body((const char *)data, size, true);
    return 0;
}
