/* Speculative decoding: what proposes tokens, how many of them are accepted, and what it weighs. */
#ifndef HG_SPEC_DRAFT_H
#define HG_SPEC_DRAFT_H

#include "base/data.h"
#include "spec/model.h"

typedef enum hg_draft {
#define DRAFT(id, word, tokens, inputs, aliases, help) HG_DRAFT_##id,
#include "spec/draft.def"
#undef DRAFT
    HG_DRAFTS
} hg_draft;

typedef struct hg_draft_kind {
    const char *word, *aliases, *help; /* aliases: separated by blanks */
    int tokens, inputs;
} hg_draft_kind;

extern const hg_draft_kind hg_draft_table[HG_DRAFTS];

enum { HG_DRAFT_MOST = 64 };   /* tokens proposed a step */

/* By its word or an engine's, in any case of letters.  False: unknown. */
bool hg_draft_parse(const char *word, hg_draft *out);

/* Tokens a step makes on average, the model's own one among them, when each proposal is accepted with
 * probability `acceptance` given that all before it were: Σ acceptance^i for i = 0 … tokens. */
double hg_draft_length(double acceptance, double tokens);
/* The acceptance that makes so many; the inverse, to 1e-12.  `length` is within [1, tokens + 1]. */
double hg_draft_acceptance(double length, double tokens);

/* The published acceptance of data/speculation.json for a kind and number of tokens.  False: there is none,
 * as for n-grams, which the traffic decides; err names the file when it cannot be read. */
typedef struct hg_draft_default {
    double acceptance;
    const char *source;
} hg_draft_default;

bool hg_draft_published(hg_arena *arena, const hg_data *data, hg_draft kind, double tokens, hg_draft_default *out,
                        hg_err *err);

/* What proposes, as a model of few layers that is run once for each token proposed.  `layer` is where the
 * model's layers point when the head is made here: keep the struct where it is. */
typedef struct hg_draft_head {
    hg_model model;
    hg_layer layer;
    double inputs;             /* of its input projection, in hidden widths; 0: none */
    double vocab;              /* tokens its own output layer tells apart */
    bool own_output;           /* it has an output layer of its own; else it uses the model's */
    bool own_embedding;
} hg_draft_head;

/* drafts_with: the small model of HG_DRAFT_MODEL, or the head's own shape, which HG_DRAFT_EAGLE3 may leave
 * NULL.  False: proposing costs nothing. */
bool hg_draft_head_of(const hg_model *m, hg_draft kind, const hg_model *drafts_with, hg_draft_head *out);

#endif
