#include "engine/emit.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

const hg_emitter *hg_emitter_find(const char *engine)
{
    static const hg_emitter *const emitters[] = {
#define EMITTER(name) &hg_emit_##name,
#include "engine/emits.def"
#undef EMITTER
    };
    for (size_t i = 0; i < sizeof emitters / sizeof *emitters; i++)
        if (strcmp(emitters[i]->name, engine) == 0)
            return emitters[i];
    return NULL;
}

const char *hg_shell_word(hg_arena *arena, const char *text)
{
    bool plain = *text;
    for (const char *p = text; *p; p++)
        plain &= isalnum((unsigned char)*p) || strchr("-_./:=,+@%", *p);
    if (plain)
        return text;
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, "'");
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            hg_buf_puts(&b, "'\\''");
        else
            hg_buf_add(&b, p, 1);
    }
    hg_buf_puts(&b, "'");
    return b.s;
}
