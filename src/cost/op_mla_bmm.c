#include "cost/op.h"

#include <math.h>
#include <string.h>

/* The products that bring queries into the latent space before latent attention (pre) and its
 * result out of it (post): one small matrix a head, nope by latent or latent by value.  Kernels of
 * 8 bits quantise the 16-bit operand first. */

enum { TOKENS, HEADS, NOPE, VALUE, LATENT };
enum { LOG_M, LOG_HEADS, LOG_TILES, WAVE };
enum { PRODUCT, WHOLE_ROWS, WAVES, BY_HEAD, BY_ROW, WEIGHTS, PASS, MEMORY, CACHE, SPANS };

/* Rows of a tile, and columns. */
static const double TILE = 64, WIDE_TILE = 128;

static bool label(int column, const char *text, hg_shape *s)
{
    if (column == 2)
        s->kind = strstr(text, "post") ? HG_BMM_POST : HG_BMM_PRE;
    return column != 1 || hg_dtype_parse(text, &s->dtype);
}

/* What a head's vector has outside the latent space. */
static double width(const hg_shape *s)
{
    return s->kind == (float)HG_BMM_POST ? s->d[VALUE] : s->d[NOPE];
}

static double output_width(const hg_shape *s)
{
    return s->kind == (float)HG_BMM_POST ? s->d[VALUE] : s->d[LATENT];
}

static double weight_bytes(const hg_shape *s)
{
    return s->d[HEADS] * width(s) * s->d[LATENT] * hg_dtype_table[s->dtype].weight_bytes;
}

static void count(const hg_shape *s, hg_work *w)
{
    double rows = s->d[TOKENS] * s->d[HEADS];
    w->tensor_flops = 2 * rows * width(s) * s->d[LATENT];
    w->tensor_dtype = hg_dtype_table[s->dtype].math;
    w->hbm_bytes = weight_bytes(s) + 2 * rows * (width(s) + s->d[LATENT]);
}

static double tiles(const hg_shape *s)
{
    return s->d[HEADS] * ceil(s->d[TOKENS] / WIDE_TILE) * ceil(output_width(s) / WIDE_TILE);
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    double waves = tiles(s) / (double)d->units;
    x[LOG_M] = log2(s->d[TOKENS]);
    x[LOG_HEADS] = log2(s->d[HEADS]);
    x[LOG_TILES] = fmax(-6, log2(waves));
    x[WAVE] = waves > 1 ? log2(ceil(waves) / waves) : 0;
}

static int spans(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    double m = s->d[TOKENS], h = s->d[HEADS], units = (double)d->units;
    double rate = hg_tensor_rate(d, w->tensor_dtype), bandwidth = d->memory_bytes_per_s;
    double inner = width(s) * s->d[LATENT] / output_width(s);
    double bytes_s = w->hbm_bytes / bandwidth,
           pass_s = 2 * m * h * (width(s) + s->d[LATENT]) / bandwidth;
    int n = 0;
    span[n++] = (hg_span){ PRODUCT, w->tensor_flops / rate };
    span[n++] = (hg_span){ WHOLE_ROWS, w->tensor_flops / m * ceil(m / TILE) * TILE / rate };
    span[n++] = (hg_span){ WAVES, ceil(tiles(s) / units) * units * 2 * WIDE_TILE * WIDE_TILE *
                                      inner / rate };
    span[n++] = (hg_span){ BY_HEAD, h / units * 1e-6 };
    span[n++] = (hg_span){ BY_ROW, m * h / units * 1e-9 };
    span[n++] = (hg_span){ WEIGHTS, weight_bytes(s) / bandwidth };
    span[n++] = (hg_span){ PASS, pass_s };
    span[n++] = (hg_span){ CACHE, bytes_s };
    span[n++] = (hg_span){ MEMORY, hg_cache_lost(w, d) * bytes_s };
    return n;
}

const hg_op hg_op_mla_bmm = {
    .name = "mla_bmm",
    .title = "into and out of the latent space",
    .dims = { { "num_tokens", true, NAN, 1 }, { "num_heads", false, NAN, 1 },
              { "qk_nope_head_dim", false, 128, 1 }, { "v_head_dim", false, 128, 1 },
              { "kv_lora_rank", false, 512, 1 } },
    .labels = { "kernel_source", "bmm_dtype", "op_name" },
    .label = label,
    .count = count,
    .features = features,
    .spans = spans,
    .span_count = SPANS,
    .lane = { [WEIGHTS] = HG_LANE_MEMORY, [PASS] = HG_LANE_SEQUENCE, [MEMORY] = HG_LANE_MEMORY,
              [CACHE] = HG_LANE_MEMORY },
    .terms = {
        { 2, { LOG_M, LOG_HEADS }, { 8, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 1, { LOG_TILES }, { 8 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 1, { WAVE }, { 4 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .example = { .d = { 64, 16, 128, 128, 512 } },
    .formula = "2·h·width·latent flops a token; one matrix a head, tokens in and out",
};
