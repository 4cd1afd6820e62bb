/* Which tensors a Llama-like model has and what llama.cpp calls them.
 * Source: GGUF specification (ggml, docs/gguf.md), section "Standardized tensor names". */
#include "gguf.h"

#include <string.h>

enum { FIRST_WORD = 259, BLOCK = 32 /* elements of Q8_0 that share a scale */ };

static const struct {
    bool qk_norm, moe;
    const char *name;
} architectures[] = {
    { false, false, "llama" },
    { false, true, "llama" },
    { true, false, "qwen3" },
    { true, true, "qwen3moe" },
};

static gguf_tensor *add(hg_arena *arena, gguf_shape *s, const char *name, int64_t a, int64_t b,
                        int64_t c)
{
    gguf_tensor *t = HG_PUSH(arena, s->tensors, s->count, s->capacity);
    *t = (gguf_tensor){ .name = name,
                        .dims = { a, b, c },
                        .rank = c > 1   ? 3
                                : b > 1 ? 2
                                        : 1,
                        .type = s->type };
    return t;
}

static void vector(hg_arena *arena, gguf_shape *s, const char *name, int64_t n, bool ones)
{
    gguf_tensor *t = add(arena, s, name, n, 1, 1);
    t->type = GGUF_F32;
    t->ones = ones;
}

static const char *in_block(hg_arena *arena, int64_t block, const char *part)
{
    return hg_textf(arena, "blk.%d.%s", (int)block, part);
}

static void attention(hg_arena *arena, gguf_shape *s, int64_t i)
{
    const hg_layer *l = s->layer;
    int64_t hidden = s->model->hidden_size, q = l->heads * l->head_dim,
            kv = l->kv_heads * l->head_dim;
    vector(arena, s, in_block(arena, i, "attn_norm.weight"), hidden, true);
    add(arena, s, in_block(arena, i, "attn_q.weight"), hidden, q, 1);
    add(arena, s, in_block(arena, i, "attn_k.weight"), hidden, kv, 1);
    add(arena, s, in_block(arena, i, "attn_v.weight"), hidden, kv, 1);
    add(arena, s, in_block(arena, i, "attn_output.weight"), q, hidden, 1);
    if (l->qkv_bias) {
        vector(arena, s, in_block(arena, i, "attn_q.bias"), q, false);
        vector(arena, s, in_block(arena, i, "attn_k.bias"), kv, false);
        vector(arena, s, in_block(arena, i, "attn_v.bias"), kv, false);
    }
    if (l->qk_norm) {
        vector(arena, s, in_block(arena, i, "attn_q_norm.weight"), l->head_dim, true);
        vector(arena, s, in_block(arena, i, "attn_k_norm.weight"), l->head_dim, true);
    }
}

static void feed_forward(hg_arena *arena, gguf_shape *s, int64_t i)
{
    const hg_layer *l = s->layer;
    int64_t hidden = s->model->hidden_size,
            inter = l->ffn == HG_FFN_MOE ? l->expert_inter_size : l->inter_size;
    bool moe = l->ffn == HG_FFN_MOE;
    int64_t experts = moe ? l->experts : 1;
    vector(arena, s, in_block(arena, i, "ffn_norm.weight"), hidden, true);
    if (moe)
        add(arena, s, in_block(arena, i, "ffn_gate_inp.weight"), hidden, experts, 1)->type =
            GGUF_F32;
    add(arena, s, in_block(arena, i, moe ? "ffn_gate_exps.weight" : "ffn_gate.weight"), hidden,
        inter, experts);
    add(arena, s, in_block(arena, i, moe ? "ffn_up_exps.weight" : "ffn_up.weight"), hidden, inter,
        experts);
    add(arena, s, in_block(arena, i, moe ? "ffn_down_exps.weight" : "ffn_down.weight"), inter,
        hidden, experts);
}

/* What the Llama-like architectures lack; NULL when nothing is. */
static const char *lacks(const hg_model *m, const hg_layer *l)
{
    const struct {
        bool has;
        const char *what;
    } parts[] = {
        { m->layer_kinds != 1, "its layers are of several kinds" },
        { l->mixer != HG_MIX_GQA, "its layers do not attend with heads of keys and values" },
        { l->window_tokens > 0, "it attends within a sliding window" },
        { l->sparse_topk > 0 || l->k_is_v || l->shares_kv || l->output_gate,
          "its attention is no plain one" },
        { l->v_head_dim != l->head_dim, "its heads of values differ in width from those of keys" },
        { l->qk_norm && (l->qkv_bias || l->o_bias),
          "it has both biases and norms of queries and keys" },
        { l->o_bias, "its attention's output has a bias" },
        { l->ffn == HG_FFN_NONE || !l->gated, "its feed-forward part has no gate" },
        { l->shared_inter_size > 0 || l->expert_hidden_size > 0 || l->router_bias || l->expert_bias,
          "its experts are no plain ones" },
        { m->vision.layers > 0, "it has a vision tower" },
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].has)
            return parts[i].what;
    return NULL;
}

static const char *architecture_of(const hg_layer *l)
{
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
        if (architectures[i].qk_norm == l->qk_norm &&
            architectures[i].moe == (l->ffn == HG_FFN_MOE))
            return architectures[i].name;
    return NULL;
}

static bool blocks_fit(const gguf_shape *s, hg_err *err)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->tensors[i].type == GGUF_Q8_0 && s->tensors[i].dims[0] % BLOCK != 0)
            return hg_fail(
                err, HG_INPUT, "--type",
                "is q8_0, whose blocks of %d do not divide the %d columns of %s; write f16", BLOCK,
                (int)s->tensors[i].dims[0], s->tensors[i].name);
    return true;
}

bool gguf_shape_of(hg_arena *arena, const hg_model *m, gguf_type type, gguf_shape *out, hg_err *err)
{
    *out = (gguf_shape){ .model = m, .layer = &m->layers[0], .type = type };
    const char *what = lacks(m, out->layer);
    if (what)
        return hg_fail(err, HG_INPUT, m->name,
                       "is no Llama-like model: %s; name one such as Qwen/Qwen3-0.6B", what);
    if (m->vocab_size <= FIRST_WORD)
        return hg_fail(err, HG_INPUT, m->name,
                       "has a vocabulary of %d; bytes and marks alone take %d", (int)m->vocab_size,
                       FIRST_WORD);
    out->architecture = architecture_of(out->layer);
    add(arena, out, "token_embd.weight", m->hidden_size, m->vocab_size, 1);
    vector(arena, out, "output_norm.weight", m->hidden_size, true);
    if (!m->tied_embeddings)
        add(arena, out, "output.weight", m->hidden_size, m->vocab_size, 1);
    for (int64_t i = 0; i < m->layer_count; i++) {
        attention(arena, out, i);
        feed_forward(arena, out, i);
    }
    return blocks_fit(out, err);
}

int64_t gguf_bytes(const gguf_tensor *t)
{
    int64_t n = t->dims[0] * t->dims[1] * t->dims[2];
    switch (t->type) {
    case GGUF_F32:
        return 4 * n;
    case GGUF_Q8_0:
        return n / BLOCK * (BLOCK + 2);
    default:
        return 2 * n;
    }
}
