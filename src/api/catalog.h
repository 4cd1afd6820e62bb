#ifndef HG_API_CATALOG_H
#define HG_API_CATALOG_H

#include "api/verb.h"

/* The parts of `heng catalog`. */
hg_code hg_catalog_models(hg_ask *a);
hg_code hg_catalog_model(hg_ask *a);
hg_code hg_catalog_devices(hg_ask *a);
hg_code hg_catalog_engines(hg_ask *a);
hg_code hg_catalog_presets(hg_ask *a);
hg_code hg_catalog_workload(hg_ask *a);
hg_code hg_catalog_ops(hg_ask *a);
hg_code hg_catalog_accuracy(hg_ask *a);
hg_code hg_catalog_serving(hg_ask *a);

#endif
