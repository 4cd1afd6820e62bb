#include "api/plan_history.h"

#include "api/history_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* KEPT: deployments of a plan.  SEEN: earlier questions that are compared, the newest. */
enum { KEPT = 5, SEEN = 4096 };

static const char *const loads[] = { [HG_LOAD_NONE] = "none", [HG_LOAD_RATE] = "rate", [HG_LOAD_REPLAY] = "replay", [HG_LOAD_CLOSED] = "closed" };

/* ---- how alike questions are ---- */

typedef struct asked {
    int64_t id;
    double isl, osl, load_value;
    int64_t total_devices;
    const char *load, *objective;
    hg_slo slo;
    double apart;
} asked;

static const char *model_of(const hg_problem *p)
{
    return p->model.id ? p->model.id : p->model.name;
}

static double load_value(const hg_workload *w)
{
    return w->load == HG_LOAD_RATE ? w->rate_per_s : w->load == HG_LOAD_CLOSED ? (double)w->concurrency : w->load == HG_LOAD_REPLAY ? w->speedup : NAN;
}

static asked asked_of(hg_arena *arena, const hg_goal *g)
{
    const hg_problem *p = g->problem;
    const hg_workload *w = &p->workload;
    asked q = { .load = loads[w->load], .load_value = load_value(w), .total_devices = g->total_devices,
                .objective = hg_objectives_text(arena, &g->objectives), .slo = p->slo };
    for (size_t i = 0; i < w->count; i++) {
        q.isl += w->requests[i].isl;
        q.osl += w->requests[i].osl;
    }
    q.isl /= (double)w->count;
    q.osl /= (double)w->count;
    return q;
}

/* Distances add up as factors do.  What has no ratio (another objective, a limit more) counts as a factor of four; behind a
 * factor of sixty-four in all an earlier answer says nothing. */
static const double OTHER = 1.3862943611198906, FAR = 4.1588830833596715;

static double ratio(double a, double b)
{
    return a > 0 && b > 0 && isfinite(a) && isfinite(b) ? fabs(log(a / b)) : a == b ? 0 : OTHER;
}

/* By the metric alone: its percentiles move an answer less than the limits do. */
static double apart_in_limits(const hg_slo *a, const hg_slo *b)
{
    double sum = 0;
    for (int i = 0; i < a->count; i++) {
        double least = OTHER;
        for (int k = 0; k < b->count; k++)
            if (a->limits[i].metric == b->limits[k].metric)
                least = fmin(least, ratio(a->limits[i].limit_s, b->limits[k].limit_s));
        sum += least;
    }
    return sum;
}

static double apart_in_load(const asked *a, const asked *b)
{
    return strcmp(a->load, b->load) != 0 ? OTHER : isfinite(a->load_value) ? ratio(a->load_value, b->load_value) : 0;
}

static double apart(const asked *a, const asked *b)
{
    return ratio(a->isl, b->isl) + ratio(a->osl, b->osl) + ratio((double)a->total_devices, (double)b->total_devices) + apart_in_load(a, b) +
           (strcmp(a->objective, b->objective) != 0 ? OTHER : 0) +
           0.5 * (apart_in_limits(&a->slo, &b->slo) + apart_in_limits(&b->slo, &a->slo));
}

/* ---- looking up ---- */

static const char *text(hg_arena *arena, sqlite3_stmt *st, int column)
{
    const char *s = (const char *)sqlite3_column_text(st, column);
    return s ? hg_strdup(arena, s) : "";
}

static asked read_asked(hg_arena *arena, sqlite3_stmt *st)
{
    hg_err ignored;
    asked q = { .id = sqlite3_column_int64(st, 0), .isl = sqlite3_column_double(st, 1), .osl = sqlite3_column_double(st, 2),
                .total_devices = sqlite3_column_int64(st, 3), .load = text(arena, st, 4), .load_value = sqlite3_column_double(st, 5),
                .objective = text(arena, st, 6) };
    const char *slo = text(arena, st, 7);
    if (*slo && !hg_slo_parse(slo, "slo", &q.slo, &ignored))
        q.slo.count = 0;
    return q;
}

static int nearest_first(const void *a, const void *b)
{
    const asked *x = a, *y = b;
    if (x->apart != y->apart)
        return x->apart < y->apart ? -1 : 1;
    return (x->id < y->id) - (x->id > y->id);
}

static bool read_alike(hg_ask *a, sqlite3 *db, const hg_goal *goal, asked **out, size_t *count)
{
    const hg_problem *p = goal->problem;
    asked now = asked_of(a->arena, goal);
    size_t capacity = 0;
    sqlite3_stmt *st = hg_history_bind(db, "SELECT id, isl_mean, osl_mean, total_gpus, load, load_value, objective, slo FROM plan "
                                           "WHERE model = ? AND device = ? AND engine = ? AND found = 1 ORDER BY id DESC LIMIT ?",
                                       "ttti", model_of(p), p->rates.device.name, p->engine.name, (int64_t)SEEN);
    int code = st ? SQLITE_ROW : SQLITE_ERROR;
    while (st && (code = sqlite3_step(st)) == SQLITE_ROW) {
        asked q = read_asked(a->arena, st);
        q.apart = apart(&now, &q);
        if (q.apart <= FAR)
            *HG_PUSH(a->arena, *out, *count, capacity) = q;
    }
    bool ok = code == SQLITE_DONE || hg_history_failed(db, a->s.history.s, &a->err);
    sqlite3_finalize(st);
    if (*count)
        qsort(*out, *count, sizeof **out, nearest_first);
    return ok;
}

static bool take_dtype(const char *word, const char *standard, hg_dtype *out, bool *is_standard)
{
    *is_standard = strcmp(word, standard) == 0;
    return *is_standard || hg_dtype_parse(word, out);
}

static bool read_pool(hg_arena *arena, sqlite3_stmt *st, hg_deployment *out)
{
    *out = (hg_deployment){ .replicas = sqlite3_column_int64(st, 2), .tp = sqlite3_column_int64(st, 3), .pp = sqlite3_column_int64(st, 4),
                            .dp = sqlite3_column_int64(st, 5), .ep = sqlite3_column_int64(st, 6),
                            .max_num_seqs = sqlite3_column_int64(st, 9), .max_num_batched_tokens = sqlite3_column_int64(st, 10),
                            .draft_tokens = sqlite3_column_double(st, 11) };
    enum { MOST = 1 << 20 };
    return out->replicas >= 1 && out->replicas <= MOST && out->tp >= 1 && out->tp <= MOST && out->pp >= 1 && out->pp <= MOST && out->dp >= 1 &&
           out->dp <= MOST && take_dtype(text(arena, st, 7), "checkpoint", &out->precision, &out->precision_is_checkpoints) &&
           take_dtype(text(arena, st, 8), "auto", &out->kv_dtype, &out->kv_is_auto);
}

static bool pool_is(const hg_deployment *a, const hg_deployment *b)
{
    return a->replicas == b->replicas && a->tp == b->tp && a->pp == b->pp && a->dp == b->dp && a->ep == b->ep && a->precision == b->precision &&
           a->precision_is_checkpoints == b->precision_is_checkpoints && a->kv_dtype == b->kv_dtype && a->kv_is_auto == b->kv_is_auto &&
           a->max_num_seqs == b->max_num_seqs && a->max_num_batched_tokens == b->max_num_batched_tokens && a->draft_tokens == b->draft_tokens;
}

static void add(hg_past *list, size_t *count, const hg_past *past)
{
    if (past->own.replicas == 0)
        return;
    for (size_t i = 0; i < *count; i++)
        if (pool_is(&list[i].own, &past->own) && pool_is(&list[i].prefill, &past->prefill))
            return;
    list[(*count)++] = *past;
}

/* A plan's deployments by rank; a row that no plan could have written leaves its deployment out. */
static bool read_deployments(hg_ask *a, sqlite3 *db, int64_t id, hg_past *list, size_t *count)
{
    sqlite3_stmt *st = hg_history_bind(db, "SELECT rank, kind, replicas, tp, pp, dp, ep, precision, kv_dtype, max_num_seqs, max_num_batched_tokens, "
                                           "draft_tokens FROM pool WHERE plan = ? AND rank = 1 ORDER BY rank, kind", "i", id);
    hg_past past = { 0 };
    int64_t rank = -1;
    int code = st ? SQLITE_DONE : SQLITE_ERROR;
    while (st && *count < HG_PAST_MOST && (code = sqlite3_step(st)) == SQLITE_ROW) {
        if (sqlite3_column_int64(st, 0) != rank) {
            add(list, count, &past);
            past = (hg_past){ 0 };
            rank = sqlite3_column_int64(st, 0);
        }
        hg_deployment *pool = strcmp(text(a->arena, st, 1), "prefill") == 0 ? &past.prefill : &past.own;
        if (!read_pool(a->arena, st, pool))
            *pool = (hg_deployment){ 0 };
    }
    bool ok = code == SQLITE_DONE || *count == HG_PAST_MOST || hg_history_failed(db, a->s.history.s, &a->err);
    sqlite3_finalize(st);
    if (*count < HG_PAST_MOST)
        add(list, count, &past);
    return ok;
}

static bool recall(hg_ask *a, sqlite3 *db, const hg_goal *goal, hg_plan *out)
{
    asked *alike = NULL;
    size_t count = 0;
    hg_past *past = HG_NEW(a->arena, hg_past, HG_PAST_MOST + 1);
    if (!read_alike(a, db, goal, &alike, &count))
        return false;
    for (size_t i = 0; i < count && out->past_count < HG_PAST_MOST; i++)
        if (!read_deployments(a, db, alike[i].id, past, &out->past_count))
            return false;
    out->past = past;
    return true;
}

bool hg_plan_recall(hg_ask *a, const hg_goal *goal, hg_plan *out)
{
    if (!a->s.history.s)
        return true;
    sqlite3 *db = hg_history_open(*a->arena, a->s.history.s, &a->err);
    bool ok = db && recall(a, db, goal, out);
    hg_history_close(db);
    return ok;
}

/* ---- keeping ---- */

/* The question as it was asked, but for where its answer goes. */
static const char *words(hg_ask *a)
{
    hg_buf b = { .arena = a->arena };
    hg_json j = { .out = &b };
    hg_json_open(&j, '{');
    for (int i = 0; i < hg_word_count; i++) {
        const hg_word *w = &hg_word_table[i];
        if (w->kind != HG_WORD_SECTION && !hg_word_serves(w, "version") && strcmp(w->name, "history") != 0 && hg_word_given(&a->s, w))
            hg_json_key_str(&j, w->name, hg_word_value(a->arena, &a->s, w));
    }
    hg_json_close(&j, '}');
    return b.s;
}

static double now_unix_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool keep_question(hg_ask *a, sqlite3 *db, const hg_goal *goal, const hg_plan *p, hg_err *err)
{
    const hg_problem *q = goal->problem;
    asked now = asked_of(a->arena, goal);
    sqlite3_stmt *st = hg_history_bind(
        db, "INSERT INTO plan(at_unix_s, heng, model, device, engine, engine_version, objective, slo, isl_mean, osl_mean, total_gpus, load, "
            "load_value, words, found, considered, simulated, from_history) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        "rtttttttrritrtiiii", now_unix_s(), HENG_VERSION, model_of(q), q->rates.device.name, q->engine.name,
        q->rates.version ? q->rates.version : q->engine.version, now.objective, hg_slo_text(a->arena, &now.slo), now.isl, now.osl,
        now.total_devices, now.load, now.load_value, words(a), (int64_t)p->found, (int64_t)p->considered, (int64_t)p->simulated,
        (int64_t)p->from_history);
    return hg_history_done(db, st, a->s.history.s, err);
}

static bool keep_pool(hg_ask *a, sqlite3 *db, int64_t id, int64_t rank, const char *kind, const hg_deployment *d, hg_err *err)
{
    sqlite3_stmt *st = hg_history_bind(db, "INSERT INTO pool VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)", "iitiiiiittiir", id, rank, kind, d->replicas,
                                       d->tp, d->pp, d->dp, d->ep, d->precision_is_checkpoints ? "checkpoint" : hg_dtype_table[d->precision].name,
                                       d->kv_is_auto ? "auto" : hg_dtype_table[d->kv_dtype].name, d->max_num_seqs, d->max_num_batched_tokens,
                                       d->draft_tokens);
    return hg_history_done(db, st, a->s.history.s, err);
}

static bool keep_point(hg_ask *a, sqlite3 *db, int64_t id, int64_t rank, const hg_point *at, hg_err *err)
{
    const hg_metrics *m = &at->metrics;
    const hg_summary *of = m->sim.latency;
    sqlite3_stmt *st = hg_history_bind(db, "INSERT INTO deployment VALUES(?,?,?,?,?,?,?,?,?,?,?)", "iirrrrrrrrr", id, rank, at->score, m->rate_per_s,
                                       m->goodput_per_device, m->sim.attained_frac, m->tokens_per_s_per_device, m->tokens_per_s_per_user,
                                       of[HG_TTFT].p90, of[HG_TPOT].p90, of[HG_E2E].p90);
    bool pools = at->prefill.replicas > 0;
    return hg_history_done(db, st, a->s.history.s, err) && keep_pool(a, db, id, rank, pools ? "decode" : "both", &at->deployment, err) &&
           (!pools || keep_pool(a, db, id, rank, "prefill", &at->prefill, err));
}

static bool keep(hg_ask *a, sqlite3 *db, const hg_goal *goal, const hg_plan *p, hg_err *err)
{
    const char *path = a->s.history.s;
    bool ok = hg_history_run(db, path, err, "BEGIN IMMEDIATE") && keep_question(a, db, goal, p, err);
    int64_t id = sqlite3_last_insert_rowid(db);
    for (size_t i = 0; ok && p->found && i < p->top_count && i < KEPT; i++)
        ok = keep_point(a, db, id, (int64_t)i + 1, &p->top[i], err);
    ok = ok && hg_history_run(db, path, err, "COMMIT");
    if (!ok)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return ok;
}

bool hg_plan_keep(hg_ask *a, const hg_goal *goal, const hg_plan *p, hg_err *err)
{
    if (!a->s.history.s || p->interrupted)
        return true;
    sqlite3 *db = hg_history_open(*a->arena, a->s.history.s, err);
    bool ok = db && keep(a, db, goal, p, err);
    hg_history_close(db);
    return ok;
}
