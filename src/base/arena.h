/* Memory by lifetime: one arena a question, freed at once.
 *
 * An arena reserves address space and lets the kernel commit pages on first touch, so it never moves
 * and a copy of the struct is a scratch arena: what the copy allocates ends when the copy is dropped.
 * Pass a pointer when the result outlives the call, a copy when it does not.  One thread an arena. */
#ifndef HG_BASE_ARENA_H
#define HG_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct hg_arena {
    char *at, *end; /* free space: [at, end) */
    char *base;     /* what hg_arena_close returns to the system; NULL before open */
    char **fresh;   /* in the arena itself, so that copies share it: from *fresh on nothing was ever given out */
} hg_arena;

enum { HG_ARENA_DEFAULT_GIB = 64 };

/* False when the system refuses the address space.  reserve_bytes 0: HG_ARENA_DEFAULT_GIB, or what half, a quarter … of it
 * the system grants. */
bool hg_arena_open(hg_arena *arena, size_t reserve_bytes);
void hg_arena_close(hg_arena *arena);

/* The upper half of the free space as an arena of its own, to be dropped before `arena` is; arena keeps the lower. */
hg_arena hg_arena_split(hg_arena *arena);

/* Zeroed memory, aligned for any type.  Ends the program when the reservation is exhausted: an
 * arena is sized for the largest legal question, so that is our mistake and not the user's. */
void *hg_alloc(hg_arena *arena, size_t count, size_t size);

#define HG_NEW(arena, type, count) ((type *)hg_alloc((arena), (size_t)(count), sizeof(type)))

/* A growing array in an arena: doubles by copying, the old half stays until the arena goes. */
void *hg_grow(hg_arena *arena, void *items, size_t count, size_t *capacity, size_t size);

#define HG_PUSH(arena, items, count, capacity)                                                     \
    ((items) = hg_grow((arena), (items), (count), &(capacity), sizeof *(items)), &(items)[(count)++])

#endif
