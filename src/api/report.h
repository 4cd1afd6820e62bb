/* The parts of report.html: each adds its section to the page, or nothing when it has none. */
#ifndef HG_API_REPORT_H
#define HG_API_REPORT_H

#include "api/html.h"
#include "api/plan_detail.h"

typedef struct hg_report {
    hg_arena *arena;
    hg_buf *b;
    const hg_plan *p;
    const char *model_word;
    bool files; /* the page lies beside launch files */
} hg_report;

void hg_report_question(const hg_report *r);
void hg_report_answer(const hg_report *r);
void hg_report_promise(const hg_report *r);
void hg_report_launch(const hg_report *r);
void hg_report_reasons(const hg_report *r);
void hg_report_memory(const hg_report *r);
void hg_report_waterfall(const hg_report *r);
void hg_report_curves(const hg_report *r);
void hg_report_second(const hg_report *r);
void hg_report_sensitivity(const hg_report *r);
void hg_report_assumptions(const hg_report *r);
void hg_report_time(const hg_report *r);
void hg_report_what_if(const hg_report *r);
void hg_report_front(const hg_report *r);
void hg_report_day(const hg_report *r);
void hg_report_top(const hg_report *r);
void hg_report_choices(const hg_report *r);
void hg_report_left_out(const hg_report *r);
void hg_report_origin(const hg_report *r);

/* A section's start: its heading, and one sentence under it (NULL: none). */
void hg_report_section(const hg_report *r, const char *id, const char *heading, const char *lead);
/* A sentence that takes nothing, in the page's language. */
const char *hg_report_form(const hg_report *r, hg_text text);
typedef struct hg_column {
    hg_text text;
    const char *kind; /* "n": figures; "barcell": bars; "": text */
} hg_column;
/* A table's start, to its first row; the columns end with a NULL kind.  On narrow screens it
 * scrolls. */
void hg_report_table(const hg_report *r, const char *kind, const hg_column *columns);
void hg_report_table_end(const hg_report *r);
/* A cell of a figure, with the value that sorting goes by. */
void hg_report_figure(const hg_report *r, double value, const char *text);
/* "2 x tp4 kv-fp8" above "256 seqs, 8192 tokens". */
void hg_report_deployment(const hg_report *r, const hg_deployment *d, const hg_deployment *prefill);
/* "28 requests/s, Poisson" */
const char *hg_report_load(const hg_report *r);
/* "TTFT p90" */
const char *hg_report_limit_name(const hg_report *r, const hg_limit *l);
/* The limit missed by most, as value ÷ limit; -1 when all are kept. */
int hg_report_worst_limit(const hg_plan *p, double *ratio);

/* Texts that make the page, each ended by NULL. */
extern const char *const hg_report_style[], *const hg_report_script[];

#endif
