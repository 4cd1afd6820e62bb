#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

/* Input is echoed in messages; control bytes in it must not reach a terminal. */
static void blank_controls(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            *s = '?';
}

bool hg_fail(hg_err *err, hg_code code, const char *where, const char *fmt, ...)
{
    err->code = code;
    snprintf(err->where, sizeof err->where, "%s", where);
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, args);
    va_end(args);
    blank_controls(err->where);
    blank_controls(err->msg);
    return false;
}
