#include "tune_prior.h"

#include "base/text.h"
#include "eval/oracle.h"
#include "spec/slo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A core of Zen 4 with AVX-512: two FMA halves of 8 float32 a clock, 32 FLOP, at the 2.4 GHz that data/devices/epyc_9654.json states;
 * the kernels of llama.cpp turn F16 weights into float32. */
static const double FLOPS_PER_S_A_THREAD = 32 * 2.4e9;
/* What one core can have on its way from memory (48 lines of 64 bytes at some 120 ns); two ask for twice as much. */
static const double BYTES_PER_S_A_THREAD = 25e9;
/* 12 layers of some 20 operators, each ended by a barrier of about 2 us. */
static const double FIXED_S = 5e-4;
/* Without flash attention the scores are written, read by softmax, written, and read again: float32 each. */
static const double SCORE_BYTES = 16;
enum { HEADS = 12 };

bool tune_prior_open(hg_arena *arena, const tune_grid *g, tune_prior *out, hg_err *err)
{
    hg_data data = { 0 };
    hg_device d;
    hg_engine engine;
    const char *note;
    hg_deployment one = { .tp = 1, .pp = 1, .dp = 1, .ep = 1, .replicas = 1, .precision_is_checkpoints = true, .kv_is_auto = true,
                          .max_num_seqs = 8, .max_num_batched_tokens = 512, .max_model_len = 256, .gpu_memory_utilization = 0.9, .block_tokens = 1 };
    *out = (tune_prior){ .grid = g };
    if (!hg_model_find(arena, &data, "engine/config.json", &out->model, &note, err) || !hg_device_find(arena, &data, "epyc_9654", &d, err) ||
        !hg_engine_find(arena, &data, "llamacpp", NULL, &engine, err))
        return false;
    out->step = HG_NEW(arena, hg_step, 1);
    hg_rates *rates = HG_NEW(arena, hg_rates, 1);
    if (!hg_rates_open(arena, &data, &d, "llamacpp", NULL, rates, &note, err) ||
        !hg_step_prepare(&out->model, &one, &engine, rates, out->step, err))
        return false;
    return true;
}

/* What the combination says, by flag. */
static const char *value(const tune_prior *p, const uint8_t *level, const char *flag)
{
    for (size_t k = 0; k < p->grid->knobs; k++)
        if (strcmp(p->grid->knob[k].flag, flag) == 0)
            return p->grid->knob[k].value[level[k]];
    return "";
}

typedef struct engine {
    const tune_prior *prior;
    const tune_machine *machine;
    int threads, threads_batch;
    int64_t seqs, cells;       /* running at most; KV cells that a step attends to, of its own and of others in one pool */
    bool unified, flash;
} engine;

/* Arithmetic and memory one after the other: a core turns each F16 weight into float32 before it multiplies, and waits for it.  What
 * the host of an accelerator does besides is not here. */
static double item_s(const engine *e, int threads, int item, const hg_step_batch *b)
{
    const hg_step *s = e->prior->step;
    hg_work w;
    if (s->items[item].role >= HG_HOST || hg_step_item_amount(s, item, b) <= 0)
        return 0;
    hg_step_item_time(s, item, b, &w);
    double arithmetic_s = (w.tensor_flops + w.vector_flops) / (threads * FLOPS_PER_S_A_THREAD) * e->machine->of[0];
    return arithmetic_s + w.hbm_bytes / (threads * BYTES_PER_S_A_THREAD) * e->machine->of[1];
}

/* In one pool every token is compared with every cell, and the others' are masked away. */
static double step_s(void *ctx, const hg_batch *batch)
{
    const engine *e = ctx;
    hg_step_batch b = hg_step_batch_of(batch);
    int threads = b.chunks > 0 ? e->threads_batch : e->threads;
    const hg_step *s = e->prior->step;
    double tokens = b.chunk_tokens + b.decodes, keys = (double)e->cells, seconds = FIXED_S * e->machine->of[2];
    if (e->unified) {
        b.chunk_area = b.chunk_tokens * keys;
        b.decode_context = b.decodes * keys;
    }
    for (int i = 0; i < s->count; i++)
        seconds += item_s(e, threads, i, &b);
    if (!e->flash)
        seconds += tokens * keys * SCORE_BYTES * HEADS * (double)e->prior->model.layer_count / (threads * BYTES_PER_S_A_THREAD) * e->machine->of[1];
    return seconds;
}

/* What the prefix cache leaves of each prompt.  In one pool a prefix is found whoever holds it, and new connections are read
 * one a step, so only the first of each group computes it.  Else it is found in the slot that a request gets alone: the first in each
 * slot finds nothing, a later one its own group's prefix as often as there are groups. */
static void shorten(const tune_load *l, int64_t seqs, bool unified, hg_workload *w)
{
    for (size_t i = (size_t)(unified ? l->groups : seqs); i < w->count; i++)
        if (unified || i % (size_t)l->groups == 0)
            w->requests[i].isl -= l->shared;
}

tune_prediction tune_predict(hg_arena scratch, const tune_prior *p, const tune_machine *m, const uint8_t *level)
{
    const tune_load *l = &tune_the_load;
    hg_workload w;
    hg_sim_result r;
    hg_err err;
    engine e = { .prior = p, .machine = m, .threads = atoi(value(p, level, "--threads")), .threads_batch = atoi(value(p, level, "--threads-batch")),
                 .seqs = atoi(value(p, level, "--max-seqs")), .unified = strcmp(value(p, level, "--kv-unified"), "on") == 0,
                 .flash = strcmp(value(p, level, "--flash-attention"), "on") == 0 };
    e.cells = (l->isl + l->osl) * (e.unified ? e.seqs : 1);
    hg_sim_config c = { .scheduler = "vllm", .oracle = { step_s, &e }, .requests = (size_t)l->requests,
                        .sched = { .max_num_seqs = e.seqs, .max_num_batched_tokens = atoi(value(p, level, "--token-budget")), .kv_blocks = 4096,
                                   .block_tokens = 16, .chunked_prefill = true } };
    hg_workload_synthetic(&scratch, l->isl, l->osl, 1, (size_t)l->requests, 0, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = l->clients;
    shorten(l, e.seqs, e.unified, &w);
    if (!hg_slo_parse(l->slo, "bench", &c.slo, &err))
        return (tune_prediction){ 0, 0 };
    hg_sim_run(&scratch, &w, &c, &r);
    return (tune_prediction){ r.output_tokens_per_s, r.good_per_s };
}
