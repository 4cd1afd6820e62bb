#include "test.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static long passed, failed, skipped;

void test_check(bool ok, const char *file, int line, const char *fmt, ...)
{
    if (ok) {
        passed++;
        return;
    }
    failed++;
    fprintf(stderr, "%s:%d: ", file, line);
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void test_skip(const char *why)
{
    skipped++;
    printf("skipped: %s\n", why);
}

#define SUITE(name) void test_##name(void);
#include "suites.def"
#undef SUITE

static const struct {
    const char *name;
    void (*run)(void);
} suites[] = {
#define SUITE(name) { #name, test_##name },
#include "suites.def"
#undef SUITE
};

/* heng-test [SUITE …]: all suites, or those named. */
int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        bool wanted = argc == 1;
        for (int a = 1; a < argc; a++)
            wanted |= strcmp(argv[a], suites[i].name) == 0;
        if (!wanted)
            continue;
        long before = failed;
        suites[i].run();
        printf("%-24s %s\n", suites[i].name, failed == before ? "ok" : "FAILED");
        fflush(stdout);
    }
    if (skipped)
        printf("%ld skipped\n", skipped);
    printf("%ld passed, %ld failed\n", passed, failed);
    return failed != 0;
}
