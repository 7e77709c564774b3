/* What a stage watches: entries of some kinds, from where its fold may begin. */
#ifndef ORRERY_SESSION_WATCH_H
#define ORRERY_SESSION_WATCH_H

#include "session/batch.h"
#include "timeline/view.h"

struct watch;

struct watch *watch_new(const Orrery__Watch *asked);
void watch_free(struct watch *w); /* NULL is allowed. */

/* The ordinal from which on entries are to be walked over, and the last one: UINT64_MAX for a watch
 * that goes on, as all do but a glance. */
uint64_t watch_begin(struct watch *w, const struct timeline_view *view, uint64_t *to);
/* Once, before the walk: what lies too far back to walk from. */
void watch_first(struct viewer *v, struct job *job, struct batch *batch);
/* NULL: all do. `missed` counts those that were thinned. */
bool watch_passes(struct watch *w, struct timeline *t, const struct entry *e, uint64_t *missed);

#endif
