#include "api/verb.h"

#include "base/file.h"
#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const hg_verb *const hg_verbs[] = {
#define VERB(name) &hg_verb_##name,
#include "api/verbs.def"
#undef VERB
};
const int hg_verb_count = sizeof hg_verbs / sizeof *hg_verbs;

hg_code hg_answer(hg_ask *a, const char *text, size_t size)
{
    if (a->s.output.s) {
        bool ok = hg_file_write(a->s.output.s, text, size, a->s.force.v, &a->err);
        return ok ? HG_DONE : a->err.code;
    }
    if (a->io->out)
        a->io->out(a->io->ctx, text, size);
    return HG_DONE;
}

void hg_note(hg_ask *a, const char *line)
{
    if (line && a->io->note && !a->s.quiet.v)
        a->io->note(a->io->ctx, line);
}

void hg_progress(hg_ask *a, double done_frac, const char *what)
{
    if (a->io->progress && !a->s.quiet.v)
        a->io->progress(a->io->ctx, done_frac, what);
}

bool hg_stopped(const hg_ask *a)
{
    return a->io->stop && *a->io->stop;
}

hg_code hg_refuse(hg_ask *a, const char *where, const char *fmt, ...)
{
    char msg[sizeof a->err.msg];
    va_list args;
    va_start(args, fmt);
    vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    hg_fail(&a->err, HG_INPUT, where, "%s", msg);
    return HG_INPUT;
}

static const hg_verb *find_verb(hg_ask *a, const char *name)
{
    const char *names[64];
    for (int i = 0; i < hg_verb_count; i++) {
        if (strcmp(hg_verbs[i]->name, name) == 0)
            return hg_verbs[i];
        names[i] = hg_verbs[i]->name;
    }
    static const char *const later[] = { "serve" };
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (strcmp(later[i], name) == 0)
            return hg_refuse(a, name, "is not in this version; 'heng help' lists what is"), NULL;
    const char *near = hg_nearest(name, names, (size_t)hg_verb_count);
    hg_refuse(a, name, "is no verb%s%s%s", near ? "; did you mean '" : "; 'heng help' lists them",
              near ? near : "", near ? "'?" : "");
    return NULL;
}

static bool take_words(hg_ask *a, const heng_word *words, size_t count)
{
    a->s.inputs = HG_NEW(a->arena, const char *, count);
    for (size_t i = 0; i < count; i++) {
        const heng_word *w = &words[i];
        const hg_word *known = w->key && *w->key ? hg_word_find(w->key) : NULL;
        if (known && !hg_word_repeats(known) && hg_word_given(&a->s, known))
            return hg_fail(&a->err, HG_INPUT, w->where ? w->where : w->key, "is given twice; keep one%s",
                           known->kind == HG_WORD_INTS ? ", or a list: 2,4" : "");
        if (!w->key || !*w->key)
            a->s.inputs[a->s.input_count++] = hg_strdup(a->arena, w->value);
        else if (!hg_scenario_set(a->arena, &a->s, a->verb, w->key, w->value,
                                  w->where ? w->where : w->key, &a->err))
            return false;
    }
    const char *overlay = getenv("HENG_DATA");
    if (a->s.scenario.s &&
        !hg_scenario_read(a->arena, &a->s, a->verb, a->s.scenario.s, &a->err))
        return false;
    a->data.overlay = a->s.data.s ? a->s.data.s : overlay && *overlay ? overlay : NULL;
    if (a->data.overlay && !hg_is_folder(a->data.overlay))
        return hg_fail(&a->err, HG_INPUT, a->s.data.s ? a->s.data.where : "HENG_DATA",
                       "'%s' is no folder", a->data.overlay);
    return true;
}

static hg_code ask(hg_ask *a, const heng_word *words, size_t count)
{
    const hg_verb *verb = find_verb(a, a->verb);
    if (!verb)
        return HG_INPUT;
    a->verb = verb->name;
    return take_words(a, words, count) ? verb->run(a) : a->err.code;
}

int heng_ask(const char *verb, const heng_word *words, size_t count, const heng_io *io)
{
    hg_arena arena;
    hg_ask a = { .verb = verb, .arena = &arena, .io = io };
    hg_code code = HG_WORLD;
    if (hg_arena_open(&arena, 0)) {
        code = ask(&a, words, count);
        if ((code == HG_WORLD || code == HG_INPUT) && io->fail)
            io->fail(io->ctx, a.err.where, a.err.msg);
        hg_arena_close(&arena);
    } else if (io->fail) {
        io->fail(io->ctx, "memory", "the system refuses address space; raise 'ulimit -v'");
    }
    return code;
}

/* A JSON value as a word's text; NULL for what no word takes. */
static const char *json_word(hg_arena *arena, const json_t *v)
{
    if (json_is_string(v))
        return hg_strdup(arena, json_string_value(v));
    if (json_is_integer(v))
        return hg_textf(arena, "%lld", (long long)json_integer_value(v));
    if (json_is_real(v))
        return hg_textf(arena, "%.17g", json_real_value(v));
    if (json_is_boolean(v))
        return json_is_true(v) ? "true" : "false";
    if (!json_is_array(v))
        return NULL;
    hg_buf list = { .arena = arena };
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *item = json_array_get(v, i);
        const char *text = json_is_array(item) ? NULL : json_word(arena, item);
        if (!text)
            return NULL;
        hg_buf_printf(&list, "%s%s", i ? "," : "", text);
    }
    return list.s ? list.s : "";
}

static hg_code ask_json(hg_arena *arena, const char *question, const heng_io *io, hg_err *err)
{
    json_t *root = hg_json_parse(question, strlen(question), "question", err);
    if (!root)
        return HG_INPUT;
    const char *verb = json_string_value(json_object_get(root, "verb")), *key;
    json_t *value;
    heng_word *words = NULL;
    size_t count = 0, capacity = 0;
    bool ok = verb || hg_fail(err, HG_INPUT, "question: verb", "is missing; write \"verb\":\"plan\"");
    json_object_foreach(root, key, value) {
        if (!ok || strcmp(key, "verb") == 0)
            continue;
        bool bare = strcmp(key, "inputs") == 0 && json_is_array(value);
        for (size_t i = 0; i < (bare ? json_array_size(value) : 1); i++) {
            const char *text = json_word(arena, bare ? json_array_get(value, i) : value);
            ok = ok && (text || hg_fail(err, HG_INPUT, key, "holds a nested value"));
            *HG_PUSH(arena, words, count, capacity) =
                (heng_word){ bare ? NULL : hg_strdup(arena, key), text, NULL };
        }
    }
    verb = verb ? hg_strdup(arena, verb) : NULL;
    json_decref(root);
    return ok ? (hg_code)heng_ask(verb, words, count, io) : HG_INPUT;
}

int heng_ask_json(const char *question, const heng_io *io)
{
    hg_arena arena;
    hg_err err = { 0 };
    if (!hg_arena_open(&arena, (size_t)1 << 30))
        return HG_WORLD;
    hg_code code = ask_json(&arena, question, io, &err);
    if (err.code && io->fail)
        io->fail(io->ctx, err.where, err.msg);
    hg_arena_close(&arena);
    return code;
}

bool heng_word_is_flag(const char *key)
{
    char name[64];
    const hg_word *w = hg_word_find(key);
    if (!w) {
        snprintf(name, sizeof name, "%s", key + strspn(key, "-"));
        w = hg_starts(name, "no-") || hg_starts(name, "no_") ? hg_word_find(name + 3) : NULL;
    }
    return w && w->kind == HG_WORD_FLAG;
}

const char *heng_version(void)
{
    return HENG_VERSION;
}
