/* The steps of hg_model_read, one a file.  Only spec/model*.c includes this. */
#ifndef HG_SPEC_MODEL_PARTS_H
#define HG_SPEC_MODEL_PARTS_H

#include "spec/config.h"
#include "spec/model.h"

/* hg_model_read behind the parser; quant may be NULL. */
bool hg_model_read_json(hg_arena *arena, const char *where, const json_t *root, const json_t *quant,
                        hg_model *out, hg_err *err);

/* Fills layers, layer_kinds, layer_count; false with c->err set. */
bool hg_model_read_layers(hg_config *c, hg_model *m);
/* One layer of multi-token prediction, as a list of its parts.  Returns their number. */
int64_t hg_model_read_mtp(hg_config *c, const hg_model *m, hg_layer *parts, int64_t capacity);

/* quant: the parsed hf_quant_config.json, or NULL. */
bool hg_model_read_precision(hg_config *c, const json_t *quant, hg_model *m);

/* Fills vision, all zero when the file describes no tower. */
bool hg_model_read_vision(hg_config *c, hg_model *m);

/* Fills the parameter counts. */
bool hg_model_count(hg_config *c, hg_model *m);

#endif
