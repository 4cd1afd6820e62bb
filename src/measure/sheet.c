#include "measure/sheet.h"

#include "base/num.h"
#include "base/text.h"
#include "measure/parallelism.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum word_kind { A_COLUMN, A_HARDWARE, A_UNIT, AN_ENGINE, A_QUANT, A_MODE, A_TRUST, A_SPECULATION } word_kind;

typedef struct sheet_word {
    word_kind kind;
    const char *word, *means;
    double a, b;
    hg_sheet_field field; /* of a column */
} sheet_word;

static const sheet_word words[] = {
#define SHEET_COLUMN(field, name) { A_COLUMN, name, NULL, 0, 0, HG_SHEET_##field },
#define HARDWARE(word, device) { A_HARDWARE, word, device, 0, 0, 0 },
#define UNIT(word, devices) { A_UNIT, word, NULL, devices, 0, 0 },
#define ENGINE(word, engine, tp_counts_dp) { AN_ENGINE, word, engine, tp_counts_dp, 0, 0 },
#define QUANT(word, precision) { A_QUANT, word, precision, 0, 0, 0 },
#define MODE(word, disaggregated, decodes_only) { A_MODE, word, NULL, disaggregated, decodes_only, 0 },
#define TRUST(word, class) { A_TRUST, word, class, 0, 0, 0 },
#define SPECULATION(word, draft, kept, proposed) { A_SPECULATION, word, draft, kept, proposed, 0 },
#include "measure/sheet.def"
};

enum { WORDS = sizeof words / sizeof *words };

static bool has_word(const sheet_word *w, const char *cell)
{
    return w->kind == A_HARDWARE ? strstr(cell, w->word) != NULL
           : w->kind == A_QUANT  ? strcmp(cell, w->word) == 0
                                 : hg_starts(cell, w->word);
}

/* The first word of a kind that the cell has; NULL: none. */
static const sheet_word *find(word_kind kind, const char *cell)
{
    for (int i = 0; i < WORDS; i++)
        if (words[i].kind == kind && has_word(&words[i], cell))
            return &words[i];
    return NULL;
}

static const char *column_of(hg_sheet_field field)
{
    for (int i = 0; i < WORDS; i++)
        if (words[i].kind == A_COLUMN && words[i].field == field)
            return words[i].word;
    return "";
}

bool hg_sheet_bind(const hg_csv *csv, int at[HG_SHEET_FIELDS])
{
    for (int i = 0; i < HG_SHEET_FIELDS; i++)
        at[i] = hg_csv_column(csv, column_of((hg_sheet_field)i));
    return at[HG_SHEET_HARDWARE] >= 0 && at[HG_SHEET_PARALLELISM] >= 0 && hg_csv_column(csv, "device") < 0;
}

typedef struct reader {
    hg_arena *arena;
    const char *const *cells;
    hg_serving_row *row;
    hg_launch_facts *own;
} reader;

/* The first thing that is missing is the reason. */
static void refuse(reader *r, hg_sheet_field field, const char *want)
{
    const char *cell = r->cells[field], *column = column_of(field);
    if (!r->row->refused)
        r->row->refused = *cell ? hg_textf(r->arena, "%s is '%.60s'; %s", column, cell, want)
                                : hg_textf(r->arena, "%s is not said; %s", column, want);
}

/* Whole numbers alone: "about 3000" and "<=50" are not what was run or measured. */
static int64_t count(const reader *r, hg_sheet_field field)
{
    static const int64_t most = 1000000000;
    int64_t v;
    return hg_parse_i64(r->cells[field], &v) && v >= 0 && v <= most ? v : 0;
}

static int64_t needed(reader *r, hg_sheet_field field, const char *want)
{
    int64_t v = count(r, field);
    if (v < 1)
        refuse(r, field, want);
    return v;
}

static double measured(const reader *r, hg_sheet_field field, double scale)
{
    double v;
    return hg_parse_f64(r->cells[field], &v) && v > 0 ? v * scale : NAN;
}

/* "vllm-ascend 0.7.3 + MindIE-Turbo (tuned)": what begins with a digit or is named "main", and what goes on top. */
static const char *version_in(hg_arena *arena, const char *cell, size_t name)
{
    const char *at = cell + name, *paren = strchr(cell, '(');
    at += strspn(at, " ");
    size_t n = paren ? (size_t)(paren - at) : strlen(at);
    while (n > 0 && at[n - 1] == ' ')
        n--;
    return isdigit((unsigned char)*at) || hg_starts(at, "main") ? hg_strndup(arena, at, n) : "";
}

static void read_engine(reader *r)
{
    const char *cell = r->cells[HG_SHEET_ENGINE];
    const sheet_word *e = find(AN_ENGINE, cell);
    r->row->engine = e ? e->means : cell;
    r->row->version = e ? version_in(r->arena, cell, strlen(e->word)) : "";
    if (!e)
        refuse(r, HG_SHEET_ENGINE, "heng simulates vllm, sglang and mindie on these devices");
}

static void read_words(reader *r)
{
    hg_serving_row *row = r->row;
    const sheet_word *device = find(A_HARDWARE, r->cells[HG_SHEET_HARDWARE]);
    const sheet_word *quant = find(A_QUANT, r->cells[HG_SHEET_QUANT]);
    const sheet_word *mode = find(A_MODE, r->cells[HG_SHEET_MODE]);
    const sheet_word *trust = find(A_TRUST, r->cells[HG_SHEET_EVIDENCE]);
    row->id = r->cells[HG_SHEET_ID];
    const char *model = r->cells[HG_SHEET_MODEL]; /* "DeepSeek-R1 671B": a remark stands behind the name */
    row->model = hg_strndup(r->arena, model, strcspn(model, " "));
    row->source = r->cells[HG_SHEET_SOURCE];
    row->trust = trust ? trust->means : r->cells[HG_SHEET_EVIDENCE];
    row->device = device ? device->means : r->cells[HG_SHEET_HARDWARE];
    row->precision = quant ? quant->means : r->cells[HG_SHEET_QUANT];
    row->disaggregated = mode && mode->a > 0;
    row->decodes_only = mode && mode->b > 0;
    row->mode = row->disaggregated ? "disagg" : "agg";
    if (!device)
        refuse(r, HG_SHEET_HARDWARE, "which chip it is must be named");
    if (!quant)
        refuse(r, HG_SHEET_QUANT, "the precision must be named, as W8A8 or bf16");
    if (!mode)
        refuse(r, HG_SHEET_MODE, "only whole serving runs are simulated, mixed or PD");
}

/* "1024x1024" anywhere in the cell, or "1080p". */
static void read_image(const char *cell, hg_serving_row *row)
{
    for (const char *at = strpbrk(cell, "0123456789"); at; at = strpbrk(at, "0123456789")) {
        char *end, *last;
        long width = strtol(at, &end, 10), height = *end == 'x' ? strtol(end + 1, &last, 10) : 0;
        if (width >= 64 && width <= 8192 && height >= 64 && height <= 8192) {
            row->image_width = width;
            row->image_height = height;
        } else if (width == 1080 && *end == 'p') {
            row->image_width = 1920;
            row->image_height = 1080;
        }
        at = end;
    }
}

/* Prompts of one client after which means hardly move. */
enum { ENOUGH = 20 };

static void read_load(reader *r)
{
    hg_serving_row *row = r->row;
    row->isl = needed(r, HG_SHEET_ISL, "the prompts' length is needed");
    row->osl = needed(r, HG_SHEET_OSL, "the outputs' length is needed");
    int64_t prompts = count(r, HG_SHEET_PROMPTS), clients = count(r, HG_SHEET_CONCURRENCY);
    read_image(r->cells[HG_SHEET_LOAD], row);
    read_image(r->cells[HG_SHEET_NOTES], row);
    if (row->decodes_only && clients == 0)
        clients = count(r, HG_SHEET_BATCH) * count(r, HG_SHEET_DEVICES);
    if (clients == 0)
        refuse(r, HG_SHEET_CONCURRENCY, "how many requests were under way is needed");
    /* More clients than prompts were never under way. */
    row->concurrency = prompts > 0 ? hg_min_i64(clients, prompts) : clients;
    if (prompts > 0 && row->concurrency > 0)
        r->own->requests_per_client = hg_max_i64(1, hg_min_i64(prompts / row->concurrency, ENOUGH));
}

/* How far a chain of proposals, each kept with the same odds, is taken: the model's own token among it. */
static double made(double kept, double proposed)
{
    return kept < 1 ? (1 - pow(kept, proposed + 1)) / (1 - kept) : proposed + 1;
}

/* The last number behind a word of the cell ("NEXTN draft 2/4", "accept 23.9%"), or `otherwise`. */
static double number_after(const char *cell, const char *word, double otherwise)
{
    const char *at = strstr(cell, word);
    double v = otherwise;
    for (at = at ? at + strlen(word) : ""; *at;) {
        char *end;
        double next = strtod(at, &end);
        v = end > at ? next : v;
        if (end == at || *end != '/')
            break;
        at = end + 1;
    }
    return v;
}

/* Suffix trees propose as much as they have seen before: so many tokens a step, as speed-ups at the stated rates of
 * acceptance show (1.2 to 1.7 at 24 to 50 %). */
static const double SUFFIX_PROPOSED = 1.3;

enum { MOST_DRAFTED = 64 };

static void read_speculation(reader *r)
{
    const char *cell = r->cells[HG_SHEET_SPECULATION];
    const sheet_word *s = find(A_SPECULATION, cell);
    if (!*cell)
        return;
    if (!s) {
        refuse(r, HG_SHEET_SPECULATION, "how tokens were proposed is not known; MTP, NEXTN, EAGLE3 and suffix are");
        return;
    }
    hg_draft_parse(s->means, &r->own->draft);
    double kept = s->a, proposed = s->b, percent = hg_clamp(number_after(cell, "accept ", 0), 0, 100);
    if (kept <= 0) {
        r->own->draft_tokens = SUFFIX_PROPOSED;
        r->own->accepted_tokens = 1 + percent / 100 * SUFFIX_PROPOSED;
        return;
    }
    /* SGLang counts the token that is verified first among its draft tokens. */
    double draft = hg_clamp(number_after(cell, "draft ", 0), 0, MOST_DRAFTED);
    proposed = draft > 1 ? draft - 1 : proposed;
    const char *stated = strstr(cell, " percent accepted");
    for (const char *at = stated; at && at > cell && isdigit((unsigned char)at[-1]);)
        kept = hg_clamp(strtod(--at, NULL) / 100, 0, 1);
    r->own->draft_tokens = proposed;
    r->own->accepted_tokens = made(kept, proposed);
}

/* A limit in the notes, as engines spell it; of two pools' ("16/1024") nothing. */
static int64_t noted(const reader *r, const char *word)
{
    const char *at = strstr(r->cells[HG_SHEET_NOTES], word);
    char *end;
    long v = at ? strtol(at + strlen(word), &end, 10) : 0;
    return !at || *end == '/' || v > 100000000 ? 0 : v;
}

/* Prompts that are never cut are taken up to this many tokens a step (SGLang's max-prefill-tokens). */
enum { WHOLE_PROMPTS = 16384 };

static void read_limits(reader *r)
{
    int64_t seqs = noted(r, "max-num-seqs "), budget = noted(r, "max-num-batched-tokens ");
    int64_t running = noted(r, "max-running-requests "), chunk = noted(r, "chunked-prefill-size ");
    int64_t ranks = hg_max_i64(1, r->row->dp);
    /* What is not said was no limit: room for all clients. */
    r->own->max_num_seqs = seqs ? seqs : running > 0 ? hg_ceil_div(running, ranks) : hg_max_i64(1, r->row->concurrency);
    r->own->max_num_batched_tokens = budget ? budget : chunk > 0 ? hg_max_i64(1, chunk / ranks) : 0;
    if (chunk < 0)
        r->own->max_num_batched_tokens = hg_max_i64(WHOLE_PROMPTS, r->row->isl);
    r->own->prefix_hit_frac = hg_clamp(measured(r, HG_SHEET_PREFIX, 0.01), 0, 0.999);
    if (isnan(r->own->prefix_hit_frac))
        r->own->prefix_hit_frac = 0;
}

static int64_t devices(reader *r)
{
    const sheet_word *unit = find(A_UNIT, r->cells[HG_SHEET_UNIT]);
    return unit ? (int64_t)unit->a * count(r, HG_SHEET_DEVICES) : 0;
}

static void read_ranks(reader *r)
{
    const sheet_word *e = find(AN_ENGINE, r->cells[HG_SHEET_ENGINE]);
    hg_parallelism p = { .devices = devices(r), .disaggregated = r->row->disaggregated,
                         .tp_counts_dp = e && e->a > 0 };
    const char *want = hg_parallelism_read(r->cells[HG_SHEET_PARALLELISM], &p);
    hg_serving_row *row = r->row;
    row->tp = row->pp = row->dp = 1;
    if (want) {
        refuse(r, HG_SHEET_PARALLELISM, want);
        return;
    }
    row->prefill = p.prefill;
    row->decode = p.decode;
    row->tp = p.decode.tp;
    row->pp = p.decode.pp;
    row->dp = p.decode.dp;
    row->moe_tp = p.decode.moe_tp;
    row->moe_ep = p.decode.moe_ep;
    row->dp_given = row->dp > 1;
}

void hg_sheet_row(hg_arena *arena, const char *const cells[HG_SHEET_FIELDS], hg_serving_row *out)
{
    *out = (hg_serving_row){ .gemm_quant = "", .moe_quant = "", .mode = "", .published = true, .counted = true };
    hg_launch_facts *own = HG_NEW(arena, hg_launch_facts, 1);
    *own = (hg_launch_facts){ 0 };
    reader r = { arena, cells, out, own };
    read_words(&r);
    read_engine(&r);
    read_ranks(&r);
    read_load(&r);
    read_speculation(&r);
    read_limits(&r);
    out->era = out->version;
    out->own = own;
    out->ttft_s = measured(&r, HG_SHEET_TTFT, 1e-3);
    out->tpot_s = measured(&r, HG_SHEET_TPOT, 1e-3);
    out->output_tokens_per_s = measured(&r, HG_SHEET_THROUGHPUT, 1);
}

void hg_sheet_read(hg_arena *arena, const hg_csv *csv, const int at[HG_SHEET_FIELDS], hg_serving_row *out)
{
    const char *cells[HG_SHEET_FIELDS];
    for (int i = 0; i < HG_SHEET_FIELDS; i++)
        cells[i] = at[i] >= 0 ? hg_strdup(arena, csv->fields[at[i]]) : "";
    hg_sheet_row(arena, cells, out);
    out->line = csv->lines.number;
}
