/* A tuning session in one SQLite file.  Every call is on the disk when it returns (WAL, synchronous): kill -9 at any moment
 * loses at most the trial under way.  A second tuner is kept off by a lock on FILE.lock, which goes with its holder.
 * Texts passed in are copied; texts passed out are the arena's.  On a full disk the call fails and what is there stays. */
#ifndef HG_TUNE_STORE_H
#define HG_TUNE_STORE_H

#include "base/err.h"
#include "tune/process.h"
#include "tune/trial.h"

enum { HG_STORE_VERSION = 1 };

typedef struct hg_store hg_store;

/* Opens a store, or makes one where there is none.  *fresh: it holds no question yet.  NULL with err set: no store of ours, a
 * newer one's, held by another tuner, not writable. */
hg_store *hg_store_open(hg_arena *arena, const char *path, bool *fresh, hg_err *err);
void hg_store_close(hg_store *s); /* NULL: nothing */

/* All of a question at once. */
bool hg_store_ask(hg_store *s, const char *const (*rows)[2], size_t count, hg_err *err);
/* NULL: not there, or not readable (err set). */
const char *hg_store_asked(hg_store *s, hg_arena *arena, const char *key, hg_err *err);

/* Everything goes, for a session that begins anew. */
bool hg_store_clear(hg_store *s, hg_err *err);

/* Sets t->id and t->begun_unix_s. */
bool hg_store_begin(hg_store *s, hg_trial *t, const char *point, hg_err *err);
/* Ends the trial's phase under way and begins the next; name NULL: none. */
bool hg_store_phase(hg_store *s, int64_t trial, const char *name, hg_err *err);
/* Sets t->finished and t->took_s. */
bool hg_store_finish(hg_store *s, hg_trial *t, hg_err *err);

typedef struct hg_stored {
    hg_trial trial;          /* its point is not set */
    const char *point;       /* as text */
} hg_stored;

/* All trials in the order of their beginning. */
bool hg_store_trials(hg_store *s, hg_arena *arena, hg_stored **out, size_t *count, hg_err *err);
/* Trials without an end become HG_TRIAL_LOST; how many. */
bool hg_store_close_lost(hg_store *s, size_t *count, hg_err *err);

bool hg_store_server(hg_store *s, const hg_process_id *id, hg_err *err);
bool hg_store_server_ended(hg_store *s, const char *token, hg_err *err);
/* Servers whose end is not written down. */
bool hg_store_servers_left(hg_store *s, hg_arena *arena, hg_process_id **out, size_t *count, hg_err *err);

bool hg_store_event(hg_store *s, const char *kind, const char *text, hg_err *err);

#endif
