/* A question's words as the problem that eval understands. */
#ifndef HG_API_QUESTION_H
#define HG_API_QUESTION_H

#include "api/verb.h"
#include "eval/evaluate.h"
#include "explain/say.h"

/* What must be said of the traffic: lengths and a load (--rate, --replay or --concurrency), lengths
 * alone, or nothing (the workload is then empty). */
typedef enum hg_need_load { HG_LOAD_NEEDED, HG_LENGTHS_NEEDED, HG_LOAD_FREE } hg_need_load;

/* Model, device, engine, rates, workload, SLO and price; notes are given on the way. */
bool hg_ask_problem(hg_ask *a, hg_need_load need, hg_problem *out);

/* The lengths and the load alone. */
bool hg_ask_workload(hg_ask *a, hg_need_load need, hg_workload *out);

/* Refuses by name a model that no deployment of the engine can be priced for: before whether it fits. */
bool hg_ask_priced(hg_ask *a, const hg_problem *p);

/* Refuses lists where one deployment is meant, and bare words. */
bool hg_ask_single(hg_ask *a);
bool hg_ask_no_inputs(hg_ask *a);

/* The one deployment the words describe; what they leave open takes the engine's defaults, and
 * max_model_len the workload's longest request with a margin. */
/* The one deployment of the words, pools where they are named, made ready; whether it fits is in out->fit. */
bool hg_ask_candidate(hg_ask *a, const hg_problem *p, hg_candidate *out);
bool hg_ask_deployment(hg_ask *a, const hg_problem *p, hg_deployment *out);

/* How the words say to run it: once through the workload, or --steady. */
/* --confidence: how much slower than predicted steps are taken to be; noted. */
bool hg_ask_confidence(hg_ask *a, hg_problem *p);
bool hg_ask_run(hg_ask *a, const hg_problem *p, hg_run *out);

/* --price of a device, else what its facts say; 0: not known. */
bool hg_ask_price(hg_ask *a, const hg_device *d, double *usd_per_s);

/* --lang, English when not said. */
bool hg_ask_lang(hg_ask *a, hg_lang *out);

/* Notes what the figures alone would not tell: requests rejected, an overload. */
void hg_note_run(hg_ask *a, const hg_problem *p, const hg_candidate *c, const hg_metrics *m);

/* --client, or NULL where it is not given; what it means is noted.  False: a->err. */
bool hg_ask_client(hg_ask *a, const hg_client **out);

/* The device and the rates a question names. */
bool hg_ask_rates(hg_ask *a, hg_rates *out);

/* A margin above the longest request, in whole KV blocks, at most what the model takes; that where
 * there is no workload. */
int64_t hg_fitting_model_len(const hg_problem *p);

bool hg_ask_precision(hg_ask *a, const hg_model *m, hg_dtype *out, bool *is_checkpoints);
bool hg_ask_dtype(const hg_text_word *w, const char *otherwise, hg_dtype *out, bool *is_default, hg_err *err);

#endif
