/* One memory fraction in each engine's meaning, by the ledger.  A fraction is never copied from one
 * engine to another. */
#ifndef HG_ENGINE_FRACTION_H
#define HG_ENGINE_FRACTION_H

#include "cost/memory.h"
#include "engine/knob.h"

/* What the engine must be told so that it takes the ledger's budget.
 *   HG_OF_TOTAL   budget ÷ total: weights, activations, graphs and KV (vLLM, MindIE)
 *   HG_OF_STATIC  (weights + KV) ÷ total (SGLang)
 *   HG_OF_FREE    KV ÷ what weights, activations and the runtime leave (TensorRT-LLM) */
double hg_fraction_told(hg_fraction_of of, const hg_memory *m);

/* The other way: the budget in bytes that an engine takes when told so.  Of *m only total, weights,
 * activations and context are read. */
double hg_fraction_budget(hg_fraction_of of, double told, const hg_memory *m);

/* A budget as the deployment's gpu_memory_utilization, which the ledger reads in the engine's way.
 */
double hg_fraction_word(const hg_engine *e, double budget_bytes, const hg_memory *m);

#endif
