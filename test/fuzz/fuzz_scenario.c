/* A YAML scenario from anywhere must be read or refused, never crash. */
#include "base/file.h"
#include "spec/scenario.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/* libfyaml 0.7 forgets the buffer of a quoted key that it refuses, and offers nothing that would give it
 * back: a few KiB of a process that ends with that refusal.  Our own leaks are still found. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hg_arena arena;
    hg_scenario s = { 0 };
    hg_err err;
    char path[64];
    if (!hg_arena_open(&arena, (size_t)1 << 28))
        return 0;
    snprintf(path, sizeof path, "/tmp/heng-fuzz-%ld.yaml", (long)getpid());
    if (hg_file_write(path, data, size, true, &err))
        hg_scenario_read(&arena, &s, "plan", path, &err);
    unlink(path);
    hg_arena_close(&arena);
    return 0;
}
