#include "api/catalog.h"

#include "base/json.h"

#include <math.h>
#include <stdlib.h>

static const char path[] = "serving/overheads.json";

static const char *of(const hg_buf *b, const json_t *row, const char *figure, const char *what)
{
    const json_t *frac = json_object_get(json_object_get(row, figure), what);
    return hg_percent(b->arena, json_is_number(frac) ? json_number_value(frac) : NAN, 1, false, " %");
}

static void as_text(hg_buf *b, const json_t *rows)
{
    hg_buf_puts(b, "| runs | rows | answered | overloaded | TPOT median | mean | TTFT median | mean |\n"
                   "|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *r = json_array_get(rows, i);
        hg_buf_printf(b, "| %s | %lld | %lld | %lld | %s | %s | %s | %s |\n",
                      json_string_value(json_object_get(r, "group")), json_integer_value(json_object_get(r, "n")),
                      json_integer_value(json_object_get(r, "answered")),
                      json_integer_value(json_object_get(r, "overloaded")), of(b, r, "tpot", "median"),
                      of(b, r, "tpot", "mean"), of(b, r, "ttft", "median"), of(b, r, "ttft", "mean"));
    }
}

/* What the fit of the host overheads says of its own errors, on configurations it did not see. */
hg_code hg_catalog_serving(hg_ask *a)
{
    size_t size;
    hg_buf b = { .arena = a->arena };
    const char *text = hg_data_text(&a->data, a->arena, path, &size, &a->err);
    json_t *root = text ? hg_json_parse(text, size, path, &a->err) : NULL;
    if (!root)
        return a->err.code;
    const json_t *rows = json_object_get(root, "errors");
    if (a->s.json.v) {
        char *dump = json_dumps(rows, JSON_COMPACT);
        hg_buf_printf(&b, "%s\n", dump ? dump : "[]");
        free(dump);
    } else {
        as_text(&b, rows);
    }
    json_decref(root);
    return hg_answer(a, b.s, b.n);
}
