#include "live/delta.h"

#include <string.h>

/* What a value is, told by its key and what that lies in. */
typedef enum role {
    OTHER, ROOT, OBJECT_KIND, MESSAGE, CHOICES, CHOICE, DELTA, TEXT, SPEAKER, CALLS, FINISH, USAGE, DETAILS, PROMPT, OUTPUT,
    CACHED, ERROR, ERROR_TEXT
} role;

static const struct {
    role in;
    const char *key;
    role is;
} meanings[] = {
    { ROOT, "choices", CHOICES },
    { ROOT, "usage", USAGE },
    { ROOT, "error", ERROR },
    { ROOT, "object", OBJECT_KIND },
    { ROOT, "message", MESSAGE },        /* of {"object":"error","message":…} */
    { CHOICE, "delta", DELTA },
    { CHOICE, "text", TEXT },
    { CHOICE, "finish_reason", FINISH },
    { DELTA, "content", TEXT },
    { DELTA, "reasoning_content", TEXT },
    { DELTA, "reasoning", TEXT },
    { DELTA, "role", SPEAKER },
    { DELTA, "tool_calls", CALLS },
    { USAGE, "prompt_tokens", PROMPT },
    { USAGE, "completion_tokens", OUTPUT },
    { USAGE, "prompt_tokens_details", DETAILS },
    { DETAILS, "cached_tokens", CACHED },
    { ERROR, "message", ERROR_TEXT },
};

enum { DEPTH_MAX = 64 };

typedef struct scan {
    const char *at, *end;
    hg_delta *out;
    int depth;
    bool opens, empty_text, says_error;
    hg_piece message;
} scan;

static void skip_space(scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
}

static bool hex_digits(const char *p)
{
    for (int i = 0; i < 4; i++)
        if (!strchr("0123456789abcdefABCDEF", p[i]) || !p[i])
            return false;
    return true;
}

/* The inside of the string at s->at, which is behind its quote. */
static bool scan_string(scan *s, hg_piece *out)
{
    const char *p = s->at;
    for (; p < s->end && *p != '"'; p++) {
        if ((unsigned char)*p < 0x20)
            return false;
        if (*p != '\\')
            continue;
        if (++p == s->end || !strchr("\"\\/bfnrtu", *p) || !*p)
            return false;
        if (*p == 'u') {
            if (s->end - p < 5 || !hex_digits(p + 1))
                return false;
            p += 4;
        }
    }
    if (p == s->end)
        return false;
    *out = (hg_piece){ s->at, (size_t)(p - s->at) };
    s->at = p + 1;
    return true;
}

static bool digits(scan *s)
{
    const char *from = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > from;
}

static bool scan_number(scan *s, int64_t *whole)
{
    bool minus = *s->at == '-';
    s->at += minus;
    const char *from = s->at;
    if (!digits(s) || (*from == '0' && s->at - from > 1))
        return false;
    *whole = -1;
    if (!minus && s->at - from <= 15) {
        *whole = 0;
        for (const char *p = from; p < s->at; p++)
            *whole = *whole * 10 + (*p - '0');
    }
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!digits(s))
            return false;
    }
    if (s->at < s->end && (*s->at | 32) == 'e') {
        s->at++;
        s->at += s->at < s->end && (*s->at == '+' || *s->at == '-');
        return digits(s);
    }
    return true;
}

static bool scan_word(scan *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

static role role_of(role in, hg_piece key)
{
    if (in == OTHER)
        return OTHER;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].in == in && strlen(meanings[i].key) == key.size && memcmp(meanings[i].key, key.at, key.size) == 0)
            return meanings[i].is;
    return OTHER;
}

static void note_text(scan *s, role is, hg_piece text)
{
    hg_delta *c = s->out;
    switch (is) {
    case TEXT:
        c->token |= text.size > 0;
        s->empty_text |= text.size == 0;
        if (!c->text.size)
            c->text = text;
        break;
    case SPEAKER: s->opens = true; break;
    case FINISH: c->finished = true; break;
    case OBJECT_KIND: s->says_error = text.size == 5 && memcmp(text.at, "error", 5) == 0; break;
    case MESSAGE: s->message = text; break;
    case ERROR:
    case ERROR_TEXT: c->error = text; break;
    default: break;
    }
}

static void note_number(scan *s, role is, int64_t value)
{
    if (is == PROMPT)
        s->out->prompt_tokens = value;
    else if (is == OUTPUT)
        s->out->output_tokens = value;
    else if (is == CACHED)
        s->out->cached_tokens = value;
}

static bool scan_value(scan *s, role is);

static bool scan_object(scan *s, role is)
{
    hg_piece key;
    s->at++;
    if (is == USAGE)
        s->out->has_usage = true;
    if (is == ERROR)
        s->out->error = (hg_piece){ s->at, 0 };
    skip_space(s);
    if (s->at < s->end && *s->at == '}')
        return s->at++, true;
    for (;;) {
        skip_space(s);
        if (s->at == s->end || *s->at++ != '"' || !scan_string(s, &key))
            return false;
        skip_space(s);
        if (s->at == s->end || *s->at++ != ':' || !scan_value(s, role_of(is, key)))
            return false;
        skip_space(s);
        if (s->at == s->end || (*s->at != ',' && *s->at != '}'))
            return false;
        if (*s->at++ == '}')
            return true;
    }
}

static bool scan_array(scan *s, role is)
{
    s->at++;
    skip_space(s);
    if (s->at < s->end && *s->at == ']')
        return s->at++, true;
    s->out->token |= is == CALLS;
    for (;;) {
        if (!scan_value(s, is == CHOICES ? CHOICE : OTHER))
            return false;
        skip_space(s);
        if (s->at == s->end || (*s->at != ',' && *s->at != ']'))
            return false;
        if (*s->at++ == ']')
            return true;
    }
}

static bool scan_value(scan *s, role is)
{
    hg_piece text;
    int64_t number;
    skip_space(s);
    if (s->at == s->end)
        return false;
    switch (*s->at) {
    case '"':
        s->at++;
        if (!scan_string(s, &text))
            return false;
        note_text(s, is, text);
        return true;
    case '{':
    case '[':
        if (++s->depth > DEPTH_MAX || !(*s->at == '{' ? scan_object(s, is) : scan_array(s, is)))
            return false;
        s->depth--;
        return true;
    case 't': return scan_word(s, "true");
    case 'f': return scan_word(s, "false");
    case 'n': return scan_word(s, "null");
    default:
        if ((*s->at != '-' && (*s->at < '0' || *s->at > '9')) || !scan_number(s, &number))
            return false;
        note_number(s, is, number);
        return true;
    }
}

bool hg_delta_read(const char *json, size_t size, hg_delta *out)
{
    *out = (hg_delta){ .prompt_tokens = -1, .output_tokens = -1, .cached_tokens = -1 };
    scan s = { .at = json, .end = json + size, .out = out };
    skip_space(&s);
    if (s.at == s.end || *s.at != '{' || !scan_value(&s, ROOT))
        return false;
    skip_space(&s);
    if (s.says_error && !out->error.at)
        out->error = s.message.at ? s.message : (hg_piece){ json, 0 };
    out->token |= s.empty_text && !s.opens && !out->finished;
    return s.at == s.end;
}
