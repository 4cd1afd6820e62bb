/* What a whole block of latent attention does on one rank, for the tables that time such blocks:
 * projections into the low ranks and out of them, attention, output projection; with an indexer
 * (DSA) each token attends to the topk tokens it chooses only. */
#ifndef HG_COST_LATENT_BLOCK_H
#define HG_COST_LATENT_BLOCK_H

#include "cost/op.h"

typedef struct hg_latent_block {
    double batch, isl, step, heads;
    double hidden, q_lora, latent, nope, rope, value;
    double index_heads, index_dim, topk; /* topk 0: dense; index_heads 0: an earlier layer's choice */
    hg_dtype dtype, kv_dtype, attention;
    bool one_token;                      /* queries go into the latent space; else keys and values out */
} hg_latent_block;

enum {
    HG_BLOCK_DOWN,        /* products with weights that every rank has whole */
    HG_BLOCK_UP,          /* … with those of its heads */
    HG_BLOCK_WHOLE_ROWS,  /* all of them, in whole tiles of tokens */
    HG_BLOCK_ATTEND,
    HG_BLOCK_WHOLE_TILES,
    HG_BLOCK_SOFTMAX,
    HG_BLOCK_WAVES,
    HG_BLOCK_SEQUENCES,
    HG_BLOCK_HEADS,
    HG_BLOCK_WALK,
    HG_BLOCK_TOKEN_PASS,
    HG_BLOCK_HEAD_PASS,
    HG_BLOCK_WEIGHTS,
    HG_BLOCK_MEMORY,
    HG_BLOCK_CACHE,
    HG_BLOCK_SPANS,
    /* with an indexer: */
    HG_BLOCK_INDEX = HG_BLOCK_SPANS,
    HG_BLOCK_LOGITS,      /* its scores, written and read again to choose the topk */
    HG_BLOCK_INDEX_KEYS,
    HG_BLOCK_CHOSEN,      /* attention to the chosen, in the latent space */
    HG_BLOCK_WIDE_CHOSEN, /* … in whole tiles of heads */
    HG_BLOCK_GATHER,      /* their latents, for every token anew */
    HG_BLOCK_SPARSE_SPANS
};

#define HG_BLOCK_LANES                                                                             \
    {                                                                                              \
        [HG_BLOCK_WALK] = HG_LANE_CHAIN, [HG_BLOCK_SEQUENCES] = HG_LANE_SEQUENCE,                  \
        [HG_BLOCK_TOKEN_PASS] = HG_LANE_MEMORY, [HG_BLOCK_HEAD_PASS] = HG_LANE_MEMORY,             \
        [HG_BLOCK_WEIGHTS] = HG_LANE_MEMORY, [HG_BLOCK_MEMORY] = HG_LANE_MEMORY,                   \
        [HG_BLOCK_CACHE] = HG_LANE_MEMORY, [HG_BLOCK_LOGITS] = HG_LANE_MEMORY,                     \
        [HG_BLOCK_INDEX_KEYS] = HG_LANE_MEMORY, [HG_BLOCK_GATHER] = HG_LANE_MEMORY                 \
    }

double hg_block_tokens(const hg_latent_block *b);
/* Tokens that the last one may see. */
double hg_block_length(const hg_latent_block *b);
/* Of a token's keys, those attended to; all of them without topk. */
double hg_block_chosen(const hg_latent_block *b);
double hg_block_cache_bytes(const hg_latent_block *b);

/* The least that any way of computing it asks for. */
void hg_block_count(const hg_latent_block *b, hg_work *w);
int hg_block_spans(const hg_latent_block *b, const hg_device *d, hg_span *span);

#endif
