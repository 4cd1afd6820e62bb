/* Against the publishers' files and the served models of ../shared/data, where it lies beside the
 * checkout. */
#include "test.h"

#include "base/csv.h"
#include "base/file.h"
#include "base/text.h"
#include "spec/model.h"

#include <string.h>

#define MODELS "../shared/data/models"
#define SERVING "../shared/data/e2e/serving.csv"

static bool same_precision(const hg_precision *a, const hg_precision *b)
{
    return a->attention == b->attention && a->o_proj == b->o_proj && a->linear == b->linear &&
           a->mlp == b->mlp && a->experts == b->experts && a->lm_head == b->lm_head &&
           a->kv == b->kv;
}

/* A publisher's file reads, its id is in the catalogue, and both say the same model. */
static void one_file(hg_arena arena, const char *file)
{
    hg_data data = { 0 };
    hg_model read, found;
    hg_err err = { 0 };
    const char *note;
    bool ok =
        hg_model_find(&arena, &data, hg_textf(&arena, MODELS "/%s", file), &read, &note, &err);
    CHECKF(ok && !note, "%s: %s: %s", file, err.where, err.msg);
    if (!ok)
        return;
    bool known = hg_model_find(&arena, &data, read.name, &found, &note, &err);
    CHECKF(known && !note, "%s: %s: %s", read.name, err.where, err.msg);
    if (!known)
        return;
    CHECKF(read.parameters == found.parameters && read.layer_count == found.layer_count &&
               read.layer_kinds == found.layer_kinds && read.max_tokens == found.max_tokens &&
               read.mtp_parameters == found.mtp_parameters,
           "%s: file %.0f %.0f %ld, catalogue %.0f %.0f %ld", file, read.parameters,
           read.mtp_parameters, (long)read.max_tokens, found.parameters, found.mtp_parameters,
           (long)found.max_tokens);
    CHECKF(same_precision(&read.precision, &found.precision),
           "%s: another precision in the catalogue", file);
    CHECKF(hg_model_kv_bytes_per_token(&read, HG_BF16) ==
               hg_model_kv_bytes_per_token(&found, HG_BF16),
           "%s", file);
}

static void served_models_resolve(hg_arena arena)
{
    hg_csv csv;
    hg_err err = { 0 };
    if (!hg_csv_open(&csv, &arena, SERVING, &err))
        return;
    int column = hg_csv_column(&csv, "model");
    char last[128] = "";
    while (column >= 0 && hg_csv_next(&csv, &err) == 1) {
        hg_arena scratch = arena;
        hg_data data = { 0 };
        hg_model m;
        const char *note;
        if (strcmp(last, csv.fields[column]) == 0)
            continue;
        strncpy(last, csv.fields[column], sizeof last - 1);
        CHECKF(hg_model_find(&scratch, &data, last, &m, &note, &err), "%s: %s", err.where, err.msg);
    }
    hg_csv_close(&csv);
}

void test_model_shared(void)
{
    hg_arena arena;
    size_t count, read = 0;
    if (!hg_is_folder(MODELS)) {
        test_skip("../shared/data/models is absent");
        return;
    }
    if (!hg_arena_open(&arena, 0))
        return;
    char **files = hg_folder_list(&arena, MODELS, &count);
    for (size_t i = 0; i < count; i++)
        if (hg_ends(files[i], "_config.json") && !hg_ends(files[i], "_hf_quant_config.json")) {
            one_file(arena, files[i]);
            read++;
        }
    CHECKF(read >= 60, "%zu files", read);
    served_models_resolve(arena);
    hg_arena_close(&arena);
}
