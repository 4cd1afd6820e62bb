/* A pool's shape as people write it: any bytes give a pool whose numbers are in range or one line of error, and what was
 * read, written again, is read as the same pool. */
#include "base/arena.h"
#include "spec/pool_shape.h"

#include "base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char *written(hg_arena *arena, const hg_pool_shape *s)
{
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b, "%" PRId64 "xtp%" PRId64 "pp%" PRId64 "dp%" PRId64 "ep%" PRId64, s->engines, s->tp, s->pp, s->dp, s->ep);
    if (s->tokens)
        hg_buf_printf(&b, ":tokens=%" PRId64, s->tokens);
    if (s->seqs)
        hg_buf_printf(&b, ",seqs=%" PRId64, s->seqs);
    if (s->chunked_said)
        hg_buf_printf(&b, ":chunked=%s", s->chunked ? "yes" : "no");
    return b.s;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static hg_arena arena;
    if (!arena.base && !hg_arena_open(&arena, (size_t)1 << 30))
        abort();
    hg_arena scratch = arena;
    hg_pool_shape shape, again;
    hg_err err;
    char *text = HG_NEW(&scratch, char, size + 1);
    memcpy(text, bytes, size);
    if (!hg_pool_shape_parse(text, "--prefill", &shape, &err)) {
        assert(err.code == HG_INPUT && err.msg[0] && !strchr(err.msg, '\n'));
        return 0;
    }
    assert(shape.engines > 0 && shape.tp > 0 && shape.pp > 0 && shape.dp > 0 && shape.ep > 0);
    assert(shape.engines <= 65536 && shape.tp <= 65536 && shape.tokens >= 0 && shape.seqs >= 0);
    assert(hg_pool_shape_parse(written(&scratch, &shape), "--prefill", &again, &err));
    assert(again.engines == shape.engines && again.tp == shape.tp && again.pp == shape.pp && again.dp == shape.dp &&
           again.ep == shape.ep && again.tokens == shape.tokens && again.seqs == shape.seqs &&
           again.chunked_said == shape.chunked_said && again.chunked == shape.chunked);
    return 0;
}
