/* Whatever text a launch is in, told apart and read; equal servers are one launch with a count. */
#include "engine/reader.h"

#include "base/num.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const engine_names[] = { "vllm", "sglang", "trtllm", "mindie", "llamacpp" };
enum { ENGINES = sizeof engine_names / sizeof *engine_names };

const char *hg_head_version(hg_arena *arena, const char *text)
{
    static const char *const names[] = {
        "vllm",         "vLLM",   "sglang", "SGLang",   "trtllm",
        "TensorRT-LLM", "mindie", "MindIE", "llamacpp", "llama.cpp"
    };
    for (; *text == '#' || *text == ';'; text += strcspn(text, "\n"), text += *text == '\n') {
        const char *p = text + 1 + strspn(text + 1, " ");
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            size_t n = strlen(names[i]);
            const char *version = p + n + (hg_starts(p, names[i]) && p[n] == ' ');
            if (version > p + n && (*version == 'b' || (*version >= '0' && *version <= '9')))
                return hg_strndup(arena, version, strcspn(version, " :\r\n"));
        }
    }
    return NULL;
}

hg_engine_knobs *hg_reader_knobs(hg_launch_reader *r, const char *engine, const char *image)
{
    hg_engine_knobs *knobs = HG_NEW(r->arena, hg_engine_knobs, 1);
    const char *note = NULL, *version = r->version         ? r->version
                                        : image            ? image
                                        : r->image_version ? r->image_version
                                                           : r->head_version;
    if (!hg_knobs_open(r->arena, r->data, engine, version, knobs, &note, r->err))
        return NULL;
    r->out->note = note ? note : r->out->note;
    return knobs;
}

bool hg_read_shell(hg_launch_reader *r, const char *text, size_t size, int depth)
{
    hg_shell *sh = HG_NEW(r->arena, hg_shell, 1);
    if (!hg_shell_read(r->arena, r->name, text, size, sh, r->err))
        return false;
    for (size_t i = 0; i < sh->count; i++)
        if (!hg_read_command(r, sh, &sh->commands[i], depth))
            return false;
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

static bool keep_file(hg_launch_reader *r, const hg_settings *s)
{
    hg_launch_text t = { .knobs = (hg_engine_knobs *)(uintptr_t)s->knobs,
                         .settings = *s,
                         .servers = 1 };
    const hg_setting *model = hg_setting_of_word(s, "model");
    t.model = model ? model->value : NULL;
    *HG_PUSH(r->arena, r->out->list, r->out->count, r->out->capacity) = t;
    return true;
}

static bool read_ini_file(hg_launch_reader *r, const char *text)
{
    hg_engine_knobs *knobs = hg_reader_knobs(r, "llamacpp", NULL);
    if (!knobs)
        return false;
    hg_settings s = { .arena = r->arena, .knobs = knobs, .file = r->name };
    hg_parse_ini(&s, text);
    return keep_file(r, &s);
}

/* Of the engines that know the most keys the first. */
static bool read_file(hg_launch_reader *r, const char *text, size_t size)
{
    hg_settings best = { 0 };
    size_t most = 0;
    const char *before = r->out->note, *note = before; /* of the engine that it is, not of others */
    if (!r->engine && looks_like_ini(text))
        return read_ini_file(r, text);
    if (r->engine && strcmp(r->engine, "llamacpp") == 0)
        return read_ini_file(r, text);
    for (int i = 0; i < ENGINES; i++) {
        if (strcmp(engine_names[i], "llamacpp") == 0 ||
            (r->engine && strcmp(r->engine, engine_names[i]) != 0))
            continue;
        r->out->note = before;
        hg_engine_knobs *knobs = hg_reader_knobs(r, engine_names[i], NULL);
        hg_settings s = { .arena = r->arena, .knobs = knobs, .file = r->name };
        if (!knobs || !hg_parse_yaml(&s, r->name, text, size, r->err))
            return false;
        if (known_keys(&s) > most || r->engine) {
            most = known_keys(&s);
            best = s;
            note = r->out->note;
        }
    }
    r->out->note = note;
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
        out->list[i].ranks = ranks_of(&out->list[i]) * out->list[i].servers;
        if (follows(&out->list[i]) && n > 0)
            continue;
        while (k < n && !same_launch(&out->list[k], &out->list[i]))
            k++;
        if (k < n) {
            out->list[k].servers =
                hg_min_i64(HG_LAUNCHES_MOST, out->list[k].servers + out->list[i].servers);
            out->list[k].ranks += out->list[i].ranks;
        } else {
            out->list[n++] = out->list[i];
        }
    }
    out->count = n;
}

/* For what a table does not know: the other engines' tables, which may. */
static void open_others(hg_launch_reader *r, hg_launch_text *t)
{
    bool unknown = false;
    hg_err none;
    for (size_t i = 0; i < t->settings.count; i++)
        unknown |= !t->settings.list[i].knob;
    if (!unknown)
        return;
    hg_engine_knobs *others = HG_NEW(r->arena, hg_engine_knobs, ENGINES);
    for (int i = 0; i < ENGINES; i++) {
        const char *note;
        if (strcmp(engine_names[i], t->knobs->engine) != 0 &&
            hg_knobs_open(r->arena, r->data, engine_names[i], NULL, &others[t->other_count], &note,
                          &none))
            t->other_count++;
    }
    t->others = others;
}

/* The file that TensorRT-LLM's front end reads. */
static bool is_front_end(const char *text)
{
    return (hg_starts(text, "context_servers:") || strstr(text, "\ncontext_servers:")) &&
           (hg_starts(text, "generation_servers:") || strstr(text, "\ngeneration_servers:"));
}

/* Launch lines, then (a quote without end is no shell, and may yet be YAML) a config file. */
static bool read_any(hg_launch_reader *r, const char *text, size_t size, hg_err *err)
{
    bool data_file = text[strspn(text, " \t\r\n")] == '{' || looks_like_ini(text);
    hg_err shell = { 0 };
    if (hg_is_manifest(text))
        return hg_read_manifest(r, text, size);
    r->err = &shell;
    bool ok = data_file || hg_read_shell(r, text, size, 0);
    r->err = err;
    if (r->out->count == 0 && r->other)
        return hg_fail(err, HG_INPUT, r->name,
                       "starts %s, not %s; leave --engine out, or say --engine %s", r->other,
                       r->engine, r->other);
    if (r->out->count == 0 && is_front_end(text))
        r->out->aside = "TensorRT-LLM's front end of pools";
    if (r->out->count == 0 && r->out->aside)
        return hg_fail(err, HG_INPUT, r->name, "starts %s, and no engine", r->out->aside);
    if (r->out->count == 0 && ok && hg_starts(text, "#!"))
        return hg_fail(err, HG_INPUT, r->name, "is a script that starts no engine heng knows");
    if (r->out->count == 0 && !read_file(r, text, size)) {
        *err = ok ? *err : shell;
        return false;
    }
    if (!ok && r->out->list[0].from_command) {
        *err = shell;
        return false;
    }
    return true;
}

bool hg_launch_read(hg_arena *arena, const hg_data *data, const char *name, const char *text,
                    size_t size, const char *engine, const char *version, hg_launch_texts *out,
                    hg_err *err)
{
    const char *first = text + strspn(text, " \t\r\n");
    hg_launch_reader r = { .arena = arena,
                           .data = data,
                           .name = name,
                           .engine = engine,
                           .version = version,
                           .out = out,
                           .err = err };
    *out = (hg_launch_texts){ 0 };
    if (memchr(text, 0, size))
        return hg_fail(err, HG_INPUT, name,
                       "holds binary data; a launch line or a config file was expected");
    if (!*first)
        return hg_fail(err, HG_INPUT, name,
                       "is empty; a launch line or a config file was expected");
    r.head_version = hg_head_version(arena, text);
    if (!read_any(&r, text, size, err))
        return false;
    merge(out);
    for (size_t i = 0; i < out->count; i++)
        open_others(&r, &out->list[i]);
    return true;
}
