#include "cost/op.h"

#include "base/text.h"

#include <math.h>

/* The kernels of linear mixers: a short causal convolution over every channel, and the rule that
 * carries a state of k_dim by v_dim for every head, in chunks for prompts, one token at a time
 * afterwards.  The measured tables of Mamba2 hold its convolution only. */

enum { GDN_BATCH, GDN_LENGTH, CONV, K_HEADS, K_DIM, V_HEADS, V_DIM };
enum { SSM_BATCH, SSM_LENGTH, SSM_CONV, SSM_HEADS, SSM_DIM, SSM_GROUPS, SSM_STATE };
enum { LOG_BATCH, LOG_LENGTH, LOG_WIDTH, LOG_ROWS, LOG_GROUP, WAVE };
enum {
    PASS,
    PASS_LOST,
    LEAST_PASS,
    LEAST_LOST,
    STATE,
    STATE_LOST,
    BLOCKS,
    LOOPS,
    LEAST_BLOCKS,
    LEAST_LOOPS,
    SEQUENCES,
    PRODUCT,
    CHUNKS,
    WALK,
    SPANS
};

/* Tokens of a chunk of the delta rule (FLA_CHUNK_SIZE), and of one turn of a convolution's block
 * (Dao's causal_conv1d: 128 threads of 8 elements). */
static const double CHUNK = 64, TURN = 1024;

/* least_channels: what every table's convolution covers at least.  TensorRT-LLM's gdn tables time
 * that of the keys alone, the same whatever the values' heads. */
typedef struct mixer {
    double batch, length, channels, least_channels, taps;
    double heads, groups, k_dim, v_dim;
    bool conv, one_token;
} mixer;

static bool label(int column, const char *text, hg_shape *s)
{
    if (column == 0)
        s->kind = hg_starts(text, "causal_conv1d") ? HG_LINEAR_CONV : HG_LINEAR_RULE;
    else if (hg_starts(text, "generation"))
        s->kind += HG_LINEAR_DECODE;
    return true;
}

static mixer kind_of(const hg_shape *s, mixer m)
{
    m.one_token = s->kind >= HG_LINEAR_DECODE;
    m.conv = fmod((double)s->kind, HG_LINEAR_DECODE) == HG_LINEAR_CONV;
    return m;
}

static mixer gdn_of(const hg_shape *s)
{
    double channels = 2 * s->d[K_HEADS] * s->d[K_DIM] + s->d[V_HEADS] * s->d[V_DIM];
    return kind_of(s, (mixer){ s->d[GDN_BATCH], s->d[GDN_LENGTH], channels,
                               s->d[K_HEADS] * s->d[K_DIM], s->d[CONV], s->d[V_HEADS],
                               s->d[K_HEADS], s->d[K_DIM], s->d[V_DIM] });
}

static mixer mamba2_of(const hg_shape *s)
{
    double channels = s->d[SSM_HEADS] * s->d[SSM_DIM] + 2 * s->d[SSM_GROUPS] * s->d[SSM_STATE];
    return kind_of(s,
                   (mixer){ s->d[SSM_BATCH], s->d[SSM_LENGTH], channels, channels, s->d[SSM_CONV],
                            s->d[SSM_HEADS], s->d[SSM_GROUPS], s->d[SSM_STATE], s->d[SSM_DIM] });
}

static double tokens(const mixer *m)
{
    return m->batch * m->length;
}

/* What is read and written of the tokens, 16 bits each. */
static double token_bytes(const mixer *m, double channels)
{
    double rule = 2 * m->groups * m->k_dim + 2 * m->heads * m->v_dim;
    return 2 * tokens(m) * (m->conv ? 2 * channels : rule);
}

/* A convolution keeps its last inputs in 16 bits; the rule's state, 32 bits, is read and written
 * by a new token and written by a prompt. */
static double state_bytes(const mixer *m, double channels)
{
    double past = 2 * channels * (m->taps - 1), state = 4 * m->heads * m->k_dim * m->v_dim;
    return m->batch * (m->conv ? past : state) * (m->one_token ? 2 : 1);
}

/* The rule as a recurrence: decay and read, correct, read out. */
static void count_mixer(const mixer *m, hg_work *w)
{
    double rule = 6 * tokens(m) * m->heads * m->k_dim * m->v_dim, channels = m->least_channels;
    w->tensor_flops = m->conv || m->one_token ? 0 : rule;
    w->tensor_dtype = HG_BF16;
    w->vector_flops = m->conv ? 2 * tokens(m) * channels * m->taps : m->one_token ? rule : 0;
    w->hbm_bytes = token_bytes(m, channels) + state_bytes(m, channels);
}

static void mixer_features(const mixer *m, const hg_device *d, double *x)
{
    double waves = m->batch * m->heads / (double)d->units;
    x[LOG_BATCH] = log2(m->batch);
    x[LOG_LENGTH] = log2(m->length);
    x[LOG_WIDTH] = log2(m->conv ? m->channels : m->heads);
    x[LOG_ROWS] = x[LOG_BATCH] + x[LOG_WIDTH];
    x[LOG_GROUP] = log2(m->heads / m->groups);
    x[WAVE] = !m->conv && waves < 4 ? log2(fmin(4, ceil(waves) / waves)) : 0;
}

/* Bytes, and again those of them that the cache loses. */
static int pass(const hg_device *d, double bytes, double all_bytes, int of, hg_span *span, int n)
{
    hg_work all = { .hbm_bytes = all_bytes };
    double bytes_s = bytes / d->memory_bytes_per_s;
    span[n++] = (hg_span){ of, bytes_s };
    span[n++] = (hg_span){ of + 1, hg_cache_lost(&all, d) * bytes_s };
    return n;
}

/* A block of the convolution takes a channel of a sequence. */
static int conv_spans(const mixer *m, const hg_device *d, double channels, int pass_of,
                      int blocks_of, hg_span *span, int n)
{
    double blocks = m->batch * channels / (double)d->units * 1e-8;
    double bytes = token_bytes(m, channels) + state_bytes(m, channels);
    n = pass(d, bytes, bytes, pass_of, span, n);
    span[n++] = (hg_span){ blocks_of, blocks };
    span[n++] = (hg_span){ blocks_of + 1, blocks * ceil(m->length / TURN) };
    return n;
}

static int rule_spans(const mixer *m, const hg_device *d, hg_span *span, int n)
{
    double units = (double)d->units, heads = m->batch * m->heads;
    double chunks = ceil(m->length / CHUNK), tiles = heads * chunks;
    double each = 2 * CHUNK * (3 * m->k_dim * m->v_dim + CHUNK * (3 * m->k_dim + 2 * m->v_dim));
    double taken = token_bytes(m, 0), state = state_bytes(m, 0);
    n = pass(d, taken, taken + state, PASS, span, n);
    n = pass(d, state, taken + state, STATE, span, n);
    span[n++] = (hg_span){ BLOCKS, heads / units * 1e-6 };
    span[n++] = (hg_span){ WALK, chunks * ceil(heads / units) * 1e-6 };
    span[n++] = (hg_span){ PRODUCT, tiles * each / hg_tensor_rate(d, HG_BF16) };
    span[n++] = (hg_span){ CHUNKS, ceil(tiles / units) * 1e-6 };
    return n;
}

static int mixer_spans(const mixer *m, const hg_device *d, hg_span *span)
{
    int n = 0;
    span[n++] = (hg_span){ SEQUENCES, m->batch / (double)d->units * 1e-6 };
    if (!m->conv)
        return rule_spans(m, d, span, n);
    span[n++] = (hg_span){ WALK, ceil(m->length / TURN) * 1e-6 };
    n = conv_spans(m, d, m->least_channels, LEAST_PASS, LEAST_BLOCKS, span, n);
    return conv_spans(m, d, m->channels, PASS, BLOCKS, span, n);
}

static void count_gdn(const hg_shape *s, hg_work *w)
{
    mixer m = gdn_of(s);
    count_mixer(&m, w);
}

static void count_mamba2(const hg_shape *s, hg_work *w)
{
    mixer m = mamba2_of(s);
    count_mixer(&m, w);
}

static void features_gdn(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    mixer m = gdn_of(s);
    mixer_features(&m, d, x);
}

static void features_mamba2(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    mixer m = mamba2_of(s);
    mixer_features(&m, d, x);
}

static int spans_gdn(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    (void)w;
    mixer m = gdn_of(s);
    return mixer_spans(&m, d, span);
}

static int spans_mamba2(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    (void)w;
    mixer m = mamba2_of(s);
    return mixer_spans(&m, d, span);
}

#define LANES                                                                                      \
    {                                                                                              \
        [PASS] = HG_LANE_MEMORY, [PASS_LOST] = HG_LANE_MEMORY, [LEAST_PASS] = HG_LANE_MEMORY,      \
        [LEAST_LOST] = HG_LANE_MEMORY, [STATE] = HG_LANE_MEMORY, [STATE_LOST] = HG_LANE_MEMORY,    \
        [WALK] = HG_LANE_CHAIN, [SEQUENCES] = HG_LANE_SEQUENCE                                     \
    }

const hg_op hg_op_gdn = {
    .name = "gdn",
    .title = "gated delta net kernels",
    .dims = { { "batch_size", true, NAN, 1 }, { "seq_len", true, NAN, 1 }, { "d_conv", false, 4, 1 },
              { "num_k_heads", false, NAN, 1 }, { "head_k_dim", false, NAN, 1 },
              { "num_v_heads", false, NAN, 1 }, { "head_v_dim", false, NAN, 1 } },
    .labels = { "kernel_source", "phase" },
    .label = label,
    .count = count_gdn,
    .features = features_gdn,
    .spans = spans_gdn,
    .span_count = SPANS,
    .lane = LANES,
    .terms = {
        { 3, { LOG_BATCH, LOG_LENGTH, LOG_WIDTH }, { 7, 13, 5 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.01 },
        { 2, { LOG_ROWS, LOG_LENGTH }, { 10, 8 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { LOG_GROUP, LOG_LENGTH }, { 6, 5 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { WAVE, LOG_LENGTH }, { 6, 5 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .example = { .d = { 4, 2048, 4, 16, 128, 32, 128 } },
    .formula = "convolution: its channels in and out; rule: 6·v_heads·k_dim·v_dim flops a token, state once",
};

const hg_op hg_op_mamba2 = {
    .name = "mamba2",
    .title = "Mamba2 kernels",
    .dims = { { "batch_size", true, NAN, 1 }, { "seq_len", true, NAN, 1 }, { "d_conv", false, 4, 1 },
              { "nheads", false, NAN, 1 }, { "head_dim", false, NAN, 1 }, { "n_groups", false, NAN, 1 },
              { "d_state", false, NAN, 1 } },
    .labels = { "kernel_source", "phase" },
    .label = label,
    .count = count_mamba2,
    .features = features_mamba2,
    .spans = spans_mamba2,
    .span_count = SPANS,
    .lane = LANES,
    .terms = {
        { 2, { LOG_ROWS, LOG_LENGTH }, { 8, 8 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { LOG_WIDTH, LOG_LENGTH }, { 4, 4 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .example = { .d = { 4, 2048, 4, 64, 64, 8, 128 } },
    .formula = "convolution: its channels in and out; rule: 6·heads·head_dim·d_state flops a token, state once",
};

static bool label_nothing(int column, const char *text, hg_shape *s)
{
    (void)column, (void)text, (void)s;
    return false;
}

/* Rules that no table measures (Kimi delta attention, lightning attention, Mamba's scans), in the
 * columns of gdn: their time is the roofline's. */
const hg_op hg_op_linear_rule = {
    .name = "linear_rule",
    .title = "rule of a linear mixer that no table measures",
    .dims = { { "batch_size", true, NAN, 1 },
              { "seq_len", true, NAN, 1 },
              { "d_conv", false, 1, 1 },
              { "num_k_heads", false, NAN, 1 },
              { "head_k_dim", false, NAN, 1 },
              { "num_v_heads", false, NAN, 1 },
              { "head_v_dim", false, NAN, 1 } },
    .label = label_nothing,
    .count = count_gdn,
    .features = features_gdn,
    .example = { .d = { 4, 2048, 1, 16, 128, 32, 128 }, .kind = HG_LINEAR_RULE },
    .formula = "6·v_heads·k_dim·v_dim flops a token; queries, keys, values, result and the 32-bit "
               "state once",
};
