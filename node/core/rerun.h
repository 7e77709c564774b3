/* A recorded life, executed again: its inputs are fed to a fresh host, which must then give the
 * very same events, byte by byte. So the state of a real process at any event can be rebuilt, and
 * no event can have been invented.
 *
 * The life must be recorded from its start, at LEVEL_FULL, without a hole. What a step cannot know
 * (where a record went on disk, when a breakpoint halted, when a view was asked for) is taken from
 * the recording and told again. */
#ifndef ORRERY_CORE_RERUN_H
#define ORRERY_CORE_RERUN_H

#include "core/host.h"

struct rerun;

struct rerun_life {
    /* The packed Event with this number (1 is the Start); base is NULL behind the last. Valid until
     * the next call. Bytes from outside: they may be anything. */
    struct bytes (*event)(void *ctx, uint64_t seq);
    /* NULL, or where to find protocols instead of the registry. */
    const struct core_ops *(*protocol)(void *ctx, const char *name);
    void *ctx;
};

/* NULL and a sentence in `why`: no usable Start, an unknown protocol, refused settings. */
struct rerun *rerun_new(const struct rerun_life *life, char *why, size_t why_size);
void rerun_free(struct rerun *r);

/* Executes every input up to event `to` (0: to the end of the life), with all that its step led to.
 * 0; ERROR_MALFORMED and a sentence: the recording has a hole, or an event differs. May be called
 * again with a later `to`. */
int rerun_run(struct rerun *r, uint64_t to, char *why, size_t why_size);

struct host *rerun_host(struct rerun *r); /* To look at: host_core(), host_settings_of(). */
uint64_t rerun_at(const struct rerun *r); /* Number of the newest event that was executed. */

#endif
