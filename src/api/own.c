#include "api/own.h"

bool hg_ask_own(hg_ask *a, hg_serving_shelf *shelf, const hg_own **own)
{
    *own = NULL;
    if (!a->s.calibration.s)
        return true;
    if (!hg_own_is(*a->arena, a->s.calibration.s)) {
        hg_serving_shelf_overlay(shelf, a->s.calibration.s);
        return true;
    }
    hg_own *out = HG_NEW(a->arena, hg_own, 1);
    *own = out;
    return hg_own_read(a->arena, shelf, &a->data, a->s.calibration.s, a->s.threads.n ? (int)a->s.threads.v[0] : 0, out, &a->err);
}

const hg_own_server *hg_own_case(hg_ask *a, const hg_own *own, hg_serving_shelf *shelf, hg_serving_row *row, hg_serving_case *c)
{
    hg_serving_case_open(shelf, row, c);
    const hg_own_server *s = own ? hg_own_server_of(*a->arena, own, row, c) : NULL;
    if (s && s->launch && !row->own) {
        hg_launch_facts *launch = HG_NEW(a->arena, hg_launch_facts, 1);
        *launch = *s->launch;
        launch->requests_per_client = 0; /* the run's, not the server's */
        row->own = launch;
        hg_serving_case_open(shelf, row, c);
    }
    return s;
}
