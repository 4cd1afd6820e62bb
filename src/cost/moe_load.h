/* How many (token, expert) pairs a router puts on one rank of an expert group, and on how many of its
 * experts. */
#ifndef HG_COST_MOE_LOAD_H
#define HG_COST_MOE_LOAD_H

/* Of the rank with most pairs. */
typedef struct hg_load {
    double pairs;
    double active; /* experts with at least one token */
} hg_load;

/* Tokens take experts in turn. */
hg_load hg_even_load(double pairs, double ranks, double experts);

/* The tables' power_law_α.  all_experts of all ranks, `experts` of them on each. */
hg_load hg_skewed_load(double alpha, double tokens, double pairs, double all_experts, double ranks,
                       double experts);

#endif
