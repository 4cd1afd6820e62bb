/* HTML into a buffer: markup stands in the format, text in the arguments. */
#ifndef HG_API_HTML_H
#define HG_API_HTML_H

#include "explain/say.h"

#include <stddef.h>

/* As hg_buf_printf, but every %s is escaped for text and quoted attributes alike: nothing a user
 * wrote can become markup.  Takes %s (NULL: a dash), %d, %u with l, ll or z, %f, %g with flags and
 * precision, %%.  Markup already made goes in by hg_buf_puts. */
void hg_html(hg_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A sentence whose form is markup: what is filled in is escaped. */
void hg_html_say(hg_buf *b, hg_lang lang, hg_text text, ...);

/* Escapes &<>"'.  What is no UTF-8, control characters but tab and newline, and the marks that turn
 * the direction of writing show as U+FFFD: a command must read as it will run. */
void hg_html_text(hg_buf *b, const char *s);

/* Figures for readers, in the arena; "–" when not finite. */
const char *hg_html_number(hg_arena *arena,
                           double value); /* three digits, thousands apart: "1,284", "0.831" */
const char *hg_html_fixed(hg_arena *arena, double value, int decimals); /* thousands apart */
const char *hg_html_seconds(hg_arena *arena, double s);                 /* "12.3 ms" */
const char *hg_html_given(hg_arena *arena, double s); /* a time someone wrote: "40 ms", "1.5 s" */
const char *hg_html_percent(hg_arena *arena, double frac); /* "7.4%" */
const char *hg_html_gib(hg_arena *arena, double bytes);    /* "35.3 GiB" */

#endif
