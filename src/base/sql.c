#include "base/sql.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

static void bind_real(sqlite3_stmt *st, int at, double v)
{
    if (isfinite(v))
        sqlite3_bind_double(st, at, v);
}

sqlite3_stmt *hg_sql_bind(sqlite3 *db, const char *sql, const char *kinds, va_list args)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        return NULL;
    for (int i = 0; kinds[i]; i++)
        if (kinds[i] == 't')
            sqlite3_bind_text(st, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
        else if (kinds[i] == 'i')
            sqlite3_bind_int64(st, i + 1, va_arg(args, int64_t));
        else
            bind_real(st, i + 1, va_arg(args, double));
    return st;
}
