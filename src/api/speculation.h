/* The words of speculative decoding as a deployment's. */
#ifndef HG_API_SPECULATION_H
#define HG_API_SPECULATION_H

#include "api/verb.h"
#include "eval/evaluate.h"

/* Fills d's draft fields from --speculative, --num-speculative-tokens, --acceptance and --draft-model; off where
 * they are not given.  A kind without a published acceptance wants the word.  The acceptance that was taken is
 * noted with its source, once a question.  False: a->err. */
bool hg_ask_speculation(hg_ask *a, const hg_problem *p, hg_deployment *d);

/* Of the numbers of tokens that --speculative lets plan try, 0 for off among them; at most `most`. */
int hg_ask_draft_counts(hg_ask *a, const hg_problem *p, int64_t *out, int most);

/* Sets another number of tokens in d, which hg_ask_speculation filled: its acceptance is what the words or the
 * publications say of that many.  0 turns it off. */
bool hg_set_draft_tokens(hg_ask *a, int64_t tokens, hg_deployment *d);

#endif
