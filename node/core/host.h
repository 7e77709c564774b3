/* The host: what stands between step functions and a world, real or simulated.
 *
 * It runs one or several protocols of a node; packs and checks envelopes; keeps logical time; holds
 * back what must wait for the disk; numbers and emits events; evaluates breakpoints before effects
 * leave. The world calls host_*() with inputs and gets effects through host_io, always after the
 * step has returned. Runtime and simulator differ only in the host_io that they give.
 *
 * Order. Each input is one event; at LEVEL_FULL it carries the whole input, so that the events of a
 * life suffice to execute it again (core/rerun.h). Then the step runs, then its effects become
 * events and leave, in order. What must wait for a log is copied into a queue, and becomes an event
 * when it leaves: the write-ahead rule, made visible. DURABLE goes to the protocol first, then what
 * it had held back leaves. Messages to oneself are delivered next, each a step of its own; then
 * reports. Everything happens before the host_*() call returns. Callbacks of host_io must not call
 * host_*() back, host_report() excepted.
 *
 * Time. Each event ticks the Lamport clock (and in clusters with node numbers up to 16 the vector
 * clock), whether or not the level shows it; a receive sets it to max(own, stamp) + 1. Views and
 * halts do not tick. Event numbers count the events that were emitted, without gaps; a message
 * whose send was not emitted carries 0. So frames differ by level in that number only, which has a
 * fixed width.
 *
 * Levels. FULL: everything. SUMMARY: no bodies and vector clocks; no wakes, writes, reads, data,
 * credits and details. OFF: starts, stops, links, moves, traces, views, drops, held messages,
 * violations and halts. A broadcast is one send event with several receivers.
 *
 * Breakpoints are compared with an input's event and with every event that the effects of its step
 * would make, whatever the level, before the first of them leaves; a held effect is compared when
 * it is about to leave. They see it as at LEVEL_FULL, effects still without number, stamp and
 * place. A breakpoint halts once and is gone. */
#ifndef ORRERY_CORE_HOST_H
#define ORRERY_CORE_HOST_H

#include "core/core.h"
#include "event.pb-c.h"

enum { INSTANCES_MAX = 8, VCLOCK_NODES_MAX = 16, SECRET_SIZE = 16, BREAKS_MAX = 32 };

struct host;

/* Where a record went, for its event. */
struct place {
    lsn segment; /* First record of the segment. */
    uint64_t offset;
    uint32_t size; /* With its header. */
};

struct host_io {
    /* `frame` is a checksummed envelope (core/envelope.h); `event` its send event (0: none). Valid
     * for the call. Never to the node itself. */
    void (*send)(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event);
    void (*append)(void *ctx, uint32_t instance, uint32_t log, lsn at, uint8_t type,
                   struct bytes body, struct place *place);
    /* After a suffix went, host_durable() must not report what was durable in its place. */
    void (*truncate)(void *ctx, uint32_t instance, uint32_t log, lsn at, bool suffix);
    void (*snapshot)(void *ctx, uint32_t instance, uint32_t log, lsn at, struct bytes body);
    void (*read)(void *ctx, uint32_t instance, uint32_t log, lsn at, uint32_t count, uint64_t tag);
    void (*reply)(void *ctx, uint32_t instance, client_id client, uint64_t request,
                  const struct body *body, bool more);
    /* A packed Event; valid for the call. */
    void (*event)(void *ctx, struct bytes event);
    /* A breakpoint was hit. True: go on, the effects leave (after a pause); false: the node is
     * dead, nothing leaves, and the host may only be freed. */
    bool (*halt)(void *ctx, const Orrery__Halt *halt);
};

struct host_instance {
    uint32_t number; /* From 1. */
    const struct core_ops *ops;
    const Orrery__KeyValue *const *settings;
    size_t n_settings;
    const char *const *flaws;
    size_t n_flaws;
};

struct host_config {
    node_id self;
    const char *name;
    const char *group; /* Told at the start; NULL: none. */
    uint32_t boot;
    uint64_t seed;
    const node_id *members;
    uint32_t n_members;
    uint8_t secret[SECRET_SIZE];
    const struct host_instance *instances;
    uint32_t n_instances;
    Orrery__Level level;
    size_t memory_limit; /* Of each instance; 0: 1 GiB. */
    uint32_t view_every; /* A view after so many events, or more where it is large; 0: 500. */
};

/* NULL and a sentence in `why` when settings or flaws are refused. Config and io are copied. */
struct host *host_new(const struct host_config *config, const struct host_io *io, void *ctx,
                      char *why, size_t why_size);
void host_free(struct host *h);

struct moment {
    nsec now; /* Never less than at an earlier call. */
    int64_t wall_ns;
};

/* A life: host_begin() emits the start event, host_recover() gives records back one by one,
 * host_start() ends recovery. Its event is a Recovered without a record and with `last`. Later
 * lives need a new host. */
void host_begin(struct host *h, struct moment at);
void host_recover(struct host *h, struct moment at, uint32_t instance,
                  const Orrery__Recovered *record);
void host_start(struct host *h, struct moment at);

/* Bytes from the network, checksum first. What is damaged, malformed, a stranger's or of an earlier
 * life than the newest seen from its sender is a drop; what only a broken peer would send (not for
 * us, from nobody, for no instance, from the end of time) is a violation. */
void host_packet(struct host *h, struct moment at, enum transport t, struct bytes frame);
/* LINK_REMOVED: what still comes from that peer, member or not, is dropped as stale. Protocols are
 * told once, of members only. */
void host_link(struct host *h, struct moment at, node_id peer, bool up, enum link_reason reason);
void host_wake(struct host *h, struct moment at);
/* An event; INPUT_WRITTEN only for a protocol that asks for it. Call it if host_wants_written(). */
void host_written(struct host *h, struct moment at, uint32_t instance, uint32_t log, lsn upto);
void host_durable(struct host *h, struct moment at, uint32_t instance, uint32_t log, lsn upto,
                  nsec sync_ns);
void host_data(struct host *h, struct moment at, uint32_t instance, uint32_t log, uint64_t tag,
               struct bytes body);
void host_request(struct host *h, struct moment at, uint32_t instance, client_id client,
                  uint64_t request, struct bytes body);
void host_credit(struct host *h, struct moment at, uint32_t instance, client_id client);
void host_disconnect(struct host *h, struct moment at, uint32_t instance, client_id client);
/* 0 when applied; ERROR_REFUSED with a sentence, nothing changed and nothing told otherwise. */
int host_settings(struct host *h, struct moment at, uint32_t instance,
                  const char *const *key_values, size_t n, char *why, size_t why_size);
void host_order(struct host *h, struct moment at, uint32_t instance, const char *verb,
                const char *const *words, size_t n);
/* What the world saw and no protocol is told: a drop, a held message, a violation, a stop, or a
 * trace of the client port (its type by host_trace_type()). instance and body count; the rest is
 * filled in here. From within a callback of host_io it is allowed, and told when the call that led
 * there has done all else. */
void host_report(struct host *h, struct moment at, const Orrery__Event *event);
/* Index in Start.types of a type that the instance traces; of history.* too, if it has clients. */
uint32_t host_trace_type(const struct host *h, uint32_t instance,
                         const ProtobufCMessageDescriptor *type);
void host_view(struct host *h, struct moment at); /* A view of every instance, after a gap. */

nsec host_deadline(const struct host *h);      /* NSEC_NEVER when nothing is due. */
bool host_wants_written(const struct host *h); /* A protocol or a breakpoint does. */
/* Adds or clears (all without an id). ERROR_MALFORMED, or ERROR_TOO_LARGE past BREAKS_MAX. */
int host_break(struct host *h, const Orrery__Break *b);
void host_level(struct host *h, Orrery__Level level);
uint32_t host_instances(const struct host *h);
const struct core_ops *host_ops(const struct host *h, uint32_t instance);
const ProtobufCMessage *host_settings_of(const struct host *h, uint32_t instance);
const void *host_core(const struct host *h, uint32_t instance); /* For checks in simulation. */

#endif
