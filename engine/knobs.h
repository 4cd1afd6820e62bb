/* What the server was told on its command line. */
#ifndef ENGINE_KNOBS_H
#define ENGINE_KNOBS_H

#include "base/err.h"

#include <stdio.h>

typedef struct knobs {
    const char *model; /* a GGUF file */
    bool help;
#define INT(field, flag, otherwise, least, most, text) int field;
#define CHOICE(field, flag, otherwise, choices, text) const char *field;
#include "knobs.def"
#undef INT
#undef CHOICE
} knobs;

/* Zeros that mean "as another" are resolved.  False: a flag or a combination that would not run as
 * said. */
bool knobs_read(int argc, char **argv, knobs *k, hg_err *err);
void knobs_help(FILE *out);

#endif
