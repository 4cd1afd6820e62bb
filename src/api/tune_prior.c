#include "api/tune.h"

void hg_tune_prior(hg_ask *a, hg_tune *t)
{
    (void)a;
    (void)t;
}
