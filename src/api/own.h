/* --calibration: a user's file, which holds a calibration of operators or runs of a server. */
#ifndef HG_API_OWN_H
#define HG_API_OWN_H

#include "api/verb.h"
#include "fit/own_runs.h"

/* Opens the file for serving predictions: *own is NULL where none is given, or where it holds operators (which are laid
 * over the shelf's). */
bool hg_ask_own(hg_ask *a, hg_serving_shelf *shelf, const hg_own **own);

/* Opens a row's case as the own server was launched, where it is of one. */
const hg_own_server *hg_own_case(hg_ask *a, const hg_own *own, hg_serving_shelf *shelf, hg_serving_row *row, hg_serving_case *c);

#endif
