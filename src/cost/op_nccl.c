#include "cost/op.h"
#include "cost/collective.h"
#include <math.h>
#include <string.h>
static bool label(int column, const char *text, hg_shape *s)
{
    static const char *const names[] = { "all_reduce", "all_gather", "reduce_scatter", "alltoall" };
    if (column == 1) return hg_dtype_parse(text, &s->dtype);
    for (int i = 0; i < 4; i++) if (!strcmp(text, names[i])) { s->kind = (float)(8 * i); return true; }
    return false;
}
static void count(const hg_shape *s, hg_work *w) { w->link_bytes = (s->d[0] - 1) / s->d[0] * hg_dtype_table[s->dtype].weight_bytes * s->d[1]; }
static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x) { (void)d, (void)roof; x[0] = log2(s->d[1]); x[1] = log2(s->d[0]); }
const hg_op hg_op_nccl = {
    .name = "nccl", .title = "NCCL collectives",
    .dims = { { "num_gpus", true, NAN, 1 }, { "message_size", false, NAN, 1 } },
    .labels = { "op_name", "nccl_dtype" }, .label = label, .count = count, .features = features,
    .terms = { { 2, { 0, 1 }, { 8, 3 }, true, .smooth = 0.1, .ridge = 1e-3 } }, .example = { .d = { 8, 1e6 } }, .formula = "",
};
