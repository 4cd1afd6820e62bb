/* A day's load: the table read, and what following it takes against its peak, which is counted here minute by minute. */
#include "test.h"

#include "base/rng.h"
#include "api/plan_day.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *written(hg_arena *arena, const char *text)
{
    char *path = HG_NEW(arena, char, 64);
    snprintf(path, 64, "/tmp/heng-test-day-%ld", (long)getpid());
    FILE *f = fopen(path, "wb");
    fwrite(text, 1, strlen(text), f);
    fclose(f);
    return path;
}

/* The rows as "time rate;", or behind '!' parts of the error, with '|' between. */
static void formats(hg_arena arena)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "hour,rate\n0,5\n7.5,20\n23,0\n", "0 5;27000 20;82800 0;" },
        { "time_s,rate\n30,5\n86399,2.5\n", "30 5;86399 2.5;" },
        { "note,rate,hour\nnight,1,2\n", "7200 1;" },
        { "hour,rate\r\n1,2\r\n", "3600 2;" },
        { "", "!is empty" },
        { "hour,rate\n", "!no rows behind its header" },
        { "hour,rate\n0,0\n5,0\n", "!no rate above 0" },
        { "hour,time_s,rate\n0,0,1\n", "!both hour and time_s" },
        { "hour,load\n0,1\n", "!no columns hour,rate|'hour,load'" },
        { "rate\n1\n", "!no columns hour,rate" },
        { "hour,rate\n5,1\n3,2\n", "!:3: hour|is 3, not after|order of time" },
        { "hour,rate\n5,1\n5,2\n", "!:3: hour|not after" },
        { "hour,rate\n24,1\n", "!:2: hour|is 24|next day" },
        { "hour,rate\n25,1\n", "!:2: hour|must lie in [0, 24]" },
        { "time_s,rate\n-1,1\n", "!:2: time_s|must lie in [0, 86400]" },
        { "hour,rate\n0,-1\n", "!:2: rate|must lie in" },
        { "hour,rate\n0,1e9\n", "!:2: rate|must lie in" },
        { "hour,rate\n0,nan\n", "!:2: rate|finite number" },
        { "hour,rate\n0,\n", "!:2: rate|finite number" },
        { "hour,rate\n0\n", "!:2|1 fields where the header has 2" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena scratch = arena;
        hg_buf b = { .arena = &scratch };
        hg_day day;
        hg_err err;
        const char *path = written(&scratch, rows[i].text);
        if (hg_day_read(&scratch, path, &day, &err)) {
            for (size_t k = 0; k < day.count; k++)
                hg_buf_printf(&b, "%g %g;", day.rows[k].time_s, day.rows[k].rate_per_s);
            CHECK_STR(b.s, rows[i].want);
            continue;
        }
        hg_buf_printf(&b, "%s %s", err.where, err.msg);
        CHECKF(rows[i].want[0] == '!' && err.code == HG_INPUT, "row %zu: %s", i, b.s);
        char *parts = hg_strdup(&scratch, rows[i].want + 1);
        for (char *part = strtok(parts, "|"); part; part = strtok(NULL, "|"))
            CHECKF(strstr(b.s, part) != NULL, "row %zu: '%s' lacks '%s'", i, b.s, part);
    }
}

static void too_long(hg_arena arena)
{
    hg_buf b = { .arena = &arena };
    hg_day day;
    hg_err err;
    hg_buf_puts(&b, "time_s,rate\n");
    for (int i = 0; i < HG_DAY_ROWS; i++)
        hg_buf_printf(&b, "%d,1\n", i);
    CHECK(hg_day_read(&arena, written(&arena, b.s), &day, &err) && day.count == HG_DAY_ROWS);
    hg_buf_puts(&b, "80000,1\n");
    CHECK(!hg_day_read(&arena, written(&arena, b.s), &day, &err) && strstr(err.msg, "one row too many"));
}

enum { RATES = 6, MINUTES = 1440 };

/* Rows at random minutes, each needing the replicas of a random rate or none. */
static void draw(hg_rng *r, hg_plan *p, size_t *places, hg_day_row *rows)
{
    p->day = (hg_day){ rows, 0 };
    for (int minute = (int)(hg_rng_unit(r) * 100); minute < MINUTES; minute += 1 + (int)(hg_rng_unit(r) * 400)) {
        size_t place = (size_t)(hg_rng_unit(r) * (RATES + 1));
        places[p->day.count] = place == RATES ? SIZE_MAX : place;
        rows[p->day.count++] = (hg_day_row){ 60.0 * minute, place == RATES ? 0 : p->rates[place].rate_per_s };
    }
    places[p->day.count - 1] = 0; /* some load comes */
}

static int64_t gpus_at(const hg_plan *p, const size_t *places, int minute, int64_t each)
{
    size_t row = p->day.count - 1;
    for (size_t i = 0; i < p->day.count && p->day.rows[i].time_s <= 60.0 * minute; i++)
        row = i;
    return places[row] == SIZE_MAX ? 0 : each * p->rates[places[row]].replicas;
}

static void sums(void)
{
    hg_rng r = hg_rng_seed(5, 0);
    hg_problem q = { .price_usd_per_s = 3.0 / 3600 };
    hg_point best = { .deployment = { .tp = 2, .pp = 1, .dp = 1, .ep = 1, .replicas = 4 } };
    hg_rate_row rates[RATES];
    hg_day_row rows[MINUTES];
    size_t places[MINUTES];
    hg_plan p = { .problem = &q, .found = true, .top = &best, .top_count = 1, .rates = rates, .rate_count = RATES, .day_rates = places };
    for (int i = 0; i < RATES; i++)
        rates[i] = (hg_rate_row){ .rate_per_s = 10 * (i + 1), .kept = true, .replicas = i + 1 + i / 3 };
    for (int round = 0; round < 100; round++) {
        int64_t gpu_minutes = 0, peak = 0;
        draw(&r, &p, places, rows);
        for (int minute = 0; minute < MINUTES; minute++) {
            int64_t gpus = gpus_at(&p, places, minute, 2);
            gpu_minutes += gpus;
            peak = gpus > peak ? gpus : peak;
        }
        hg_day_sum s = hg_day_sum_of(&p);
        CHECK_NEAR(s.gpu_hours, (double)gpu_minutes / 60, 1e-9);
        CHECK_NEAR(s.peak_gpu_hours, 24.0 * (double)peak, 1e-9);
        CHECKF(fabs(s.saved_frac - (1 - (double)gpu_minutes / (1440.0 * (double)peak))) < 1e-9, "saved %g", s.saved_frac);
        CHECK_NEAR(s.usd, (double)gpu_minutes / 60 * 3, 1e-9);
        CHECK_NEAR(s.peak_usd, 72.0 * (double)peak, 1e-9);
        CHECK(s.unkept == 0 && s.peak_devices == peak);
    }
    rates[0].kept = false;
    CHECK(hg_day_sum_of(&p).unkept > 0 && hg_day_sum_of(&p).gpu_hours == 0);
}

void test_day(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    formats(arena);
    too_long(arena);
    sums();
    CHECK_STR(hg_day_clock(&arena, 27000), "07:30");
    CHECK_STR(hg_day_clock(&arena, 86399.9), "23:59:59");
    unlink(written(&arena, ""));
    hg_arena_close(&arena);
}
