/* --calibration: a user's file, which holds a calibration of operators or runs of a server. */
#ifndef HG_API_OWN_H
#define HG_API_OWN_H

#include "api/verb.h"
#include "fit/own_runs.h"

/* Opens the file for serving predictions: *own is NULL where none is given, or where it holds operators (which are laid
 * over the shelf's). */
bool hg_ask_own(hg_ask *a, hg_serving_shelf *shelf, const hg_own **own);

/* Says how many of the rows asked are of servers in the file. */
void hg_own_note(hg_ask *a, const hg_own *own, const hg_own_question *asked, size_t n);

#endif
