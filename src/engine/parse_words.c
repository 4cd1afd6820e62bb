/* What each engine's settings say of a deployment. */
#include "engine/parse.h"

#include "base/json.h"
#include "base/num.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct saying {
    hg_arena *arena;
    const hg_settings *s;
    hg_said_words *out;
} saying;

static void say(saying *y, const char *word, const char *value, int line)
{
    if (y->out->count < HG_SAID_WORDS)
        y->out->list[y->out->count++] = (hg_said){ word, value, line };
}

static void say_int(saying *y, const char *word, int64_t value, int line)
{
    say(y, word, hg_textf(y->arena, "%" PRId64, value), line);
}

/* The setting of a word with its whole number; false: not given, no number, or none that a server
 * could have (so that products of two stay numbers). */
static bool count_of(const saying *y, const char *word, int64_t *out, int *line)
{
    const hg_setting *t = hg_setting_of_word(y->s, word);
    if (!t || !t->value || !hg_parse_count(t->value, out) || *out > HG_COUNT_MOST ||
        *out < -HG_COUNT_MOST)
        return false;
    *line = t->line;
    return true;
}

static int64_t value_of(const saying *y, const char *word, int64_t otherwise)
{
    int64_t v;
    int line;
    return count_of(y, word, &v, &line) ? v : otherwise;
}

static bool is_on(const saying *y, const char *word)
{
    const hg_setting *t = hg_setting_of_word(y->s, word);
    return t && t->value && strcmp(t->value, "true") == 0;
}

/* Words whose knob says the same number, divided among ranks. */
static void say_counts(saying *y, const char *const *words, int64_t among)
{
    for (; *words; words++) {
        int64_t v;
        int line;
        if (count_of(y, *words, &v, &line) && v > 0 && v % among == 0)
            say_int(y, *words, v / among, line);
    }
}

static void say_switch(saying *y, const char *knob_word, const char *word)
{
    const hg_setting *t = hg_setting_of_word(y->s, knob_word);
    if (t && t->value && (strcmp(t->value, "true") == 0 || strcmp(t->value, "false") == 0))
        say(y, word, t->value, t->line);
}

/* The CLI's precision of a KV dtype; what heng has no word for is left unsaid. */
static void say_kv(saying *y)
{
    const hg_setting *t = hg_setting_of_word(y->s, "kv_dtype");
    for (int i = 0; t && t->value && i < HG_KNOB_SAYS && t->knob->says[i][0]; i++)
        if (strcmp(t->knob->says[i][1], t->value) == 0) {
            say(y, "kv_dtype", t->knob->says[i][0], t->line);
            return;
        }
    if (t && t->value && hg_starts(t->value, "fp8"))
        say(y, "kv_dtype", "fp8", t->line);
}

static void say_precision(saying *y)
{
    const hg_setting *t = hg_setting_of_word(y->s, "quantization");
    if (t && t->value && strcmp(t->value, "fp8") == 0)
        say(y, "precision", "fp8", t->line);
}

static void say_fraction(saying *y)
{
    const hg_setting *t = hg_setting_of_word(y->s, "gpu_memory_utilization");
    double v;
    if (t && t->value && hg_parse_f64(t->value, &v) && v > 0 && v <= 1) {
        y->out->told_fraction = v;
        y->out->fraction_line = t->line;
    }
}

/* A number inside a knob's JSON; 0: none. */
static double json_number(const saying *y, const char *text, const char *key)
{
    hg_err err;
    json_t *o = text && *text == '{' ? hg_json_parse(text, strlen(text), "json", &err) : NULL;
    double v = json_number_value(json_object_get(o, key));
    (void)y;
    json_decref(o);
    return isfinite(v) ? v : 0;
}

/* A text inside a knob's JSON; NULL: none. */
static const char *json_text(const saying *y, const char *text, const char *key)
{
    hg_err err;
    json_t *o = text && *text == '{' ? hg_json_parse(text, strlen(text), "json", &err) : NULL;
    const char *s = json_string_value(json_object_get(o, key));
    const char *copy = s ? hg_strdup(y->arena, s) : NULL;
    json_decref(o);
    return copy;
}

/* A part of a JSON knob, said inside it or as a flag of its own (--speculative-config.method mtp); the last one counts.
 * NULL: none. */
static const char *part_text(const saying *y, const char *word, const char *key)
{
    const char *found = NULL;
    for (size_t i = 0; i < y->s->count; i++) {
        const hg_setting *t = &y->s->list[i];
        const char *dot = strchr(t->name, '.');
        if (!t->knob || !t->knob->word || strcmp(t->knob->word, word) != 0 || !t->value)
            continue;
        double number = dot ? 0 : json_number(y, t->value, key);
        const char *text = dot ? (strcmp(dot + 1, key) == 0 ? t->value : NULL) : json_text(y, t->value, key);
        found = text ? text : number != 0 ? hg_textf(y->arena, "%.17g", number) : found;
    }
    return found;
}

static double part_number(const saying *y, const char *word, const char *key)
{
    const char *text = part_text(y, word, key);
    double v;
    return text && hg_parse_f64(text, &v) ? v : 0;
}

static bool json_text_has(const char *text, const char *key, const char *part)
{
    hg_err err;
    json_t *o = text && *text == '{' ? hg_json_parse(text, strlen(text), "json", &err) : NULL;
    const char *s = json_string_value(json_object_get(o, key));
    bool has = s && strstr(s, part);
    json_decref(o);
    return has;
}

/* kind: by the engine's name; one that heng does not know leaves it unsaid.  model: the checkpoint that drafts, or
 * NULL. */
static void say_drafts(saying *y, const char *kind, const char *model, double tokens, int line)
{
    hg_draft draft;
    if (!(tokens >= 1 && tokens <= HG_DRAFT_MOST))
        return;
    say_int(y, "draft_tokens", (int64_t)tokens, line);
    if (!kind || !hg_draft_parse(kind, &draft))
        return;
    /* "EAGLE" without a head is the model's own layer, which SGLang runs by the same code. */
    draft = draft == HG_DRAFT_EAGLE3 && !model ? HG_DRAFT_MTP : draft;
    say(y, "speculative", hg_draft_table[draft].word, line);
    if (model && (draft == HG_DRAFT_EAGLE3 || draft == HG_DRAFT_MODEL))
        say(y, "draft_model", model, line);
}

static const char *text_of(const saying *y, const char *word)
{
    const hg_setting *t = hg_setting_of_word(y->s, word);
    return t ? t->value : NULL;
}

/* ---- engines ---- */

/* Servers with as many ranks each are replicas of that engine; with unlike numbers, as where the
 * last node has fewer, every rank is one. */
static void say_ranks(saying *y, const hg_launch_text *t)
{
    const hg_setting *dp = hg_setting_of_word(y->s, "dp");
    int64_t each = value_of(y, "dp", 1);
    bool alike = t->ranks == each * t->servers;
    if (dp && alike)
        say_int(y, "dp", each, dp->line);
    if (t->servers > 1)
        say_int(y, "replicas", alike ? t->servers : t->ranks, t->line);
}

/* Sizes that end where they would by themselves say nothing. */
static void say_ascend_graphs(saying *y, const hg_setting *graphs)
{
    hg_err err;
    const char *text = graphs ? graphs->value : NULL;
    json_t *o = text && *text == '{' ? hg_json_parse(text, strlen(text), "json", &err) : NULL;
    const json_t *sizes = json_object_get(o, "cudagraph_capture_sizes");
    int64_t most = 0, each = 1 + hg_said_int(y->out, "draft_tokens", 0);
    for (size_t i = 0; i < json_array_size(sizes); i++)
        most = hg_max_i64(most, json_integer_value(json_array_get(sizes, i)));
    json_decref(o);
    if (most > 0 && most != hg_min_i64(512, value_of(y, "max_num_seqs", 0) * each))
        say_int(y, "graph_tokens", most, graphs->line);
}

static void vllm(saying *y, const hg_launch_text *t)
{
    static const char *const counts[] = { "tp",
                                          "pp",
                                          "max_model_len",
                                          "max_num_seqs",
                                          "max_num_batched_tokens",
                                          "block_size",
                                          "graph_tokens",
                                          NULL };
    const hg_setting *draft = hg_setting_of_word(y->s, "draft"),
                     *graphs = hg_setting_of_key(y->s, "compilation-config");
    say_counts(y, counts, 1);
    if (is_on(y, "ep"))
        say_int(y, "ep", value_of(y, "tp", 1) * value_of(y, "dp", 1),
                hg_setting_of_word(y->s, "ep")->line);
    say_switch(y, "prefix_caching", "enable_prefix_caching");
    say_switch(y, "chunked_prefill", "enable_chunked_prefill");
    if (draft) {
        const char *model = part_text(y, "draft", "model"), *method = part_text(y, "draft", "method");
        say_drafts(y, method ? method : model ? "draft" : NULL, model,
                   part_number(y, "draft", "num_speculative_tokens"), draft->line);
    }
    if (graphs && json_number(y, graphs->value, "max_cudagraph_capture_size") >= 1)
        say_int(y, "graph_tokens",
                (int64_t)fmin(1e9, json_number(y, graphs->value, "max_cudagraph_capture_size")),
                graphs->line);
    if (graphs && json_text_has(graphs->value, "cudagraph_mode", "FULL_DECODE_ONLY"))
        say(y, "prompt_graph_tokens", "-1", graphs->line);
    say_ranks(y, t);
    say_ascend_graphs(y, graphs);
}

static void sglang(saying *y, const hg_launch_text *t)
{
    static const char *const counts[] = { "pp",         "ep",           "max_model_len",
                                          "block_size", "graph_tokens", "recv_interval",
                                          NULL };
    static const char *const limits[] = { "max_num_seqs", NULL };
    int64_t tp = value_of(y, "tp", 1), dp = value_of(y, "dp", 1),
            chunk = value_of(y, "max_num_batched_tokens", 0);
    bool attention = is_on(y, "dp_attention") && dp > 1 && tp % dp == 0;
    int64_t among = attention ? dp : 1, servers = attention ? t->servers : t->ranks;
    const hg_setting *shape = hg_setting_of_word(y->s, "tp"),
                     *tokens = hg_setting_of_word(y->s, "max_num_batched_tokens");
    if (shape && tp > 0)
        say_int(y, "tp", tp / among, shape->line);
    if (attention)
        say_int(y, "dp", dp, hg_setting_of_word(y->s, "dp")->line);
    if (servers > 1)
        say_int(y, "replicas", servers, t->line);
    say_counts(y, counts, 1);
    say_counts(y, limits, among);
    if (chunk > 0) {
        say_int(y, "max_num_batched_tokens", chunk / among, tokens->line);
        say(y, "enable_chunked_prefill", "true", tokens->line);
    } else if (chunk == -1) {
        say_int(y, "max_num_batched_tokens", value_of(y, "whole_prompt_tokens", 16384),
                tokens->line);
        say(y, "enable_chunked_prefill", "false", tokens->line);
    }
    if (hg_setting_of_word(y->s, "no_prefix_caching"))
        say(y, "enable_prefix_caching", is_on(y, "no_prefix_caching") ? "false" : "true",
            hg_setting_of_word(y->s, "no_prefix_caching")->line);
    say_drafts(y, text_of(y, "draft"), text_of(y, "draft_model"),
               (double)value_of(y, "draft_tokens", 0) - 1, t->line);
}

static void trtllm(saying *y, const hg_launch_text *t)
{
    static const char *const counts[] = { "pp",
                                          "ep",
                                          "max_model_len",
                                          "max_num_seqs",
                                          "max_num_batched_tokens",
                                          "block_size",
                                          "batch_wait_steps",
                                          NULL };
    const hg_setting *graphs = hg_setting_of_word(y->s, "graph_tokens");
    const hg_setting *shape = hg_setting_of_word(y->s, "tp"),
                     *wait = hg_setting_of_word(y->s, "batch_wait_frac");
    int64_t tp = value_of(y, "tp", 1);
    if (shape && tp > 0)
        say_int(y, "tp", is_on(y, "dp") ? 1 : tp, shape->line);
    if (is_on(y, "dp"))
        say_int(y, "dp", tp, hg_setting_of_word(y->s, "dp")->line);
    say_counts(y, counts, 1);
    say_switch(y, "prefix_caching", "enable_prefix_caching");
    say_switch(y, "chunked_prefill", "enable_chunked_prefill");
    int64_t most = value_of(y, "graph_tokens", 0);
    if (graphs && most > 0 &&
        most != hg_min_i64(value_of(y, "max_num_seqs", 0),
                           value_of(y, "max_num_batched_tokens", INT64_MAX)))
        say_int(y, "graph_tokens", most, graphs->line);
    if (wait && wait->value)
        say(y, "batch_wait_frac", wait->value, wait->line);
    say_drafts(y, text_of(y, "draft"), text_of(y, "draft_model"),
               (double)value_of(y, "draft_tokens", value_of(y, "draft_length", 0)), t->line);
    if (t->servers > 1)
        say_int(y, "replicas", t->servers, t->line);
}

static void mindie(saying *y, const hg_launch_text *t)
{
    static const char *const counts[] = { "dp",           "ep",         "max_model_len",
                                          "max_num_seqs", "block_size", NULL };
    const hg_setting *mode = hg_setting_of_word(y->s, "chunked_prefill"),
                     *plugins = hg_setting_of_word(y->s, "plugins");
    const hg_setting *world = hg_setting_of_word(y->s, "world"),
                     *shape = hg_setting_of_word(y->s, "tp");
    int64_t dp = hg_max_i64(1, value_of(y, "dp", 1)), tp = value_of(y, "tp", -1),
            instances = value_of(y, "replicas", 1) * t->servers;
    bool mix = mode && mode->value && strcmp(mode->value, "Mix") == 0;
    if (tp < 1)
        tp = value_of(y, "world", 0) / dp;
    if (tp > 0 && (shape || world))
        say_int(y, "tp", tp, shape ? shape->line : world->line);
    if (instances > 1)
        say_int(y, "replicas", instances, t->line);
    say_counts(y, counts, 1);
    if (mode)
        say(y, "enable_chunked_prefill", mix ? "true" : "false", mode->line);
    int64_t tokens = value_of(y, mix ? "chunk_tokens" : "max_num_batched_tokens", 0);
    if (tokens > 0)
        say_int(y, "max_num_batched_tokens", tokens, mode ? mode->line : 0);
    if (mode) /* a whole config: what is not plugged in is off */
        say(y, "enable_prefix_caching",
            plugins && json_text_has(plugins->value, "plugin_type", "prefix_cache") ? "true"
                                                                                    : "false",
            mode->line);
    if (plugins && json_text_has(plugins->value, "plugin_type", "mtp"))
        say_drafts(y, "mtp", NULL, json_number(y, plugins->value, "num_speculative_tokens"),
                   plugins->line);
}

static int64_t parts_of(const hg_setting *t)
{
    int64_t n = t && t->value ? 1 : 0;
    for (const char *p = n ? t->value : ""; *p; p++)
        n += *p == ',';
    return n;
}

enum { LLAMACPP_DRAFTS = 16 }; /* --draft-max where it is not given */

static void llamacpp(saying *y, const hg_launch_text *t)
{
    static const char *const counts[] = { "max_num_batched_tokens", NULL };
    const hg_setting *split = hg_setting_of_word(y->s, "tp"),
                     *mode = hg_setting_of_word(y->s, "split"),
                     *context = hg_setting_of_word(y->s, "max_model_len");
    const hg_setting *spare = hg_setting_of_word(y->s, "gpu_memory_utilization"),
                     *slots = hg_setting_of_word(y->s, "max_num_seqs");
    const hg_setting *unified = hg_setting_of_key(y->s, "kv-unified");
    int64_t devices = parts_of(split), np = value_of(y, "max_num_seqs", 0),
            c = value_of(y, "max_model_len", 0), mib;
    bool shared = unified && unified->value && strcmp(unified->value, "true") == 0;
    if (devices > 0)
        say_int(y, mode && mode->value && strcmp(mode->value, "row") == 0 ? "tp" : "pp", devices,
                split->line);
    if (np > 0)
        say_int(y, "max_num_seqs", np, slots->line);
    if (c > 0 && (shared || np > 0))
        say_int(y, "max_model_len", shared ? c : c / np, context->line);
    say_counts(y, counts, 1);
    say_switch(y, "prefix_caching", "enable_prefix_caching");
    if (text_of(y, "draft_model"))
        say_drafts(y, "draft", text_of(y, "draft_model"),
                   (double)value_of(y, "draft_tokens", LLAMACPP_DRAFTS), t->line);
    if (spare && spare->value && hg_parse_i64(spare->value, &mib) && mib > 0) {
        y->out->spare_bytes = (double)mib * 0x1p20;
        y->out->fraction_line = spare->line;
    }
    if (t->servers > 1)
        say_int(y, "replicas", t->servers, t->line);
}

void hg_launch_words(hg_arena *arena, const hg_launch_text *t, hg_said_words *out)
{
    static const struct {
        const char *engine;
        void (*say)(saying *y, const hg_launch_text *t);
    } rows[] = { { "vllm", vllm },
                 { "sglang", sglang },
                 { "trtllm", trtllm },
                 { "mindie", mindie },
                 { "llamacpp", llamacpp } };
    saying y = { arena, &t->settings, out };
    *out = (hg_said_words){ 0 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].engine, t->knobs->engine) == 0)
            rows[i].say(&y, t);
    if (strcmp(t->knobs->engine, "llamacpp") != 0)
        say_fraction(&y);
    say_kv(&y);
    say_precision(&y);
}
