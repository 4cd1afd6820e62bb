/* One command: the engine it starts, its settings with those of the files it names. */
#include "engine/reader.h"

#include "base/file.h"
#include "base/num.h"

#include <string.h>

static void take_env(hg_settings *s, const char *name, const char *value)
{
    const hg_engine_knob *knob = hg_knob_of_env(s->knobs, name);
    hg_put_env(s, name, value);
    if (knob)
        *HG_PUSH(s->arena, s->list, s->count, s->capacity) =
            (hg_setting){ knob, name, value, 0, NULL };
}

static void take_pair(hg_settings *s, const char *pair)
{
    const char *equals = strchr(pair, '=');
    if (equals)
        take_env(s, hg_strndup(s->arena, pair, (size_t)(equals - pair)), equals + 1);
}

/* docker run -e A=b, --env=A=b; env A=b program. */
static void command_env(hg_settings *s, const hg_shell_command *c, size_t before)
{
    bool container = hg_is_container(c);
    for (size_t i = 0; i < c->env_count; i++)
        take_env(s, c->env[i][0], c->env[i][1]);
    for (size_t i = 0; i + 1 < before && i + 1 < c->count; i++) {
        const char *w = c->words[i].s;
        if (container && (strcmp(w, "-e") == 0 || strcmp(w, "--env") == 0))
            take_pair(s, c->words[++i].s);
        else if (container && hg_starts(w, "--env="))
            take_pair(s, w + 6);
        else if (!container && *w != '-')
            take_pair(s, w);
    }
}

/* ---- files ---- */

/* What the shell would have put before a path is not known: what follows it is looked for beside
 * the launch's file, or where heng runs. */
static const char *on_disk(hg_launch_reader *r, const char *path)
{
    const char *at = strrchr(path, '$');
    const char *rest = at ? strchr(at, '/') : NULL;
    const char *known = rest ? rest + 1 : path;
    size_t folder = strlen(r->name) - strlen(hg_basename(r->name));
    const char *beside = hg_textf(r->arena, "%.*s%s", (int)folder, r->name, known);
    return *known != '/' && hg_is_file(beside) ? beside : hg_is_file(known) ? known : NULL;
}

/* A file that a launch names: written by a here-document above, held by a ConfigMap, or on disk. */
static const char *find_file(hg_launch_reader *r, const hg_shell *sh, const hg_shell_command *c,
                             const char *path, const char **as, size_t *size)
{
    const char *text = NULL;
    for (size_t i = 0; sh && i < sh->file_count; i++)
        if (strcmp(sh->files[i].path, path) == 0)
            text = sh->files[i].text;
    for (size_t i = 0; !text && i < r->file_count; i++)
        if (strcmp(r->files[i].path, hg_basename(path)) == 0)
            text = r->files[i].text;
    *as = path;
    if (text) {
        *size = strlen(text);
        return text;
    }
    hg_err none;
    const char *found = on_disk(r, hg_container_path(r->arena, c, path));
    *as = found;
    return found ? hg_file_read(r->arena, found, HG_LAUNCH_FILE_MOST, size, &none) : NULL;
}

static bool read_config(hg_launch_reader *r, hg_settings *s, const char *name, const char *text,
                        size_t size)
{
    s->file = name;
    if (strcmp(s->knobs->engine, "llamacpp") != 0)
        return hg_parse_yaml(s, name, text, size, r->err);
    hg_parse_ini(s, text);
    return true;
}

static void append(hg_settings *to, const hg_settings *from)
{
    for (size_t i = 0; i < from->count; i++)
        *HG_PUSH(to->arena, to->list, to->count, to->capacity) = from->list[i];
}

/* The config file that a command names; MindIE's daemon has its own place for it. */
static const char *config_of(const hg_launch_text *t)
{
    static const char *const keys[] = { "--config", "--models-preset" };
    const char *path = strcmp(t->knobs->engine, "mindie") == 0 ? "conf/config.json" : NULL;
    for (size_t i = 0; i < t->settings.count; i++) {
        const hg_engine_knob *k = t->settings.list[i].knob;
        for (size_t n = 0; k && k->flag && n < 2; n++)
            if (strcmp(k->flag, keys[n]) == 0)
                path = t->settings.list[i].value;
    }
    return path;
}

/* TensorRT-LLM's file goes before its command line, others' after. */
static bool join_config(hg_launch_reader *r, const hg_shell *sh, const hg_shell_command *c,
                        hg_launch_text *t)
{
    const char *path = config_of(t), *as;
    size_t size;
    const char *text = path ? find_file(r, sh, c, path, &as, &size) : NULL;
    t->unread = text ? NULL : path;
    if (!text)
        return true;
    hg_settings file = { .arena = r->arena, .knobs = t->knobs }, command = t->settings,
                all = command;
    if (!read_config(r, &file, as, text, size))
        return false;
    bool file_first = strcmp(t->knobs->engine, "trtllm") != 0;
    all.list = NULL;
    all.count = all.capacity = 0;
    append(&all, file_first ? &file : &command);
    append(&all, file_first ? &command : &file);
    t->settings = all;
    return true;
}

/* ---- commands ---- */

/* Flags of a program around the engine mean nothing to the engine alone. */
static void forget_wrapper(hg_launch_text *t)
{
    for (size_t i = 0; i < t->settings.count; i++) {
        const hg_engine_knob *k = t->settings.list[i].knob;
        if (k && k->wrapper && !(t->wrapper && strcmp(k->wrapper, t->wrapper) == 0))
            t->settings.list[i].knob = NULL;
    }
}

static bool read_program(hg_launch_reader *r, const hg_shell *sh, const hg_shell_command *c,
                         const hg_program *p)
{
    const char *engine;
    bool serves;
    size_t image = hg_image_at(c, &engine, &serves);
    bool of_image = image && strcmp(engine, p->engine) == 0;
    const char *version = of_image ? hg_image_version(r->arena, c->words[image].s) : NULL;
    hg_launch_text t = { .knobs = hg_reader_knobs(r, p->engine, version),
                         .from_command = true,
                         .servers = c->times,
                         .script = r->script,
                         .wrapper = p->wrapper,
                         .line = c->words[0].line };
    if (!t.knobs)
        return false;
    t.settings = (hg_settings){ .arena = r->arena, .knobs = t.knobs };
    command_env(&t.settings, c, p->first);
    t.cpus = hg_command_cpus(c, p->first);
    t.devices = hg_command_devices(r->arena, c, p->first, &t.settings, &t.devices_by);
    hg_parse_flags(&t.settings, c->words + p->first, c->count - p->first, &t.model);
    forget_wrapper(&t);
    if (!join_config(r, sh, c, &t))
        return false;
    const hg_setting *model = hg_setting_of_word(&t.settings, "model");
    t.model = t.model || !model ? t.model : model->value;
    *HG_PUSH(r->arena, r->out->list, r->out->count, r->out->capacity) = t;
    return true;
}

/* A script that a container runs, from where it is mounted, as part of what is read. */
static bool read_script(hg_launch_reader *r, const char *path, const char *version, int depth)
{
    hg_launch_reader in = *r;
    size_t size;
    hg_err none;
    const char *text = hg_file_read(r->arena, path, HG_LAUNCH_FILE_MOST, &size, &none);
    if (!text || memchr(text, 0, size))
        return true;
    in.name = in.script = path;
    in.image_version = version;
    in.head_version = hg_head_version(r->arena, text);
    bool ok = hg_read_shell(&in, text, size, depth + 1);
    r->other = in.other;
    return ok;
}

/* What stands behind the container's image and is a file outside. */
static bool read_inside(hg_launch_reader *r, const hg_shell_command *c, int depth)
{
    const char *engine, *version = NULL, *said, *path = NULL;
    bool serves;
    size_t first = r->out->count, image = hg_image_at(c, &engine, &serves);
    if (image)
        version = hg_image_version(r->arena, c->words[image].s);
    for (size_t i = image ? image + 1 : 1; !path && i < c->count; i++) {
        const char *outside = hg_container_path(r->arena, c, c->words[i].s);
        path = outside != c->words[i].s ? on_disk(r, outside) : NULL;
    }
    if (path && !read_script(r, path, version, depth))
        return false;
    for (size_t i = first; i < r->out->count; i++) {
        hg_launch_text *t = &r->out->list[i];
        hg_settings container = { .arena = r->arena, .knobs = t->knobs };
        command_env(&container, c, c->count);
        int64_t devices = hg_command_devices(r->arena, c, c->count, &container, &said);
        t->cpus = t->cpus > 0 ? t->cpus : hg_command_cpus(c, c->count);
        if (devices > 0 && (t->devices == 0 || devices < t->devices)) {
            t->devices = devices;
            t->devices_by = said;
        }
    }
    return true;
}

/* bash -c 'vllm serve …'; eval "$COMMAND". */
static bool read_quoted(hg_launch_reader *r, const hg_shell_command *c, int depth)
{
    hg_buf b = { .arena = r->arena };
    for (size_t k = 1; k + 1 < c->count; k++)
        if (strcmp(c->words[k].s, "-c") == 0 || strcmp(c->words[k].s, "-lc") == 0)
            return hg_read_shell(r, c->words[k + 1].s, strlen(c->words[k + 1].s), depth + 1);
    if (strcmp(c->words[0].s, "eval") != 0)
        return true;
    for (size_t k = 1; k < c->count; k++)
        hg_buf_printf(&b, "%s ", c->words[k].s);
    return !b.n || hg_read_shell(r, b.s, b.n, depth + 1);
}

/* sh run.sh; ./run.sh: a script that is there. */
static bool read_started(hg_launch_reader *r, const hg_shell_command *c, int depth)
{
    static const char *const shells[] = { "sh", "bash", "dash", "." };
    const char *first = c->count ? hg_basename(c->words[0].s) : "", *script = NULL;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(first, shells[i]) == 0 && c->count > 1 && *c->words[1].s != '-')
            script = c->words[1].s;
    if (!script && hg_ends(first, ".sh"))
        script = c->words[0].s;
    const char *path = script ? on_disk(r, script) : NULL;
    return !path || strcmp(path, r->name) == 0 || read_script(r, path, NULL, depth);
}

bool hg_read_command(hg_launch_reader *r, const hg_shell *sh, const hg_shell_command *c, int depth)
{
    hg_program p;
    size_t first = r->out->count;
    if (hg_program_find(c, &p)) {
        bool wanted = !r->engine || strcmp(p.engine, r->engine) == 0;
        r->other = wanted ? r->other : p.engine;
        return !wanted || read_program(r, sh, c, &p);
    }
    const char *aside = hg_aside_of(c);
    r->out->aside = aside ? aside : r->out->aside;
    if (depth >= HG_LAUNCH_DEPTH)
        return true;
    if (!read_quoted(r, c, depth) || !read_started(r, c, depth) ||
        (hg_is_container(c) && !read_inside(r, c, depth)))
        return false;
    for (size_t i = first; i < r->out->count; i++)
        r->out->list[i].servers = hg_min_i64(HG_LAUNCHES_MOST, r->out->list[i].servers * c->times);
    return true;
}
