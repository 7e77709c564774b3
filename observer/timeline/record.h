/* Writes a recording as it happens: the format is in orr.h.
 *
 * Entries are gathered into chunks of up to 256 KiB or 50 ms; a thread of its own compresses and
 * writes them, so the caller never waits for the disk. When the disk cannot follow, up to 256 MiB
 * wait in memory; beyond that recording stops and says so (or, with may_wait, the caller waits:
 * right for a simulator, which has no clock to miss). It also stops at its size cap and at the
 * first error of the disk. What was recorded until then is whole and readable. What is written
 * survives a SIGKILL of this process; it is not synced, so a power cut may take the last seconds.
 */
#ifndef ORRERY_TIMELINE_RECORD_H
#define ORRERY_TIMELINE_RECORD_H

#include "timeline/landmarks.h"
#include "timeline/pyramid.h"
#include "timeline/reading.h"

struct recorder_options {
    const char *path;
    uint64_t bytes_max;
    bool may_wait;
    const Orrery__RunInfo *info;
};

/* NULL and a sentence when the file cannot be made, or is something else than a recording. */
struct recorder *recorder_new(const struct recorder_options *options, char *why, size_t why_size);

void recorder_schemas(struct recorder *r, struct bytes file_descriptor_set);
void recorder_entry(struct recorder *r, const struct entry *e); /* Ordinals count on. */
void recorder_tick(struct recorder *r);                         /* Hands over what is 50 ms old. */
void recorder_flush(struct recorder *r);                        /* Hands over everything. */
void recorder_settle(struct recorder *r); /* And waits until it is written, or never will be. */

/* Puts a large value into the recording; `id` is the caller's, and should occur once. */
void recorder_blob(struct recorder *r, uint64_t id, const char *type, struct bytes body);

/* What is on disk so far; lives as long as the recorder. */
struct reading *recorder_reading(struct recorder *r);
const char *recorder_trouble(struct recorder *r); /* Why it stopped; NULL while it goes on. */

/* Writes pyramid, landmarks and index, waits for the disk, frees the recorder and its reading. */
void recorder_end(struct recorder *r, const struct pyramid *pyramid,
                  const struct landmarks *landmarks, uint64_t holes);

#endif
