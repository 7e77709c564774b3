/* A log as a chain: each entry's value is made of the one before, its term and its bytes. So where
 * two chains are equal at an index, all entries up to there are: the comparison of whole logs that
 * Raft's properties ask for costs one number. Old entries are forgotten, their value goes on. */
#ifndef ORRERY_CHECK_CHAIN_H
#define ORRERY_CHECK_CHAIN_H

#include "base/bytes.h"

enum { CHAIN_MAX = 1 << 19 }; /* Entries that are kept, at least; 16 bytes each. */

struct chain_link {
    uint64_t term;
    uint64_t value;
};

/* Zeroed: empty, from index 1 on. */
struct chain {
    uint64_t base;           /* The entries kept are of indices base + 1 to base + n. */
    struct chain_link first; /* Of base. */
    bool lost;               /* What was before is not known, so no value is. */
    struct chain_link *links;
    size_t n;
    size_t cap;
};

void chain_free(struct chain *c);
uint64_t chain_last(const struct chain *c);
/* NULL: forgotten, not there, or not known. Valid until the chain changes. */
const struct chain_link *chain_at(const struct chain *c, uint64_t index);
void chain_push(struct chain *c, uint64_t term, struct bytes entry);
void chain_put(struct chain *c, struct chain_link link); /* One whose value is known. */
void chain_cut(struct chain *c, uint64_t from);
void chain_reset(struct chain *c, uint64_t base, const struct chain_link *first); /* NULL: lost. */

#endif
