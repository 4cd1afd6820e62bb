/* One load on one live endpoint: every request of the schedule sent, every answer recorded. */
#ifndef HG_LIVE_LIVE_H
#define HG_LIVE_LIVE_H

#include "live/prompt.h"
#include "live/schedule.h"
#include "live/stream.h"

typedef struct hg_live_now {
    double done_frac;          /* of the requests or the duration, whichever is further */
    double elapsed_s;
    double sent_per_s;
    int64_t under_way, complete, failed;
    double ttft_p50_s, ttft_p99_s; /* so far; NAN before the first */
} hg_live_now;

/* Who looks on; every function may be NULL. */
typedef struct hg_live_watch {
    void *ctx;
    bool (*stopped)(void *ctx);                        /* true: send no more, drop what is under way */
    void (*progress)(void *ctx, const hg_live_now *now); /* a few times a second */
    void (*event)(void *ctx, const char *json, size_t size, int64_t at_ns); /* each event, as received */
} hg_live_watch;

typedef struct hg_live_run {
    hg_live_record *records;   /* in the order of sending; every request that was sent is here */
    size_t count;
    size_t unsent;             /* left out because the run was stopped or the server gone; of those with a number */
    double begin_unix_s;
    double sending_s;          /* when the last one should have been sent */
    double duration_s;         /* up to the end of the last exchange */
    int64_t events;            /* of all streams */
    bool stopped, gave_up;     /* by the watch; because nothing could connect any more */
} hg_live_run;

/* Blocks until all is done.  timeout_s: a request that hears nothing for so long has failed. */
void hg_live_run_load(hg_arena *arena, hg_client *client, const char *path, const hg_prompts *prompts,
                      const hg_live_load *load, double timeout_s, const hg_live_watch *watch, hg_live_run *out);

/* One GET outside any run, given up when the watch says so.  The body as text (cut at 1 MiB) in the arena. */
typedef struct hg_live_reply {
    hg_fault fault;
    const char *why;           /* of a failed one */
    int status;                /* of HTTP */
    const char *text;
} hg_live_reply;

hg_live_reply hg_live_get(hg_arena *arena, hg_client *client, const char *path, double timeout_s, const hg_live_watch *watch);

/* The same with a JSON body. */
hg_live_reply hg_live_post(hg_arena *arena, hg_client *client, const char *path, const char *body, double timeout_s,
                           const hg_live_watch *watch);

/* One prompt of so many units (words, or ids) and one answer of `osl` tokens. */
hg_live_record hg_live_ask(hg_arena *arena, hg_client *client, const char *path, const hg_prompts *prompts,
                           int64_t units, int64_t osl, double timeout_s, const hg_live_watch *watch);

#endif
