#include "api/plan.h"
const char *hg_plan_report(hg_arena *arena, const hg_plan *p, const char *model_word) { (void)arena, (void)p; return model_word; }
