/* What a lab's texts mean: command lines are parsed, patterns compiled against what the protocols
 * of its groups say of themselves, measures and conditions read, names looked up in the order in
 * which they are bound. Faults are added to the file's, each at its place. */
#ifndef ORRERY_LAB_LINT_H
#define ORRERY_LAB_LINT_H

#include "lab/read.h"

enum {
    LAB_NODES_MAX = 64,
    LAB_SECONDS_MAX = 1800,
    LAB_CLIENTS_MAX = 16,
    LAB_RATE_MAX = 2000,
    LAB_KEYS_MAX = 4096,
    LAB_VALUE_MAX = 4096,
};

void lab_lint(struct lab_file *f);

#endif
