/* The order of trials: baseline first, then what the strategy asks for, then the winner and the baseline in turns, so that a
 * machine that drifts drifts under both; the baseline is last.  What is stored decides how it goes on: a session that was killed takes up
 * where its last finished trial ended. */
#ifndef HG_TUNE_SESSION_H
#define HG_TUNE_SESSION_H

#include "tune/knobs.h"
#include "tune/store.h"

typedef struct hg_session {
    const hg_tune_knobs *knobs;
    const hg_tune_space *space;
    hg_strategy strategy;
    hg_aim objective;
    uint64_t seed;
    size_t trials;             /* at most, over all runs of the session; at least hg_session_least */
    double seconds;            /* of trials in all, about; 0: no limit */
    size_t repeats;            /* of winner and baseline in the end, ≥ 1 */
    hg_store *store;
    void *ctx;
    /* Fills outcome, why, log and figures of a trial that has begun.  False: no trial can go on. */
    bool (*try)(void *ctx, double best, hg_trial *t, hg_err *err);
    bool (*stopped)(void *ctx);
    void (*began)(void *ctx, const hg_trial *t, size_t done, size_t of);
    void (*ended)(void *ctx, const hg_trial *t);
} hg_session;

typedef enum hg_session_end {
    HG_SESSION_DONE,
    HG_SESSION_STOPPED,        /* by the user: --resume goes on */
    HG_SESSION_ALIKE           /* the first trials failed, none was measured */
} hg_session_end;

typedef struct hg_session_result {
    hg_trial *trials;          /* all finished ones, in order */
    size_t count, capacity;
    size_t baseline, winner;   /* points; winner == space->points: nothing was good */
    double baseline_score, winner_score; /* means of the last turns; NAN: none */
    double *pairs;             /* ln(winner / baseline) of each turn that both were measured in */
    size_t pair_count;
    double gain_frac;          /* exp of the pairs' mean − 1; NAN: none */
    bool confirmed;            /* the winner was better in every turn, and every turn was measured */
    size_t lost;               /* trials that were under way when an earlier run ended */
    hg_session_end end;
} hg_session_result;

/* Fewer trials cannot be: baseline, one other, and the turns. */
static inline size_t hg_session_least(size_t repeats) { return 2 + 2 * repeats; }

bool hg_session_run(hg_arena *arena, const hg_session *s, hg_session_result *out, hg_err *err);

#endif
