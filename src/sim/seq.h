/* Live requests: a table with a free list, and lists of them by index (the table may move). */
#ifndef HG_SIM_SEQ_H
#define HG_SIM_SEQ_H

#include "base/arena.h"
#include "base/rng.h"

#include <stdbool.h>
#include <stdint.h>

enum { HG_NO_SEQ = -1, HG_NO_LANE = -1 };

typedef struct hg_seq {
    int64_t sent_ns, seen_ns;      /* by the client; by the engine */
    int64_t scheduled_ns;          /* first time; -1 before */
    int64_t first_token_ns;        /* -1 before */
    int64_t last_token_ns;         /* when it joined its lane, or when preempted out of it */
    int64_t admitted;              /* its number in the instance's order of admissions */
    int64_t join_step;             /* the lane's step when it joined the decodes */
    int64_t number;                /* of the request, in arrival order */
    int32_t isl, osl;
    int32_t computed;              /* tokens in the KV cache: of the prompt so far, or when it joined */
    int32_t generated;             /* tokens made: before it joined its lane, or in all */
    int32_t lane;                  /* among whose decodes it is, or HG_NO_LANE */
    int32_t heap_place;            /* in that lane's finish heap */
    int32_t prev, next;            /* in the one list it is on */
    int32_t preemptions, prefix_hit_tokens, replica;
    uint32_t hash_first, hash_count;
    uint32_t round;                /* how often the workload was repeated before */
    int32_t shared;                /* how many of its hash blocks it holds through the prefix cache */
    int32_t extra;                 /* tokens made beyond one a step since it joined its lane (accepted drafts) */
    int32_t slots;                 /* tokens that it holds KV for, where that is more than are computed */
    int32_t gaps;                  /* steps that brought it tokens after the first, before it joined its lane */
    hg_rng draws;                  /* what of its drafts is accepted */
    int32_t made;                  /* tokens that the step just over brought it */
    bool ends;                     /* … its last one among them */
    bool counted, completing;      /* completing: its last chunk is in a step under way */
} hg_seq;

typedef struct hg_seqs {
    hg_arena *arena;
    hg_seq *at;
    size_t count, capacity;
    int32_t free; /* the first free slot, chained by next */
} hg_seqs;

typedef struct hg_list {
    int32_t head, tail;
    int64_t count;
} hg_list;

void hg_seqs_open(hg_seqs *s, hg_arena *arena);
int32_t hg_seqs_take(hg_seqs *s); /* a zeroed slot; pointers into the table end here */
void hg_seqs_give(hg_seqs *s, int32_t seq);

static inline hg_list hg_list_empty(void) { return (hg_list){ HG_NO_SEQ, HG_NO_SEQ, 0 }; }
void hg_list_append(hg_list *l, hg_seqs *s, int32_t seq);
void hg_list_prepend(hg_list *l, hg_seqs *s, int32_t seq);
void hg_list_move(hg_list *to, hg_list *from, hg_seqs *s); /* all, in order, to the tail */
void hg_list_remove(hg_list *l, hg_seqs *s, int32_t seq);

#endif
