#include "api/report.h"

#include "api/svg.h"

#include <math.h>

/* So many blocks of an engine at most: neighbours of one kind are drawn as one beyond that. */
enum { BLOCKS_MOST = 250, STEPS_PX = 56, QUEUE_PX = 26 };

typedef enum kind { PREFILL, MIXED, DECODE, KINDS } kind;

static const struct {
    const char *class;
    hg_text name;
} kinds[KINDS] = {
    [PREFILL] = { "s-prefill", HG_TEXT_second_prefill },
    [MIXED] = { "s-mixed", HG_TEXT_second_mixed },
    [DECODE] = { "s-decode", HG_TEXT_second_decode },
};

typedef struct block {
    kind kind;
    int64_t start_ns, end_ns;
    int32_t tokens, decodes, steps; /* tokens, decodes: of the largest */
} block;

static kind kind_of(const hg_step_record *s)
{
    return s->tokens == s->decodes ? DECODE : s->decodes ? MIXED : PREFILL;
}

static double place(const hg_second *s, int64_t at_ns)
{
    return ((double)at_ns * 1e-9 - s->from_s) / s->length_s;
}

static void draw(const hg_report *r, const block *b)
{
    const hg_second *s = &r->p->detail->second;
    hg_arena *arena = r->arena;
    double from = fmax(0, place(s, b->start_ns)), to = fmin(1, place(s, b->end_ns));
    double height = 100 * log1p(b->tokens) / log1p(fmax(1, s->most_tokens));
    const char *name = hg_report_form(r, kinds[b->kind].name), *prompt = hg_textf(arena, "%d", b->tokens - b->decodes),
               *decodes = hg_textf(arena, "%d", b->decodes), *took = hg_html_seconds(arena, (double)(b->end_ns - b->start_ns) * 1e-9);
    hg_html(r->b, "<rect class=\"%s\" x=\"%.3f%%\" width=\"%.3f%%\" y=\"%.1f%%\" height=\"%.1f%%\"><title>%s</title></rect>\n",
            kinds[b->kind].class, 100 * from, 100 * fmax(0, to - from), 100 - height, height,
            b->steps > 1 ? hg_say(arena, r->p->lang, HG_TEXT_second_steps, hg_textf(arena, "%d", b->steps), name, prompt, decodes, took)
                         : hg_say(arena, r->p->lang, HG_TEXT_second_step, name, prompt, decodes, took));
}

static bool joins(const block *b, const hg_step_record *s, int64_t least_ns)
{
    return b->steps && b->kind == kind_of(s) && s->start_ns - b->end_ns < least_ns / 4 && s->start_ns + s->duration_ns - b->start_ns < least_ns;
}

static void engine_steps(const hg_report *r, int engine)
{
    const hg_second *s = &r->p->detail->second;
    block now = { 0 };
    size_t own = 0;
    for (size_t i = 0; i < s->count; i++)
        own += s->steps[i].replica == engine;
    int64_t least_ns = own > BLOCKS_MOST ? (int64_t)(s->length_s * 1e9 / BLOCKS_MOST) : 0;
    for (size_t i = 0; i < s->count; i++) {
        const hg_step_record *at = &s->steps[i];
        if (at->replica != engine)
            continue;
        bool more = joins(&now, at, least_ns);
        if (!more && now.steps)
            draw(r, &now);
        if (!more)
            now = (block){ .kind = kind_of(at), .start_ns = at->start_ns };
        now.end_ns = at->start_ns + at->duration_ns;
        now.tokens = at->tokens > now.tokens ? at->tokens : now.tokens;
        now.decodes = at->decodes > now.decodes ? at->decodes : now.decodes;
        now.steps++;
    }
    if (now.steps)
        draw(r, &now);
}

/* Equal neighbours are one bar. */
static void engine_queue(const hg_report *r, int engine)
{
    const hg_second *s = &r->p->detail->second;
    const int32_t *n = s->waiting[engine];
    hg_svg_open(r->b, "queue", QUEUE_PX, hg_report_form(r, HG_TEXT_second_waiting), NULL);
    for (int k = 0, to; k < HG_SECOND_SAMPLES; k = to) {
        for (to = k + 1; to < HG_SECOND_SAMPLES && n[to] == n[k];)
            to++;
        double height = 100.0 * n[k] / fmax(1, s->most_waiting);
        if (n[k])
            hg_html(r->b, "<rect class=\"s-waiting\" x=\"%d%%\" width=\"%d%%\" y=\"%.1f%%\" height=\"%.1f%%\"><title>%d</title></rect>",
                    k * 100 / HG_SECOND_SAMPLES, (to - k) * 100 / HG_SECOND_SAMPLES, 100 - height, height, n[k]);
    }
    hg_svg_close(r->b);
}

static void engine_rows(const hg_report *r, int engine)
{
    const char *name = hg_say(r->arena, r->p->lang, HG_TEXT_second_engine, hg_textf(r->arena, "%d", engine + 1));
    hg_html(r->b, "<p class=\"engine\">%s</p>\n", name);
    hg_svg_open(r->b, "steps", STEPS_PX, name, NULL);
    engine_steps(r, engine);
    hg_svg_close(r->b);
    engine_queue(r, engine);
}

static void axis(const hg_report *r)
{
    const hg_second *s = &r->p->detail->second;
    hg_svg_open(r->b, "labels", 20, NULL, NULL);
    for (int i = 0; i <= 4; i++)
        hg_html(r->b, "<text class=\"%s\" x=\"%d%%\" y=\"14\">%s</text>", i == 0 ? "start" : i == 4 ? "end" : "tx", 25 * i,
                hg_html_given(r->arena, s->length_s * i / 4));
    hg_svg_close(r->b);
}

static void legend(const hg_report *r)
{
    hg_buf_puts(r->b, "<ul class=\"legend\">\n");
    for (int k = 0; k < KINDS; k++)
        hg_html(r->b, "<li><i class=\"sw %s\"></i>%s</li>\n", kinds[k].class, hg_report_form(r, kinds[k].name));
    hg_html(r->b, "<li><i class=\"sw s-waiting\"></i>%s</li>\n</ul>\n", hg_report_form(r, HG_TEXT_second_waiting));
}

void hg_report_second(const hg_report *r)
{
    if (!r->p->detail || !(r->p->detail->second.length_s > 0))
        return;
    const hg_second *s = &r->p->detail->second;
    hg_report_section(r, "second", hg_report_form(r, HG_TEXT_second_head),
                      hg_say(r->arena, r->p->lang, HG_TEXT_second_lead, hg_textf(r->arena, "%d", s->engines_shown),
                             hg_textf(r->arena, "%d", s->engines), hg_html_number(r->arena, s->from_s),
                             hg_html_fixed(r->arena, s->most_tokens, 0), hg_textf(r->arena, "%d", s->most_waiting)));
    hg_buf_puts(r->b, "<figure class=\"second\">\n");
    for (int e = 0; e < s->engines_shown; e++)
        engine_rows(r, e);
    axis(r);
    legend(r);
    hg_buf_puts(r->b, "</figure>\n</section>\n");
}
