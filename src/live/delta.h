/* What one chunk of an OpenAI-compatible stream says: one pass over its JSON, nothing copied. */
#ifndef HG_LIVE_DELTA_H
#define HG_LIVE_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hg_piece {
    const char *at;  /* the inside of a JSON string, its escapes as they came; NULL: none */
    size_t size;
} hg_piece;

typedef struct hg_delta {
    /* It brings a token: text, reasoning or a tool call's arguments; or an empty text in a chunk that
     * neither opens (names the role) nor ends the answer, a token whose characters are still to come. */
    bool token;
    bool finished;   /* a finish_reason is given */
    bool has_usage;
    int64_t prompt_tokens, output_tokens, cached_tokens; /* by usage; −1: not said */
    hg_piece text;    /* of the first choice */
    hg_piece error;   /* the message of an error object; size 0 with at set when it has none */
} hg_delta;

/* False: this is no JSON object (RFC 8259). */
bool hg_delta_read(const char *json, size_t size, hg_delta *out);

#endif
