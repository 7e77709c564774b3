/* A machine's state as a stream of chunks, each a machine.Chunk of machine.proto.
 *
 * What is saved is the state of the instant at which saving began, though commands are applied
 * meanwhile: before a page changes for the first time its entries are put aside (copy on write, by
 * the page, since a page is what the table knows how to walk). So a step costs at most a page more,
 * or, for FLUSHALL, the table; the memory needed is that of the pages that change meanwhile. */
#ifndef ORRERY_MACHINE_SNAPSHOT_H
#define ORRERY_MACHINE_SNAPSHOT_H

#include "machine/machine.h"

struct aside {
    uint8_t *entries; /* Whole fields of a Chunk; NULL: the page is as it was. */
    size_t len;
    size_t at; /* Of them, what has left. */
};

struct saving {
    struct machine *machine;
    bool failed; /* The memory did not suffice for a page: give up, and begin again later. */
    bool ended;
    uint8_t *first; /* What is no page, until it has left: time and sessions. */
    size_t first_at;
    size_t first_len;
    uint32_t page;             /* Being saved; those before it are. */
    const struct entry *after; /* Of it, the last entry that has left; NULL: none yet. */
    struct aside *asides;      /* By page. */
    uint64_t keys;             /* Of what has left or been put aside. */
    uint64_t sum;
};

/* One at a time. False: the memory does not suffice. */
bool machine_save(struct machine *m, struct saving *s);
/* The next chunk, of `about` bytes unless a single entry is larger, in the arena. 1; 0: there are
 * no more; ERROR_NO_MEMORY: the snapshot is void. */
int machine_save_chunk(struct saving *s, size_t about, struct arena *a, struct bytes *chunk);
void machine_save_end(struct saving *s); /* Also before its end. */

struct loading {
    struct machine *machine;
    lsn at;
    bool begun;
    uint64_t keys;
    uint64_t sum;
};

/* Empties the machine, which then takes the chunks in their order. The snapshot is of the state
 * after the command at `at`: what says that it is younger is malformed. */
void machine_load(struct machine *m, struct loading *l, lsn at);
/* 0: more must follow; 1: it was the last, and all is there; ERROR_MALFORMED, ERROR_NO_MEMORY: the
 * machine is as far as it came, good only to be loaded again. */
int machine_load_chunk(struct loading *l, struct bytes chunk);

#endif
