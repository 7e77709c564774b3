/* What a store does, one action at a time: the sequential definition that a history is held
 * against. A key's state is one word; that of a queue is the word of its elements' numbers. A key
 * that may go by itself is in a state of its own, since nobody tells when it went: what is told of
 * it next says whether it is still there. */
#ifndef ORRERY_CHECK_DATATYPE_H
#define ORRERY_CHECK_DATATYPE_H

#include "check/operation.h"
#include "check/words.h"

struct datatype_memo;

/* When a value was taken out of a queue: between these moments. */
struct datatype_taken {
    uint64_t from, to;
};

struct datatype {
    struct words words;
    /* Words above BRIEF_MAX bytes were told shortened (history.proto): what is built of them is
     * not known. */
    bool brief;
    struct datatype_memo *memo; /* Of what was joined: (word, word) to word. */
    uint32_t memo_cap;          /* A power of two, or 0. */
    uint32_t memo_n;
    /* By value: what is known of a queue's future. An order of enqueueing that contradicts it need
     * not be followed. NULL: nothing. */
    struct datatype_taken *taken;
    uint32_t n_taken;
};

enum { BRIEF_MAX = 64, NUMBER_TEXT_MAX = 24 };

void datatype_init(struct datatype *m, bool brief);
void datatype_free(struct datatype *m);

/* Redis: nothing counts as 0. What is no number, or would overflow, stays as it is. */
uint32_t datatype_increased(struct datatype *m, uint32_t value, int64_t by);
uint32_t datatype_number(struct datatype *m, int64_t number); /* Its word. */

/* What a key in this state holds; *going: unless it is gone. */
uint32_t datatype_held(uint32_t state, bool *going);

/* Whether its bytes are not its own, but some and a hash of all. */
bool datatype_shortened(const struct datatype *m, uint32_t value);

/* Whether it could happen to a key in this state with the result that was told; then *state is
 * the state after it, else it is as it was. */
bool datatype_act(struct datatype *m, const struct action *a, uint32_t *state);
/* The whole operation; values[place[key]] is a key's state. On false they may be changed. */
bool datatype_apply(struct datatype *m, const struct operation *o, uint32_t *values,
                    const uint32_t *place);

/* Whether one may have been given its result, or have done what it did, because of what the other
 * did. Where it may not, an order that has the other is one without it, too. */
bool datatype_action_may_see(struct datatype *m, const struct action *by, const struct action *a);
bool datatype_may_see(struct datatype *m, const struct operation *by, const struct operation *o);

#endif
