#include "sim/lane.h"

#include <assert.h>
#include <stdint.h>

void hg_lane_open(hg_lane *lane, hg_arena *arena, int32_t block_tokens)
{
    *lane = (hg_lane){ .phase = HG_NEW(arena, int64_t, block_tokens) };
}

static bool before(const hg_finish *a, const hg_finish *b)
{
    return a->step != b->step ? a->step < b->step : a->admitted < b->admitted;
}

static void put(hg_lane *lane, hg_seqs *seqs, size_t place, hg_finish f)
{
    lane->heap[place] = f;
    seqs->at[f.seq].heap_place = (int32_t)place;
}

static void rise(hg_lane *lane, hg_seqs *seqs, size_t i, hg_finish f)
{
    for (; i > 0 && before(&f, &lane->heap[(i - 1) / 2]); i = (i - 1) / 2)
        put(lane, seqs, i, lane->heap[(i - 1) / 2]);
    put(lane, seqs, i, f);
}

static void sink(hg_lane *lane, hg_seqs *seqs, size_t i, hg_finish f)
{
    for (size_t child; (child = 2 * i + 1) < lane->heap_count; i = child) {
        if (child + 1 < lane->heap_count && before(&lane->heap[child + 1], &lane->heap[child]))
            child++;
        if (!before(&lane->heap[child], &f))
            break;
        put(lane, seqs, i, lane->heap[child]);
    }
    put(lane, seqs, i, f);
}

static void heap_add(hg_lane *lane, hg_arena *arena, hg_seqs *seqs, hg_finish f)
{
    (void)HG_PUSH(arena, lane->heap, lane->heap_count, lane->heap_capacity);
    rise(lane, seqs, lane->heap_count - 1, f);
}

static void heap_remove(hg_lane *lane, hg_seqs *seqs, size_t place)
{
    hg_finish moved = lane->heap[--lane->heap_count];
    if (place == lane->heap_count)
        return;
    if (place > 0 && before(&moved, &lane->heap[(place - 1) / 2]))
        rise(lane, seqs, place, moved);
    else
        sink(lane, seqs, place, moved);
}

static hg_cohort *cohort_of(hg_lane *lane, int64_t last_token_ns)
{
    for (size_t i = lane->cohort_count; i-- > 0;)
        if (lane->cohorts[i].last_token_ns == last_token_ns)
            return &lane->cohorts[i];
    return NULL;
}

static int64_t *phase_of(hg_lane *lane, const hg_seq *s, int32_t block_tokens)
{
    int64_t phase = (s->computed - s->join_step) % block_tokens;
    return &lane->phase[phase < 0 ? phase + block_tokens : phase];
}

void hg_lane_join(hg_lane *lane, hg_arena *arena, hg_seqs *seqs, int32_t seq, int32_t lane_index,
                  int32_t block_tokens, int64_t now_ns)
{
    hg_seq *s = &seqs->at[seq];
    s->lane = lane_index;
    s->join_step = lane->step;
    s->last_token_ns = now_ns;
    lane->decodes++;
    lane->context += s->computed;
    ++*phase_of(lane, s, block_tokens);
    hg_cohort *c = cohort_of(lane, now_ns);
    if (!c) {
        c = HG_PUSH(arena, lane->cohorts, lane->cohort_count, lane->cohort_capacity);
        *c = (hg_cohort){ now_ns, 0 };
    }
    c->counted += s->counted;
    int64_t last = lane->drafts ? INT64_MAX : lane->step + s->osl - s->generated;
    heap_add(lane, arena, seqs, (hg_finish){ last, s->admitted, seq });
}

static int32_t draw_accepted(hg_seq *s, int32_t drafts, double acceptance)
{
    double u = hg_rng_unit(&s->draws), chance = acceptance;
    int32_t n = 0;
    for (; n < drafts && u < chance; n++)
        chance *= acceptance;
    return n;
}

int64_t hg_lane_advance_drafts(hg_lane *lane, hg_seqs *seqs, double acceptance, int64_t *accepted)
{
    int64_t all = 0;
    for (size_t i = 0; i < lane->heap_count; i++) {
        hg_seq *s = &seqs->at[lane->heap[i].seq];
        int32_t drawn = draw_accepted(s, lane->drafts, acceptance);
        int64_t left = s->osl - s->generated - (lane->step - s->join_step) - s->extra;
        int64_t made = drawn < left ? drawn + 1 : left;
        s->extra += (int32_t)made - 1;
        s->made = (int32_t)made;
        s->ends = made == left;
        *accepted += drawn;
        all += made;
    }
    lane->step++;
    lane->context += all;
    for (size_t i = 0; i < lane->heap_count; i++)
        if (seqs->at[lane->heap[i].seq].ends) {
            hg_finish f = lane->heap[i];
            f.step = lane->step;
            rise(lane, seqs, i, f);
        }
    return all;
}

void hg_lane_leave(hg_lane *lane, hg_seqs *seqs, int32_t seq, int32_t block_tokens)
{
    hg_seq *s = &seqs->at[seq];
    int32_t done = (int32_t)(lane->step - s->join_step);
    --*phase_of(lane, s, block_tokens);
    if (done > 0) /* the cohorts were merged by the last decode step */
        s->last_token_ns = lane->cohorts[0].last_token_ns;
    cohort_of(lane, s->last_token_ns)->counted -= s->counted;
    s->computed += done + s->extra;
    s->generated += done + s->extra;
    s->gaps += done;
    s->extra = 0;
    s->lane = HG_NO_LANE;
    lane->decodes--;
    lane->context -= s->computed;
    heap_remove(lane, seqs, (size_t)s->heap_place);
}
