/* A server's Prometheus page (text format 0.0.4) as the few series that a tuner reads, and what two pages say of the time
 * between them. */
#ifndef HG_TUNE_PROMETHEUS_H
#define HG_TUNE_PROMETHEUS_H

#include "tune/adapter.h"

enum { HG_BUCKETS = 64 };

typedef struct hg_buckets {
    size_t count;              /* 0: no histogram of that name */
    double le[HG_BUCKETS];     /* seconds, ascending; the last may be INFINITY */
    double below[HG_BUCKETS];  /* observations at most le, over all labels */
} hg_buckets;

typedef struct hg_scrape {
    double value[HG_SERIES];   /* over all labels; NAN: not there.  Of a histogram: its observations */
    hg_buckets buckets[HG_SERIES];
} hg_scrape;

/* Lines that are none are passed over: pages hold what they like.  Buckets beyond HG_BUCKETS are left out. */
void hg_scrape_read(const hg_adapter *names, const char *text, hg_scrape *out);

/* after − before of a counter; NAN where one does not say, or it went back (a server that began anew). */
double hg_scrape_since(const hg_scrape *before, const hg_scrape *after, hg_scraped which);
/* The p-quantile of what a histogram took in between, linear inside a bucket; NAN: nothing; INFINITY: above the last edge
 * that is a number, nobody knows how far. */
double hg_scrape_quantile(const hg_scrape *before, const hg_scrape *after, hg_scraped which, double p);

/* The last edge that is a number; 0: none. */
double hg_scrape_last_edge(const hg_scrape *s, hg_scraped which);

#endif
