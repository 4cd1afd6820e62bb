#include "cost/op.h"

#include <string.h>

const hg_op *const hg_ops[] = {
#define OP(name) &hg_op_##name,
#include "cost/ops.def"
#undef OP
};
const int hg_op_count = sizeof hg_ops / sizeof *hg_ops;

const hg_op *hg_op_find(const char *name)
{
    for (int i = 0; i < hg_op_count; i++)
        if (strcmp(hg_ops[i]->name, name) == 0)
            return hg_ops[i];
    return NULL;
}

int hg_op_dim_count(const hg_op *op)
{
    int n = 0;
    while (n < HG_OP_DIMS && op->dims[n].column)
        n++;
    return n;
}

int hg_op_label_count(const hg_op *op)
{
    int n = 0;
    while (n < HG_OP_LABELS && op->labels[n])
        n++;
    return n;
}

int hg_op_series_labels(const hg_op *op)
{
    return op->series_labels ? op->series_labels : hg_op_label_count(op);
}
