/* What the parts of a plan's search share. */
#ifndef HG_API_PLAN_PARTS_H
#define HG_API_PLAN_PARTS_H

#include "api/plan_items.h"
#include "search/search.h"

enum { HG_POINTS_EACH = 24 };  /* simulations of one item that are remembered for the Pareto front */

/* How full an engine got on both sides of the highest rate that keeps the promise. */
typedef struct hg_edge {
    bool seen;
    double kept_rate, broken_rate;
    int64_t kept_running, broken_running;
} hg_edge;

typedef struct hg_looked {       /* an item that was simulated */
    hg_item item;
    size_t at;                   /* among all that were, in the order they were taken up */
    hg_point best;
    double scores[HG_SCENES_MOST]; /* under each scene; best is under the one that gets the smallest part */
    hg_metrics *under;           /* … and their metrics */
    bool settled;                /* best is of a long run */
    hg_edge edge;
    hg_point *points;            /* HG_POINTS_EACH and HG_SWEEP_LOADS; a list an item: no order of threads shows */
    size_t point_count, runs;    /* runs: simulations so far, also those that are not remembered */
} hg_looked;

typedef struct hg_planner {
    hg_ask *ask;
    const hg_scenes *scenes;
    const hg_goal *goal;         /* the first scene's */
    hg_items items;
    hg_item past;                /* what an earlier plan recommended: looked at before the others, and not again … */
    size_t past_count;           /* … 0: nothing is known */
    size_t best_n;
    double best_score;
    int threads;
    hg_arena *arenas;            /* one a thread */
    hg_looked **looked;          /* in the order they were taken up */
    size_t looked_count, looked_capacity;
    hg_looked **leaders;         /* the best of each group, best first; at most best_n */
    size_t leader_count;
} hg_planner;

/* Scores that the search does not tell apart: there the objective next in turn decides … */
#define HG_PLAN_TIE 0.98
/* … where there is one: then every item within a tie counts, not each shape's best alone. */
bool hg_plan_ties(const hg_planner *w);

/* An item joins those looked at. */
hg_looked *hg_plan_take_up(hg_planner *w, const hg_item *it);
/* Scores it under each scene in turn, until one falls below what it would have to for `floor`. */
void hg_plan_look(hg_planner *w, hg_arena scratch, hg_looked *l, double floor);
/* Its best, from its scores and metrics under each scene. */
void hg_plan_join(const hg_planner *w, const hg_candidate *c, hg_looked *l);

/* The plans shown, each with figures sharp enough to report, ranked by them. */
void hg_plan_take_top(hg_planner *w, size_t top_n, hg_plan *out);
/* What the recommended deployment gets of each scene's own best. */
void hg_plan_take_scenes(hg_planner *w, hg_plan *out);
/* When nothing keeps the promise: the simulated point that came nearest, by the limit missed most. */
void hg_plan_nearest_miss(const hg_planner *w, const hg_problem *p, hg_plan *out);

/* A candidate as it ran: under a given load with engines of another number than its own. */
hg_point hg_point_of(const hg_candidate *c, const hg_metrics *m);

/* The front needs lighter loads too: the best shapes, and the widest engine, at parts of their best rates. */
void hg_plan_sweep(hg_planner *w);

/* From fast users to full devices: a point stays when no faster one also fills the devices better. */
void hg_plan_front(hg_arena *arena, const hg_planner *w, const hg_problem *p, hg_plan *out);

#endif
