/* The search for a linearization: every way in which a history, as far as it has been told, can
 * have happened.
 *
 * Wing and Gong's search, as Lowe made it ("Testing for linearizability", 2017: just in time, and
 * each configuration once): a configuration is a state and the set of open operations that have
 * happened in it. When an operation completes, the configurations in which it has not happened go
 * on by what is open, in any order, until it has; where none can, the history is refuted. Beyond
 * Lowe:
 *
 *  - What changes nothing happens as soon as it can: nothing is lost by that.
 *  - What may never have happened happens only right before an operation that sees it, or beside
 *    others that the same one sees; equals among it happen in the order of their invocations, and a
 *    configuration that needed less of it stands for those that needed more.
 *
 * Where there are very many ways, only some are followed. What such a search finds is an
 * explanation, but that it finds none refutes nothing.
 *
 * What a client asks without waiting for answers happens in the order in which it asked, as far as
 * it is answered.
 *
 * One frontier is about the keys that some operation ties together, and no others. */
#ifndef ORRERY_CHECK_FRONTIER_H
#define ORRERY_CHECK_FRONTIER_H

#include "check/configurations.h"
#include "check/datatype.h"

enum { SLOTS_MAX = 1024 };

enum progress {
    PROGRESS_DONE,
    PROGRESS_MORE,     /* The steps ran out. */
    PROGRESS_REFUTED,  /* Nothing explains the completion. */
    PROGRESS_TOO_MANY, /* Operations at once, or configurations: some were not followed. */
};

struct slot {
    const struct operation *operation; /* NULL: free. */
    uint32_t elder;                    /* Slot + 1 of an equal of unknown fate that goes first. */
    uint32_t after;                    /* Slot + 1 of what its client asked before it. */
};

struct frontier {
    struct datatype *datatype;
    uint32_t rows_max;     /* So many configurations are kept from one completion to the next. */
    bool cut;              /* There were more. */
    const uint32_t *place; /* By key: which of `keys` it is. */
    uint32_t *keys;
    uint32_t n_keys;
    struct slot *slots;
    uint32_t mask_words; /* 32 slots each. */
    uint32_t *open;      /* Slots in use. */
    uint32_t *stays;     /* Of these, those that change nothing, */
    uint32_t *unknown;   /* and those of unknown fate. */
    uint32_t n_open;
    uint32_t n_unknown;
    struct configurations now; /* All different; their table is not kept. */
    struct configurations seen;
    struct configurations next;
    uint32_t at;        /* Of `seen`: done before it. */
    uint32_t completes; /* The slot whose completion is being explained, + 1; 0: none. */
    uint32_t *scratch[2];
};

/* `place` is the caller's, and may be moved: frontier.place is set again then. */
void frontier_init(struct frontier *f, struct datatype *datatype, const uint32_t *place);
void frontier_free(struct frontier *f);
void frontier_add_key(struct frontier *f, uint32_t key, uint32_t value);
/* Takes over all of `other`, whose places the caller then moves up by our n_keys from before. */
enum progress frontier_join(struct frontier *f, struct frontier *other);

/* Its fate is known, and if it completed, so are its results. It lives until it is done. */
enum progress frontier_invoke(struct frontier *f, const struct operation *o);
/* Then frontier_work() until it is done. */
void frontier_complete(struct frontier *f, const struct operation *o);
enum progress frontier_work(struct frontier *f, uint64_t *steps);
/* Nothing is open but what may never happen, and the state is known. */
bool frontier_quiet(const struct frontier *f);
uint32_t frontier_value(const struct frontier *f, uint32_t key); /* When it is quiet. */

#endif
