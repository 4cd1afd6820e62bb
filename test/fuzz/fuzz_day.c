/* A day's load: any bytes give rates in the order of time, which fill the day, or one line of error. */
#define _GNU_SOURCE
#include "spec/day.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const hg_day *day)
{
    double whole_s = 0, most = 0;
    assert(day->count >= 1 && day->count <= HG_DAY_ROWS);
    for (size_t i = 0; i < day->count; i++) {
        const hg_day_row *r = &day->rows[i];
        assert(r->time_s >= 0 && r->time_s < HG_DAY_S && r->rate_per_s >= 0 && isfinite(r->rate_per_s));
        assert(hg_day_row_s(day, i) > 0);
        whole_s += hg_day_row_s(day, i);
        most = fmax(most, r->rate_per_s);
    }
    assert(fabs(whole_s - HG_DAY_S) < 1e-3 && most > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static hg_arena arena;
    if (!arena.base && !hg_arena_open(&arena, (size_t)1 << 30))
        abort();
    hg_arena scratch = arena;
    char path[64];
    int fd = memfd_create("day", 0);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    hg_day day;
    hg_err err;
    if (hg_day_read(&scratch, path, &day, &err))
        check(&day);
    else
        assert(err.code == HG_INPUT && err.msg[0] && !strchr(err.msg, '\n'));
    close(fd);
    return 0;
}
