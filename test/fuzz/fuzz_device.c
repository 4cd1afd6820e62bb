/* clang -fsanitize=fuzzer,address,undefined: any bytes as a device's JSON. */
#include "spec/device.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    hg_arena arena;
    hg_device d;
    hg_err err = { 0 };
    if (!hg_arena_open(&arena, (size_t)1 << 28))
        return 0;
    bool ok = hg_device_read(&arena, "device.json", (const char *)bytes, size, &d, &err);
    if (ok &&
        !(isfinite(d.memory_bytes_per_s) && d.memory_bytes_per_s > 0 && d.usable_memory_bytes > 0 &&
          d.domain_devices >= d.node_devices && d.name && d.vendor && d.title))
        abort();
    if (!ok && (!err.where[0] || !err.msg[0]))
        abort();
    hg_arena_close(&arena);
    return 0;
}
