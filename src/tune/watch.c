#include "tune/watch.h"

#include "base/text.h"

#include <math.h>

const char *const hg_traffic_names[HG_TRAFFIC_FIGURES] = { "rate", "prompt tokens", "answer tokens", "hit rate" };

enum { BASE_WINDOWS = 3, TELLING = 20 /* requests of a window */, GUARD_WINDOWS = 3, PATIENCE = 4 /* times the looks of a usual window */ };

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
        bool beyond = isinf(seen) && hg_scrape_last_edge(after, (hg_scraped)s) < l->limit_s; /* slower than that, or not: it cannot tell */
        if (seen >= l->limit_s && !beyond)
            return HG_GUARD_BROKEN;
        all = isnan(seen) || beyond ? HG_GUARD_BLIND : all;
    }
    return all;
}

/* ---- the loop ---- */

typedef struct watching {
    hg_watch *ask;
    hg_scrape *before, *after;
    double seconds;            /* from before to after */
    bool settling;             /* the next look only begins a window: what runs while a change is made belongs to neither side */
    hg_drift drift;
    size_t back;               /* where to go back to, while a change is guarded; none: nothing is */
    bool owed;                 /* the way back failed: it is tried at every look */
    size_t kept, blind;        /* windows since the change that kept the promise, that did not show it */
    size_t looks, usual;       /* of this window so far, of the last */
    bool was_broken;           /* before the change, so that its breaking proves nothing against others */
    bool unseen;               /* the page counts no requests, and that was said */
    bool pending;              /* drifted, and not planned for yet */
    hg_traffic traffic;        /* that the change is planned for */
} watching;

static const char *traffic_text(hg_arena *arena, const hg_traffic *from, const hg_traffic *to)
{
    hg_buf b = { .arena = arena };
    for (int i = 0; i < HG_TRAFFIC_FIGURES; i++)
        if (!isnan(from->of[i]) && !isnan(to->of[i]))
            hg_buf_printf(&b, "%s%s %.3g to %.3g%s", b.n ? ", " : "", hg_traffic_names[i], from->of[i], to->of[i], i == HG_TRAFFIC_RATE ? "/s" : "");
    return b.s ? b.s : "";
}

static bool is_guarded(const watching *s)
{
    return s->back != s->ask->none;
}

static void begin_window(watching *s)
{
    *s->before = *s->after;
    s->seconds = 0;
    s->looks = 0;
}

static void learn(const watching *s, size_t point, hg_guard how)
{
    if (s->ask->learn)
        s->ask->learn(s->ask->ctx, point, how);
}

/* ---- a change, and the way back ---- */

static void unreached(watching *s, hg_arena scratch, size_t point, size_t back)
{
    hg_watch *w = s->ask;
    learn(s, point, HG_GUARD_BROKEN);
    s->owed = !w->reach(w->ctx, back);
    s->back = s->owed ? back : w->none;
    w->tell(w->ctx, "rollback", hg_textf(&scratch, "%s could not be reached: %s %s", w->name(w->ctx, point),
                                         s->owed ? "and it could NOT be taken back, tried again at every look, to" : "still at", w->name(w->ctx, back)));
}

static void replan(watching *s, hg_arena scratch, hg_guard seen)
{
    hg_watch *w = s->ask;
    size_t point = w->plan(w->ctx, &s->traffic, w->now), back = w->now;
    s->pending = false;
    if (point == w->none || point == w->now)
        return;
    w->tell(w->ctx, "propose", hg_textf(&scratch, "%s instead of %s", w->name(w->ctx, point), w->name(w->ctx, w->now)));
    if (!w->apply)
        return;
    if (seen == HG_GUARD_BLIND) {
        w->tell(w->ctx, "blind", "not applied: the server's metrics do not show what --slo limits, so nothing would guard the change");
        return;
    }
    s->settling = true;
    if (!w->reach(w->ctx, point)) {
        unreached(s, scratch, point, back);
        return;
    }
    w->now = point;
    s->back = back;
    s->kept = s->blind = 0;
    s->was_broken = seen == HG_GUARD_BROKEN;
    w->tell(w->ctx, "apply", hg_textf(&scratch, "%s; guarded for %d windows", w->name(w->ctx, point), GUARD_WINDOWS));
}

/* Said when it is begun and when it is done; where the server cannot be reached now, every look tries again. */
static bool roll_back(watching *s, hg_arena scratch, const char *why)
{
    hg_watch *w = s->ask;
    size_t from = w->now, to = s->back;
    bool ok = w->reach(w->ctx, to), first = !s->owed;
    s->settling = true;
    s->owed = !ok;
    if (ok || first)
        w->tell(w->ctx, "rollback", hg_textf(&scratch, "%s at %s: %s %s", why, w->name(w->ctx, from),
                                             ok ? "back to" : "and it could NOT be taken back, tried again at every look, to", w->name(w->ctx, to)));
    if (first)
        learn(s, from, HG_GUARD_BROKEN);
    w->now = ok ? to : from;
    s->back = ok ? w->none : to;
    return ok;
}

/* A change on trial: the first window that breaks the promise takes it back, a few that keep it let it stay, a few that do
 * not show it take it back too. */
static void guard(watching *s, hg_arena scratch, hg_guard seen)
{
    hg_watch *w = s->ask;
    if (seen == HG_GUARD_BROKEN) {
        roll_back(s, scratch, "the promise broke");
        s->pending |= s->was_broken; /* on to the next: what was before is no better */
    } else if (seen == HG_GUARD_BLIND && ++s->blind >= GUARD_WINDOWS) {
        w->tell(w->ctx, "blind", "the server's metrics do not show any more what --slo limits");
        roll_back(s, scratch, "nothing guards the change");
    } else if (seen == HG_GUARD_KEPT && ++s->kept >= GUARD_WINDOWS) {
        w->tell(w->ctx, "keep", hg_textf(&scratch, "%s kept the promise for %d windows: it stays", w->name(w->ctx, w->now), GUARD_WINDOWS));
        learn(s, w->now, HG_GUARD_KEPT);
        s->back = w->none;
    }
}

/* ---- the loop ---- */

static void window(watching *s, hg_arena scratch, const hg_traffic *t)
{
    hg_watch *w = s->ask;
    hg_traffic_of of;
    hg_traffic from, to;
    hg_guard seen = hg_guard_of(w->slo, s->before, s->after);
    if (hg_drift_tell(&s->drift, t, &of, &from, &to)) {
        w->tell(w->ctx, "drift", hg_textf(&scratch, "by %s: %s", hg_traffic_names[of], traffic_text(&scratch, &from, &to)));
        s->traffic = to;
        s->pending = true;
        if (!is_guarded(s))
            learn(s, w->now, seen);
    }
    if (is_guarded(s))
        guard(s, scratch, seen);
    if (!is_guarded(s) && s->pending)
        replan(s, scratch, seen);
    s->usual = s->looks;
    begin_window(s);
}

/* Counters that are not there, or went back: another process answers than did before, with what it was launched with. */
static void no_counters(watching *s, hg_arena scratch)
{
    hg_watch *w = s->ask;
    bool counts = !isnan(s->after->value[HG_SERIES_requests]) || !isnan(s->after->value[HG_SERIES_ttft]);
    bool began_anew = counts && !s->unseen;
    if (began_anew && w->renewed)
        w->renewed(w->ctx);
    if (is_guarded(s)) {
        roll_back(s, scratch, counts ? "the server began anew" : "the server's metrics count no requests any more");
    } else if (began_anew) {
        bool ok = !w->apply || w->reach(w->ctx, w->now);
        w->tell(w->ctx, "restart", hg_textf(&scratch, "the server began anew%s %s", ok ? ", at" : "; it could NOT be set to", w->name(w->ctx, w->now)));
    } else if (!counts && !s->unseen) {
        w->tell(w->ctx, "blind", "the server's metrics count no requests any more");
    }
    s->unseen = !counts;
    begin_window(s);
}

static void look(watching *s, hg_arena scratch)
{
    if (s->owed && !roll_back(s, scratch, "the change failed"))
        return;
    if (s->settling) {
        s->settling = false;
        begin_window(s);
        return;
    }
    s->seconds += s->ask->seconds(s->ask->ctx);
    s->looks++;
    hg_traffic t = hg_traffic_between(s->before, s->after, s->seconds);
    if (isnan(t.requests)) {
        no_counters(s, scratch);
        return;
    }
    s->unseen = false;
    if (t.requests >= TELLING) /* a window wants requests to tell by: one with few goes on */
        window(s, scratch, &t);
    else if (is_guarded(s) && s->looks > PATIENCE * (s->usual ? s->usual : 1))
        roll_back(s, scratch, hg_textf(&scratch, "%.0f requests ended in %zu looks, too few to judge by,", t.requests, s->looks));
}

/* No page.  A change that is not proved is taken back first; a server of others is never left with one. */
static bool goes_on(watching *s, hg_arena scratch, hg_look why)
{
    if (!is_guarded(s) || (why == HG_LOOK_STOPPED && !s->ask->stays))
        return false;
    bool back = roll_back(s, scratch, why == HG_LOOK_STOPPED ? "the watch ended before the promise was seen kept" : "the server's metrics are gone");
    return back && why == HG_LOOK_GONE;
}

void hg_watch_run(hg_arena scratch, hg_watch *w)
{
    watching s = { .ask = w, .before = HG_NEW(&scratch, hg_scrape, 1), .after = HG_NEW(&scratch, hg_scrape, 1), .settling = true, .back = w->none };
    for (;;) {
        hg_arena one = scratch;
        hg_look seen = w->scrape(w->ctx, s.after);
        if (seen == HG_LOOK_SEEN)
            look(&s, one);
        else if (!goes_on(&s, one, seen))
            break;
    }
    w->stranded = s.owed;
}
