#include "cost/collective.h"
#include "cost/op.h"

#include <math.h>
#include <string.h>

/* Collectives among the devices of a node: an engine's own all-reduce, and those of NCCL and
 * oneCCL. In every table a message is the whole vector: what each rank holds after an all-gather or
 * an all-reduce and before a reduce-scatter, and what each rank sends out in an all-to-all. */

enum { GPUS, MESSAGE };
enum { SIZE, BEYOND_PAIR };

static bool parse_collective(const char *text, hg_shape *s)
{
    static const struct {
        const char *word;
        hg_collective kind;
    } words[] = {
        { "all_reduce", HG_ALL_REDUCE },         { "allreduce", HG_ALL_REDUCE },
        { "all_gather", HG_ALL_GATHER },         { "allgather", HG_ALL_GATHER },
        { "reduce_scatter", HG_REDUCE_SCATTER }, { "reducescatter", HG_REDUCE_SCATTER },
        { "alltoall", HG_ALL_TO_ALL },           { "all_to_all", HG_ALL_TO_ALL },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, text) == 0) {
            s->kind = (float)words[i].kind;
            return true;
        }
    return false;
}

static double message_bytes(const hg_shape *s)
{
    return s->d[MESSAGE] * hg_dtype_table[s->dtype].activation_bytes;
}

static void count_share(const hg_shape *s, bool reduce, hg_work *w)
{
    double r = fmax(1, s->d[GPUS]);
    w->link_bytes = message_bytes(s) * (reduce && r > 1 ? 1 : (r - 1) / r);
    w->link_hops = r > 1;
}

/* The least that must leave a device: an all-reduce's whole vector, once, where the switch adds up
 * (NVLink SHARP does); a ring sends 2(r - 1)/r of it, which is for the surface to learn. */
static void count_allreduce(const hg_shape *s, hg_work *w)
{
    count_share(s, true, w);
}

static void count(const hg_shape *s, hg_work *w)
{
    count_share(s, s->kind == (float)HG_ALL_REDUCE, w);
}

/* Short messages all take a launch, so sizes are told apart from 0.1 µs of the link on.  On PCIe a
 * pair is near and all beyond it far: 0, 1/2 and 3/4 of the peers of 2, 4 and 8 devices. */
static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    x[SIZE] = log2(1 + message_bytes(s) / (d->node_bytes_per_s * 0.1e-6));
    x[BEYOND_PAIR] = 1 - 2 / s->d[GPUS];
}

static bool label_engine(int column, const char *text, hg_shape *s)
{
    if (column == 0)
        s->kind = strstr(text, "eager") ? HG_ALLREDUCE_EAGER : HG_ALLREDUCE_GRAPH;
    return column == 0 || hg_dtype_parse(text, &s->dtype);
}

static bool label_library(int column, const char *text, hg_shape *s)
{
    return column == 0 ? parse_collective(text, s) : hg_dtype_parse(text, &s->dtype);
}

const hg_op hg_op_custom_allreduce = {
    .name = "custom_allreduce",
    .title = "the engine's all-reduce",
    .dims = { { "num_gpus", false, NAN, 1 }, { "message_size", true, NAN, 1 } },
    .labels = { "kernel_source", "allreduce_dtype" },
    .series_labels = 1,
    .label = label_engine,
    .count = count_allreduce,
    .features = features,
    .terms = { { 2, { SIZE, BEYOND_PAIR }, { 8, 2 }, HG_BY_SERIES, .smooth = 1e-3, .ridge = 1e-4 } },
    .example = { .d = { 8, 1 << 20 }, .dtype = HG_BF16 },
    .formula = "the vector once over the slowest link",
};

const hg_op hg_op_nccl = {
    .name = "nccl",
    .title = "NCCL collective",
    .dims = { { "num_gpus", false, NAN, 1 }, { "message_size", true, NAN, 1 } },
    .labels = { "op_name", "nccl_dtype" },
    .series_labels = 1,
    .label = label_library,
    .count = count,
    .features = features,
    .terms = { { 2, { SIZE, BEYOND_PAIR }, { 8, 3 }, HG_BY_SERIES, .smooth = 1e-3, .ridge = 1e-4 } },
    .example = { .d = { 8, 1 << 20 }, .dtype = HG_BF16 },
    .formula = "all-reduce: the vector once over the slowest link; others (r - 1)/r of it",
};

const hg_op hg_op_oneccl = {
    .name = "oneccl",
    .title = "oneCCL collective",
    .dims = { { "num_gpus", false, NAN, 1 }, { "message_size", true, NAN, 1 } },
    .labels = { "op_name", "nccl_dtype" },
    .series_labels = 1,
    .label = label_library,
    .count = count,
    .features = features,
    .terms = { { 2, { SIZE, BEYOND_PAIR }, { 8, 3 }, HG_BY_SERIES, .smooth = 1e-3, .ridge = 1e-4 } },
    .example = { .d = { 4, 1 << 20 }, .dtype = HG_BF16 },
    .formula = "all-reduce: the vector once over the slowest link; others (r - 1)/r of it",
};
