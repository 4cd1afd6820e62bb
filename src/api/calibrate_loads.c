#include "api/loads_report.h"

#include "api/calibrate.h"
#include "base/file.h"
#include "base/json.h"

#include <math.h>
#include <string.h>

enum { FOLDS = 4 };

static bool servers_of(hg_ask *a, hg_miss_server **servers, size_t *n)
{
    hg_serving_table t;
    hg_serving_shelf *shelf = hg_serving_shelf_open(a->arena, &a->data, &a->err);
    if (!shelf || !hg_serving_table_read(a->arena, shelf, a->s.inputs + 1, a->s.input_count - 1, &t, &a->err))
        return false;
    *servers = hg_servers_of(a->arena, &t, hg_shipped_figures(a, &t), n);
    return true;
}

hg_code hg_validate_loads(hg_ask *a)
{
    hg_miss_server *servers;
    hg_miss_priors priors;
    size_t n;
    hg_buf out = { .arena = a->arena };
    if (!hg_refuse_unread(a, "--leave-one-load-out") || !hg_miss_priors_read(a->arena, &a->data, &priors, &a->err) || !servers_of(a, &servers, &n))
        return a->err.code;
    hg_loads_report(a, servers, n, &priors, 1, NULL, &out);
    return hg_answer(a, out.s, out.n);
}

static const char *text_of(hg_ask *a, const hg_miss_priors *p, size_t servers)
{
    hg_buf b = { .arena = a->arena };
    hg_json j = { .out = &b };
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "how", "heng calibrate loads: spreads of log(measured / predicted) over loads and lengths that make left-out "
                               "ones err least; the band is the 80 % of what is left, in standard deviations; repeat "
                               "that of a run measured again");
    hg_json_key_str(&j, "source", hg_basename(a->s.inputs[1]));
    hg_json_key_str(&j, "fitted", hg_today(a->arena));
    hg_json_key_int(&j, "servers", (int64_t)servers);
    for (int f = 0; f < HG_MISS_FIGURES; f++) {
        const hg_miss_prior *of = &p->of[f];
        const double terms[HG_MISS_TERMS] = { of->server, of->slope, of->bend, of->load_reach, of->length_reach, of->noise };
        hg_buf_puts(&b, "\n");
        hg_json_key(&j, hg_miss_names[f]);
        hg_json_open(&j, '{');
        for (int k = 0; k < HG_MISS_TERMS; k++) {
            hg_json_key(&j, hg_miss_terms[k]);
            hg_json_raw(&j, hg_textf(a->arena, "%.4g", terms[k]));
        }
        hg_json_key(&j, "band");
        hg_json_raw(&j, hg_textf(a->arena, "[%.3f,%.3f]", of->lo, of->hi));
        hg_json_key(&j, "repeat");
        hg_json_raw(&j, hg_textf(a->arena, "%.4g", of->repeat));
        hg_json_close(&j, '}');
    }
    hg_json_close(&j, '}');
    hg_buf_puts(&b, "\n");
    return b.s;
}

hg_code hg_calibrate_loads(hg_ask *a)
{
    hg_miss_server *servers;
    hg_miss_priors priors;
    size_t n;
    hg_buf out = { .arena = a->arena };
    if (!hg_refuse_unread(a, "calibrate loads") || !servers_of(a, &servers, &n))
        return a->err.code;
    hg_miss_fit(*a->arena, servers, n, &priors);
    for (int f = 0; f < HG_MISS_FIGURES; f++)
        if (!(priors.of[f].lo < 0) || !(priors.of[f].hi > 0))
            return hg_refuse(a, a->s.inputs[1], "holds too few servers of several loads to fit how their misses hang together");
    hg_loads_report(a, servers, n, &priors, a->s.folds.n ? (int)a->s.folds.v[0] : FOLDS, NULL, &out);
    const char *path = a->s.output.s ? a->s.output.s : "data/serving/misses.json", *text = text_of(a, &priors, n);
    if (!hg_file_write(path, text, strlen(text), a->s.force.v, &a->err))
        return a->err.code;
    hg_note(a, hg_textf(a->arena, "wrote %s", path));
    if (a->io->out)
        a->io->out(a->io->ctx, out.s, out.n);
    return HG_DONE;
}
