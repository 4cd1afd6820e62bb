#include "sim/prefix.h"

#include "base/num.h"

enum { NONE = -1 };

static int64_t common_divisor(int64_t a, int64_t b)
{
    return b ? common_divisor(b, a % b) : a;
}

void hg_prefix_open(hg_prefix *p, hg_arena *arena, hg_kv *kv, const hg_workload *workload)
{
    *p = (hg_prefix){ .kv = kv, .arena = arena, .free = NONE, .oldest = NONE, .newest = NONE };
    if (!workload || workload->hash_block_tokens == 0)
        return;
    int64_t hash_tokens = workload->hash_block_tokens;
    p->hashes = workload->hashes;
    p->unit_hashes = (uint32_t)(kv->block_tokens / common_divisor(hash_tokens, kv->block_tokens));
    p->unit_tokens = p->unit_hashes * hash_tokens;
    p->group = p->unit_tokens / kv->block_tokens;
    uint64_t slots = 16;
    while (slots < 2 * (uint64_t)(kv->blocks / p->group + 1))
        slots *= 2;
    p->mask = slots - 1;
    p->map = HG_NEW(arena, int32_t, slots);
}

static uint64_t home_of(const hg_prefix *p, int64_t hash)
{
    uint64_t x = (uint64_t)hash * 0x9e3779b97f4a7c15u;
    return (x ^ x >> 32) & p->mask;
}

static int32_t find(const hg_prefix *p, int64_t hash)
{
    for (uint64_t i = home_of(p, hash); p->map[i]; i = (i + 1) & p->mask)
        if (p->entries[p->map[i] - 1].hash == hash)
            return p->map[i] - 1;
    return NONE;
}

static void map_add(hg_prefix *p, int32_t entry)
{
    uint64_t i = home_of(p, p->entries[entry].hash);
    while (p->map[i])
        i = (i + 1) & p->mask;
    p->map[i] = entry + 1;
}

/* Later entries of the probe run move up, so no tombstones are needed. */
static void map_remove(hg_prefix *p, int32_t entry)
{
    uint64_t hole = home_of(p, p->entries[entry].hash);
    while (p->map[hole] != entry + 1)
        hole = (hole + 1) & p->mask;
    p->map[hole] = 0;
    for (uint64_t i = (hole + 1) & p->mask; p->map[i]; i = (i + 1) & p->mask) {
        uint64_t home = home_of(p, p->entries[p->map[i] - 1].hash);
        if (((i - home) & p->mask) < ((i - hole) & p->mask))
            continue;
        p->map[hole] = p->map[i];
        p->map[i] = 0;
        hole = i;
    }
}

static int32_t entry_new(hg_prefix *p, hg_unit_entry e)
{
    int32_t i = p->free;
    if (i != NONE) {
        p->free = p->entries[i].next;
    } else {
        i = (int32_t)p->count;
        (void)HG_PUSH(p->arena, p->entries, p->count, p->capacity);
    }
    p->entries[i] = e;
    return i;
}

static void entry_drop(hg_prefix *p, int32_t i)
{
    p->entries[i].next = p->free;
    p->free = i;
}

static void enqueue(hg_prefix *p, int32_t i)
{
    hg_unit_entry *e = &p->entries[i];
    e->prev = p->newest;
    e->next = NONE;
    *(p->newest == NONE ? &p->oldest : &p->entries[p->newest].next) = i;
    p->newest = i;
    p->queued += e->blocks;
}

static void dequeue(hg_prefix *p, int32_t i)
{
    hg_unit_entry *e = &p->entries[i];
    *(e->prev == NONE ? &p->oldest : &p->entries[e->prev].next) = e->next;
    *(e->next == NONE ? &p->newest : &p->entries[e->next].prev) = e->prev;
    p->queued -= e->blocks;
}

/* A workload that is repeated stands for more of its kind, not for the same prompts again: every round has
 * prefixes of its own. */
static int64_t unit_hash(const hg_prefix *p, const hg_seq *s, int32_t unit)
{
    uint64_t own = (uint64_t)p->hashes[s->hash_first + (uint32_t)(unit + 1) * p->unit_hashes - 1];
    return (int64_t)(own ^ s->round * 0xd1342543de82ef95u);
}

/* Units of its prompt that hashes name and `tokens` cover. */
static int32_t units_within(const hg_prefix *p, const hg_seq *s, int64_t tokens)
{
    int64_t covered = hg_min_i64(tokens, s->isl) / p->unit_tokens;
    return (int32_t)hg_min_i64(covered, s->hash_count / p->unit_hashes);
}

int64_t hg_prefix_find(const hg_prefix *p, const hg_seq *s, int64_t limit)
{
    if (!p->group)
        return 0;
    int32_t most = units_within(p, s, limit), unit = 0;
    while (unit < most && find(p, unit_hash(p, s, unit)) != NONE)
        unit++;
    return unit * p->unit_tokens;
}

int64_t hg_prefix_cost(const hg_prefix *p, const hg_seq *s, int64_t target, int64_t hit_tokens)
{
    int64_t blocks = hg_kv_blocks_for(p->kv, target);
    for (int32_t unit = 0; unit < (p->group ? hit_tokens / p->unit_tokens : 0); unit++)
        if (p->entries[find(p, unit_hash(p, s, unit))].holders > 0)
            blocks -= p->group;
    return blocks;
}

int32_t hg_prefix_hold(hg_prefix *p, const hg_seq *s, int64_t hit_tokens)
{
    int32_t units = (int32_t)(p->group ? hit_tokens / p->unit_tokens : 0);
    for (int32_t unit = 0; unit < units; unit++) {
        int32_t i = find(p, unit_hash(p, s, unit));
        if (p->entries[i].holders++ > 0)
            continue;
        dequeue(p, i);
        hg_kv_take(p->kv, p->group);
    }
    return units;
}

void hg_prefix_take(hg_prefix *p, int64_t blocks)
{
    while (p->kv->spare - p->queued < blocks && p->oldest != NONE) {
        int32_t i = p->oldest;
        dequeue(p, i);
        if (p->entries[i].named)
            map_remove(p, i);
        entry_drop(p, i);
    }
    hg_kv_take(p->kv, blocks);
}

/* False when another request holds an equal unit: then this one keeps its copy to itself. */
static bool publish_unit(hg_prefix *p, int64_t hash)
{
    int32_t old = find(p, hash);
    if (old != NONE && p->entries[old].holders > 0)
        return false;
    if (old != NONE) {
        map_remove(p, old);
        p->entries[old].named = false;
    }
    map_add(p, entry_new(p, (hg_unit_entry){ .hash = hash, .holders = 1,
                                             .blocks = (int32_t)p->group, .named = true }));
    return true;
}

int32_t hg_prefix_publish(hg_prefix *p, const hg_seq *s)
{
    if (!p->group)
        return 0;
    int32_t unit = s->shared, most = units_within(p, s, s->computed);
    while (unit < most && publish_unit(p, unit_hash(p, s, unit)))
        unit++;
    return unit;
}

void hg_prefix_release(hg_prefix *p, const hg_seq *s, int64_t own_blocks)
{
    if (p->group && own_blocks > 0)
        enqueue(p, entry_new(p, (hg_unit_entry){ .blocks = (int32_t)own_blocks }));
    for (int32_t unit = s->shared; unit-- > 0;) {
        int32_t i = find(p, unit_hash(p, s, unit));
        if (--p->entries[i].holders > 0)
            continue;
        enqueue(p, i);
        hg_kv_give(p->kv, p->group);
    }
    hg_kv_give(p->kv, own_blocks);
}
