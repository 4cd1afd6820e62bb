/* Which kind of token mixer and feed-forward part each layer has: the many ways publishers say it,
 * made one word a layer. */
#ifndef HG_SPEC_LAYER_KIND_H
#define HG_SPEC_LAYER_KIND_H

#include "spec/config.h"

typedef enum hg_layer_kind {
    HG_KIND_FULL,   /* softmax attention over everything */
    HG_KIND_WINDOW, /* over a window or chunk */
    HG_KIND_LINEAR, /* GDN, KDA, lightning: the other fields tell which */
    HG_KIND_MAMBA,
    HG_KIND_BOTH,    /* state space and attention side by side */
    HG_KIND_EXPERTS, /* no mixer, experts only */
    HG_KIND_DENSE,   /* no mixer, dense feed-forward only */
    HG_KIND_BAD
} hg_layer_kind;

/* The layers' number: num_hidden_layers, or the length of the list that says their kinds. */
int64_t hg_layer_total(hg_config *c);
hg_layer_kind hg_layer_kind_of(hg_config *c, int64_t layer);
/* A kind from a publisher's word ("full_attention", "mamba", "*" …). */
hg_layer_kind hg_layer_kind_parse(const char *word);
/* Whether the layer's feed-forward part has experts. */
bool hg_layer_has_experts(hg_config *c, int64_t layer);

#endif
