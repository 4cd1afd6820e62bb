#include "engine/parse.h"

#include "base/file.h"
#include "base/num.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 1 << 20, SHELL_DEPTH = 3 };

static const char *const engine_names[] = { "vllm", "sglang", "trtllm", "mindie", "llamacpp" };
enum { ENGINES = sizeof engine_names / sizeof *engine_names };

typedef struct reader {
    hg_arena *arena;
    const hg_data *data;
    const char *name, *engine, *version;
    const char *other; /* an engine that is started and was not asked for */
    hg_launch_texts *out;
    hg_err *err;
} reader;

/* ---- one command ---- */

static void take_env(hg_settings *s, const char *name, const char *value)
{
    const hg_engine_knob *knob = hg_knob_of_env(s->knobs, name);
    hg_put_env(s, name, value);
    if (knob)
        *HG_PUSH(s->arena, s->list, s->count, s->capacity) =
            (hg_setting){ knob, name, value, 0, NULL };
}

/* docker run -e A=b, --env=A=b. */
static void container_env(hg_settings *s, const hg_shell_command *c, size_t before)
{
    for (size_t i = 1; i < before && i < c->count; i++) {
        const char *w = c->words[i].s, *pair = NULL;
        if ((strcmp(w, "-e") == 0 || strcmp(w, "--env") == 0) && i + 1 < before)
            pair = c->words[++i].s;
        else if (hg_starts(w, "--env="))
            pair = w + 6;
        const char *equals = pair ? strchr(pair, '=') : NULL;
        if (equals)
            take_env(s, hg_strndup(s->arena, pair, (size_t)(equals - pair)), equals + 1);
    }
}

/* A file that a launch names: written by a here-document above, beside the launch's file, or where
 * heng runs.  What the shell would have put before it is not known. */
static const char *find_file(reader *r, const hg_shell *sh, const char *path, const char **as,
                             size_t *size)
{
    for (size_t i = 0; sh && i < sh->file_count; i++)
        if (strcmp(sh->files[i].path, path) == 0) {
            *as = path;
            *size = strlen(sh->files[i].text);
            return sh->files[i].text;
        }
    const char *at = strrchr(path, '$');
    const char *rest = at ? strchr(at, '/') : NULL;
    const char *known = rest ? rest + 1 : path;
    size_t folder = strlen(r->name) - strlen(hg_basename(r->name));
    const char *beside = hg_textf(r->arena, "%.*s%s", (int)folder, r->name, known);
    const char *found = *known != '/' && hg_is_file(beside) ? beside
                        : hg_is_file(known)                 ? known
                                                            : NULL;
    hg_err none;
    *as = found;
    return found ? hg_file_read(r->arena, found, FILE_MOST, size, &none) : NULL;
}

static bool read_config(reader *r, hg_settings *s, const char *name, const char *text, size_t size)
{
    s->file = name;
    if (strcmp(s->knobs->engine, "llamacpp") != 0)
        return hg_parse_yaml(s, name, text, size, r->err);
    hg_parse_ini(s, text);
    return true;
}

static hg_settings new_settings(reader *r, hg_engine_knobs *knobs)
{
    return (hg_settings){ .arena = r->arena, .knobs = knobs };
}

static void append(hg_settings *to, const hg_settings *from)
{
    for (size_t i = 0; i < from->count; i++)
        *HG_PUSH(to->arena, to->list, to->count, to->capacity) = from->list[i];
}

static hg_engine_knobs *open_knobs(reader *r, const char *engine)
{
    hg_engine_knobs *knobs = HG_NEW(r->arena, hg_engine_knobs, 1);
    const char *note = NULL;
    if (!hg_knobs_open(r->arena, r->data, engine, r->version, knobs, &note, r->err))
        return NULL;
    r->out->note = note ? note : r->out->note;
    return knobs;
}

/* TensorRT-LLM's file goes before its command line, others' after. */
static bool join_config(reader *r, const hg_shell *sh, hg_launch_text *t)
{
    static const char *const keys[] = { "--config", "--models-preset" };
    const hg_setting *named = NULL;
    for (size_t i = 0; i < t->settings.count; i++)
        for (size_t k = 0; k < 2; k++)
            if (t->settings.list[i].knob && t->settings.list[i].knob->flag &&
                strcmp(t->settings.list[i].knob->flag, keys[k]) == 0)
                named = &t->settings.list[i];
    bool mindie = strcmp(t->knobs->engine, "mindie") == 0;
    const char *path = mindie ? "conf/config.json" : named ? named->value : NULL;
    size_t size;
    const char *as, *text = path ? find_file(r, sh, path, &as, &size) : NULL;
    if (!path)
        return true;
    if (!text) {
        t->unread = path;
        return true;
    }
    hg_settings file = new_settings(r, t->knobs), command = t->settings;
    if (!read_config(r, &file, as, text, size))
        return false;
    hg_settings *first = strcmp(t->knobs->engine, "trtllm") == 0 ? &command : &file,
                *last = first == &file ? &command : &file;
    hg_settings all = new_settings(r, t->knobs);
    append(&all, first);
    append(&all, last);
    all.env = command.env;
    all.env_count = command.env_count;
    all.env_capacity = command.env_capacity;
    t->settings = all;
    return true;
}

static bool read_command(reader *r, const hg_shell *sh, const hg_shell_command *c,
                         const hg_program *p)
{
    hg_launch_text t = { .knobs = open_knobs(r, p->engine),
                         .from_command = true,
                         .servers = 1,
                         .line = c->words[0].line };
    if (!t.knobs)
        return false;
    t.settings = new_settings(r, t.knobs);
    for (size_t i = 0; i < c->env_count; i++)
        take_env(&t.settings, c->env[i][0], c->env[i][1]);
    container_env(&t.settings, c, p->first);
    t.cpus = hg_command_cpus(c, p->first);
    for (size_t i = 0; i + 1 < p->first; i++) { /* env A=b program */
        const char *equals = strchr(c->words[i].s, '=');
        if (equals && *c->words[i].s != '-' && !hg_is_container(c))
            take_env(&t.settings,
                     hg_strndup(r->arena, c->words[i].s, (size_t)(equals - c->words[i].s)),
                     equals + 1);
    }
    hg_parse_flags(&t.settings, c->words + p->first, c->count - p->first, &t.model);
    if (!join_config(r, sh, &t))
        return false;
    const hg_setting *model = hg_setting_of_word(&t.settings, "model");
    t.model = t.model || !model ? t.model : model->value;
    *HG_PUSH(r->arena, r->out->list, r->out->count, r->out->capacity) = t;
    return true;
}

static bool read_shell(reader *r, const char *text, size_t size, int depth)
{
    hg_shell *sh = HG_NEW(r->arena, hg_shell, 1);
    if (!hg_shell_read(r->arena, r->name, text, size, sh, r->err))
        return false;
    for (size_t i = 0; i < sh->count; i++) {
        const hg_shell_command *c = &sh->commands[i];
        hg_program p;
        bool found = hg_program_find(c, &p),
             wanted = found && (!r->engine || strcmp(p.engine, r->engine) == 0);
        r->other = found && !wanted ? p.engine : r->other;
        if (wanted && !read_command(r, sh, c, &p))
            return false;
        for (size_t k = 1; !found && depth < SHELL_DEPTH && k + 1 < c->count;
             k++) /* bash -c 'vllm serve …' */
            if (strcmp(c->words[k].s, "-c") == 0 || strcmp(c->words[k].s, "-lc") == 0)
                if (!read_shell(r, c->words[k + 1].s, strlen(c->words[k + 1].s), depth + 1))
                    return false;
    }
    return true;
}

/* ---- a config file alone ---- */

static size_t known_keys(const hg_settings *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        n += s->list[i].knob != NULL;
    return n;
}

static bool looks_like_ini(const char *text)
{
    const char *p = text + strspn(text, " \t\r\n");
    while (*p == ';' || *p == '#') {
        p += strcspn(p, "\n");
        p += strspn(p, " \t\r\n");
    }
    return *p == '[' || hg_starts(p, "version =") || hg_starts(p, "version=");
}

static bool keep_file(reader *r, const hg_settings *s)
{
    hg_launch_text t = { .knobs = (hg_engine_knobs *)(uintptr_t)s->knobs,
                         .settings = *s,
                         .servers = 1 };
    const hg_setting *model = hg_setting_of_word(s, "model");
    t.model = model ? model->value : NULL;
    *HG_PUSH(r->arena, r->out->list, r->out->count, r->out->capacity) = t;
    return true;
}

static bool read_ini_file(reader *r, const char *text)
{
    hg_engine_knobs *knobs = open_knobs(r, "llamacpp");
    if (!knobs)
        return false;
    hg_settings s = new_settings(r, knobs);
    s.file = r->name;
    hg_parse_ini(&s, text);
    return keep_file(r, &s);
}

/* Of the engines that know the most keys the first. */
static bool read_file(reader *r, const char *text, size_t size)
{
    hg_settings best = { 0 };
    size_t most = 0;
    if (!r->engine && looks_like_ini(text))
        return read_ini_file(r, text);
    if (r->engine && strcmp(r->engine, "llamacpp") == 0)
        return read_ini_file(r, text);
    for (int i = 0; i < ENGINES; i++) {
        if (strcmp(engine_names[i], "llamacpp") == 0 ||
            (r->engine && strcmp(r->engine, engine_names[i]) != 0))
            continue;
        hg_engine_knobs *knobs = open_knobs(r, engine_names[i]);
        hg_settings s = new_settings(r, knobs);
        s.file = r->name;
        if (!knobs || !hg_parse_yaml(&s, r->name, text, size, r->err))
            return false;
        if (known_keys(&s) > most || r->engine) {
            most = known_keys(&s);
            best = s;
        }
    }
    if (!best.knobs || (most == 0 && !r->engine))
        return hg_fail(r->err, HG_INPUT, r->name,
                       "holds no launch of vLLM, SGLang, TensorRT-LLM, MindIE or llama.cpp: no "
                       "command that starts one, "
                       "and no key of their config files");
    return keep_file(r, &best);
}

/* ---- all ---- */

/* A command that only joins a node to another's engine is no server of its own. */
static bool follows(const hg_launch_text *t)
{
    const hg_setting *rank = hg_setting_of_key(&t->settings, "node-rank"),
                     *headless = hg_setting_of_key(&t->settings, "headless");
    return headless || (rank && rank->value && isdigit((unsigned char)*rank->value) &&
                        strcmp(rank->value, "0") != 0);
}

/* A place's own: differs between servers of one kind. */
static bool is_place(const hg_setting *t)
{
    static const char *const names[] = {
        "host",           "port",        "node-rank",          "master-addr",
        "dist-init-addr", "base-gpu-id", "data-parallel-size", "dp-size"
    };
    const char *name = t->knob ? t->knob->flag : NULL;
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strcmp(name + 2, names[i]) == 0)
            return true;
    return t->knob && t->knob->env && !t->knob->flag;
}

static bool same_launch(const hg_launch_text *a, const hg_launch_text *b)
{
    size_t i = 0, k = 0;
    for (;; i++, k++) {
        while (i < a->settings.count && is_place(&a->settings.list[i]))
            i++;
        while (k < b->settings.count && is_place(&b->settings.list[k]))
            k++;
        if (i == a->settings.count || k == b->settings.count)
            return i == a->settings.count && k == b->settings.count &&
                   strcmp(a->knobs->engine, b->knobs->engine) == 0;
        const hg_setting *x = &a->settings.list[i], *y = &b->settings.list[k];
        if (strcmp(x->name, y->name) != 0 || !x->value != !y->value ||
            (x->value && strcmp(x->value, y->value) != 0))
            return false;
    }
}

/* Equal servers are one launch with a count: the data-parallel ranks of one process are servers of
 * it too. */
static int64_t ranks_of(const hg_launch_text *t)
{
    const hg_setting *dp = hg_setting_of_key(&t->settings, "data-parallel-size");
    dp = dp ? dp : hg_setting_of_key(&t->settings, "dp-size");
    int64_t n;
    return dp && dp->value && hg_parse_count(dp->value, &n) && n > 0 && n < 1000000 ? n : 1;
}

static void merge(hg_launch_texts *out)
{
    size_t n = 0;
    for (size_t i = 0; i < out->count; i++) {
        size_t k = 0;
        out->list[i].ranks = ranks_of(&out->list[i]);
        if (follows(&out->list[i]) && n > 0)
            continue;
        while (k < n && !same_launch(&out->list[k], &out->list[i]))
            k++;
        if (k < n) {
            out->list[k].servers++;
            out->list[k].ranks += out->list[i].ranks;
        } else {
            out->list[n++] = out->list[i];
        }
    }
    out->count = n;
}

bool hg_launch_read(hg_arena *arena, const hg_data *data, const char *name, const char *text,
                    size_t size, const char *engine, const char *version, hg_launch_texts *out,
                    hg_err *err)
{
    reader r = { .arena = arena,
                 .data = data,
                 .name = name,
                 .engine = engine,
                 .version = version,
                 .out = out,
                 .err = err };
    *out = (hg_launch_texts){ 0 };
    const char *first = text + strspn(text, " \t\r\n");
    if (memchr(text, 0, size))
        return hg_fail(err, HG_INPUT, name,
                       "holds binary data; a launch line or a config file was expected");
    if (!*first)
        return hg_fail(err, HG_INPUT, name,
                       "is empty; a launch line or a config file was expected");
    bool data_file = *first == '{' || looks_like_ini(text);
    hg_err shell = { 0 };
    r.err = &shell;
    bool ok = data_file || read_shell(&r, text, size, 0);
    r.err = err;
    if (out->count == 0 && r.other)
        return hg_fail(err, HG_INPUT, name,
                       "starts %s, not %s; leave --engine out, or say --engine %s", r.other, engine,
                       r.other);
    /* A quote without end is no shell, and may yet be YAML; then that reader's word counts. */
    if (out->count == 0 && !read_file(&r, text, size)) {
        *err = ok ? *err : shell;
        return false;
    }
    if (!ok && out->list[0].from_command) {
        *err = shell;
        return false;
    }
    merge(out);
    return true;
}
