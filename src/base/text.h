/* Text: copies and formatted strings in an arena, a growing buffer, and "did you mean". */
#ifndef HG_BASE_TEXT_H
#define HG_BASE_TEXT_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

char *hg_strdup(hg_arena *arena, const char *s);
char *hg_strndup(hg_arena *arena, const char *s, size_t n);
char *hg_textf(hg_arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A number with so many significant figures, or all of its whole part: "1100", "34.1", "0.00312". */
char *hg_figures(hg_arena *arena, double value, int figures);
/* A table's cell: 100·frac with so many decimals, a sign before it where one is asked for, `unit` behind; "-" where it is no
 * number. */
char *hg_percent(hg_arena *arena, double frac, int decimals, bool sign, const char *unit);

/* A growing text; s is always terminated once anything was added. */
typedef struct hg_buf {
    hg_arena *arena;
    char *s;
    size_t n, capacity;
} hg_buf;

void hg_buf_add(hg_buf *b, const char *s, size_t n);
void hg_buf_puts(hg_buf *b, const char *s);
void hg_buf_printf(hg_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What is echoed: control bytes and broken UTF-8 become '?', in place. */
void hg_text_clean(char *s);

bool hg_starts(const char *s, const char *prefix);
bool hg_ends(const char *s, const char *suffix);
bool hg_same_nocase(const char *a, const char *b);

/* The name nearest to s by edit distance, or NULL when none is near enough to be a slip. */
const char *hg_nearest(const char *s, const char *const *names, size_t count);

/* … of at most so many edits: what is surely a slip. */
const char *hg_nearest_within(const char *s, const char *const *names, size_t count, size_t most);

/* The part of a path after its last slash. */
const char *hg_basename(const char *path);

#endif
