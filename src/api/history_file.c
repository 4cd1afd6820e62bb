#include "api/history_file.h"

#include "base/sql.h"
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* BUSY_MS: a transaction takes milliseconds; who waits so long waits for something else. */
enum { APPLICATION = 0x4850414c, BUSY_MS = 10000 };

static const char *const versions[HG_HISTORY_VERSION] = { /* by version, from 1 */
#include "api/history_schema.def"
};

static const char another[] = "name another with --history";

bool hg_history_failed(sqlite3 *db, const char *path, hg_err *err)
{
    int code = sqlite3_errcode(db), cause = sqlite3_system_errno(db);
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        return hg_fail(err, HG_INPUT, path, code == SQLITE_NOTADB ? "is no history of heng plan; %s" : "is a damaged file; %s", another);
    if (code == SQLITE_ERROR) /* tables or columns that are not as this program made them */
        return hg_fail(err, HG_INPUT, path, "is no history of heng plan (%s); %s", sqlite3_errmsg(db), another);
    if (code == SQLITE_BUSY)
        return hg_fail(err, HG_WORLD, path, "is held by another program for more than %d s; end it, or %s", BUSY_MS / 1000, another);
    if (code == SQLITE_READONLY)
        return hg_fail(err, HG_WORLD, path, "may not be written; change its rights and its folder's, or %s", another);
    if (code == SQLITE_CANTOPEN)
        return hg_fail(err, HG_WORLD, path, "cannot be opened: %s; %s", cause ? strerror(cause) : "it or its folder may not be written", another);
    if (code == SQLITE_FULL || sqlite3_extended_errcode(db) == SQLITE_IOERR_WRITE)
        return hg_fail(err, HG_WORLD, path, "cannot be written: %s; the file is as it was",
                       code == SQLITE_FULL ? "the disk is full" : "a quota, a limit on file sizes or a broken disk");
    return hg_fail(err, HG_WORLD, path, "cannot be read or written: %s; the file is as it was", sqlite3_errmsg(db));
}

sqlite3_stmt *hg_history_bind(sqlite3 *db, const char *sql, const char *kinds, ...)
{
    va_list args;
    va_start(args, kinds);
    sqlite3_stmt *st = hg_sql_bind(db, sql, kinds, args);
    va_end(args);
    return st;
}

bool hg_history_done(sqlite3 *db, sqlite3_stmt *st, const char *path, hg_err *err)
{
    bool ok = (st && sqlite3_step(st) == SQLITE_DONE) || hg_history_failed(db, path, err);
    sqlite3_finalize(st);
    return ok;
}

bool hg_history_run(sqlite3 *db, const char *path, hg_err *err, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK || hg_history_failed(db, path, err);
}

static bool whole(sqlite3 *db, const char *path, const char *sql, int64_t *out, hg_err *err)
{
    sqlite3_stmt *st = hg_history_bind(db, sql, "");
    bool ok = (st && sqlite3_step(st) == SQLITE_ROW) || hg_history_failed(db, path, err);
    if (ok)
        *out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return ok;
}

/* What stands there is ours, or nothing does. */
static bool is_ours(sqlite3 *db, const char *path, int64_t *version, hg_err *err)
{
    int64_t application, tables;
    if (!whole(db, path, "PRAGMA application_id", &application, err) || !whole(db, path, "PRAGMA user_version", version, err) ||
        !whole(db, path, "SELECT count(*) FROM sqlite_master", &tables, err))
        return false;
    if (tables && application != APPLICATION)
        return hg_fail(err, HG_INPUT, path, "is another program's database; %s", another);
    return *version <= HG_HISTORY_VERSION ||
           hg_fail(err, HG_INPUT, path, "was written by a newer heng (version %lld of the history, this one knows %d); %s", (long long)*version,
                   HG_HISTORY_VERSION, another);
}

/* Within one transaction: of two planners that find no tables one makes them.  Its last step is a write in any case. */
static bool upgrade(sqlite3 *db, const char *path, hg_err *err)
{
    int64_t version;
    char sql[96];
    if (!is_ours(db, path, &version, err) || !hg_history_run(db, path, err, "BEGIN IMMEDIATE"))
        return false;
    bool ok = is_ours(db, path, &version, err);
    for (int64_t i = version; ok && i < HG_HISTORY_VERSION; i++)
        ok = hg_history_run(db, path, err, versions[i]);
    snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION, HG_HISTORY_VERSION);
    ok = ok && hg_history_run(db, path, err, sql);
    if (!ok)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return ok;
}

/* SQLite would take a pipe or a device for a file, some names for memory, and none for a file that goes. */
static bool is_file(const char *path, hg_err *err)
{
    struct stat at;
    if (!*path)
        return hg_fail(err, HG_INPUT, "--history", "names no file");
    return stat(path, &at) != 0 || S_ISREG(at.st_mode) || hg_fail(err, HG_INPUT, path, "is no file; %s", another);
}

sqlite3 *hg_history_open(hg_arena scratch, const char *path, hg_err *err)
{
    sqlite3 *db = NULL;
    if (!is_file(path, err))
        return NULL;
    const char *name = *path == '/' ? path : hg_textf(&scratch, "./%s", path);
    bool ok = sqlite3_open_v2(name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK || hg_history_failed(db, path, err);
    if (ok) {
        sqlite3_busy_timeout(db, BUSY_MS);
        ok = hg_history_run(db, path, err, "PRAGMA synchronous=FULL") && upgrade(db, path, err);
    }
    if (ok)
        return db;
    hg_history_close(db);
    return NULL;
}

void hg_history_close(sqlite3 *db)
{
    sqlite3_close(db);
}
