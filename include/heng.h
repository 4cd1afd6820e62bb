/* heng 衡: performance models, search and explanation for serving large language models.
 *
 * One entry point: a verb and words in, text or JSON out.  The words are those of the command line
 * and of a YAML scenario (`heng help scenario` lists them with unit, range and default), so every
 * front end, binding and page asks in the same language.  Nothing is kept between questions and the
 * library has no globals: questions may run at once on several threads. */
#ifndef HENG_H
#define HENG_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One word of a question.  key NULL or "": a bare word (a file, a subject).  value NULL: a flag that
 * is given.  where: its place for error messages, "--tp" or "plan.yaml:4: tp"; NULL: the key. */
typedef struct heng_word {
    const char *key, *value, *where;
} heng_word;

/* Where answers go.  Every function may be NULL. */
typedef struct heng_io {
    void *ctx;
    void (*out)(void *ctx, const char *text, size_t size);  /* the answer */
    void (*note)(void *ctx, const char *line);              /* what the user should know beside it */
    void (*progress)(void *ctx, double done_frac, const char *what);
    void (*fail)(void *ctx, const char *where, const char *message); /* once, before returning 1 or 2 */
    const volatile int *stop; /* not 0: finish with what is done so far */
} heng_io;

/* 0 done, 1 the world failed, 2 wrong usage or input, 3 the answer is no. */
int heng_ask(const char *verb, const heng_word *words, size_t count, const heng_io *io);

/* {"verb":"plan","model":"…","tp":[2,4],…} with bare words under "inputs". */
int heng_ask_json(const char *question, const heng_io *io);

/* True when a word is a flag, which takes no value ("--json"). Unknown words: false. */
bool heng_word_is_flag(const char *key);

const char *heng_version(void);

#ifdef __cplusplus
}
#endif
#endif
