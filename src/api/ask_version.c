#include "api/verb.h"

#include "base/json.h"

#include <string.h>

/* The latest date of any calibration in the data at hand; NULL: there are none. */
static const char *latest_fit(hg_ask *a)
{
    const char *latest = NULL;
    size_t devices, files, size;
    char **device = hg_data_list(&a->data, a->arena, "calibration", &devices);
    for (size_t i = 0; i < devices; i++) {
        const char *folder = hg_textf(a->arena, "calibration/%s", device[i]);
        char **file = hg_data_list(&a->data, a->arena, folder, &files);
        for (size_t k = 0; k < files; k++) {
            hg_err ignored;
            const char *text = hg_data_text(&a->data, a->arena, hg_textf(a->arena, "%s/%s", folder, file[k]), &size, &ignored);
            const char *at = text ? strstr(text, "\"fitted\":\"") : NULL;
            if (!at || strlen(at) < 20)
                continue;
            const char *date = hg_strndup(a->arena, at + 10, 10);
            latest = !latest || strcmp(date, latest) > 0 ? date : latest;
        }
    }
    return latest;
}

static hg_code run(hg_ask *a)
{
    const char *fitted = latest_fit(a);
    hg_buf b = { .arena = a->arena };
    hg_json j = { .out = &b };
    if (a->s.json.v) {
        hg_json_open(&j, '{');
        hg_json_key_str(&j, "version", heng_version());
        hg_json_key_str(&j, "calibrated", fitted);
        hg_json_close(&j, '}');
        hg_buf_puts(&b, "\n");
    } else {
        hg_buf_printf(&b, "heng %s, calibrations of %s\n", heng_version(), fitted ? fitted : "no date: none");
    }
    return hg_answer(a, b.s, b.n);
}

const hg_verb hg_verb_version = { "version", "heng version", "program and calibration dates", run };
