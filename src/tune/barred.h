/* What failures have in common: each is explained by rules of one or two conditions on knobs ("this value", "at least this
 * size"), and what shares its likeliest explanations will likely fail too. */
#ifndef HG_TUNE_BARRED_H
#define HG_TUNE_BARRED_H

#include "tune/tuner.h"

typedef struct hg_barred hg_barred;

/* `space` is borrowed. */
hg_barred *hg_barred_new(hg_arena *arena, const hg_tune_space *space);
/* failed false: it ran and kept its promise. */
void hg_barred_tell(hg_barred *b, size_t point, bool failed);
/* The chance in [0, 1] that a point fails. */
double hg_barred_chance(const hg_barred *b, size_t point);

#endif
