/* YAML (and JSON, which is YAML) through libfyaml, with its errors in our form and its traps
 * closed. */
#ifndef HG_BASE_YAML_H
#define HG_BASE_YAML_H

#include "base/err.h"

#include <libfyaml.h>
#include <stddef.h>

/* The caller owns the result (fy_document_destroy).  NULL on failure; `name` is the place in
 * messages, `example` what to write instead.  The text must outlive the document. */
struct fy_document *hg_yaml_parse(const char *text, size_t size, const char *name,
                                  const char *example, hg_err *err);

/* The line where a node's scalar stands, from 1; 0: not known. */
int hg_yaml_line(struct fy_node *node);

#endif
