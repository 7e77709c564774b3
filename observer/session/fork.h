/* Forks among a house's runs: what one is of, found by name, and kept at hand until its past has
 * been lived and as long as the two may be compared. */
#ifndef ORRERY_SESSION_FORK_H
#define ORRERY_SESSION_FORK_H

#include "session/house.h"

struct fork;

/* What `fork` asks for, or (`path`, not NULL, and then there may be no house) of that recording.
 * Fills in what its session is to be; `options` may point into it until fork_free(). NULL and a
 * sentence. */
struct fork *fork_new(struct house *h, const Orrery__Fork *fork, const char *path,
                      struct session_options *options, char *why, size_t why_size);
void fork_free(struct fork *f);
/* That run is going: no fork looks at it any more. */
void fork_let_go(struct fork *f, const struct house_run *gone);

#endif
