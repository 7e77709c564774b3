/* How quantities are typed and printed on command lines: durations, shares, rates, lists of nodes.
 * Parsers return false where the text is no such thing; printers give back what parses to the same.
 */
#ifndef ORRERY_CLUSTER_UNITS_H
#define ORRERY_CLUSTER_UNITS_H

#include "base/bytes.h"

enum { NODE_NUMBER_MAX = 100000, NODE_LIST_MAX = 10000 };

struct node_list {
    uint32_t *nodes; /* Ascending, each once; {0} alone stands for all of them. */
    size_t n;
};

/* "n2", "n1,n3", "n1-n5", "all". The list is to be freed by node_list_free(). */
bool node_list_parse(const char *text, struct node_list *list);
void node_list_free(struct node_list *list);
void node_list_print(const uint32_t *nodes, size_t n,
                     struct buf *into);            /* Three in a row: a range. */
bool node_parse(const char *text, uint32_t *node); /* "n2"; "all" is 0. */

/* "200ms", "5s", "1.5us", "50" with a default unit, milliseconds; false when it is no duration. */
bool duration_parse(const char *text, double *ns);
void duration_print(double ns, struct buf *into);  /* "1.5 ms": for people. */
void duration_line(int64_t ns, struct buf *into);  /* "1.5ms": exact, and without a space. */
bool share_parse(const char *text, double *share); /* "10%" or "0.1" */
void share_print(double share, struct buf *into);
bool rate_parse(const char *text, uint64_t *bytes); /* "100kB", "1MB/s", "1MiB", "512" */
void rate_print(uint64_t bytes, struct buf *into);
bool whole_parse(const char *text, uint64_t *number);
bool decimal_parse(const char *text, double *number);

/* The word that is nearest to what was typed, if it is near enough to be meant; else NULL. */
const char *nearest_word(const char *typed, const char *const *words, size_t n);

/* Splits a line as a shell would, with '...' and "..."; at most `max` words. Returns how many, or a
 * negative error when a quote is not closed or there are too many. Words live in `memory`. */
int words_split(const char *line, struct buf *memory, const char **words, size_t max);
void word_quote(const char *word, struct buf *into); /* As a shell reads it back. */

/* Copies text so that it can stand in a sentence or on a terminal: control characters become '?'.
 */
void text_clean(char *into, size_t size, struct bytes text);

#endif
