/* The words that a launch says, taken into a deployment. */
#include "engine/parse.h"

#include "base/num.h"

#include <math.h>
#include <string.h>

bool hg_parse_count(const char *text, int64_t *out)
{
    char digits[32];
    size_t n = strlen(text);
    double v, scale = 1;
    if (n == 0 || n >= sizeof digits)
        return false;
    memcpy(digits, text, n + 1);
    static const char letters[] = "kKmMgG";
    static const double scales[] = { 1e3, 0x1p10, 1e6, 0x1p20, 1e9, 0x1p30 };
    const char *at = strchr(letters, digits[n - 1]);
    if (at && n > 1) {
        scale = scales[at - letters];
        digits[n - 1] = 0;
    }
    if (!hg_parse_f64(digits, &v) || fabs(v * scale) > 9e15 || v * scale != floor(v * scale))
        return false;
    *out = (int64_t)(v * scale);
    return true;
}

const char *hg_said_value(const hg_said_words *w, const char *word)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->list[i].word, word) == 0)
            return w->list[i].value;
    return NULL;
}

int64_t hg_said_int(const hg_said_words *w, const char *word, int64_t otherwise)
{
    const char *v = hg_said_value(w, word);
    int64_t n;
    return v && hg_parse_i64(v, &n) ? n : otherwise;
}

static void take(const hg_said_words *w, const char *word, int64_t *field)
{
    *field = hg_min_i64(HG_COUNT_MOST, hg_said_int(w, word, *field));
}

static void take_flag(const hg_said_words *w, const char *word, bool *field)
{
    const char *v = hg_said_value(w, word);
    *field = v ? strcmp(v, "true") == 0 : *field;
}

static void take_drafts(const hg_said_words *w, hg_deployment *d)
{
    const char *kind = hg_said_value(w, "speculative");
    d->draft_tokens = (double)hg_said_int(w, "draft_tokens", (int64_t)d->draft_tokens);
    if (kind && hg_draft_parse(kind, &d->draft))
        d->draft_name = hg_said_value(w, "draft_model");
}

void hg_said_apply(const hg_said_words *w, hg_deployment *d)
{
    const char *kv = hg_said_value(w, "kv_dtype"), *precision = hg_said_value(w, "precision"),
               *wait = hg_said_value(w, "batch_wait_frac");
    take(w, "tp", &d->tp);
    take(w, "pp", &d->pp);
    take(w, "dp", &d->dp);
    take(w, "ep", &d->ep);
    take(w, "replicas", &d->replicas);
    take(w, "max_num_seqs", &d->max_num_seqs);
    take(w, "max_num_batched_tokens", &d->max_num_batched_tokens);
    take(w, "max_model_len", &d->max_model_len);
    take(w, "block_size", &d->block_tokens);
    take(w, "graph_tokens", &d->graph_tokens);
    take(w, "prompt_graph_tokens", &d->prompt_graph_tokens);
    take(w, "recv_interval", &d->recv_interval);
    take(w, "batch_wait_steps", &d->batch_wait_steps);
    take_flag(w, "enable_prefix_caching", &d->prefix_caching);
    take_flag(w, "enable_chunked_prefill", &d->chunked_prefill);
    take_drafts(w, d);
    d->draft_tokens = (double)hg_said_int(w, "draft_tokens", (int64_t)d->draft_tokens);
    if (wait)
        hg_parse_f64(wait, &d->batch_wait_frac);
    if (kv && hg_dtype_parse(kv, &d->kv_dtype))
        d->kv_is_auto = false;
    if (precision && hg_dtype_parse(precision, &d->precision))
        d->precision_is_checkpoints = false;
}
