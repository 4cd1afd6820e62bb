/* One engine (one dp rank): its waiting and running requests, its KV pool and its lanes, and the
 * moves a scheduler may make between them.  Schedulers decide, the loop in sim.c lets time pass. */
#ifndef HG_SIM_INSTANCE_H
#define HG_SIM_INSTANCE_H

#include "sim/kv.h"
#include "sim/lane.h"
#include "sim/prefix.h"

typedef struct hg_instance {
    hg_arena *arena;
    hg_seqs *seqs;
    hg_sched_config config;
    hg_kv kv;
    hg_prefix prefix;
    hg_list waiting;
    hg_list arrived, seen; /* async: came during the step under way; before it began */
    hg_list running;       /* in order of admission: the last is the first to be preempted */
    int32_t partial;       /* the running one whose prompt is not wholly scheduled, or HG_NO_SEQ */
    hg_lane *lanes;
    int32_t lane_count;
    int64_t admissions, preemptions;
    int64_t unlooked_steps; /* SGLang: decode steps since it last looked for requests */
    int64_t held_steps;    /* TensorRT-LLM: steps for which prompts were made to wait */
    double reserve_frac;   /* SGLang: of the tokens still to come, the part that room is kept for … */
    int64_t reserve_step;  /* … at this step of the lane; it falls from there */
    int64_t outstanding;   /* waiting and running */
    int64_t most_running;  /* so far */
    int64_t stage_free_ns, last_end_ns; /* pipeline: when the first stage and the last one are free */
    int64_t now_ns;
    int64_t prompt_tokens, prefix_hit_tokens; /* over first admissions */
    double waste_s;        /* MindIE: what slots that stayed empty beside waiting requests have wasted */
    int64_t promised;      /* blocks that running ones may come to need, where a scheduler counts them */
    const struct hg_scheduler *scheduler;
    hg_oracle oracle;
    bool hands_over;       /* a prefill pool's: a request leaves with its prompt complete */
    int32_t index;
    int32_t group, group_size; /* the first of those that step together, and how many they are */
    bool holds;            /* prompts wait for those of the other ranks */
    bool joins;            /* has something to run in the group's step */
    double first_s, slope_s; /* of the run planned: the first step's time and what each more adds */
    int64_t balance_steps; /* on a group's first: steps that prompts of some ranks have waited */
    bool starved;          /* … and whether a rank had no decodes then */
    bool touched;          /* something happened at now_ns: a step may start */
} hg_instance;

typedef struct hg_scheduler {
    const char *name, *help;
    /* Decides the lane's next step into plan (emptied before): moves requests, takes the KV blocks
     * of this step.  False: nothing to run. */
    bool (*plan)(hg_instance *in, hg_lane *lane, hg_plan *plan);
    /* Could a request that arrives now be scheduled before a decode finishes?  Asked during a run;
     * yes is always safe, it only costs an event. */
    bool (*may_admit)(const hg_instance *in);
    /* Could this request never run, whatever the others do? */
    bool (*rejects)(const hg_instance *in, int64_t isl, int64_t osl);
    /* One of the running leaves for good; NULL: nothing to note. */
    void (*finished)(hg_instance *in, const hg_seq *s);
} hg_scheduler;

const hg_scheduler *hg_scheduler_find(const char *name); /* NULL: unknown */

void hg_instance_open(hg_instance *in, hg_arena *arena, hg_seqs *seqs, const hg_sched_config *config,
                      const hg_workload *workload, int32_t index);

/* A request has come. */
void hg_instance_receive(hg_instance *in, int32_t seq);
/* What the scheduler sees when it decides the next step: all that has come, or, where steps are
 * decided while the one before runs, what had come when that began.  `lane` still has the last step. */
void hg_instance_look(hg_instance *in, const hg_lane *lane);

/* Tokens a (re)admission must compute: the prompt, and after a preemption what was generated. */
static inline int64_t hg_target_tokens(const hg_seq *s)
{
    return (int64_t)s->isl + s->generated;
}

/* Tokens of the output that are made here. */
static inline int32_t hg_output_here(const hg_instance *in, const hg_seq *s)
{
    return in->hands_over ? 1 : s->osl;
}

/* Whether prompts wait this step for those of other ranks (TensorRT-LLM's attention-DP balancing): until
 * every rank has one, a rank runs out of decodes, or balance_steps have gone by. */
void hg_group_balance(hg_instance *group);

/* KV blocks of its own that a sequence not among decodes holds; shared ones belong to the cache. */
int64_t hg_instance_own_blocks(const hg_instance *in, const hg_seq *s);

/* The head of waiting goes to the tail of running.  Its prefix hit, if any, is held from now on. */
int32_t hg_instance_admit(hg_instance *in, int64_t hit_tokens);
/* Adds `tokens` more of its prompt to the plan and takes their blocks (the caller knows they fit). */
void hg_instance_chunk(hg_instance *in, hg_plan *plan, int32_t seq, int64_t tokens);
/* Blocks that the lane's decodes lack for their next step, drafts to be verified among its tokens; and the taking of
 * them, when there are as many. */
int64_t hg_instance_decode_blocks(const hg_instance *in, const hg_lane *lane);
void hg_instance_take_decode(hg_instance *in, hg_lane *lane, int64_t blocks);
/* Tokens of a step that a decode fills. */
static inline int64_t hg_decode_tokens(const hg_instance *in)
{
    return 1 + in->config.draft_tokens;
}
/* Blocks that `tokens` more would take. */
int64_t hg_instance_chunk_blocks(const hg_instance *in, int32_t seq, int64_t tokens);
/* The head of waiting, its KV computed elsewhere, joins the lane's decodes: its first token is out. */
void hg_instance_take_over(hg_instance *in, hg_lane *lane);
/* The one to be preempted for the lane: of its decodes and the partial prompt the last admitted.  There is one
 * while a decode of the lane needs a block; those of other lanes may be under way. */
int32_t hg_instance_last_admitted(const hg_instance *in, const hg_lane *lane);
/* Frees all its KV and puts it at the front of waiting: it will recompute prompt and output. */
void hg_instance_preempt(hg_instance *in, int32_t seq);
/* It made its last token. */
void hg_instance_finish(hg_instance *in, int32_t seq);

#endif
