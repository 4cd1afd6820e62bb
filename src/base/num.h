/* Numbers from text, strictly: the whole text, finite, in range; and the arithmetic everyone needs. */
#ifndef HG_BASE_NUM_H
#define HG_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal integer or real; no spaces, no hexadecimal, no inf or nan.  False leaves *out alone. */
bool hg_parse_i64(const char *s, int64_t *out);
bool hg_parse_f64(const char *s, double *out);

static inline int64_t hg_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t hg_min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t hg_max_i64(int64_t a, int64_t b) { return a > b ? a : b; }
static inline double hg_clamp(double x, double lo, double hi) { return x < lo ? lo : x > hi ? hi : x; }

#endif
