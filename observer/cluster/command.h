/* Commands as lines: what the user types, what a button prints, what the operator's event says. One
 * parser and one printer, so that they cannot differ. */
#ifndef ORRERY_CLUSTER_COMMAND_H
#define ORRERY_CLUSTER_COMMAND_H

#include "base/bytes.h"
#include "command.pb-c.h"

/* Parses the words after `orrery`: {"kill", "n2"}, {"cut", "n1,n2/n3"}, {"link", "n1", "n2", "--delay",
 * "200ms"}. NULL and a sentence that says what is possible. Free with orrery__command__free_unpacked. */
Orrery__Command *command_parse(const char *const *words, size_t n, char *why, size_t why_size);
void command_print(const Orrery__Command *command, struct buf *into); /* "kill n2" */
bool command_is_verb(const char *word);

/* "200ms", "5s", "1.5us", "50" with a default unit; false when it is no duration. */
bool duration_parse(const char *text, double *ns);
void duration_print(double ns, struct buf *into); /* "1.5 ms" */

#endif
