#ifndef HG_API_TRANSFER_H
#define HG_API_TRANSFER_H

#include "api/verb.h"

/* `heng validate transfer`, `heng calibrate transfer`. */
hg_code hg_validate_transfer(hg_ask *a);
hg_code hg_calibrate_transfer(hg_ask *a);

#endif
