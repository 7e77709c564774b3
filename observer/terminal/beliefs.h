/* What nodes say they think: moves of their state machines, and traces. Detectors' opinions of
 * peers get words that measure them against what really happened. */
#ifndef ORRERY_TERMINAL_BELIEFS_H
#define ORRERY_TERMINAL_BELIEFS_H

#include "terminal/model.h"

void belief_move(struct model *m, const struct entry *e);
void belief_trace(struct model *m, const struct entry *e);

/* moments.c: a row of one lane, shared with others of the same `detail` (0: never) close by. */
struct row *moment_mark(struct model *m, const struct entry *e, uint32_t glyph, int style,
                        uint64_t detail);
/* What a life said of itself when it started. */
void moment_learn(struct model *m, struct lane *lane, uint32_t boot, const Orrery__Start *s);
void moment_who(const struct model *m, const struct row *r, char *into, size_t size);
void moment_described(struct model *m, const struct entry *e, struct row *r);

#endif
