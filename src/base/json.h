/* JSON in (libjansson, with the place of an error) and out (a writer with stable number text). */
#ifndef HG_BASE_JSON_H
#define HG_BASE_JSON_H

#include "base/err.h"
#include "base/text.h"

#include <jansson.h>
#include <stdint.h>

/* The caller owns the result (json_decref).  NULL on failure; `name` is the place in messages.
 * Python's Infinity and NaN are read as 1e308 and −1e308, which no field takes. */
json_t *hg_json_parse(const char *text, size_t size, const char *name, hg_err *err);
/* Reads a whole file of at most 64 MB, .gz too. */
json_t *hg_json_file(const char *path, hg_err *err);

/* A JSON writer: commas and escapes are its business, nesting order is the caller's. */
typedef struct hg_json {
    hg_buf *out;
    bool comma; /* the next value or key needs one before it */
} hg_json;

void hg_json_key(hg_json *j, const char *key);
void hg_json_open(hg_json *j, char bracket);  /* '{' or '[' */
void hg_json_close(hg_json *j, char bracket); /* '}' or ']' */
void hg_json_str(hg_json *j, const char *value); /* NULL: null */
void hg_json_num(hg_json *j, double value);      /* nine digits; not finite: null */
void hg_json_int(hg_json *j, int64_t value);
void hg_json_bool(hg_json *j, bool value);
void hg_json_raw(hg_json *j, const char *text);  /* already JSON */

/* key and value in one call. */
void hg_json_key_str(hg_json *j, const char *key, const char *value);
void hg_json_key_num(hg_json *j, const char *key, double value);
void hg_json_key_int(hg_json *j, const char *key, int64_t value);
void hg_json_key_bool(hg_json *j, const char *key, bool value);

#endif
