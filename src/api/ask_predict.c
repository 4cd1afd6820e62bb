#include "api/predict.h"

#include <string.h>

static hg_code run(hg_ask *a)
{
    const char *what = a->s.input_count ? a->s.inputs[0] : "";
    if (strcmp(what, "ops") == 0)
        return hg_predict_ops(a);
    return hg_refuse(a, "predict", "takes 'ops'; as in 'heng predict ops --op gemm --device h200_sxm "
                                   "--engine vllm rows.csv'");
}

const hg_verb hg_verb_predict = {
    "predict", "heng predict ops --device D --engine E --op OP [FILE.csv | column=value …]",
    "how long is one operator? CSV in, CSV out", run
};
