/* Threads that wait for the next job: starting threads anew would cost more than a small kernel. */
#ifndef HG_PROBE_CREW_H
#define HG_PROBE_CREW_H

#include <stdbool.h>

typedef struct hg_crew hg_crew;
typedef void (*hg_crew_job)(void *ctx, int part, int parts);

/* NULL: the system refuses threads or memory.  The caller is one of them. */
hg_crew *hg_crew_open(int threads);
/* Calls job for every part in [0, threads), part 0 on the caller's thread; returns when all are
 * done. */
void hg_crew_run(hg_crew *crew, hg_crew_job job, void *ctx);
int hg_crew_threads(const hg_crew *crew);
void hg_crew_close(hg_crew *crew);

#endif
