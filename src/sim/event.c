#include "sim/event.h"

#include <assert.h>

void hg_events_open(hg_events *e, hg_arena *arena, int32_t slots)
{
    *e = (hg_events){ .at_ns = HG_NEW(arena, int64_t, slots), .heap = HG_NEW(arena, int32_t, slots),
                      .place = HG_NEW(arena, int32_t, slots) };
    for (int32_t i = 0; i < slots; i++)
        e->at_ns[i] = HG_NEVER;
}

static bool before(const hg_events *e, int32_t a, int32_t b)
{
    return e->at_ns[a] != e->at_ns[b] ? e->at_ns[a] < e->at_ns[b] : a < b;
}

static void put(hg_events *e, int32_t place, int32_t slot)
{
    e->heap[place] = slot;
    e->place[slot] = place;
}

static void rise(hg_events *e, int32_t i, int32_t slot)
{
    for (; i > 0 && before(e, slot, e->heap[(i - 1) / 2]); i = (i - 1) / 2)
        put(e, i, e->heap[(i - 1) / 2]);
    put(e, i, slot);
}

static void sink(hg_events *e, int32_t i, int32_t slot)
{
    for (int32_t child; (child = 2 * i + 1) < e->count; i = child) {
        if (child + 1 < e->count && before(e, e->heap[child + 1], e->heap[child]))
            child++;
        if (!before(e, e->heap[child], slot))
            break;
        put(e, i, e->heap[child]);
    }
    put(e, i, slot);
}

void hg_events_set(hg_events *e, int32_t slot, int64_t at_ns)
{
    bool later = at_ns > e->at_ns[slot], fresh = e->at_ns[slot] == HG_NEVER;
    e->at_ns[slot] = at_ns;
    if (fresh)
        rise(e, e->count++, slot);
    else if (later)
        sink(e, e->place[slot], slot);
    else
        rise(e, e->place[slot], slot);
}

int32_t hg_events_pop(hg_events *e)
{
    assert(e->count > 0);
    int32_t top = e->heap[0], moved = e->heap[--e->count];
    e->at_ns[top] = HG_NEVER;
    if (e->count)
        sink(e, 0, moved);
    return top;
}
