#include "tune/store.h"

#include "base/sql.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { APPLICATION = 0x48454e47 /* "HENG" */, BUSY_MS = 2000, FIGURES_AT = 8 /* of a trial's row */ };

struct hg_store {
    sqlite3 *db;
    const char *path;
    int lock;
};

static const char *const versions[] = { /* by version, from 1 */
#include "tune/schema.def"
};

static double now_unix_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool failed(const hg_store *s, hg_err *err)
{
    int code = sqlite3_errcode(s->db);
    if (code == SQLITE_NOTADB)
        return hg_fail(err, HG_INPUT, s->path, "is no store of heng tune; name another with --store");
    if (code == SQLITE_FULL)
        return hg_fail(err, HG_WORLD, s->path, "cannot be written: the disk is full; what was finished is kept: make room, then --resume");
    if (sqlite3_extended_errcode(s->db) == SQLITE_IOERR_WRITE) /* a quota or a limit on files; SQLite does not say which */
        return hg_fail(err, HG_WORLD, s->path, "cannot be written: a quota, a limit on file sizes or a broken disk; what was finished is kept: mend it, "
                       "then --resume");
    return hg_fail(err, HG_WORLD, s->path, "cannot be read or written: %s; what was finished is kept, --resume goes on", sqlite3_errmsg(s->db));
}

static bool run(hg_store *s, hg_err *err, const char *sql, const char *kinds, ...)
{
    va_list args;
    va_start(args, kinds);
    sqlite3_stmt *st = hg_sql_bind(s->db, sql, kinds, args);
    va_end(args);
    bool ok = st && sqlite3_step(st) == SQLITE_DONE;
    if (!ok)
        failed(s, err);
    sqlite3_finalize(st);
    return ok;
}

static bool exec(hg_store *s, const char *sql, hg_err *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || failed(s, err);
}

static bool whole(hg_store *s, const char *sql, int64_t *out, hg_err *err)
{
    sqlite3_stmt *st = NULL;
    bool ok = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW;
    if (ok)
        *out = sqlite3_column_int64(st, 0);
    else
        failed(s, err);
    sqlite3_finalize(st);
    return ok;
}

/* A tuner that was killed while it forked leaves a child that holds the lock until its exec: a moment's patience tells it
 * from one that lives. */
static bool lock_soon(int fd)
{
    enum { PAUSE_MS = 10 };
    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += PAUSE_MS) {
        if (errno != EWOULDBLOCK || waited_ms >= BUSY_MS)
            return false;
        nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000L }, NULL);
    }
    return true;
}

static bool take_lock(hg_arena scratch, hg_store *s, hg_err *err)
{
    const char *path = hg_textf(&scratch, "%s.lock", s->path);
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (s->lock < 0)
        return hg_fail(err, HG_WORLD, path, "cannot be written: %s", strerror(errno));
    return lock_soon(s->lock) ||
           hg_fail(err, HG_WORLD, s->path, "is in use by another heng tune; let it end, or name another with --store");
}

/* What stands there is ours, or nothing does; then the tables are made, all or none. */
static bool upgrade(hg_store *s, hg_err *err)
{
    int64_t application, version, tables;
    if (!whole(s, "PRAGMA application_id", &application, err) || !whole(s, "PRAGMA user_version", &version, err) ||
        !whole(s, "SELECT count(*) FROM sqlite_master", &tables, err))
        return false;
    if (tables && application != APPLICATION)
        return hg_fail(err, HG_INPUT, s->path, "is another program's database; name another with --store");
    if (version > HG_STORE_VERSION)
        return hg_fail(err, HG_INPUT, s->path, "was written by a newer heng (version %lld of the store, this one knows %d)", (long long)version,
                       HG_STORE_VERSION);
    if (!exec(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", err))
        return false;
    if (version == HG_STORE_VERSION)
        return true;
    if (!exec(s, "BEGIN IMMEDIATE", err))
        return false;
    bool ok = true;
    for (size_t i = (size_t)version; ok && i < HG_STORE_VERSION; i++)
        ok = exec(s, versions[i], err);
    char sql[96];
    snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION, HG_STORE_VERSION);
    ok = ok && exec(s, sql, err);
    if (!ok)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return ok;
}

hg_store *hg_store_open(hg_arena *arena, const char *path, bool *fresh, hg_err *err)
{
    hg_store *s = HG_NEW(arena, hg_store, 1);
    *s = (hg_store){ .path = hg_strdup(arena, path), .lock = -1 };
    int64_t asked = 0;
    bool ok = take_lock(*arena, s, err);
    if (ok && sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        ok = failed(s, err);
    if (ok) {
        sqlite3_busy_timeout(s->db, BUSY_MS);
        ok = upgrade(s, err) && whole(s, "SELECT count(*) FROM question", &asked, err);
    }
    *fresh = asked == 0;
    if (ok)
        return s;
    hg_store_close(s);
    return NULL;
}

void hg_store_close(hg_store *s)
{
    if (!s)
        return;
    sqlite3_close(s->db);
    if (s->lock >= 0)
        close(s->lock);
    *s = (hg_store){ .lock = -1 };
}

bool hg_store_ask(hg_store *s, const char *const (*rows)[2], size_t count, hg_err *err)
{
    bool ok = exec(s, "BEGIN IMMEDIATE", err);
    for (size_t i = 0; ok && i < count; i++)
        ok = run(s, err, "INSERT OR REPLACE INTO question VALUES(?, ?)", "tt", rows[i][0], rows[i][1] ? rows[i][1] : "");
    ok = ok && exec(s, "COMMIT", err);
    if (!ok)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return ok;
}

bool hg_store_clear(hg_store *s, hg_err *err)
{
    return exec(s, "BEGIN IMMEDIATE; DELETE FROM question; DELETE FROM trial; DELETE FROM phase; DELETE FROM server; DELETE FROM event; COMMIT",
                err);
}

static const char *column_text(hg_arena *arena, sqlite3_stmt *st, int i)
{
    const char *text = (const char *)sqlite3_column_text(st, i);
    return text ? hg_strdup(arena, text) : NULL;
}

const char *hg_store_asked(hg_store *s, hg_arena *arena, const char *key, hg_err *err)
{
    sqlite3_stmt *st = NULL;
    const char *found = NULL;
    *err = (hg_err){ .code = HG_DONE };
    if (sqlite3_prepare_v2(s->db, "SELECT value FROM question WHERE key = ?", -1, &st, NULL) != SQLITE_OK)
        return failed(s, err), NULL;
    sqlite3_bind_text(st, 1, key, -1, SQLITE_TRANSIENT);
    if (sqlite3_step(st) == SQLITE_ROW)
        found = column_text(arena, st, 0);
    sqlite3_finalize(st);
    return found;
}

bool hg_store_begin(hg_store *s, hg_trial *t, const char *point, hg_err *err)
{
    t->begun_unix_s = now_unix_s();
    t->finished = false;
    if (!run(s, err, "INSERT INTO trial(point, role, begun_unix_s, log) VALUES(?, ?, ?, ?)", "ttrt", point, hg_role_words[t->role],
             t->begun_unix_s, t->log))
        return false;
    t->id = sqlite3_last_insert_rowid(s->db);
    return true;
}

bool hg_store_phase(hg_store *s, int64_t trial, const char *name, hg_err *err)
{
    double now = now_unix_s();
    return run(s, err, "UPDATE phase SET finished_unix_s = ? WHERE trial = ? AND finished_unix_s IS NULL", "ri", now, trial) &&
           (!name || run(s, err, "INSERT INTO phase VALUES(?, ?, ?, NULL)", "itr", trial, name, now));
}

bool hg_store_finish(hg_store *s, hg_trial *t, hg_err *err)
{
    static const char sql[] = "UPDATE trial SET finished_unix_s = ?, outcome = ?, why = ?, log = ?"
#define FIGURE(name) ", " #name " = ?"
#include "tune/figures.def"
#undef FIGURE
                              " WHERE id = ?";
    double now = now_unix_s();
    t->took_s = now - t->begun_unix_s;
    t->finished = run(s, err, sql, "rttt"
#define FIGURE(name) "r"
#include "tune/figures.def"
#undef FIGURE
                      "i", now, hg_outcome_words[t->outcome], t->why, t->log,
#define FIGURE(name) t->name,
#include "tune/figures.def"
#undef FIGURE
                      t->id);
    return t->finished;
}

static int word_of(const char *const *words, int count, const char *text)
{
    for (int i = 0; text && i < count; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return 0;
}

static double number(sqlite3_stmt *st, int i)
{
    return sqlite3_column_type(st, i) == SQLITE_NULL ? NAN : sqlite3_column_double(st, i);
}

static void read_trial(hg_arena *arena, sqlite3_stmt *st, hg_stored *out)
{
    hg_trial *t = &out->trial;
    *t = (hg_trial){ .id = sqlite3_column_int64(st, 0), .begun_unix_s = sqlite3_column_double(st, 3),
                     .finished = sqlite3_column_type(st, 4) != SQLITE_NULL };
    out->point = column_text(arena, st, 1);
    t->role = (hg_trial_role)word_of(hg_role_words, HG_ROLES, (const char *)sqlite3_column_text(st, 2));
    t->outcome = (hg_outcome)word_of(hg_outcome_words, HG_OUTCOMES, (const char *)sqlite3_column_text(st, 5));
    t->why = column_text(arena, st, 6);
    t->log = column_text(arena, st, 7);
    t->took_s = t->finished ? sqlite3_column_double(st, 4) - t->begun_unix_s : NAN;
    for (int i = 0; i < HG_TRIAL_FIGURES; i++)
        *hg_trial_figure(t, i) = number(st, FIGURES_AT + i);
}

bool hg_store_trials(hg_store *s, hg_arena *arena, hg_stored **out, size_t *count, hg_err *err)
{
    static const char sql[] = "SELECT id, point, role, begun_unix_s, finished_unix_s, outcome, why, log"
#define FIGURE(name) ", " #name
#include "tune/figures.def"
#undef FIGURE
                              " FROM trial ORDER BY id";
    sqlite3_stmt *st = NULL;
    size_t capacity = 0;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    *out = NULL;
    *count = 0;
    while (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW) {
        read_trial(arena, st, HG_PUSH(arena, *out, *count, capacity));
        code = SQLITE_OK;
    }
    if (code != SQLITE_DONE)
        failed(s, err);
    sqlite3_finalize(st);
    return code == SQLITE_DONE;
}

bool hg_store_close_lost(hg_store *s, size_t *count, hg_err *err)
{
    if (!run(s, err, "UPDATE trial SET finished_unix_s = begun_unix_s, outcome = ?, why = ? WHERE finished_unix_s IS NULL", "tt",
             hg_outcome_words[HG_TRIAL_LOST], hg_outcome_meanings[HG_TRIAL_LOST]))
        return false;
    *count = (size_t)sqlite3_changes(s->db);
    return true;
}

bool hg_store_server(hg_store *s, const hg_process_id *id, hg_err *err)
{
    return run(s, err, "INSERT INTO server(pid, start_ticks, boot, token) VALUES(?, ?, ?, ?)", "iitt", id->pid, id->start_ticks, id->boot, id->token);
}

bool hg_store_server_ended(hg_store *s, const char *token, hg_err *err)
{
    return run(s, err, "UPDATE server SET ended = 1 WHERE token = ?", "t", token);
}

bool hg_store_servers_left(hg_store *s, hg_arena *arena, hg_process_id **out, size_t *count, hg_err *err)
{
    sqlite3_stmt *st = NULL;
    size_t capacity = 0;
    int code = sqlite3_prepare_v2(s->db, "SELECT pid, start_ticks, boot, token FROM server WHERE ended = 0", -1, &st, NULL);
    *out = NULL;
    *count = 0;
    while (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW) {
        hg_process_id *id = HG_PUSH(arena, *out, *count, capacity);
        *id = (hg_process_id){ .pid = sqlite3_column_int64(st, 0), .start_ticks = sqlite3_column_int64(st, 1) };
        snprintf(id->boot, sizeof id->boot, "%s", (const char *)sqlite3_column_text(st, 2));
        snprintf(id->token, sizeof id->token, "%s", (const char *)sqlite3_column_text(st, 3));
        code = SQLITE_OK;
    }
    if (code != SQLITE_DONE)
        failed(s, err);
    sqlite3_finalize(st);
    return code == SQLITE_DONE;
}

bool hg_store_event(hg_store *s, const char *kind, const char *text, hg_err *err)
{
    return run(s, err, "INSERT INTO event(at_unix_s, kind, text) VALUES(?, ?, ?)", "rtt", now_unix_s(), kind, text);
}
