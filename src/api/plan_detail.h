/* What a plan's page draws of top[0] besides the plan's own figures. */
#ifndef HG_API_PLAN_DETAIL_H
#define HG_API_PLAN_DETAIL_H

#include "api/plan.h"
#include "eval/curve.h"
#include "eval/second.h"
#include "explain/explain.h"
#include "explain/vary.h"

enum { HG_CURVES = 2 };

typedef struct hg_load_curve {
    const hg_deployment *deployment, *prefill; /* prefill: NULL, or its replicas are 0, where one pool does both */
    hg_curve_point points[HG_CURVE_POINTS];
    int count;
} hg_load_curve;

typedef struct hg_plan_detail {
    hg_account account;              /* of the run that the plan's figures came from */
    hg_times times;
    hg_account prefill_account;      /* of two pools that which computes prompts; account is then of the other */
    hg_times prefill_times;
    const hg_times *bound_times;     /* of two pools those of the busier; NULL: times */
    hg_waterfall waterfall;
    hg_sensitivity sensitivity[HG_VARIES_MOST];
    int sensitivity_count;
    hg_load_curve curves[HG_CURVES]; /* the best and the next best; looked at for pages and JSON only */
    int curve_count;
    hg_second second;                /* likewise */
} hg_plan_detail;

/* "-7.1%", "kept, 99% good" */
const char *hg_varied_text(hg_arena *arena, hg_lang lang, const hg_varied *v);

/* Waterfall, sensitivity, curves and the second as members of an open object. */
void hg_json_detail(hg_json *j, const hg_plan_detail *d);

#endif
