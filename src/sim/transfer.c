#include "sim/transfer.h"

static bool before(const hg_transfer *a, const hg_transfer *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void hg_transfer_send(hg_transfers *t, hg_arena *arena, int32_t seq, int64_t at_ns)
{
    hg_transfer new = { at_ns, t->sent++, seq };
    (void)HG_PUSH(arena, t->heap, t->count, t->capacity);
    size_t i = t->count - 1;
    for (; i > 0 && before(&new, &t->heap[(i - 1) / 2]); i = (i - 1) / 2)
        t->heap[i] = t->heap[(i - 1) / 2];
    t->heap[i] = new;
}

int32_t hg_transfer_take(hg_transfers *t)
{
    int32_t seq = t->heap[0].seq;
    hg_transfer last = t->heap[--t->count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < t->count; i = child) {
        if (child + 1 < t->count && before(&t->heap[child + 1], &t->heap[child]))
            child++;
        if (!before(&t->heap[child], &last))
            break;
        t->heap[i] = t->heap[child];
    }
    t->heap[i] = last;
    return seq;
}
