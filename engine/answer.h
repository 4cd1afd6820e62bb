/* What is said over HTTP: the endpoints, OpenAI's JSON and streams, and the metrics. */
#ifndef ENGINE_ANSWER_H
#define ENGINE_ANSWER_H

#include "batch.h"
#include "http.h"

/* There is one server in a process; model: the name it answers with. */
void answer_with(batch *b, const knobs *k, const char *model);

void answer_request(http_client *c, const http_request *r, const char *body);
void answer_gone(http_client *c);
void answer_token(job *j, bool failed);

#endif
