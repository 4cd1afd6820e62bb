/* How an engine is launched and asked how it does: data/adapters/NAME.json, or a command of the user's own. */
#ifndef HG_TUNE_ADAPTER_H
#define HG_TUNE_ADAPTER_H

#include "engine/knob.h"
#include "tune/knobs.h"

typedef enum hg_scraped {
#define SERIES(name, meaning) HG_SERIES_##name,
#include "tune/series.def"
#undef SERIES
    HG_SERIES
} hg_scraped;

extern const char *const hg_scraped_names[HG_SERIES];

enum { HG_SERIES_NAMES = 4 };

typedef struct hg_adapter {
    const char *name, *title;
    const char **launch;       /* words with {port}, {model} and {KNOB} in them */
    size_t launch_count;
    bool has_table;            /* knobs are flags of the table */
    bool placed;               /* knobs stand in the launch by {NAME}; else they follow it as flags */
    hg_engine_knobs table;
    const char *model;         /* in place of {model} */
    const char *modelled_as;   /* the engine whose scheduler in the simulator is like its own; NULL: its own name */
    const char *health, *metrics; /* paths; metrics NULL: none is known */
    const char **memory;       /* what its log says when memory runs out */
    size_t memory_count;
    const char *series[HG_SERIES][HG_SERIES_NAMES]; /* the names it may have, the first found counts */
    const char *(*defaults)[2], *(*carries)[2]; /* a knob and its default, or the deployment's word it sets */
    size_t default_count, carries_count;
    const char *(*means)[3];   /* a knob, a value of it, and that in the word's terms */
    size_t means_count;
    const char *metrics_want;  /* what switches the metrics on, where the launch does not; NULL: nothing need */
} hg_adapter;

/* An adapter of data/adapters by name.  version: of the engine's knob table, NULL: the newest; *note as hg_knobs_open's. */
bool hg_adapter_open(hg_arena *arena, const hg_data *data, const char *name, const char *version, hg_adapter *out, const char **note,
                     hg_err *err);
/* A command of the user's own, "CMD --port {port} --threads {threads}"; words as a shell would split them, but no shell
 * runs.  a: an adapter whose metrics and signs hold, or all zero. */
bool hg_adapter_command(hg_arena *arena, const char *command, const char *where, hg_adapter *a, hg_err *err);
/* More words at the end of every launch. */
bool hg_adapter_more(hg_arena *arena, const char *words, const char *where, hg_adapter *a, hg_err *err);

/* Whether the engine takes these knobs and values as far as can be told without starting it. */
bool hg_adapter_takes(hg_arena scratch, const hg_adapter *a, const hg_tune_knobs *k, const char *where, hg_err *err);

/* The engine's own value of a knob (on the device; NULL: where that is the same on all), and the word of a deployment that it
 * sets; NULL: not known, none. */
const char *hg_adapter_default(const hg_adapter *a, const char *knob, const hg_device *device);
const char *hg_adapter_carries(const hg_adapter *a, const char *knob);
/* A value of the knob in the terms of that word: itself where the adapter does not say; NULL: the word has none for it; {NAME}:
 * whatever that knob is set to. */
const char *hg_adapter_means(const hg_adapter *a, const char *knob, const char *value);

/* The words of one launch, ended by NULL. */
const char **hg_adapter_argv(hg_arena *arena, const hg_adapter *a, const hg_tune_knobs *k, const hg_tune_space *s, size_t point, int port);
/* The same for people. */
const char *hg_adapter_text(hg_arena *arena, const char *const *argv);

#endif
