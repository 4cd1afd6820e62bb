#include "api/predict.h"

#include <string.h>

static hg_code run(hg_ask *a)
{
    const char *what = a->s.input_count ? a->s.inputs[0] : "";
    if (strcmp(what, "serving") != 0 && a->s.client.s)
        return hg_refuse(a, a->s.client.where, "is of serving runs; 'heng predict serving' takes it");
    if (strcmp(what, "ops") == 0)
        return hg_predict_ops(a);
    if (strcmp(what, "serving") == 0)
        return hg_predict_serving(a);
    return hg_refuse(a, "predict", "takes 'ops' or 'serving'; as in 'heng predict ops --op gemm --device "
                                   "h200_sxm --engine vllm rows.csv'");
}

const hg_verb hg_verb_predict = {
    "predict", "heng predict ops --device D --engine E --op OP [FILE.csv | column=value …]; heng predict serving [FILE.csv]",
    "how long is one operator, one serving run? CSV in, CSV out", run
};
