/* The words of --why-not: any bytes change words of the deployment, or give one line of error and change nothing. */
#include "spec/scenario.h"

#include "base/text.h"

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
    hg_scenario *s = HG_NEW(&scratch, hg_scenario, 1), *before = HG_NEW(&scratch, hg_scenario, 1);
    hg_err err;
    char *text = HG_NEW(&scratch, char, size + 1);
    memcpy(text, bytes, size);
    bool ok = hg_scenario_words(&scratch, s, "explain", "The deployment", text, "--why-not", &err);
    if (!ok)
        assert(err.code == HG_INPUT && err.msg[0] && !strchr(err.msg, '\n') && memcmp(s, before, sizeof *s) == 0);
    assert(!s->model.s && !s->rate.given && !s->json.given);
    return 0;
}
