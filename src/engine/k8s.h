/* For the writers of Kubernetes objects: a page in the making, and what all of them put on it. */
#ifndef HG_ENGINE_K8S_H
#define HG_ENGINE_K8S_H

#include "engine/emit.h"

typedef struct hg_page {
    hg_buf b;
    hg_arena *arena;
    const hg_emitter *e;
    const hg_launch *l;
    hg_layout p;
    hg_settings s;    /* of one engine */
    const char *name; /* of the objects */
} hg_page;

/* Items of a YAML list: one text, or the words of one. */
void hg_page_item(hg_page *k, int columns, const char *text);
void hg_page_words(hg_page *k, int columns, const char *text);
/* The engine's settings as such items. */
void hg_page_flags(hg_page *k, int columns);
void hg_page_environment(hg_page *k, int columns);
void hg_page_limits(hg_page *k, int columns, int64_t devices);
const char *hg_page_model(const hg_page *k);
const char *hg_page_image(const hg_page *k);
int64_t hg_page_pod_devices(const hg_page *k);

/* Why the object cannot hold this launch; NULL: it stands on the page. */
const char *hg_k8s_dynamo(hg_page *k);
const char *hg_k8s_llm_d(hg_page *k);

#endif
