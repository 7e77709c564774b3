/* A cluster of real processes, driven from plain code: begin, do, wait for something, end. For what
 * measures; nothing is recorded. */
#ifndef ORRERY_SESSION_DRIVE_H
#define ORRERY_SESSION_DRIVE_H

#include "cluster/cluster.h"
#include "timeline/timeline.h"

struct drive;

/* Returns when every node is up; every entry of the timeline is told (entry may be NULL). NULL and
 * a sentence when that fails. The folder of the spec counts for nothing: disks lie in the state
 * folder, and go with the cluster. */
struct drive *drive_new(const struct cluster_spec *spec,
                        void (*entry)(void *ctx, const struct entry *e), void *ctx, char *why,
                        size_t why_size);
void drive_free(struct drive *d); /* Ends the cluster and waits for it. */

struct timeline *drive_timeline(struct drive *d);
struct cluster *drive_cluster(struct drive *d);
const char *drive_disks(const struct drive *d); /* The folder. */

/* What a command line says: "kill n2". 0, or negative and a sentence. */
int drive_act(struct drive *d, const char *line, char *why, size_t why_size);

/* Lets the cluster run until `reached` (NULL: never) is true, which is asked every few
 * milliseconds; false when the time is over before. */
bool drive_until(struct drive *d, bool (*reached)(void *ctx), void *ctx, uint64_t within_ms);

#endif
