#include "api/question.h"

#include "eval/chance.h"

bool hg_ask_confidence(hg_ask *a, hg_problem *p)
{
    if (!a->s.confidence.given)
        return true;
    if (!hg_misses_known(p))
        return hg_fail(&a->err, HG_INPUT, a->s.confidence.where, "needs measured runs of %s to say how far predictions miss, and there "
                       "are none; 'heng calibrate serving' takes yours", p->engine.name);
    p->slower = hg_slower_at(p, a->s.confidence.v);
    hg_note(a, hg_textf(a->arena, "steps taken as %.2f times as long as predicted, which %.3g%% of measured runs of %s kept to",
                        p->slower, 100 * a->s.confidence.v, p->engine.name));
    return true;
}
