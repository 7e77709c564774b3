/* The groups of a lab: their names, sizes and peers, and what their protocols make of their
 * settings.
 */
#ifndef ORRERY_LAB_LINT_GROUPS_H
#define ORRERY_LAB_LINT_GROUPS_H

#include "lab/lint.h"
#include "lab/vocabulary.h"

/* Learns the words of each, while nothing is at fault. */
void lint_groups(struct lab_file *f, struct vocabulary *words);

#endif
