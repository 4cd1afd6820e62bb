/* Results of a benchmark: any bytes give figures or one line of error, whatever format they pretend to be. */
#define _GNU_SOURCE
#include "measure/results.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* libfyaml 0.7 forgets the buffer of a quoted key that it refuses; our own leaks are still found. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so\n";
}

static void check(const hg_results *all)
{
    assert(all->count > 0);
    for (size_t i = 0; i < all->count; i++) {
        const hg_bench_result *r = &all->all[i];
        assert(r->format && r->file && r->note_count <= HG_RESULT_NOTES);
        assert(!(r->of[HG_OF_TTFT].mean <= 0) && r->concurrency >= 0 && r->tp >= 0 && isfinite(r->rate_per_s));
        for (size_t k = 0; k < r->request_count; k++)
            assert(r->requests[k].osl >= 1 && r->requests[k].isl >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static hg_arena arena;
    if (!arena.base && !hg_arena_open(&arena, (size_t)1 << 34))
        abort();
    hg_arena scratch = arena;
    char path[64];
    int fd = memfd_create("results", 0);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    hg_results all;
    hg_err err;
    if (hg_results_read(&scratch, path, &all, &err))
        check(&all);
    else
        assert(err.code == HG_INPUT && err.msg[0] && !strchr(err.msg, '\n'));
    close(fd);
    return 0;
}
