#include "fit/own_runs.h"

#include "base/file.h"
#include "base/json.h"
#include "base/num.h"
#include "base/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FILE_LIMIT = 64000000, MOST_TOKENS = 1000000000 };

/* A row's fields as the file names them. */
static const struct {
    const char *key;
    size_t offset;
} texts[] = {
#define TEXT(key, member) { key, offsetof(hg_serving_row, member) }
    TEXT("model", model), TEXT("device", device), TEXT("engine", engine), TEXT("version", version), TEXT("era", era),
    TEXT("precision", precision),
    TEXT("gemm_quant_mode", gemm_quant), TEXT("moe_quant_mode", moe_quant), TEXT("mode", mode),
#undef TEXT
};

static const struct {
    const char *key;
    size_t offset;
    int64_t blank;
} wholes[] = {
#define WHOLE(key, member, blank) { key, offsetof(hg_serving_row, member), blank }
    WHOLE("isl", isl, 0), WHOLE("osl", osl, 0), WHOLE("concurrency", concurrency, 0), WHOLE("tp_size", tp, 1), WHOLE("pp_size", pp, 1),
    WHOLE("dp_size", dp, 1), WHOLE("moe_tp_size", moe_tp, 0), WHOLE("moe_ep_size", moe_ep, 0),
#define POOL(p)                                                                                                                    \
    WHOLE(#p "_num_workers", p.workers, 0), WHOLE(#p "_batch_size", p.batch, 0), WHOLE(#p "_tp_size", p.tp, 1),                    \
    WHOLE(#p "_pp_size", p.pp, 1), WHOLE(#p "_attention_dp_size", p.dp, 1), WHOLE(#p "_moe_tp_size", p.moe_tp, 0),                 \
    WHOLE(#p "_moe_ep_size", p.moe_ep, 0)
    POOL(prefill), POOL(decode),
#undef POOL
#undef WHOLE
};
enum { TEXTS = sizeof texts / sizeof *texts, WHOLES = sizeof wholes / sizeof *wholes };

static void write_launch(hg_json *j, const hg_launch_facts *l)
{
    const struct { const char *key; double v; } facts[] = {
        { "length_range", l->length_range }, { "requests_per_client", (double)l->requests_per_client },
        { "max_num_batched_tokens", (double)l->max_num_batched_tokens }, { "max_num_seqs", (double)l->max_num_seqs },
        { "gpu_memory_utilization", l->gpu_memory_utilization }, { "draft_tokens", l->draft_tokens },
        { "accepted_tokens", l->accepted_tokens },
    };
    hg_json_key(j, "launch");
    hg_json_open(j, '{');
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (facts[i].v != 0)
            hg_json_key_num(j, facts[i].key, facts[i].v);
    if (l->kv_given)
        hg_json_key_str(j, "kv_dtype", hg_dtype_table[l->kv_dtype].name);
    hg_json_close(j, '}');
}

static void write_run(hg_json *j, const hg_serving_row *r)
{
    hg_buf_puts(j->out, j->comma ? ",\n" : "\n");
    j->comma = false;
    hg_json_open(j, '{');
    for (int i = 0; i < TEXTS; i++) {
        const char *s;
        memcpy(&s, (const char *)r + texts[i].offset, sizeof s);
        if (s && *s)
            hg_json_key_str(j, texts[i].key, s);
    }
    for (int i = 0; i < WHOLES; i++) {
        int64_t v;
        memcpy(&v, (const char *)r + wholes[i].offset, sizeof v);
        if (v != wholes[i].blank && v != 0)
            hg_json_key_int(j, wholes[i].key, v);
    }
    hg_json_key_bool(j, "dp_given", r->dp_given);
    if (r->ttft_s > 0)
        hg_json_key_num(j, "ttft_s", r->ttft_s);
    if (r->tpot_s > 0)
        hg_json_key_num(j, "tpot_s", r->tpot_s);
    if (r->own)
        write_launch(j, r->own);
    hg_json_close(j, '}');
}

static void write_terms(hg_json *j, const hg_overheads *terms, const hg_serving_case *c)
{
    hg_overheads o = *terms;
    hg_buf_puts(j->out, "\n");
    hg_json_key(j, "host_terms");
    hg_json_open(j, '{');
    hg_json_key_str(j, "model", c->problem->model.name);
    hg_json_key_str(j, "engine", c->problem->engine.name);
    hg_json_key_str(j, "device", c->problem->rates.device.name);
    for (int k = 0; k < HG_OVERHEAD_TERMS; k++)
        hg_json_key_str(j, hg_overhead_terms[k].name, hg_overhead_text(j->out->arena, &o, k));
    hg_json_close(j, '}');
}

static void write_corrects(hg_json *j, const bool corrects[HG_MISS_FIGURES])
{
    hg_json_key(j, "corrects");
    hg_json_open(j, '[');
    for (int f = 0; f < HG_MISS_FIGURES; f++)
        if (corrects[f])
            hg_json_str(j, hg_miss_names[f]);
    hg_json_close(j, ']');
}

/* A file that does not say corrects all. */
static void read_corrects(const json_t *list, bool out[HG_MISS_FIGURES])
{
    for (int f = 0; f < HG_MISS_FIGURES; f++) {
        out[f] = !json_is_array(list);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const char *name = json_string_value(json_array_get(list, i));
            out[f] |= name && strcmp(name, hg_miss_names[f]) == 0;
        }
    }
}

const char *hg_own_text(hg_arena *arena, const hg_serving_table *t, const hg_overheads *terms, const bool corrects[HG_MISS_FIGURES],
                        const char *source, const char *date)
{
    hg_buf b = { .arena = arena };
    hg_json j = { .out = &b };
    const hg_serving_case *first = NULL;
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "how", "heng calibrate serving: runs of your own; --calibration lays them over the shipped predictions");
    hg_json_key_str(&j, "source", source);
    hg_json_key_str(&j, "fitted", date);
    write_corrects(&j, corrects);
    hg_json_key(&j, "runs");
    hg_json_open(&j, '[');
    for (size_t i = 0; i < t->count; i++)
        if (!*t->samples[i].of.reason) {
            write_run(&j, &t->rows[i]);
            first = first ? first : &t->samples[i].of;
        }
    hg_json_close(&j, ']');
    if (terms && first)
        write_terms(&j, terms, first);
    hg_json_close(&j, '}');
    hg_buf_puts(&b, "\n");
    return b.s;
}

static json_t *open_file(hg_arena *arena, const char *path, hg_err *err)
{
    size_t size;
    const char *text = hg_file_read(arena, path, FILE_LIMIT, &size, err);
    return text ? hg_json_parse(text, size, path, err) : NULL;
}

bool hg_own_is(hg_arena scratch, const char *path, bool *own, hg_err *err)
{
    json_t *root = open_file(&scratch, path, err);
    *own = json_is_array(json_object_get(root, "runs"));
    json_decref(root);
    return root != NULL;
}

static double at_most(const json_t *o, const char *key, double most)
{
    return hg_clamp(json_number_value(json_object_get(o, key)), -1, most);
}

static const hg_launch_facts *read_launch(hg_arena *arena, const json_t *o)
{
    if (!json_is_object(o))
        return NULL;
    hg_launch_facts *l = HG_NEW(arena, hg_launch_facts, 1);
    *l = (hg_launch_facts){ .length_range = at_most(o, "length_range", 1),
                            .requests_per_client = (int64_t)at_most(o, "requests_per_client", 100),
                            .max_num_batched_tokens = (int64_t)at_most(o, "max_num_batched_tokens", 1e8),
                            .max_num_seqs = (int64_t)at_most(o, "max_num_seqs", 1e6),
                            .gpu_memory_utilization = at_most(o, "gpu_memory_utilization", 1),
                            .draft_tokens = at_most(o, "draft_tokens", 64), .accepted_tokens = at_most(o, "accepted_tokens", 64) };
    const char *kv = json_string_value(json_object_get(o, "kv_dtype"));
    l->kv_given = kv && hg_dtype_parse(kv, &l->kv_dtype);
    return l;
}

static bool read_run(hg_arena *arena, const json_t *o, const char *where, hg_serving_row *r, hg_err *err)
{
    *r = (hg_serving_row){ .id = "", .published = true, .dp_given = json_is_true(json_object_get(o, "dp_given")), .ttft_s = NAN, .tpot_s = NAN };
    for (int i = 0; i < TEXTS; i++) {
        const char *s = json_string_value(json_object_get(o, texts[i].key));
        s = s ? hg_strdup(arena, s) : "";
        memcpy((char *)r + texts[i].offset, &s, sizeof s);
    }
    for (int i = 0; i < WHOLES; i++) {
        const json_t *v = json_object_get(o, wholes[i].key);
        int64_t n = v ? (int64_t)hg_clamp(json_number_value(v), 0, MOST_TOKENS) : wholes[i].blank;
        memcpy((char *)r + wholes[i].offset, &n, sizeof n);
    }
    r->era = *r->era ? r->era : r->version;
    r->disaggregated = strcmp(r->mode, "disagg") == 0;
    r->own = read_launch(arena, json_object_get(o, "launch"));
    double ttft = json_number_value(json_object_get(o, "ttft_s")), tpot = json_number_value(json_object_get(o, "tpot_s"));
    r->ttft_s = ttft > 0 ? ttft : NAN;
    r->tpot_s = tpot > 0 ? tpot : NAN;
    return (*r->model && *r->device && *r->engine && r->isl > 0 && r->osl > 0 && r->concurrency > 0) ||
           hg_fail(err, HG_INPUT, where, "lacks model, device, engine, isl, osl or concurrency; write the file anew with "
                   "'heng calibrate serving'");
}

bool hg_own_rows(hg_arena *arena, const char *path, hg_serving_row **rows, size_t *n, hg_err *err)
{
    json_t *root = open_file(arena, path, err);
    const json_t *list = json_object_get(root, "runs");
    bool ok = root && (json_is_array(list) || hg_fail(err, HG_INPUT, path, "holds no runs; 'heng calibrate serving' writes them"));
    *n = ok ? json_array_size(list) : 0;
    *rows = HG_NEW(arena, hg_serving_row, *n);
    for (size_t i = 0; ok && i < *n; i++) {
        char where[192];
        snprintf(where, sizeof where, "%.150s: runs[%zu]", path, i);
        ok = read_run(arena, json_array_get(list, i), where, &(*rows)[i], err);
    }
    json_decref(root);
    return ok;
}

static hg_own_server *server_for(hg_own *own, const char *key, const hg_serving_row *row)
{
    for (size_t i = 0; i < own->count; i++)
        if (strcmp(own->servers[i].key, key) == 0 && strcmp(own->servers[i].version, row->version) == 0)
            return &own->servers[i];
    own->servers[own->count] = (hg_own_server){ .key = key, .version = row->version, .launch = row->own,
                                                   .dp_given = row->dp_given };
    return &own->servers[own->count++];
}

bool hg_own_read(hg_arena *arena, hg_serving_shelf *shelf, const hg_data *data, const char *path, int threads, hg_own *out,
                 hg_err *err)
{
    hg_serving_row *rows;
    size_t n;
    *out = (hg_own){ 0 };
    if (!hg_miss_priors_read(arena, data, &out->priors, err) || !hg_own_rows(arena, path, &rows, &n, err))
        return false;
    json_t *root = open_file(arena, path, err);
    if (!root)
        return false;
    read_corrects(json_object_get(root, "corrects"), out->corrects);
    json_decref(root);
    hg_serving_table_of(arena, shelf, rows, n, &out->table);
    hg_serving_case *cases = HG_NEW(arena, hg_serving_case, n);
    const hg_overheads **terms = HG_NEW(arena, const hg_overheads *, n);
    hg_serving_figures *base = HG_NEW(arena, hg_serving_figures, n);
    for (size_t i = 0; i < n; i++) {
        cases[i] = out->table.samples[i].of;
        terms[i] = &cases[i].problem->engine.overheads;
    }
    hg_serving_predict_all(cases, terms, n, threads, base);
    out->servers = HG_NEW(arena, hg_own_server, n + 1);
    for (size_t i = 0; i < n; i++) {
        const char *key = hg_server_key(arena, &cases[i]);
        if (!*key)
            continue;
        hg_own_server *s = server_for(out, key, &rows[i]);
        s->length_range = cases[i].launch.length_range;
        s->range_said = !s->launch || s->launch->length_range > 0;
        *HG_PUSH(arena, s->runs, s->count, s->capacity) = hg_miss_run_of(&rows[i], &out->table.samples[i], &base[i]);
        s->runs[s->count - 1].row = i;
    }
    return true;
}

static bool says(const json_t *o, const char *key, const char *name)
{
    const char *said = json_string_value(json_object_get(o, key));
    return said && strcmp(said, name) == 0;
}

bool hg_own_overheads(hg_arena *arena, const char *path, const hg_problem *p, hg_overheads *out)
{
    hg_err none;
    hg_overheads terms = *out;
    json_t *root = open_file(arena, path, &none);
    const json_t *o = json_object_get(root, "host_terms");
    bool found = says(o, "model", p->model.name) && says(o, "engine", p->engine.name) && says(o, "device", p->rates.device.name);
    for (int k = 0; found && k < HG_OVERHEAD_TERMS; k++) {
        const char *text = json_string_value(json_object_get(o, hg_overhead_terms[k].name));
        found = text && hg_parse_quantity(text, HG_SECONDS, hg_overhead(&terms, k)) && *hg_overhead(&terms, k) >= 0;
    }
    terms.fitted = hg_textf(arena, "fitted on the runs in %s", path);
    if (found)
        *out = terms;
    json_decref(root);
    return found;
}

static const hg_own_server *server_of(hg_arena scratch, const hg_own *own, const hg_serving_row *row, const hg_serving_case *c)
{
    const char *key = hg_server_key(&scratch, c);
    const hg_own_server *found = NULL;
    for (size_t i = 0; *key && i < own->count; i++)
        if (strcmp(own->servers[i].key, key) == 0 && hg_same_version(own->servers[i].version, row->version))
            found = !found || strcmp(own->servers[i].version, row->version) == 0 ? &own->servers[i] : found;
    return found;
}

static int64_t scaled(int64_t length, double by)
{
    int64_t n = (int64_t)((double)length * by + 0.5);
    return n < 1 ? 1 : n;
}

/* What the server was launched with goes for every load of it; how many requests its client sent does not.  What its runs do
 * not say is guessed for the row as it was for them: where they tell mean lengths only, the row's are made means too. */
static void ask_like_runs(hg_arena *arena, const hg_own_server *s, double row_range, hg_serving_row *row)
{
    hg_launch_facts *launch = HG_NEW(arena, hg_launch_facts, 1);
    *launch = *s->launch;
    launch->requests_per_client = 0;
    launch->length_range = s->range_said && row_range == 1 ? s->length_range : 0;
    row->dp_given = s->dp_given;
    row->published = true;
    if (!s->range_said && s->length_range == 1) {
        row->isl = scaled(row->isl, (1 + row_range) / 2);
        row->osl = scaled(row->osl, (1 + row_range) / 2);
    }
    row->own = launch;
}

hg_own_question hg_own_case(hg_arena *arena, const hg_own *own, hg_serving_shelf *shelf, const hg_serving_row *row, hg_serving_case *c)
{
    hg_own_question q = { .row = *row, .isl = row->isl, .osl = row->osl };
    hg_serving_case_open(shelf, row, c);
    q.server = own ? server_of(*arena, own, row, c) : NULL;
    if (q.server && q.server->launch && !row->own) {
        ask_like_runs(arena, q.server, c->launch.length_range, &q.row);
        hg_serving_case_open(shelf, &q.row, c);
    }
    return q;
}

/* Counted by another tokeniser, or nominal where the other is a mean. */
static const double COUNTED_ALIKE = 0.01;

static bool same_length(const hg_own_server *s, int64_t measured, int64_t mean, int64_t nominal)
{
    return s->range_said ? measured == nominal
                         : (double)measured >= (double)mean * (1 - COUNTED_ALIKE) && (double)measured <= (double)nominal * (1 + COUNTED_ALIKE);
}

/* The user's own number: the mean over the runs of these very lengths and load; NAN: none. */
static double own_number(const hg_own *own, const hg_own_question *q, hg_miss_figure f)
{
    double sum = 0;
    int n = 0;
    for (size_t i = 0; i < q->server->count; i++) {
        const hg_serving_row *r = &own->table.rows[q->server->runs[i].row];
        double v = f == HG_MISS_TTFT ? r->ttft_s : r->tpot_s;
        if (r->concurrency == q->row.concurrency && v > 0 && same_length(q->server, r->isl, q->row.isl, q->isl) &&
            same_length(q->server, r->osl, q->row.osl, q->osl)) {
            sum += v;
            n++;
        }
    }
    return n ? sum / n : NAN;
}

/* What is left around the answer: by the runs as far as they know, by the shipped spread for the rest. */
static double edge(double by_runs, double shipped, double known_frac)
{
    return known_frac * by_runs + (1 - known_frac) * log(shipped);
}

hg_own_figures hg_own_correct(hg_arena scratch, const hg_own *own, const hg_own_question *q, const hg_serving_figures *base,
                              const double bands[HG_MISS_FIGURES][2])
{
    const hg_own_server *s = q->server;
    const hg_serving_row *row = &q->row;
    hg_own_figures out = { .measured = true };
    hg_miss_run at = { log((double)row->concurrency), log((double)row->isl), log((double)row->osl), { NAN, NAN }, 0 };
    const double shipped[HG_MISS_FIGURES] = { base->ttft_s, base->tpot_s };
    for (int f = 0; f < HG_MISS_FIGURES; f++) {
        const hg_miss_prior *p = &own->priors.of[f];
        hg_miss_shift m = hg_miss_at(scratch, p, (hg_miss_figure)f, s->runs, s->count, &at);
        double number = own_number(own, q, (hg_miss_figure)f);
        if (isnan(number) && !own->corrects[f])
            m = (hg_miss_shift){ 0, 0, 0 };
        out.of[f] = isnan(number) ? shipped[f] * exp(m.log_factor) : number;
        out.lo[f] = out.of[f] * exp(edge(fmin(p->lo * m.sd, -p->repeat), bands[f][0], m.known_frac));
        out.hi[f] = out.of[f] * exp(edge(fmax(p->hi * m.sd, p->repeat), bands[f][1], m.known_frac));
        out.measured &= !isnan(number);
    }
    return out;
}
