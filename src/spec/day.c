#include "spec/day.h"

#include "base/csv.h"

static const double RATE_MOST = 1e6; /* requests per second; beyond it an input is a mistake */

typedef struct columns {
    int time, rate;
    double unit_s;
} columns;

static bool find_columns(const hg_csv *csv, columns *out, hg_err *err)
{
    int hour = hg_csv_column(csv, "hour"), second = hg_csv_column(csv, "time_s");
    *out = (columns){ hour >= 0 ? hour : second, hg_csv_column(csv, "rate"), hour >= 0 ? 3600 : 1 };
    if (hour >= 0 && second >= 0)
        return hg_fail(err, HG_INPUT, csv->lines.name, "has both hour and time_s; leave one of them out");
    return (out->time >= 0 && out->rate >= 0) ||
           hg_fail(err, HG_INPUT, csv->lines.name, "has no columns hour,rate or time_s,rate (its header is '%.60s')", csv->header);
}

static bool read_row(const hg_csv *csv, const columns *c, hg_day *day, hg_err *err)
{
    double at, rate, most = HG_DAY_S / c->unit_s;
    if (!hg_csv_f64(csv, c->time, 0, most, &at, err) || !hg_csv_f64(csv, c->rate, 0, RATE_MOST, &rate, err))
        return false;
    hg_day_row row = { at * c->unit_s, rate };
    if (row.time_s >= HG_DAY_S)
        return hg_csv_fail(csv, c->time, err, "is %g, which is the next day's 0; the last row holds until then", at);
    if (day->count && row.time_s <= day->rows[day->count - 1].time_s)
        return hg_csv_fail(csv, c->time, err, "is %g, not after the row before; rows stand in the order of time", at);
    if (day->count == HG_DAY_ROWS)
        return hg_csv_fail(csv, c->time, err, "is one row too many; a day has at most %d", HG_DAY_ROWS);
    day->rows[day->count++] = row;
    return true;
}

static bool read_all(hg_csv *csv, hg_day *out, hg_err *err)
{
    columns c;
    double most = 0;
    int got;
    if (!find_columns(csv, &c, err))
        return false;
    while ((got = hg_csv_next(csv, err)) == 1) {
        if (!read_row(csv, &c, out, err))
            return false;
        most = out->rows[out->count - 1].rate_per_s > most ? out->rows[out->count - 1].rate_per_s : most;
    }
    if (got < 0)
        return false;
    return most > 0 || hg_fail(err, HG_INPUT, csv->lines.name, out->count ? "holds no rate above 0" : "holds no rows behind its header");
}

bool hg_day_read(hg_arena *arena, const char *path, hg_day *out, hg_err *err)
{
    hg_csv csv;
    *out = (hg_day){ .rows = HG_NEW(arena, hg_day_row, HG_DAY_ROWS) };
    if (!hg_csv_open(&csv, arena, path, err))
        return false;
    bool ok = read_all(&csv, out, err);
    hg_csv_close(&csv);
    return ok;
}

double hg_day_row_s(const hg_day *day, size_t row)
{
    double next = row + 1 < day->count ? day->rows[row + 1].time_s : day->rows[0].time_s + HG_DAY_S;
    return next - day->rows[row].time_s;
}
