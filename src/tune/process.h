/* A server of our own: started in a session of its own, watched, and ended; nothing else ever is. */
#ifndef HG_TUNE_PROCESS_H
#define HG_TUNE_PROCESS_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { HG_TOKEN = 33 };

/* Enough to know it again after this program has gone: pids are used anew, a pid with its start and the boot are not. */
typedef struct hg_process_id {
    int64_t pid;
    int64_t start_ticks;         /* since the boot, of /proc/PID/stat */
    char boot[40];
    char token[HG_TOKEN];        /* HENG_TUNE in the environment of it and its children */
} hg_process_id;

typedef struct hg_process {
    hg_process_id id;            /* pid 0: none runs */
    const char *log;
    bool ended;
    int status;                  /* of waitpid, once ended */
} hg_process;

/* Starts the command with its output in the file `log`, which is begun anew.  It hears SIGTERM when this program dies.
 * False: it cannot be started, or the log cannot be written. */
bool hg_process_start(hg_process *p, const char *const *argv, const char *log, hg_err *err);
/* Whether it is over by now. */
bool hg_process_ended(hg_process *p);
/* SIGTERM to all of its session, SIGKILL after grace_s; returns when it is gone. */
void hg_process_stop(hg_process *p, double grace_s);
/* "ended with exit code 1", "was killed by signal 9" */
const char *hg_process_how(hg_arena *arena, const hg_process *p);

/* Ends what is left of a process that another run of this program started; returns how many were. */
size_t hg_process_sweep(const hg_process_id *id);

/* Whether nobody listens on the loopback's port; a port that is free now, 0: none. */
bool hg_port_free(int port);
int hg_port_any(void);

/* The end of a log, or NULL; whether one of these stands in it (without regard to case), and the last line that says something. */
const char *hg_log_tail(hg_arena *arena, const char *path);
const char *hg_log_finds(hg_arena *arena, const char *tail, const char *const *signs, size_t count);
const char *hg_log_last_line(hg_arena *arena, const char *tail);

#endif
