#include "sim/seq.h"

void hg_seqs_open(hg_seqs *s, hg_arena *arena)
{
    *s = (hg_seqs){ .arena = arena, .free = HG_NO_SEQ };
}

int32_t hg_seqs_take(hg_seqs *s)
{
    int32_t seq = s->free;
    if (seq == HG_NO_SEQ) {
        seq = (int32_t)s->count;
        (void)HG_PUSH(s->arena, s->at, s->count, s->capacity);
    } else {
        s->free = s->at[seq].next;
    }
    s->at[seq] = (hg_seq){ .scheduled_ns = -1, .first_token_ns = -1, .lane = HG_NO_LANE,
                           .prev = HG_NO_SEQ, .next = HG_NO_SEQ };
    return seq;
}

void hg_seqs_give(hg_seqs *s, int32_t seq)
{
    s->at[seq].next = s->free;
    s->free = seq;
}

void hg_list_append(hg_list *l, hg_seqs *s, int32_t seq)
{
    s->at[seq].prev = l->tail;
    s->at[seq].next = HG_NO_SEQ;
    *(l->tail == HG_NO_SEQ ? &l->head : &s->at[l->tail].next) = seq;
    l->tail = seq;
    l->count++;
}

void hg_list_prepend(hg_list *l, hg_seqs *s, int32_t seq)
{
    s->at[seq].next = l->head;
    s->at[seq].prev = HG_NO_SEQ;
    *(l->head == HG_NO_SEQ ? &l->tail : &s->at[l->head].prev) = seq;
    l->head = seq;
    l->count++;
}

void hg_list_remove(hg_list *l, hg_seqs *s, int32_t seq)
{
    int32_t prev = s->at[seq].prev, next = s->at[seq].next;
    *(prev == HG_NO_SEQ ? &l->head : &s->at[prev].next) = next;
    *(next == HG_NO_SEQ ? &l->tail : &s->at[next].prev) = prev;
    l->count--;
}

void hg_list_move(hg_list *to, hg_list *from, hg_seqs *s)
{
    if (from->count == 0)
        return;
    s->at[from->head].prev = to->tail;
    *(to->tail == HG_NO_SEQ ? &to->head : &s->at[to->tail].next) = from->head;
    to->tail = from->tail;
    to->count += from->count;
    *from = hg_list_empty();
}
