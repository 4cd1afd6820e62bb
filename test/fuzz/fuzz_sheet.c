/* A row of a sheet of published results, one cell a line: any text gives a row or the reason against it, and what
 * it gives is within what the simulator takes. */
#include "measure/sheet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const hg_serving_row *r)
{
    assert(r->tp >= 1 && r->pp >= 1 && r->dp >= 1 && r->own);
    assert(r->own->prefix_hit_frac >= 0 && r->own->prefix_hit_frac < 1);
    assert(r->refused || (r->isl >= 1 && r->osl >= 1 && r->concurrency >= 1));
    assert(r->refused || !r->disaggregated || (r->prefill.workers >= 1 && r->decode.workers >= 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static hg_arena arena;
    if (!arena.base && !hg_arena_open(&arena, (size_t)1 << 30))
        abort();
    hg_arena scratch = arena;
    char *text = hg_alloc(&scratch, size + 1, 1);
    const char *cells[HG_SHEET_FIELDS];
    memcpy(text, bytes, size);
    text[size] = 0;
    for (int i = 0; i < HG_SHEET_FIELDS; i++) {
        cells[i] = text;
        size_t n = strcspn(text, "\n");
        text += n + (text[n] == '\n');
        ((char *)cells[i])[n] = 0;
    }
    hg_serving_row row;
    hg_sheet_row(&scratch, cells, &row);
    check(&row);
    return 0;
}
