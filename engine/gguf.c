/* gguf --config MODEL -o FILE.gguf [--type f16|f32|bf16|q8_0] [--seed N] [--force]
 *
 * A GGUF file with the shape of MODEL (a config.json, its folder, or an id of heng's catalogue;
 * --model is the same) and random weights: right for speed and memory, never for what it says. Exit
 * codes: 0 written, 1 the file cannot be, 2 wrong usage or a model that has no such form. */
#include "gguf.h"

#include "base/num.h"
#include "base/units.h"

#include <stdio.h>
#include <string.h>

typedef struct options {
    const char *config, *out, *type, *seed;
    bool force;
} options;

static const struct {
    const char *name;
    gguf_type type;
} types[] = {
    { "f16", GGUF_F16 }, { "f32", GGUF_F32 }, { "bf16", GGUF_BF16 }, { "q8_0", GGUF_Q8_0 }
};

static bool set_option(options *o, char **argv, int *i, hg_err *err)
{
    const struct {
        const char *name;
        const char **value;
    } all[] = { { "--config", &o->config },
                { "--model", &o->config },
                { "-o", &o->out },
                { "--type", &o->type },
                { "--seed", &o->seed } };
    if (strcmp(argv[*i], "--force") == 0)
        return o->force = true;
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        if (strcmp(argv[*i], all[k].name) == 0) {
            *all[k].value = argv[++*i];
            return *all[k].value || hg_fail(err, HG_INPUT, all[k].name, "wants a value");
        }
    return hg_fail(err, HG_INPUT, argv[*i],
                   "is no option; there are --config (or --model), -o, --type, --seed and --force");
}

static bool read_type(const options *o, gguf_type *out, hg_err *err)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!o->type || strcmp(o->type, types[i].name) == 0)
            return *out = types[i].type, true;
    return hg_fail(err, HG_INPUT, "--type", "is '%s'; write f16, f32, bf16 or q8_0", o->type);
}

static bool read_options(int argc, char **argv, options *o, gguf_type *type, int64_t *seed,
                         hg_err *err)
{
    *o = (options){ .config = NULL };
    *seed = 0;
    for (int i = 1; i < argc; i++)
        if (!set_option(o, argv, &i, err))
            return false;
    if (!o->config || !o->out)
        return hg_fail(err, HG_INPUT, o->config ? "-o" : "--config",
                       "is missing; write gguf --config config.json -o model.gguf");
    if (o->seed && (!hg_parse_i64(o->seed, seed) || *seed < 0))
        return hg_fail(err, HG_INPUT, "--seed", "is '%s'; write a whole number from 0", o->seed);
    return read_type(o, type, err);
}

static bool make(hg_arena *arena, int argc, char **argv, hg_err *err)
{
    options o;
    gguf_type type = GGUF_F16;
    int64_t seed;
    hg_model m;
    gguf_shape shape;
    const char *note = NULL;
    hg_data data = { .overlay = NULL };
    if (!read_options(argc, argv, &o, &type, &seed, err) ||
        !hg_model_find(arena, &data, o.config, &m, &note, err) ||
        !gguf_shape_of(arena, &m, type, &shape, err))
        return false;
    if (note)
        fprintf(stderr, "gguf: %s\n", note);
    if (!gguf_write(arena, &shape, (uint64_t)seed, o.out, o.force, err))
        return false;
    char size[32];
    double bytes = 0;
    for (size_t i = 0; i < shape.count; i++)
        bytes += (double)gguf_bytes(&shape.tensors[i]);
    printf("%s: %s, %zu tensors, %s\n", o.out, shape.architecture, shape.count,
           hg_format(size, sizeof size, bytes, HG_BYTES));
    return true;
}

int main(int argc, char **argv)
{
    hg_arena arena;
    hg_err err;
    if (!hg_arena_open(&arena, 0)) {
        fprintf(stderr, "gguf: no memory\n");
        return HG_WORLD;
    }
    bool good = make(&arena, argc, argv, &err);
    if (!good)
        fprintf(stderr, "gguf: %s: %s\n", err.where, err.msg);
    hg_arena_close(&arena);
    return good ? HG_DONE : (int)err.code;
}
