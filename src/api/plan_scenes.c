#include "api/plan_scenes.h"

#include "base/num.h"
#include "eval/fleet.h"

#include <string.h>

/* What a file may say; the rest is the question's, the same for all. */
static const char *const own_words[] = { "isl", "osl", "length_range", "workload", "arrivals", "requests", "rate", "burstiness",
                                         "replay", "speedup", "concurrency", "slo" };
enum { OWN_WORDS = sizeof own_words / sizeof *own_words };

static bool is_own(const hg_word *w)
{
    for (int i = 0; i < OWN_WORDS; i++)
        if (strcmp(w->name, own_words[i]) == 0)
            return true;
    return false;
}

static size_t size_of(const hg_word *w)
{
    return w->kind == HG_WORD_TEXT   ? sizeof(hg_text_word)
           : w->kind == HG_WORD_INTS ? sizeof(hg_ints_word)
           : w->kind == HG_WORD_REAL ? sizeof(hg_real_word)
                                     : sizeof(hg_flag_word);
}

static void copy_word(const hg_word *w, const hg_scenario *from, hg_scenario *to)
{
    memcpy((char *)to + w->offset, (const char *)from + w->offset, size_of(w));
}

void hg_scene_words(hg_ask *a, const hg_scene_file *f)
{
    for (int i = 0; i < OWN_WORDS; i++)
        copy_word(hg_word_find(own_words[i]), &f->words, &a->s);
}

/* Of the words that belong to scenes only the promise may be the question's: for the files that say nothing of it. */
static bool check_question(hg_ask *a)
{
    for (int i = 0; i < OWN_WORDS; i++) {
        const hg_word *w = hg_word_find(own_words[i]);
        if (hg_word_given(&a->s, w) && strcmp(w->name, "slo") != 0)
            return hg_fail(&a->err, HG_INPUT, a->s.scenarios.where, "name files that say the traffic; leave %s out or write it there", w->name);
    }
    if (a->s.rates.s)
        return hg_fail(&a->err, HG_INPUT, a->s.rates.where, "is for one kind of traffic; leave it or --scenarios out");
    if (a->s.history.s)
        return hg_fail(&a->err, HG_INPUT, a->s.history.where, "keeps plans for one kind of traffic; leave it or --scenarios out");
    return true;
}

static bool read_file(hg_ask *a, hg_scene_file *f)
{
    if (!hg_scenario_read(a->arena, &f->words, "plan", f->path, &a->err))
        return false;
    for (int i = 0; i < hg_word_count; i++) {
        const hg_word *w = &hg_word_table[i];
        if (w->kind != HG_WORD_SECTION && hg_word_given(&f->words, w) && !is_own(w))
            return hg_fail(&a->err, HG_INPUT, hg_textf(a->arena, "%s: %s", f->path, w->name),
                           "is not of traffic or promise; all scenarios share it: give it to the command itself");
    }
    if (!f->words.slo.s)
        f->words.slo = a->s.slo;
    return true;
}

static const char *name_of(hg_ask *a, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return dot && dot > name ? hg_strndup(a->arena, name, (size_t)(dot - name)) : name;
}

static bool add_file(hg_ask *a, char *item, hg_scene_files *out)
{
    const char *where = a->s.scenarios.where;
    if (out->count == HG_SCENES_MOST)
        return hg_fail(&a->err, HG_INPUT, where, "names more than %d files", HG_SCENES_MOST);
    hg_scene_file *f = &out->list[out->count++];
    char *equals = strrchr(item, '=');
    if (equals)
        *equals = 0;
    if (equals && (!hg_parse_f64(equals + 1, &f->weight) || !(f->weight > 0) || f->weight > 1e6))
        return hg_fail(&a->err, HG_INPUT, where, "weighs %s by '%.20s'; write a number above 0", item, equals + 1);
    f->path = item;
    f->name = name_of(a, item);
    for (size_t i = 0; i + 1 < out->count; i++)
        if (strcmp(out->list[i].path, item) == 0)
            return hg_fail(&a->err, HG_INPUT, where, "names %s twice", item);
        else if (strcmp(out->list[i].name, f->name) == 0)
            f->name = item;
    if (out->count > 1 && (f->weight > 0) != (out->list[0].weight > 0))
        return hg_fail(&a->err, HG_INPUT, where, "weighs some and not others; without weights the worst served decides");
    return read_file(a, f);
}

bool hg_scene_files_read(hg_ask *a, hg_scene_files *out)
{
    *out = (hg_scene_files){ .count = 0 };
    if (!a->s.scenarios.s)
        return true;
    if (!check_question(a))
        return false;
    for (char *item = hg_strdup(a->arena, a->s.scenarios.s), *comma; item; item = comma) {
        comma = strchr(item, ',');
        if (comma)
            *comma++ = 0;
        if (!add_file(a, item, out))
            return false;
    }
    if (out->count < 2)
        return hg_fail(&a->err, HG_INPUT, a->s.scenarios.where, "names one file; one kind of traffic is what -f FILE says");
    hg_scene_words(a, &out->list[0]);
    return true;
}

/* All at their highest rates, or all under loads of their own. */
static bool check_loads(hg_ask *a, const hg_scene_files *files, const hg_scenes *s)
{
    bool loaded = s->list[0].problem->workload.load != HG_LOAD_NONE;
    for (size_t i = 1; i < s->count; i++)
        if ((s->list[i].problem->workload.load != HG_LOAD_NONE) != loaded)
            return hg_fail(&a->err, HG_INPUT, files->list[i].path, "%s; either all files say a load or none does",
                           loaded ? "says no load" : "says a load");
    if (loaded && files->list[0].weight > 0)
        return hg_fail(&a->err, HG_INPUT, a->s.scenarios.where, "has weights, and the files say loads: the engines must be enough for each");
    if (loaded && !hg_fleet_by_devices(&s->list[0].goal))
        return hg_fail(&a->err, HG_INPUT, a->s.objective.where, "is of answers or energy, and the scenarios have loads of their own: there the fewest devices are found");
    if (s->list[0].goal.objectives.in_turn && s->list[0].goal.objectives.count > 1)
        return hg_fail(&a->err, HG_INPUT, a->s.objective.where, "names several in turn; with --scenarios one, or weigh them");
    return true;
}

bool hg_scenes_ask(hg_ask *a, const hg_scene_files *files, hg_problem *first, const hg_goal *goal, hg_space *space, hg_scenes *out)
{
    size_t n = files->count ? files->count : 1;
    double sum = 0;
    hg_scene *list = HG_NEW(a->arena, hg_scene, n);
    *out = (hg_scenes){ list, n, files->count == 0 || !(files->list[0].weight > 0) };
    for (size_t i = 0; i < n; i++)
        sum += files->list[i].weight;
    for (size_t i = 0; i < n; i++) {
        hg_problem *p = i ? HG_NEW(a->arena, hg_problem, 1) : first;
        if (i)
            hg_scene_words(a, &files->list[i]);
        if (i && !hg_ask_problem(a, HG_LENGTHS_NEEDED, p))
            return false;
        p->stop = first->stop;
        p->slower = first->slower;
        p->workload.concurrency = p->workload.load == HG_LOAD_NONE ? 1 : p->workload.concurrency; /* where requests are looked at alone */
        list[i] = (hg_scene){ .name = files->count ? files->list[i].name : NULL, .problem = p, .goal = *goal, .best = 1,
                              .weight = out->worst ? 0 : files->list[i].weight / sum };
        list[i].goal.problem = p;
        if (!a->s.max_model_len.n)
            space->base.max_model_len = hg_max_i64(space->base.max_model_len, hg_fitting_model_len(p));
    }
    return n == 1 || check_loads(a, files, out);
}

bool hg_scenes_take_bests(hg_ask *a, hg_scenes *s, const hg_space *space, int threads, hg_plan *out)
{
    hg_scene *list = s->list;
    if (s->count == 1 || list[0].problem->workload.load != HG_LOAD_NONE)
        return true;
    for (size_t i = 0; i < s->count; i++) {
        hg_plan alone = { .knobs = out->knobs, .k8s = out->k8s };
        hg_scenes one = { &list[i], 1, true };
        hg_note(a, hg_textf(a->arena, "the best for %s alone", list[i].name));
        hg_plan_search(a, &one, space, 1, threads, &alone);
        if (!alone.found) {
            hg_note(a, hg_textf(a->arena, "nothing keeps the promise of %s, even alone", list[i].name));
            *out = alone;
            return false;
        }
        list[i].best = alone.top[0].score;
    }
    return true;
}
