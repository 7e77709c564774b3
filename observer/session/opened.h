/* What one who opens a run is told of it first. */
#ifndef ORRERY_SESSION_OPENED_H
#define ORRERY_SESSION_OPENED_H

#include "session.pb-c.h"
#include "session/story.h"

struct opened {
    Orrery__Opened message; /* Points into the timeline and into what follows. */
    struct story story;
};

/* A recording tells of its lab itself. */
void opened_make(struct opened *o, struct timeline *t, bool recorded);
void opened_free(struct opened *o);

#endif
