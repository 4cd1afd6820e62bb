#include "cost/latent_block.h"

#include <math.h>

/* Tokens that fill a tile of a product or of attention; heads that a block takes of one token. */
static const double TILE = 128, HEAD_TILE = 64;

double hg_block_tokens(const hg_latent_block *b)
{
    return b->batch * b->isl;
}

double hg_block_length(const hg_latent_block *b)
{
    return b->isl + b->step;
}

/* Query-key pairs when each token sees at most so many before it. */
static double pairs(const hg_latent_block *b, double most)
{
    double last = b->step + b->isl, seen = fmin(most, last);
    double growing = fmax(0, seen - b->step); /* tokens that see all before them */
    return b->batch * (growing * (b->step + 1 + seen) / 2 + (b->isl - growing) * seen);
}

double hg_block_chosen(const hg_latent_block *b)
{
    return pairs(b, b->topk > 0 ? b->topk : INFINITY) / hg_block_tokens(b);
}

double hg_block_cache_bytes(const hg_latent_block *b)
{
    return b->batch * hg_block_length(b) * (b->latent + b->rope) *
           hg_dtype_table[b->kv_dtype].activation_bytes;
}

/* Weights that every rank has whole, the indexer's among them, and those of its heads. */
static double down_weights(const hg_latent_block *b)
{
    double index = b->index_heads > 0 ? b->index_heads * (b->q_lora * b->index_dim + b->hidden) +
                                            b->hidden * b->index_dim
                                      : 0;
    return b->hidden * (b->q_lora + b->latent + b->rope) + index;
}

static double head_weights(const hg_latent_block *b)
{
    double query = b->q_lora * (b->nope + b->rope), output = b->value * b->hidden;
    return b->heads * (query + b->latent * (b->nope + b->value) + output);
}

/* Multiply-adds of a head for a query-key pair, out of the latent space and in it. */
static double expanded_width(const hg_latent_block *b)
{
    return b->nope + b->rope + b->value;
}

static double latent_width(const hg_latent_block *b)
{
    return 2 * b->latent + b->rope;
}

static double index_flops(const hg_latent_block *b)
{
    return 2 * pairs(b, INFINITY) * b->index_heads * b->index_dim;
}

/* All at the fastest rate among its products, with the cheaper way to attend; a choice is not made
 * where all would be chosen. */
void hg_block_count(const hg_latent_block *b, hg_work *w)
{
    const hg_dtype_info *t = &hg_dtype_table[b->dtype];
    double weights = down_weights(b) + head_weights(b), t_all = hg_block_tokens(b);
    double attended = t_all * hg_block_chosen(b);
    double width = b->one_token ? latent_width(b) : expanded_width(b);
    bool choosing = b->topk > 0 && hg_block_length(b) > b->topk;
    bool fp8_faster = choosing && t->math == HG_BF16;
    w->tensor_flops =
        2 * t_all * weights + 2 * attended * b->heads * width + (choosing ? index_flops(b) : 0);
    w->tensor_dtype = fp8_faster ? HG_FP8 : t->math;
    w->vector_flops = 4 * attended * b->heads;
    double read = b->topk > 0 ? fmin(1, b->topk / hg_block_length(b)) : 1;
    w->hbm_bytes =
        weights * t->weight_bytes + read * hg_block_cache_bytes(b) + 2 * 2 * t_all * b->hidden;
}

static int project(const hg_latent_block *b, const hg_device *d, hg_span *span, int n)
{
    double t = hg_block_tokens(b), down = down_weights(b), heads = head_weights(b);
    double rate = hg_tensor_rate(d, b->dtype), bandwidth = d->memory_bytes_per_s;
    double head_width = 2 * b->nope + b->rope + 2 * b->value;
    span[n++] = (hg_span){ HG_BLOCK_DOWN, 2 * t * down / rate };
    span[n++] = (hg_span){ HG_BLOCK_UP, 2 * t * heads / rate };
    span[n++] = (hg_span){ HG_BLOCK_WHOLE_ROWS, 2 * ceil(t / TILE) * TILE * (down + heads) / rate };
    span[n++] = (hg_span){ HG_BLOCK_WEIGHTS,
                           (down + heads) * hg_dtype_table[b->dtype].weight_bytes / bandwidth };
    span[n++] = (hg_span){ HG_BLOCK_TOKEN_PASS, 2 * t * b->hidden / bandwidth };
    span[n++] = (hg_span){ HG_BLOCK_HEAD_PASS, 2 * t * b->heads * head_width / bandwidth };
    span[n++] = (hg_span){ HG_BLOCK_SEQUENCES, b->batch / (double)d->units * 1e-6 };
    span[n++] = (hg_span){ HG_BLOCK_HEADS, b->batch * b->heads / (double)d->units * 1e-6 };
    return n;
}

static int attend(const hg_latent_block *b, const hg_device *d, hg_span *span, int n)
{
    double rate = hg_tensor_rate(d, b->attention), units = (double)d->units,
           length = hg_block_length(b);
    double width = b->one_token ? latent_width(b) : expanded_width(b), all = pairs(b, INFINITY);
    double tiles =
        b->batch * (b->one_token ? ceil(b->heads / HEAD_TILE) : b->heads * ceil(b->isl / TILE));
    double rows = b->one_token ? HEAD_TILE : TILE;
    span[n++] = (hg_span){ HG_BLOCK_SOFTMAX, 4 * all * b->heads / d->vector_flops_per_s };
    span[n++] = (hg_span){ HG_BLOCK_ATTEND, 2 * all * b->heads * width / rate };
    span[n++] = (hg_span){ HG_BLOCK_WHOLE_TILES, 2 * tiles * rows * length * width / rate };
    span[n++] = (hg_span){ HG_BLOCK_WAVES, ceil(tiles / units) * 1e-6 };
    span[n++] =
        (hg_span){ HG_BLOCK_WALK, b->one_token ? log2(length) * 1e-6 : length * width * 1e-11 };
    return n;
}

static int choose(const hg_latent_block *b, const hg_device *d, hg_span *span, int n)
{
    double rate = hg_tensor_rate(d, b->attention), bandwidth = d->memory_bytes_per_s;
    double chosen = hg_block_tokens(b) * hg_block_chosen(b),
           wide = ceil(b->heads / HEAD_TILE) * HEAD_TILE;
    double latent_bytes = (b->latent + b->rope) * hg_dtype_table[b->kv_dtype].activation_bytes;
    double key_bytes = b->batch * hg_block_length(b) * (b->index_dim + 4);
    bool chooses = b->index_heads > 0;
    span[n++] = (hg_span){ HG_BLOCK_INDEX, index_flops(b) / hg_tensor_rate(d, HG_FP8) };
    span[n++] = (hg_span){ HG_BLOCK_LOGITS, chooses * 4 * pairs(b, INFINITY) / bandwidth };
    span[n++] = (hg_span){ HG_BLOCK_INDEX_KEYS, chooses * key_bytes / bandwidth };
    span[n++] = (hg_span){ HG_BLOCK_CHOSEN, 2 * chosen * b->heads * latent_width(b) / rate };
    span[n++] = (hg_span){ HG_BLOCK_WIDE_CHOSEN, 2 * chosen * wide * latent_width(b) / rate };
    span[n++] = (hg_span){ HG_BLOCK_GATHER, chosen * latent_bytes / bandwidth };
    return n;
}

int hg_block_spans(const hg_latent_block *b, const hg_device *d, hg_span *span)
{
    hg_work cached = { .hbm_bytes = hg_block_cache_bytes(b) };
    double cache_s = cached.hbm_bytes / d->memory_bytes_per_s;
    int n = attend(b, d, span, project(b, d, span, 0));
    span[n++] = (hg_span){ HG_BLOCK_CACHE, cache_s };
    span[n++] = (hg_span){ HG_BLOCK_MEMORY, hg_cache_lost(&cached, d) * cache_s };
    return b->topk > 0 ? choose(b, d, span, n) : n;
}
