#include "fit/calibrate.h"

#include "base/json.h"
#include "base/num.h"
#include "base/pack.h"
#include "base/pool.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void write_floats(hg_json *j, const char *key, const float *x, int n)
{
    hg_json_key(j, key);
    hg_json_open(j, '[');
    for (int i = 0; i < n; i++)
        hg_json_num(j, (double)x[i]);
    hg_json_close(j, ']');
}

/* A rounded error: what the file says needs three digits, and noise in the last bits must not show. */
static double rounded(double x)
{
    return round(x * 1e4) / 1e4;
}

static void write_series(hg_json *j, const hg_surface *s, const hg_series *r)
{
    hg_buf_puts(j->out, "\n    ");
    hg_json_open(j, '{');
    hg_json_key_str(j, "key", r->key);
    hg_json_key_int(j, "rows", r->rows);
    hg_json_key_num(j, "launch_us", round(r->launch_s * 1e9) / 1e3);
    hg_json_key_num(j, "error_mean", rounded(r->error_mean));
    hg_json_key_num(j, "error_p80", rounded(r->error_p80));
    write_floats(j, "lo", r->lo, s->feature_count);
    write_floats(j, "hi", r->hi, s->feature_count);
    hg_json_key(j, "span");
    hg_json_open(j, '[');
    for (int i = 0; i < s->op->span_count; i++)
        hg_json_raw(j, hg_textf(j->out->arena, "%.5g", r->span[i]));
    hg_json_close(j, ']');
    hg_json_key(j, "terms");
    hg_json_open(j, '[');
    for (int i = 0; i < r->term_count; i++)
        hg_json_int(j, r->term[i]);
    hg_json_close(j, ']');
    hg_json_close(j, '}');
}

static void write_term(hg_json *j, const hg_term *t)
{
    hg_buf_puts(j->out, "\n    ");
    hg_json_open(j, '{');
    hg_json_key(j, "axes");
    hg_json_open(j, '[');
    for (int a = 0; a < t->axes; a++) {
        hg_json_open(j, '{');
        hg_json_key_int(j, "feature", t->axis[a].feature);
        write_floats(j, "knots", t->axis[a].at, t->axis[a].knots);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
    hg_json_close(j, '}');
}

static char *surface_text(hg_arena *arena, hg_arena scratch, const hg_surface *s, size_t skipped)
{
    hg_buf out = { .arena = arena };
    hg_json j = { .out = &out };
    hg_json_open(&j, '{');
    hg_json_key_int(&j, "rows", s->rows);
    hg_json_key_int(&j, "rows_unusable", (int64_t)skipped);
    hg_json_key_num(&j, "error_mean", rounded(s->error_mean));
    hg_json_key_num(&j, "error_median", rounded(s->error_median));
    hg_json_key_num(&j, "lowest", rounded(s->lowest));
    hg_json_key_num(&j, "highest", rounded(s->highest));
    hg_json_key(&j, "series");
    hg_json_open(&j, '[');
    for (int k = 0; k < s->series_count; k++)
        write_series(&j, s, &s->series[k]);
    hg_json_close(&j, ']');
    hg_json_key(&j, "terms");
    hg_json_open(&j, '[');
    for (int t = 0; t < s->term_count; t++)
        write_term(&j, &s->terms[t]);
    hg_json_close(&j, ']');
    double *wide = HG_NEW(&scratch, double, s->coefficient_count);
    for (int i = 0; i < s->coefficient_count; i++)
        wide[i] = hg_clamp((double)s->coefficients[i], -15, 15);
    hg_buf_puts(&out, ",\n    \"coefficients\":\"");
    hg_buf_puts(&out, hg_pack16(&scratch, wide, (size_t)s->coefficient_count, HG_COEFFICIENT_STEP));
    hg_buf_puts(&out, "\"}");
    return out.s;
}

typedef struct job {
    const hg_device *device;
    const char *const *paths;
    const char *op;
    int folds;
    hg_fitted *out;
    hg_arena *arenas; /* two a thread: what is kept, and scratch */
} job;

static const hg_op *op_of_path(hg_arena *arena, const char *path)
{
    const char *name = hg_basename(path);
    return hg_op_find(hg_strndup(arena, name, strcspn(name, ".")));
}

static void fit_one(void *ctx, size_t i, int thread)
{
    job *w = ctx;
    hg_fitted *r = &w->out[i];
    hg_arena *keep = &w->arenas[2 * thread], scratch = w->arenas[2 * thread + 1];
    hg_arena work = *keep; /* the table ends with this call; the text is kept after it */
    const char *path = w->paths[i];
    const hg_op *op = w->op ? hg_op_find(w->op) : op_of_path(&work, path);
    hg_table t;
    hg_surface s;
    r->path = path;
    if (!op) {
        hg_fail(&r->err, HG_INPUT, path, "is named after no operator heng knows");
        return;
    }
    r->op = op->name;
    if (!hg_table_read(&work, op, path, &t, &r->err))
        return;
    if (t.count < 8) {
        hg_fail(&r->err, HG_INPUT, path, "has %zu usable rows; a surface needs 8", t.count);
        return;
    }
    hg_surface_fit(&work, scratch, &t, w->device, -1, &s);
    double *errors = HG_NEW(&work, double, t.count);
    hg_surface_validate(scratch, &t, w->device, w->folds, &s, errors);
    *r = (hg_fitted){ .op = op->name, .path = path, .ok = true, .rows = t.count,
                      .skipped = t.skipped, .coefficients = s.coefficient_count };
    r->error = hg_error_summary(scratch, errors, hg_drop_unknown(errors, t.count));
    r->json = surface_text(&work, scratch, &s, t.skipped);
    size_t n = strlen(r->json);
    char *kept = hg_alloc(&scratch, n + 1, 1);
    memcpy(kept, r->json, n);
    r->json = hg_strdup(keep, kept);
}

void hg_fit_tables(hg_arena *keep, const hg_device *device, const char *const *paths, size_t count,
                   const char *op, int folds, int threads, hg_fitted *out)
{
    if (threads <= 0)
        threads = hg_processors();
    job w = { device, paths, op, folds, out, HG_NEW(keep, hg_arena, 2 * threads) };
    for (int t = 0; t < 2 * threads; t++) {
        bool opened = hg_arena_open(&w.arenas[t], 0);
        assert(opened && "address space for the fits");
        (void)opened;
    }
    hg_parallel(count, threads, fit_one, &w);
    for (size_t i = 0; i < count; i++)
        if (out[i].json)
            out[i].json = hg_strdup(keep, out[i].json);
    for (int t = 0; t < 2 * threads; t++)
        hg_arena_close(&w.arenas[t]);
}

/* The text without its date line, for comparing. */
static bool same_but_date(const char *a, const char *b)
{
    const char *key = "\"fitted\":\"";
    const char *x = strstr(a, key), *y = strstr(b, key);
    if (!x || !y || x - a != y - b || strncmp(a, b, (size_t)(x - a)) != 0)
        return false;
    x = strchr(x + strlen(key), '"');
    y = strchr(y + strlen(key), '"');
    return x && y && strcmp(x, y) == 0;
}

/* One op's object, as text. */
typedef struct piece {
    const char *op, *json;
} piece;

/* The end of the object that begins at `s`; braces within strings do not count. */
static const char *object_end(const char *s)
{
    int depth = 0;
    bool quoted = false;
    for (; *s; s++) {
        quoted ^= *s == '"';
        depth += quoted ? 0 : (*s == '{') - (*s == '}');
        if (depth == 0)
            return s + 1;
    }
    return s;
}

static bool among(const piece *pieces, size_t n, const char *op)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(pieces[i].op, op) == 0)
            return true;
    return false;
}

/* Adds an existing file's ops to those fitted anew, letter by letter as they stand there: hg_calibration_text
 * begins the line of each with two spaces and its name. */
static size_t keep_existing(hg_arena *arena, const char *existing, piece *pieces, size_t n, size_t most)
{
    static const char start[] = "\n  \"";
    for (const char *at = strstr(existing, start); at && n < most; at = strstr(at, start)) {
        at += sizeof start - 1;
        const char *name = hg_strndup(arena, at, strcspn(at, "\"")), *json = strchr(at, '{');
        if (!json)
            break;
        at = object_end(json);
        if (!among(pieces, n, name))
            pieces[n++] = (piece){ name, hg_strndup(arena, json, (size_t)(at - json)) };
    }
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const piece *)a)->op, ((const piece *)b)->op);
}

static void write_ops(hg_json *j, const piece *pieces, size_t n)
{
    hg_json_key(j, "ops");
    hg_json_open(j, '{');
    for (size_t i = 0; i < n; i++) {
        hg_buf_puts(j->out, i ? ",\n  " : "\n  ");
        j->comma = false;
        hg_json_key(j, pieces[i].op);
        hg_json_raw(j, pieces[i].json);
    }
    hg_json_close(j, '}');
}

char *hg_calibration_text(hg_arena *arena, const char *device, const char *engine,
                          const char *version, const char *source, const char *fitted,
                          const hg_fitted *tables, size_t count, const char *existing, bool keep_ops)
{
    hg_buf out = { .arena = arena };
    hg_json j = { .out = &out };
    size_t most = count + HG_OPS_MAX, n = 0;
    piece *pieces = HG_NEW(arena, piece, most);
    for (size_t i = 0; i < count; i++)
        if (tables[i].ok)
            pieces[n++] = (piece){ tables[i].op, tables[i].json };
    if (existing && keep_ops)
        n = keep_existing(arena, existing, pieces, n, most);
    qsort(pieces, n, sizeof *pieces, by_name);
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "device", device);
    hg_json_key_str(&j, "engine", engine);
    hg_json_key_str(&j, "version", version);
    hg_buf_puts(&out, ",\n");
    j.comma = false;
    hg_json_key_str(&j, "fitted", fitted);
    hg_json_key_str(&j, "how", "heng calibrate ops: log(time / (roofline + launch)) by backfitting; "
                               "errors are relative, on shape families kept back, five folds");
    hg_json_key_str(&j, "source", source);
    write_ops(&j, pieces, n);
    hg_json_close(&j, '}');
    hg_buf_puts(&out, "\n");
    return existing && same_but_date(out.s, existing) ? hg_strdup(arena, existing) : out.s;
}
