#include "request.h"

#include <jansson.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
    const request_limits *limits;
    request *out;
    size_t capacity;
    char *why;
    size_t why_size;
} reader;

static bool no(reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool no(reader *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->why, r->why_size, fmt, args);
    va_end(args);
    return false;
}

static bool push(reader *r, int32_t token)
{
    request *q = r->out;
    if (q->prompt_tokens >= r->limits->context)
        return no(r, "the prompt is longer than the context of %d tokens", r->limits->context);
    if ((size_t)q->prompt_tokens == r->capacity) {
        r->capacity = 2 * r->capacity + 64;
        q->prompt = realloc(q->prompt, r->capacity * sizeof *q->prompt);
        if (!q->prompt)
            abort();
    }
    q->prompt[q->prompt_tokens++] = token;
    return true;
}

static int32_t hashed(const char *word, size_t n, int vocabulary)
{
    uint64_t h = 14695981039346656037U; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)word[i]) * 1099511628211U;
    return FIRST_WORD + (int32_t)(h % (uint64_t)(vocabulary - FIRST_WORD));
}

int32_t request_word(const char *word, size_t n, int vocabulary)
{
    int64_t id = 0;
    if (n < 2 || n > 10 || word[0] != 'w')
        return hashed(word, n, vocabulary);
    for (size_t i = 1; i < n; i++) {
        if (word[i] < '0' || word[i] > '9')
            return hashed(word, n, vocabulary);
        id = id * 10 + word[i] - '0';
    }
    return id >= FIRST_WORD && id < vocabulary ? (int32_t)id : hashed(word, n, vocabulary);
}

static bool words(reader *r, const char *text)
{
    static const char space[] = " \t\r\n";
    for (text += strspn(text, space); *text; text += strspn(text, space)) {
        size_t n = strcspn(text, space);
        if (!push(r, request_word(text, n, r->limits->vocabulary)))
            return false;
        text += n;
    }
    return true;
}

static bool tokens(reader *r, const json_t *list)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        json_int_t id = json_integer_value(item);
        if (!json_is_integer(item) || id < 0 || id >= r->limits->vocabulary)
            return no(r, "prompt[%zu] is no token id from 0 to %d", i, r->limits->vocabulary - 1);
        if (!push(r, (int32_t)id))
            return false;
    }
    return true;
}

static bool prompt(reader *r, const json_t *p)
{
    if (json_is_string(p))
        return words(r, json_string_value(p));
    if (json_array_size(p) == 1 && !json_is_integer(json_array_get(p, 0)))
        return prompt(r, json_array_get(p, 0)); /* depth is the parser's limit */
    if (json_is_array(p))
        return tokens(r, p);
    return no(r, "prompt is missing; write a text or a list of token ids");
}

static bool content(reader *r, const json_t *c, size_t number)
{
    size_t i;
    const json_t *part;
    if (json_is_string(c))
        return words(r, json_string_value(c));
    if (!json_is_array(c))
        return no(r, "messages[%zu].content is no text", number);
    json_array_foreach(c, i, part)
    {
        const char *text = json_string_value(json_object_get(part, "text"));
        if (!text)
            return no(r, "messages[%zu].content[%zu] is no text; nothing else is taken", number, i);
        if (!words(r, text))
            return false;
    }
    return true;
}

/* The template: a token for each message's role, and one for the answer's. */
static bool messages(reader *r, const json_t *list)
{
    size_t i;
    const json_t *m;
    if (json_array_size(list) == 0)
        return no(r, "messages is missing; write [{\"role\":\"user\",\"content\":\"...\"}]");
    json_array_foreach(list, i, m)
    {
        const char *role = json_string_value(json_object_get(m, "role"));
        if (!role)
            return no(r, "messages[%zu].role is missing", i);
        if (!push(r, hashed(role, strlen(role), r->limits->vocabulary)) ||
            !content(r, json_object_get(m, "content"), i))
            return false;
    }
    return push(r, hashed("assistant", 9, r->limits->vocabulary));
}

/* What would change the answer's form and is not done; a value that asks for nothing is fine. */
static bool nothing_refused(reader *r, const json_t *body)
{
    static const char *const refused[] = { "stop",   "logprobs",       "top_logprobs", "echo",
                                           "suffix", "tools",          "functions",    "best_of",
                                           "n",      "prompt_logprobs" };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const json_t *v = json_object_get(body, refused[i]);
        bool one = json_is_integer(v) && json_integer_value(v) == 1 &&
                   (strcmp(refused[i], "n") == 0 || strcmp(refused[i], "best_of") == 0);
        bool empty = (json_is_array(v) && json_array_size(v) == 0) ||
                     (json_is_string(v) && json_string_length(v) == 0);
        if (v && !json_is_null(v) && !json_is_false(v) && !one && !empty)
            return no(r, "%s is not supported here; leave it out", refused[i]);
    }
    return true;
}

static bool flag(reader *r, const json_t *of, const char *name, bool *out)
{
    const json_t *v = json_object_get(of, name);
    *out = json_is_true(v);
    return !v || json_is_null(v) || json_is_boolean(v) || no(r, "%s is no true or false", name);
}

static bool limit(reader *r, const json_t *body)
{
    const json_t *v = json_object_get(body, "max_completion_tokens");
    v = v && !json_is_null(v) ? v : json_object_get(body, "max_tokens");
    if (!v || json_is_null(v))
        return r->out->max_tokens = 16, true; /* OpenAI's default for completions */
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 1 || n > INT_MAX)
        return no(r, "max_tokens is no whole number from 1");
    r->out->max_tokens = (int)n;
    return true;
}

static bool form(reader *r, const json_t *body)
{
    const json_t *options = json_object_get(body, "stream_options");
    return limit(r, body) && nothing_refused(r, body) && flag(r, body, "stream", &r->out->stream) &&
           flag(r, options, "include_usage", &r->out->usage) &&
           flag(r, options, "continuous_usage_stats", &r->out->usage_each);
}

static bool fits(reader *r)
{
    const request *q = r->out;
    if (q->prompt_tokens == 0)
        return no(r, "the prompt is empty");
    if (q->max_tokens > r->limits->context - q->prompt_tokens)
        return no(r, "%d tokens of prompt and %d of answer pass the context of %d",
                  q->prompt_tokens, q->max_tokens, r->limits->context);
    return true;
}

bool request_read(const char *body, size_t size, bool chat, const request_limits *l, request *out,
                  char *why, size_t why_size)
{
    json_error_t e;
    reader r = { .limits = l, .out = out, .why = why, .why_size = why_size };
    *out = (request){ .chat = chat };
    json_t *j = json_loadb(body, size, 0, &e);
    bool good = json_is_object(j) ||
                no(&r, "the body is no JSON object: %s", j ? "it is another value" : e.text);
    good = good && form(&r, j) &&
           (chat ? messages(&r, json_object_get(j, "messages"))
                 : prompt(&r, json_object_get(j, "prompt"))) &&
           fits(&r);
    json_decref(j);
    if (!good)
        request_free(out);
    return good;
}

void request_free(request *r)
{
    free(r->prompt);
    r->prompt = NULL;
}
