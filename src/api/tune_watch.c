#include "api/tune.h"

hg_code hg_tune_watch(hg_ask *a, hg_tune *t)
{
    (void)t;
    return hg_refuse(a, "--watch", "is not there yet");
}
