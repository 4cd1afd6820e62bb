/* The devices and engines that a plan may choose among (--device a,b --engine x,y): each pair is searched on its own, and
 * the best of them is the plan. */
#ifndef HG_API_PLAN_CHOICE_H
#define HG_API_PLAN_CHOICE_H

#include "api/fix_launch.h"
#include "api/plan_scenes.h"

typedef struct hg_choice {
    hg_text_word device, engine; /* the words; NULL where none was given */
    hg_problem *problem;
    hg_goal goal;                /* … of the scene that the plan's figures are of */
    hg_scenes scenes;
    hg_space space;
    hg_plan plan;
    hg_err err;                  /* why it could not be searched; HG_DONE: it was */
} hg_choice;

/* Every device with every engine; where they are named one by one. */
bool hg_choices_list(hg_ask *a, hg_choice **out, size_t *count);

/* Searches them all, each with the words of its own in a->s, and leaves there those of the best, which it returns with
 * the comparison in its plan.  NULL: none could be searched; a->err says why. */
hg_choice *hg_choices_search(hg_ask *a, const hg_fixed_launch *fixed, const hg_scene_files *files, hg_choice *list, size_t count);

#endif
