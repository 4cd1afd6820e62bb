#include "api/tune_launch.h"

#include <stdio.h>
#include <string.h>

/* The engine whose launches these are; NULL: a command that heng does not know. */
static const char *engine_of(const hg_tune *t)
{
    return t->adapter.table.engine;
}

static bool read_launch(hg_arena *arena, const hg_ask *a, const hg_tune *t, size_t point, hg_fixed_launch *out)
{
    hg_launch_texts texts;
    hg_err none;
    if (!engine_of(t))
        return false;
    const char *text = hg_adapter_text(arena, hg_adapter_argv(arena, &t->adapter, &t->knobs, &t->space, point, 8000));
    if (!hg_launch_read(arena, &a->data, "launch", text, strlen(text), engine_of(t), t->adapter.table.version, &texts, &none) || texts.count != 1)
        return false;
    out->launch = texts.list;
    hg_launch_words(arena, out->launch, &out->said);
    return true;
}

/* The deployment's word that a knob sets; NULL: heng's model knows nothing of it. */
static const hg_word *word_of(const hg_tune *t, const char *knob)
{
    const char *name = hg_adapter_carries(&t->adapter, knob);
    const hg_word *w = hg_word_find(name ? name : knob);
    bool deploys = w && hg_word_serves(w, "emit") && hg_word_serves(w, "simulate") && !hg_word_serves(w, "tune");
    return deploys ? w : NULL;
}

/* "{batch}": what that knob is set to, else its default. */
static const char *resolved(const hg_tune *t, size_t point, const char *means)
{
    size_t n = means ? strlen(means) : 0;
    if (n < 3 || means[0] != '{' || means[n - 1] != '}')
        return means;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(n - 2), means + 1);
    for (size_t i = 0; i < t->knobs.count; i++)
        if (strcmp(t->knobs.list[i].name, name) == 0)
            return hg_tune_point_value(&t->knobs, &t->space, point, i);
    return hg_adapter_default(&t->adapter, name, NULL);
}

static void by_words(hg_arena *arena, const hg_tune *t, size_t point, hg_said_words *out)
{
    for (size_t i = 0; i < t->knobs.count && out->count < HG_SAID_WORDS; i++) {
        const hg_word *w = word_of(t, t->knobs.list[i].name);
        const char *value = hg_tune_point_value(&t->knobs, &t->space, point, i);
        const char *means = w ? resolved(t, point, hg_adapter_means(&t->adapter, t->knobs.list[i].name, value)) : NULL;
        if (means)
            out->list[out->count++] = (hg_said){ hg_strdup(arena, w->name), means, 0 };
    }
}

void hg_tune_said_of(hg_arena *arena, const hg_ask *a, const hg_tune *t, size_t point, hg_tune_said *out)
{
    hg_buf b = { .arena = arena };
    *out = (hg_tune_said){ .key = "" };
    if (!read_launch(arena, a, t, point, &out->launch)) {
        out->launch = (hg_fixed_launch){ 0 };
        by_words(arena, t, point, &out->launch.said);
    }
    const hg_said_words *said = &out->launch.said;
    hg_buf_puts(&b, "");
    for (size_t i = 0; i < said->count; i++)
        hg_buf_printf(&b, "%s=%s ", said->list[i].word, said->list[i].value);
    if (said->told_fraction > 0 || said->spare_bytes > 0)
        hg_buf_printf(&b, "memory=%.9g,%.9g ", said->told_fraction, said->spare_bytes);
    out->key = b.s;
}

/* Points stand in order, the last knob's values next to each other. */
static size_t step_of(const hg_tune *t, size_t knob)
{
    size_t step = 1;
    for (size_t i = knob + 1; i < t->knobs.count; i++)
        step *= t->space.levels[i];
    return step;
}

static bool changes(hg_arena scratch, const hg_ask *a, const hg_tune *t, size_t knob, const char *key)
{
    size_t baseline = t->space.baseline, level = t->space.at[baseline][knob];
    for (size_t l = 0; l < t->space.levels[knob]; l++) {
        hg_arena one = scratch;
        hg_tune_said *other = HG_NEW(&one, hg_tune_said, 1);
        hg_tune_said_of(&one, a, t, baseline + l * step_of(t, knob) - level * step_of(t, knob), other);
        if (strcmp(other->key, key) != 0)
            return true;
    }
    return false;
}

size_t hg_tune_modelled(hg_arena scratch, const hg_ask *a, const hg_tune *t, bool *modelled)
{
    size_t n = 0;
    hg_tune_said *base = HG_NEW(&scratch, hg_tune_said, 1);
    hg_tune_said_of(&scratch, a, t, t->space.baseline, base);
    for (size_t i = 0; i < t->knobs.count; i++)
        n += modelled[i] = changes(scratch, a, t, i, base->key);
    return n;
}

int64_t hg_tune_devices(hg_arena scratch, const hg_ask *a, const hg_tune *t, size_t point)
{
    hg_tune_said *said = HG_NEW(&scratch, hg_tune_said, 1);
    hg_deployment d = { .tp = 1, .pp = 1, .dp = 1, .ep = 1, .replicas = 1 };
    hg_tune_said_of(&scratch, a, t, point, said);
    hg_said_apply(&said->launch.said, &d);
    return hg_deployment_devices(&d);
}

static void add_fact(hg_export_fact *list, size_t *n, const char *key, const char *value)
{
    if (value)
        list[(*n)++] = (hg_export_fact){ key, value };
}

static bool is_calibrated_by(const char *word)
{
    static const char *const words[] = { "tp", "pp", "dp", "ep", "max_num_seqs", "max_num_batched_tokens", "kv_dtype", "precision" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

const hg_export_fact *hg_tune_facts(hg_arena *arena, const hg_ask *a, const hg_tune *t, size_t point, size_t *count)
{
    hg_tune_said *said = HG_NEW(arena, hg_tune_said, 1);
    hg_export_fact *out = HG_NEW(arena, hg_export_fact, HG_SAID_WORDS + 5);
    hg_tune_said_of(arena, a, t, point, said);
    const hg_said_words *w = &said->launch.said;
    bool of_total = said->launch.launch && said->launch.launch->knobs->fraction_of == HG_OF_TOTAL;
    *count = 0;
    add_fact(out, count, "model", a->s.model.s);
    add_fact(out, count, "device", a->s.device.s);
    add_fact(out, count, "engine", t->adapter.modelled_as ? t->adapter.modelled_as : engine_of(t));
    add_fact(out, count, "engine_version", a->s.engine_version.s);
    for (size_t i = 0; i < w->count; i++)
        if (is_calibrated_by(w->list[i].word))
            add_fact(out, count, w->list[i].word, w->list[i].value);
    /* Other engines' fractions mean other parts of the memory. */
    if (of_total && w->told_fraction > 0)
        add_fact(out, count, "gpu_memory_utilization", hg_textf(arena, "%.9g", w->told_fraction));
    return out;
}

const char *hg_tune_facts_open(const hg_ask *a)
{
    return !a->s.model.s && !a->s.device.s ? " --model ID --device NAME" : !a->s.model.s ? " --model ID" : !a->s.device.s ? " --device NAME" : "";
}
