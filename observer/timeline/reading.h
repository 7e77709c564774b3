/* Reads a recording: one that is finished, one cut short by a crash, or one that is being written
 * by this very process. Bytes from outside: every size is bounded and every checksum looked at
 * before anything is believed. Few decompressed chunks are kept. */
#ifndef ORRERY_TIMELINE_READING_H
#define ORRERY_TIMELINE_READING_H

#include "timeline/orr.h"
#include "timeline/timeline.h"

struct reading;

/* NULL and a sentence when there is no recording that this version can read. A file that ends in
 * the middle opens up to its last whole chunk; *torn says so, else it is empty. */
struct reading *reading_open(const char *path, char *torn, char *why, size_t why_size);
/* Of a file that is being written; the descriptor stays the caller's. */
struct reading *reading_live(int fd);
void reading_free(struct reading *r);

/* A chunk is on disk now. May be called from another thread; all other functions from one. */
void reading_add(struct reading *r, const struct orr_chunk *chunk);

uint64_t reading_bytes(struct reading *r);      /* Up to the end of the last chunk. */
uint64_t reading_newest(struct reading *r);     /* Newest ordinal; 0 when there is none. */
uint64_t reading_oldest(struct reading *r);     /* Oldest ordinal; 1 when there is none. */
uint64_t reading_holes(struct reading *r);      /* As the index says; 0 without one. */
bool reading_whole(struct reading *r);          /* It has an index: the writer ended it. */
const char *reading_trouble(struct reading *r); /* Why recording ended early; or NULL. */

/* Valid until eight further chunks have been read, and until the reading ends. */
bool reading_entry(struct reading *r, uint64_t ordinal, struct entry *e);
/* The first ordinal of the last chunk that begins at or before this time; reading_oldest() when
 * none does. */
uint64_t reading_at(struct reading *r, uint64_t mono_ns);

/* Chunks that are no events, in the order of the file: false when there is no i-th one. */
bool reading_chunk(struct reading *r, size_t i, struct orr_chunk *chunk);
/* The index in bytes: an Orrery__Index. */
void reading_index(struct reading *r, uint64_t holes, const char *trouble, struct buf *into);
int reading_load(struct reading *r, const struct orr_chunk *chunk, struct buf *into);
/* The body of a blob; ERROR_NOT_FOUND, ERROR_MALFORMED. */
int reading_blob(struct reading *r, uint64_t id, struct buf *type, struct buf *body);

/* Reads a packed Entry; its ordinal is set by the caller. 0, or ERROR_MALFORMED. */
int entry_read(struct bytes packed, struct entry *e);

#endif
