#include "api/catalog.h"

#include "base/json.h"
#include "spec/catalog.h"
#include "spec/model.h"

#include <inttypes.h>

hg_code hg_catalog_models(hg_ask *a)
{
    hg_catalog c;
    hg_buf b = { .arena = a->arena };
    hg_json j = { .out = &b };
    if (!hg_catalog_open(&c, a->arena, &a->data, &a->err))
        return a->err.code;
    if (a->s.json.v)
        hg_json_open(&j, '[');
    for (size_t i = 0; i < c.count; i++) {
        if (a->s.json.v)
            hg_json_str(&j, c.entries[i].id);
        else
            hg_buf_printf(&b, "%s\n", c.entries[i].id);
    }
    if (a->s.json.v) {
        hg_json_close(&j, ']');
        hg_buf_puts(&b, "\n");
    }
    return hg_answer(a, b.s, b.n);
}

static void model_json(hg_buf *b, const hg_model *m)
{
    hg_json j = { .out = b };
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "name", m->name);
    hg_json_key_str(&j, "architecture", m->architecture);
    hg_json_key_int(&j, "parameters", (int64_t)m->parameters);
    hg_json_key_int(&j, "active_parameters", (int64_t)m->active_parameters);
    hg_json_key_int(&j, "text_parameters", (int64_t)m->text_parameters);
    hg_json_key_int(&j, "vision_parameters", (int64_t)m->vision_parameters);
    hg_json_key_int(&j, "mtp_parameters", (int64_t)m->mtp_parameters);
    hg_json_key_num(&j, "kv_bytes_per_token", hg_model_kv_bytes_per_token(m, m->precision.kv));
    hg_json_key_int(&j, "layers", m->layer_count);
    hg_json_key_int(&j, "hidden_size", m->hidden_size);
    hg_json_key_int(&j, "vocab_size", m->vocab_size);
    hg_json_key_int(&j, "max_tokens", m->max_tokens);
    hg_json_key_int(&j, "mtp_layers", m->mtp_layers);
    hg_json_key(&j, "precision");
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "attention", hg_dtype_table[m->precision.attention].name);
    hg_json_key_str(&j, "mlp", hg_dtype_table[m->precision.mlp].name);
    hg_json_key_str(&j, "experts", hg_dtype_table[m->precision.experts].name);
    hg_json_key_str(&j, "lm_head", hg_dtype_table[m->precision.lm_head].name);
    hg_json_key_str(&j, "kv", hg_dtype_table[m->precision.kv].name);
    hg_json_close(&j, '}');
    hg_json_close(&j, '}');
    hg_buf_puts(b, "\n");
}

static void layer_text(hg_buf *b, const hg_layer *l)
{
    static const char *const mixers[HG_MIXERS] = { "no mixer", "attention", "latent attention", "gated delta net",
                                                   "Mamba2", "Kimi delta attention" };
    hg_buf_printf(b, "  %4" PRId64 " x %s", l->count, mixers[l->mixer]);
    if (l->heads)
        hg_buf_printf(b, " %" PRId64 "/%" PRId64 " heads of %" PRId64, l->heads, l->kv_heads, l->head_dim);
    if (l->window_tokens)
        hg_buf_printf(b, ", window %" PRId64, l->window_tokens);
    if (l->sparse_topk)
        hg_buf_printf(b, ", sparse top %" PRId64, l->sparse_topk);
    if (l->ffn == HG_FFN_DENSE)
        hg_buf_printf(b, "; feed-forward %" PRId64, l->inter_size);
    if (l->ffn == HG_FFN_MOE)
        hg_buf_printf(b, "; %" PRId64 " of %" PRId64 " experts of %" PRId64, l->topk, l->experts,
                      l->expert_inter_size);
    if (l->shared_inter_size)
        hg_buf_printf(b, ", shared %" PRId64, l->shared_inter_size);
    hg_buf_puts(b, "\n");
}

static void model_text(hg_buf *b, const hg_model *m)
{
    hg_buf_printf(b, "%s (%s)\n  %.2f B parameters, %.2f B active", m->name, m->architecture, m->parameters / 1e9,
                  m->active_parameters / 1e9);
    if (m->vision_parameters > 0)
        hg_buf_printf(b, ", %.2f B of them vision", m->vision_parameters / 1e9);
    if (m->mtp_parameters > 0)
        hg_buf_printf(b, "; %.2f B in %" PRId64 " prediction layers beside", m->mtp_parameters / 1e9, m->mtp_layers);
    hg_buf_printf(b, "\n  %.0f KV bytes a token, context up to %" PRId64 ", weights %s (experts %s)\n",
                  hg_model_kv_bytes_per_token(m, m->precision.kv), m->max_tokens,
                  hg_dtype_table[m->precision.mlp].name, hg_dtype_table[m->precision.experts].name);
    for (int64_t i = 0; i < m->layer_kinds; i++)
        layer_text(b, &m->layers[i]);
}

hg_code hg_catalog_model(hg_ask *a)
{
    hg_model m;
    const char *note = NULL;
    const char *word = a->s.input_count > 1 ? a->s.inputs[1] : a->s.model.s;
    if (!hg_model_find(a->arena, &a->data, word, &m, &note, &a->err))
        return a->err.code;
    hg_note(a, note);
    hg_buf b = { .arena = a->arena };
    (a->s.json.v ? model_json : model_text)(&b, &m);
    return hg_answer(a, b.s, b.n);
}
