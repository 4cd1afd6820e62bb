#include "tune/knobs.h"

#include "base/num.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

static const char gaps[] = " \t\r\n";

static hg_tune_knob *knob_named(hg_tune_knobs *k, const char *name)
{
    for (size_t i = 0; i < k->count; i++)
        if (strcmp(k->list[i].name, name) == 0)
            return &k->list[i];
    return NULL;
}

static bool has_value(const hg_tune_knob *k, const char *value, size_t *level)
{
    for (size_t i = 0; i < k->count; i++)
        if (strcmp(k->values[i], value) == 0)
            return *level = i, true;
    return false;
}

/* Of sizes 8 and 8.0 are one place. */
static bool has_number(const hg_tune_knob *k, const char *value, size_t *level)
{
    double number, other;
    for (size_t i = 0; k->ordered && hg_parse_f64(value, &number) && i < k->count; i++)
        if (hg_parse_f64(k->values[i], &other) && other == number)
            return *level = i, true;
    return false;
}

/* A value becomes a word of a command line, whole; what a table or a log would break on is no value. */
static bool is_plain(const char *s)
{
    for (const char *p = s; *p; p++)
        if (*p <= ' ' || *p == 127 || *p == '"' || *p == '\'' || *p == '\\')
            return false;
    return *s != 0;
}

static bool add_value(hg_arena *arena, hg_tune_knob *k, const char *value, const char *where, hg_err *err)
{
    size_t level;
    double number;
    if (!is_plain(value))
        return hg_fail(err, HG_INPUT, where, "gives %s an empty value or one with quotes; write %s=1,2,4", k->name, k->name);
    if (has_value(k, value, &level))
        return hg_fail(err, HG_INPUT, where, "gives %s the value %s twice; write it once", k->name, value);
    if (k->count == HG_TUNE_LEVELS)
        return hg_fail(err, HG_INPUT, where, "gives %s more than %d values; leave some out", k->name, HG_TUNE_LEVELS);
    k->ordered &= hg_parse_f64(value, &number);
    k->values[k->count++] = hg_strdup(arena, value);
    return true;
}

/* lo, 2 lo, 4 lo, … and hi. */
static bool add_range(hg_arena *arena, hg_tune_knob *k, const char *lo_text, const char *hi_text, const char *where, hg_err *err)
{
    int64_t lo, hi;
    if (!hg_parse_i64(lo_text, &lo) || !hg_parse_i64(hi_text, &hi) || lo < 1 || hi <= lo || hi > INT64_C(1) << 50)
        return hg_fail(err, HG_INPUT, where, "gives %s the range %.20s..%.20s; write two whole numbers from 1 on, the lower first", k->name,
                       lo_text, hi_text);
    for (int64_t v = lo; v < hi; v *= 2)
        if (!add_value(arena, k, hg_textf(arena, "%lld", (long long)v), where, err))
            return false;
    return add_value(arena, k, hg_textf(arena, "%lld", (long long)hi), where, err);
}

/* By value, so that a place in the list says how far. */
static void sort_values(hg_tune_knob *k)
{
    for (size_t i = 1; k->ordered && i < k->count; i++)
        for (size_t j = i; j > 0; j--) {
            double a = 0, b = 0;
            hg_parse_f64(k->values[j - 1], &a);
            hg_parse_f64(k->values[j], &b);
            if (a <= b)
                break;
            const char *held = k->values[j];
            k->values[j] = k->values[j - 1];
            k->values[j - 1] = held;
        }
}

/* Two words for one number would be two settings that nothing tells apart. */
static bool numbers_differ(const hg_tune_knob *k, const char *where, hg_err *err)
{
    double a, b;
    for (size_t i = 1; k->ordered && i < k->count; i++)
        if (hg_parse_f64(k->values[i - 1], &a) && hg_parse_f64(k->values[i], &b) && a == b)
            return hg_fail(err, HG_INPUT, where, "gives %s one value twice, as %s and %s; write it once", k->name, k->values[i - 1], k->values[i]);
    return true;
}

static bool add_knob(hg_arena *arena, hg_tune_knobs *out, char *text, const char *where, hg_err *err)
{
    char *values = strchr(text, '=');
    if (!values || values == text)
        return hg_fail(err, HG_INPUT, where, "'%.60s' is no knob; write NAME=1,2,4 or NAME=1..64", text);
    *values++ = 0;
    while (*text == '-')
        text++;
    if (!is_plain(text) || strpbrk(text, "{}"))
        return hg_fail(err, HG_INPUT, where, "'%.60s' is no name of a knob; write the engine's flag without dashes, or the name in a launch's {NAME}", text);
    if (knob_named(out, text))
        return hg_fail(err, HG_INPUT, where, "names %.60s twice; keep one", text);
    if (out->count == HG_TUNE_KNOBS)
        return hg_fail(err, HG_INPUT, where, "names more than %d knobs; leave some out", HG_TUNE_KNOBS);
    hg_tune_knob *k = &out->list[out->count++];
    *k = (hg_tune_knob){ .name = hg_strdup(arena, text), .values = HG_NEW(arena, const char *, HG_TUNE_LEVELS + 1), .ordered = true };
    for (char *next; values; values = next) {
        next = strchr(values, ',');
        if (next)
            *next++ = 0;
        char *dots = strstr(values, "..");
        if (dots)
            *dots = 0;
        if (dots ? !add_range(arena, k, values, dots + 2, where, err) : !add_value(arena, k, values, where, err))
            return false;
    }
    sort_values(k);
    return numbers_differ(k, where, err);
}

bool hg_tune_knobs_parse(hg_arena *arena, const char *text, const char *where, hg_tune_knobs *out, hg_err *err)
{
    char *p = hg_strdup(arena, text), *next;
    *out = (hg_tune_knobs){ .count = 0 };
    for (p += strspn(p, gaps); *p; p = next + strspn(next, gaps)) {
        next = p + strcspn(p, gaps);
        if (*next)
            *next++ = 0;
        hg_text_clean(p);
        if (!add_knob(arena, out, p, where, err))
            return false;
    }
    return out->count > 0 || hg_fail(err, HG_INPUT, where, "names no knob; write NAME=1,2,4 or NAME=1..64");
}

bool hg_tune_knobs_live(hg_arena *arena, hg_tune_knobs *k, const char *text, const char *where, hg_err *err)
{
    char *line = hg_strdup(arena, text), *next;
    for (; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        if (!*line)
            continue;
        char *path = strchr(line, '='), *body = path ? strchr(path, ' ') : NULL;
        if (!body || path[1] != '/' || !strstr(body, "{value}"))
            return hg_fail(err, HG_INPUT, where, "'%.80s' says not how; write NAME=/path {\"field\":{value}}", line);
        *path++ = *body++ = 0;
        hg_tune_knob *knob = knob_named(k, line);
        if (!knob)
            return hg_fail(err, HG_INPUT, where, "'%.60s' is no knob of --knob; name one of those, or give --knob %.60s=VALUES too", line, line);
        knob->live_path = path;
        knob->live_body = body;
    }
    return true;
}

bool hg_tune_knobs_baseline(hg_arena *arena, hg_tune_knobs *k, const char *text, const char *where, size_t *levels, hg_err *err)
{
    const char *wanted[HG_TUNE_KNOBS] = { NULL };
    char *p = hg_strdup(arena, text ? text : ""), *next;
    for (p += strspn(p, gaps); *p; p = next + strspn(next, gaps)) {
        next = p + strcspn(p, gaps);
        if (*next)
            *next++ = 0;
        hg_text_clean(p);
        char *value = strchr(p, '=');
        if (value)
            *value++ = 0;
        while (*p == '-')
            p++;
        hg_tune_knob *knob = knob_named(k, p);
        if (!value || !knob)
            return hg_fail(err, HG_INPUT, where, "'%.60s' is no knob of --knob with its value; write NAME=VALUE", p);
        size_t level;
        if (!has_value(knob, value, &level) && !has_number(knob, value, &level) && !add_value(arena, knob, value, where, err))
            return false;
        sort_values(knob);
        wanted[knob - k->list] = value;
    }
    for (size_t i = 0; i < k->count; i++) {
        levels[i] = 0;
        if (wanted[i] && !has_value(&k->list[i], wanted[i], &levels[i]))
            has_number(&k->list[i], wanted[i], &levels[i]);
    }
    return true;
}

/* By the logarithm where all are above 0: sizes.  Where that is beyond a double, or nothing, by rank. */
static const double *places(hg_arena *arena, const hg_tune_knob *k)
{
    double *x = HG_NEW(arena, double, k->count), lo = 0, hi = 0, v;
    if (k->ordered) {
        hg_parse_f64(k->values[0], &lo);
        hg_parse_f64(k->values[k->count - 1], &hi);
    }
    double span = lo > 0 ? log(hi / lo) : hi - lo;
    bool by_value = k->ordered && span > 0 && isfinite(span);
    for (size_t i = 0; i < k->count; i++) {
        x[i] = k->count > 1 ? (double)i / (double)(k->count - 1) : 0;
        if (by_value && hg_parse_f64(k->values[i], &v))
            x[i] = (lo > 0 ? log(v / lo) : v - lo) / span;
    }
    return x;
}

bool hg_tune_space_open(hg_arena *arena, const hg_tune_knobs *k, const size_t *baseline, const char *where, hg_tune_space *out, hg_err *err)
{
    size_t points = 1, *levels = HG_NEW(arena, size_t, k->count);
    bool *ordered = HG_NEW(arena, bool, k->count), *live = HG_NEW(arena, bool, k->count);
    const double **x = HG_NEW(arena, const double *, k->count);
    for (size_t i = 0; i < k->count; i++) {
        levels[i] = k->list[i].count;
        ordered[i] = k->list[i].ordered;
        live[i] = k->list[i].live_path != NULL;
        x[i] = places(arena, &k->list[i]);
        points *= levels[i];
        if (points > HG_TUNE_POINTS)
            return hg_fail(err, HG_INPUT, where, "spans more than %d combinations; fewer knobs or values, please", HG_TUNE_POINTS);
    }
    const uint8_t **at = HG_NEW(arena, const uint8_t *, points);
    uint8_t *all = HG_NEW(arena, uint8_t, points * k->count);
    *out = (hg_tune_space){ .knobs = k->count, .levels = levels, .x = x, .ordered = ordered, .live = live, .points = points, .at = at };
    for (size_t p = 0; p < points; p++) {
        uint8_t *row = all + p * k->count;
        size_t rest = p;
        bool is_baseline = true;
        for (size_t i = k->count; i-- > 0; rest /= levels[i]) {
            row[i] = (uint8_t)(rest % levels[i]);
            is_baseline &= row[i] == baseline[i];
        }
        at[p] = row;
        if (is_baseline)
            out->baseline = p;
    }
    return true;
}

const char *hg_tune_point_value(const hg_tune_knobs *k, const hg_tune_space *s, size_t point, size_t knob)
{
    return k->list[knob].values[s->at[point][knob]];
}

const char *hg_tune_point_text(hg_arena *arena, const hg_tune_knobs *k, const hg_tune_space *s, size_t point)
{
    hg_buf b = { .arena = arena };
    for (size_t i = 0; i < k->count; i++)
        hg_buf_printf(&b, "%s%s=%s", i ? " " : "", k->list[i].name, hg_tune_point_value(k, s, point, i));
    return b.s;
}

size_t hg_tune_point_of(hg_arena scratch, const hg_tune_knobs *k, const hg_tune_space *s, const char *text)
{
    for (size_t p = 0; p < s->points; p++) {
        hg_arena one = scratch;
        if (strcmp(hg_tune_point_text(&one, k, s, p), text) == 0)
            return p;
    }
    return s->points;
}

bool hg_tune_needs_restart(const hg_tune_knobs *k, const hg_tune_space *s, size_t from, size_t to)
{
    for (size_t i = 0; i < k->count; i++)
        if (!k->list[i].live_path && s->at[from][i] != s->at[to][i])
            return true;
    return false;
}
