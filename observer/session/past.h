/* The past of a fork: what another simulated run was up to an instant.
 *
 * A simulated run hangs on its cluster, its seed and its commands alone. So its past is lived once
 * more, with the same commands at the same instants, and compared with it event by event: it is the
 * same to the bit, or it is refused. From the instant on the comparison tells where the two part.
 */
#ifndef ORRERY_SESSION_PAST_H
#define ORRERY_SESSION_PAST_H

#include "cluster/cluster.h"
#include "event.pb-c.h"
#include "timeline/view.h"

struct past;

enum { PAST_SAME, PAST_PARTED, PAST_ALONE }; /* Alone: the other one is not known any further. */

/* Up to an instant of the run that is looked at here, which has got to `now_ns`, and must stay
 * until past_let_go(). `recording`: its file's name, or "". NULL and a sentence: it is of real
 * processes, it did not get that far, or does not tell how it began. */
struct past_end {
    uint64_t ns;    /* All that was at this instant is of the past, */
    uint64_t event; /* but for what came from this one on; 0: nothing. */
};
struct past *past_new(struct timeline_view *of, uint64_t now_ns, const char *recording,
                      struct past_end end, char *why, size_t why_size);
void past_free(struct past *p);
/* The other run goes. What was found out stays. */
void past_let_go(struct past *p);

/* How the other run began; lives as long as the past. Its load is NULL where it had none. */
struct past_cluster {
    const struct cluster_group *groups;
    size_t n_groups;
    const struct cluster_load *load;
    Orrery__Level level;
    uint64_t seed;
};
struct past_cluster past_cluster(const struct past *p);

const Orrery__Forked *past_forked(const struct past *p); /* Lives as long. */
/* The next command, and when it was given: NULL when none is left up to the instant. */
const Orrery__Operator *past_command(const struct past *p, uint64_t *ns);
void past_next(struct past *p);

/* For each entry of the fork, in its order. */
void past_compare(struct past *p, const struct entry *e);
/* The past is over, and the fork's newest entry is this one: nothing that was is missing. */
void past_over(struct past *p, uint64_t newest);
/* PAST_SAME so far, or where it ceased to be: the fork's event, and when that was. */
int past_parted(const struct past *p, uint64_t *ordinal, uint64_t *ns);

/* For who records a simulated run: how it began. Free with
 * orrery__simulated_cluster__free_unpacked(). */
Orrery__SimulatedCluster *past_describe(const struct cluster_group *groups, size_t n_groups,
                                        Orrery__Level level, const struct cluster_load *load);

#endif
