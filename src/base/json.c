#include "base/json.h"

#include "base/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 64000000 };

/* Numbers that Python writes and JSON has no word for. */
static const struct {
    const char *python, *json;
} words[] = { { "-Infinity", "-1e308" }, { "Infinity", "1e308" }, { "NaN", "-1e308" } };

/* Copies one word's JSON to *to and returns the word's length, or 0 when none stands at `from`. */
static size_t replace_word(const char *from, size_t left, char **to)
{
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
        size_t n = strlen(words[w].python);
        if (n > left || memcmp(from, words[w].python, n) != 0)
            continue;
        *to = stpcpy(*to, words[w].json);
        return n;
    }
    return 0;
}

/* No word grows to more than twice its length.  Parses again with such words outside texts replaced. */
static json_t *parse_python(const char *text, size_t size, json_error_t *at)
{
    char *plain = malloc(2 * size + 8), *to = plain;
    if (!plain)
        return NULL;
    bool quoted = false;
    for (size_t i = 0; i < size;) {
        size_t n = quoted ? 0 : replace_word(text + i, size - i, &to);
        if (n) {
            i += n;
            continue;
        }
        if (text[i] == '"')
            quoted = !quoted;
        else if (quoted && text[i] == '\\' && i + 1 < size)
            *to++ = text[i++];
        *to++ = text[i++];
    }
    json_t *root = json_loadb(plain, (size_t)(to - plain), JSON_REJECT_DUPLICATES, at);
    free(plain);
    return root;
}

json_t *hg_json_parse(const char *text, size_t size, const char *name, hg_err *err)
{
    json_error_t at;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &at);
    if (!root)
        root = parse_python(text, size, &at);
    if (!root) {
        char where[192];
        snprintf(where, sizeof where, "%.150s:%d:%d", name, at.line, at.column);
        hg_fail(err, HG_INPUT, where, "is not JSON: %s", at.text);
    }
    return root;
}

json_t *hg_json_file(const char *path, hg_err *err)
{
    hg_arena arena;
    if (!hg_arena_open(&arena, (size_t)1 << 30))
        return hg_fail(err, HG_WORLD, path, "out of memory"), NULL;
    size_t size;
    char *text = hg_file_read(&arena, path, FILE_LIMIT, &size, err);
    json_t *root = text ? hg_json_parse(text, size, path, err) : NULL;
    hg_arena_close(&arena);
    return root;
}

static void before_value(hg_json *j)
{
    if (j->comma)
        hg_buf_puts(j->out, ",");
    j->comma = true;
}

static void quote(hg_buf *out, const char *s)
{
    hg_buf_puts(out, "\"");
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        if (*p == '"' || *p == '\\')
            hg_buf_printf(out, "\\%c", *p);
        else if (*p == '\n')
            hg_buf_puts(out, "\\n");
        else if (*p < ' ')
            hg_buf_printf(out, "\\u%04x", *p);
        else
            hg_buf_add(out, (const char *)p, 1);
    }
    hg_buf_puts(out, "\"");
}

void hg_json_key(hg_json *j, const char *key)
{
    before_value(j);
    quote(j->out, key);
    hg_buf_puts(j->out, ":");
    j->comma = false;
}

void hg_json_open(hg_json *j, char bracket)
{
    before_value(j);
    hg_buf_add(j->out, &bracket, 1);
    j->comma = false;
}

void hg_json_close(hg_json *j, char bracket)
{
    hg_buf_add(j->out, &bracket, 1);
    j->comma = true;
}

void hg_json_str(hg_json *j, const char *value)
{
    if (!value) {
        hg_json_raw(j, "null");
        return;
    }
    before_value(j);
    quote(j->out, value);
}

void hg_json_num(hg_json *j, double value)
{
    before_value(j);
    if (isfinite(value))
        hg_buf_printf(j->out, "%.9g", value);
    else
        hg_buf_puts(j->out, "null");
}

void hg_json_int(hg_json *j, int64_t value)
{
    before_value(j);
    hg_buf_printf(j->out, "%" PRId64, value);
}

void hg_json_bool(hg_json *j, bool value)
{
    hg_json_raw(j, value ? "true" : "false");
}

void hg_json_raw(hg_json *j, const char *text)
{
    before_value(j);
    hg_buf_puts(j->out, text);
}

void hg_json_key_str(hg_json *j, const char *key, const char *value)
{
    hg_json_key(j, key);
    hg_json_str(j, value);
}

void hg_json_key_num(hg_json *j, const char *key, double value)
{
    hg_json_key(j, key);
    hg_json_num(j, value);
}

void hg_json_key_int(hg_json *j, const char *key, int64_t value)
{
    hg_json_key(j, key);
    hg_json_int(j, value);
}

void hg_json_key_bool(hg_json *j, const char *key, bool value)
{
    hg_json_key(j, key);
    hg_json_bool(j, value);
}
