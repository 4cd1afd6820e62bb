#include "measure/results_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* AISBench: a CSV of latencies and a JSON of totals beside it, values with their units as text; "stage" total
 * or stable.  Two files of one run: each is a result of its own, of what it holds. */

static const char *const rows[HG_FIGURES] = { "TTFT", "TPOT", "ITL", "E2EL" };

static bool is_csv(const hg_result_source *s)
{
    return s->table.lines && strcmp(s->table.cells[0][0], "Performance Parameters") == 0;
}

static const char *cell(const hg_result_table *t, const char *row, const char *column, const char *other)
{
    for (size_t i = 1; i < t->lines; i++)
        for (int c = 1; strcmp(t->cells[i][0], row) == 0 && c < t->widths[0] && c < t->widths[i]; c++)
            if (strcmp(t->cells[0][c], column) == 0 || strcmp(t->cells[0][c], other) == 0)
                return t->cells[i][c];
    return "";
}

static double seconds(const hg_result_table *t, const char *row, const char *column, const char *other)
{
    return hg_result_seconds(cell(t, row, column, other), 1e-3);
}

static double plain(const char *text)
{
    char *end;
    double x = strtod(text, &end);
    return end == text || !(fabs(x) < 1e15) ? NAN : x;
}

static bool read_csv(hg_result_source *s, hg_err *err)
{
    const hg_result_table *t = &s->table;
    hg_bench_result *r = hg_result_add(s);
    for (int k = 0; k < HG_FIGURES; k++)
        r->of[k] = (hg_spread_s){ seconds(t, rows[k], "Average", "Mean"), seconds(t, rows[k], "Median", "P50"),
                                  seconds(t, rows[k], "P90", "P90"), seconds(t, rows[k], "P95", "P95"),
                                  seconds(t, rows[k], "P99", "P99") };
    r->isl = plain(cell(t, "InputTokens", "Average", "Mean"));
    r->osl = plain(cell(t, "OutputTokens", "Average", "Mean"));
    r->completed = plain(cell(t, "E2EL", "N", "Count"));
    hg_result_note(r, "the CSV does not tell the load; the JSON beside it does, or say --concurrency");
    return hg_result_finish(s, r, err);
}

const hg_result_format hg_result_format_aisbench_csv = { "aisbench_csv", "AISBench CSV", is_csv, NULL, read_csv };

static bool is_json(const hg_result_source *s)
{
    return s->doc_count && json_is_object(json_object_get(s->docs[0], "Benchmark Duration"));
}

/* {"total": "12.5 ms"}, or "Total", or "stable". */
static const json_t *staged(const json_t *d, const char *key)
{
    const json_t *o = json_object_get(d, key), *v = json_object_get(o, "total");
    v = v ? v : json_object_get(o, "Total");
    return v ? v : json_object_get(o, "stable");
}

static double number(const json_t *d, const char *key)
{
    return hg_result_number(staged(d, key));
}

static bool read_json(hg_result_source *s, const json_t *d, hg_err *err)
{
    const char *lasted = json_string_value(staged(d, "Benchmark Duration"));
    hg_bench_result *r = hg_result_add(s);
    double clients = number(d, "Max Concurrency");
    r->duration_s = lasted ? hg_result_seconds(lasted, 1e-3) : NAN;
    r->completed = number(d, "Success Requests");
    r->failed = number(d, "Failed Requests");
    r->in_flight = number(d, "Concurrency");
    r->concurrency = clients >= 1 && clients < 1e9 ? (int64_t)clients : 0;
    r->isl = number(d, "Total Input Tokens") / r->completed;
    r->osl = number(d, "Total Generated Tokens") / r->completed;
    r->requests_per_s = number(d, "Request Throughput");
    r->output_tokens_per_s = number(d, "Output Token Throughput");
    r->total_tokens_per_s = number(d, "Total Token Throughput");
    for (int k = 0; k < HG_FIGURES; k++) { /* newer versions put the latencies beside the totals */
        const char *mean = json_string_value(json_object_get(json_object_get(d, rows[k]), "Average"));
        r->of[k].mean = mean ? hg_result_seconds(mean, 1e-3) : NAN;
    }
    return hg_result_finish(s, r, err);
}

const hg_result_format hg_result_format_aisbench = { "aisbench", "AISBench JSON", is_json, read_json, NULL };
