/* What people already run, read: a shell's launch lines (with config files they name or write), a
 * Kubernetes manifest or an engine's own config file, into its settings and a deployment's words.
 * Nothing is run; what is not known is kept and named. */
#ifndef HG_ENGINE_PARSE_H
#define HG_ENGINE_PARSE_H

#include "engine/setting.h"
#include "spec/deployment.h"

typedef struct hg_launch_text {
    hg_engine_knobs *knobs;
    hg_settings
        settings; /* in the order in which the engine takes them: later ones go before earlier */
    const char *model; /* NULL: not said */
    int line;          /* of the command */
    bool from_command; /* else a config file alone */
    int64_t servers;   /* commands of this engine, those that only join other nodes not counted */
    int64_t ranks;     /* data-parallel ranks of all of them together */
    double cpus;       /* that it may use: docker --cpus, --cpuset-cpus, taskset -c; 0: not said */
    int64_t devices;   /* that one server may use: …VISIBLE_DEVICES, docker --gpus; 0: not said */
    const char *devices_by; /* what says so */
    const char *wrapper;    /* "dynamo": the engine's flags behind a program with some of its own */
    const char *unread;     /* a config file that it names and that is not there; NULL: none */
    const char *script;     /* where it stands, when not in the text itself; else NULL */
    const hg_engine_knobs *others; /* of the other engines, when a setting is unknown here */
    size_t other_count;
} hg_launch_text;

typedef struct hg_launch_texts {
    hg_launch_text *list;
    size_t count, capacity;
    const char *note; /* another version's knob table answers; NULL: not so */
    const char
        *aside; /* what is started beside engines, "a benchmark client"; NULL: nothing known */
} hg_launch_texts;

/* Scripts that a script starts and that are there are read too.
 * engine NULL: told by the text itself.  version NULL: a container image's, else the one at the
 * text's head ("# vllm 0.9"), else the newest.  `name` is the file's path (config files are looked
 * for beside it) or a word for messages.  False with a place: nothing
 * there that starts an engine; then aside says what it starts instead, if that is known. */
bool hg_launch_read(hg_arena *arena, const hg_data *data, const char *name, const char *text,
                    size_t size, const char *engine, const char *version, hg_launch_texts *out,
                    hg_err *err);

/* ---- as a deployment ---- */

enum { HG_SAID_WORDS = 24, HG_COUNT_MOST = 2000000000, HG_LAUNCHES_MOST = 1000000 };

/* What a launch says of a deployment: a word ("tp", "max_num_seqs" …) and its value. */
typedef struct hg_said {
    const char *word, *value;
    int line;
} hg_said;

typedef struct hg_said_words {
    hg_said list[HG_SAID_WORDS];
    size_t count;
    double told_fraction; /* of memory, in the engine's own meaning; 0: not said */
    double spare_bytes;   /* llama.cpp: left free on each device; 0: not said */
    int fraction_line;
} hg_said_words;

void hg_launch_words(hg_arena *arena, const hg_launch_text *t, hg_said_words *out);
/* NULL: not said. */
const char *hg_said_value(const hg_said_words *w, const char *word);
int64_t hg_said_int(const hg_said_words *w, const char *word, int64_t otherwise);
/* Sets the fields that are said, but for the fraction of memory: that needs a ledger (fraction.h).
 */
void hg_said_apply(const hg_said_words *w, hg_deployment *d);

/* ---- parts ---- */

/* A count as engines' parsers read it: 8k is 8000, 8K is 8192.  False: no number. */
bool hg_parse_count(const char *text, int64_t *out);

typedef struct hg_shell_item {
    const char *s;
    int line;
} hg_shell_item;

typedef struct hg_shell_command {
    hg_shell_item *words;
    size_t count, capacity;
    const char *(*env)[2]; /* set for it: exported before, or on its line */
    size_t env_count;
    int64_t times; /* how many of it run beside each other: in a loop that does not wait for it */
} hg_shell_command;

/* The engine that a command starts, by itself, as a module of Python or as a container's entry
 * point; first: its first argument. */
typedef struct hg_program {
    const char *engine;
    size_t first;
    const char *wrapper; /* "dynamo", or NULL */
} hg_program;

bool hg_program_find(const hg_shell_command *c, hg_program *out);
bool hg_is_container(const hg_shell_command *c);
/* Processors that docker run, taskset or numactl leave it; 0: not said.  before: the first word
 * that is the engine's. */
double hg_command_cpus(const hg_shell_command *c, size_t before);

typedef struct hg_shell_file { /* written by a here-document */
    const char *path, *text;
} hg_shell_file;

typedef struct hg_shell {
    hg_shell_command *commands;
    size_t count, capacity;
    hg_shell_file *files;
    size_t file_count, file_capacity;
} hg_shell;

/* POSIX quoting, continuations, comments, assignments and ${…} of variables set before, bash's
 * arrays; what is not quoted is split into words.  $(…) stays as it is, conditions are not judged:
 * what stands in a branch is taken. */
bool hg_shell_read(hg_arena *arena, const char *name, const char *text, size_t size, hg_shell *out,
                   hg_err *err);

bool hg_shell_has_word(const hg_shell_command *c, const char *one, const char *other);

/* Arguments of the engine's program; words[0] is the first of them. */
void hg_parse_flags(hg_settings *s, const hg_shell_item *words, size_t count, const char **model);
/* YAML or JSON (arrays of one object are that object), or INI. */
bool hg_parse_yaml(hg_settings *s, const char *name, const char *text, size_t size, hg_err *err);
void hg_parse_ini(hg_settings *s, const char *text);

#endif
