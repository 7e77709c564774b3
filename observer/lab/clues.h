/* A sequence of clues that waits for its events, one after the other. An event that a clue's
 * `unless` names takes the sequence back to its beginning. */
#ifndef ORRERY_LAB_CLUES_H
#define ORRERY_LAB_CLUES_H

#include "lab/bindings.h"

enum { CLUES_MAX = 24, CLUE_COUNT_MAX = 100000 };

struct filter; /* session/filter.h */

struct clues {
    Orrery__Clue *const *all;
    size_t n;
    size_t at;      /* The one that is waited for; n: all came. */
    uint32_t seen;  /* Of that one. */
    size_t acted;   /* Of so many the `then` was done, by whoever can. */
    uint64_t since; /* Cluster time; older events do not count. */
    bool on;
    bool compiled;
    struct filter *wanted; /* Of the current one. */
    struct filter *unless;
    uint64_t events[CLUES_MAX]; /* Ordinals, by clue, of the last match. */
    char why[300];              /* A pattern could not be compiled; else "". */
};

void clues_begin(struct clues *c, Orrery__Clue *const *all, size_t n, uint64_t since_ns);
void clues_end(struct clues *c);
bool clues_done(const struct clues *c); /* All of them came. */

/* True when the entry moved the sequence; names are bound. */
bool clues_entry(struct clues *c, struct bindings *b, struct timeline *t, const struct entry *e);

#endif
