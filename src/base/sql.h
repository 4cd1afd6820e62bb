/* SQLite statements with their parameters. */
#ifndef HG_BASE_SQL_H
#define HG_BASE_SQL_H

#include <sqlite3.h>
#include <stdarg.h>

/* A statement bound by kinds: t text (NULL allowed), i int64_t, r double (not finite: NULL).  NULL: it failed. */
sqlite3_stmt *hg_sql_bind(sqlite3 *db, const char *sql, const char *kinds, va_list args);

#endif
