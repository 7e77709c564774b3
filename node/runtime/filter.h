/* The faults of a node's outgoing links, and messages held back by hand: between the host, which
 * sends, and the sockets.
 *
 * A frame that nothing concerns passes at once. Delayed ones wait in a heap in cluster time. On a
 * stream order is kept: a frame never overtakes one that waits. What a cut stream was given it
 * keeps for FILTER_SILENT, in case the cut heals; then it is lost, and the link said to be silent.
 */
#ifndef ORRERY_RUNTIME_FILTER_H
#define ORRERY_RUNTIME_FILTER_H

#include "base/heap.h"
#include "core/link.h"

#define FILTER_SILENT (3 * NSEC_PER_S)
enum { FILTER_WAITING_MAX = 16 << 20, FILTER_NODES_MAX = 65536 };

struct filter_io {
    void (*pass)(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event);
    void (*dropped)(void *ctx, node_id to, uint64_t event, size_t size, Orrery__DropReason reason);
    void (*held)(void *ctx, node_id to, enum transport t, uint64_t event);
    /* What a stream still had on its way is lost: it was cut for too long, or (reset) a message of
     * it was dropped by hand, after which nothing may follow on the same stream. */
    void (*lost)(void *ctx, node_id to, enum link_reason reason);
};

struct parcel;

struct parcels {
    struct parcel *first;
    struct parcel **last;
};

struct filter_link;

struct filter {
    node_id self;
    const struct filter_io *io;
    void *ctx;
    struct random random;
    struct filter_link *links; /* By node; only once some fault was asked for. */
    uint32_t n_links;
    struct link_faults faults_of_all; /* Also of nodes not seen yet. */
    bool hold_all;
    struct heap delayed;
    struct parcels held;
    size_t waiting; /* Bytes in all queues. */
};

void filter_init(struct filter *f, node_id self, uint64_t seed, const struct filter_io *io,
                 void *ctx);
void filter_free(struct filter *f);

void filter_send(struct filter *f, nsec now, node_id to, enum transport t, struct bytes frame,
                 uint64_t event);
/* Faults and holds that concern other senders only change nothing. */
void filter_fault(struct filter *f, nsec now, const Orrery__LinkFault *fault);
void filter_hold(struct filter *f, nsec now, const Orrery__Hold *hold);
/* On a stream all held frames before the one that was meant leave with it, and one that is dropped
 * takes those behind it along: streams have no gaps. False when nothing such is held. */
bool filter_deliver(struct filter *f, nsec now, const Orrery__Deliver *deliver);

nsec filter_deadline(const struct filter *f);
void filter_due(struct filter *f, nsec now);

#endif
