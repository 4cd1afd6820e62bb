#include "explain/explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static hg_difference *row_of(hg_difference *out, int *n, const char *name)
{
    for (int i = 0; i < *n; i++)
        if (strcmp(out[i].name, name) == 0)
            return &out[i];
    out[*n] = (hg_difference){ .name = name };
    return &out[(*n)++];
}

/* All of a deployment's time is some part's, bubbles and idle time among them: over the tokens it gave, each part's
 * share is the device seconds it takes of one. */
static void add_side(const hg_side *s, bool after, hg_difference *out, int *n)
{
    double device_s = (double)hg_candidate_devices(s->candidate) / s->metrics->sim.output_tokens_per_s;
    for (int i = 0; i < s->account->count + 2; i++) {
        int rest = i - s->account->count;
        const char *name = rest < 0 ? s->account->parts[i].name : rest ? "idle" : "bubble";
        double share = rest < 0 ? s->account->parts[i].seconds / s->times->total_s
                                : s->times->share[rest ? HG_BY_IDLE : HG_BY_BUBBLE];
        hg_difference *d = row_of(out, n, name);
        *(after ? &d->after_s : &d->before_s) += share * device_s;
    }
}

static int by_size(const void *a, const void *b)
{
    const hg_difference *x = a, *y = b;
    double p = fabs(x->after_s - x->before_s), q = fabs(y->after_s - y->before_s);
    return p != q ? p < q ? 1 : -1 : strcmp(x->name, y->name);
}

static void add_token(const hg_side *s, bool after, hg_difference *out, int *n)
{
    const hg_account *a = s->account;
    double gap_s = a->metrics.sim.latency[HG_ITL].mean, left_s = isfinite(gap_s) ? gap_s : 0;
    for (int i = 0; i < a->count && a->decoded > 0; i++) {
        double own_s = a->parts[i].token_s / a->decoded;
        hg_difference *d = row_of(out, n, a->parts[i].name);
        *(after ? &d->after_s : &d->before_s) += own_s;
        left_s -= own_s;
    }
    hg_difference *d = row_of(out, n, "between steps");
    *(after ? &d->after_s : &d->before_s) += left_s;
}

int hg_explain_token_differences(const hg_side *before, const hg_side *after, hg_difference *out)
{
    int n = 0;
    add_token(before, false, out, &n);
    add_token(after, true, out, &n);
    qsort(out, (size_t)n, sizeof *out, by_size);
    return n;
}

int hg_explain_differences(const hg_side *before, const hg_side *after, hg_difference *out)
{
    int n = 0;
    add_side(before, false, out, &n);
    add_side(after, true, out, &n);
    qsort(out, (size_t)n, sizeof *out, by_size);
    return n;
}
