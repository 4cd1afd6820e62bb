/* The tests' own few lines: CHECK counts, a failure prints its place and what was seen, and goes on. */
#ifndef HG_TEST_H
#define HG_TEST_H

#include <stdbool.h>

void test_check(bool ok, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* One line that says why something was not tested; counted apart. */
void test_skip(const char *why);

#define CHECK(cond) test_check((cond), __FILE__, __LINE__, "%s", #cond)
#define CHECKF(cond, ...) test_check((cond), __FILE__, __LINE__, __VA_ARGS__)
#define CHECK_STR(got, want)                                                                       \
    test_check(strcmp((got), (want)) == 0, __FILE__, __LINE__, "got '%s', want '%s'", (got), (want))
/* |got − want| ≤ tol·|want| */
#define CHECK_NEAR(got, want, tol)                                                                 \
    test_check(__builtin_fabs((double)(got) - (double)(want)) <=                                   \
                   (double)(tol) * __builtin_fabs((double)(want)) + 1e-300,                        \
               __FILE__, __LINE__, "%s = %.9g, want %.9g within %g", #got, (double)(got),          \
               (double)(want), (double)(tol))

#endif
