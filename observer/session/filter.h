/* Which entries a query is about: of some nodes, and matching a pattern. */
#ifndef ORRERY_SESSION_FILTER_H
#define ORRERY_SESSION_FILTER_H

#include "session.pb-c.h"
#include "timeline/timeline.h"

struct filter;

/* NULL and a sentence when the pattern cannot be read. */
struct filter *filter_new(struct timeline *t, const char *pattern, const uint32_t *nodes,
                          size_t n_nodes, char *why, size_t why_size);
/* And by what an event is in words, as timeline_describe() has them; "": by nothing more. */
void filter_by_words(struct filter *f, const char *words);
void filter_free(struct filter *f);                          /* NULL is allowed. */
bool filter_passes(struct filter *f, const struct entry *e); /* NULL: all do. */

#endif
