/* An engine's settings: knobs with values, to be written as a command line, a YAML, JSON or INI
 * file, or read from one. */
#ifndef HG_ENGINE_SETTING_H
#define HG_ENGINE_SETTING_H

#include "base/text.h"
#include "engine/knob.h"

typedef struct hg_setting {
    const hg_engine_knob *knob; /* NULL: unknown to the table */
    const char *name;           /* as it is written */
    const char *value;          /* a switch: "true" or "false" */
    int line;                   /* where it was read; 0: not read */
    const char *file;           /* the config file it stands in; NULL: the command line */
} hg_setting;

typedef struct hg_settings {
    hg_arena *arena;
    const hg_engine_knobs *knobs;
    hg_setting *list;
    size_t count, capacity;
    const char *(*env)[2]; /* variables to be set beside, in order: name, value */
    size_t env_count, env_capacity;
    const char *file;    /* that is being read, or NULL */
    const char *missing; /* a word that the engine's version has no knob for; NULL: none */
} hg_settings;

/* By the word of the deployment it carries, or by its key.  A word without a knob in this version
 * is noted in missing. */
void hg_put(hg_settings *s, const char *word, const char *value);
void hg_put_int(hg_settings *s, const char *word, int64_t value);
void hg_put_key(hg_settings *s, const char *key, const char *value);
/* The deployment's value by the engine's name for it (knob.says). */
void hg_put_said(hg_settings *s, const char *word, const char *value);
void hg_put_env(hg_settings *s, const char *name, const char *value);

/* NULL: not set. */
const hg_setting *hg_setting_of_word(const hg_settings *s, const char *word);
/* As it is told the engine: "--max-num-seqs 256", "NAME=0.8" of a variable; NULL: not set. */
const char *hg_setting_told(const hg_settings *s, const char *word);
const hg_setting *hg_setting_of_key(const hg_settings *s, const char *key);

/* " --max-num-seqs 256 --no-x …"; switches that are off as --no-x where the engine has that form,
 * else left out. */
void hg_settings_flags(const hg_settings *s, bool no_form, hg_buf *out);
/* One key a line, nested by dots; JSON values as quoted texts. */
void hg_settings_yaml(const hg_settings *s, hg_buf *out);
/* Nested objects; the path's part ModelConfig is a list of one, as MindIE has it. */
void hg_settings_json(const hg_settings *s, hg_buf *out);
void hg_settings_ini(const hg_settings *s, hg_buf *out);

/* `text` as one word of a POSIX shell; as a YAML text; inside ${…:?…}. */
const char *hg_shell_word(hg_arena *arena, const char *text);
const char *hg_yaml_text(hg_arena *arena, const char *text);
const char *hg_brace_text(hg_arena *arena, const char *text);

#endif
