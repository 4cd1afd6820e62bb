#include "measure/parallelism.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 16, MOST = 100000, NODE_DEVICES = 16 };

typedef struct widths { /* as written; 0: not */
    int64_t tp, dp, pp, ep;
} widths;

typedef struct words {
    widths node[NODES];
    int nodes;             /* "node0 … node1 …"; 0: one text for all */
    widths pool[2];        /* "a/b": the first and the second; the same where there is one number */
    bool pair, experts;    /* experts: EP without a number, over all ranks */
} words;

static bool number(const char **at, int64_t *out)
{
    char *end;
    long v = isdigit((unsigned char)**at) ? strtol(*at, &end, 10) : 0;
    if (v < 1 || v > MOST)
        return false;
    *out = v;
    *at = end;
    return true;
}

static int64_t *width_of(widths *w, const char *key)
{
    return hg_starts(key, "TP") ? &w->tp : hg_starts(key, "DP") ? &w->dp : hg_starts(key, "PP") ? &w->pp : hg_starts(key, "EP") ? &w->ep : NULL;
}

/* "TP16", "TP16/32" at *at; false: neither. */
static bool read_width(const char **at, words *w)
{
    const char *key = *at;
    int64_t first, second;
    if (!width_of(&w->pool[0], key))
        return false;
    *at += 2;
    if (hg_starts(key, "EP") && !isdigit((unsigned char)**at)) {
        w->experts = true;
        return true;
    }
    if (!number(at, &first))
        return false;
    second = first;
    if (**at == '/') {
        ++*at;
        w->pair = true;
        if (!number(at, &second))
            return false;
    }
    if (w->nodes > 0)
        *width_of(&w->node[w->nodes - 1], key) = first;
    *width_of(&w->pool[0], key) = first;
    *width_of(&w->pool[1], key) = second;
    return true;
}

static bool read_words(const char *text, words *w)
{
    for (const char *at = text; *at;) {
        if (*at == ' ' || *at == ',') {
            at++;
        } else if (hg_starts(at, "node")) {
            at += strlen("node");
            at += strspn(at, "0123456789");
            if (w->nodes == NODES)
                return false;
            w->node[w->nodes++] = (widths){ 0 };
        } else if (islower((unsigned char)*at) && at > text && at[-1] == ' ') {
            at += strcspn(at, " "); /* a remark: "attention", "pipeline" */
        } else if (!read_width(&at, w)) {
            return false;
        }
    }
    return true;
}

static int64_t or_one(int64_t v)
{
    return v > 0 ? v : 1;
}

/* Ranks of the attention and of the experts, from the widths. */
static bool pool_of(const widths *w, const words *all, bool tp_counts_dp, hg_serving_pool *out)
{
    int64_t tp = or_one(w->tp), dp = or_one(w->dp), ranks = tp_counts_dp ? tp : tp * dp;
    if (ranks % dp != 0 || ranks > MOST)
        return false;
    *out = (hg_serving_pool){ .tp = ranks / dp, .dp = dp, .pp = or_one(w->pp) };
    if (all->experts || w->ep > 1 || (tp_counts_dp && dp > 1))
        out->moe_ep = ranks;
    return true;
}

static int64_t devices_of(const hg_serving_pool *p)
{
    return p->tp * p->dp * p->pp;
}

/* A width that is written once may be both pools' or one's alone: "TP4/32 DP32 PP8" is 32 ranks of TP4 PP8 and 32 of
 * TP32 DP32. */
enum { BOTH, DECODE_ONLY, PREFILL_ONLY, OWNERS };

static void give(int owner, const int64_t *of_prefill, int64_t *prefill, int64_t *decode)
{
    if (*of_prefill != *decode)
        return; /* written as a pair */
    if (owner == DECODE_ONLY)
        *prefill = 0;
    if (owner == PREFILL_ONLY)
        *decode = 0;
}

/* Prefill engines are as many as fill what one decode engine leaves of the devices. */
static bool fill_devices(const words *w, int dp_owner, int pp_owner, hg_parallelism *p)
{
    widths prefill = w->pool[0], decode = w->pool[1];
    give(dp_owner, &w->pool[0].dp, &prefill.dp, &decode.dp);
    give(pp_owner, &w->pool[0].pp, &prefill.pp, &decode.pp);
    if (!pool_of(&prefill, w, p->tp_counts_dp, &p->prefill) || !pool_of(&decode, w, p->tp_counts_dp, &p->decode))
        return false;
    int64_t left = p->devices - devices_of(&p->decode), each = devices_of(&p->prefill);
    p->decode.workers = 1;
    p->prefill.workers = left / each;
    return left >= each && left % each == 0;
}

static const char *share_devices(const words *w, hg_parallelism *p)
{
    for (int dp = BOTH; dp < OWNERS; dp++)
        for (int pp = BOTH; pp < OWNERS; pp++)
            if (fill_devices(w, dp, pp, p))
                return NULL;
    return "prefill and decode engines that together take all devices are needed";
}

static bool same(const widths *a, const widths *b)
{
    return a->tp == b->tp && a->dp == b->dp;
}

/* Nodes of 16 devices: as many as an engine's ranks fill make one; prefill stands first. */
static const char *share_nodes(const words *w, hg_parallelism *p)
{
    static const char want[] = "nodes of prefill engines and then of one kind of decode engine are needed";
    const widths *last = &w->node[w->nodes - 1];
    int decode_from = w->nodes;
    while (decode_from > 0 && same(&w->node[decode_from - 1], last))
        decode_from--;
    decode_from = decode_from == 0 ? w->nodes / 2 : decode_from;
    if (!pool_of(last, w, false, &p->decode) || !pool_of(&w->node[0], w, false, &p->prefill))
        return want;
    int64_t prefill = decode_from * NODE_DEVICES, decode = (w->nodes - decode_from) * NODE_DEVICES;
    for (int i = 1; i < decode_from; i++)
        if (!same(&w->node[i], &w->node[0]))
            return want;
    p->prefill.workers = prefill / devices_of(&p->prefill);
    p->decode.workers = decode / devices_of(&p->decode);
    return p->prefill.workers < 1 || p->decode.workers < 1 ? want : NULL;
}

const char *hg_parallelism_read(const char *text, hg_parallelism *p)
{
    words w = { 0 };
    if (!*text || !read_words(text, &w) || (!w.pool[0].tp && !w.pool[0].dp && !w.nodes))
        return "widths are written as 'TP8 DP2 EP', for prefill and decode as 'TP16/32 DP2/16'";
    if (p->disaggregated && w.nodes > 1)
        return share_nodes(&w, p);
    if (w.nodes > 1 || (w.pair && !p->disaggregated))
        return "one engine has one width of each kind";
    if (p->disaggregated)
        return share_devices(&w, p);
    if (!pool_of(&w.pool[0], &w, p->tp_counts_dp, &p->decode))
        return "DP ranks do not divide the width";
    p->decode.workers = 1;
    return NULL;
}
