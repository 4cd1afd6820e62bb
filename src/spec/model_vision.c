/* The vision tower's size.  Only its parameters and its tokens matter here, so one shape serves all
 * publishers: a ViT with biases, its patch embedding and positions, and a projector of two layers.
 */
#include "spec/model_parts.h"

#include <math.h>
#include <string.h>

typedef struct tower {
    const json_t *object;
    hg_config *c;
} tower;

/* The first of the names that holds a whole number within reason, or absent. */
static int64_t number(const tower *t, const char *const *names, int64_t absent)
{
    enum { REASON = 1 << 22 };
    for (; *names; names++) {
        const json_t *v = json_object_get(t->object, *names);
        if (json_is_array(v))
            v = json_array_get(v, 0);
        if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= REASON)
            return json_integer_value(v);
    }
    return absent;
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static double position_rows(const tower *t, int64_t patch)
{
    int64_t rows = number(t, NAMES("num_position_embeddings"), 0);
    if (rows)
        return (double)rows;
    double height = (double)number(t, NAMES("init_pos_emb_height"), 0);
    if (height > 0)
        return height * (double)number(t, NAMES("init_pos_emb_width"), 0);
    double side = (double)number(t, NAMES("image_size"), 0) / (double)patch;
    return side * side;
}

static double block_weights(const tower *t, const hg_vision *v)
{
    const char *act = json_string_value(json_object_get(t->object, "hidden_act"));
    bool gated = act && strcmp(act, "silu") == 0;
    double h = (double)v->hidden_size, i = (double)v->inter_size;
    return 4 * h * h + 4 * h + (gated ? 3 : 2) * h * i + (gated ? 2 : 1) * i + h + 4 * h;
}

/* Qwen and Kimi join merge² patches, pass them through a square layer and project; deepstack does
 * so for several layers.  A tower that joins none projects at once (Gemma). */
static double projector_weights(const tower *t, const hg_vision *v, double text_hidden)
{
    double in = (double)v->hidden_size * (double)(v->merge * v->merge);
    double out = (double)number(t, NAMES("out_hidden_size", "text_hidden_size", "projection_dim"),
                                (int64_t)text_hidden);
    double times =
        1 + (double)json_array_size(json_object_get(t->object, "deepstack_visual_indexes"));
    double square = v->merge > 1 ? in * in + in : 0;
    return times * (square + in * out + out + 2 * in);
}

static double tower_weights(const tower *t, const hg_vision *v, double text_hidden)
{
    double h = (double)v->hidden_size;
    double pixels = (double)(v->patch_pixels * v->patch_pixels) *
                    (double)number(t, NAMES("temporal_patch_size"), 1) *
                    (double)number(t, NAMES("in_channels", "in_chans", "num_channels"), 3);
    return (double)v->layers * block_weights(t, v) + pixels * h + h +
           position_rows(t, v->patch_pixels) * h + 2 * h + projector_weights(t, v, text_hidden);
}

static const json_t *find_tower(const json_t *root)
{
    static const char *const names[] = { "vision_config", "visual", "vit_config",
                                         "vision_encoder" };
    const json_t *thinker = json_object_get(root, "thinker_config");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *found = json_object_get(root, names[i]);
        if (!json_is_object(found))
            found = json_object_get(thinker, names[i]);
        if (json_is_object(found))
            return found;
    }
    return NULL;
}

bool hg_model_read_vision(hg_config *c, hg_model *m)
{
    tower t = { find_tower(c->root), c };
    if (!t.object)
        return true;
    hg_vision v = {
        .layers =
            number(&t, NAMES("depth", "num_hidden_layers", "vt_num_hidden_layers", "layers"), 0),
        .hidden_size = number(&t, NAMES("vt_hidden_size", "embed_dim", "hidden_size", "width"), 0),
        .heads = number(
            &t, NAMES("num_heads", "num_attention_heads", "vt_num_attention_heads", "heads"), 0),
        .patch_pixels = number(&t, NAMES("patch_size"), 14),
        .merge = number(&t, NAMES("spatial_merge_size", "merge_kernel_size"), 1),
    };
    v.layers += number(&t, NAMES("num_global_layers"), 0);
    v.inter_size =
        number(&t, NAMES("intermediate_size", "vt_intermediate_size"), 4 * v.hidden_size);
    if (v.layers < 1 || v.hidden_size < 1 || v.patch_pixels < 1)
        return true; /* a tower described by name only: not counted */
    v.parameters = tower_weights(&t, &v, (double)m->hidden_size);
    m->vision = v;
    return true;
}
