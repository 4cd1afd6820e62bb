/* clang -fsanitize=fuzzer,address,undefined: any bytes as a config.json, and behind the first zero
 * byte as its hf_quant_config.json.  What reads must have finite, positive counts. */
#include "spec/model.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes;
    const char *zero = size ? memchr(text, 0, size) : NULL;
    size_t first = zero ? (size_t)(zero - text) : size;
    hg_arena arena;
    hg_model m;
    hg_err err = { 0 };
    if (!hg_arena_open(&arena, (size_t)1 << 30))
        return 0;
    bool ok = hg_model_read(&arena, "config.json", text, first, zero ? zero + 1 : NULL,
                            zero ? size - first - 1 : 0, &m, &err);
    if (ok && !(isfinite(m.parameters) && m.parameters > 0 && m.active_parameters > 0 &&
                m.active_parameters <= m.parameters &&
                isfinite(hg_model_kv_bytes_per_token(&m, HG_BF16)) && m.layer_count >= 1))
        abort();
    if (!ok && (!err.where[0] || !err.msg[0]))
        abort();
    hg_arena_close(&arena);
    return 0;
}
