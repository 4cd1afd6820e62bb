/* A model as the cost model sees it: runs of equal layers, each a token mixer and a feed-forward
 * part, with the precision of each kind of weight.  Built from a publisher's config.json by
 * spec/model.c and legal by construction: past spec/ nobody checks it again. */
#ifndef HG_SPEC_MODEL_H
#define HG_SPEC_MODEL_H

#include "base/arena.h"
#include "base/data.h"
#include "base/err.h"
#include "spec/dtype.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum hg_mixer {
    HG_MIX_NONE,   /* a layer that is a feed-forward part only (Nemotron-H) */
    HG_MIX_GQA,    /* MHA, GQA, MQA; window_tokens > 0: sliding window; chunk counts as window */
    HG_MIX_MLA,    /* multi-head latent attention; sparse_topk > 0: with an indexer (DSA) */
    HG_MIX_GDN,    /* gated delta net */
    HG_MIX_MAMBA2,
    HG_MIX_KDA,    /* Kimi delta attention */
    HG_MIXERS
} hg_mixer;

typedef enum hg_ffn { HG_FFN_NONE, HG_FFN_DENSE, HG_FFN_MOE } hg_ffn;

/* `count` equal layers in a row, or spread: only numbers matter, not order. */
typedef struct hg_layer {
    int64_t count;
    hg_mixer mixer;
    /* HG_MIX_GQA, HG_MIX_MLA */
    int64_t heads, kv_heads, head_dim; /* head_dim: of queries and keys (MLA: nope + rope) */
    int64_t v_head_dim;
    int64_t window_tokens;             /* 0: full attention */
    bool qkv_bias, o_bias, output_gate, qk_norm, shares_kv; /* shares_kv: stores no KV of its own */
    /* One vector serves as key and value.  HG_MIX_GQA: no value projection, both are cached.
     * HG_MIX_MLA (DeepSeek-V4): the latent itself, one for all heads, no up-projection; head_dim is
     * kv_lora_rank + rope_head_dim and so is v_head_dim. */
    bool k_is_v;
    int64_t q_lora_rank;               /* 0: queries projected directly */
    /* HG_MIX_MLA */
    int64_t kv_lora_rank, rope_head_dim;
    int64_t o_lora_rank, o_groups;     /* a low-rank output projection; 0: plain */
    /* sparse attention: each token attends to sparse_topk chosen ones; 0: dense.  index_heads 0: the
     * choice of a layer before is used again (GLM-5.2) */
    int64_t sparse_topk, index_heads, index_head_dim;
    /* KV kept one entry for so many tokens beside a window of all; 0 or 1: all (DeepSeek-V4) */
    int64_t compress_ratio;
    /* HG_MIX_GDN, HG_MIX_KDA, HG_MIX_MAMBA2 */
    int64_t linear_k_heads, linear_v_heads, linear_k_head_dim, linear_v_head_dim; /* GDN, KDA */
    bool fixed_decay;                  /* GDN without learned decay: lightning attention */
    int64_t ssm_heads, ssm_head_dim, ssm_groups, ssm_state;                       /* Mamba2 */
    int64_t ssm_dt_rank;               /* above 0: Mamba-1, a head for every channel */
    int64_t conv_kernel;
    /* feed-forward */
    hg_ffn ffn;
    int64_t inter_size;                /* dense */
    bool gated;                        /* gate and up projections (SwiGLU); false: up only */
    int64_t experts, topk, expert_inter_size;
    int64_t expert_hidden_size;        /* latent MoE: the experts' own width; 0: hidden_size */
    int64_t shared_inter_size;         /* all shared experts together; 0: none */
    bool shared_gate, router_bias, expert_bias;
    double small_weights; /* norms, biases, sinks, hyper-connections, inputs a layer: no large product */
} hg_layer;

/* Precision by kind of weight, from quantization_config or hf_quant_config.json. */
typedef struct hg_precision {
    hg_dtype attention; /* qkv and MLA projections, indexers */
    hg_dtype o_proj;    /* attention's output projection, often another in NVFP4 checkpoints */
    hg_dtype linear;    /* projections of GDN, KDA, Mamba */
    hg_dtype mlp;       /* dense feed-forward and shared experts */
    hg_dtype experts;
    hg_dtype lm_head;
    hg_dtype kv;        /* the checkpoint's own KV cache type; HG_BF16 unless it says otherwise */
    bool static_scales; /* activations scaled by constants of the checkpoint */
} hg_precision;

typedef struct hg_vision {
    int64_t layers, hidden_size, heads, inter_size, patch_pixels, merge; /* merge: patches a token, one side */
    double parameters;
} hg_vision; /* layers 0: no vision tower */

typedef struct hg_model {
    const char *name;         /* the id asked for, or the file's folder */
    const char *architecture; /* architectures[0], or the model_type */
    const char *source;       /* the path read, or "catalogue" */
    const char *assumed;      /* what an unknown model_type was taken for, as a line for the user; or NULL */
    /* What an engine loads.  id: the publisher's, or the folder of the file read; NULL: not known.
     * checkpoint: what holds the weights in `precision`; NULL: no such one is known by name. */
    const char *id, *checkpoint;
    int64_t hidden_size, vocab_size, max_tokens; /* max_tokens: the longest context it was made for */
    bool tied_embeddings;
    hg_layer *layers;
    int64_t layer_kinds, layer_count; /* layer_count: Σ count */
    int32_t *layer_order;     /* the kind of each layer from first to last, an index into layers */
    hg_precision precision, published; /* published: of the checkpoint `id`, whatever was asked for */
    hg_vision vision;
    int64_t mtp_layers;       /* multi-token-prediction layers in the checkpoint */
    /* Counted, not stored in the file.  Unpacked weights: a 4-bit weight is one. */
    double parameters;        /* text and vision, tied embeddings once, without mtp and scales */
    double active_parameters; /* of parameters, those a text token uses: topk experts; embedding counts whole */
    double text_parameters, vision_parameters, mtp_parameters;
} hg_model;

/* Reads a config.json (text in memory; `where` names it in errors).  quant_json may be NULL, or the text of
 * hf_quant_config.json.  Refuses what is no decoder for text (encoders, embeddings) by name. */
bool hg_model_read(hg_arena *arena, const char *where, const char *config_json, size_t size,
                   const char *quant_json, size_t quant_size, hg_model *out, hg_err *err);

/* word: a path to a config.json or its folder, or an id of the catalogue (resolved as CLI.md says).
 * *note is set to a line for stderr when the id was resolved loosely, else NULL. */
bool hg_model_find(hg_arena *arena, const hg_data *data, const char *word, hg_model *out, const char **note, hg_err *err);

/* Every id of the catalogue, sorted. */
const char **hg_model_ids(hg_arena *arena, const hg_data *data, size_t *count);

/* Replaces the precision of every quantisable weight (a --precision word): all but embeddings, lm_head
 * and, with HG_NVFP4, the projections of latent attention, which published checkpoints leave alone. */
void hg_model_set_precision(hg_model *m, hg_dtype dtype);

/* Are all weights quantised alike?  The KV cache and scales are not looked at. */
bool hg_precision_equal(const hg_precision *a, const hg_precision *b);

/* KV cache bytes a token over all layers and ranks together, without windows, at kv precision `kv`. */
double hg_model_kv_bytes_per_token(const hg_model *m, hg_dtype kv);
/* One layer's KV bytes a token (0 for linear mixers) and its state bytes a sequence (linear mixers). */
double hg_layer_kv_bytes_per_token(const hg_layer *l, hg_dtype kv);
double hg_layer_state_bytes(const hg_layer *l);
/* Weights of one layer of this kind, of all its experts, in elements; without small_weights. */
double hg_layer_attention_weights(const hg_model *m, const hg_layer *l);
double hg_layer_dense_ffn_weights(const hg_model *m, const hg_layer *l);  /* dense, shared, router */
double hg_layer_expert_weights(const hg_model *m, const hg_layer *l);     /* all routed experts */

#endif
