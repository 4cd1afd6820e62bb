/* A measured serving run as a question: its row to a deployment and a closed loop, simulated as it
 * was measured. */
#ifndef HG_EVAL_SERVING_H
#define HG_EVAL_SERVING_H

#include "eval/evaluate.h"
#include "measure/launch.h"

/* Models, engines and rates, each opened once: threads share it after hg_serving_case_open. */
typedef struct hg_serving_shelf hg_serving_shelf;

hg_serving_shelf *hg_serving_shelf_open(hg_arena *arena, const hg_data *data, hg_err *err);

/* A calibration of operators, laid over the shipped ones in every problem opened from now on. */
void hg_serving_shelf_overlay(hg_serving_shelf *shelf, const char *path);

typedef struct hg_serving_case {
    const hg_problem *problem;  /* but for the workload */
    hg_candidate candidate;     /* disaggregated: the decode side */
    hg_candidate prefill;
    bool disaggregated;
    bool decodes_only;          /* prompts come with their KV, from a pool that nobody waits for */
    bool apart;                 /* ranks that no engine cuts heads over are a rack of pools that the row does
                                   not name: they are not held to step together */
    bool whole;                 /* simulate every rank of a wide engine, not a sample of them */
    const hg_client *client;    /* whose definitions the figures are by; NULL: those of the published sheets */
    hg_launch_facts launch;
    int64_t isl, osl, concurrency;
    char reason[256];           /* why it cannot be predicted; "" when it can */
} hg_serving_case;

/* Never fails on a row: what cannot be predicted has a reason. */
void hg_serving_case_open(hg_serving_shelf *shelf, const hg_serving_row *row, hg_serving_case *out);

typedef struct hg_serving_figures {
    double ttft_s, tpot_s;      /* means over all requests, the first wave among them */
    double output_tokens_per_s; /* of the whole deployment */
    double step_s;              /* mean time of a step: what the host terms are part of */
} hg_serving_figures;

/* Simulates it with these host overheads.  Pure in (case, overheads): any thread, any order. */
hg_serving_figures hg_serving_predict(hg_arena scratch, const hg_serving_case *c,
                                      const hg_overheads *overheads);

/* The same run as `heng plan` evaluates the deployment: hg_evaluate in a closed loop of as many clients, by what the words of a
 * question say, so without rules of launching that have no word (graph sizes, TensorRT-LLM's waits, SGLang's interval of receiving);
 * _as_launched with them.  Either way nothing warms up, every rank is simulated, ranks of one engine step together, each replica has
 * a front end of its own, and proposed tokens are drawn one by one.  Figures are NAN where prompts must be found in a cache. */
hg_serving_figures hg_serving_planned(hg_arena scratch, const hg_serving_case *c, const hg_overheads *overheads);
hg_serving_figures hg_serving_planned_as_launched(hg_arena scratch, const hg_serving_case *c, const hg_overheads *overheads);

typedef hg_serving_figures hg_serving_way(hg_arena scratch, const hg_serving_case *c, const hg_overheads *overheads);

/* Each case that way; as hg_serving_predict_all else. */
void hg_serving_all(hg_serving_way *way, const hg_serving_case *cases, const hg_overheads *const *overheads, size_t n, int threads,
                    hg_serving_figures *out);

/* All of them on `threads` threads (0: all processors); overheads[i] is case i's.  A case with a reason
 * has NAN figures. */
void hg_serving_predict_all(const hg_serving_case *cases, const hg_overheads *const *overheads, size_t n,
                            int threads, hg_serving_figures *out);

/* The origin of its steps' times. */
const char *hg_serving_origin(const hg_serving_case *c);

#endif
