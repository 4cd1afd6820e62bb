#include "reference_stepper.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct engine {
    int *waiting, waiting_count;
    int *running, running_count;
    int *scheduled_tokens; /* by place in running, of the step under way */
    bool busy;
    int64_t start_ns, end_ns;
} engine;

static int blocks_for(const ref_run *run, int tokens)
{
    int b = run->config->sched.block_tokens;
    return tokens / b + (tokens % b != 0);
}

static int64_t blocks_free(const ref_run *run, const engine *e)
{
    int64_t held = 0;
    for (int i = 0; i < e->running_count; i++)
        held += run->requests[e->running[i]].blocks;
    return run->config->sched.kv_blocks - held;
}

static void insert_at(int *list, int *count, int place, int value)
{
    memmove(list + place + 1, list + place, (size_t)(*count - place) * sizeof *list);
    list[place] = value;
    ++*count;
}

static int remove_at(int *list, int *count, int place)
{
    int value = list[place];
    --*count;
    memmove(list + place, list + place + 1, (size_t)(*count - place) * sizeof *list);
    return value;
}

static void preempt_last(ref_run *run, engine *e)
{
    int r = remove_at(e->running, &e->running_count, e->running_count - 1);
    run->requests[r].blocks = 0;
    run->requests[r].computed = 0;
    run->requests[r].decoding = false;
    run->requests[r].preemptions++;
    insert_at(e->waiting, &e->waiting_count, 0, r);
}

/* As the engine's code does it: in order, each asks for its tokens, and while there are no blocks
 * the last running one goes. */
static bool schedule_running(ref_run *run, engine *e, int *budget)
{
    bool preempted = false;
    for (int i = 0; i < e->running_count && *budget > 0; i++) {
        ref_request *r = &run->requests[e->running[i]];
        int tokens = r->isl + r->generated - r->computed;
        if (tokens > *budget)
            tokens = *budget;
        int need = blocks_for(run, r->computed + tokens) - r->blocks;
        bool gone = false;
        while (need > blocks_free(run, e) && !gone) {
            gone = e->running_count - 1 == i;
            preempt_last(run, e);
            preempted = true;
        }
        if (gone)
            break;
        r->blocks += need;
        e->scheduled_tokens[i] = tokens;
        *budget -= tokens;
    }
    return preempted;
}

static void schedule_waiting(ref_run *run, engine *e, int *budget, int64_t now_ns)
{
    const hg_sched_config *c = &run->config->sched;
    while (e->waiting_count > 0 && *budget > 0 && e->running_count < c->max_num_seqs) {
        ref_request *r = &run->requests[e->waiting[0]];
        int whole = r->isl + r->generated, tokens = whole;
        if (!c->chunked_prefill && whole > *budget)
            return;
        if (tokens > *budget)
            tokens = *budget;
        if (blocks_for(run, whole) > blocks_free(run, e))
            return;
        r->blocks = blocks_for(run, tokens);
        if (r->scheduled_ns < 0)
            r->scheduled_ns = now_ns;
        e->scheduled_tokens[e->running_count] = tokens;
        e->running[e->running_count++] = remove_at(e->waiting, &e->waiting_count, 0);
        *budget -= tokens;
    }
}

static int64_t to_ns(double s)
{
    double fine = floor(s * 1e9 * 1024 + 0.5);
    int64_t ns = (int64_t)floor((fine + 512) / 1024);
    return ns < 1 ? 1 : ns;
}

static void start_step(ref_run *run, engine *e, int index, int64_t now_ns)
{
    int most = e->waiting_count + e->running_count;
    for (bool preempted = true; preempted;) {
        int budget = (int)run->config->sched.max_num_batched_tokens;
        memset(e->scheduled_tokens, 0, (size_t)most * sizeof *e->scheduled_tokens);
        preempted = schedule_running(run, e, &budget);
        if (!preempted)
            schedule_waiting(run, e, &budget, now_ns);
        if (budget < (int)run->config->sched.max_num_batched_tokens)
            break;
    }
    hg_chunk chunks[4096];
    hg_batch batch = { .chunks = chunks };
    int total = 0;
    for (int i = 0; i < e->running_count; i++) {
        ref_request *r = &run->requests[e->running[i]];
        int tokens = e->scheduled_tokens[i], whole = r->isl + r->generated;
        total += tokens;
        if (tokens == 0)
            continue;
        if (r->decoding) {
            batch.decodes++;
            batch.decode_context += r->computed + 1;
        } else {
            chunks[batch.chunk_count++] =
                (hg_chunk){ tokens, r->computed, r->computed + tokens == whole };
        }
    }
    if (total == 0) {
        run->was_idle_with_work |= most > 0;
        return;
    }
    int64_t held = run->config->sched.kv_blocks - blocks_free(run, e);
    run->over_committed |= blocks_free(run, e) < 0;
    run->kv_most = held > run->kv_most ? held : run->kv_most;
    e->busy = true;
    e->start_ns = now_ns;
    e->end_ns = now_ns + to_ns(run->config->oracle.step(run->config->oracle.ctx, &batch));
    if (run->steps_count < run->steps_max)
        run->steps[run->steps_count++] =
            (hg_step_record){ now_ns, e->end_ns - now_ns, total, batch.decodes, index };
}

/* Returns how many finished. */
static int end_step(ref_run *run, engine *e, int64_t now_ns)
{
    int finished = 0;
    e->busy = false;
    for (int i = 0; i < e->running_count; i++) {
        ref_request *r = &run->requests[e->running[i]];
        r->computed += e->scheduled_tokens[i];
        if (e->scheduled_tokens[i] == 0 || r->computed < r->isl + r->generated)
            continue;
        r->generated++;
        r->decoding = true;
        if (r->first_ns < 0)
            r->first_ns = now_ns;
    }
    for (int i = 0; i < e->running_count;) {
        ref_request *r = &run->requests[e->running[i]];
        if (r->generated < r->osl) {
            i++;
            continue;
        }
        r->finish_ns = now_ns;
        r->blocks = 0;
        remove_at(e->running, &e->running_count, i);
        finished++;
    }
    return finished;
}

static bool never_fits(const ref_run *run, const ref_request *r)
{
    const hg_sched_config *c = &run->config->sched;
    return blocks_for(run, r->isl + r->osl - 1) > c->kv_blocks ||
           (c->max_model_len && r->isl + r->osl > c->max_model_len) ||
           (!c->chunked_prefill && r->isl + r->osl - 1 > c->max_num_batched_tokens);
}

static int choose(const ref_run *run, const engine *e, int last, int n)
{
    if (run->config->route == HG_ROUTE_ROUND_ROBIN)
        return (last + 1) % n;
    int best = -1, least = 0;
    for (int k = 1; k <= n; k++) {
        int i = (last + k) % n, load = e[i].waiting_count + e[i].running_count;
        if (best < 0 || load < least) {
            best = i;
            least = load;
        }
    }
    return best;
}

void reference_run(ref_run *run)
{
    int n = run->config->replicas > 1 ? run->config->replicas : 1, last = n - 1, next = 0;
    engine *e = calloc((size_t)n, sizeof *e);
    for (int i = 0; i < n; i++) {
        e[i].waiting = calloc((size_t)run->count + 1, sizeof(int));
        e[i].running = calloc((size_t)run->count + 1, sizeof(int));
        e[i].scheduled_tokens = calloc((size_t)run->count + 1, sizeof(int));
    }
    for (int i = 0; i < run->count; i++) {
        ref_request *r = &run->requests[i];
        r->scheduled_ns = r->first_ns = r->finish_ns = -1;
        if (run->clients)
            r->arrival_ns = i < run->clients ? 0 : INT64_MAX;
    }
    int sent = run->clients;
    for (;;) {
        int64_t now_ns = next < run->count ? run->requests[next].arrival_ns : INT64_MAX;
        for (int i = 0; i < n; i++)
            if (e[i].busy && e[i].end_ns < now_ns)
                now_ns = e[i].end_ns;
        if (now_ns == INT64_MAX)
            break;
        run->end_ns = now_ns;
        for (int i = 0; i < n; i++) {
            int finished = e[i].busy && e[i].end_ns == now_ns ? end_step(run, &e[i], now_ns) : 0;
            for (; run->clients && finished > 0 && sent < run->count; finished--)
                run->requests[sent++].arrival_ns = now_ns;
        }
        for (; next < run->count && run->requests[next].arrival_ns == now_ns; next++) {
            ref_request *r = &run->requests[next];
            r->replica = last = choose(run, e, last, n);
            if ((r->rejected = never_fits(run, r))) {
                if (run->clients && sent < run->count)
                    run->requests[sent++].arrival_ns = now_ns;
                continue;
            }
            insert_at(e[last].waiting, &e[last].waiting_count, e[last].waiting_count, next);
        }
        for (int i = 0; i < n; i++)
            if (!e[i].busy)
                start_step(run, &e[i], i, now_ns);
    }
    for (int i = 0; i < run->count; i++)
        run->blocks_left += run->requests[i].blocks;
    for (int i = 0; i < n; i++) {
        free(e[i].waiting);
        free(e[i].running);
        free(e[i].scheduled_tokens);
    }
    free(e);
}
