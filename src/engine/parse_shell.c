/* Shell scripts as the commands they would run.  Nothing is run: loops are counted, branches
 * taken. */
#include "engine/shell.h"

#include <ctype.h>
#include <string.h>

static bool quoted(hg_shell_lexer *x, hg_shell_word_out *w)
{
    char quote = *x->p++;
    int line = x->line;
    w->vanishes = false;
    for (; x->p < x->end && *x->p != quote;) {
        x->line += *x->p == '\n';
        if (quote == '"' && *x->p == '\\' && x->p + 1 < x->end && strchr("\"\\$`\n", x->p[1])) {
            if (x->p[1] != '\n')
                hg_shell_add(x, w, x->p + 1, 1);
            x->line += x->p[1] == '\n';
            x->p += 2;
        } else if (quote == '"' && *x->p == '$') {
            hg_shell_dollar(x, w, true);
        } else {
            hg_shell_add(x, w, x->p++, 1);
        }
    }
    if (x->p == x->end)
        return hg_fail(x->err, HG_INPUT, hg_textf(x->arena, "%.100s:%d", x->name, line),
                       "the quote %c that begins here does not end", quote);
    x->p++;
    w->present |= !w->vanishes;
    return true;
}

static bool ends_word(char c)
{
    return isspace((unsigned char)c) || strchr(";&|()<>", c);
}

static bool declares(const char *w)
{
    static const char *const names[] = { "export", "declare", "local", "readonly", "typeset" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], w) == 0)
            return true;
    return false;
}

/* What may stand before an assignment and is no command. */
static bool is_reserved(const char *w)
{
    static const char *const names[] = { "then", "do", "else", "{", "!", "time" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], w) == 0)
            return true;
    return false;
}

/* Whether a word that begins here with NAME= is an assignment: nothing but such before it. */
static bool may_assign(const hg_shell_lexer *x)
{
    const hg_shell_command *c = &x->now;
    size_t n, lead = 0;
    bool adds;
    while (lead < c->count && is_reserved(c->words[lead].s))
        lead++;
    if (lead < c->count && declares(c->words[lead].s))
        return true;
    while (lead < c->count && hg_shell_assigned(c->words[lead].s, &n, &adds))
        lead++;
    return lead == c->count;
}

static hg_shell_word_out new_word(const hg_shell_lexer *x)
{
    hg_shell_word_out w = { .b = { .arena = x->arena }, .line = x->line };
    size_t n = hg_shell_name(x->p, x->end), plus = x->p + n < x->end && x->p[n] == '+';
    w.assigns = n && x->p + n + plus < x->end && x->p[n + plus] == '=' && may_assign(x);
    return w;
}

/* One word as it is written, expanded into as many as it makes. */
static bool word(hg_shell_lexer *x, hg_shell_word_out *w)
{
    while (x->p < x->end && (!ends_word(*x->p) || !*x->p)) {
        if (*x->p == '\\' && x->p + 1 < x->end && x->p[1] == '\n') {
            x->line++;
            x->p += 2;
        } else if (*x->p == '\\' && x->p + 2 < x->end && x->p[1] == '\r' && x->p[2] == '\n') {
            x->line++;
            x->p += 3;
        } else if (*x->p == '\\' && x->p + 1 < x->end) {
            hg_shell_add(x, w, x->p + 1, 1);
            x->p += 2;
        } else if (*x->p == '\'' || *x->p == '"') {
            if (!quoted(x, w))
                return false;
        } else if (*x->p == '$') {
            hg_shell_dollar(x, w, false);
        } else if (*x->p == '`') {
            const char *past = memchr(x->p + 1, '`', (size_t)(x->end - x->p - 1));
            past = past ? past + 1 : x->end;
            hg_shell_add(x, w, x->p, (size_t)(past - x->p));
            x->p = past;
        } else {
            hg_shell_add(x, w, x->p++, 1);
        }
    }
    hg_shell_word_end(x, w);
    return true;
}

/* ---- commands ---- */

static void take_assignment(hg_shell_lexer *x, const char *w, bool exports)
{
    size_t n;
    bool adds;
    const char *value = hg_shell_assigned(w, &n, &adds);
    n = value ? n : strlen(w);
    const hg_shell_variable *v = hg_shell_find(x, w, n);
    if (value)
        hg_shell_set(x, w, n, adds && v ? hg_textf(x->arena, "%s%s", v->value, value) : value,
                     exports);
    else if (v && exports)
        hg_shell_set(x, w, n, v->value, true);
}

static void add_env(hg_shell_command *c, const char *name, const char *value)
{
    c->env[c->env_count][0] = name;
    c->env[c->env_count++][1] = value;
}

/* A command's environment: what is exported, then its own lead of assignments. */
static void environment(hg_shell_lexer *x, hg_shell_command *c, size_t lead)
{
    c->env = (const char *(*)[2])HG_NEW(x->arena, const char *, 2 * (x->variable_count + lead) + 2);
    for (size_t i = 0; i < x->variable_count; i++)
        if (x->variables[i].exported)
            add_env(c, x->variables[i].name, x->variables[i].value);
    for (size_t i = 0; i < lead; i++) {
        size_t n;
        bool adds;
        const char *value = hg_shell_assigned(c->words[i].s, &n, &adds);
        add_env(c, hg_strndup(x->arena, c->words[i].s, n), value);
    }
    c->words += lead;
    c->count -= lead;
}

/* Assignments before a command are its own; alone they are the script's. */
static void finish(hg_shell_lexer *x, bool waits)
{
    hg_shell_command c = x->now;
    size_t lead = 0, n;
    bool adds;
    while (c.count && is_reserved(c.words[0].s)) {
        c.words++;
        c.count--;
    }
    bool declaring = c.count && declares(c.words[0].s),
         exports = declaring && (strcmp(c.words[0].s, "export") == 0 ||
                                 (c.count > 1 && strcmp(c.words[1].s, "-x") == 0));
    while (lead < c.count && hg_shell_assigned(c.words[lead].s, &n, &adds))
        lead++;
    if (declaring || lead == c.count) {
        for (size_t i = declaring; i < c.count; i++)
            take_assignment(x, c.words[i].s, exports);
    } else {
        environment(x, &c, lead);
        bool detached = hg_is_container(&c) && hg_shell_has_word(&c, "-d", "--detach");
        c.times = waits && !detached ? 1 : hg_shell_times(x);
        hg_shell_loops_follow(x, &c);
        *HG_PUSH(x->arena, x->out->commands, x->out->count, x->out->capacity) = c;
    }
    x->now = (hg_shell_command){ 0 };
    x->here_first = x->here_count;
}

bool hg_shell_has_word(const hg_shell_command *c, const char *one, const char *other)
{
    for (size_t i = 1; i < c->count; i++)
        if (strcmp(c->words[i].s, one) == 0 || (other && strcmp(c->words[i].s, other) == 0))
            return true;
    return false;
}

/* Bodies of the here-documents that the line began. */
static void here_bodies(hg_shell_lexer *x)
{
    for (size_t i = 0; i < x->here_count; i++) {
        const hg_shell_here *h = &x->heres[i];
        hg_shell_word_out body = { .b = { .arena = x->arena } };
        hg_buf_add(&body.b, "", 0);
        while (x->p < x->end) {
            const char *line = x->p, *newline = memchr(x->p, '\n', (size_t)(x->end - x->p));
            x->p = newline ? newline + 1 : x->end;
            x->line++;
            while (h->strip && line < x->p && *line == '\t')
                line++;
            size_t n = (size_t)((newline ? newline : x->end) - line);
            if (n == strlen(h->end) && memcmp(line, h->end, n) == 0)
                break;
            hg_shell_add(x, &body, line, n);
            hg_shell_add(x, &body, "\n", 1);
        }
        if (h->path)
            *HG_PUSH(x->arena, x->out->files, x->out->file_count, x->out->file_capacity) =
                (hg_shell_file){ h->path, body.b.s };
    }
    x->here_count = x->here_first = 0;
}

/* A redirection: its target is no word of the command, but a here-document's is the file it writes.
 */
static bool redirect(hg_shell_lexer *x)
{
    bool in = *x->p == '<', document = in && x->p + 1 < x->end && x->p[1] == '<';
    x->p += document ? 2 : 1;
    hg_shell_here h = { .strip = document && x->p < x->end && *x->p == '-' };
    x->p += h.strip;
    while (x->p < x->end && strchr("<>&|", *x->p) && *x->p)
        x->p++;
    while (x->p < x->end && (*x->p == ' ' || *x->p == '\t'))
        x->p++;
    hg_shell_word_out w = new_word(x);
    w.assigns = true; /* one word, whatever it holds */
    if (!word(x, &w))
        return false;
    const char *target = w.count ? w.words[0].s : "";
    if (document && x->here_count < HG_SHELL_HERES) {
        h.end = target;
        x->heres[x->here_count++] = h;
    }
    for (size_t i = x->here_first; !in && i < x->here_count; i++)
        x->heres[i].path = x->heres[i].path ? x->heres[i].path : target;
    if (!in && x->here_count < HG_SHELL_HERES && x->here_first == x->here_count) {
        /* cat >file <<EOF: the target comes first; it waits for its document. */
        const char *at = x->p + strspn(x->p, " \t");
        if (at + 1 < x->end && at[0] == '<' && at[1] == '<') {
            x->p = at;
            size_t before = x->here_count;
            if (!redirect(x))
                return false;
            if (x->here_count > before)
                x->heres[before].path = target;
        }
    }
    return true;
}

/* NAME=( … ) of bash: the items are words, over as many lines as they take. */
static bool array(hg_shell_lexer *x, const char *assignment)
{
    size_t n;
    bool adds;
    hg_shell_item *items = NULL;
    size_t count = 0, capacity = 0;
    hg_shell_assigned(assignment, &n, &adds);
    for (x->p++; x->p < x->end && *x->p != ')';) {
        char c = *x->p;
        x->line += c == '\n';
        if (isspace((unsigned char)c) || (c && strchr(";&|<>(", c))) {
            x->p++;
        } else if (c == '\\' && x->p + 1 < x->end && x->p[1] == '\n') {
            x->line++;
            x->p += 2;
        } else if (c == '#') {
            while (x->p < x->end && *x->p != '\n')
                x->p++;
        } else {
            hg_shell_word_out w = { .b = { .arena = x->arena }, .line = x->line };
            if (!word(x, &w))
                return false;
            for (size_t i = 0; i < w.count; i++)
                *HG_PUSH(x->arena, items, count, capacity) = w.words[i];
        }
    }
    x->p += x->p < x->end;
    hg_shell_set_items(x, assignment, n, items, count, adds);
    return true;
}

static bool next_word(hg_shell_lexer *x)
{
    hg_shell_word_out w = new_word(x);
    const char *from = x->p;
    if (!word(x, &w))
        return false;
    size_t length = (size_t)(x->p - from);
    bool array_follows = w.assigns && x->p < x->end && *x->p == '(' && x->p[-1] == '=' &&
                         length == hg_shell_name(from, x->p) + 1 + (from[length - 2] == '+');
    if (array_follows)
        return array(x, w.words[0].s);
    bool number = w.count == 1 && strspn(from, "0123456789") >= length && x->p < x->end &&
                  (*x->p == '>' || *x->p == '<'); /* the 2 of 2>&1 is no word */
    for (size_t i = 0; !number && i < w.count; i++)
        *HG_PUSH(x->arena, x->now.words, x->now.count, x->now.capacity) = w.words[i];
    return true;
}

static bool step(hg_shell_lexer *x)
{
    char c = *x->p, next = x->p + 1 < x->end ? x->p[1] : 0;
    if (c == '\n') {
        x->p++;
        x->line++;
        finish(x, true);
        here_bodies(x);
        return true;
    }
    size_t crlf = c == '\\' && x->p + 2 < x->end && next == '\r' ? 1 : 0;
    if (c == '\\' && x->p + 1 + crlf < x->end && x->p[1 + crlf] == '\n') {
        x->p += 2 + crlf;
        x->line++;
    } else if (c == '#') {
        while (x->p < x->end && *x->p != '\n')
            x->p++;
    } else if (c == '<' || c == '>') {
        return redirect(x);
    } else if (c == '(' && next == '(') {
        hg_shell_arithmetic(x);
    } else if (c && (isspace((unsigned char)c) || strchr(";&|()", c))) {
        if (!isspace((unsigned char)c))
            finish(x, c != '&' || next == '&' || x->now.count == 0);
        x->p++;
    } else {
        return next_word(x);
    }
    return true;
}

bool hg_shell_read(hg_arena *arena, const char *name, const char *text, size_t size, hg_shell *out,
                   hg_err *err)
{
    hg_shell_lexer *x = HG_NEW(arena, hg_shell_lexer, 1);
    *x = (hg_shell_lexer){ .arena = arena,
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
    finish(x, true);
    here_bodies(x);
    return true;
}
