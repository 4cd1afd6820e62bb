#ifndef HG_API_PREDICT_H
#define HG_API_PREDICT_H

#include "api/verb.h"
#include "cost/rates.h"

hg_code hg_predict_ops(hg_ask *a);
hg_code hg_predict_serving(hg_ask *a);
hg_code hg_validate_serving(hg_ask *a);
hg_code hg_validate_left_out(hg_ask *a);

#endif
