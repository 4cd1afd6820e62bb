#include "cost/op.h"
#include "base/num.h"
#include <math.h>
#include <string.h>
enum { TOKENS, HIDDEN, INTER, TOPK, EXPERTS, TP, EP };
static bool label(int column, const char *text, hg_shape *s)
{
    if (column == 1) return hg_dtype_parse(text, &s->dtype);
    double a = 0;
    if (column == 2) { if (!strncmp(text, "power_law_", 10)) hg_parse_f64(text + 10, &a); s->kind = (float)a; }
    return true;
}
static void count(const hg_shape *s, hg_work *w)
{
    double pairs = s->d[TOKENS] * s->d[TOPK] / s->d[EP], e = s->d[EXPERTS] / s->d[EP], active = e * (1 - pow(1 - 1 / e, pairs));
    double per = 3 * s->d[HIDDEN] * s->d[INTER] / s->d[TP];
    w->tensor_flops = 2 * pairs * per; w->tensor_dtype = hg_dtype_table[s->dtype].math;
    w->hbm_bytes = active * per * hg_dtype_table[s->dtype].weight_bytes + 4 * pairs * s->d[HIDDEN];
}
static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)d, (void)roof;
    x[0] = log2(s->d[TOKENS]); x[1] = log2(s->d[TOKENS] * s->d[TOPK] / s->d[EXPERTS]); x[2] = log2(s->d[INTER] / s->d[TP]); x[3] = log2(s->d[HIDDEN]); x[4] = log2(s->d[EXPERTS] / s->d[EP]); x[5] = (double)s->kind;
}
const hg_op hg_op_moe = {
    .name = "moe", .title = "routed experts",
    .dims = { { "num_tokens", false, NAN, 1 }, { "hidden_size", true, NAN, 1 }, { "inter_size", true, NAN, 1 }, { "topk", true, NAN, 1 }, { "num_experts", true, NAN, 1 }, { "moe_tp_size", true, NAN, 1 }, { "moe_ep_size", true, NAN, 1 } },
    .labels = { "kernel_source", "moe_dtype", "distribution" },
    .label = label, .count = count, .features = features,
    .terms = { { 3, { 1, 2, 4 }, { 14, 6, 6 }, false, .smooth = 1, .ridge = 1e-3 }, { 2, { 1, 2 }, { 10, 5 }, true, .smooth = 1, .ridge = 0.1 } },
    .example = { .d = { 64, 2048, 768, 8, 128, 1, 1 } }, .formula = "",
};
