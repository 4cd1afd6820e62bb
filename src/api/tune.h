/* `heng tune`: the words as an adapter, knobs, a load and a session; what came of it as text and JSON. */
#ifndef HG_API_TUNE_H
#define HG_API_TUNE_H

#include "api/bench.h"
#include "tune/runner.h"
#include "tune/session.h"
#include "tune/watch.h"

enum { HG_TUNE_MANY = 100000 }; /* trials: as many as fit into --minutes */

typedef struct hg_tune {
    hg_adapter adapter;
    hg_tune_knobs knobs;
    hg_tune_space space;
    hg_bench bench;            /* the load; its address is each server's own */
    hg_aim aim;
    hg_strategy strategy;
    uint64_t seed;
    size_t trials, repeats;
    double seconds;            /* 0: no limit */
    const char *path, *folder; /* the store, and what lies beside it */
    double price_usd_per_s;    /* of one device; 0: not known */
    double took_s, done;       /* of a session's finished trials: in the mean, how many; 0: none */
    double load_s;             /* how long a trial's load lasts, by heng's model in the mean; NAN: it does not say */
    hg_store *store;
    hg_runner runner;
    hg_session_result result;
} hg_tune;

/* The words as a tuning; what cannot be is refused, nothing is launched. */
bool hg_tune_read(hg_ask *a, hg_tune *t);

/* The same for --watch: no load is sent. */
bool hg_tune_read_watch(hg_ask *a, hg_tune *t);

/* What was asked, for the store: words that a session must keep.  And over again: the stored words take the place of those not
 * given; one that is given and differs is refused. */
bool hg_tune_keep(hg_ask *a, hg_tune *t);
bool hg_tune_recall(hg_ask *a, hg_store *store);

/* Ends the servers that an earlier run on this store started and did not live to end. */
bool hg_tune_end_left(hg_ask *a, hg_store *store);

/* heng's own model as the prior: ln of the score of each point, where --model, --device and the knobs' words let it be predicted.
 * Leaves space->prior NULL, with a note, where they do not. */
void hg_tune_prior(hg_ask *a, hg_tune *t);

/* The point of those that may be tried that heng's model finds best under this traffic, if it is better than `now` by more than
 * it can tell; else now.  space->points: it cannot say. */
size_t hg_tune_prior_best(hg_ask *a, hg_tune *t, const hg_traffic *traffic, size_t now, const bool *may);

const char *hg_tune_dry_text(hg_ask *a, const hg_tune *t);
const char *hg_tune_text(hg_ask *a, const hg_tune *t);
const char *hg_tune_json(hg_ask *a, const hg_tune *t);
/* One trial in a line: "threads=2 max-seqs=8: 812 output tokens/s". */
const char *hg_tune_trial_line(hg_arena *arena, const hg_tune *t, const hg_trial *trial);
/* "1 launch each, …": what it will cost, as far as can be told before. */
const char *hg_tune_cost(hg_arena *arena, const hg_tune *t);
/* How long the trials that are left will take, and what that costs. */
typedef struct hg_tune_bill {
    const char *by;            /* what says how long a load lasts; NULL: nothing does, load_s is NAN and most_s INFINITY */
    double trials, load_s, launch_s; /* launch_s: at most */
    double least_s, most_s, devices_least, devices_most, least_usd, most_usd;
} hg_tune_bill;
void hg_tune_bill_of(hg_ask *a, const hg_tune *t, hg_tune_bill *b);
const char *hg_tune_time_text(hg_ask *a, const hg_tune *t, const hg_tune_bill *b);
const char *hg_tune_money_text(hg_ask *a, const hg_tune *t, const hg_tune_bill *b); /* NULL: neither a price nor a device */
const char *hg_tune_dry_json(hg_ask *a, const hg_tune *t);

/* The launch of a point for people. */
const char *hg_tune_launch(hg_arena *arena, const hg_tune *t, size_t point);

/* --watch. */
hg_code hg_tune_watch(hg_ask *a, hg_tune *t);

#endif
