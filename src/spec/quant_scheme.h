/* A checkpoint's quantisation as rules: what the publisher's block says, before it is asked what a
 * layer's weights are. */
#ifndef HG_SPEC_QUANT_SCHEME_H
#define HG_SPEC_QUANT_SCHEME_H

#include "spec/config.h"
#include "spec/dtype.h"
#include "spec/module_rule.h"

typedef struct hg_quant_scheme {
    hg_config *c;
    hg_dtype base; /* of what no rule names */
    bool head_too; /* base covers lm_head */
    bool static_scales;
    hg_dtype kv;           /* HG_BF16 unless said */
    hg_module_rule *rules; /* exceptions first; the first that matches counts */
    size_t count, capacity;
    size_t *heads; /* by layer, and for no layer at the end: 1 + the first rule's place; 0: none */
    int64_t layers;
} hg_quant_scheme;

/* layers: how many will be asked about.  beside: the parsed hf_quant_config.json, or NULL.  False with c->err set.  Close in either case. */
bool hg_quant_scheme_read(hg_quant_scheme *s, hg_config *c, int64_t layers, const json_t *beside);
void hg_quant_scheme_close(hg_quant_scheme *s);

/* The first rule that matches a module's name, or NULL.  layer: the module's, or -1. */
const hg_module_rule *hg_quant_rule_for(const hg_quant_scheme *s, int64_t layer, const char *name);

#endif
