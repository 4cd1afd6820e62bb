/* One engine step: model × deployment × batch to a list of operators, and their time.
 *
 * A step is prepared once a deployment: every operator's rate is chosen and its shape filled in but
 * for the batch.  After that a call only evaluates surfaces. */
#ifndef HG_COST_STEP_H
#define HG_COST_STEP_H

#include "cost/rates.h"
#include "spec/deployment.h"
#include "spec/engine.h"
#include "spec/model.h"

/* A batch as the operators see it: sums over its sequences, on one data-parallel rank. */
typedef struct hg_step_batch {
    double chunks;             /* prompts with tokens in this step */
    double chunk_tokens;       /* Σ n, their new tokens */
    double chunk_area;         /* Σ n·(c + n/2): query-key pairs, c tokens cached before */
    double decodes;            /* sequences that make one token each */
    double decode_context;     /* Σ of the tokens each attends to */
    double emits;              /* sequences that get a token from this step */
    double drafted;            /* Σ over decodes of the speculated tokens they verify besides */
    double mean_tokens;        /* of the step over the engine's dp ranks; 0: as many as this one's */
} hg_step_batch;

typedef enum hg_role {
    HG_PER_TOKEN,              /* a dimension grows with all tokens of the step */
    HG_PER_RANKS_TOKEN,        /* … of all dp ranks, which meet here; … while these are few a rank, or many */
    HG_PER_RANKS_FEW,
    HG_PER_RANKS_MANY,
    HG_PER_EMIT,               /* … with the sequences that emit */
    HG_PER_PROMPT_TOKEN,       /* … with the new tokens of prompts only */
    HG_PER_PROMPT_KEY,         /* … with the tokens that prompts attend to, cached ones too */
    HG_PER_DECODE,             /* … with the sequences that make one token each */
    HG_PER_DRAFT,              /* … with those, once for each token proposed: the proposer's logits */
    HG_PREFILL_ATTENTION,
    HG_DECODE_ATTENTION,
    HG_HOST,                   /* an overhead, in seconds */
    HG_LAUNCH,                 /* what a step outside the graphs waits for the host's launches */
} hg_role;

struct hg_step;

typedef struct hg_step_item {
    const char *name;          /* "qkv projection", "all-reduce", "host: scheduling" */
    hg_role role;
    double repeat;             /* calls a step */
    bool drafts;               /* of what proposes tokens: it sees all of the step once, and then the decodes
                                  alone for every further token proposed */
    hg_rate rate;
    hg_shape shape;
    int dim;                   /* the dimension the batch fills: tokens, or attention's batch_size */
    int dim_new, dim_cached;   /* attention: isl and step; a linear mixer caches a state: HG_NO_DIM */
    hg_rate less[2];           /* what a product's table timed besides and this engine fuses away: by m and k */
    int less_count, less_k;    /* less_k: the product's dimension that is the passes' k */
    double less_s;             /* a call: host time that the table timed and a captured graph does not spend */
    bool beside;               /* on a stream of its own beside longer kernels: of its time only the roofline's counts */
    double scale;              /* the dimension's value a token (or emit) */
    double ratio;              /* the engine's kernel over the tables'; 0: the same */
    double host_s;             /* HG_HOST: seconds per occasion */
    double (*occasions)(const hg_step_batch *b, const struct hg_step *s); /* HG_HOST: how many in a step */
} hg_step_item;

enum { HG_STEP_ITEMS = 128, HG_NO_DIM = -1 };

typedef struct hg_step {
    hg_step_item items[HG_STEP_ITEMS];
    int count;
    double layers;
    int64_t graph_tokens, prompt_graph_tokens; /* the largest batch in a captured graph, without and with prompts */
    double launches, launch_s; /* of device operators in a step, and what the host takes for one */
    int64_t tp, pp, dp;
    double draft_tokens;       /* proposed a decode and step */
    bool meets;                /* dp ranks meet at experts: their steps begin and end together */
} hg_step;

/* False: the model holds something that cannot be priced yet; err names it. */
bool hg_step_prepare(const hg_model *m, const hg_deployment *d, const hg_engine *e, const hg_rates *r,
                     hg_step *out, hg_err *err);

/* Do both take the same time for every batch? */
bool hg_step_same(const hg_step *a, const hg_step *b);

/* Seconds from the step's start to its end, through all pipeline stages. */
double hg_step_seconds(const hg_step *s, const hg_step_batch *b);

/* The same, cut for re-use: what depends on the token count, on the emits, on the decodes (each with so
 * many drafted tokens), and attention with all that tells prompts from single tokens. What proposes tokens is
 * in them: its first pass with the tokens and the attention, the further ones with the decodes and theirs. */
double hg_step_tokens_seconds(const hg_step *s, double tokens);
double hg_step_ranks_seconds(const hg_step *s, double mean_tokens); /* where dp ranks meet, at so many a rank */
double hg_step_emits_seconds(const hg_step *s, double emits);
double hg_step_decodes_seconds(const hg_step *s, double decodes, double drafted_each);
double hg_step_attention_seconds(const hg_step *s, const hg_step_batch *b);
double hg_step_host_seconds(const hg_step *s, const hg_step_batch *b);
/* How long a step whose operators take device_s waits for launches: nothing inside captured graphs. */
double hg_step_launch_seconds(const hg_step *s, const hg_step_batch *b, double device_s);

/* How much of the batch an item sees: tokens, emits, decodes … by its role; 0 for the host's. */
double hg_step_item_amount(const hg_step *s, int item, const hg_step_batch *b);

/* One item's part: its time with interval, bound and origin, and its work over all repeats. */
hg_time hg_step_item_time(const hg_step *s, int item, const hg_step_batch *b, hg_work *work);

#endif
