#ifndef HG_EVAL_LEGAL_H
#define HG_EVAL_LEGAL_H

#include "spec/deployment.h"
#include "spec/engine.h"
#include "spec/model.h"

/* Whether the engine would start so; else the reason, for a list of what was left out and why. */
bool hg_deployment_legal(const hg_model *m, const hg_deployment *d, const hg_engine *e,
                         const hg_device *dev, char *reason, size_t size);

#endif
