#include "html_check.h"

#include "test.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 64, NAME = 24 };

typedef struct checker {
    const char *at, *what; /* what: the first fault, or NULL */
    char open[DEPTH][NAME];
    int depth;
    html_counts counts;
} checker;

static bool fault(checker *c, const char *what)
{
    if (!c->what)
        c->what = what;
    return false;
}

static bool is_void(const char *name)
{
    return !strcmp(name, "meta") || !strcmp(name, "br");
}

/* Of a chart: places in percent lie inside it. */
static bool check_place(checker *c, const char *value, size_t n)
{
    if (n == 0 || value[n - 1] != '%' || !isdigit((unsigned char)*value))
        return true;
    double percent = strtod(value, NULL);
    return (percent >= 0 && percent <= 100) || fault(c, "a place outside its chart");
}

/* name="value", name=value or name; nothing that runs, nothing from elsewhere. */
static bool attribute(checker *c)
{
    size_t n = strcspn(c->at, " =>/\n\"'<");
    const char *name = c->at;
    if (n == 0)
        return fault(c, "an attribute without a name");
    if (hg_starts(name, "on") || hg_starts(name, "src") || hg_starts(name, "style"))
        return fault(c, "an attribute that runs or loads");
    c->at += n;
    if (*c->at != '=')
        return true;
    c->at++;
    bool quoted = *c->at == '"';
    const char *value = c->at += quoted;
    n = strcspn(value, quoted ? "\"" : " >");
    if (memchr(value, '<', n))
        return fault(c, "a bare < in an attribute");
    if (hg_starts(name, "href") && *value != '#')
        return fault(c, "a link that leaves the page");
    if (hg_starts(name, "class") && *value == 'p' && value[1] == ' ')
        c->counts.markers++;
    c->at += n + quoted;
    return check_place(c, value, n);
}

static bool close_tag(checker *c, const char *name)
{
    if (c->depth == 0 || strcmp(c->open[c->depth - 1], name) != 0)
        return fault(c, "a tag closes that is not open");
    c->depth--;
    return true;
}

static bool tag(checker *c)
{
    bool closes = c->at[1] == '/';
    c->at += 1 + closes;
    size_t n = strcspn(c->at, " >/\n");
    char name[NAME] = "";
    if (n == 0 || n >= NAME)
        return fault(c, "a tag without a name");
    memcpy(name, c->at, n);
    c->at += n;
    c->counts.rows += !closes && strcmp(name, "tr") == 0;
    while (*c->at == ' ')
        if (c->at++, !attribute(c))
            return false;
    bool alone = *c->at == '/';
    c->at += alone;
    if (*c->at++ != '>')
        return fault(c, "a tag that does not end");
    if (closes)
        return close_tag(c, name);
    if (alone || is_void(name))
        return true;
    if (c->depth == DEPTH)
        return fault(c, "too deep");
    memcpy(c->open[c->depth++], name, NAME);
    if (strcmp(name, "style") == 0 || strcmp(name, "script") == 0) {
        const char *end = strstr(c->at, name[1] == 't' ? "</style" : "</script");
        if (!end)
            return fault(c, "a style or script without end");
        c->at = end;
    }
    return true;
}

static bool entity(checker *c)
{
    static const char *const known[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&nbsp;" };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (hg_starts(c->at, known[i])) {
            c->at += strlen(known[i]);
            return true;
        }
    return fault(c, "a bare &");
}

html_counts html_check(const char *html)
{
    checker c = { .at = html };
    if (!hg_starts(html, "<!doctype html>\n"))
        fault(&c, "no doctype");
    c.at += strcspn(html, "\n");
    while (*c.at && !c.what) {
        if (*c.at == '<')
            tag(&c);
        else if (*c.at == '&')
            entity(&c);
        else
            c.at++;
    }
    if (!c.what && c.depth)
        fault(&c, "a tag stays open");
    CHECKF(!c.what, "%s, at '%.60s'", c.what, c.at);
    return c.counts;
}
