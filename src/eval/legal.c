#include "eval/legal.h"

#include <inttypes.h>
#include <stdio.h>

#define SAY(...) (snprintf(reason, size, __VA_ARGS__), false)

static bool heads_divide(const hg_model *m, int64_t tp, char *reason, size_t size)
{
    for (int64_t i = 0; i < m->layer_kinds; i++) {
        const hg_layer *l = &m->layers[i];
        if (l->heads > 0 && l->heads % tp != 0)
            return SAY("tp %" PRId64 " does not divide the %" PRId64 " attention heads", tp, l->heads);
        if (l->kv_heads > 0 && l->kv_heads % tp != 0 && tp % l->kv_heads != 0)
            return SAY("tp %" PRId64 " and %" PRId64 " key-value heads do not divide one another", tp,
                       l->kv_heads);
    }
    return true;
}

/* Of block-scaled fp8: one scale for so many of a weight's rows. */
enum { FP8_BLOCK = 128 };

/* TensorRT-LLM's kernels pad ragged blocks; the loaders of vLLM and SGLang refuse them. */
static bool experts_keep_blocks(const hg_model *m, const hg_layer *l, int64_t cut, const hg_engine *e)
{
    bool blocks = l->ffn == HG_FFN_MOE && m->precision.experts == HG_FP8_BLOCK && e->whole_expert_blocks;
    return !blocks || cut == 1 || l->expert_inter_size % (cut * FP8_BLOCK) == 0;
}

/* A cut dense weight must keep whole quantisation blocks. */
static bool widths_divide(const hg_model *m, const hg_deployment *d, const hg_engine *e, char *reason, size_t size)
{
    for (int64_t i = 0; i < m->layer_kinds; i++) {
        const hg_layer *l = &m->layers[i];
        int64_t cut = d->tp * d->dp / d->ep, block = m->precision.mlp == HG_FP8_BLOCK ? FP8_BLOCK : 1;
        if (l->ffn == HG_FFN_DENSE && l->inter_size % (d->tp * block) != 0)
            return SAY("tp %" PRId64 " does not cut the feed-forward width %" PRId64 " into whole blocks of %"
                       PRId64, d->tp, l->inter_size, block);
        if (l->ffn == HG_FFN_MOE && l->expert_inter_size % cut != 0)
            return SAY("%" PRId64 " ranks an expert do not cut its width %" PRId64 "; use expert parallelism",
                       cut, l->expert_inter_size);
        if (!experts_keep_blocks(m, l, cut, e))
            return SAY("%" PRId64 " ranks an expert cut its width %" PRId64 " across the fp8 blocks of %d, which %s does not load; "
                       "use expert parallelism", cut, l->expert_inter_size, FP8_BLOCK, e->title);
    }
    return true;
}

static bool experts_divide(const hg_model *m, const hg_deployment *d, const hg_engine *e, char *reason, size_t size)
{
    bool moe = false;
    for (int64_t i = 0; i < m->layer_kinds; i++) {
        const hg_layer *l = &m->layers[i];
        moe |= l->ffn == HG_FFN_MOE;
        if (l->ffn == HG_FFN_MOE && l->experts % d->ep != 0 && !e->redundant_experts)
            return SAY("ep %" PRId64 " does not divide the %" PRId64 " experts", d->ep, l->experts);
    }
    if (!moe && d->ep > 1)
        return SAY("ep %" PRId64 " needs a mixture-of-experts model", d->ep);
    if (d->ep > 1 && (e->ep_spans_all ? d->ep != d->tp * d->dp : d->tp * d->dp % d->ep != 0))
        return SAY("%s's expert parallelism %s all tp·dp = %" PRId64 " ranks, not %" PRId64, e->title,
                   e->ep_spans_all ? "spans" : "divides", d->tp * d->dp, d->ep);
    return true;
}

static bool engine_takes(const hg_model *m, const hg_deployment *d, const hg_engine *e,
                         const hg_device *dev, char *reason, size_t size)
{
    if (d->pp > m->layer_count)
        return SAY("pp %" PRId64 " exceeds the %" PRId64 " layers", d->pp, m->layer_count);
    if (d->max_num_batched_tokens < d->max_num_seqs)
        return SAY("max-num-batched-tokens %" PRId64 " is below max-num-seqs %" PRId64,
                   d->max_num_batched_tokens, d->max_num_seqs);
    if (!d->chunked_prefill && e->whole_requests && d->max_num_batched_tokens < d->max_model_len)
        return SAY("without chunked prefill max-num-batched-tokens %" PRId64 " must reach max-model-len %" PRId64,
                   d->max_num_batched_tokens, d->max_model_len);
    if (d->max_model_len > m->max_tokens)
        return SAY("max-model-len %" PRId64 " exceeds the model's %" PRId64 " positions", d->max_model_len,
                   m->max_tokens);
    if (m->precision.mlp == HG_NVFP4 && dev->tensor_flops_per_s[HG_NVFP4] <= 0)
        return SAY("%s has no FP4 arithmetic", dev->name);
    return true;
}

static bool drafter_cut(const hg_model *m, const hg_model *drafts, const hg_deployment *d, char *reason, size_t size)
{
    char why[160];
    if (drafts->vocab_size != m->vocab_size && d->draft == HG_DRAFT_MODEL)
        return SAY("%.80s cannot draft for %.80s: its vocabulary is of %" PRId64 " tokens, not %" PRId64, drafts->name,
                   m->name, drafts->vocab_size, m->vocab_size);
    if (!heads_divide(drafts, d->tp, why, sizeof why))
        return SAY("%.80s drafts with the same ranks: %s", drafts->name, why);
    return true;
}

static bool drafts_run(const hg_model *m, const hg_deployment *d, const hg_engine *e, char *reason, size_t size)
{
    if (d->draft_tokens <= 0)
        return true;
    if (!e->drafts[d->draft])
        return SAY("%s has no speculative decoding by %s", e->title, hg_draft_table[d->draft].word);
    if (d->draft == HG_DRAFT_MTP && m->mtp_layers == 0)
        return SAY("%.120s has no layers that draft (multi-token prediction); eagle3, ngram and draft need none", m->name);
    if (d->draft == HG_DRAFT_MODEL && !d->draft_model)
        return SAY("no model is named that drafts; --draft-model names it");
    if (d->pp > 1)
        return SAY("drafting across %" PRId64 " pipeline stages is not modelled; --pp 1", d->pp);
    return !d->draft_model || drafter_cut(m, d->draft_model, d, reason, size);
}

bool hg_deployment_legal(const hg_model *m, const hg_deployment *d, const hg_engine *e,
                         const hg_device *dev, char *reason, size_t size)
{
    return heads_divide(m, d->tp, reason, size) && experts_divide(m, d, e, reason, size) &&
           widths_divide(m, d, e, reason, size) && engine_takes(m, d, e, dev, reason, size) &&
           drafts_run(m, d, e, reason, size);
}
