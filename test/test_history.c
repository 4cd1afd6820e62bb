/* Earlier plans are a file and a help, never an answer: what they recommended is tried first, and the plan stays the same; a
 * planner that is killed while it writes leaves whole plans behind. */
#include "test.h"

#include "base/rng.h"
#include "api/history_file.h"
#include "api/plan_history.h"

#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { QUESTIONS = 4, TEXT = 1 << 20, KILLS = 12 };

/* Scores are taken at rates that are searched to 2 %; good requests near the edge move as much again. */
static const double PRECISION = 0.05;

/* Simulations are not more in sum, but for what a deployment that is given up at once does not show of others that equal it. */
static const double MORE = 0.05;

static char text[TEXT];
static size_t size;

static void take(void *ctx, const char *part, size_t n)
{
    (void)ctx;
    if (size + n < TEXT) {
        memcpy(text + size, part, n);
        size += n;
    }
}

typedef struct question {
    char isl[16], osl[16], slo[64], gpus[8];
    const char *mode;
} question;

/* history NULL: without. */
static json_t *planned(const question *q, const char *history)
{
    heng_word words[16] = { { "model", "Qwen/Qwen3-8B", NULL }, { "device", "h100_sxm", NULL }, { "total-gpus", q->gpus, NULL },
                            { "mode", q->mode, NULL },          { "isl", q->isl, NULL },        { "osl", q->osl, NULL },
                            { "slo", q->slo, NULL },            { "max-num-seqs", "32,64,128", NULL },
                            { "max-num-batched-tokens", "2048,8192", NULL },                    { "tp", "1,2", NULL }, { "pp", "1", NULL },
                            { "json", NULL, NULL },             { "threads", "2", NULL } };
    size_t count = 13;
    if (history)
        words[count++] = (heng_word){ "history", history, NULL };
    heng_io io = { .out = take };
    size = 0;
    int code = heng_ask("plan", words, count, &io);
    CHECKF(code == 0 || code == 3, "code %d", code);
    return json_loadb(text, size, 0, NULL);
}

static question draw(hg_rng *r)
{
    question q = { .mode = hg_rng_unit(r) < 0.5 ? "any" : "aggregated" };
    snprintf(q.isl, sizeof q.isl, "%d", 300 + (int)(hg_rng_unit(r) * 2500));
    snprintf(q.osl, sizeof q.osl, "%d", 30 + (int)(hg_rng_unit(r) * 150));
    snprintf(q.slo, sizeof q.slo, "ttft:p90<%dms,tpot:p90<%dms", 400 + (int)(hg_rng_unit(r) * 800), 10 + (int)(hg_rng_unit(r) * 20));
    snprintf(q.gpus, sizeof q.gpus, "%d", hg_rng_unit(r) < 0.5 ? 4 : 8);
    return q;
}

static int64_t whole(const json_t *plan, const char *key)
{
    return json_integer_value(json_object_get(plan, key));
}

static double score(const json_t *plan)
{
    return json_number_value(json_object_get(json_object_get(plan, "recommended"), "score"));
}

typedef struct counts {
    int64_t without, with, runs_without, runs_with, kept, hinted;
} counts;

static void compare(const question *q, const char *path, bool asked_before, counts *sum)
{
    json_t *alone = planned(q, NULL), *helped = planned(q, path);
    CHECKF(fabs(score(alone) - score(helped)) <= PRECISION * score(alone), "isl %s osl %s %s %s: %g, with history %g", q->isl, q->osl, q->slo, q->mode,
           score(alone), score(helped));
    CHECK(!json_object_get(alone, "from_history"));
    CHECKF(whole(helped, "considered") == whole(alone, "considered") &&
               whole(helped, "considered") == whole(helped, "pruned") + whole(helped, "alike") + whole(helped, "simulated") + (whole(alone, "considered") - whole(alone, "pruned") - whole(alone, "alike") - whole(alone, "simulated")),
           "isl %s osl %s %s %s: the counts do not add up", q->isl, q->osl, q->slo, q->mode);
    CHECKF(!asked_before || score(alone) == 0 || whole(helped, "from_history") >= 1, "isl %s osl %s %s: asked before, nothing was tried of it", q->isl, q->osl, q->slo);
    sum->without += whole(alone, "simulated");
    sum->with += whole(helped, "simulated");
    sum->runs_without += whole(alone, "runs");
    sum->runs_with += whole(helped, "runs");
    sum->hinted += whole(helped, "from_history");
    sum->kept += score(alone) > 0;
    json_decref(alone);
    json_decref(helped);
}

static void answers_stay(const char *path)
{
    hg_rng r = hg_rng_seed(7, 0);
    counts sum = { 0 };
    for (int i = 0; i < QUESTIONS; i++) {
        question q = draw(&r);
        compare(&q, path, false, &sum);
        compare(&q, path, true, &sum);
    }
    CHECKF((double)sum.runs_with <= (double)sum.runs_without * (1 + MORE), "%lld simulations with history, %lld without", (long long)sum.runs_with, (long long)sum.runs_without);
    CHECKF((double)sum.with <= (double)sum.without * (1 + MORE), "%lld deployments simulated with history, %lld without", (long long)sum.with, (long long)sum.without);
    CHECKF(sum.kept > QUESTIONS && sum.hinted >= sum.kept / 2, "%lld kept, %lld tried first", (long long)sum.kept, (long long)sum.hinted);
}

/* ---- the file ---- */

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st = hg_history_bind(db, sql, "");
    int64_t out = st && sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
    sqlite3_finalize(st);
    return out;
}

static hg_point pools(int64_t prefill, int64_t decode)
{
    hg_deployment d = { .tp = 1, .pp = 1, .dp = 1, .ep = 1, .replicas = decode, .precision_is_checkpoints = true, .kv_dtype = HG_FP8,
                        .max_num_seqs = 64, .max_num_batched_tokens = 2048 };
    hg_point p = { .deployment = d, .prefill = d, .score = 1 };
    p.prefill.replicas = prefill;
    return p;
}

typedef struct kept {
    hg_request request;
    hg_problem problem;
    hg_goal goal;
    hg_point top[2];
    hg_plan plan;
    hg_ask ask;
} kept;

static void make(hg_arena *arena, kept *k, const char *path)
{
    memset(k, 0, sizeof *k);
    k->request = (hg_request){ .isl = 1000, .osl = 100 };
    k->problem = (hg_problem){ .model = { .name = "m" }, .engine = { .name = "e", .version = "1" }, .rates = { .device = { .name = "d" } },
                               .workload = { .requests = &k->request, .count = 1 }, .slo = { { { HG_TTFT, 0.9, 1 } }, 1 } };
    k->goal = (hg_goal){ .problem = &k->problem, .total_devices = 8, .objectives = { .count = 1, .in_turn = true } };
    k->top[0] = pools(2, 6);
    k->top[1] = pools(0, 8);
    k->plan = (hg_plan){ .problem = &k->problem, .found = true, .top = k->top, .top_count = 2 };
    k->ask = (hg_ask){ .verb = "plan", .arena = arena, .s = { .history = { path, "--history" } } };
}

/* Says when each plan is kept, and is killed somewhere in the next one. */
static void keep_until_killed(kept *k, int out)
{
    hg_err err;
    while (hg_plan_keep(&k->ask, &k->goal, &k->plan, &err))
        if (write(out, "k", 1) != 1)
            break;
    _exit(1);
}

static void killed(kept *k, const char *path)
{
    int64_t known = 0;
    for (int i = 0; i < KILLS; i++) {
        int ends[2];
        char byte;
        CHECK(pipe(ends) == 0);
        pid_t child = fork();
        if (child == 0)
            keep_until_killed(k, ends[1]);
        close(ends[1]);
        for (int n = 0; n <= i % 3; n++)
            known += read(ends[0], &byte, 1) == 1;
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(ends[0], &byte, 1) == 1)
            known++;
        close(ends[0]);
        hg_err err;
        sqlite3 *db = hg_history_open(*k->ask.arena, path, &err);
        CHECKF(db != NULL, "after %d kills: %s %s", i + 1, err.where, err.msg);
        int64_t plans = number(db, "SELECT count(*) FROM plan");
        CHECKF(plans >= known && number(db, "SELECT count(*) FROM deployment") == 2 * plans && number(db, "SELECT count(*) FROM pool") == 3 * plans,
               "after %d kills: %lld plans, %lld were said to be kept", i + 1, (long long)plans, (long long)known);
        known = plans;
        hg_history_close(db);
    }
}

static void remembered(kept *k)
{
    hg_plan plan = { 0 };
    CHECK(hg_plan_recall(&k->ask, &k->goal, &plan) && plan.past_count == 1);
    CHECK(plan.past[0].own.replicas == 6 && plan.past[0].prefill.replicas == 2 && plan.past[0].own.kv_dtype == HG_FP8 && !plan.past[0].own.kv_is_auto &&
          plan.past[0].own.precision_is_checkpoints && plan.past[0].prefill.max_num_batched_tokens == 2048);
    /* Another device's plans, and those of questions too far from this one, say nothing. */
    k->problem.rates.device.name = "other";
    plan = (hg_plan){ 0 };
    CHECK(hg_plan_recall(&k->ask, &k->goal, &plan) && plan.past_count == 0);
    k->problem.rates.device.name = "d";
    k->request.isl = 100000;
    CHECK(hg_plan_recall(&k->ask, &k->goal, &plan) && plan.past_count == 0);
    k->request.isl = 1200;
    CHECK(hg_plan_recall(&k->ask, &k->goal, &plan) && plan.past_count == 1);
}

/* The nearest question's comes first. */
static void nearest(kept *k)
{
    hg_err err;
    hg_plan plan = { 0 };
    k->request.isl = 1300;
    k->top[0] = pools(4, 4);
    CHECK(hg_plan_keep(&k->ask, &k->goal, &k->plan, &err));
    k->request.isl = 1050;
    CHECK(hg_plan_recall(&k->ask, &k->goal, &plan) && plan.past_count == 2 && plan.past[0].own.replicas == 6 && plan.past[1].own.replicas == 4);
    k->request.isl = 1250;
    plan = (hg_plan){ 0 };
    CHECK(hg_plan_recall(&k->ask, &k->goal, &plan) && plan.past_count == 2 && plan.past[0].own.replicas == 4);
}

/* What somebody else wrote into it is no deployment. */
static void edited(kept *k, const char *path)
{
    hg_err err;
    hg_plan plan = { 0 };
    sqlite3 *db = hg_history_open(*k->ask.arena, path, &err);
    CHECK(hg_history_run(db, path, &err, "UPDATE pool SET tp = -3; UPDATE plan SET slo = 'nonsense', isl_mean = 'many' WHERE id % 2"));
    hg_history_close(db);
    CHECK(hg_plan_recall(&k->ask, &k->goal, &plan) && plan.past_count == 0);
    db = hg_history_open(*k->ask.arena, path, &err);
    CHECK(hg_history_run(db, path, &err, "PRAGMA user_version = 9"));
    hg_history_close(db);
    CHECK(!hg_plan_recall(&k->ask, &k->goal, &plan) && k->ask.err.code == HG_INPUT && strstr(k->ask.err.msg, "newer heng"));
    sqlite3_open(path, &db);
    CHECK(hg_history_run(db, path, &err, "PRAGMA application_id = 7"));
    hg_history_close(db);
    CHECK(!hg_plan_recall(&k->ask, &k->goal, &plan) && k->ask.err.code == HG_INPUT && strstr(k->ask.err.msg, "another program's"));
}

void test_history(void)
{
    hg_arena arena;
    char path[64];
    CHECK(hg_arena_open(&arena, 0));
    kept *k = HG_NEW(&arena, kept, 1);
    snprintf(path, sizeof path, "/tmp/heng-test-history-%ld.db", (long)getpid());
    unlink(path);
    make(&arena, k, path);
    killed(k, path);
    remembered(k);
    nearest(k);
    edited(k, path);
    unlink(path);
    answers_stay(path);
    unlink(path);
    hg_arena_close(&arena);
}
