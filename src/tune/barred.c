#include "tune/barred.h"

#include <math.h>

/* A rule of two conditions is this much rarer than one of one; a failure that is its point's own affair is as rare as many rules. */
static const double TWO = 0.2, ITS_OWN = 0.3;
static const double FLAKY = 0.02;      /* a point that the rule covers runs all the same */
static const double SHARED = 1.5;      /* a rule gains this factor by each other failure it explains */
static const double UNTOLD = 0.03;     /* of a point that no failure speaks of */

typedef enum relation { IS, AT_LEAST, AT_MOST, RELATIONS } relation;

typedef struct condition {
    size_t knob;
    uint8_t level;
    relation how;
} condition;

typedef struct rule {
    condition c[2];                    /* alike where it has one */
    double weight;
} rule;

typedef struct failure {
    size_t point, count;
    rule *rules;
    double total;
} failure;

struct hg_barred {
    hg_arena *arena;
    const hg_tune_space *space;
    size_t *ran, ran_count, ran_capacity; /* points that did */
    failure *list;
    size_t listed, list_capacity;
    bool *is_listed, *is_ran;
};

hg_barred *hg_barred_new(hg_arena *arena, const hg_tune_space *space)
{
    hg_barred *b = HG_NEW(arena, hg_barred, 1);
    *b = (hg_barred){ .arena = arena, .space = space, .is_listed = HG_NEW(arena, bool, space->points), .is_ran = HG_NEW(arena, bool, space->points) };
    return b;
}

static bool meets(const hg_barred *b, size_t point, const condition *c)
{
    uint8_t l = b->space->at[point][c->knob];
    return c->how == IS ? l == c->level : c->how == AT_LEAST ? l >= c->level : l <= c->level;
}

static bool covers(const hg_barred *b, const rule *r, size_t point)
{
    return meets(b, point, &r->c[0]) && meets(b, point, &r->c[1]);
}

/* What may be said of a knob of the point: of names the value, of sizes the side that it lies on. */
static size_t conditions(const hg_barred *b, size_t point, condition *out)
{
    size_t n = 0;
    for (size_t k = 0; k < b->space->knobs; k++) {
        uint8_t l = b->space->at[point][k];
        size_t most = b->space->levels[k] - 1;
        if (!b->space->ordered[k])
            out[n++] = (condition){ k, l, IS };
        if (b->space->ordered[k] && l > 0)
            out[n++] = (condition){ k, l, AT_LEAST };
        if (b->space->ordered[k] && l < most)
            out[n++] = (condition){ k, l, AT_MOST };
    }
    return n;
}

static void explain(hg_barred *b, size_t point)
{
    condition *c = HG_NEW(b->arena, condition, 2 * b->space->knobs + 1);
    size_t n = conditions(b, point, c);
    failure *f = HG_PUSH(b->arena, b->list, b->listed, b->list_capacity);
    *f = (failure){ .point = point, .rules = HG_NEW(b->arena, rule, n * (n + 1) / 2 + 1) };
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++)
            f->rules[f->count++] = (rule){ .c = { c[i], c[j] } };
}

static void weigh(hg_barred *b, failure *f)
{
    f->total = ITS_OWN;
    for (rule *r = f->rules; r < f->rules + f->count; r++) {
        bool one = r->c[0].knob == r->c[1].knob && r->c[0].how == r->c[1].how;
        r->weight = one ? 1 : TWO;
        for (size_t i = 0; i < b->ran_count; i++)
            r->weight *= covers(b, r, b->ran[i]) ? FLAKY : 1;
        for (size_t i = 0; i < b->listed; i++)
            r->weight *= b->list[i].point != f->point && covers(b, r, b->list[i].point) ? SHARED : 1;
        f->total += r->weight;
    }
}

void hg_barred_tell(hg_barred *b, size_t point, bool failed)
{
    if (failed && !b->is_listed[point])
        explain(b, point);
    if (!failed && !b->is_ran[point])
        *HG_PUSH(b->arena, b->ran, b->ran_count, b->ran_capacity) = point;
    b->is_listed[point] |= failed;
    b->is_ran[point] |= !failed;
    for (size_t i = 0; i < b->listed; i++)
        weigh(b, &b->list[i]);
}

static double by(const hg_barred *b, const failure *f, size_t point)
{
    double shared = point == f->point ? ITS_OWN : 0;
    for (const rule *r = f->rules; r < f->rules + f->count; r++)
        shared += covers(b, r, point) ? r->weight : 0;
    return shared / f->total;
}

double hg_barred_chance(const hg_barred *b, size_t point)
{
    double most = UNTOLD;
    if (b->is_ran[point])
        return b->is_listed[point] ? 0.5 : 0;
    for (size_t i = 0; i < b->listed; i++)
        most = fmax(most, by(b, &b->list[i], point));
    return most;
}
