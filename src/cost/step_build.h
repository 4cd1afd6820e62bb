/* What the builders of a step share: how an operator becomes an item of it. */
#ifndef HG_COST_STEP_BUILD_H
#define HG_COST_STEP_BUILD_H

#include "cost/step.h"

#include "cost/collective.h"

typedef struct hg_builder {
    const hg_model *m;
    const hg_deployment *d;
    const hg_engine *e;
    const hg_rates *rates;
    hg_step *out;
    bool drafts;               /* what is added now proposes tokens */
} hg_builder;

int hg_dim_of(const hg_op *op, const char *column);

/* An item still without its operator; hg_use_op gives it one, `scale` of the dimension `dim` a token. */
hg_step_item *hg_add_item(hg_builder *b, const char *name, hg_role role, double repeat);
void hg_use_op(hg_builder *b, hg_step_item *it, const hg_op *op, const hg_shape *shape, const char *dim,
               double scale);

/* A product of n·k weights with the tokens. */
void hg_add_gemm(hg_builder *b, const char *name, hg_role role, double repeat, double n, double k,
                 hg_dtype dtype);
/* A pass over memory of so many bytes a token (or emit). */
void hg_add_pass(hg_builder *b, const char *name, hg_role role, double repeat, double bytes);
/* All ranks of a tensor-parallel group sum `elements` 16-bit numbers a token. */
void hg_add_all_reduce(hg_builder *b, const char *name, double repeat, double ranks, double elements);
void hg_add_nccl(hg_builder *b, const char *name, hg_role role, double repeat, hg_collective what,
                 double ranks, double elements);

/* Items from `from` on that repeat an earlier one are added to it: layers differ in a part only. */
void hg_join_items(hg_step *s, int from);

/* Attention or a linear mixer of `repeat` equal layers, with its projections (step_mixer.c). */
void hg_add_mixer(hg_builder *b, const hg_layer *l, double repeat);
void hg_add_gdn_mixer(hg_builder *b, const hg_layer *l, double repeat); /* step_linear.c */
void hg_add_kda_mixer(hg_builder *b, const hg_layer *l, double repeat);
void hg_add_mamba_mixer(hg_builder *b, const hg_layer *l, double repeat);

#endif
