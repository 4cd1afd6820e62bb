#include "api/plan_day.h"

#include "base/num.h"

#include <math.h>

int64_t hg_rate_devices(const hg_plan *p, const hg_rate_row *r)
{
    return r->replicas * (hg_deployment_devices(&p->top[0].deployment) / p->top[0].deployment.replicas);
}

const hg_rate_row *hg_day_need(const hg_plan *p, size_t row)
{
    return p->day_rates[row] == SIZE_MAX ? NULL : &p->rates[p->day_rates[row]];
}

hg_day_sum hg_day_sum_of(const hg_plan *p)
{
    hg_day_sum s = { 0 };
    for (size_t i = 0; i < p->day.count; i++) {
        const hg_rate_row *r = hg_day_need(p, i);
        if (!r)
            continue;
        s.unkept += !r->kept;
        s.peak_devices = hg_max_i64(s.peak_devices, hg_rate_devices(p, r));
        s.gpu_hours += (double)hg_rate_devices(p, r) * hg_day_row_s(&p->day, i) / 3600;
    }
    if (s.unkept)
        return (hg_day_sum){ .unkept = s.unkept };
    s.peak_gpu_hours = (double)s.peak_devices * HG_DAY_S / 3600;
    s.saved_frac = fmax(0, 1 - s.gpu_hours / s.peak_gpu_hours); /* never below 0 but by rounding: no row needs more than the peak */
    s.usd = s.gpu_hours * 3600 * p->problem->price_usd_per_s;
    s.peak_usd = s.peak_gpu_hours * 3600 * p->problem->price_usd_per_s;
    return s;
}

const char *hg_day_clock(hg_arena *arena, double time_s)
{
    int64_t s = (int64_t)time_s;
    const char *minutes = hg_textf(arena, "%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60));
    return s % 60 ? hg_textf(arena, "%s:%02d", minutes, (int)(s % 60)) : minutes;
}

const char *hg_day_sentence(hg_arena *arena, const hg_plan *p)
{
    hg_day_sum s = hg_day_sum_of(p);
    if (s.unkept)
        return hg_say(arena, p->lang, HG_TEXT_day_unkept, hg_textf(arena, "%zu", s.unkept), hg_textf(arena, "%zu", p->day.count));
    const char *hours = hg_figures(arena, s.gpu_hours, 4), *peak = hg_figures(arena, s.peak_gpu_hours, 4);
    const char *gpus = hg_textf(arena, "%lld", (long long)s.peak_devices), *saved = hg_textf(arena, "%.0f", 100 * s.saved_frac);
    if (!(s.usd > 0))
        return hg_say(arena, p->lang, HG_TEXT_day_saved, hours, peak, gpus, saved);
    return hg_say(arena, p->lang, HG_TEXT_day_saved_usd, hours, peak, gpus, saved, hg_textf(arena, "%.2f", s.usd), hg_textf(arena, "%.2f", s.peak_usd));
}
