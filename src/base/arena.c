#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 16 };

/* At the base, so that scratch copies share it: memory from there on was never given out, and is zero. */
static char **touched(const hg_arena *arena)
{
    return (char **)(void *)arena->base;
}

bool hg_arena_open(hg_arena *arena, size_t reserve_bytes)
{
    size_t bytes = reserve_bytes ? reserve_bytes : (size_t)HG_ARENA_DEFAULT_GIB << 30;
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return false;
    *arena = (hg_arena){ .at = base, .end = (char *)base + bytes, .base = base };
    (void)HG_NEW(arena, char *, 1); /* its own mark */
    return true;
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
    char *p = arena->at, **fresh = touched(arena);
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
