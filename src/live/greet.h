/* Before a load: which models the server names, and how it counts words. */
#ifndef HG_LIVE_GREET_H
#define HG_LIVE_GREET_H

#include "live/live.h"

typedef struct hg_live_models {
    hg_live_reply reply;
    const char *first;         /* NULL: it names none */
    const char *names;         /* the first few, with commas; "" */
    bool found;                /* the wanted one (or, with none wanted, the first) is among them */
} hg_live_models;

/* GET base/models.  wanted may be NULL. */
hg_live_models hg_live_list_models(hg_arena *arena, hg_client *client, const char *base, const char *wanted, double timeout_s,
                                   const hg_live_watch *watch);

typedef struct hg_live_count {
    hg_live_record failed;     /* the request that failed; its fault is NONE when both came through */
    bool counted;              /* the server said how many tokens the prompts were, and the longer one's were more */
    double tokens_per_word, overhead_tokens;
} hg_live_count;

/* Two small requests: that the endpoint answers at all, and how it counts words. */
hg_live_count hg_live_count_words(hg_arena *arena, hg_client *client, const char *path, const hg_prompts *prompts, double timeout_s,
                                  const hg_live_watch *watch);

#endif
