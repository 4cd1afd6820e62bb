/* The inside of a batch, shared by what opens it and what runs it. */
#ifndef ENGINE_BATCH_PARTS_H
#define ENGINE_BATCH_PARTS_H

#include "batch.h"

#include <llama.h>

/* A sequence of libllama.  Its first `kept` tokens have their KV there. */
typedef struct slot {
    job *job; /* NULL: free */
    int32_t *tokens;
    int kept;
    long used;  /* the step it was last used in */
    int output; /* of this step: where its logits are; -1: none */
    int taken;  /* of this step: its tokens in it */
} slot;

struct batch {
    const knobs *knobs;
    batch_on_token *on_token;
    struct llama_model *model;
    struct llama_context *llama;
    struct llama_batch step;
    slot *slots;
    job *first, *last; /* the queue */
    bool shares, keeps;
    bool has_prompts; /* the step */
    int vocabulary;
    batch_counts counts;
};

/* Never NULL: a fixture serves nothing without memory. */
void *batch_must(void *p);

#endif
