#include "api/own.h"

#include "base/file.h"
#include "cost/calibration.h"

enum { CALIBRATION_LIMIT = 64000000 };

/* Of operators, as 'calibrate ops' writes it. */
static bool is_calibration(hg_ask *a)
{
    size_t size;
    hg_calibration read;
    hg_err err;
    const char *path = a->s.calibration.s, *text = hg_file_read(a->arena, path, CALIBRATION_LIMIT, &size, &a->err);
    return text && (hg_calibration_read(a->arena, path, text, size, &read, &err) ||
                    hg_fail(&a->err, HG_INPUT, path, "is no calibration that this heng reads; 'heng calibrate serving' and "
                            "'heng calibrate ops' write them"));
}

bool hg_ask_own(hg_ask *a, hg_serving_shelf *shelf, const hg_own **own)
{
    *own = NULL;
    if (!a->s.calibration.s)
        return true;
    bool is_own;
    if (!hg_own_is(*a->arena, a->s.calibration.s, &is_own, &a->err))
        return false;
    if (!is_own && !is_calibration(a))
        return false;
    if (!is_own) {
        hg_serving_shelf_overlay(shelf, a->s.calibration.s);
        return true;
    }
    hg_own *out = HG_NEW(a->arena, hg_own, 1);
    *own = out;
    return hg_own_read(a->arena, shelf, &a->data, a->s.calibration.s, a->s.threads.n ? (int)a->s.threads.v[0] : 0, out, &a->err);
}

void hg_own_note(hg_ask *a, const hg_own *own, const hg_own_question *asked, size_t n)
{
    size_t of_them = 0;
    for (size_t i = 0; i < n; i++)
        of_them += asked[i].server != NULL;
    if (own)
        hg_note(a, hg_textf(a->arena, "%zu of %zu rows are of servers whose runs %s holds (model, device, engine, version, precision and ranks "
                            "alike)", of_them, n, a->s.calibration.s));
}
