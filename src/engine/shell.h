/* For the reader of shells: its state, its variables and what they become where they are named. */
#ifndef HG_ENGINE_SHELL_H
#define HG_ENGINE_SHELL_H

#include "engine/parse.h"

enum { HG_SHELL_VARIABLES = 256, HG_SHELL_HERES = 8, HG_SHELL_LOOPS = 8 };

typedef struct hg_shell_variable {
    const char *name, *value; /* of an array: the first item's */
    hg_shell_item *items;     /* of an array; NULL: a plain variable */
    size_t count;
    bool exported;
} hg_shell_variable;

typedef struct hg_shell_here {
    const char *end;
    bool strip;       /* <<- : leading tabs go */
    const char *path; /* where the command writes it, or NULL */
} hg_shell_here;

typedef struct hg_shell_lexer {
    hg_arena *arena;
    const char *name, *p, *end;
    int line;
    hg_shell *out;
    hg_shell_command now;
    hg_shell_variable variables[HG_SHELL_VARIABLES];
    size_t variable_count, grown;
    hg_shell_here heres[HG_SHELL_HERES];
    size_t here_count, here_first; /* those of the current command begin at here_first */
    int64_t loops[HG_SHELL_LOOPS]; /* how often each open loop runs */
    size_t loop_count;
    hg_err *err;
} hg_shell_lexer;

/* A word being read: what an unquoted variable holds may make several words of it. */
typedef struct hg_shell_word_out {
    hg_shell_item *words;
    size_t count, capacity;
    hg_buf b;
    bool present;  /* the word at hand is one, perhaps empty */
    bool assigns;  /* NAME=…: never split */
    bool vanishes; /* "${a[@]}" of no items: quotes, and yet no word */
    int line;
} hg_shell_word_out;

const hg_shell_variable *hg_shell_find(const hg_shell_lexer *x, const char *name, size_t n);
/* items NULL: a plain variable. */
void hg_shell_set(hg_shell_lexer *x, const char *name, size_t n, const char *value, bool exported);
void hg_shell_set_items(hg_shell_lexer *x, const char *name, size_t n, const hg_shell_item *items,
                        size_t count, bool adds);

/* Letters of a name at p; 0: none. */
size_t hg_shell_name(const char *p, const char *end);
/* "NAME=…" and "NAME+=…": the value; *n the name's length, *adds whether it is +=.  NULL: neither.
 */
const char *hg_shell_assigned(const char *w, size_t *n, bool *adds);

/* Text of the word at hand; what grows beyond all measure is left out. */
void hg_shell_add(hg_shell_lexer *x, hg_shell_word_out *w, const char *s, size_t n);
/* Reads what begins with the dollar at x->p: a variable, ${…} or $(…). */
void hg_shell_dollar(hg_shell_lexer *x, hg_shell_word_out *w, bool quoted);
/* Ends the word at hand. */
void hg_shell_word_end(hg_shell_lexer *x, hg_shell_word_out *w);

/* Opens and closes loops: for x in a b c; while [ 0 -lt 7 ], as its variables stand before it.
 * What cannot be told runs once. */
void hg_shell_loops_follow(hg_shell_lexer *x, const hg_shell_command *c);
/* ((…)): arithmetic is no command; for ((i = 0; i < 8; i++)) opens a loop. */
void hg_shell_arithmetic(hg_shell_lexer *x);
/* How often the open loops run what they hold. */
int64_t hg_shell_times(const hg_shell_lexer *x);

#endif
