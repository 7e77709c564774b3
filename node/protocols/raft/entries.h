/* The log as far as it lies in memory: all entries behind a base, of which only index and term are
 * known; what is before lies in a snapshot. Entries are packed, as they are stored and sent. */
#ifndef ORRERY_RAFT_ENTRIES_H
#define ORRERY_RAFT_ENTRIES_H

#include "core/core.h"
#include "machine/session.h"
#include "raft.pb-c.h"

/* An entry as its bytes say, which own what it points to. */
struct entry_parts {
    uint64_t term;
    Raft__Kind kind;
    int64_t time_ms;
    uint64_t opener;
    struct session_ticket ticket;
    struct bytes command;
    struct bytes members; /* A packed Members. */
};

struct log_entry {
    uint64_t term;
    Raft__Kind kind;
    uint32_t len;
    uint8_t *bytes; /* A packed Entry, lent. */
};

struct entries {
    struct memory *memory;
    struct log_entry *all; /* The first is of index base + 1. */
    size_t cap;
    size_t n;
    lsn base;           /* What is before is only in the snapshot; */
    uint64_t base_term; /* this is the term of its last entry. */
    uint64_t bytes;
};

/* Indices are from base + 1 to entries_last(). */
void entries_init(struct entries *e, struct memory *memory);
lsn entries_last(const struct entries *e);
uint64_t entries_last_term(const struct entries *e);
uint64_t entries_term(const struct entries *e, lsn index); /* From base on. */
const struct log_entry *entries_at(const struct entries *e, lsn index);
/* The bytes are copied. False: they are no entry. */
bool entries_push(struct entries *e, struct bytes packed);
void entries_cut_from(struct entries *e, lsn index);
void entries_forget_to(struct entries *e, lsn index);           /* It becomes the base. */
void entries_reset(struct entries *e, lsn base, uint64_t term); /* Empty, behind that base. */
bool entry_parse(struct bytes packed, struct entry_parts *parts);
/* The largest index up to `index` whose term is at most `term`; base if none is. */
lsn entries_at_most(const struct entries *e, lsn index, uint64_t term);

#endif
