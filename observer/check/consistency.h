/* What a store may promise of its clients' histories, the strongest first, and whether one keeps
 * it.
 *
 *  - linearizable: each operation takes effect at a point between its invocation and its completion
 *    (Herlihy and Wing, 1990);
 *  - sequential: all take effect in one order, in which each client's are in its own (Lamport,
 *    1979);
 *  - the guarantees of sessions (Terry et al., 1994), for values that were written once: no client
 *    reads a version older than one it wrote (read-your-writes) or read (monotonic-reads); its
 *    writes are in its order (monotonic-writes), and after what it had read (writes-follow-reads).
 *    Which version is older is known from what read and wrote at once (compare-and-set, a sum), and
 *    from a client's own writes; a guarantee is refuted when it contradicts that. */
#ifndef ORRERY_CHECK_CONSISTENCY_H
#define ORRERY_CHECK_CONSISTENCY_H

#include "check/check.h"
#include "check/history.h"

enum consistency {
    CONSISTENCY_LINEARIZABLE,
    CONSISTENCY_SEQUENTIAL,
    CONSISTENCY_READ_YOUR_WRITES,
    CONSISTENCY_MONOTONIC_READS,
    CONSISTENCY_MONOTONIC_WRITES,
    CONSISTENCY_WRITES_FOLLOW_READS,
    CONSISTENCIES,
};

const char *consistency_name(enum consistency c); /* "read-your-writes" */
bool consistency_parse(const char *text, enum consistency *c);

/* How long a judge may take: the caller has the clock. */
struct patience {
    bool (*ends)(void *ctx); /* Asked now and then. NULL: never. */
    void *ctx;
};

struct judgement {
    enum verdict verdict;
    uint64_t judged; /* Operations. */
    char sentence[FINDING_SENTENCE_MAX];
    struct operations example; /* The smallest that refutes it. */
    uint32_t *base;            /* By key: its value before the example. */
};

void consistency_judge(struct history *h, enum consistency c, const struct patience *patience,
                       struct judgement *into);
void judgement_free(struct judgement *j);
/* The example as a table: who, what, from when until when. `unit` is "line " or "e". */
void judgement_print(const struct history *h, const struct judgement *j, const char *unit,
                     struct buf *into);

/* sequential.c: false when its patience or its memory ended. */
bool sequential_judge(struct history *h, const struct patience *patience, bool *refuted,
                      struct operations *example);
/* sessions.c: how much was put to the test; the example is empty unless it is refuted. */
uint64_t sessions_judge(struct history *h, enum consistency c, struct operations *example);

#endif
