/* A promise's text: any bytes give limits or one line of error, and what was read reads again. */
#include "spec/slo.h"

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
    hg_slo slo, again;
    hg_err err;
    char *text = HG_NEW(&scratch, char, size + 1);
    memcpy(text, bytes, size);
    if (!hg_slo_parse(text, "--slo", &slo, &err)) {
        assert(err.code == HG_INPUT && err.msg[0] && !strchr(err.msg, '\n'));
        return 0;
    }
    assert(hg_slo_parse(hg_slo_text(&scratch, &slo), "--slo", &again, &err));
    assert(again.count == slo.count);
    return 0;
}
