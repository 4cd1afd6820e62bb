#include "spec/client.h"

#include "base/text.h"

const hg_client hg_client_table[] = {
#define CLIENT(word, tpot, itl, warm_waves, user, says)                                            \
    { word, HG_TPOT_##tpot, HG_ITL_##itl, warm_waves, HG_USER_##user, says },
#include "spec/client.def"
#undef CLIENT
};

const char *const hg_client_words[] = {
#define CLIENT(word, tpot, itl, warm_waves, user, says) word,
#include "spec/client.def"
#undef CLIENT
};

const size_t hg_client_count = sizeof hg_client_table / sizeof *hg_client_table;

const hg_client *hg_client_find(const char *word)
{
    for (size_t i = 0; i < hg_client_count; i++)
        if (hg_same_nocase(word, hg_client_table[i].word))
            return &hg_client_table[i];
    return NULL;
}
