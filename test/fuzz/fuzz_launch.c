/* A launch line or a config file from anywhere must be read or refused; what is read must be words,
 * and be judged. */
#include "base/data.h"
#include "engine/parse.h"
#include "explain/lint.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* libfyaml 0.7 forgets the buffer of a quoted key that it refuses (see fuzz_scenario.c). */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const engines[] = { NULL,     NULL,     "vllm",     "sglang",
                                           "trtllm", "mindie", "llamacpp", NULL };
    hg_arena arena;
    hg_launch_texts texts;
    hg_said_words w;
    hg_err err = { 0 };
    hg_data data = { NULL };
    if (size == 0 || !hg_arena_open(&arena, (size_t)1 << 30))
        return 0;
    char *text = malloc(size); /* without the engine's byte, ended by a zero */
    memcpy(text, bytes + 1, size - 1);
    text[size - 1] = 0;
    if (hg_launch_read(&arena, &data, "fuzz/launch", text, size - 1, engines[bytes[0] % 8], NULL,
                       &texts, &err)) {
        for (size_t i = 0; i < texts.count; i++) {
            hg_launch_words(&arena, &texts.list[i], &w);
            hg_engine e;
            hg_lint x = { .arena = &arena,
                          .launch = &texts.list[i],
                          .engine = &e,
                          .said = w,
                          .concurrency = 100,
                          .isl = 1000,
                          .osl = 100,
                          .d = { .tp = 1, .pp = 1, .dp = 1, .ep = 1, .replicas = 1 } };
            assert(hg_engine_find(&arena, &data, texts.list[i].knobs->engine, NULL, &e, &err));
            hg_said_apply(&w, &x.d);
            hg_lint_run(&x);
            for (size_t k = 0; k < x.count; k++)
                assert(*x.found[k].message && x.found[k].rule);
            assert(w.told_fraction >= 0 && w.told_fraction <= 1 && texts.list[i].servers > 0);
        }
    } else {
        assert(*err.msg && *err.where);
    }
    free(text);
    hg_arena_close(&arena);
    return 0;
}
