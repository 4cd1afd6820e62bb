/* How often a shell's loops run, as far as their heads say it. */
#include "engine/shell.h"

#include "base/num.h"

#include <stdio.h>
#include <string.h>

/* From first to last by steps, both counted; 1 where the numbers are none to count with. */
static int64_t counted(long first, long step, long last)
{
    bool sane = first >= 0 && last <= HG_LAUNCHES_MOST && step > 0;
    return !sane ? 1 : last < first ? 0 : (last - first) / step + 1;
}

/* "$(seq 0 7)" and "{0..7}" are as many words as they count. */
static int64_t words_in(const char *w)
{
    long a, b, c;
    char end;
    int n = sscanf(w, "$(seq %ld %ld %ld%c", &a, &b, &c, &end);
    if (n == 1)
        return counted(1, 1, a);
    if (n == 2)
        return counted(a, 1, b);
    if (n == 4 && end == ')')
        return counted(a, b, c);
    return sscanf(w, "{%ld..%ld%c", &a, &b, &end) == 3 && end == '}' ? counted(a, 1, b) : 1;
}

/* for x in a b c; while [ 0 -lt 7 ], as its variables stand before it; others run once. */
static int64_t repeats(const hg_shell_command *c)
{
    int64_t n = 0, from, to;
    const hg_shell_item *w = c->words;
    if (strcmp(w[0].s, "for") == 0 && c->count > 2 && strcmp(w[2].s, "in") == 0)
        for (size_t i = 3; i < c->count; i++)
            n = hg_min_i64(HG_LAUNCHES_MOST, n + hg_min_i64(HG_LAUNCHES_MOST, words_in(w[i].s)));
    else if (c->count > 4 && strcmp(w[1].s, "[") == 0 && hg_parse_i64(w[2].s, &from) &&
             strcmp(w[3].s, "-lt") == 0 && hg_parse_i64(w[4].s, &to) && from >= 0 && to > from)
        n = to - from;
    return n > 1 ? hg_min_i64(n, HG_LAUNCHES_MOST) : 1;
}

static void open_loop(hg_shell_lexer *x, int64_t times)
{
    if (x->loop_count < HG_SHELL_LOOPS)
        x->loops[x->loop_count] = times;
    x->loop_count++;
}

void hg_shell_loops_follow(hg_shell_lexer *x, const hg_shell_command *c)
{
    const char *w = c->count ? c->words[0].s : "";
    if (strcmp(w, "for") == 0 || strcmp(w, "while") == 0 || strcmp(w, "until") == 0)
        open_loop(x, repeats(c));
    else if (strcmp(w, "done") == 0 && x->loop_count > 0)
        x->loop_count--;
}

/* Of a command that the script does not wait for. */
int64_t hg_shell_times(const hg_shell_lexer *x)
{
    int64_t n = 1;
    for (size_t i = 0; i < x->loop_count && i < HG_SHELL_LOOPS; i++)
        n = hg_min_i64(n * x->loops[i], HG_LAUNCHES_MOST);
    return n;
}

/* ((…)): arithmetic is no command; for ((i = 0; i < 8; i++)) says how often. */
void hg_shell_arithmetic(hg_shell_lexer *x)
{
    char text[128];
    long first, last;
    char end;
    const char *from = x->p + 2;
    int depth = 0;
    for (; x->p < x->end && *x->p != '\n'; x->p++) {
        depth += (*x->p == '(') - (*x->p == ')');
        if (depth == 0)
            break;
    }
    x->p += x->p < x->end && *x->p == ')';
    snprintf(text, sizeof text, "%.*s", (int)(x->p > from ? x->p - from : 0), from);
    if (x->now.count != 1 || strcmp(x->now.words[0].s, "for") != 0)
        return;
    bool counts =
        sscanf(text, " %*[a-zA-Z_] = %ld ; %*[a-zA-Z_] < %ld%c", &first, &last, &end) == 3;
    open_loop(x, counts && last > first ? counted(first, 1, last - 1) : 1);
    x->now = (hg_shell_command){ 0 };
}
