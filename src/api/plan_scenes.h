/* --scenarios: several kinds of traffic that one deployment is to serve. */
#ifndef HG_API_PLAN_SCENES_H
#define HG_API_PLAN_SCENES_H

#include "api/plan_space.h"

typedef struct hg_scene_file {
    const char *path, *name;
    double weight;             /* 0: the worst served decides */
    hg_scenario words;         /* of traffic and promise alone */
} hg_scene_file;

typedef struct hg_scene_files {
    hg_scene_file list[HG_SCENES_MOST];
    size_t count;              /* 0: --scenarios was not given */
} hg_scene_files;

/* Reads the files; the words of the first are then those of the question. */
bool hg_scene_files_read(hg_ask *a, hg_scene_files *out);

/* The question's words of traffic and promise become the file's. */
void hg_scene_words(hg_ask *a, const hg_scene_file *f);

/* Each one's problem, but for the first, and its goal; the space's longest request is that of all. */
bool hg_scenes_ask(hg_ask *a, const hg_scene_files *files, hg_problem *first, const hg_goal *goal, hg_space *space, hg_scenes *out);

/* What the best deployment for each alone scores.  False: for one of them there is none; *out is then its plan. */
bool hg_scenes_take_bests(hg_ask *a, hg_scenes *s, const hg_space *space, int threads, hg_plan *out);

#endif
