/* For the files of rules: settings by key, as numbers and switches. */
#ifndef HG_EXPLAIN_RULES_H
#define HG_EXPLAIN_RULES_H

#include "base/json.h"
#include "explain/lint.h"

#define NONE
#define MEND(name)
#define RULE(name, ...) void hg_check_##name(hg_lint *x);
#include "explain/rules.def"
#undef RULE
#undef MEND
#define MEND(name)                                                                                 \
    bool hg_mend_##name(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed);
#define RULE(name, level, engines, reason, reason_zh, fix, fix_zh, mend, ...) mend
#include "explain/rules.def"
#undef RULE
#undef MEND
#undef NONE

/* By the key of the config file (a flag without its dashes); NULL: not set. */
const hg_setting *hg_rule_setting(const hg_lint *x, const char *key);
int64_t hg_rule_int(const hg_lint *x, const char *key, int64_t otherwise);
double hg_rule_real(const hg_lint *x, const char *key, double otherwise);
bool hg_rule_on(const hg_lint *x, const char *key);
const char *hg_rule_text(const hg_lint *x, const char *key); /* "" when not set */
/* The value of a knob as JSON, or NULL; the caller owns it (json_decref). */
json_t *hg_rule_json(const hg_lint *x, const char *key);

bool hg_rule_is_ascend(const hg_lint *x);
bool hg_rule_has_experts(const hg_lint *x);
/* Tokens that a decoding sequence brings into a step: 1 and its drafts. */
int64_t hg_rule_each(const hg_lint *x);
/* Whether the size is one that vLLM captures by itself: 1, 2, 4, multiples of 8 to 256, of 16
 * above. */
bool hg_rule_on_stride(int64_t tokens);
/* The largest captured size and how often a size is missed, of explicit sizes; false: none are
 * given. */
bool hg_rule_sizes(const hg_lint *x, int64_t *most, bool *multiples);

#endif
