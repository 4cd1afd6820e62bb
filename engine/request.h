/* What a client asks for: the body of /v1/completions or /v1/chat/completions, checked. */
#ifndef ENGINE_REQUEST_H
#define ENGINE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIRST_WORD = 259 /* the first token that is a word: gguf's vocabulary */ };

typedef struct request {
    int32_t *prompt; /* token ids */
    int prompt_tokens, max_tokens;
    bool chat, stream;
    bool usage, usage_each; /* of a stream: at its end, in every chunk */
} request;

typedef struct request_limits {
    int vocabulary, context;
} request_limits;

/* False: `why` says what is wrong with it.  The prompt is the caller's to free. */
bool request_read(const char *body, size_t size, bool chat, const request_limits *l, request *out,
                  char *why, size_t why_size);
void request_free(request *r);

/* A token of a word: " w259" is token 259, any other word one of the vocabulary by its hash. */
int32_t request_word(const char *word, size_t n, int vocabulary);

#endif
