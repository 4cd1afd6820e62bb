#include "engine/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A script's variables may name one another for ever; what grows beyond this stays as it is
 * written. */
enum { WORD_MOST = 1 << 16, GROWN_MOST = 1 << 24, VARIABLES = 256, HERE_DOCUMENTS = 8 };

typedef struct variable {
    const char *name, *value;
    bool exported;
} variable;

typedef struct here {
    const char *end;
    bool strip;       /* <<- : leading tabs go */
    const char *path; /* where the command writes it, or NULL */
} here;

typedef struct lexer {
    hg_arena *arena;
    const char *name, *p, *end;
    int line;
    hg_shell *out;
    hg_shell_command now;
    size_t capacity;
    variable variables[VARIABLES];
    size_t variable_count, grown;
    here heres[HERE_DOCUMENTS];
    size_t here_count, here_first; /* those of the current command begin at here_first */
    hg_err *err;
} lexer;

static const variable *find(const lexer *x, const char *name, size_t n)
{
    for (size_t i = 0; i < x->variable_count; i++)
        if (strlen(x->variables[i].name) == n && memcmp(x->variables[i].name, name, n) == 0)
            return &x->variables[i];
    return NULL;
}

static void set(lexer *x, const char *name, size_t n, const char *value, bool exported)
{
    variable *v = (variable *)(uintptr_t)find(x, name, n);
    if (!v && x->variable_count == VARIABLES)
        return;
    if (!v)
        v = &x->variables[x->variable_count++];
    *v = (variable){ hg_strndup(x->arena, name, n), value, exported || (v->name && v->exported) };
}

static size_t name_length(const char *p, const char *end)
{
    size_t n = 0;
    while (p + n < end && (isalnum((unsigned char)p[n]) || p[n] == '_'))
        n++;
    return n && isdigit((unsigned char)*p) ? 0 : n;
}

/* From an opening bracket to what closes it; the end when nothing does. */
static const char *closing(const char *p, const char *end, char open, char close)
{
    int depth = 0;
    for (; p < end; p++) {
        depth += (*p == open) - (*p == close);
        if (depth == 0 && *p == close)
            return p + 1;
    }
    return end;
}

static void add(lexer *x, hg_buf *b, const char *s, size_t n)
{
    if (b->n + n > WORD_MOST || x->grown + n > GROWN_MOST)
        return;
    x->grown += n;
    hg_buf_add(b, s, n);
}

/* ${NAME}, ${NAME:-text}: a variable's value, else the text; an unknown one stays as written. */
static void braces(lexer *x, hg_buf *b)
{
    const char *from = x->p, *past = closing(x->p + 1, x->end, '{', '}');
    const char *name = x->p + 2, *rest;
    size_t n = name_length(name, past);
    const variable *v = n ? find(x, name, n) : NULL;
    rest = name + n;
    bool colon = rest < past && *rest == ':';
    const char *text = rest + colon;
    if (v)
        add(x, b, v->value, strlen(v->value));
    else if (n && text < past && (*text == '-' || *text == '=') && past[-1] == '}')
        add(x, b, text + 1, (size_t)(past - 1 - (text + 1)));
    else
        add(x, b, from, (size_t)(past - from));
    x->p = past;
}

static void dollar(lexer *x, hg_buf *b)
{
    const char *from = x->p;
    size_t n = name_length(x->p + 1, x->end);
    const variable *v = n ? find(x, x->p + 1, n) : NULL;
    if (x->p + 1 < x->end && x->p[1] == '{') {
        braces(x, b);
    } else if (x->p + 1 < x->end && x->p[1] == '(') {
        x->p = closing(x->p + 1, x->end, '(', ')');
        add(x, b, from, (size_t)(x->p - from));
    } else if (n) {
        x->p += 1 + n;
        add(x, b, v ? v->value : from, v ? strlen(v->value) : 1 + n);
    } else {
        add(x, b, from, 1);
        x->p++;
    }
}

static bool quoted(lexer *x, hg_buf *b)
{
    char quote = *x->p++;
    int line = x->line;
    for (; x->p < x->end && *x->p != quote;) {
        x->line += *x->p == '\n';
        if (quote == '"' && *x->p == '\\' && x->p + 1 < x->end && strchr("\"\\$`\n", x->p[1])) {
            if (x->p[1] != '\n')
                add(x, b, x->p + 1, 1);
            x->line += x->p[1] == '\n';
            x->p += 2;
        } else if (quote == '"' && *x->p == '$') {
            dollar(x, b);
        } else {
            add(x, b, x->p++, 1);
        }
    }
    if (x->p == x->end)
        return hg_fail(x->err, HG_INPUT, hg_textf(x->arena, "%.100s:%d", x->name, line),
                       "the quote %c that begins here does not end", quote);
    x->p++;
    return true;
}

static bool ends_word(char c)
{
    return isspace((unsigned char)c) || strchr(";&|()<>", c);
}

/* One word, expanded.  *present: there was one, perhaps empty. */
static bool word(lexer *x, hg_buf *b, bool *present)
{
    hg_buf_add(b, "", 0);
    *present = false;
    while (x->p < x->end && (!ends_word(*x->p) || !*x->p)) {
        *present = true;
        if (*x->p == '\\' && x->p + 1 < x->end && x->p[1] == '\n') {
            x->line++;
            x->p += 2;
        } else if (*x->p == '\\' && x->p + 2 < x->end && x->p[1] == '\r' && x->p[2] == '\n') {
            x->line++;
            x->p += 3;
        } else if (*x->p == '\\' && x->p + 1 < x->end) {
            add(x, b, x->p + 1, 1);
            x->p += 2;
        } else if (*x->p == '\'' || *x->p == '"') {
            if (!quoted(x, b))
                return false;
        } else if (*x->p == '$') {
            dollar(x, b);
        } else if (*x->p == '`') {
            const char *past = memchr(x->p + 1, '`', (size_t)(x->end - x->p - 1));
            past = past ? past + 1 : x->end;
            add(x, b, x->p, (size_t)(past - x->p));
            x->p = past;
        } else {
            add(x, b, x->p++, 1);
        }
    }
    return true;
}

static const char *assigned(const char *w)
{
    size_t n = name_length(w, w + strlen(w));
    return n && w[n] == '=' ? w + n + 1 : NULL;
}

/* Assignments before a command are its own; alone they are the script's. */
static void finish(lexer *x)
{
    hg_shell_command *c = &x->now;
    size_t lead = 0;
    bool exports =
        c->count && (strcmp(c->words[0].s, "export") == 0 || strcmp(c->words[0].s, "declare") == 0);
    while (lead < c->count && assigned(c->words[lead].s))
        lead++;
    for (size_t i = exports ? 1 : 0; i < (exports ? c->count : lead == c->count ? lead : 0); i++) {
        const char *value = assigned(c->words[i].s);
        size_t n = value ? (size_t)(value - 1 - c->words[i].s) : strlen(c->words[i].s);
        const variable *v = value ? NULL : find(x, c->words[i].s, n);
        if (value || v)
            set(x, c->words[i].s, n, value ? value : v->value, exports);
    }
    if (c->count > lead && !exports) {
        c->env =
            (const char *(*)[2])HG_NEW(x->arena, const char *, 2 * (x->variable_count + lead) + 2);
        for (size_t i = 0; i < x->variable_count; i++)
            if (x->variables[i].exported) {
                c->env[c->env_count][0] = x->variables[i].name;
                c->env[c->env_count++][1] = x->variables[i].value;
            }
        for (size_t i = 0; i < lead; i++) {
            const char *value = assigned(c->words[i].s);
            c->env[c->env_count][0] =
                hg_strndup(x->arena, c->words[i].s, (size_t)(value - 1 - c->words[i].s));
            c->env[c->env_count++][1] = value;
        }
        c->words += lead;
        c->count -= lead;
        *HG_PUSH(x->arena, x->out->commands, x->out->count, x->out->capacity) = *c;
    }
    x->now = (hg_shell_command){ 0 };
    x->here_first = x->here_count;
}

/* Bodies of the here-documents that the line began. */
static void here_bodies(lexer *x)
{
    for (size_t i = 0; i < x->here_count; i++) {
        const here *h = &x->heres[i];
        hg_buf b = { .arena = x->arena };
        hg_buf_add(&b, "", 0);
        while (x->p < x->end) {
            const char *line = x->p, *newline = memchr(x->p, '\n', (size_t)(x->end - x->p));
            x->p = newline ? newline + 1 : x->end;
            x->line++;
            while (h->strip && line < x->p && *line == '\t')
                line++;
            size_t n = (size_t)((newline ? newline : x->end) - line);
            if (n == strlen(h->end) && memcmp(line, h->end, n) == 0)
                break;
            add(x, &b, line, n);
            add(x, &b, "\n", 1);
        }
        if (h->path)
            *HG_PUSH(x->arena, x->out->files, x->out->file_count, x->out->file_capacity) =
                (hg_shell_file){ h->path, b.s };
    }
    x->here_count = x->here_first = 0;
}

/* A redirection: its target is no word of the command, but a here-document's is the file it writes.
 */
static bool redirect(lexer *x)
{
    bool in = *x->p == '<', document = in && x->p + 1 < x->end && x->p[1] == '<', present;
    x->p += document ? 2 : 1;
    here h = { .strip = document && x->p < x->end && *x->p == '-' };
    x->p += h.strip;
    while (x->p < x->end && strchr("<>&|", *x->p) && *x->p)
        x->p++;
    while (x->p < x->end && (*x->p == ' ' || *x->p == '\t'))
        x->p++;
    hg_buf b = { .arena = x->arena };
    if (!word(x, &b, &present))
        return false;
    if (document && x->here_count < HERE_DOCUMENTS) {
        h.end = b.s;
        x->heres[x->here_count++] = h;
    }
    for (size_t i = x->here_first; !in && i < x->here_count; i++)
        x->heres[i].path = x->heres[i].path ? x->heres[i].path : b.s;
    if (!in && x->here_count < HERE_DOCUMENTS && x->here_first == x->here_count) {
        /* cat >file <<EOF: the target comes first; it waits for its document. */
        const char *at = x->p + strspn(x->p, " \t");
        if (at + 1 < x->end && at[0] == '<' && at[1] == '<') {
            x->p = at;
            size_t before = x->here_count;
            if (!redirect(x))
                return false;
            if (x->here_count > before)
                x->heres[before].path = b.s;
        }
    }
    return true;
}

static bool step(lexer *x)
{
    char c = *x->p;
    if (c == '\n') {
        x->p++;
        x->line++;
        finish(x);
        here_bodies(x);
        return true;
    }
    size_t crlf = c == '\\' && x->p + 2 < x->end && x->p[1] == '\r' ? 1 : 0;
    if (c == '\\' && x->p + 1 + crlf < x->end && x->p[1 + crlf] == '\n') {
        x->p += 2 + crlf;
        x->line++;
        return true;
    }
    if (c == '#') {
        while (x->p < x->end && *x->p != '\n')
            x->p++;
        return true;
    }
    if (c == '<' || c == '>')
        return redirect(x);
    if (c && (isspace((unsigned char)c) || strchr(";&|()", c))) {
        if (!isspace((unsigned char)c))
            finish(x);
        x->p++;
        return true;
    }
    hg_buf b = { .arena = x->arena };
    bool present;
    int line = x->line;
    if (!word(x, &b, &present))
        return false;
    bool number = present && strspn(b.s, "0123456789") == b.n && x->p < x->end &&
                  (*x->p == '>' || *x->p == '<');
    if (present && !number) /* the 2 of 2>&1 is no word */
        *HG_PUSH(x->arena, x->now.words, x->now.count, x->now.capacity) =
            (hg_shell_item){ b.s, line };
    return true;
}

bool hg_shell_read(hg_arena *arena, const char *name, const char *text, size_t size, hg_shell *out,
                   hg_err *err)
{
    lexer *x = HG_NEW(arena, lexer, 1);
    *x = (lexer){ .arena = arena,
                  .name = name,
                  .p = text,
                  .end = text + size,
                  .line = 1,
                  .out = out,
                  .err = err };
    *out = (hg_shell){ 0 };
    while (x->p < x->end)
        if (!step(x))
            return false;
    finish(x);
    here_bodies(x);
    return true;
}
