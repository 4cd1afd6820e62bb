/* Is it a page: tags in balance, entities known, nothing that runs, loads or leaves, and places in
 * percent inside their chart.  A fault is one failed check, with its place. */
#ifndef HG_HTML_CHECK_H
#define HG_HTML_CHECK_H

#include <stddef.h>

typedef struct html_counts {
    size_t rows;    /* <tr> */
    size_t markers; /* elements whose first class is "p": points of a plot */
} html_counts;

html_counts html_check(const char *html);

#endif
