/* What clients asked of a store and what became of it, as the judges of consistency see it.
 *
 * An operation is one or several actions that happen at one point, between its invocation and its
 * completion. One whose outcome nobody knows may have happened at any time after its invocation, or
 * never; one that is known not to have happened is in no history. */
#ifndef ORRERY_CHECK_OPERATION_H
#define ORRERY_CHECK_OPERATION_H

#include <stdbool.h>
#include <stdint.h>

/* Values and keys are numbers of words (words.h); 0 is "nothing there". */
#define VALUE_ABSENT 0
#define VALUE_ANY    UINT32_MAX /* Nothing is known of it: it agrees with every read. */

enum action_kind {
    ACTION_READ,    /* told: `value` */
    ACTION_WRITE,   /* of `value` */
    ACTION_CAS,     /* from `expected` to `value`; told: number is 1 if it was so, else 0 */
    ACTION_ADD,     /* of `by` to a number, nothing counting as 0; told: the sum, as a number */
    ACTION_APPEND,  /* of `value` to a string; told: the length of the whole */
    ACTION_DELETE,  /* told: 1 if there was something, else 0 */
    ACTION_EXISTS,  /* told: 1 or 0 */
    ACTION_LENGTH,  /* told: number; 0 when there is nothing */
    ACTION_EXPIRE,  /* from now on the key may go by itself, until it is written anew */
    ACTION_ENQUEUE, /* of `value`, at the end */
    ACTION_DEQUEUE, /* of the first; told: `value`, absent when there was none */
};

struct action {
    enum action_kind kind;
    uint32_t key;
    uint32_t value;
    uint32_t expected;
    int64_t by;
    int64_t number;
    bool told;    /* Its result is known. */
    bool refused; /* It changed nothing, and nobody says why. */
};

enum fate { FATE_OPEN, FATE_OK, FATE_UNKNOWN, FATE_DROPPED };

#define NEVER UINT64_MAX

struct operation {
    uint64_t client;
    uint64_t invoked;   /* Places in real time: of two, the smaller was first. */
    uint64_t completed; /* NEVER: nobody knows whether it was. */
    uint64_t invoke_event;
    uint64_t complete_event; /* What a reader may look up: an event's ordinal, a line; 0: none. */
    uint64_t invoke_ns;
    uint64_t complete_ns; /* Of cluster time; 0: not told. */
    enum fate fate;
    bool foretold; /* That it happened follows from what came later: its client was not told. */
    bool stays;    /* It changes nothing, whatever it finds. */
    bool blind;    /* It writes one key, whatever is there, and tells nothing. */
    uint32_t n;
    struct action actions[];
};

struct operation *operation_new(uint32_t n); /* Owned by the caller: free(). */
/* Its fate and results are known: what follows from them. */
void operation_settle(struct operation *o);
bool operation_touches(const struct operation *o, uint32_t key);
bool operations_meet(const struct operation *a, const struct operation *b); /* At some key. */
/* The same but for who asked and when. */
bool operation_twins(const struct operation *a, const struct operation *b);

#endif
