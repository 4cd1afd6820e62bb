#ifndef BENCH_PLANS_H
#define BENCH_PLANS_H

/* Plans of the sizes that people ask for, each a whole process and the best of three: the deployments there are to choose
 * from, how many were simulated, seconds on all cores, and over those on one. */
void bench_plans(const char *heng, const char *trace, double reference_s);

#endif
