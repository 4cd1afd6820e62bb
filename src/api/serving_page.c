#include "api/serving_page.h"

#include "api/html.h"
#include "api/svg.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { PLOT_PX = 420 };

static const char style[] =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "td,th{padding:.15rem .7rem;text-align:right;border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}"
    ".plots{display:flex;gap:2rem;flex-wrap:wrap}.plots>div{flex:1 1 26rem}svg{width:100%;overflow:visible}"
    ".p{stroke:none;fill-opacity:.55}.c0{fill:#1f6fb4}.c1{fill:#d9822b}.c2{fill:#3a8f4d}.c3{fill:#8a4fa3}"
    ".axis{stroke:#999}.same{stroke:#444}.off{stroke:#bbb;stroke-dasharray:4 4}text{font-size:12px;fill:#444}";

/* Where a time lies on an axis of its logarithm. */
typedef struct log_axis {
    double least, most;
} log_axis;

static double place(const log_axis *a, double s)
{
    return (log(s) - log(a->least)) / (log(a->most) - log(a->least));
}

static void widen(log_axis *a, double s)
{
    if (!(s > 0) || !isfinite(s))
        return;
    a->least = fmin(a->least, s);
    a->most = fmax(a->most, s);
}

static double measured(const hg_serving_sample *s, bool ttft)
{
    return ttft ? s->ttft_s : s->tpot_s;
}

static double predicted(const hg_serving_figures *f, bool ttft)
{
    return ttft ? f->ttft_s : f->tpot_s;
}

static int color_of(const char *engine)
{
    static const char *const engines[] = { "vllm", "sglang", "trtllm" };
    for (int i = 0; i < 3; i++)
        if (strcmp(engines[i], engine) == 0)
            return i;
    return 3;
}

static void ticks(hg_buf *b, const log_axis *a)
{
    for (double t = pow(10, ceil(log10(a->least))); t <= a->most; t *= 10) {
        double at = place(a, t);
        hg_svg_line(b, "off", at, 0, at, 1);
        hg_svg_line(b, "off", 0, at, 1, at);
        hg_html(b, "<text x=\"%s\" y=\"100%%\" dy=\"1.2em\" text-anchor=\"middle\">%s</text>",
                hg_textf(b->arena, "%.3f%%", 100 * at), hg_html_given(b->arena, t));
    }
}

static void plot(hg_buf *b, const hg_serving_table *t, const hg_serving_figures *f, bool ttft)
{
    log_axis a = { INFINITY, 0 };
    for (size_t i = 0; i < t->count; i++) {
        widen(&a, measured(&t->samples[i], ttft));
        widen(&a, predicted(&f[i], ttft));
    }
    if (!(a.most > a.least))
        return;
    hg_html(b, "<div><h2>%s</h2>", ttft ? "TTFT: predicted (up) against measured (across)"
                                        : "TPOT: predicted (up) against measured (across)");
    hg_svg_open(b, "plot", PLOT_PX, ttft ? "TTFT" : "TPOT", "each point a run; on the line both agree");
    ticks(b, &a);
    hg_svg_line(b, "same", 0, 0, 1, 1);
    for (size_t i = 0; i < t->count; i++) {
        const hg_serving_row *r = &t->rows[i];
        double m = measured(&t->samples[i], ttft), p = predicted(&f[i], ttft);
        if (!(m > 0) || !(p > 0) || !isfinite(p))
            continue;
        int c = color_of(r->engine);
        hg_svg_marker(b, hg_textf(b->arena, "c%d", c), c, place(&a, m), place(&a, p),
                      hg_textf(b->arena, "%s %s %s %s, %" PRId64 " in %" PRId64 " out, %" PRId64 " clients: measured %s, predicted %s",
                               r->model, r->engine, r->version, r->device, r->isl, r->osl, r->concurrency,
                               hg_html_seconds(b->arena, m), hg_html_seconds(b->arena, p)));
    }
    hg_svg_close(b);
    hg_buf_puts(b, "</div>");
}

static void table(hg_buf *b, const char *by, const hg_serving_error *e, size_t n)
{
    hg_html(b, "<h2>Errors by %s</h2><table><tr><th>runs</th><th>rows</th><th>answered</th><th>overloaded</th>"
               "<th>TPOT median</th><th>mean</th><th>bias</th><th>TTFT median</th><th>mean</th><th>bias</th></tr>", by);
    for (size_t i = 0; i < n; i++) {
        const hg_serving_spread *s[2] = { &e[i].tpot, &e[i].ttft };
        hg_html(b, "<tr><td>%s</td><td>%zu</td><td>%zu</td><td>%zu</td>", e[i].key, e[i].rows, e[i].answered, e[i].overloaded);
        for (int k = 0; k < 2; k++)
            hg_html(b, "<td>%s</td><td>%s</td><td>%s</td>", hg_html_percent(b->arena, s[k]->median),
                    hg_html_percent(b->arena, s[k]->mean), hg_html_percent(b->arena, s[k]->bias));
        hg_buf_puts(b, "</tr>");
    }
    hg_buf_puts(b, "</table>");
}

const char *hg_serving_page(hg_arena *arena, const hg_serving_table *t, const hg_serving_figures *f,
                            const char *by, const hg_serving_error *errors, size_t count, size_t *size)
{
    hg_buf b = { .arena = arena };
    hg_html(&b, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Serving runs, predicted and measured</title>"
                "<style>%s</style><h1>Serving runs: predicted against measured</h1>", style);
    hg_buf_puts(&b, "<p>Each point is a run; hover for what it is. Blue vLLM, orange SGLang, green TensorRT-LLM. On the line both "
                    "agree; both axes are logarithmic.</p><div class=\"plots\">");
    plot(&b, t, f, false);
    plot(&b, t, f, true);
    hg_buf_puts(&b, "</div>");
    table(&b, by, errors, count);
    hg_buf_puts(&b, "</html>\n");
    *size = b.n;
    return b.s;
}
