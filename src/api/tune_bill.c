#include "api/tune.h"
#include "api/tune_launch.h"

#include <math.h>

/* How long the words alone say that a load lasts; NAN: until the server is done. */
static double asked_load_s(const hg_tune *t)
{
    const hg_live_load *l = &t->bench.load;
    const hg_workload *w = &t->bench.workload;
    if (l->duration_s > 0)
        return l->duration_s;
    if (w->load == HG_LOAD_REPLAY && w->count > 0)
        return w->requests[w->count - 1].arrival_s / (w->speedup > 0 ? w->speedup : 1);
    return w->load == HG_LOAD_RATE && l->requests > 0 ? (double)l->requests / w->rate_per_s : NAN;
}

/* The most and the fewest that any setting takes: the product of what each knob does to the baseline's. */
static void count_devices(hg_ask *a, const hg_tune *t, hg_tune_bill *b)
{
    double base = (double)hg_tune_devices(*a->arena, a, t, t->space.baseline), least = 1, most = 1;
    for (size_t k = 0, step = t->space.points; k < t->knobs.count; k++) {
        step /= t->space.levels[k];
        double lo = 1, hi = 1;
        for (size_t l = 0; l < t->space.levels[k]; l++) {
            size_t point = t->space.baseline + l * step - t->space.at[t->space.baseline][k] * step;
            double n = (double)hg_tune_devices(*a->arena, a, t, point) / base;
            lo = fmin(lo, n);
            hi = fmax(hi, n);
        }
        least *= lo;
        most *= hi;
    }
    b->devices_least = base * least;
    b->devices_most = base * most;
}

void hg_tune_bill_of(hg_ask *a, const hg_tune *t, hg_tune_bill *b)
{
    double asked = asked_load_s(t), trials = (double)t->trials - t->done;
    *b = (hg_tune_bill){ .by = isfinite(asked) ? "as asked" : isfinite(t->load_s) ? "by heng's model" : NULL, .load_s = isfinite(asked) ? asked : t->load_s };
    b->launch_s = t->bench.wait_s;
    b->least_s = isfinite(b->load_s) ? trials * b->load_s : 0;
    b->most_s = b->by ? trials * (b->load_s + b->launch_s) : INFINITY;
    if (t->took_s > 0) { /* of finished trials, launch and all */
        b->by = "as those finished took";
        b->load_s = t->took_s;
        b->launch_s = 0;
        b->least_s = b->most_s = trials * t->took_s;
    }
    b->trials = trials;
    b->most_s = t->seconds > 0 ? fmin(b->most_s, t->seconds) : b->most_s;
    b->least_s = fmin(b->least_s, b->most_s);
    count_devices(a, t, b);
    b->least_usd = b->least_s * b->devices_least * t->price_usd_per_s;
    b->most_usd = b->most_s * b->devices_most * t->price_usd_per_s;
}

static const char *seconds(hg_arena *arena, double s)
{
    const double minute = 60, hour = 3600;
    return s < 2 * minute ? hg_textf(arena, "%.3g s", s) : s < 2 * hour ? hg_textf(arena, "%.0f min", s / minute) : hg_textf(arena, "%.1f h", s / hour);
}

const char *hg_tune_time_text(hg_ask *a, const hg_tune *t, const hg_tune_bill *b)
{
    hg_arena *arena = a->arena;
    if (t->seconds > 0 && (!b->by || t->trials == HG_TUNE_MANY))
        return hg_textf(arena, "at most about %s, as --minutes says", seconds(arena, t->seconds));
    const char *limit = t->seconds > 0 ? ", no longer than --minutes says" : "";
    if (!b->by)
        return "not known before the first trial, which tells: a load lasts until its requests are done; --minutes ends in time, --duration makes loads of "
               "one length, --model with --device lets heng's model tell";
    if (t->took_s > 0)
        return hg_textf(arena, "about %s: at most %.0f more trials of %s, %s%s", seconds(arena, b->most_s), b->trials, seconds(arena, b->load_s), b->by, limit);
    return hg_textf(arena, "%s to %s: %.0f loads of %s (%s), and launches of up to %s each%s", seconds(arena, b->least_s), seconds(arena, b->most_s), b->trials,
                    seconds(arena, b->load_s), b->by, seconds(arena, b->launch_s), limit);
}

static const char *range(hg_arena *arena, double lo, double hi)
{
    return lo == hi ? hg_figures(arena, lo, 3) : hg_textf(arena, "%s to %s", hg_figures(arena, lo, 3), hg_figures(arena, hi, 3));
}

/* NULL: no price and no device. */
const char *hg_tune_money_text(hg_ask *a, const hg_tune *t, const hg_tune_bill *b)
{
    hg_arena *arena = a->arena;
    const char *device = a->s.device.s ? a->s.device.s : b->devices_most > 1 ? "devices" : "device";
    const char *many = b->devices_least == b->devices_most ? hg_textf(arena, "%.0f", b->devices_most)
                                                           : hg_textf(arena, "%.0f to %.0f", b->devices_least, b->devices_most);
    if (!(t->price_usd_per_s > 0))
        return a->s.device.s ? hg_textf(arena, "%s x %s for that long; --price says what one costs", many, device) : NULL;
    const char *rate = hg_textf(arena, "%s x %s at %g USD/h each", many, device, 3600 * t->price_usd_per_s);
    return isfinite(b->most_usd) ? hg_textf(arena, "%s USD: %s", range(arena, b->least_usd, b->most_usd), rate) : rate;
}
