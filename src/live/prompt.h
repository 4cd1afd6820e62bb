/* What a request says: prompts of a wanted number of tokens without a tokenizer, as words or as token
 * ids, with the prefixes that the workload's hashes or the question share. */
#ifndef HG_LIVE_PROMPT_H
#define HG_LIVE_PROMPT_H

#include "base/text.h"
#include "spec/workload.h"

typedef enum hg_prompt_kind { HG_PROMPT_WORDS, HG_PROMPT_TOKENS } hg_prompt_kind;
typedef enum hg_usage_kind { HG_USAGE_FINAL, HG_USAGE_EACH, HG_USAGE_NONE } hg_usage_kind;

typedef struct hg_prompts {
    bool chat;                 /* messages for /chat/completions; else a prompt for /completions */
    hg_prompt_kind kind;       /* token ids: not for chat */
    hg_usage_kind usage;
    bool ignore_eos;
    const char *model;
    const char *extra;         /* more fields of the body, ",\"temperature\":0"; "" for none */
    const hg_workload *workload;
    uint64_t seed;
    int64_t shared_tokens;     /* of each prompt's begin, shared in its group; 0: none */
    int64_t groups;            /* ≥ 1 */
    double tokens_per_word;    /* 1 until it was measured */
    double overhead_tokens;    /* what the server adds to any prompt: a chat template, a first token */
} hg_prompts;

/* The new text of request `number` (of the k-th round of the workload's requests), `tokens` long: bare
 * words, or ids with commas. */
void hg_prompt_text(const hg_prompts *p, size_t number, int64_t tokens, hg_buf *out);
/* The group whose prefix the request begins with. */
int64_t hg_prompt_group(const hg_prompts *p, size_t number);
/* A whole body.  history: what the conversation holds so far, messages of a chat or the text of a
 * completion; "" for its first turn. */
void hg_prompt_body(const hg_prompts *p, const char *history, const char *text, int64_t osl, hg_buf *out);
/* Adds a turn to a history: what was asked and the answer, its JSON escapes as they came. */
void hg_prompt_history(const hg_prompts *p, const char *text, const char *answer, hg_buf *history);

#endif
