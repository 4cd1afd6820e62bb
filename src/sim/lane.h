/* A lane: the sequences that decode together, step after step.  One lane an instance, or one for
 * each pipeline stage.
 *
 * All decodes of a lane advance by one token a step, so nothing is kept per sequence and step:
 * a sequence notes the lane's step when it joins, the sums move with the lane, the finish heap is
 * keyed by the step at which a sequence will be done, and whether it needs a KV block at some step
 * depends only on its phase, (tokens − step) mod block_tokens, which never changes.
 *
 * With speculative decoding decodes advance by what of their drafts is accepted: each sequence is visited at
 * every step, notes what it made beyond a token a step, and stands in the heap without an end until it has one. */
#ifndef HG_SIM_LANE_H
#define HG_SIM_LANE_H

#include "sim/seq.h"
#include "sim/sim.h"

enum { HG_RUN_STEPS = 64 };

typedef struct hg_finish {
    int64_t step, admitted; /* done when the lane reaches step; ties in order of admission */
    int32_t seq;
} hg_finish;

/* Sequences whose last token came at the same time; one group unless a scheduler pauses decodes. */
typedef struct hg_cohort {
    int64_t last_token_ns;
    int64_t counted;
} hg_cohort;

/* What a scheduler decides for one step. */
typedef struct hg_plan {
    bool decode;         /* all decodes of the lane take part */
    bool steady;         /* no chunks, and nobody waiting can get in before a decode finishes */
    hg_chunk *chunks;
    int32_t *seqs;       /* whose chunk it is */
    size_t count, capacity, seqs_capacity;
    int64_t tokens;      /* of the chunks */
} hg_plan;

typedef struct hg_lane {
    int64_t step;        /* decode steps done: the clock of joins and finishes */
    int32_t drafts;      /* tokens proposed a decode and step */
    int32_t decodes;
    int64_t context;     /* Σ tokens in the KV cache of the decodes, before the next step */
    int64_t *phase;      /* [block_tokens] decodes by phase */
    hg_finish *heap;
    size_t heap_count, heap_capacity;
    hg_cohort *cohorts;
    size_t cohort_count, cohort_capacity;
    /* Under way: one step of `plan`, or a run of the same decodes. */
    bool busy;
    hg_plan plan;
    int64_t start_ns, end_ns;
    int32_t steps, decodes_in_step;
    int64_t step_ns[HG_RUN_STEPS];
} hg_lane;

void hg_lane_open(hg_lane *lane, hg_arena *arena, int32_t block_tokens);

/* The sequence's prompt is complete and a token out at now_ns; more are to come. */
void hg_lane_join(hg_lane *lane, hg_arena *arena, hg_seqs *seqs, int32_t seq, int32_t lane_index,
                  int32_t block_tokens, int64_t now_ns);
/* Takes it out and brings its computed, generated and last_token_ns up to date. */
void hg_lane_leave(hg_lane *lane, hg_seqs *seqs, int32_t seq, int32_t block_tokens);

/* A step of drafting decodes: each makes a token, and more by chance, but no more than its output has left; those
 * at their end come to the heap's top, in order of admission.  Returns the tokens made; *accepted grows by the
 * drafts drawn. */
int64_t hg_lane_advance_drafts(hg_lane *lane, hg_seqs *seqs, double acceptance, int64_t *accepted);

/* Tokens of s that are in the KV cache before the lane's next step. */
static inline int64_t hg_lane_tokens(const hg_lane *lane, const hg_seq *s)
{
    return s->computed + (lane->step - s->join_step) + s->extra;
}

/* KV blocks that the decodes need before the step `ahead` steps from the next one. */
static inline int64_t hg_lane_blocks_needed(const hg_lane *lane, int32_t ahead, int32_t block_tokens)
{
    int64_t step = (lane->step + ahead) % block_tokens;
    return lane->phase[step ? block_tokens - step : 0];
}

#endif
