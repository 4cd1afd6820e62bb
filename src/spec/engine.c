#include "spec/engine.h"

#include "base/json.h"
#include "base/num.h"
#include "base/units.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

static double quantity(const json_t *o, const char *key, hg_unit unit, double otherwise)
{
    const json_t *v = json_object_get(o, key);
    double out;
    if (json_is_number(v))
        return json_number_value(v);
    return json_is_string(v) && hg_parse_quantity(json_string_value(v), unit, &out) ? out : otherwise;
}

static const char *text(hg_arena *arena, const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? hg_strdup(arena, s) : NULL;
}

static bool read_defaults(hg_arena *arena, const json_t *list, hg_engine *out)
{
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n && i < HG_ENGINE_DEFAULTS; i++) {
        const json_t *o = json_array_get(list, i);
        hg_engine_default *row = &out->defaults[out->default_count++];
        *row = (hg_engine_default){
            .min_memory_bytes = quantity(o, "min_memory", HG_BYTES, 0),
            .except_device = text(arena, o, "except_device"),
            .max_num_batched_tokens = (int64_t)quantity(o, "max_num_batched_tokens", HG_NONE, 0),
            .max_num_seqs = (int64_t)quantity(o, "max_num_seqs", HG_NONE, 0),
        };
        if (row->max_num_batched_tokens < 1 || row->max_num_seqs < 1)
            return false;
    }
    return out->default_count > 0 && out->defaults[out->default_count - 1].min_memory_bytes == 0;
}

const hg_overhead_term hg_overhead_terms[HG_OVERHEAD_TERMS] = {
#define TERM(name) { #name, offsetof(hg_overheads, name##_s), false }
#define RATIO(name) { #name, offsetof(hg_overheads, name##_ratio), true }
    TERM(step), TERM(layer), TERM(sequence), TERM(prefill_step), TERM(prompt), TERM(launch),
    TERM(request), TERM(request_serial), TERM(token), TERM(transfer), TERM(transfer_gib),
    RATIO(gemm), RATIO(attention), RATIO(experts), RATIO(collective),
#undef RATIO
#undef TERM
};

const char *hg_overhead_text(hg_arena *arena, hg_overheads *o, int term)
{
    double v = *hg_overhead(o, term);
    return hg_overhead_terms[term].ratio ? hg_textf(arena, "%.4g", v) : hg_textf(arena, "%.4g us", v * 1e6);
}

static hg_overheads read_overheads(hg_arena *arena, const json_t *o)
{
    hg_overheads out = { .fitted = text(arena, o, "fitted") };
    for (int i = 0; i < 2; i++) {
        out.ttft_band[i] = json_number_value(json_array_get(json_object_get(o, "ttft_band"), (size_t)i));
        out.tpot_band[i] = json_number_value(json_array_get(json_object_get(o, "tpot_band"), (size_t)i));
    }
    for (int i = 0; i < HG_OVERHEAD_TERMS; i++)
        *hg_overhead(&out, i) = quantity(o, hg_overhead_terms[i].name, hg_overhead_terms[i].ratio ? HG_NONE : HG_SECONDS, 0);
    return out;
}

static void read_drafts(hg_arena *arena, const json_t *o, hg_engine *out)
{
    for (int i = 0; i < HG_DRAFTS; i++)
        out->drafts[i] = text(arena, o, hg_draft_table[i].word);
}

static bool read_engine(hg_arena *arena, const char *where, const json_t *o, hg_engine *out, hg_err *err)
{
    const json_t *graphs = json_object_get(o, "graphs");
    *out = (hg_engine){
        .name = text(arena, o, "name"),
        .title = text(arena, o, "title"),
        .scheduler = text(arena, o, "scheduler"),
        .vendor = text(arena, o, "vendor"),
        .version = text(arena, o, "version"),
        .block_tokens = (int64_t)quantity(o, "block_size", HG_NONE, 0),
        .ascend_block_tokens = (int64_t)quantity(o, "block_size_ascend", HG_NONE, 0),
        .gpu_memory_utilization = quantity(o, "gpu_memory_utilization", HG_FRAC, 0),
        .chunked_prefill = json_is_true(json_object_get(o, "chunked_prefill")),
        .prefix_caching = json_is_true(json_object_get(o, "prefix_caching")),
        .async = json_is_true(json_object_get(o, "async")),
        .shared_beside = text(arena, o, "shared_beside"),
        .gathers_quantised = json_is_true(json_object_get(o, "gathers_quantised")),
        .gemm_tables_quantise = json_is_true(json_object_get(o, "gemm_tables_quantise")),
        .fuses_quantiser_on = text(arena, o, "fuses_quantiser_on"),
        .fuses_quantiser_in = text(arena, o, "fuses_quantiser_in"),
        .redundant_experts = json_is_true(json_object_get(o, "redundant_experts")),
        .ep_spans_all = json_is_true(json_object_get(o, "ep_spans_all")),
        .whole_expert_blocks = json_is_true(json_object_get(o, "whole_expert_blocks")),
        .whole_requests = json_is_true(json_object_get(o, "whole_requests")),
        .max_prefill_seqs = (int64_t)quantity(o, "max_prefill_seqs", HG_NONE, 0),
        .select_batch = json_is_true(json_object_get(o, "select_batch")),
        .prefill_wait_s = quantity(o, "prefill_wait", HG_SECONDS, 0),
        .decode_wait_s = quantity(o, "decode_wait", HG_SECONDS, 0),
        .fraction_of_free = json_object_get(o, "memory_fraction_of") != NULL,
        .graph_tokens_most = (int64_t)quantity(graphs, "most", HG_NONE, 0),
        .graph_seqs_factor = (int64_t)quantity(graphs, "seqs_factor", HG_NONE, 1),
        .prompt_graph_tokens = (int64_t)quantity(graphs, "prompts", HG_NONE, 0),
        .context_bytes = quantity(o, "context_memory", HG_BYTES, 0),
    };
    read_drafts(arena, json_object_get(o, "speculation"), out);
    if (!out->name || !out->version || out->block_tokens < 1 ||
        !(out->gpu_memory_utilization > 0 && out->gpu_memory_utilization <= 1) ||
        !read_defaults(arena, json_object_get(o, "defaults"), out))
        return hg_fail(err, HG_INPUT, where, "lacks name, version, block_size, "
                       "gpu_memory_utilization or a list of defaults that ends without min_memory");
    return true;
}

/* Fitted by 'heng calibrate host': the row of this version, else that of the whole engine. */
static bool find_overheads(hg_arena *arena, const hg_data *data, const char *path, const char *version, hg_engine *out,
                           hg_err *err)
{
    size_t size;
    hg_err none;
    const char *json = hg_data_text(data, arena, path, &size, &none);
    json_t *root = json ? hg_json_parse(json, size, path, err) : NULL;
    if (!root)
        return !json; /* nothing fitted yet */
    const json_t *rows = json_object_get(root, "overheads"), *best = NULL;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *engine = json_string_value(json_object_get(row, "engine"));
        const char *of = json_string_value(json_object_get(row, "version"));
        if (engine && strcmp(engine, out->name) == 0 && (!of || (version && strcmp(of, version) == 0)))
            best = !best || of ? row : best;
    }
    out->overheads = (hg_overheads){ 0 };
    if (best) {
        const char *of = json_string_value(json_object_get(best, "version"));
        const char *day = json_string_value(json_object_get(root, "fitted"));
        out->overheads = read_overheads(arena, best);
        out->overheads.fitted =
            hg_textf(arena, "fitted %s on %lld runs%s%s", day ? day : "", json_integer_value(json_object_get(best, "rows")),
                     of ? " of version " : "", of ? of : "");
    }
    json_decref(root);
    return true;
}

bool hg_engine_settle(hg_arena *arena, const hg_data *data, const hg_device *device, const char *version, hg_engine *e, hg_err *err)
{
    if (e->vendor && strcmp(device->vendor, e->vendor) != 0)
        return hg_fail(err, HG_INPUT, "--device", "is %.60s; %s runs on %c%s devices alone", device->name, e->title,
                       toupper((unsigned char)*e->vendor), e->vendor + 1);
    if (strcmp(device->vendor, "ascend") == 0 && e->ascend_block_tokens > 0)
        e->block_tokens = e->ascend_block_tokens;
    return find_overheads(arena, data, hg_textf(arena, "serving/overheads_%s.json", device->vendor), version, e, err);
}

bool hg_engine_find(hg_arena *arena, const hg_data *data, const char *name, const char *version,
                    hg_engine *out, hg_err *err)
{
    const char *path = hg_textf(arena, "engines/%s.json", name);
    size_t size, count;
    char **names = hg_data_list(data, arena, "engines", &count);
    for (size_t i = 0; i < count; i++) {
        names[i][strlen(names[i]) - strlen(".json")] = 0;
        if (strcmp(names[i], name) != 0)
            continue;
        const char *json = hg_data_text(data, arena, path, &size, err);
        json_t *root = json ? hg_json_parse(json, size, path, err) : NULL;
        bool ok = root && read_engine(arena, path, root, out, err) &&
                  find_overheads(arena, data, "serving/overheads.json", version, out, err);
        json_decref(root);
        return ok;
    }
    const char *near = hg_nearest(name, (const char *const *)names, count);
    return hg_fail(err, HG_INPUT, "--engine", "'%.40s' is not known%s%s%s", name,
                   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

int64_t hg_engine_graph_tokens(const hg_engine *e, int64_t max_num_seqs, int64_t max_num_batched_tokens)
{
    return hg_min_i64(hg_min_i64(e->graph_seqs_factor * max_num_seqs, e->graph_tokens_most),
                      max_num_batched_tokens);
}

const hg_engine_default *hg_engine_default_for(const hg_engine *e, const hg_device *d)
{
    for (int i = 0; i < e->default_count; i++) {
        const hg_engine_default *row = &e->defaults[i];
        if (d->memory_bytes >= row->min_memory_bytes &&
            !(row->except_device && strstr(d->name, row->except_device)))
            return row;
    }
    return &e->defaults[e->default_count - 1];
}
