#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 16 };

static const size_t LEAST = (size_t)1 << 30;

static void *reserve(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

bool hg_arena_open(hg_arena *arena, size_t reserve_bytes)
{
    size_t bytes = reserve_bytes ? reserve_bytes : (size_t)HG_ARENA_DEFAULT_GIB << 30;
    void *base = reserve(bytes);
    for (; base == MAP_FAILED && !reserve_bytes && bytes > LEAST; base = reserve(bytes))
        bytes /= 2;
    if (base == MAP_FAILED)
        return false;
    *arena = (hg_arena){ .at = (char *)base + ALIGN, .end = (char *)base + bytes, .base = base, .fresh = base };
    *arena->fresh = arena->at;
    return true;
}

hg_arena hg_arena_split(hg_arena *arena)
{
    char *middle = arena->at + (arena->end - arena->at) / 2 / ALIGN * ALIGN, *seen = *arena->fresh;
    hg_arena upper = { .at = middle + ALIGN, .end = arena->end, .fresh = (char **)(void *)middle };
    *upper.fresh = seen > upper.at ? seen : upper.at;
    *arena->fresh = arena->end; /* what the upper half will have used is not known here */
    arena->end = middle;
    return upper;
}

void hg_arena_close(hg_arena *arena)
{
    if (arena->base)
        munmap(arena->base, (size_t)(arena->end - arena->base));
    *arena = (hg_arena){ 0 };
}

void *hg_alloc(hg_arena *arena, size_t count, size_t size)
{
    assert(size == 0 || count <= PTRDIFF_MAX / size);
    size_t bytes = (count * size + ALIGN - 1) / ALIGN * ALIGN;
    assert(bytes <= (size_t)(arena->end - arena->at) && "arena exhausted");
    char *p = arena->at, **fresh = arena->fresh;
    arena->at += bytes;
    /* Fresh pages are zero and cost nothing until they are used; a scratch copy may have used these before. */
    if (p < *fresh)
        memset(p, 0, (size_t)((arena->at < *fresh ? arena->at : *fresh) - p));
    if (*fresh < arena->at)
        *fresh = arena->at;
    return p;
}

void *hg_grow(hg_arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    size_t more = *capacity ? 2 * *capacity : 16;
    void *bigger = hg_alloc(arena, more, size);
    if (count)
        memcpy(bigger, items, count * size);
    *capacity = more;
    return bigger;
}
