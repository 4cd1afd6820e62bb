/* One layer's token mixer from a configuration. */
#ifndef HG_SPEC_MODEL_MIXER_H
#define HG_SPEC_MODEL_MIXER_H

#include "spec/layer_kind.h"
#include "spec/model.h"

/* Fills l's mixer, small_weights included.  The kind is FULL, WINDOW, LINEAR or MAMBA. */
void hg_mixer_read(hg_config *c, const hg_model *m, int64_t layer, hg_layer_kind kind, hg_layer *l);

/* Fills l's feed-forward part. */
void hg_ffn_read(hg_config *c, const hg_model *m, int64_t layer, bool experts, hg_layer *l);

#endif
