#include "cost/step_build.h"

#include <math.h>

/* Linear mixers of one rank: their heads are shared out as attention's are, and copied when ranks
 * outnumber them. */
static double on_rank(const hg_builder *b, int64_t heads)
{
    return ceil((double)heads / (double)b->d->tp);
}

static void set(const hg_op *op, hg_shape *s, const char *column, double value)
{
    s->d[hg_dim_of(op, column)] = value;
}

/* A kernel runs once for prompts, whole, and once for single tokens. */
static void add_kernel(hg_builder *b, const char *const names[2], const hg_op *op, hg_shape s, double repeat)
{
    for (int decode = 0; decode < 2; decode++) {
        hg_shape at = s;
        at.kind += decode ? HG_LINEAR_DECODE : 0;
        set(op, &at, "seq_len", 1);
        hg_step_item *it = hg_add_item(b, names[decode], decode ? HG_PER_DECODE : HG_PREFILL_ATTENTION, repeat);
        hg_use_op(b, it, op, &at, "batch_size", 1);
        it->dim_new = hg_dim_of(op, "seq_len");
        it->dim_cached = HG_NO_DIM;
    }
}

static const char *const convolution[2] = { "prefill convolution", "decode convolution" };
static const char *const rule[2] = { "prefill linear attention", "decode linear attention" };
static const char *const scan[2] = { "prefill state scan", "decode state update" };

static hg_shape gdn_shape(const hg_builder *b, const hg_layer *l, const hg_op *op, float kind)
{
    hg_shape s = { .kind = kind };
    set(op, &s, "d_conv", (double)l->conv_kernel);
    set(op, &s, "num_k_heads", on_rank(b, l->linear_k_heads));
    set(op, &s, "num_v_heads", on_rank(b, l->linear_v_heads));
    set(op, &s, "head_k_dim", (double)l->linear_k_head_dim);
    set(op, &s, "head_v_dim", (double)l->linear_v_head_dim);
    return s;
}

/* Output is normalised and gated in one pass, then projected. */
static void add_output(hg_builder *b, double width, double repeat)
{
    double h = (double)b->m->hidden_size;
    hg_add_pass(b, "gated norm", HG_PER_TOKEN, repeat, 2 * 3 * width);
    hg_add_gemm(b, "linear output projection", HG_PER_TOKEN, repeat, h, width, b->m->precision.linear);
    hg_add_all_reduce(b, "all-reduce", repeat, (double)b->d->tp, h);
}

/* Gated delta net; with a fixed decay lightning attention, which has no convolution and no table. */
void hg_add_gdn_mixer(hg_builder *b, const hg_layer *l, double repeat)
{
    double h = (double)b->m->hidden_size;
    double k = on_rank(b, l->linear_k_heads) * (double)l->linear_k_head_dim;
    double v = on_rank(b, l->linear_v_heads) * (double)l->linear_v_head_dim;
    const hg_op *op = l->fixed_decay ? &hg_op_linear_rule : &hg_op_gdn;
    hg_add_gemm(b, "linear input projection", HG_PER_TOKEN, repeat, 2 * k + 2 * v, h, b->m->precision.linear);
    if (!l->fixed_decay) {
        hg_add_gemm(b, "decay projection", HG_PER_TOKEN, repeat, 2 * on_rank(b, l->linear_v_heads), h, HG_BF16);
        add_kernel(b, convolution, op, gdn_shape(b, l, op, HG_LINEAR_CONV), repeat);
    }
    add_kernel(b, rule, op, gdn_shape(b, l, op, HG_LINEAR_RULE), repeat);
    add_output(b, v, repeat);
}

/* Kimi delta attention: decay for every channel and an output gate, each through a bottleneck of one
 * head's width.  Its convolution is gdn's, its rule has no table. */
void hg_add_kda_mixer(hg_builder *b, const hg_layer *l, double repeat)
{
    double h = (double)b->m->hidden_size, dim = (double)l->linear_v_head_dim;
    double k = on_rank(b, l->linear_k_heads) * (double)l->linear_k_head_dim;
    double v = on_rank(b, l->linear_v_heads) * dim;
    hg_dtype dtype = b->m->precision.linear;
    hg_add_gemm(b, "linear input projection", HG_PER_TOKEN, repeat, 2 * k + v, h, dtype);
    hg_add_gemm(b, "decay and gate down", HG_PER_TOKEN, repeat, 2 * dim + on_rank(b, l->linear_v_heads), h, dtype);
    hg_add_gemm(b, "decay and gate up", HG_PER_TOKEN, repeat, k + v, dim, dtype);
    add_kernel(b, convolution, &hg_op_gdn, gdn_shape(b, l, &hg_op_gdn, HG_LINEAR_CONV), repeat);
    add_kernel(b, rule, &hg_op_linear_rule, gdn_shape(b, l, &hg_op_linear_rule, HG_LINEAR_RULE), repeat);
    add_output(b, v, repeat);
}

static hg_shape ssm_conv_shape(const hg_builder *b, const hg_layer *l)
{
    const hg_op *op = &hg_op_mamba2;
    hg_shape s = { .kind = HG_LINEAR_CONV };
    set(op, &s, "d_conv", (double)l->conv_kernel);
    set(op, &s, "nheads", on_rank(b, l->ssm_heads));
    set(op, &s, "head_dim", (double)l->ssm_head_dim);
    set(op, &s, "d_state", (double)l->ssm_state);
    set(op, &s, "n_groups", l->ssm_dt_rank ? 0 : on_rank(b, l->ssm_groups));
    return s;
}

static hg_shape ssm_scan_shape(const hg_builder *b, const hg_layer *l)
{
    const hg_op *op = &hg_op_linear_rule;
    hg_shape s = { .kind = HG_LINEAR_RULE };
    set(op, &s, "num_k_heads", on_rank(b, l->ssm_groups));
    set(op, &s, "head_k_dim", (double)l->ssm_state);
    set(op, &s, "num_v_heads", on_rank(b, l->ssm_heads));
    set(op, &s, "head_v_dim", (double)l->ssm_head_dim);
    return s;
}

/* Mamba2, and Mamba-1, whose step sizes and state vectors come from the convolved input. */
void hg_add_mamba_mixer(hg_builder *b, const hg_layer *l, double repeat)
{
    double h = (double)b->m->hidden_size, heads = on_rank(b, l->ssm_heads);
    double inner = heads * (double)l->ssm_head_dim, rank = (double)l->ssm_dt_rank;
    double state = on_rank(b, l->ssm_groups) * (double)l->ssm_state;
    hg_dtype dtype = b->m->precision.linear;
    hg_add_gemm(b, "linear input projection", HG_PER_TOKEN, repeat,
                rank > 0 ? 2 * inner : 2 * inner + 2 * state + heads, h, dtype);
    add_kernel(b, convolution, &hg_op_mamba2, ssm_conv_shape(b, l), repeat);
    if (rank > 0) {
        hg_add_gemm(b, "step and state projection", HG_PER_TOKEN, repeat, rank + 2 * state, inner, dtype);
        hg_add_all_reduce(b, "all-reduce of step and state", repeat, (double)b->d->tp, rank + 2 * state);
        hg_add_gemm(b, "step projection", HG_PER_TOKEN, repeat, inner, rank, dtype);
    }
    add_kernel(b, scan, &hg_op_linear_rule, ssm_scan_shape(b, l), repeat);
    add_output(b, inner, repeat);
}
