/* The recordings in the state folder: which there are, and what can be done to one. They go by the
 * names of their files, never by paths. What comes from outside is kept aside, unnamed, until it
 * has been read as a recording. */
#ifndef ORRERY_SESSION_RECORDINGS_H
#define ORRERY_SESSION_RECORDINGS_H

#include "base/bytes.h"
#include "session.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

enum { RECORDING_NAME_MAX = 100, RECORDINGS_LISTED_MAX = 200 };
#define RECORDING_INCOMING_MAX (UINT64_C(512) << 20)

/* "calm-otter.orr": letters, digits, '-', '_' and '.', which it does not begin with. */
bool recording_name_ok(const char *name);
/* The path of a recording that is there. False and a sentence. */
bool recording_path(const char *folder, const char *name, char *into, size_t size, char *why,
                    size_t why_size);

/* By whom it is recorded; also while nothing is in it yet. */
bool recording_being_written(const char *path);

/* Newest first. Free with orrery__recordings__free_unpacked(). */
Orrery__Recordings *recordings_list(const char *folder);
/* Of one file, whether it is a recording or not. Free with orrery__recording__free_unpacked(). */
Orrery__Recording *recording_describe(const char *folder, const char *name);

/* 0, or negative and a sentence. Neither touches one that is being written. */
int recording_rename(const char *folder, const char *name, const char *to, char *why,
                     size_t why_size);
int recording_remove(const char *folder, const char *name, char *why, size_t why_size);

/* One from outside. NULL, or negative, and a sentence. */
struct incoming;
struct incoming *incoming_new(const char *folder, const char *name, char *why, size_t why_size);
int incoming_part(struct incoming *in, struct bytes part, char *why, size_t why_size);
/* It is whole: into the folder, under its own name or one that is free, which is told. */
int incoming_end(struct incoming *in, char name[RECORDING_NAME_MAX], char *why, size_t why_size);
void incoming_free(struct incoming *in); /* Leaves nothing behind of what has not ended well. */

#endif
