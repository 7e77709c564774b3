/* Commands as lines: what the user types, what a button prints, what the operator's event says. One
 * table drives parser, printer, help and completion, so that they cannot differ. */
#ifndef ORRERY_CLUSTER_COMMAND_H
#define ORRERY_CLUSTER_COMMAND_H

#include "base/bytes.h"
#include "cluster/units.h"
#include "command.pb-c.h"

/* Parses the words after `orrery`: {"kill", "n2"}, {"cut", "n1,n2/n3"}, {"link", "n1", "n2",
 * "--delay", "200ms"}. NULL and a sentence that says what is possible. Free with
 * orrery__command__free_unpacked. In lists of nodes a 0 alone stands for all of them;
 * command_expand() puts the numbers in. */
Orrery__Command *command_parse(const char *const *words, size_t n, char *why, size_t why_size);
void command_print(const Orrery__Command *command, struct buf *into); /* "kill n2" */
bool command_is_verb(const char *word);

/* For help and completion. */
size_t command_verbs(void);
const char *command_verb(size_t i);
const char *command_summary(size_t i);
const char *command_usage(size_t i,
                          struct buf *into);     /* "NODES [--lose all|random] ..."; `into`'s. */
const char *command_example(size_t i, size_t k); /* NULL past the last. */
const char *command_flag(size_t i, size_t k, const char **help); /* NULL past the last. */

/* The nodes that a command names, where it names a list; NULL for the others. */
const uint32_t *command_nodes(const Orrery__Command *command, size_t *n);
/* Replaces "all" in lists by 1 to `nodes`, less those for which skip(ctx, node) is true. */
void command_expand(Orrery__Command *command, uint32_t nodes,
                    bool (*skip)(const void *ctx, uint32_t node), const void *ctx);

#endif
