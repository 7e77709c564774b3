/* Entries that came over a run's socket, made readable by a timeline of our own that adopts them.
 */
#ifndef ORRERY_CLI_VIEWING_H
#define ORRERY_CLI_VIEWING_H

#include "session.pb-c.h"
#include "timeline/timeline.h"

struct timeline *
viewing_new(const Orrery__RunInfo *run); /* May be NULL: of no run in particular. */
/* Entry i of an answer; valid as long as the answer. False when it is malformed. */
bool viewing_entry(const Orrery__Entries *entries, size_t i, struct entry *e);
void print_entry(struct timeline *t, const struct entry *e, bool json); /* One line. */

void viewing_details(struct timeline *t, const struct entry *e); /* Its fields, below it. */

#endif
