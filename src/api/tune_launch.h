/* A point's launch as the deployment that heng's model knows. */
#ifndef HG_API_TUNE_LAUNCH_H
#define HG_API_TUNE_LAUNCH_H

#include "api/fix_launch.h"
#include "api/tune.h"

typedef struct hg_tune_said {
    const char *key;           /* "tp=2 max_num_seqs=64 ": equal for points that are one deployment */
    hg_fixed_launch launch;    /* launch.launch NULL: not read as an engine's launch; `said` is of knobs by their words */
} hg_tune_said;

/* Reads the launch as `heng lint` would; where its engine is not known, the knobs that are words of a deployment (or that the
 * adapter says carry one) say what they are.  *out lives in the arena. */
void hg_tune_said_of(hg_arena *arena, const hg_ask *a, const hg_tune *t, size_t point, hg_tune_said *out);

/* What changes the key, by knob: heng's model knows it.  modelled: [HG_TUNE_KNOBS].  Returns how many. */
size_t hg_tune_modelled(hg_arena scratch, const hg_ask *a, const hg_tune *t, bool *modelled);

/* What a run of the point says of its server, for `heng calibrate serving`: model, device, engine and the deployment's words,
 * as far as they are known. */
const hg_export_fact *hg_tune_facts(hg_arena *arena, const hg_ask *a, const hg_tune *t, size_t point, size_t *count);
/* Those of --model and --device that the words leave open: " --device NAME". */
const char *hg_tune_facts_open(const hg_ask *a);

/* The devices that the launch of a point takes; 1 where it does not say. */
int64_t hg_tune_devices(hg_arena scratch, const hg_ask *a, const hg_tune *t, size_t point);

#endif
