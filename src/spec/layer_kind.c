#include "spec/layer_kind.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    hg_layer_kind kind;
} words[] = {
    { "full_attention", HG_KIND_FULL },
    { "attention", HG_KIND_FULL },
    { "attn", HG_KIND_FULL },
    { "global", HG_KIND_FULL },
    { "global_attention", HG_KIND_FULL },
    { "softmax", HG_KIND_FULL },
    { "sliding_attention", HG_KIND_WINDOW },
    { "chunked_attention", HG_KIND_WINDOW },
    { "local_attention", HG_KIND_WINDOW },
    { "local", HG_KIND_WINDOW },
    { "compressed_sparse_attention", HG_KIND_FULL },
    { "heavily_compressed_attention", HG_KIND_FULL },
    { "deepseek_sparse_attention", HG_KIND_FULL },
    { "linear_attention", HG_KIND_LINEAR },
    { "lightning_attention", HG_KIND_LINEAR },
    { "mamba", HG_KIND_MAMBA },
    { "mamba2", HG_KIND_MAMBA },
    { "moe", HG_KIND_EXPERTS },
    { "mlp", HG_KIND_DENSE },
    { "parallel_hybrid", HG_KIND_BOTH },
    /* letters of hybrid_override_pattern */
    { "M", HG_KIND_MAMBA },
    { "*", HG_KIND_FULL },
    { "E", HG_KIND_EXPERTS },
    { "-", HG_KIND_DENSE },
};

hg_layer_kind hg_layer_kind_parse(const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i].word) == 0)
            return words[i].kind;
    return HG_KIND_BAD;
}

int64_t hg_layer_total(hg_config *c)
{
    const json_t *kinds = hg_config_list(c, HG_Q_LAYER_TYPES);
    const char *pattern = hg_config_word(c, HG_Q_HYBRID_PATTERN);
    if (!hg_config_find(c, HG_Q_LAYERS) && kinds && json_array_size(kinds) <= 4096)
        return (int64_t)json_array_size(kinds);
    if (!hg_config_find(c, HG_Q_LAYERS) && pattern && strlen(pattern) <= 4096)
        return (int64_t)strlen(pattern);
    return hg_config_need(c, HG_Q_LAYERS);
}

static hg_layer_kind listed(hg_config *c, const json_t *list, int64_t layer)
{
    const json_t *entry = json_array_get(list, (size_t)layer);
    const char *word = json_string_value(entry);
    hg_layer_kind kind = word ? hg_layer_kind_parse(word) : HG_KIND_BAD;
    if (!word)
        hg_config_fail(c, HG_Q_LAYER_TYPES,
                       "has no word for layer %" PRId64 "; it needs one a layer", layer);
    else if (kind == HG_KIND_BAD)
        hg_config_fail(c, HG_Q_LAYER_TYPES,
                       "has '%.40s' for layer %" PRId64 ", a kind not modelled", word, layer);
    return kind;
}

static hg_layer_kind lettered(hg_config *c, const char *pattern, int64_t layer)
{
    char letter[2] = { (int64_t)strlen(pattern) > layer ? pattern[layer] : 0 };
    hg_layer_kind kind = hg_layer_kind_parse(letter);
    if (kind == HG_KIND_BAD)
        hg_config_fail(c, HG_Q_HYBRID_PATTERN,
                       "has '%s' for layer %" PRId64 "; M, *, E and - are known", letter, layer);
    return kind;
}

/* Windows where no list names the layers: every n-th is full, or letters, or all beyond a first. */
static bool slides(hg_config *c, int64_t layer)
{
    const char *letters = hg_config_word(c, HG_Q_WINDOW_LETTERS);
    if (letters)
        return *letters && letters[(size_t)layer % strlen(letters)] == 'L';
    if (!hg_config_flag(c, HG_Q_USE_WINDOW, true) || hg_config_int(c, HG_Q_WINDOW, 0) == 0)
        return false;
    int64_t every = hg_config_int(c, HG_Q_WINDOW_EVERY, 0);
    if (every)
        return (layer + 1) % every != 0;
    if (c->family.traits & HG_EVEN_WINDOWS)
        return layer % 2 == 0;
    return layer >= hg_config_int(c, HG_Q_WINDOW_FROM, 0);
}

/* Llama 4: layers with rotary positions attend within chunks, those without to everything. */
static bool chunked(hg_config *c, int64_t layer)
{
    const json_t *rotary = hg_config_list(c, HG_Q_NO_ROPE_LAYERS);
    if (json_array_size(rotary))
        return json_integer_value(json_array_get(rotary, (size_t)layer)) != 0;
    int64_t every = hg_config_int(c, HG_Q_NO_ROPE_EVERY, 0);
    return every == 0 || (layer + 1) % every != 0;
}

static hg_layer_kind periodic(hg_config *c, int64_t layer)
{
    int64_t interval = hg_config_int(c, HG_Q_FULL_INTERVAL, 0);
    if (interval)
        return (layer + 1) % interval == 0 ? HG_KIND_FULL : HG_KIND_LINEAR;
    int64_t period = hg_config_int(c, HG_Q_ATTN_PERIOD, 0);
    if (period)
        return layer % period == hg_config_int(c, HG_Q_ATTN_OFFSET, 0) ? HG_KIND_FULL
                                                                       : HG_KIND_MAMBA;
    if (hg_config_int(c, HG_Q_CHUNK, 0))
        return chunked(c, layer) ? HG_KIND_WINDOW : HG_KIND_FULL;
    return slides(c, layer) ? HG_KIND_WINDOW : HG_KIND_FULL;
}

hg_layer_kind hg_layer_kind_of(hg_config *c, int64_t layer)
{
    if (c->family.traits & HG_PARALLEL)
        return HG_KIND_BOTH;
    const char *pattern = hg_config_word(c, HG_Q_HYBRID_PATTERN);
    if (pattern)
        return lettered(c, pattern, layer);
    const json_t *list = hg_config_list(c, HG_Q_LAYER_TYPES);
    if (list)
        return listed(c, list, layer);
    if ((list = hg_config_list(c, HG_Q_ATTN_TYPES)))
        return json_integer_value(json_array_get(list, (size_t)layer)) ? HG_KIND_FULL
                                                                       : HG_KIND_LINEAR;
    if ((list = hg_config_list(c, HG_Q_KDA_LAYERS)))
        return hg_config_holds(list, layer + 1) ? HG_KIND_LINEAR : HG_KIND_FULL;
    if ((list = hg_config_list(c, HG_Q_ATTN_INDICES)))
        return hg_config_holds(list, layer) ? HG_KIND_FULL : HG_KIND_MAMBA;
    if ((list = hg_config_list(c, HG_Q_WINDOW_PATTERN)))
        return json_integer_value(json_array_get(list, (size_t)layer)) ? HG_KIND_WINDOW
                                                                       : HG_KIND_FULL;
    return periodic(c, layer);
}

/* "4,5,6,…" names the layer. */
static bool enumerated(const char *numbers, int64_t layer)
{
    while (*numbers) {
        char *end;
        long n = strtol(numbers, &end, 10);
        if (end == numbers)
            return false;
        if (n == layer)
            return true;
        numbers = end + strspn(end, ", ");
    }
    return false;
}

static bool in_step(hg_config *c, int64_t layer)
{
    int64_t every = hg_config_int(c, HG_Q_MOE_FREQ, 0);
    if (every)
        return layer % every == 0;
    every = hg_config_int(c, HG_Q_MOE_EVERY, 1);
    if (every < 1)
        return true;
    int64_t offset = hg_config_int(c, HG_Q_MOE_OFFSET, -1);
    return offset < 0 ? (layer + 1) % every == 0 : layer % every == offset % every;
}

bool hg_layer_has_experts(hg_config *c, int64_t layer)
{
    const json_t *list = hg_config_list(c, HG_Q_MLP_TYPES);
    if (list) {
        const char *word = json_string_value(json_array_get(list, (size_t)layer));
        return word && (strcmp(word, "sparse") == 0 || strcmp(word, "moe") == 0);
    }
    if ((list = hg_config_list(c, HG_Q_MOE_FREQ_LIST))) {
        const json_t *entry = json_array_get(list, (size_t)layer);
        return json_is_true(entry) || json_integer_value(entry) != 0;
    }
    if ((list = hg_config_list(c, HG_Q_MOE_LAYERS)))
        return hg_config_holds(list, layer);
    const char *numbers = hg_config_word(c, HG_Q_MOE_ENUM);
    if (numbers)
        return enumerated(numbers, layer);
    if (layer < hg_config_int(c, HG_Q_DENSE_FIRST, 0) ||
        layer < hg_config_at(c, HG_Q_MOE_START, 0, 0) ||
        hg_config_holds(hg_config_list(c, HG_Q_MLP_ONLY), layer))
        return false;
    int64_t last = hg_config_at(c, HG_Q_MOE_END, 0, -1);
    return (last < 0 || layer <= last) && in_step(c, layer);
}
