#include "spec/family.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define FAMILY(type, traits) { type, traits, NULL, true },
#define REFUSE(type, why) { type, 0, why, true },
#define DEFAULT(type, field, value)
static const hg_family families[] = {
#include "spec/family.def"
};
#undef FAMILY
#undef REFUSE
#undef DEFAULT

#define FAMILY(type, traits)
#define REFUSE(type, why)
#define DEFAULT(type, field, value) { type, field, value },
static const struct {
    const char *type, *name;
    int64_t value;
} defaults[] = {
#include "spec/family.def"
};

/* "qwen3_vl_moe_text" is the text part of "qwen3_vl_moe". */
static bool same_type(const char *row, const char *type)
{
    size_t n = strlen(row);
    return strncmp(row, type, n) == 0 && (!type[n] || strcmp(type + n, "_text") == 0);
}

/* "Qwen3MoeForCausalLM" names what model_type calls "qwen3_moe". */
static bool same_architecture(const char *row, const char *architecture)
{
    for (; *row; row++) {
        if (*row == '_' || *row == '-')
            continue;
        if (tolower((unsigned char)*architecture++) != tolower((unsigned char)*row))
            return false;
    }
    return strncmp(architecture, "For", 3) == 0 || strncmp(architecture, "LMHead", 6) == 0;
}

hg_family hg_family_of(const char *type, const char *architecture)
{
    size_t n = sizeof families / sizeof *families;
    for (size_t i = 0; i < n; i++)
        if (same_type(families[i].type, type))
            return families[i];
    for (size_t i = 0; i < n; i++)
        if (same_architecture(families[i].type, architecture))
            return families[i];
    return (hg_family){ .type = type };
}

int64_t hg_family_default(const char *type, const char *name, int64_t absent)
{
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (strcmp(defaults[i].name, name) == 0 && same_type(defaults[i].type, type))
            return defaults[i].value;
    return absent;
}
