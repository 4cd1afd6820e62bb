/* Patterns that name modules of a checkpoint, as quantisers write them: whole names, names of
 * parts, globs, and Python regular expressions behind "re:". */
#ifndef HG_SPEC_MODULE_RULE_H
#define HG_SPEC_MODULE_RULE_H

#include "base/arena.h"
#include "base/err.h"
#include "spec/dtype.h"

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hg_module_rule {
    const char *pattern;
    bool is_regex;
    regex_t regex;
    hg_dtype dtype; /* what the rule assigns; HG_BF16 for exceptions */
    int64_t layer;  /* the only layer it can match ("model.layers.3.…"), or -1 */
    size_t next;    /* for the keeper of a list by layer */
} hg_module_rule;

/* False when the pattern is a regular expression that cannot be read.  Release with
 * hg_module_rule_close.  Prefixes of the language model are made "model.", the name used for
 * matching. */
bool hg_module_rule_open(hg_module_rule *rule, hg_arena *arena, const char *pattern,
                         hg_dtype dtype);
void hg_module_rule_close(hg_module_rule *rule);
/* name: "model.layers.3.self_attn.q_proj" or "lm_head". */
bool hg_module_rule_matches(const hg_module_rule *rule, const char *name);

#endif
