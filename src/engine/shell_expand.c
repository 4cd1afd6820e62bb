/* A shell's variables and arrays, and the words that they make. */
#include "engine/shell.h"

#include "base/num.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A script's variables may name one another for ever; what grows beyond this stays as it is
 * written. */
enum { WORD_MOST = 1 << 16, GROWN_MOST = 1 << 24, WORDS_MOST = 4096 };

const hg_shell_variable *hg_shell_find(const hg_shell_lexer *x, const char *name, size_t n)
{
    for (size_t i = 0; i < x->variable_count; i++)
        if (strlen(x->variables[i].name) == n && memcmp(x->variables[i].name, name, n) == 0)
            return &x->variables[i];
    return NULL;
}

/* NULL: no room for another. */
static hg_shell_variable *make(hg_shell_lexer *x, const char *name, size_t n)
{
    hg_shell_variable *v = (hg_shell_variable *)(uintptr_t)hg_shell_find(x, name, n);
    if (v || x->variable_count == HG_SHELL_VARIABLES)
        return v;
    v = &x->variables[x->variable_count++];
    *v = (hg_shell_variable){ .name = hg_strndup(x->arena, name, n), .value = "" };
    return v;
}

void hg_shell_set(hg_shell_lexer *x, const char *name, size_t n, const char *value, bool exported)
{
    hg_shell_variable *v = make(x, name, n);
    if (v)
        *v = (hg_shell_variable){ v->name, value, NULL, 0, exported || v->exported };
}

void hg_shell_set_items(hg_shell_lexer *x, const char *name, size_t n, const hg_shell_item *items,
                        size_t count, bool adds)
{
    hg_shell_variable *v = make(x, name, n);
    if (!v)
        return;
    size_t had = adds ? v->items ? v->count : *v->value != 0 : 0;
    if (had + count > WORDS_MOST)
        return;
    hg_shell_item *all = HG_NEW(x->arena, hg_shell_item, had + count + 1);
    if (had && v->items)
        memcpy(all, v->items, had * sizeof *all);
    else if (had)
        all[0] = (hg_shell_item){ v->value, x->line };
    if (count)
        memcpy(all + had, items, count * sizeof *all);
    v->items = all;
    v->count = had + count;
    v->value = v->count ? all[0].s : "";
}

size_t hg_shell_name(const char *p, const char *end)
{
    size_t n = 0;
    while (p + n < end && (isalnum((unsigned char)p[n]) || p[n] == '_'))
        n++;
    return n && isdigit((unsigned char)*p) ? 0 : n;
}

const char *hg_shell_assigned(const char *w, size_t *n, bool *adds)
{
    *n = hg_shell_name(w, w + strlen(w));
    *adds = *n && w[*n] == '+' && w[*n + 1] == '=';
    return *n && (*adds || w[*n] == '=') ? w + *n + 1 + *adds : NULL;
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

void hg_shell_add(hg_shell_lexer *x, hg_shell_word_out *w, const char *s, size_t n)
{
    w->present = true;
    if (w->b.n + n > WORD_MOST || x->grown + n > GROWN_MOST)
        return;
    x->grown += n;
    hg_buf_add(&w->b, s, n);
}

void hg_shell_word_end(hg_shell_lexer *x, hg_shell_word_out *w)
{
    if (w->present && w->count < WORDS_MOST) {
        hg_buf_add(&w->b, "", 0);
        *HG_PUSH(x->arena, w->words, w->count, w->capacity) = (hg_shell_item){ w->b.s, w->line };
    }
    w->present = false;
    w->b = (hg_buf){ .arena = x->arena };
}

/* A variable's value: split at blanks where it is not quoted, and none at all when it is empty. */
static void add_value(hg_shell_lexer *x, hg_shell_word_out *w, const char *s, size_t n, bool quoted)
{
    if (quoted || w->assigns) {
        hg_shell_add(x, w, s, n);
        return;
    }
    for (const char *end = s + n; s < end;) {
        const char *from = s;
        while (s < end && !isspace((unsigned char)*s))
            s++;
        if (s > from)
            hg_shell_add(x, w, from, (size_t)(s - from));
        if (s < end)
            hg_shell_word_end(x, w);
        while (s < end && isspace((unsigned char)*s))
            s++;
    }
}

/* "${a[@]}": every item is a word; ${a[*]} in quotes: one word of all. */
static void add_items(hg_shell_lexer *x, hg_shell_word_out *w, const hg_shell_variable *v,
                      bool quoted, bool one)
{
    int line = w->line;
    for (size_t i = 0; i < v->count; i++) {
        if (i && one)
            hg_shell_add(x, w, " ", 1);
        else if (i)
            hg_shell_word_end(x, w);
        w->line = one ? line : v->items[i].line;
        add_value(x, w, v->items[i].s, strlen(v->items[i].s), quoted);
    }
    w->line = line;
}

/* [@], [*] or [3] after a name: 0 when there is none, else its length. */
static size_t subscript(const char *p, const char *end)
{
    const char *close = p < end && *p == '[' ? memchr(p, ']', (size_t)(end - p)) : NULL;
    return close ? (size_t)(close + 1 - p) : 0;
}

static void add_subscripted(hg_shell_lexer *x, hg_shell_word_out *w, const hg_shell_variable *v,
                            const char *index, size_t n, bool quoted)
{
    hg_shell_item self = { v->value, w->line };
    hg_shell_variable all = *v;
    char *end;
    if (!all.items) { /* a plain variable is an array of one */
        all.items = &self;
        all.count = *v->value != 0;
    }
    w->vanishes |= quoted && n == 1 && *index == '@' && all.count == 0;
    if (n == 1 && (*index == '@' || *index == '*')) {
        add_items(x, w, &all, quoted, (*index == '*' && quoted) || w->assigns);
        return;
    }
    unsigned long i = strtoul(index, &end, 10);
    if (end == index + n && i < all.count)
        add_value(x, w, all.items[i].s, strlen(all.items[i].s), quoted);
}

/* ${NAME}, ${NAME[@]}, ${NAME:-text}: a variable's value, else the text; an unknown one stays as
 * written. */
static void braces(hg_shell_lexer *x, hg_shell_word_out *w, bool quoted)
{
    const char *from = x->p, *past = closing(x->p + 1, x->end, '{', '}'), *name = x->p + 2;
    size_t n = hg_shell_name(name, past), index = subscript(name + n, past);
    const hg_shell_variable *v = n ? hg_shell_find(x, name, n) : NULL;
    const char *rest = name + n + index;
    bool colon = rest<past && * rest == ':', whole = past> rest && past[-1] == '}';
    const char *text = rest + colon;
    size_t length = whole && past - 1 > text ? (size_t)(past - 2 - text) : 0;
    x->p = past;
    if (n && whole && text < past && *text == '+') /* what is not known is not set */
        add_value(x, w, text + 1, v && *v->value ? length : 0, quoted);
    else if (v && index)
        add_subscripted(x, w, v, name + n + 1, index - 2, quoted);
    else if (v)
        add_value(x, w, v->value, strlen(v->value), quoted);
    else if (n && whole && text < past && (*text == '-' || *text == '='))
        add_value(x, w, text + 1, length, quoted);
    else
        hg_shell_add(x, w, from, (size_t)(past - from));
}

void hg_shell_dollar(hg_shell_lexer *x, hg_shell_word_out *w, bool quoted)
{
    const char *from = x->p;
    size_t n = hg_shell_name(x->p + 1, x->end);
    const hg_shell_variable *v = n ? hg_shell_find(x, x->p + 1, n) : NULL;
    if (x->p + 1 < x->end && x->p[1] == '{') {
        braces(x, w, quoted);
    } else if (x->p + 1 < x->end && x->p[1] == '(') {
        x->p = closing(x->p + 1, x->end, '(', ')');
        hg_shell_add(x, w, from, (size_t)(x->p - from));
    } else if (v) {
        x->p += 1 + n;
        add_value(x, w, v->value, strlen(v->value), quoted);
    } else {
        size_t more = n || x->p + 1 == x->end || !strchr("@*#?$!-0123456789", x->p[1]) ? n : 1;
        x->p += 1 + more;
        hg_shell_add(x, w, from, 1 + more);
    }
}
