#include "spec/scenario.h"

#include "base/num.h"
#include "base/text.h"

#include <stdio.h>

#include <stddef.h>
#include <string.h>

const hg_word hg_word_table[] = {
#define SECTION(title) { title, HG_WORD_SECTION, NULL, NULL, NULL, NULL, 0, HG_NONE, 0, 0 },
#define TEXT(word, verbs, arg, standard, help)                                                     \
    { #word, HG_WORD_TEXT, verbs, arg, standard, help, offsetof(hg_scenario, word), HG_NONE, 0, 0 },
#define INTS(word, verbs, lo, hi, arg, standard, help)                                             \
    { #word, HG_WORD_INTS, verbs, arg, standard, help, offsetof(hg_scenario, word), HG_NONE, lo, hi },
#define REAL(word, verbs, unit, lo, hi, arg, standard, help)                                       \
    { #word, HG_WORD_REAL, verbs, arg, standard, help, offsetof(hg_scenario, word), unit, lo, hi },
#define FLAG(word, verbs, standard, help)                                                          \
    { #word, HG_WORD_FLAG, verbs, NULL, standard, help, offsetof(hg_scenario, word), HG_NONE, 0, 0 },
#include "spec/scenario.def"
#undef SECTION
#undef TEXT
#undef INTS
#undef REAL
#undef FLAG
};
const int hg_word_count = sizeof hg_word_table / sizeof *hg_word_table;

/* What other tools call the same thing (the cross-map of engines' knobs). */
static const struct {
    const char *alias, *word;
} aliases[] = {
    { "o", "output" },
    { "f", "scenario" },
    { "system", "device" },
    { "gpu", "device" },
    { "backend", "engine" },
    { "backend_version", "engine_version" },
    { "model_path", "model" },
    { "max_concurrency", "concurrency" },
    { "request_rate", "rate" },
    { "tensor_parallel_size", "tp" },
    { "tp_size", "tp" },
    { "pipeline_parallel_size", "pp" },
    { "pp_size", "pp" },
    { "data_parallel_size", "dp" },
    { "dp_size", "dp" },
    { "ep_size", "ep" },
    { "moe_expert_parallel_size", "ep" },
    { "max_running_requests", "max_num_seqs" },
    { "max_batch_size", "max_num_seqs" },
    { "chunked_prefill_size", "max_num_batched_tokens" },
    { "max_num_tokens", "max_num_batched_tokens" },
    { "context_length", "max_model_len" },
    { "max_seq_len", "max_model_len" },
    { "page_size", "block_size" },
    { "tokens_per_block", "block_size" },
    { "kv_cache_dtype", "kv_dtype" },
    { "quantization", "precision" },
    { "num_prompts", "requests" },
    { "speculative_algorithm", "speculative" },
    { "speculative_method", "speculative" },
    { "draft", "speculative" },
    { "draft_tokens", "num_speculative_tokens" },
    { "speculative_num_steps", "num_speculative_tokens" },
    { "num_nextn_predict_layers", "num_speculative_tokens" },
    { "max_draft_len", "num_speculative_tokens" },
    { "acceptance_rate", "acceptance" },
    { "acceptance_length", "acceptance" },
    { "accepted_tokens", "acceptance" },
    { "speculative_draft_model_path", "draft_model" },
    { "speculative_model", "draft_model" },
    { "speculative_model_dir", "draft_model" },
    { "model_draft", "draft_model" },
    { "gpus", "total_gpus" },
};

/* Leading dashes off, dashes to underscores. */
static const char *plain_name(const char *name, char *out, size_t size)
{
    while (*name == '-')
        name++;
    size_t n = 0;
    for (; name[n] && n + 1 < size; n++)
        out[n] = name[n] == '-' ? '_' : name[n];
    out[n] = 0;
    return out;
}

const hg_word *hg_word_find(const char *name)
{
    char plain[64];
    plain_name(name, plain, sizeof plain);
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strcmp(plain, aliases[i].alias) == 0) {
            strcpy(plain, aliases[i].word);
            break;
        }
    for (int i = 0; i < hg_word_count; i++)
        if (hg_word_table[i].kind != HG_WORD_SECTION && strcmp(plain, hg_word_table[i].name) == 0)
            return &hg_word_table[i];
    return NULL;
}

const char *hg_word_suggest(hg_arena *arena, const char *name)
{
    const char *names[256];
    char plain[64];
    size_t n = 0;
    for (int i = 0; i < hg_word_count; i++)
        if (hg_word_table[i].kind != HG_WORD_SECTION)
            names[n++] = hg_word_table[i].name;
    const char *near = hg_nearest(plain_name(name, plain, sizeof plain), names, n);
    if (!near)
        return NULL;
    char *flag = hg_textf(arena, "--%s", near);
    for (char *p = flag; *p; p++)
        *p = *p == '_' ? '-' : *p;
    return flag;
}

bool hg_word_repeats(const hg_word *w)
{
    static const char *const names[] = { "knob", "live" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(w->name, names[i]) == 0)
            return true;
    return false;
}

bool hg_word_serves(const hg_word *w, const char *verb)
{
    size_t n = strlen(verb);
    for (const char *p = w->verbs; *p; p += strcspn(p, " "), p += *p == ' ')
        if (*p == '*' || (strncmp(p, verb, n) == 0 && (p[n] == ' ' || p[n] == 0)))
            return true;
    return false;
}

static bool set_int(const hg_word *w, hg_ints_word *out, const char *text, const char *where, hg_err *err)
{
    double value, scale = 1;
    char digits[48];
    size_t n = strlen(text);
    if (n > 1 && n < sizeof digits && strchr("kKmM", text[n - 1])) {
        /* As vLLM reads counts: 8k is 8000, 8K is 8192. */
        char last = text[n - 1];
        scale = last == 'k' ? 1e3 : last == 'K' ? 1024 : last == 'm' ? 1e6 : 1048576;
        memcpy(digits, text, n - 1);
        digits[n - 1] = 0;
        text = digits;
    }
    if (out->n == HG_LIST)
        return hg_fail(err, HG_INPUT, where, "lists more than %d values", HG_LIST);
    if (!hg_parse_f64(text, &value) || (value *= scale) < -9e15 || value > 9e15 ||
        value != (double)(int64_t)value)
        return hg_fail(err, HG_INPUT, where, "is '%.40s'; write a whole number such as %lld", text,
                       (long long)(w->lo > 8 ? w->lo : 8));
    if (value < w->lo || value > w->hi)
        return hg_fail(err, HG_INPUT, where, "is %.0f; it must lie in [%.0f, %.0f]", value, w->lo, w->hi);
    out->v[out->n++] = (int64_t)value;
    return true;
}

static bool set_ints(hg_arena scratch, const hg_word *w, hg_ints_word *out, const char *value,
                     const char *where, hg_err *err)
{
    *out = (hg_ints_word){ .where = where };
    if (strcmp(value, "any") == 0) {
        out->any = true;
        return true;
    }
    char *list = hg_strdup(&scratch, value);
    for (char *p = list;; ) {
        char *comma = strchr(p, ',');
        if (comma)
            *comma = 0;
        if (!set_int(w, out, p, where, err))
            return false;
        if (!comma)
            return true;
        p = comma + 1;
    }
}

static bool set_real(const hg_word *w, hg_real_word *out, const char *value, const char *where, hg_err *err)
{
    if (!hg_parse_quantity(value, w->unit, &out->v))
        return hg_fail(err, HG_INPUT, where, "is '%.40s'; write it like '%s'", value,
                       hg_unit_example(w->unit));
    if (!(out->v >= w->lo && out->v <= w->hi))
        return hg_fail(err, HG_INPUT, where, "is %.40s; it must lie in [%g, %g]", value, w->lo, w->hi);
    out->given = true;
    out->where = where;
    return true;
}

static bool set_flag(hg_flag_word *out, const char *value, bool no, const char *where, hg_err *err)
{
    bool yes = !value || strcmp(value, "true") == 0 || strcmp(value, "yes") == 0 || strcmp(value, "1") == 0;
    if (!yes && strcmp(value, "false") != 0 && strcmp(value, "no") != 0 && strcmp(value, "0") != 0)
        return hg_fail(err, HG_INPUT, where, "is '%.40s'; write true or false", value);
    *out = (hg_flag_word){ .v = yes != no, .given = true, .where = where };
    return true;
}

bool hg_scenario_set(hg_arena *arena, hg_scenario *s, const char *verb, const char *name,
                     const char *value, const char *where, hg_err *err)
{
    const hg_word *w = hg_word_find(name);
    bool no = false;
    char plain[64];
    if (!w && hg_starts(plain_name(name, plain, sizeof plain), "no_")) {
        w = hg_word_find(plain + 3);
        /* --no-enable-prefix-caching is vLLM's spelling; both are fine. */
        no = w && w->kind == HG_WORD_FLAG;
        w = no ? w : NULL;
    }
    if (!w) {
        const char *near = hg_word_suggest(arena, name);
        return hg_fail(err, HG_INPUT, where, "is no word heng knows%s%s%s", near ? "; did you mean " : "",
                       near ? near : "", near ? "?" : "; 'heng help scenario' lists them");
    }
    if (!hg_word_serves(w, verb))
        return hg_fail(err, HG_INPUT, where, "does not apply to 'heng %s'; 'heng help %s' lists what does",
                       verb, verb);
    where = hg_strdup(arena, where);
    if (w->kind != HG_WORD_FLAG && (!value || !*value))
        return hg_fail(err, HG_INPUT, where, "needs a value: %s", w->argument);
    void *field = (char *)s + w->offset;
    switch (w->kind) {
    case HG_WORD_TEXT:
        if (hg_word_repeats(w) && ((hg_text_word *)field)->s)
            value = hg_textf(arena, "%s\n%s", ((hg_text_word *)field)->s, value);
        *(hg_text_word *)field = (hg_text_word){ hg_strdup(arena, value), where };
        return true;
    case HG_WORD_INTS:
        return set_ints(*arena, w, field, value, where, err);
    case HG_WORD_REAL:
        return set_real(w, field, value, where, err);
    default:
        return set_flag(field, value, no, where, err);
    }
}
