/* Clients that measure servers, and their definitions: client.def. */
#ifndef HG_SPEC_CLIENT_H
#define HG_SPEC_CLIENT_H

#include <stddef.h>

typedef enum hg_client_tpot { HG_TPOT_AFTER_FIRST, HG_TPOT_WHOLE } hg_client_tpot;
typedef enum hg_client_itl { HG_ITL_CHUNKS, HG_ITL_TOKENS, HG_ITL_REQUEST } hg_client_itl;
typedef enum hg_client_user { HG_USER_MEAN, HG_USER_MEDIAN } hg_client_user;

typedef struct hg_client {
    const char *word;
    hg_client_tpot tpot;
    hg_client_itl itl;
    int warm_waves;            /* requests a client that are sent first and not counted, in a closed loop */
    hg_client_user user;
    const char *says;
} hg_client;

extern const hg_client hg_client_table[];
extern const char *const hg_client_words[];
extern const size_t hg_client_count;

const hg_client *hg_client_find(const char *word); /* NULL: unknown */

#endif
