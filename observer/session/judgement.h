/* What the checkers find of a recording, as the page is told it; and where that is kept, so that a
 * recording is judged once: in a file beside it, which says of what and by which program. */
#ifndef ORRERY_SESSION_JUDGEMENT_H
#define ORRERY_SESSION_JUDGEMENT_H

#include "check/check.h"
#include "session.pb-c.h"

/* Free with orrery__judgement__free_unpacked(). */
Orrery__Judgement *judgement_of(const struct check *c, uint64_t entries);

/* What was kept of the recording at a path: NULL where nothing was, or of another state of the
 * file, or by another program. */
Orrery__Judgement *judgement_kept(const char *path);
/* Where it cannot be kept, it is found again the next time. */
void judgement_keep(const char *path, const Orrery__Judgement *j);
/* The recording has another name now, or (NULL) is gone. */
void judgement_follow(const char *path, const char *to);

#endif
