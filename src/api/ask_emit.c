#include "api/plan.h"

#include "base/file.h"

#include <string.h>
#include <sys/stat.h>

/* The one deployment the words describe, as the engine's files: no search, no simulation. */

static hg_code write_files(hg_ask *a, const hg_emitter *e, const hg_launch *l)
{
    hg_file files[HG_FILES];
    size_t n = hg_emit_files(a->arena, e, l, files);
    for (size_t i = 0; i < n; i++) {
        const char *path = hg_textf(a->arena, "%s/%s", a->s.output.s, files[i].name);
        if (!hg_folder_make(
                hg_strndup(a->arena, path, strlen(path) - strlen(hg_basename(path)) - 1),
                &a->err) ||
            !hg_file_write(path, files[i].text, strlen(files[i].text), a->s.force.v, &a->err))
            return a->err.code;
        if (files[i].executable)
            chmod(path, 0755);
    }
    hg_note(a, hg_textf(a->arena, "wrote %s", a->s.output.s));
    return HG_DONE;
}

static void print(hg_ask *a, const hg_buf *b)
{
    if (a->io->out)
        a->io->out(a->io->ctx, b->s, b->n);
}

/* The answer is the lines with and without -o, which names where the files go. */
static void command_json(hg_ask *a, const hg_emitter *e, const hg_launch *l, hg_buf *b)
{
    hg_json j = { .out = b };
    size_t n;
    const char **lines = hg_emit_command(a->arena, e, l, &n);
    hg_json_open(&j, '[');
    for (size_t i = 0; i < n; i++)
        hg_json_str(&j, lines[i]);
    hg_json_close(&j, ']');
    hg_buf_puts(b, "\n");
}

/* What the command lines need beside them, and the manifest that was asked for. */
static void print_files(hg_ask *a, const hg_emitter *e, const hg_launch *l, hg_buf *b)
{
    hg_file files[HG_FILES];
    size_t n = hg_emit_files(a->arena, e, l, files);
    for (size_t i = 0; i < n; i++) {
        bool config = strcmp(hg_basename(files[i].name), hg_basename(e->config_name)) == 0 ||
                      strcmp(files[i].name, "disagg.yaml") == 0,
             manifest = l->k8s && i == n - 1;
        if ((config && e->config_needed) || manifest)
            hg_buf_printf(b, "\n# ---- %s ----\n%s", files[i].name, files[i].text);
    }
}

static hg_code answer(hg_ask *a, const hg_emitter *e, const hg_launch *l)
{
    hg_buf b = { .arena = a->arena };
    size_t n;
    hg_code code = a->s.output.s ? write_files(a, e, l) : HG_DONE;
    if (code != HG_DONE || (a->s.output.s && !a->s.json.v))
        return code;
    if (a->s.json.v) {
        command_json(a, e, l, &b);
    } else {
        const char **lines = hg_emit_command(a->arena, e, l, &n);
        if (l->prefill && hg_launch_side(l, HG_POOL_PREFILL).apart)
            hg_buf_puts(&b, "# NODE_0, NODE_1 … are the addresses of the nodes; with -o, run.sh "
                            "and router.sh take them from NODES.\n");
        for (size_t i = 0; i < n; i++)
            hg_buf_printf(&b, "%s\n", lines[i]);
        print_files(a, e, l, &b);
    }
    print(a, &b);
    return HG_DONE;
}

static hg_code run(hg_ask *a)
{
    hg_problem *p = HG_NEW(a->arena, hg_problem, 1);
    hg_candidate *c = HG_NEW(a->arena, hg_candidate, 1);
    if (!hg_ask_single(a) || !hg_ask_problem(a, HG_LOAD_FREE, p) || !hg_ask_candidate(a, p, c))
        return a->err.code;
    const hg_emitter *e = hg_emitter_find(p->engine.name);
    if (!e)
        return hg_refuse(a, "--engine", "'%s' has no files heng can write yet", p->engine.name);
    if (c->fit == HG_ILLEGAL)
        return hg_refuse(a, "deployment:", "%s", c->reason);
    if (c->fit == HG_TOO_BIG) {
        hg_note(a, c->reason);
        return HG_NO;
    }
    hg_plan plan = { .problem = p };
    if (!hg_ask_knobs(a, p, &plan.knobs) || !hg_ask_k8s(a, &plan.k8s))
        return a->err.code;
    hg_point at = { .deployment = c->deployment,
                    .metrics = { .rate_per_s = p->workload.rate_per_s } };
    hg_launch l = hg_plan_launch(a->arena, &plan, &at, a->s.model.s);
    if (c->prefill)
        hg_plan_launch_prefill(a->arena, &plan, &c->prefill->deployment, &l);
    const char *why = hg_emit_refuses(a->arena, e, &l);
    if (why)
        return hg_refuse(a, "deployment:", "%s", why);
    if (l.wanted)
        hg_note(a, hg_textf(a->arena, "$MODEL must name %s: %s does not make one while it loads",
                            l.wanted, p->engine.title));
    return answer(a, e, &l);
}

const hg_verb hg_verb_emit = { "emit", "heng emit --model M --device D [--tp N …] [-o DIR]",
                               "the engine's files for one deployment", run };
