/* A server under real traffic: its metrics by windows, the drift of its traffic, and one change after the other with the way
 * back.  Scraping and changing are its caller's, so a script can stand for the server. */
#ifndef HG_TUNE_WATCH_H
#define HG_TUNE_WATCH_H

#include "spec/slo.h"
#include "tune/prometheus.h"

typedef enum hg_traffic_of { HG_TRAFFIC_RATE, HG_TRAFFIC_ISL, HG_TRAFFIC_OSL, HG_TRAFFIC_HITS, HG_TRAFFIC_FIGURES } hg_traffic_of;
extern const char *const hg_traffic_names[HG_TRAFFIC_FIGURES]; /* "rate", "prompt tokens", "answer tokens", "hit rate" */

typedef struct hg_traffic { /* between two scrapes */
    double seconds, requests;
    double of[HG_TRAFFIC_FIGURES]; /* NAN: the page does not say */
} hg_traffic;

hg_traffic hg_traffic_between(const hg_scrape *before, const hg_scrape *after, double seconds);

/* Drift, by a cumulative sum in the logarithm each way (Page 1954): slack 15 %, alarm at 50 % summed up beyond it.  A hit rate
 * counts by its difference, doubled. */
typedef struct hg_drift {
    hg_traffic base;           /* what it is held against: the mean of the first windows */
    size_t windows;            /* that made base */
    double up[HG_TRAFFIC_FIGURES], down[HG_TRAFFIC_FIGURES];
} hg_drift;

/* One more window; true: it has drifted, *of is what by.  The drift then begins anew with the window as its base. */
bool hg_drift_tell(hg_drift *d, const hg_traffic *w, hg_traffic_of *of, hg_traffic *from, hg_traffic *to);

typedef enum hg_guard { HG_GUARD_KEPT, HG_GUARD_BROKEN, HG_GUARD_BLIND } hg_guard;
/* What a window says of a promise; BLIND: the page has no histogram for one of its limits, or one that ends below it, or
 * nothing came. */
hg_guard hg_guard_of(const hg_slo *slo, const hg_scrape *before, const hg_scrape *after);

typedef enum hg_look { HG_LOOK_SEEN, HG_LOOK_GONE, HG_LOOK_STOPPED } hg_look;

typedef struct hg_watch {
    const hg_slo *slo;
    size_t now, none;          /* the point it runs at; space->points */
    bool stranded;             /* of the end: a change that was not proved could not be taken back */
    bool apply;
    bool stays;                /* the server outlives the watch: what is not proved by its end is taken back */
    void *ctx;
    hg_look (*scrape)(void *ctx, hg_scrape *out); /* waits for a while, then looks; GONE: no page, more than once */
    double (*seconds)(void *ctx);               /* between the last two looks */
    size_t (*plan)(void *ctx, const hg_traffic *traffic, size_t now); /* a better point for it; `none`, or now: there is none */
    bool (*reach)(void *ctx, size_t point);     /* false: it could not be */
    void (*renewed)(void *ctx);                 /* the server began anew, so what was changed live is not so any more; may be NULL */
    void (*learn)(void *ctx, size_t point, hg_guard how); /* what came of a change, or of the setting that drifted; may be NULL */
    void (*tell)(void *ctx, const char *kind, const char *text); /* "drift", "propose", "apply", "keep", "rollback", "blind", "restart" */
    const char *(*name)(void *ctx, size_t point);
} hg_watch;

/* Until scrape says that it is stopped, or gone with nothing left to take back.  A change stays only when the promise was seen
 * kept: one that breaks it, hides what it limits, lets nothing end any more, or ends the server is taken back. */
void hg_watch_run(hg_arena scratch, hg_watch *w);

#endif
