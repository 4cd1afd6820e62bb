#include "cost/collective.h"
#include "cost/op.h"

#include <math.h>

/* What goes over the network between nodes, or from one device to the next.  No table measures it:
 * its time is the roofline's. */

enum { RANKS, BYTES, RANKS_PER_NODE };

static bool label(int column, const char *text, hg_shape *s)
{
    (void)column, (void)text, (void)s;
    return false;
}

/* Rings that cross a node once for each of its devices share its ports evenly. */
static void count(const hg_shape *s, hg_work *w)
{
    double r = fmax(1, s->d[RANKS]), here = fmax(1, s->d[RANKS_PER_NODE]);
    double others = (r - 1) / r;
    int kind = (int)s->kind;
    bool p2p = kind == HG_P2P_NODE || kind == HG_P2P_NET;
    w->between_nodes = kind != HG_P2P_NODE;
    w->link_hops = p2p ? 1 : kind == HG_ALL_REDUCE ? 2 : 1;
    w->link_bytes = s->d[BYTES] * (p2p                     ? 1
                                   : kind == HG_ALL_TO_ALL ? fmax(0, r - here) / r
                                   : kind == HG_ALL_REDUCE ? 2 * others / here
                                                           : others / here);
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)d, (void)roof;
    x[0] = log2(1 + s->d[BYTES]);
}

const hg_op hg_op_internode = {
    .name = "internode",
    .title = "transfer between devices or nodes",
    .dims = { { "ranks", false, 2, 1 }, { "bytes", true, NAN, 1 }, { "ranks_per_node", false, 1 } },
    .label = label,
    .count = count,
    .features = features,
    .example = { .d = { 2, 1 << 20, 1 }, .kind = HG_P2P_NET },
    .formula =
        "all-reduce 2(r - 1)/r of the bytes, gather and scatter (r - 1)/r, over a node's ports",
};
