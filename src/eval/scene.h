/* One deployment under several kinds of traffic, each with a promise and a best deployment of its own. */
#ifndef HG_EVAL_SCENE_H
#define HG_EVAL_SCENE_H

#include "eval/goal.h"

enum { HG_SCENES_MOST = 8 };

typedef struct hg_scene {
    const char *name;          /* NULL: the question's own traffic, the only one */
    hg_problem *problem;
    hg_goal goal;
    double best;               /* the score of the best deployment for it alone; 1 where scores are compared as they are */
    double weight;             /* adding up to 1, where not the worst counts */
} hg_scene;

typedef struct hg_scenes {
    hg_scene *list;
    size_t count;
    bool worst;                /* what the worst served gets; else the mean by weights */
} hg_scenes;

/* Of scores (or bounds) under each: parts of what its own best deployment gets, put together.  *least: the one that gets
 * the smallest part; may be NULL. */
double hg_scenes_join(const hg_scenes *s, const double *score, size_t *least);

/* What scene i must score for all of them to reach `floor`, the ones before it having `known` and those behind it no more
 * than `most`; 0: anything. */
double hg_scenes_floor(const hg_scenes *s, size_t i, const double *known, const double *most, double floor);

#endif
