/* bench.sh: a client that measures what run.sh started, every server of it. */
#include "engine/emit.h"

#include "base/num.h"

#include <inttypes.h>
#include <math.h>

/* The limits that vLLM's own benchmark can hold a request to. */
static const char *goodput(hg_arena *arena, const hg_slo *slo)
{
    static const char *const names[HG_METRICS] = {
        [HG_TTFT] = "ttft", [HG_TPOT] = "tpot", [HG_E2E] = "e2el"
    };
    hg_buf b = { .arena = arena };
    for (int i = 0; i < slo->count; i++)
        if (names[slo->limits[i].metric])
            hg_buf_printf(&b, "%s%s:%g", b.n ? " " : " --goodput ", names[slo->limits[i].metric],
                          slo->limits[i].limit_s * 1e3);
    return b.n ? b.s : "";
}

/* A prompt and an answer that a benchmark sends: the workload's mean, else a guess that is said;
 * never more than the engine takes. */
static void lengths(const hg_launch *l, int64_t *isl, int64_t *osl)
{
    int64_t most = l->deployment->max_model_len;
    *osl = l->mean_osl > 0 ? llround(fmax(1, l->mean_osl)) : 200;
    *isl = l->mean_isl > 0 ? llround(fmax(1, l->mean_isl)) : 1000;
    *osl = *osl < most / 2 || *isl + *osl <= most ? *osl : most / 2;
    *isl = *isl + *osl <= most ? *isl : most - *osl;
}

/* The model as the server knows it, and where its tokens come from when that is elsewhere. */
static const char *model_of(hg_arena *arena, const hg_emitter *e, const hg_launch *l)
{
    const char *loaded = l->checkpoint ? hg_shell_word(arena, l->checkpoint) : "\"$MODEL\"";
    if (!e->served)
        return loaded;
    return hg_textf(arena, "%s --tokenizer %s", hg_shell_word(arena, e->served(arena, l)),
                    l->model->id ? hg_shell_word(arena, l->model->id) : loaded);
}

/* Requests a second and in all: of the whole load, for two minutes of it. */
static double requests_of(const hg_launch *l)
{
    return fmax(200, ceil(l->rate_per_s * 120));
}

static void head(hg_buf *b, const hg_emitter *e, const hg_launch *l, const char *url)
{
    int64_t isl, osl;
    lengths(l, &isl, &osl);
    hg_buf_printf(
        b, "#!/bin/sh\n# Measures %s, with %s.\n",
        l->prefill ? "the pools behind router.sh" : "the server that run.sh started",
        l->mean_isl > 0
            ? "the workload's mean lengths (random tokens; the plan itself used every length)"
            : "lengths of no workload: none was given");
    hg_buf_printf(
        b,
        "# The same with aiperf: aiperf profile --model %s --url %s --endpoint-type completions "
        "--streaming\n#   --synthetic-input-tokens-mean %" PRId64 " --output-tokens-mean %" PRId64
        " --extra-inputs ignore_eos:true",
        model_of(b->arena, e, l), url, isl, osl);
    if (l->rate_per_s > 0)
        hg_buf_printf(b, " --request-rate %.4g --request-count %.0f", l->rate_per_s,
                      requests_of(l));
    hg_buf_puts(b, "\nset -eu\n");
    if (!l->checkpoint && !(e->served && l->model->id))
        hg_buf_printf(b, "MODEL=${MODEL:?%s}\n", hg_brace_text(b->arena, l->wanted));
}

/* The client's line: `url`, `rate` and `count` as the script has them, rate NULL where no load is
 * said. */
static void client(hg_buf *b, const hg_emitter *e, const hg_launch *l, const char *url,
                   const char *rate, const char *count)
{
    int64_t isl, osl;
    lengths(l, &isl, &osl);
    hg_buf_printf(b,
                  "vllm bench serve --base-url %s --model %s \\\n"
                  "    --dataset-name random --random-input-len %" PRId64
                  " --random-output-len %" PRId64 " --ignore-eos \\\n",
                  url, model_of(b->arena, e, l), isl, osl);
    if (rate)
        hg_buf_printf(b, "    --request-rate %s --num-prompts %s \\\n", rate, count);
    hg_buf_printf(b,
                  "    --percentile-metrics ttft,tpot,itl,e2el --metric-percentiles 50,90,95,99%s "
                  "\"$@\"",
                  goodput(b->arena, l->slo));
}

/* Every server's address on one node; servers of several nodes must be named. */
static void addresses(hg_buf *b, const hg_launch *l, const hg_layout *p)
{
    int64_t here = hg_layout_servers_on(p, 0), port = l->knobs->port;
    hg_buf_puts(b, "URLS=${URLS:-${URL:-");
    if (p->nodes / p->spans > 1)
        hg_buf_printf(b, "${URLS:?the %" PRId64 " servers, as http://node0:%" PRId64 " …}",
                      p->shared ? p->nodes : p->replicas, port);
    for (int64_t i = 0; p->nodes / p->spans <= 1 && i < here; i++)
        hg_buf_printf(b, "%shttp://127.0.0.1:%" PRId64, i ? " " : "", port + i);
    hg_buf_puts(b, "}}\n");
}

/* Servers without a router: each gets an equal share of the load, all at the same time.  Arrivals
 * drawn for each are those of a router that draws. */
static const char *several(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                           const hg_layout *p)
{
    hg_buf b = { .arena = arena };
    bool rate = l->rate_per_s > 0;
    head(&b, e, l, "\"$url\"");
    hg_buf_puts(&b, "# There is no router: each server gets its share of the load, all at once. "
                    "URL names a router, URLS other servers.\n");
    addresses(&b, l, p);
    hg_buf_puts(&b, "n=0\nfor url in $URLS; do n=$((n + 1)); done\n");
    if (rate)
        hg_buf_printf(&b,
                      "rate=$(awk \"BEGIN { print %.6g / $n }\")\n"
                      "count=$(((%.0f + n - 1) / n))\n",
                      l->rate_per_s, requests_of(l));
    hg_buf_puts(&b, "i=0 pids=\ntrap 'kill $pids 2>/dev/null || :' INT TERM\n"
                    "for url in $URLS; do\n    i=$((i + 1))\n    ");
    client(&b, e, l, "\"$url\"", rate ? "\"$rate\"" : NULL, "\"$count\"");
    hg_buf_puts(&b, " >\"bench-$i.log\" 2>&1 &\n    pids=\"$pids $!\"\ndone\n"
                    "failed=0\nfor pid in $pids; do wait \"$pid\" || failed=1; done\n"
                    "i=0\nfor url in $URLS; do\n    i=$((i + 1))\n    echo \"== $url\"\n"
                    "    cat \"bench-$i.log\"\ndone\nexit $failed\n");
    return b.s;
}

const char *hg_bench_script(hg_arena *arena, const hg_emitter *e, const hg_launch *l)
{
    hg_layout p = hg_emit_layout(e, l);
    bool one = l->prefill || (p.nodes == p.spans && hg_layout_servers_on(&p, 0) == 1);
    if (!one)
        return several(arena, e, l, &p);
    const char *url = hg_textf(arena, "\"${URL:-http://127.0.0.1:%" PRId64 "}\"", l->knobs->port);
    hg_buf b = { .arena = arena };
    head(&b, e, l, url);
    hg_buf_puts(&b, "exec ");
    client(&b, e, l, url, l->rate_per_s > 0 ? hg_textf(arena, "%.4g", l->rate_per_s) : NULL,
           hg_textf(arena, "%.0f", requests_of(l)));
    hg_buf_puts(&b, "\n");
    return b.s;
}
