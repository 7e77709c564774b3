/* Which protocols there are: orrery-node is asked, since only it knows. */
#ifndef ORRERY_CLI_PROTOCOLS_H
#define ORRERY_CLI_PROTOCOLS_H

#include <stdbool.h>
#include <stddef.h>

/* Prints what there is, or the settings and flaws of one; false when the program cannot be run. */
bool protocols_print(const char *protocol);
/* Whether there is such a protocol; else a sentence, with the one that may have been meant. */
bool protocols_have(const char *protocol, char *why, size_t why_size);

#endif
