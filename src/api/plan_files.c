#include "api/plan_rates_out.h"
#include "api/plan.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *points_csv(hg_arena *arena, const hg_point *list, size_t n)
{
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, "rank,gpus,replicas,tp,pp,dp,ep,precision,kv_dtype,max_num_seqs,max_num_batched_tokens,"
                    "rate_per_s,goodput_per_gpu,attained_frac,ttft_p50_s,ttft_p90_s,ttft_p99_s,tpot_p50_s,"
                    "tpot_p90_s,tpot_p99_s,e2e_p90_s,tokens_per_s_per_gpu,tokens_per_s_per_user,kv_peak_frac,prefill\n");
    for (size_t i = 0; i < n; i++) {
        const hg_deployment *d = &list[i].deployment;
        const hg_metrics *m = &list[i].metrics;
        const hg_summary *ttft = &m->sim.latency[HG_TTFT], *tpot = &m->sim.latency[HG_TPOT];
        hg_buf_printf(&b, "%zu,%lld,%lld,%lld,%lld,%lld,%lld,%s,%s,%lld,%lld,", i + 1,
                      (long long)hg_point_devices(&list[i]), (long long)d->replicas, (long long)d->tp,
                      (long long)d->pp, (long long)d->dp, (long long)d->ep,
                      d->precision_is_checkpoints ? "checkpoint" : hg_dtype_table[d->precision].name,
                      hg_dtype_table[d->kv_dtype].name, (long long)d->max_num_seqs,
                      (long long)d->max_num_batched_tokens);
        hg_buf_printf(&b, "%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%s\n", m->rate_per_s,
                      m->goodput_per_device, m->sim.attained_frac, ttft->p50, ttft->p90, ttft->p99, tpot->p50,
                      tpot->p90, tpot->p99, m->sim.latency[HG_E2E].p90, m->tokens_per_s_per_device,
                      m->tokens_per_s_per_user, m->sim.kv_peak_frac, list[i].prefill.replicas ? hg_pool_word(arena, &list[i].prefill) : "");
    }
    return b.s;
}

static bool write_text(hg_arena *arena, const char *folder, const char *name, const char *text, bool executable,
                       hg_err *err)
{
    const char *path = hg_textf(arena, "%s/%s", folder, name);
    if (!hg_file_write(path, text, strlen(text), true, err))
        return false;
    return !executable || chmod(path, 0755) == 0 ||
           hg_fail(err, HG_WORLD, path, "cannot be made executable: %s", strerror(errno));
}

static bool make_parent(hg_arena *arena, const char *folder, const char *name, hg_err *err)
{
    const char *slash = strrchr(name, '/');
    return !slash || hg_folder_make(hg_textf(arena, "%s/%.*s", folder, (int)(slash - name), name), err);
}

static bool write_launch(hg_arena *arena, const hg_plan *p, const hg_point *at, const char *model_word,
                         const char *folder, hg_err *err)
{
    const hg_emitter *e = hg_emitter_find(p->problem->engine.name);
    if (!e)
        return true;
    hg_launch l = hg_plan_launch(arena, p, at, model_word);
    hg_file files[HG_FILES];
    size_t n = hg_emit_files(arena, e, &l, files);
    if (!hg_folder_make(folder, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!make_parent(arena, folder, files[i].name, err) || !write_text(arena, folder, files[i].name, files[i].text, files[i].executable, err))
            return false;
    return true;
}

static bool write_all(hg_arena *arena, const hg_plan *p, const char *model_word, const char *folder, hg_err *err)
{
    if (!write_text(arena, folder, "plan.json", hg_plan_json(arena, p, model_word), false, err) ||
        !write_text(arena, folder, "report.html", hg_plan_report(arena, p, model_word), false, err) ||
        !write_text(arena, folder, "top.csv", points_csv(arena, p->top, p->found ? p->top_count : 0), false, err) ||
        !write_text(arena, folder, "pareto.csv", points_csv(arena, p->pareto, p->pareto_count), false, err))
        return false;
    if (p->found && p->rate_count && !write_text(arena, folder, "rates.csv", hg_rates_csv(arena, p), false, err))
        return false;
    for (size_t i = 0; p->found && i < p->top_count; i++)
        if (!write_launch(arena, p, &p->top[i], model_word, hg_textf(arena, "%s/%zu", folder, i + 1), err))
            return false;
    return true;
}

/* Only what heng writes is removed: a folder with anything else in it stays. */
static void remove_plan(hg_arena *arena, const char *folder)
{
    size_t n;
    char **names = hg_folder_list(arena, folder, &n);
    for (size_t i = 0; i < n; i++) {
        const char *path = hg_textf(arena, "%s/%s", folder, names[i]);
        if (hg_is_folder(path))
            remove_plan(arena, path);
        else
            unlink(path);
    }
    rmdir(folder);
}

bool hg_plan_write(hg_arena *arena, const hg_plan *p, const char *model_word, const char *folder, bool force,
                   hg_err *err)
{
    bool exists = access(folder, F_OK) == 0;
    if (exists && !force)
        return hg_fail(err, HG_INPUT, folder, "exists already; name another folder or add --force");
    if (exists && !hg_is_file(hg_textf(arena, "%s/plan.json", folder)))
        return hg_fail(err, HG_INPUT, folder, "is no folder heng wrote (no plan.json); name another");
    const char *beside = hg_textf(arena, "%s.part.%ld", folder, (long)getpid());
    if (!hg_folder_make(beside, err)) {
        snprintf(err->where, sizeof err->where, "%s", folder);
        return false;
    }
    if (!write_all(arena, p, model_word, beside, err)) {
        remove_plan(arena, beside);
        return false;
    }
    if (exists)
        remove_plan(arena, folder);
    if (rename(beside, folder) == 0)
        return true;
    int cause = errno;
    remove_plan(arena, beside);
    return hg_fail(err, HG_WORLD, folder, "cannot be written: %s", strerror(cause));
}
