/* What a plan's search may choose among: whole deployments, and pairs of pools that compute prompts and answers. */
#ifndef HG_API_PLAN_ITEMS_H
#define HG_API_PLAN_ITEMS_H

#include "api/plan_run.h"
#include "eval/bound.h"
#include "eval/scene.h"

#define HG_NO_POOL UINT32_MAX

typedef struct hg_item {
    uint32_t own, prefill;       /* among hg_items.candidates; HG_NO_POOL: own does both */
    int32_t engines, prefill_engines; /* of pools; 0: as the candidate says */
    uint32_t group;              /* its shape, or both pools' */
} hg_item;

typedef struct hg_items {
    const hg_problem *problem;   /* of the first scene: model, engine and device are those of all */
    const hg_scenes *scenes;
    hg_demand *demand;           /* of each scene */
    hg_candidate **candidates;   /* whole ones in the space's order, then prefill pools, then decode pools */
    double **rates;              /* bounds under each scene: of a whole one, or of one engine of a pool */
    uint32_t *shapes, *budgets;  /* the first candidate of the same shape; … and of the same token budget */
    size_t whole, prefills, decodes;
    size_t groups;               /* numbers of groups are below it */
    int64_t total_devices;
    int64_t prefill_engines, decode_engines; /* 0: any */
} hg_items;

/* Makes the deployments of the space ready, and the pools where `pools` says so; refuses into `out` what cannot run. */
void hg_items_make(hg_ask *a, const hg_space *space, const hg_scenes *scenes, bool whole, bool pools, int threads, hg_items *items,
                   hg_plan *out);

/* All whole deployments. */
hg_item *hg_items_whole(hg_arena *arena, const hg_items *items, size_t *count);

/* The pairs of pools whose bound on the score is in [least, below); how many there are in all, and the highest bound. */
hg_item *hg_items_pools(hg_arena *arena, const hg_items *items, double least, double below, size_t *count, size_t *all,
                        double *most);

/* The pairs of one prefill and one decode candidate, in every number of engines that those above come in. */
hg_item *hg_items_pair(hg_arena *arena, const hg_items *items, uint32_t prefill, uint32_t decode, size_t *count);

/* The first of what earlier plans recommended that the space holds.  False: none of it. */
bool hg_items_past(hg_arena scratch, const hg_items *items, const hg_past *past, size_t past_count, hg_item *out);

/* Takes an item out of the list, which may lack it; how many are left. */
size_t hg_items_without(hg_item *list, size_t count, const hg_item *seen);

double hg_item_bound_rate(const hg_items *items, const hg_item *it, size_t scene);
double hg_item_bound_under(const hg_items *items, hg_arena scratch, const hg_item *it, size_t scene); /* of the scene's own score */
double hg_item_bound(const hg_items *items, hg_arena scratch, const hg_item *it);

/* Ready to run; a pair is put together in arena. */
const hg_candidate *hg_item_candidate(hg_arena *arena, const hg_items *items, const hg_item *it);

#endif
