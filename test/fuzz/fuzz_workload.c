/* A trace: any bytes give requests within their bounds or one line of error. */
#define _GNU_SOURCE
#include "spec/workload.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const hg_workload *w, hg_arena scratch)
{
    double last_s = 0;
    assert(w->count > 0);
    for (size_t i = 0; i < w->count; i++) {
        const hg_request *r = &w->requests[i];
        assert(r->isl >= 1 && r->isl <= HG_LENGTH_MAX && r->osl >= 1 && r->osl <= HG_LENGTH_MAX);
        assert(r->arrival_s >= last_s);
        last_s = r->arrival_s;
    }
    hg_workload_stats s = hg_workload_describe(scratch, w);
    assert(s.requests == w->count && s.infinite_hit_frac >= 0 && s.infinite_hit_frac <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static hg_arena arena;
    if (!arena.base && !hg_arena_open(&arena, (size_t)1 << 34))
        abort();
    hg_arena scratch = arena;
    char path[64];
    int fd = memfd_create("trace", 0);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    hg_workload w;
    hg_err err;
    if (hg_workload_read(&scratch, path, 0, &w, &err))
        check(&w, scratch);
    else
        assert(err.code == HG_INPUT && err.msg[0] && !strchr(err.msg, '\n'));
    close(fd);
    return 0;
}
