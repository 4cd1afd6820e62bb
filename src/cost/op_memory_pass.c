#include "cost/op.h"
#include <math.h>
static bool label(int c, const char *t, hg_shape *s) { (void)c, (void)t, (void)s; return true; }
static void count(const hg_shape *s, hg_work *w) { w->hbm_bytes = s->d[0]; }
static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x) { (void)d, (void)roof; x[0] = log2(s->d[0]); }
const hg_op hg_op_memory_pass = { .name = "memory_pass", .title = "pass over memory", .dims = { { "bytes", false, NAN, 1 } }, .label = label, .count = count, .features = features, .formula = "" };
