#include "tune/adapter.h"

#include "base/json.h"
#include "engine/emit.h"
#include "engine/setting.h"

#include <string.h>

const char *const hg_scraped_names[HG_SERIES] = {
#define SERIES(name, meaning) #name,
#include "tune/series.def"
#undef SERIES
};

static const char **texts(hg_arena *arena, const json_t *list, size_t *count)
{
    *count = json_array_size(list);
    const char **out = HG_NEW(arena, const char *, *count + 1);
    for (size_t i = 0; i < *count; i++)
        out[i] = hg_strdup(arena, json_string_value(json_array_get(list, i)));
    return out;
}

static const char *(*pairs(hg_arena *arena, json_t *object, size_t *count))[2]
{
    const char *key;
    json_t *v;
    const char *(*out)[2] = (const char *(*)[2])HG_NEW(arena, const char *, 2 * json_object_size(object) + 2);
    *count = 0;
    json_object_foreach(object, key, v) {
        out[*count][0] = hg_strdup(arena, key);
        out[(*count)++][1] = json_is_string(v) ? hg_strdup(arena, json_string_value(v)) : hg_textf(arena, "%lld", (long long)json_integer_value(v));
    }
    return out;
}

/* { "kv-type": { "q8_0": "fp8", "q4_0": null } } */
static void read_means(hg_arena *arena, json_t *object, hg_adapter *out)
{
    const char *knob, *value;
    json_t *values, *means;
    size_t n = 0;
    json_object_foreach(object, knob, values) {
        n += json_object_size(values);
    }
    out->means = (const char *(*)[3])HG_NEW(arena, const char *, 3 * n + 3);
    json_object_foreach(object, knob, values) {
        json_object_foreach(values, value, means) {
            const char **row = out->means[out->means_count++];
            row[0] = hg_strdup(arena, knob);
            row[1] = hg_strdup(arena, value);
            row[2] = json_is_string(means) ? hg_strdup(arena, json_string_value(means)) : NULL;
        }
    }
}

static const char *path_of(hg_arena *arena, const json_t *root, const char *key)
{
    const char *path = json_string_value(json_object_get(root, key));
    return path ? hg_strdup(arena, path) : NULL;
}

static bool is_text_list(const json_t *v)
{
    for (size_t i = 0; i < json_array_size(v); i++)
        if (!json_is_string(json_array_get(v, i)))
            return false;
    return json_is_array(v);
}

static bool read_series(hg_arena *arena, const char *file, const json_t *root, hg_adapter *out, hg_err *err)
{
    const json_t *names = json_object_get(root, "prometheus");
    for (int i = 0; i < HG_SERIES; i++) {
        const json_t *list = json_object_get(names, hg_scraped_names[i]);
        size_t n = json_array_size(list);
        if (list && (!is_text_list(list) || n >= HG_SERIES_NAMES))
            return hg_fail(err, HG_INPUT, file, "prometheus.%s is no list of fewer than %d names", hg_scraped_names[i], HG_SERIES_NAMES);
        for (size_t k = 0; k < n; k++)
            out->series[i][k] = hg_strdup(arena, json_string_value(json_array_get(list, k)));
    }
    return true;
}

static bool read_adapter(hg_arena *arena, const char *file, const json_t *root, hg_adapter *out, hg_err *err)
{
    *out = (hg_adapter){ .name = path_of(arena, root, "name"), .title = path_of(arena, root, "title"), .model = path_of(arena, root, "model"),
                         .health = path_of(arena, root, "health"), .metrics = path_of(arena, root, "metrics"),
                         .modelled_as = path_of(arena, root, "modelled_as"), .metrics_want = path_of(arena, root, "metrics_want") };
    if (!out->name || !out->title || !out->health || !is_text_list(json_object_get(root, "launch")))
        return hg_fail(err, HG_INPUT, file, "wants name, title, health and launch, a list of words");
    out->launch = texts(arena, json_object_get(root, "launch"), &out->launch_count);
    if (is_text_list(json_object_get(root, "out_of_memory")))
        out->memory = texts(arena, json_object_get(root, "out_of_memory"), &out->memory_count);
    out->defaults = pairs(arena, json_object_get(root, "defaults"), &out->default_count);
    out->carries = pairs(arena, json_object_get(root, "carries"), &out->carries_count);
    read_means(arena, json_object_get(root, "means"), out);
    return read_series(arena, file, root, out, err);
}

static bool refuse_name(hg_arena *arena, const hg_data *data, const char *name, hg_err *err)
{
    size_t n;
    char **files = hg_data_list(data, arena, "adapters", &n);
    hg_buf list = { .arena = arena };
    for (size_t i = 0; i < n; i++)
        hg_buf_printf(&list, "%s%.*s", i ? ", " : "", (int)(strlen(files[i]) - strlen(".json")), files[i]);
    return hg_fail(err, HG_INPUT, "--engine", "'%.60s' is no engine heng can launch; there are %s; for another say --launch 'CMD --port {port}'",
                   name, list.n ? list.s : "none");
}

bool hg_adapter_open(hg_arena *arena, const hg_data *data, const char *name, const char *version, hg_adapter *out, const char **note,
                     hg_err *err)
{
    size_t size;
    const char *file = hg_textf(arena, "adapters/%.60s.json", name);
    const char *text = strchr(name, '/') ? NULL : hg_data_text(data, arena, file, &size, err);
    if (!text)
        return refuse_name(arena, data, name, err);
    json_t *root = hg_json_parse(text, size, file, err);
    if (!root)
        return false;
    bool ok = read_adapter(arena, file, root, out, err);
    const char *table = json_string_value(json_object_get(root, "knobs"));
    *note = NULL;
    if (ok && table) {
        out->has_table = true;
        ok = hg_knobs_open(arena, data, table, version, &out->table, note, err);
    }
    json_decref(root);
    return ok;
}

/* One word from *p, quotes and backslashes as in a shell; NULL: none is left.  An open quote ends with the text. */
static char *shell_word(hg_arena *arena, const char **p)
{
    hg_buf b = { .arena = arena };
    const char *s = *p + strspn(*p, " \t\r\n");
    char quote = 0;
    if (!*s)
        return NULL;
    hg_buf_add(&b, "", 0);
    for (; *s && (quote || !strchr(" \t\r\n", *s)); s++) {
        if (*s == quote)
            quote = 0;
        else if (!quote && (*s == '"' || *s == '\''))
            quote = *s;
        else if (*s == '\\' && quote != '\'' && s[1])
            hg_buf_add(&b, ++s, 1);
        else
            hg_buf_add(&b, s, 1);
    }
    *p = s;
    return b.s;
}

static bool split(hg_arena *arena, const char *text, const char *where, const char ***out, size_t *count, hg_err *err)
{
    size_t capacity = 0;
    char *word;
    const char *p = text;
    *out = NULL;
    *count = 0;
    while ((word = shell_word(arena, &p)))
        *HG_PUSH(arena, *out, *count, capacity) = word;
    return *count > 0 || hg_fail(err, HG_INPUT, where, "is empty; write the command that starts the server");
}

bool hg_adapter_command(hg_arena *arena, const char *command, const char *where, hg_adapter *a, hg_err *err)
{
    if (!strstr(command, "{port}"))
        return hg_fail(err, HG_INPUT, where, "has no {port}; heng says where to listen: 'server --port {port}'");
    if (!a->name) {
        a->name = "launch";
        a->title = "a command of one's own";
        a->health = "/health";
        a->metrics = "/metrics";
    }
    a->has_table = false;
    a->placed = true;
    return split(arena, command, where, &a->launch, &a->launch_count, err);
}

bool hg_adapter_more(hg_arena *arena, const char *words, const char *where, hg_adapter *a, hg_err *err)
{
    const char **more;
    size_t n;
    if (!split(arena, words, where, &more, &n, err))
        return false;
    const char **all = HG_NEW(arena, const char *, a->launch_count + n + 1);
    memcpy(all, a->launch, a->launch_count * sizeof *all);
    memcpy(all + a->launch_count, more, n * sizeof *all);
    a->launch = all;
    a->launch_count += n;
    return true;
}

/* Every {NAME} of a launch means something: a slip would reach the server as it stands. */
static bool places_known(hg_arena scratch, const hg_adapter *a, const hg_tune_knobs *k, hg_err *err)
{
    for (size_t i = 0; i < a->launch_count; i++)
        for (const char *p = a->launch[i]; (p = strchr(p, '{')); p++) {
            size_t n = strcspn(p + 1, "}");
            char *name = hg_strndup(&scratch, p + 1, n);
            bool is_name = p[1 + n] == '}' && n > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == n;
            bool known = strcmp(name, "port") == 0;
            if (strcmp(name, "model") == 0 && !a->model)
                return hg_fail(err, HG_INPUT, "--model", "is missing; the launch of %s wants it", a->title);
            known |= strcmp(name, "model") == 0;
            for (size_t j = 0; j < k->count; j++)
                known |= strcmp(k->list[j].name, name) == 0;
            if (is_name && !known)
                return hg_fail(err, HG_INPUT, "--launch", "holds {%.40s}, which is no knob of --knob", name);
        }
    return true;
}

static bool is_placed(const hg_adapter *a, hg_arena scratch, const char *name)
{
    const char *place = hg_textf(&scratch, "{%s}", name);
    for (size_t i = 0; i < a->launch_count; i++)
        if (strstr(a->launch[i], place))
            return true;
    return false;
}

/* "speculative-config.method" is a part of a JSON knob. */
static const hg_engine_knob *json_part(const hg_adapter *a, const char *flag)
{
    char whole[80];
    const char *dot = strchr(flag, '.');
    if (!dot)
        return NULL;
    snprintf(whole, sizeof whole, "%.*s", (int)(dot - flag), flag);
    const hg_engine_knob *k = hg_knob_flagged(&a->table, whole);
    return k && k->type == HG_KNOB_JSON ? k : NULL;
}

static const hg_engine_knob *flagged(const hg_adapter *a, const char *knob)
{
    char flag[80];
    snprintf(flag, sizeof flag, "--%.70s", knob);
    const hg_engine_knob *k = a->has_table ? hg_knob_flagged(&a->table, flag) : NULL;
    return k || !a->has_table ? k : json_part(a, flag);
}

static bool is_false(const char *value)
{
    return strcmp(value, "false") == 0 || strcmp(value, "no") == 0 || strcmp(value, "0") == 0 || strcmp(value, "off") == 0;
}

static bool is_off_by_itself(const hg_engine_knob *k)
{
    return k->default_count == 1 && is_false(k->defaults[0].value);
}

/* Not every engine's switches have a --no- form; most of those that do are on by themselves. */
static bool has_no_form(const hg_adapter *a)
{
    const hg_emitter *e = hg_emitter_find(a->table.engine);
    return e && e->no_form;
}

static bool takes_values(hg_arena scratch, const hg_adapter *a, const hg_tune_knob *k, const char *where, hg_err *err)
{
    char why[200];
    const hg_engine_knob *knob = flagged(a, k->name);
    if (!knob) {
        const char *near = hg_knob_suggest(scratch, &a->table, hg_textf(&scratch, "--%s", k->name), true);
        return hg_fail(err, HG_INPUT, where, "'%s' is no flag of %s %s; %s%s", k->name, a->title, a->table.version,
                       near ? "did you mean " : "flags that heng does not know go with --engine-args, or in a --launch of your own", near ? near : "");
    }
    if (hg_knob_state_of(&a->table, knob) != HG_KNOB_FITS)
        return hg_fail(err, HG_INPUT, where, "'%s' is not in %s %s%s%s", k->name, a->title, a->table.version, knob->renamed_to ? ", which has " : "",
                       knob->renamed_to ? knob->renamed_to : "");
    for (size_t i = 0; i < k->count; i++) {
        if (!strchr(k->name, '.') && !hg_knob_takes(knob, k->values[i], why, sizeof why))
            return hg_fail(err, HG_INPUT, where, "%s=%s: %s", k->name, k->values[i], why);
        if (knob->type == HG_KNOB_SWITCH && is_false(k->values[i]) && !has_no_form(a) && knob->default_count && !is_off_by_itself(knob))
            return hg_fail(err, HG_INPUT, where, "%s=%s: %s has no flag that switches it off; leave %s out", k->name, k->values[i], a->title, k->values[i]);
    }
    return true;
}

static const char *knob_list(hg_arena *arena, const hg_adapter *a)
{
    hg_buf b = { .arena = arena };
    for (size_t i = 0; i < a->default_count; i++)
        hg_buf_printf(&b, "%s%s", i ? ", " : "", a->defaults[i][0]);
    return b.s;
}

bool hg_adapter_takes(hg_arena scratch, const hg_adapter *a, const hg_tune_knobs *k, const char *where, hg_err *err)
{
    for (size_t i = 0; i < k->count; i++) {
        const hg_tune_knob *knob = &k->list[i];
        if (a->placed && !is_placed(a, scratch, knob->name) && !knob->live_path)
            return hg_fail(err, HG_INPUT, where, "'%s' stands nowhere in the launch; write {%s} where its value belongs", knob->name, knob->name);
        if (!a->placed && a->has_table && !knob->live_path && !takes_values(scratch, a, knob, where, err))
            return false;
        if (!a->placed && !a->has_table && !knob->live_path && a->default_count && !hg_adapter_default(a, knob->name, NULL))
            return hg_fail(err, HG_INPUT, where, "'%s' is no knob of %s; it has %s", knob->name, a->title, knob_list(&scratch, a));
    }
    return places_known(scratch, a, k, err);
}

static const char *second(const char *(*list)[2], size_t count, const char *first)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i][0], first) == 0)
            return list[i][1];
    return NULL;
}


const char *hg_adapter_default(const hg_adapter *a, const char *knob, const hg_device *device)
{
    const hg_engine_knob *k = strchr(knob, '.') ? NULL : flagged(a, knob);
    bool same = k && k->default_count == 1 && !k->defaults[0].except_device && k->defaults[0].min_memory_bytes == 0;
    const char *of_table = k && device ? hg_knob_standard(k, device) : same ? k->defaults[0].value : NULL;
    return of_table ? of_table : second(a->defaults, a->default_count, knob);
}

const char *hg_adapter_carries(const hg_adapter *a, const char *knob)
{
    const hg_engine_knob *k = flagged(a, knob);
    return k && k->word ? k->word : second(a->carries, a->carries_count, knob);
}

const char *hg_adapter_means(const hg_adapter *a, const char *knob, const char *value)
{
    for (size_t i = 0; i < a->means_count; i++)
        if (strcmp(a->means[i][0], knob) == 0 && strcmp(a->means[i][1], value) == 0)
            return a->means[i][2];
    return value;
}

static const char *with(hg_arena *arena, const char *word, const char *name, const char *value)
{
    const char *place = hg_textf(arena, "{%s}", name), *at;
    hg_buf b = { .arena = arena };
    if (!value || !strstr(word, place))
        return word;
    for (; (at = strstr(word, place)); word = at + strlen(place)) {
        hg_buf_add(&b, word, (size_t)(at - word));
        hg_buf_puts(&b, value);
    }
    hg_buf_puts(&b, word);
    return b.s;
}

/* A switch is given, left out where it is off by itself, else said no to; everything else is a flag and its value. */
static size_t add_flag(hg_arena *arena, const hg_adapter *a, const char *name, const char *value, const char **out)
{
    const hg_engine_knob *k = flagged(a, name);
    if (k && k->type == HG_KNOB_SWITCH && is_false(value) && (is_off_by_itself(k) || !has_no_form(a)))
        return 0;
    if (k && k->type == HG_KNOB_SWITCH)
        return out[0] = hg_textf(arena, is_false(value) ? "--no-%s" : "--%s", name), 1;
    out[0] = hg_textf(arena, "--%s", name);
    out[1] = value;
    return 2;
}

const char **hg_adapter_argv(hg_arena *arena, const hg_adapter *a, const hg_tune_knobs *k, const hg_tune_space *s, size_t point, int port)
{
    const char **argv = HG_NEW(arena, const char *, a->launch_count + 2 * k->count + 1), *at = hg_textf(arena, "%d", port);
    size_t n = 0;
    for (size_t i = 0; i < a->launch_count; i++) {
        const char *word = with(arena, with(arena, a->launch[i], "port", at), "model", a->model);
        for (size_t j = 0; j < k->count; j++)
            word = with(arena, word, k->list[j].name, hg_tune_point_value(k, s, point, j));
        argv[n++] = word;
    }
    for (size_t j = 0; j < k->count && !a->placed; j++)
        if (!k->list[j].live_path)
            n += add_flag(arena, a, k->list[j].name, hg_tune_point_value(k, s, point, j), argv + n);
    return argv;
}

const char *hg_adapter_text(hg_arena *arena, const char *const *argv)
{
    hg_buf b = { .arena = arena };
    for (size_t i = 0; argv[i]; i++)
        hg_buf_printf(&b, "%s%s", i ? " " : "", hg_shell_word(arena, argv[i]));
    return b.s;
}
