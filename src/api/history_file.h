/* The file of earlier plans: SQLite, open for as long as one reading or one transaction takes, so that planners share it. */
#ifndef HG_API_HISTORY_FILE_H
#define HG_API_HISTORY_FILE_H

#include "base/arena.h"
#include "base/err.h"

#include <sqlite3.h>

enum { HG_HISTORY_VERSION = 1 };

/* Opens it, makes it where there is none, and writes: what cannot be written is known at once.  NULL: err. */
sqlite3 *hg_history_open(hg_arena scratch, const char *path, hg_err *err);
void hg_history_close(sqlite3 *db);

/* What the last call met, in one line.  Returns false. */
bool hg_history_failed(sqlite3 *db, const char *path, hg_err *err);

/* A statement with its parameters, by kinds: t text (NULL allowed), i int64_t, r double (not finite: NULL).  NULL: it failed. */
sqlite3_stmt *hg_history_bind(sqlite3 *db, const char *sql, const char *kinds, ...);

/* The same, run to its end. */
bool hg_history_run(sqlite3 *db, const char *path, hg_err *err, const char *sql);
bool hg_history_done(sqlite3 *db, sqlite3_stmt *st, const char *path, hg_err *err);

#endif
