/* Numbers in little room: rows of reals as 16-bit integers of one step, in base64 (RFC 4648). */
#ifndef HG_BASE_PACK_H
#define HG_BASE_PACK_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

/* Each value is rounded to a multiple of step; |value| must stay below 32767·step. */
char *hg_pack16(hg_arena *arena, const double *x, size_t n, double step);
/* False when the text is not n such numbers. */
bool hg_unpack16(const char *text, float *x, size_t n, double step);

#endif
