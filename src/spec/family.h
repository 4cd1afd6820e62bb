/* What a config.json leaves to its modelling code: one row of family.def a family. */
#ifndef HG_SPEC_FAMILY_H
#define HG_SPEC_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HG_UNGATED = 1 << 0,   /* up and down projections only */
    HG_BIASED = 1 << 1,    /* every projection has a bias unless the file says otherwise */
    HG_QKV_BIASED = 1 << 2,/* queries, keys, values have one unless the file says otherwise */
    HG_O_PLAIN = 1 << 3,   /* the output projection has none even where attention_bias is set */
    HG_LAYERNORM = 1 << 4, /* norms carry a bias */
    HG_NORM_ONE = 1 << 5,  /* one norm a layer (attention and feed-forward in parallel) */
    HG_NORM_FOUR = 1 << 6, /* four: before and after each part */
    HG_NORM_BARE = 1 << 7, /* norms without weights */
    HG_QK_HEAD = 1 << 8,   /* queries and keys normed by head, unless the file says otherwise */
    HG_QK_FULL = 1 << 9,   /* normed over all heads together */
    HG_QK_EACH = 1 << 10,  /* weights for every head apart */
    HG_TIES = 1 << 11,     /* embeddings tied unless the file says otherwise */
    HG_POSITIONS = 1 << 12,/* learned position embeddings */
    HG_WIDE4 = 1 << 13,    /* the feed-forward part is four times the hidden size unless said */
    HG_HALF_INTER = 1 << 14, /* intermediate_size counts gate and up together */
    HG_HEAD_BIASED = 1 << 15,/* a bias on the vocabulary's logits */
    HG_EVEN_WINDOWS = 1 << 16, /* layers 0, 2, 4 … slide when no list says which */
    HG_SINKS = 1 << 17,    /* a learned sink for every head */
    HG_PARALLEL = 1 << 18, /* attention and state space side by side in every layer (Falcon-H1) */
    HG_BY_KIND = 1 << 19,  /* lists hold an entry for text and one for images (ERNIE 4.5 VL) */
    HG_TWICE = 1 << 20,    /* two attentions and two dense parts a layer (LongCat) */
    HG_DUAL_NORM = 1 << 21,/* two norms before a parallel layer when it has grouped heads (Falcon) */
    HG_EMBED_NORM = 1 << 22, /* a LayerNorm behind the embedding (BLOOM) */
    HG_GATE_VECTOR = 1 << 23, /* a shared expert's gate of one row (Qwen) */
    HG_QK_OFF = 1 << 24,   /* use_qk_norm means norms without weights (Llama 4) */
};

typedef struct hg_family {
    const char *type;   /* model_type */
    uint32_t traits;    /* of the above */
    const char *refuse; /* why it is not read, or NULL */
    bool known;         /* it has a row */
} hg_family;

/* By model_type (with or without "_text"), else by architecture ("Qwen3MoeForCausalLM").  A family
 * without a row is read as the file says, in the manner of Llama. */
hg_family hg_family_of(const char *type, const char *architecture);

/* A value the family's configuration class assumes when the file is silent, or absent.  `name` is any
 * of the quantity's aliases. */
int64_t hg_family_default(const char *type, const char *name, int64_t absent);

#endif
