/* What went wrong with the input or the world: on the caller's stack, one line, with a place the
 * user can open and what to write instead.  An answer that is "no" is a result, never an error. */
#ifndef HG_BASE_ERR_H
#define HG_BASE_ERR_H

#include <stdbool.h>

/* The values are the program's exit codes (CLI contract). */
typedef enum hg_code {
    HG_DONE = 0,
    HG_WORLD = 1, /* the world failed: a file cannot be read, memory, a device */
    HG_INPUT = 2, /* wrong usage or input */
    HG_NO = 3,    /* the answer is no; carried by results, listed here so the codes stand once */
} hg_code;

typedef struct hg_err {
    hg_code code;
    char where[192]; /* "config.json: num_hidden_layers", "trace.csv:17: isl", "--tp" */
    char msg[512];
} hg_err;

/* Fills err and returns false, so that `return hg_fail(…)` ends the function. */
bool hg_fail(hg_err *err, hg_code code, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
