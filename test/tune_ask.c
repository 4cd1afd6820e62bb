#include "tune_ask.h"

#include "heng.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static void on_out(void *ctx, const char *text, size_t size)
{
    hg_buf_add(&((heard *)ctx)->out, text, size);
}

static void on_note(void *ctx, const char *line)
{
    hg_buf_printf(&((heard *)ctx)->notes, "%s\n", line);
}

static void on_fail(void *ctx, const char *where, const char *message)
{
    hg_buf_printf(&((heard *)ctx)->error, "%s %s", where, message);
}

heard tune_ask(hg_arena *arena, const char *const *words)
{
    heard h = { .out = { .arena = arena }, .notes = { .arena = arena }, .error = { .arena = arena } };
    heng_word list[TUNE_WORDS];
    size_t n = 0;
    for (size_t i = 0; words[i]; i += 2)
        list[n++] = (heng_word){ words[i], *words[i + 1] ? words[i + 1] : NULL, words[i] };
    heng_io io = { .ctx = &h, .out = on_out, .note = on_note, .fail = on_fail };
    hg_buf_puts(&h.out, "");
    hg_buf_puts(&h.notes, "");
    hg_buf_puts(&h.error, "");
    h.code = heng_ask("tune", list, n, &io);
    return h;
}

const char *tune_fake(hg_arena *arena, const char *more)
{
    return hg_textf(arena, "%s --life 300 --port {port} %s", HG_FAKE_SERVER, more);
}

finished tune_rows(hg_arena *arena, const char *store, const char *sql)
{
    finished f = { .count = 0 };
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    if (sqlite3_open_v2(store, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(db, 5000);
        if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK)
            while (sqlite3_step(st) == SQLITE_ROW && f.count < 400)
                f.rows[f.count++] = hg_strdup(arena, (const char *)sqlite3_column_text(st, 0));
    }
    sqlite3_finalize(st);
    sqlite3_close(db);
    return f;
}

const char *tune_heng(void)
{
    const char *path = getenv("HENG");
    return path ? path : "build/heng";
}
