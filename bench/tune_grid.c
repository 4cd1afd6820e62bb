/* The combinations of tune.def. */
#include "tune.h"

#include "base/text.h"

#include <string.h>

static void add(hg_arena *arena, tune_grid *g, const char *flag, bool ordered, const char *values, const char *own)
{
    tune_knob *k = &g->knob[g->knobs++];
    *k = (tune_knob){ .flag = flag, .ordered = ordered };
    for (const char *at = values; *at;) {
        size_t n = strcspn(at, "|");
        k->value[k->levels] = hg_strndup(arena, at, n);
        k->own = strcmp(k->value[k->levels], own) == 0 ? k->levels : k->own;
        k->levels++;
        at += n + (at[n] != '\0');
    }
    g->points *= k->levels;
}

void tune_grid_make(hg_arena *arena, tune_grid *g)
{
    *g = (tune_grid){ .points = 1 };
#define KNOB(flag, ordered, values, own) add(arena, g, flag, ordered, values, own);
#include "tune.def"
#undef KNOB
}

void tune_grid_at(const tune_grid *g, size_t point, uint8_t level[TUNE_KNOBS_MOST])
{
    for (size_t k = g->knobs; k-- > 0;) {
        level[k] = (uint8_t)(point % g->knob[k].levels);
        point /= g->knob[k].levels;
    }
}

size_t tune_grid_own(const tune_grid *g)
{
    size_t point = 0;
    for (size_t k = 0; k < g->knobs; k++)
        point = point * g->knob[k].levels + g->knob[k].own;
    return point;
}
