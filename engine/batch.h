/* The engine: a queue in order of arrival, sequences of libllama as slots, and steps that hold a
 * token of each running answer and, up to the token budget, pieces of prompts. */
#ifndef ENGINE_BATCH_H
#define ENGINE_BATCH_H

#include "base/err.h"
#include "knobs.h"
#include "request.h"

typedef struct job {
    request ask;
    void *ctx;    /* of whoever hears of its tokens */
    long number;  /* in order of arrival */
    int cached;   /* tokens of the prompt whose KV was there */
    int computed; /* tokens whose KV is there */
    int generated;
    int32_t *answer; /* ask.max_tokens of them */
    double arrived_s;
    struct job *next; /* in the queue */
} job;

/* Of a job's new token, the last in job->answer; failed: the job ended without its answer.  A job
 * is gone after its last token or its failure. */
typedef void batch_on_token(job *j, bool failed);

typedef struct batch_counts {
    long requests, cancelled, failed, steps, evictions;
    long prompt_tokens, cached_tokens, computed_tokens,
        answer_tokens; /* computed: by steps, prompts and answers */
    double step_s, queue_s;
    int running, waiting;
    int kv_used, kv_capacity; /* tokens: reserved by running requests and kept of ended ones */
} batch_counts;

typedef struct batch batch;

/* Loads the model; NULL with err: it cannot be loaded, or not with these knobs. */
batch *batch_open(const knobs *k, batch_on_token *on_token, hg_err *err);
void batch_close(batch *b);
int batch_vocabulary(const batch *b);

/* The request's prompt is the batch's from here on. */
job *batch_add(batch *b, const request *ask, void *ctx);
void batch_cancel(batch *b, job *j);
/* One step; nothing when there is nothing to do. */
void batch_step(batch *b);
bool batch_is_idle(const batch *b);
batch_counts batch_counted(const batch *b);

#endif
