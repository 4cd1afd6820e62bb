/* What predictions of serving runs are worth to a planner, on measured runs: are configurations put in the right order,
 * and is the one that it would pick among the best? */
#ifndef HG_FIT_PICKS_H
#define HG_FIT_PICKS_H

#include "eval/chance.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hg_pick_row {
    const char *peers;         /* ranked against other configurations of the same peers … */
    uint64_t configuration;
    const char *group;         /* … and picked among the rows of one group */
    double concurrency, osl, devices;
    double ttft_s, tpot_s;     /* measured, above 0 */
    double predicted_ttft_s, predicted_tpot_s; /* NAN: not answered, so never picked and in no pair */
    double margin;             /* a TPOT is predicted to keep a limit when so many times of it does; 1: as it is */
    hg_miss_spread misses;     /* of TPOT where the like was predicted unseen */
} hg_pick_row;

/* Kendall's τ of TPOT over pairs of different configurations with the same peers whose measured TPOT differs by more than
 * 5 %; a pair predicted alike is in neither order. */
typedef struct hg_ranking {
    size_t pairs, concordant, discordant;
    double tau;                /* NAN: no pair */
} hg_ranking;

hg_ranking hg_rank(hg_arena scratch, const hg_pick_row *rows, size_t n);

/* concurrency · osl / (TTFT + (osl − 1) · TPOT) / devices: output tokens a second of one device. */
double hg_pick_throughput(const hg_pick_row *r, double ttft_s, double tpot_s);

typedef enum hg_pick_rule {
    HG_PICK_PREDICTED,         /* most throughput by prediction among rows predicted to keep the limit */
    HG_PICK_WEIGHED,           /* most throughput by prediction times the chance that the limit is kept, given the misses */
} hg_pick_rule;

typedef enum hg_pick_cause {
    HG_PICK_BEST,              /* the best measured, or as good */
    HG_PICK_NONE,              /* nothing is predicted to keep the limit, though something does */
    HG_PICK_BREAKS,            /* what was picked breaks the limit by more than 5 % */
    HG_PICK_SHUT_OUT,          /* the best was predicted to break it */
    HG_PICK_OVERRATED,         /* what was picked was predicted too fast … */
    HG_PICK_UNDERRATED,        /* … or the best too slow, whichever is further off */
} hg_pick_cause;

extern const double hg_pick_limits_s[];
extern const size_t hg_pick_limit_count;
extern const size_t hg_pick_no_row;

typedef struct hg_pick {       /* a (group, limit) where some measured row keeps the limit */
    double limit_s;
    size_t picked, best;       /* rows; hg_pick_no_row: none is predicted to keep it */
    double score;              /* of what was picked over the best measured that keeps it; 0 where it breaks the limit by more
                                  than 5 % or nothing was picked; above 1 where it breaks it by less and serves more */
    hg_pick_cause cause;       /* as HG_PICK_PREDICTED picks */
} hg_pick;

/* Groups of at least four rows, limits rising within each; in *out, which the arena holds. */
size_t hg_picks(hg_arena *arena, const hg_pick_row *rows, size_t n, hg_pick_rule rule, hg_pick **out);

typedef struct hg_picking {
    size_t cases;
    double mean, at_least_half_frac; /* NAN: no case */
    double mean_at_most_one;   /* a score above 1 counted as 1 */
} hg_picking;

hg_picking hg_picking_of(const hg_pick *picks, size_t n);

#endif
