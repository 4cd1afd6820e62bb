#include "spec/draft.h"

#include "base/json.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

const hg_draft_kind hg_draft_table[HG_DRAFTS] = {
#define DRAFT(id, word, tokens, inputs, aliases, help)                                             \
    [HG_DRAFT_##id] = { word, aliases, help, tokens, inputs },
#include "spec/draft.def"
#undef DRAFT
};

static bool is_among(const char *word, const char *list)
{
    char one[32];
    for (size_t n; *list; list += n + (list[n] == ' ')) {
        n = strcspn(list, " ");
        memcpy(one, list, n);
        one[n] = 0;
        if (hg_same_nocase(word, one))
            return true;
    }
    return false;
}

bool hg_draft_parse(const char *word, hg_draft *out)
{
    for (int i = 0; i < HG_DRAFTS; i++)
        if (hg_same_nocase(word, hg_draft_table[i].word) ||
            is_among(word, hg_draft_table[i].aliases)) {
            *out = (hg_draft)i;
            return true;
        }
    return false;
}

double hg_draft_length(double acceptance, double tokens)
{
    double sum = 1, power = 1;
    for (int i = 0; i < (int)tokens; i++)
        sum += power *= acceptance;
    return sum;
}

double hg_draft_acceptance(double length, double tokens)
{
    double lo = 0, hi = 1;
    if (length >= tokens + 1)
        return 1;
    for (int i = 0; i < 60; i++) {
        double mid = (lo + hi) / 2;
        *(hg_draft_length(mid, tokens) < length ? &lo : &hi) = mid;
    }
    return (lo + hi) / 2;
}

/* The first row of the kind that holds so many tokens. */
static bool answers(const json_t *row, hg_draft kind, double tokens)
{
    const char *word = json_string_value(json_object_get(row, "draft"));
    double most = json_number_value(json_object_get(row, "tokens_most"));
    return word && strcmp(word, hg_draft_table[kind].word) == 0 && (most == 0 || tokens <= most);
}

bool hg_draft_published(hg_arena *arena, const hg_data *data, hg_draft kind, double tokens,
                        hg_draft_default *out, hg_err *err)
{
    static const char path[] = "speculation.json";
    size_t size;
    const char *text = hg_data_text(data, arena, path, &size, err);
    json_t *root = text ? hg_json_parse(text, size, path, err) : NULL;
    const json_t *rows = json_object_get(root, "acceptance");
    *out = (hg_draft_default){ 0 };
    for (size_t i = 0; i < json_array_size(rows) && !out->source; i++) {
        const json_t *row = json_array_get(rows, i);
        const char *source = json_string_value(json_object_get(row, "source"));
        if (source && answers(row, kind, tokens))
            *out = (hg_draft_default){ json_number_value(json_object_get(row, "per_token")),
                                       hg_strdup(arena, source) };
    }
    json_decref(root);
    return out->source != NULL;
}

static const hg_layer *last_layer(const hg_model *m)
{
    return &m->layers[m->layer_order ? m->layer_order[m->layer_count - 1] : m->layer_kinds - 1];
}

/* Published EAGLE-3 heads are one Llama layer in 16 bits with the model's own heads, whose output layer tells
 * apart the 32,000 most frequent tokens (their config.json: num_hidden_layers 1, draft_vocab_size 32000).  A model
 * without plain attention or a dense feed-forward gets heads of 128 and a width of three hidden ones. */
enum { EAGLE_VOCAB = 32000, EAGLE_HEAD = 128, EAGLE_WIDTH = 3 };

static void fill_eagle(const hg_model *m, hg_draft_head *out)
{
    const hg_layer *like = last_layer(m);
    bool plain = like->mixer == HG_MIX_GQA, dense = like->ffn == HG_FFN_DENSE;
    int64_t heads = plain ? like->heads : m->hidden_size / EAGLE_HEAD;
    out->layer = (hg_layer){ .count = 1, .mixer = HG_MIX_GQA, .heads = heads,
                             .kv_heads = plain ? like->kv_heads : heads,
                             .head_dim = plain ? like->head_dim : EAGLE_HEAD,
                             .v_head_dim = plain ? like->v_head_dim : EAGLE_HEAD,
                             .ffn = HG_FFN_DENSE, .gated = true,
                             .inter_size = dense ? like->inter_size : EAGLE_WIDTH * m->hidden_size };
    out->model.precision = (hg_precision){ .kv = m->precision.kv };
    out->vocab = fmin(EAGLE_VOCAB, (double)m->vocab_size);
    out->own_output = true;
}

static void fill_layer(const hg_model *m, hg_draft kind, hg_draft_head *out)
{
    out->model = *m;
    out->vocab = (double)m->vocab_size;
    if (kind == HG_DRAFT_EAGLE3)
        fill_eagle(m, out);
    else
        out->layer = *last_layer(m);
    out->layer.count = 1;
    out->model.layers = &out->layer;
    out->model.layer_kinds = out->model.layer_count = 1;
    out->model.layer_order = NULL;
    out->model.vision_parameters = 0;
}

bool hg_draft_head_of(const hg_model *m, hg_draft kind, const hg_model *drafts_with, hg_draft_head *out)
{
    *out = (hg_draft_head){ .inputs = hg_draft_table[kind].inputs };
    if (kind == HG_DRAFT_NGRAM || (kind == HG_DRAFT_MODEL && !drafts_with))
        return false;
    if (kind == HG_DRAFT_MTP || !drafts_with) {
        fill_layer(m, kind, out);
        return true;
    }
    out->model = *drafts_with;
    out->vocab = (double)drafts_with->vocab_size;
    out->own_output = true;
    out->own_embedding = true;
    return true;
}
