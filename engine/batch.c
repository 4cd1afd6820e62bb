#include "batch_parts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void *batch_must(void *p)
{
    if (!p)
        abort();
    return p;
}

static void free_job(job *j)
{
    request_free(&j->ask);
    free(j->answer);
    free(j);
}

/* The queue. */

job *batch_add(batch *b, const request *ask, void *ctx)
{
    job *j = batch_must(calloc(1, sizeof *j));
    j->ask = *ask;
    j->ctx = ctx;
    j->number = b->counts.requests++;
    j->answer = batch_must(calloc((size_t)ask->max_tokens, sizeof *j->answer));
    j->arrived_s = now_s();
    if (b->last)
        b->last->next = j;
    else
        b->first = j;
    b->last = j;
    b->counts.waiting++;
    return j;
}

static void unqueue(batch *b, job *j)
{
    job *before = NULL;
    for (job *q = b->first; q != j; q = q->next)
        before = q;
    if (before)
        before->next = j->next;
    else
        b->first = j->next;
    if (b->last == j)
        b->last = before;
    j->next = NULL;
    b->counts.waiting--;
}

/* KV: what a slot holds, and what it may come to hold. */

static void forget(batch *b, slot *s, int from)
{
    llama_memory_seq_rm(llama_get_memory(b->llama), (llama_seq_id)(s - b->slots), from, -1);
    s->kept = from;
}

static int reserved(const slot *s)
{
    return s->job ? s->job->ask.prompt_tokens + s->job->ask.max_tokens : s->kept;
}

static int kv_used(const batch *b)
{
    int used = 0;
    for (int i = 0; i < b->knobs->max_seqs; i++)
        used += reserved(&b->slots[i]);
    return used;
}

static slot *stalest(batch *b, const slot *but)
{
    slot *found = NULL;
    for (slot *s = b->slots; s < b->slots + b->knobs->max_seqs; s++)
        if (s != but && !s->job && s->kept && (!found || s->used < found->used))
            found = s;
    return found;
}

/* Room for `tokens` in slot `in`, which gives up its own: kept prefixes go, the stalest first. */
static bool make_room(batch *b, const slot *in, int tokens)
{
    while (kv_used(b) - reserved(in) + tokens > b->counts.kv_capacity) {
        slot *s = stalest(b, in);
        if (!s)
            return false;
        forget(b, s, 0);
        b->counts.evictions++;
    }
    return true;
}

/* How much of the prompt a slot holds already; its last token is always computed, for its logits.
 */
static int shared(const slot *s, const request *r)
{
    int n = 0, most = s->kept < r->prompt_tokens - 1 ? s->kept : r->prompt_tokens - 1;
    while (n < most && s->tokens[n] == r->prompt[n])
        n++;
    return n;
}

/* The free slot with the most of the prompt, the stalest of equals; NULL: none is free. */
static slot *choose(batch *b, const request *r)
{
    slot *found = NULL;
    for (slot *s = b->slots; s < b->slots + b->knobs->max_seqs; s++) {
        int more = !s->job && found ? shared(s, r) - shared(found, r) : 0;
        if (!s->job && (!found || more > 0 || (more == 0 && s->used < found->used)))
            found = s;
    }
    return found;
}

/* In one pool a prefix that any sequence holds, running or not, costs nothing to share. */
static void borrow(batch *b, slot *s, const request *r)
{
    const slot *best = s;
    for (const slot *o = b->slots; o < b->slots + b->knobs->max_seqs; o++)
        if (shared(o, r) > shared(best, r))
            best = o;
    int n = shared(best, r);
    forget(b, s, best == s ? n : 0);
    if (best == s)
        return;
    llama_memory_seq_cp(llama_get_memory(b->llama), (llama_seq_id)(best - b->slots),
                        (llama_seq_id)(s - b->slots), 0, n);
    memcpy(s->tokens, best->tokens, (size_t)n * sizeof *s->tokens);
    s->kept = n;
}

static void start(batch *b, slot *s, job *j)
{
    unqueue(b, j);
    if (b->shares)
        borrow(b, s, &j->ask);
    else
        forget(b, s, shared(s, &j->ask));
    s->job = j;
    j->cached = j->computed = s->kept;
    b->counts.running++;
    b->counts.queue_s += now_s() - j->arrived_s;
    b->counts.prompt_tokens += j->ask.prompt_tokens;
    b->counts.cached_tokens += j->cached;
}

/* First come first served: who comes first and has no room keeps all others waiting. */
static void admit(batch *b)
{
    while (b->first) {
        const request *r = &b->first->ask;
        slot *s = choose(b, r);
        if (!s || !make_room(b, s, r->prompt_tokens + r->max_tokens))
            return;
        start(b, s, b->first);
    }
}

static void release(batch *b, slot *s)
{
    s->job = NULL;
    s->used = b->counts.steps;
    b->counts.running--;
    if (!b->keeps)
        forget(b, s, 0);
}

/* A step. */

static void put(batch *b, slot *s, int32_t token, bool wants_logits)
{
    struct llama_batch *l = &b->step;
    int n = l->n_tokens++;
    l->token[n] = token;
    l->pos[n] = s->job->computed + s->taken;
    l->n_seq_id[n] = 1;
    l->seq_id[n][0] = (llama_seq_id)(s - b->slots);
    l->logits[n] = wants_logits;
    s->tokens[s->job->computed + s->taken++] = token;
    if (wants_logits)
        s->output = n;
}

static void put_answers(batch *b)
{
    for (slot *s = b->slots; s < b->slots + b->knobs->max_seqs; s++) {
        s->output = -1;
        s->taken = 0;
        if (s->job && s->job->generated > 0)
            put(b, s, s->job->answer[s->job->generated - 1], true);
    }
}

/* The oldest whose prompt is not whole and not in this step yet. */
static slot *next_prompt(batch *b)
{
    slot *found = NULL;
    for (slot *s = b->slots; s < b->slots + b->knobs->max_seqs; s++)
        if (s->job && s->taken == 0 && s->job->generated == 0 &&
            (!found || s->job->number < found->job->number))
            found = s;
    return found;
}

static void put_prompts(batch *b)
{
    slot *s;
    b->has_prompts = false;
    while (b->step.n_tokens < b->knobs->token_budget && (s = next_prompt(b))) {
        const request *r = &s->job->ask;
        b->has_prompts = true;
        for (int at = s->job->computed;
             at < r->prompt_tokens && b->step.n_tokens < b->knobs->token_budget; at++)
            put(b, s, r->prompt[at], at == r->prompt_tokens - 1);
    }
}

/* The likeliest word.  Marks and bytes are left out: an answer never ends early, and its text is
 * words. */
static int32_t sample(const batch *b, const slot *s)
{
    const float *logits = llama_get_logits_ith(b->llama, s->output);
    int32_t best = FIRST_WORD;
    for (int32_t i = FIRST_WORD + 1; i < b->vocabulary; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

static void end(batch *b, slot *s, bool failed)
{
    job *j = s->job;
    release(b, s);
    b->counts.failed += failed;
    b->on_token(j, failed);
    free_job(j);
}

/* All that ran fail: what libllama then holds of them is not known. */
static void fail_all(batch *b)
{
    for (slot *s = b->slots; s < b->slots + b->knobs->max_seqs; s++) {
        bool ran = s->job != NULL;
        if (ran)
            end(b, s, true);
        if (ran)
            forget(b, s, 0);
    }
}

static void give(batch *b, slot *s)
{
    job *j = s->job;
    j->answer[j->generated++] = sample(b, s);
    b->counts.answer_tokens++;
    if (j->generated == j->ask.max_tokens)
        end(b, s, false);
    else
        b->on_token(j, false);
}

static void settle(batch *b)
{
    for (slot *s = b->slots; s < b->slots + b->knobs->max_seqs; s++) {
        if (!s->job || s->taken == 0)
            continue;
        s->kept = s->job->computed += s->taken;
        if (s->output >= 0)
            give(b, s);
    }
}

/* libllama's own second number is for any step of more than one token, answers of several requests
 * too. */
static void set_threads(batch *b)
{
    int n = b->has_prompts ? b->knobs->threads_batch : b->knobs->threads;
    llama_set_n_threads(b->llama, n, n);
}

void batch_step(batch *b)
{
    admit(b);
    b->step.n_tokens = 0;
    put_answers(b);
    put_prompts(b);
    if (b->step.n_tokens == 0)
        return;
    set_threads(b);
    double from_s = now_s();
    int failed = llama_decode(b->llama, b->step);
    b->counts.step_s += now_s() - from_s;
    b->counts.steps++;
    b->counts.computed_tokens += b->step.n_tokens;
    if (failed)
        fail_all(b);
    else
        settle(b);
}

void batch_cancel(batch *b, job *j)
{
    slot *s = b->slots;
    while (s < b->slots + b->knobs->max_seqs && s->job != j)
        s++;
    if (s < b->slots + b->knobs->max_seqs)
        release(b, s);
    else
        unqueue(b, j);
    b->counts.cancelled++;
    free_job(j);
}

bool batch_is_idle(const batch *b)
{
    return b->counts.running == 0 && b->counts.waiting == 0;
}

int batch_vocabulary(const batch *b)
{
    return b->vocabulary;
}

batch_counts batch_counted(const batch *b)
{
    batch_counts c = b->counts;
    c.kv_used = kv_used(b);
    return c;
}
