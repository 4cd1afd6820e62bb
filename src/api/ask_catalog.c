#include "api/catalog.h"

#include <string.h>

static const struct {
    const char *what;
    hg_code (*answer)(hg_ask *a);
    bool takes_word;
} parts[] = {
    { "models", hg_catalog_models, false },   { "model", hg_catalog_model, true },
    { "devices", hg_catalog_devices, false }, { "engines", hg_catalog_engines, false },
    { "presets", hg_catalog_presets, false }, { "workload", hg_catalog_workload, true },
    { "ops", hg_catalog_ops, false },         { "accuracy", hg_catalog_accuracy, false },
    { "serving", hg_catalog_serving, false },
};

static hg_code run(hg_ask *a)
{
    const char *what = a->s.input_count ? a->s.inputs[0] : "";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(what, parts[i].what) != 0)
            continue;
        if (parts[i].takes_word && a->s.input_count < 2 && !a->s.model.s && !a->s.workload.s)
            return hg_refuse(a, what, "needs a name or a file");
        return parts[i].answer(a);
    }
    return hg_refuse(a, "catalog", "takes models, model NAME|FILE, devices, engines, presets, "
                                   "workload FILE, ops, accuracy or serving");
}

const hg_verb hg_verb_catalog = {
    "catalog", "heng catalog models | model NAME|FILE | devices | engines | presets | workload FILE | ops | accuracy | serving",
    "what is known, and how well", run
};
