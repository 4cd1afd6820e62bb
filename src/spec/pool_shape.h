/* A pool of like engines as people write it: 2xtp4, 1xtp8dp8ep8, 2xtp4:tokens=16384:seqs=64. */
#ifndef HG_SPEC_POOL_SHAPE_H
#define HG_SPEC_POOL_SHAPE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct hg_pool_shape {
    int64_t engines, tp, pp, dp, ep; /* one: not said */
    int64_t tokens, seqs;            /* max_num_batched_tokens, max_num_seqs; 0: not said */
    bool chunked_said, chunked;      /* enable_chunked_prefill */
} hg_pool_shape;

/* False: err says at `where` what the text should look like. */
bool hg_pool_shape_parse(const char *text, const char *where, hg_pool_shape *out, hg_err *err);

#endif
