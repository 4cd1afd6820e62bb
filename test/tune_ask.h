/* `heng tune` asked inside a test, and what its store holds. */
#ifndef TEST_TUNE_ASK_H
#define TEST_TUNE_ASK_H

#include "base/text.h"

enum { TUNE_WORDS = 48 };

typedef struct heard {
    hg_buf out, notes, error;
    int code;
} heard;

/* Words "--key", "value", …, NULL: flags have "" as their value. */
heard tune_ask(hg_arena *arena, const char *const *words);

/* The fake server as --launch takes it. */
const char *tune_fake(hg_arena *arena, const char *more);

/* The binary under test. */
const char *tune_heng(void);

typedef struct finished {
    size_t count;
    char *rows[400];
} finished;

/* What the store holds by a statement of one column of texts; read beside a tuner that may be running. */
finished tune_rows(hg_arena *arena, const char *store, const char *sql);

#endif
