/* A file of a user's own runs: any bytes give rows within their bounds or one line of error. */
#define _GNU_SOURCE
#include "fit/own_runs.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static hg_arena arena;
    if (!arena.base && !hg_arena_open(&arena, (size_t)1 << 30))
        abort();
    hg_arena scratch = arena;
    char path[64];
    int fd = memfd_create("own", 0);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    hg_serving_row *rows;
    size_t n;
    hg_err err;
    if (hg_own_rows(&scratch, path, &rows, &n, &err)) {
        for (size_t i = 0; i < n; i++) {
            assert(*rows[i].model && rows[i].isl > 0 && rows[i].osl > 0 && rows[i].concurrency > 0 && rows[i].tp >= 0);
            assert(!(rows[i].ttft_s <= 0) && !(rows[i].tpot_s <= 0));
            assert(!rows[i].own || (rows[i].own->requests_per_client <= 100 && rows[i].own->length_range <= 1));
        }
    } else {
        assert(err.code == HG_INPUT && err.msg[0] && !strchr(err.msg, '\n'));
    }
    close(fd);
    return 0;
}
