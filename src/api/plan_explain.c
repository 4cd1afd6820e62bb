#include "api/plan_run.h"

#include "api/explained.h"
#include "api/plan_detail.h"

#include <math.h>

static void take_share(hg_plan *out, const char *name, double frac, const char *bound)
{
    if (frac > 0 && out->share_count < HG_SHARES)
        out->shares[out->share_count++] = (hg_share){ name, frac, bound };
}

/* The smallest parts have no place of their own: their sum has. */
static void take_shares(const hg_account *a, const hg_times *t, hg_plan *out)
{
    double rest = 0;
    for (int i = 0; i < a->count; i++)
        if (out->share_count < HG_SHARES - 3)
            take_share(out, a->parts[i].name, a->parts[i].seconds / t->total_s, hg_by_name(HG_EN, hg_part_most(&a->parts[i])));
        else
            rest += a->parts[i].seconds / t->total_s;
    take_share(out, "smaller parts", rest, "other");
    take_share(out, "bubble", t->share[HG_BY_BUBBLE], "waiting");
    take_share(out, "idle", t->share[HG_BY_IDLE], "no requests");
}

static void say_bottleneck(hg_arena *arena, const hg_plan_detail *d, hg_plan *out)
{
    bool pools = out->top[0].prefill.replicas > 0,
         prefill = pools && hg_account_busy(&d->prefill_account) > hg_account_busy(&d->account);
    const hg_times *t = prefill ? &d->prefill_times : &d->times;
    out->bottleneck_name = hg_by_name(HG_EN, t->most);
    out->bottleneck_share = t->share[t->most];
    out->bottleneck_pool = prefill ? "prefill" : pools ? "decode" : NULL;
    out->bottleneck = pools ? hg_pools_bottleneck_text(arena, &d->prefill_account, &d->prefill_times, &d->account, &d->times, out->lang)
                            : hg_bottleneck_text(arena, &d->account, t, out->lang);
}

void hg_plan_explain(hg_ask *a, const hg_goal *goal, const hg_space *space, hg_plan *out)
{
    if (out->top_count == 0)
        return;
    const hg_point *best = &out->top[0];
    hg_plan_detail *detail = HG_NEW(a->arena, hg_plan_detail, 1);
    const hg_account *account = &detail->account;
    hg_plan_ask(a, goal, space, out, detail);
    out->detail = detail;
    out->score_text = out->load_given ? NULL : hg_goal_text(a->arena, goal, (double)hg_point_devices(best), &best->metrics);
    out->origin = hg_strdup(a->arena, account->origin);
    say_bottleneck(a->arena, detail, out);
    if (out->bottleneck_pool && strcmp(out->bottleneck_pool, "prefill") == 0) {
        detail->bound_times = &detail->prefill_times;
        account = &detail->prefill_account;
    }
    take_shares(account, detail->bound_times ? detail->bound_times : &detail->times, out);
    hg_plan_reasons(a->arena, &a->s, out);
}
