/* Histories of a store that is simulated with them: seeded, linearizable by construction, unless a
 * mutant is asked for; in the formats that `orrery check` reads. */
#ifndef ORRERY_TOY_HISTORIES_H
#define ORRERY_TOY_HISTORIES_H

#include "base/bytes.h"

enum toy_kind { TOY_REGISTER, TOY_CAS, TOY_KV, TOY_QUEUE, TOY_KINDS };

enum toy_mutant {
    TOY_SOUND,
    TOY_STALE_READ, /* Some reads are answered with an older value, */
    TOY_LOST_WRITE, /* some writes acknowledged and not done, */
    TOY_DIRTY_READ, /* and some reads answered with what was refused. */
    TOY_MUTANTS,
};

struct toy_history {
    uint64_t seed;
    enum toy_kind kind;
    enum toy_mutant mutant;
    uint32_t operations;
    uint32_t clients;
    uint32_t keys;   /* 0: one, that has no name. */
    uint32_t values; /* Written values are below it; 0: every one is another. */
    double unknown;  /* Share of operations that nobody answers. */
    double several;  /* Share of operations that are transactions of several. */
    double expiring; /* Share of actions after which the key may go by itself. */
    bool log;        /* As a line of Jepsen's log. */
};

/* Returns how often the mutant came to it. */
uint32_t toy_history(const struct toy_history *t, struct buf *into);

#endif
