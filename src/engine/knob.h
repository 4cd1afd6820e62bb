/* An engine's own knobs, by version: data/knobs/ENGINE.json.  Emitters write only what stands
 * there, readers and lint judge by it. */
#ifndef HG_ENGINE_KNOB_H
#define HG_ENGINE_KNOB_H

#include "base/data.h"
#include "spec/device.h"

typedef enum hg_knob_type {
    HG_KNOB_TEXT,
    HG_KNOB_SWITCH,
    HG_KNOB_INT,
    HG_KNOB_REAL,
    HG_KNOB_INTS,
    HG_KNOB_JSON
} hg_knob_type;

typedef struct hg_knob_default { /* the first row that fits the device counts */
    double min_memory_bytes;
    const char *except_device, *value;
} hg_knob_default;

enum { HG_KNOB_NAMES = 6, HG_KNOB_DEFAULTS = 5, HG_KNOB_SAYS = 3 };

typedef struct hg_engine_knob {
    const char *key;                 /* in the config file, nested with dots; NULL: not there */
    const char *flag;                /* on the command line, with its dashes; NULL: not there */
    const char *env;                 /* as an environment variable; may be NULL */
    const char *also[HG_KNOB_NAMES]; /* other spellings of the flag, or of the key */
    hg_knob_type type;
    double lo, hi;        /* of numbers, both allowed */
    const char **choices; /* of texts; a * stands for anything */
    size_t choice_count;
    const char *word;                  /* what of a deployment it carries, or NULL */
    const char *says[HG_KNOB_SAYS][2]; /* a deployment's value and the engine's name for it */
    hg_knob_default defaults[HG_KNOB_DEFAULTS];
    int default_count;
    const char *since,
        *until; /* of the versions listed: the first that has it, the first without */
    const char *renamed_to, *note;
    const char *wrapper; /* "dynamo": of that program around the engine, not of the engine */
} hg_engine_knob;

typedef enum hg_fraction_of { HG_OF_TOTAL, HG_OF_STATIC, HG_OF_FREE } hg_fraction_of;

typedef struct hg_engine_knobs {
    const char *engine, *version; /* the version whose knobs these are */
    const char *program;
    int64_t port; /* the engine listens there unless told otherwise */
    bool strict;  /* the engine refuses a config file with an unknown key */
    hg_fraction_of fraction_of;
    hg_engine_knob *list;
    size_t count;
    const char **environment; /* variables that are known not to be misspelt */
    size_t environment_count;
    const char *(*images)[2]; /* vendor, container image */
    size_t image_count;
} hg_engine_knobs;

/* version NULL: the newest.  *note: NULL, or that another version's table answers. */
bool hg_knobs_open(hg_arena *arena, const hg_data *data, const char *engine, const char *version,
                   hg_engine_knobs *out, const char **note, hg_err *err);

/* By number, part by part: 0.9 is before 0.10. */
int hg_version_compare(const char *a, const char *b);

typedef enum hg_knob_state { HG_KNOB_FITS, HG_KNOB_GONE, HG_KNOB_NOT_YET } hg_knob_state;
hg_knob_state hg_knob_state_of(const hg_engine_knobs *k, const hg_engine_knob *knob);

/* By a flag ("--max-num-seqs", "-tp"), a key of the config file, a variable, or a word of the
 * deployment (in this version only).  NULL: none.  - and _ are the same. */
const hg_engine_knob *hg_knob_flagged(const hg_engine_knobs *k, const char *flag);
const hg_engine_knob *hg_knob_keyed(const hg_engine_knobs *k, const char *key);
const hg_engine_knob *hg_knob_of_env(const hg_engine_knobs *k, const char *name);
const hg_engine_knob *hg_knob_of_word(const hg_engine_knobs *k, const char *word);
/* The name that a slip of at most two letters makes of it, or NULL. */
const char *hg_knob_suggest(hg_arena scratch, const hg_engine_knobs *k, const char *name,
                            bool is_flag);
/* A flag's name, or the key where it has none. */
const char *hg_knob_name(const hg_engine_knob *knob);

/* Whether the engine takes the value; else why not.  value NULL: a switch that is given. */
bool hg_knob_takes(const hg_engine_knob *knob, const char *value, char *why, size_t size);
/* NULL: not known, or decided by the engine when it starts. */
const char *hg_knob_standard(const hg_engine_knob *knob, const hg_device *device);

const char *hg_knob_image(const hg_engine_knobs *k, const char *vendor); /* NULL: none known */

#endif
