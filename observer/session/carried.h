/* A whole recording as one message, for a page that has no observer to ask: what that page would be
 * told, made by what tells it. */
#ifndef ORRERY_SESSION_CARRIED_H
#define ORRERY_SESSION_CARRIED_H

#include "session/session.h"

enum { CARRIED_ENTRIES_MAX = 100000 };

struct carried_figures {
    size_t entries;
    size_t messages;
    size_t moments; /* Of its lab; 0: there is no narration. */
};

/* Of a session that replays a recording: up to this ordinal, 0 for all. Appends a packed Carried;
 * false and a sentence where the run is too long for a page. */
bool carried_make(struct session *s, uint64_t until, struct buf *into,
                  struct carried_figures *figures, char *why, size_t why_size);

#endif
