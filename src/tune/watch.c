#include "tune/watch.h"

#include "base/text.h"

#include <math.h>

const char *const hg_traffic_names[HG_TRAFFIC_FIGURES] = { "rate", "prompt tokens", "answer tokens", "hit rate" };

enum { BASE_WINDOWS = 3, TELLING = 20 /* requests of a window */, GUARD_WINDOWS = 3 };

static const double SLACK = 0.14, ALARM = 0.405; /* ln 1.15, ln 1.5 */
static const double HITS_COUNT = 2;

hg_traffic hg_traffic_between(const hg_scrape *before, const hg_scrape *after, double seconds)
{
    double n = hg_scrape_since(before, after, HG_SERIES_requests);
    if (isnan(n)) /* a server without that counter has a histogram with one observation a request */
        n = hg_scrape_since(before, after, HG_SERIES_ttft);
    hg_traffic t = { .seconds = seconds, .requests = n };
    t.of[HG_TRAFFIC_RATE] = n / seconds;
    t.of[HG_TRAFFIC_ISL] = hg_scrape_since(before, after, HG_SERIES_prompt_tokens) / n;
    t.of[HG_TRAFFIC_OSL] = hg_scrape_since(before, after, HG_SERIES_answer_tokens) / n;
    t.of[HG_TRAFFIC_HITS] = hg_scrape_since(before, after, HG_SERIES_cached_tokens) / hg_scrape_since(before, after, HG_SERIES_cacheable_tokens);
    for (int i = 0; i < HG_TRAFFIC_FIGURES; i++)
        t.of[i] = isfinite(t.of[i]) ? t.of[i] : NAN;
    return t;
}

/* The mean of n − 1 windows and one more; what one of them does not say is the other's. */
static void take_in(hg_traffic *mean, const hg_traffic *w, size_t n)
{
    for (int i = 0; i < HG_TRAFFIC_FIGURES; i++)
        mean->of[i] = n == 1 || isnan(mean->of[i]) ? w->of[i] : isnan(w->of[i]) ? mean->of[i] : mean->of[i] + (w->of[i] - mean->of[i]) / (double)n;
    mean->requests = n == 1 ? w->requests : mean->requests + w->requests;
    mean->seconds = n == 1 ? w->seconds : mean->seconds + w->seconds;
}

static double change(int figure, double from, double to)
{
    if (isnan(from) || isnan(to))
        return 0;
    if (figure == HG_TRAFFIC_HITS)
        return HITS_COUNT * (to - from);
    return from > 0 && to > 0 ? log(to / from) : 0;
}

bool hg_drift_tell(hg_drift *d, const hg_traffic *w, hg_traffic_of *of, hg_traffic *from, hg_traffic *to)
{
    bool drifted = false;
    if (d->windows < BASE_WINDOWS) {
        take_in(&d->base, w, ++d->windows);
        return false;
    }
    for (int i = 0; i < HG_TRAFFIC_FIGURES; i++) {
        double z = change(i, d->base.of[i], w->of[i]);
        d->up[i] = fmax(0, d->up[i] + z - SLACK);
        d->down[i] = fmax(0, d->down[i] - z - SLACK);
        if (!drifted && fmax(d->up[i], d->down[i]) > ALARM) {
            drifted = true;
            *of = (hg_traffic_of)i;
        }
    }
    if (!drifted)
        return false;
    *from = d->base;
    *to = *w;
    *d = (hg_drift){ .base = *w, .windows = 1 };
    return true;
}

hg_guard hg_guard_of(const hg_slo *slo, const hg_scrape *before, const hg_scrape *after)
{
    static const int series[HG_METRICS] = { [HG_TTFT] = HG_SERIES_ttft, [HG_TPOT] = HG_SERIES_tpot, [HG_ITL] = HG_SERIES_itl,
                                            [HG_E2E] = HG_SERIES_e2e, [HG_QUEUE] = -1 };
    hg_guard all = slo->count ? HG_GUARD_KEPT : HG_GUARD_BLIND;
    for (int i = 0; i < slo->count; i++) {
        const hg_limit *l = &slo->limits[i];
        int s = series[l->metric];
        double seen = s < 0 || l->percentile == HG_MEAN ? NAN : hg_scrape_quantile(before, after, (hg_scraped)s, l->percentile);
        if (seen >= l->limit_s)
            return HG_GUARD_BROKEN;
        all = isnan(seen) ? HG_GUARD_BLIND : all;
    }
    return all;
}

/* ---- the loop ---- */

typedef struct watching {
    hg_watch *ask;
    hg_scrape *before, *after;
    hg_drift drift;
    size_t back;               /* where to go back to, while a change is guarded; none: nothing is */
    size_t guarded;
    bool was_broken;           /* before the change, so that its breaking proves nothing against others */
    hg_traffic traffic;        /* that the change was planned for */
} watching;

static const char *traffic_text(hg_arena *arena, const hg_traffic *from, const hg_traffic *to)
{
    hg_buf b = { .arena = arena };
    for (int i = 0; i < HG_TRAFFIC_FIGURES; i++)
        if (!isnan(from->of[i]) && !isnan(to->of[i]))
            hg_buf_printf(&b, "%s%s %.3g to %.3g%s", b.n ? ", " : "", hg_traffic_names[i], from->of[i], to->of[i], i == HG_TRAFFIC_RATE ? "/s" : "");
    return b.s ? b.s : "";
}

/* A window wants requests to tell by: one with few goes on. */
static bool next_window(watching *s, double *seconds, bool *telling)
{
    hg_watch *w = s->ask;
    if (!w->scrape(w->ctx, s->after))
        return false;
    *seconds += w->seconds(w->ctx);
    hg_traffic t = hg_traffic_between(s->before, s->after, *seconds);
    *telling = t.requests >= TELLING;
    if (isnan(t.requests)) { /* the server began anew: its counters did */
        *s->before = *s->after;
        *seconds = 0;
    }
    return true;
}

static void learn(const watching *s, size_t point, hg_guard how)
{
    if (s->ask->learn)
        s->ask->learn(s->ask->ctx, point, how);
}

static void replan(watching *s, hg_arena scratch, hg_guard seen)
{
    hg_watch *w = s->ask;
    size_t point = w->plan(w->ctx, &s->traffic, w->now), back = w->now;
    if (point == w->none || point == w->now)
        return;
    w->tell(w->ctx, "propose", hg_textf(&scratch, "%s instead of %s", w->name(w->ctx, point), w->name(w->ctx, w->now)));
    if (!w->apply)
        return;
    if (seen == HG_GUARD_BLIND) {
        w->tell(w->ctx, "blind", "not applied: the server's metrics do not show what --slo limits, so nothing would guard the change");
        return;
    }
    if (!w->reach(w->ctx, point)) {
        learn(s, point, HG_GUARD_BROKEN);
        bool ok = w->reach(w->ctx, back);
        w->tell(w->ctx, "rollback", hg_textf(&scratch, "%s could not be reached: %s %s", w->name(w->ctx, point), ok ? "still at" : "and NOT back to",
                                             w->name(w->ctx, back)));
        return;
    }
    w->now = point;
    s->back = back;
    s->guarded = 0;
    s->was_broken = seen == HG_GUARD_BROKEN;
    w->tell(w->ctx, "apply", hg_textf(&scratch, "%s; guarded for %d windows", w->name(w->ctx, point), GUARD_WINDOWS));
}

static void roll_back(watching *s, hg_arena scratch)
{
    hg_watch *w = s->ask;
    size_t from = w->now, to = s->back;
    bool ok = w->reach(w->ctx, to);
    w->tell(w->ctx, "rollback", hg_textf(&scratch, "the promise broke at %s: %s %s", w->name(w->ctx, from), ok ? "back to" : "it could NOT be taken back to",
                                         w->name(w->ctx, to)));
    learn(s, from, HG_GUARD_BROKEN);
    w->now = ok ? to : from;
    s->back = w->none;
    if (ok && s->was_broken)
        replan(s, scratch, HG_GUARD_BROKEN);
}

/* A change on trial: the first window that breaks the promise takes it back, a few that keep it let it stay. */
static void guard(watching *s, hg_arena scratch, hg_guard seen)
{
    hg_watch *w = s->ask;
    if (seen == HG_GUARD_BROKEN)
        roll_back(s, scratch);
    if (seen != HG_GUARD_KEPT || ++s->guarded < GUARD_WINDOWS)
        return;
    w->tell(w->ctx, "keep", hg_textf(&scratch, "%s kept the promise for %d windows: it stays", w->name(w->ctx, w->now), GUARD_WINDOWS));
    learn(s, w->now, HG_GUARD_KEPT);
    s->back = w->none;
}

void hg_watch_run(hg_arena scratch, hg_watch *w)
{
    watching s = { .ask = w, .before = HG_NEW(&scratch, hg_scrape, 1), .after = HG_NEW(&scratch, hg_scrape, 1), .back = w->none };
    double seconds = 0;
    bool telling;
    if (!w->scrape(w->ctx, s.before))
        return;
    while (next_window(&s, &seconds, &telling)) {
        hg_arena one = scratch;
        hg_traffic_of of;
        hg_traffic from, to, t = hg_traffic_between(s.before, s.after, seconds);
        if (!telling)
            continue;
        hg_guard seen = hg_guard_of(w->slo, s.before, s.after);
        bool drifted = hg_drift_tell(&s.drift, &t, &of, &from, &to);
        if (drifted)
            w->tell(w->ctx, "drift", hg_textf(&one, "by %s: %s", hg_traffic_names[of], traffic_text(&one, &from, &to)));
        if (s.back != w->none) {
            guard(&s, one, seen);
        } else if (drifted) {
            s.traffic = to;
            learn(&s, w->now, seen);
            replan(&s, one, seen);
        }
        /* What runs while a change is made belongs to neither side. */
        *s.before = *s.after;
        seconds = 0;
    }
}
