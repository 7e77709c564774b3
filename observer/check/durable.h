/* What a durable store promises, judged from the histories of its clients. Internal to the
 * checkers.
 *
 * A node executes the operations of its clients one after another, in the order of their Invoke
 * events; each transaction is one step of that order. What a client was answered, and all before
 * it, outlives any crash. Of the rest a crash may take a suffix:
 *
 *     acknowledged <= recovered <= attempted, and what was recovered is a prefix of the attempts
 *
 * Which prefix, nobody says. So after a crash the store is in one of several states, and each read
 * rules some out; a read that no state explains refutes. Each node is a store of its own. */
#ifndef ORRERY_CHECK_DURABLE_H
#define ORRERY_CHECK_DURABLE_H

#include "check/datatype.h"
#include "check/inner.h"

enum { STATES_MAX = 4096 };

/* LOOK reads and is not judged; OTHER writes what nobody here can compute. */
enum op_kind { OP_GET, OP_LOOK, OP_SET, OP_DEL, OP_INCR, OP_OTHER };

struct op {
    enum op_kind kind;
    uint32_t key;
    uint32_t value; /* SET */
    int64_t by;     /* INCR */
};

/* A request in the order of execution. */
struct step {
    uint64_t client;
    uint64_t request;
    uint64_t ordinal; /* Of its Invoke. */
    struct op *ops;
    uint32_t n;
    bool nothing; /* It failed, and changed nothing. */
};

/* What is known of a key: in base, and for the keys that a crash left open, in each state. */
struct cell {
    uint32_t value;
    uint32_t open;    /* Index among the open keys, from 1; 0: it is not. */
    uint64_t ordinal; /* Of the event that settled its value. */
    uint32_t boot;    /* The life in which that was. */
};

struct store {
    uint32_t boot;
    bool promises; /* Its settings promise durability. */
    bool holes;
    struct cell *cells; /* By key. */
    uint32_t n_cells;
    uint32_t *open; /* Keys that differ between the states. */
    uint32_t n_open;
    uint32_t *states;   /* [n_states][n_open] */
    uint32_t n_states;  /* 0 when nothing is open: base is the state. */
    struct step *steps; /* Executed, and not yet known to be durable; oldest first. */
    uint32_t n_steps;
    uint32_t cap_steps;
    uint64_t crashed; /* Ordinal of the newest exit. */
};

struct durable_check {
    struct check *check;
    struct words keys;
    struct datatype values;
    struct store *stores; /* By node - 1. */
    uint32_t n;
    uint64_t crashes;
    bool seen;
};

/* durable_states.c */
void store_free(struct store *s);
/* Every value becomes unknown: nothing can be said about what is there. */
void store_forget(struct store *s);
struct cell *store_cell(struct store *s, uint32_t key);
void store_drop_steps(struct store *s, uint32_t n); /* The oldest n. */
/* Rules out the states in which op `at` of step `i` would not have read `value`. False when none is
 * left: then nothing was changed. */
bool store_read(struct durable_check *h, struct store *s, uint32_t i, uint32_t at, uint32_t value);
/* The oldest n steps are durable. */
void store_settle(struct durable_check *h, struct store *s, uint32_t n, uint64_t ordinal);
/* The life ended: of the steps any prefix is there. */
void store_crash(struct durable_check *h, struct store *s);

#endif
