/* The host: what stands between step functions and a world, real or simulated.
 *
 * It runs one or several protocols of a node; packs and checks envelopes; keeps logical time; holds
 * back what must wait for the disk; numbers and emits events; evaluates breakpoints before effects
 * leave. The world calls host_*() with inputs and gets effects through host_io, always after the
 * step has returned. Runtime and simulator differ only in the host_io that they give.
 *
 * Each input is one event, so the events of a life suffice to execute it again. */
#ifndef ORRERY_CORE_HOST_H
#define ORRERY_CORE_HOST_H

#include "core/core.h"
#include "event.pb-c.h"

enum { INSTANCES_MAX = 8, VCLOCK_NODES_MAX = 16, SECRET_SIZE = 16 };

struct host;

/* Where a record went, for its event. */
struct place {
    lsn segment;     /* First record of the segment. */
    uint64_t offset;
    uint32_t size;   /* With its header. */
};

struct host_io {
    /* `frame` is a checksummed envelope; `event` its send event (0: none). Valid for the call. */
    void (*send)(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event);
    void (*append)(void *ctx, uint32_t instance, uint32_t log, lsn at, uint8_t type,
                   struct bytes body, struct place *place);
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
    uint32_t boot;
    uint64_t seed;
    const node_id *members;
    uint32_t n_members;
    uint8_t secret[SECRET_SIZE];
    const struct host_instance *instances;
    uint32_t n_instances;
    Orrery__Level level;
    size_t memory_limit;   /* Of each instance; 0: 1 GiB. */
    uint32_t view_every;   /* A view after so many events; 0: 2,000. */
};

/* NULL and a sentence in `why` when settings or flaws are refused. The config is copied. */
struct host *host_new(const struct host_config *config, const struct host_io *io, void *ctx,
                      char *why, size_t why_size);
void host_free(struct host *h);

struct moment {
    nsec now;
    int64_t wall_ns;
};

/* A life: host_begin() emits the start event, host_recover() gives records back one by one,
 * host_start() ends recovery. Later lives need a new host. */
void host_begin(struct host *h, struct moment at);
void host_recover(struct host *h, struct moment at, uint32_t instance,
                  const Orrery__Recovered *record);
void host_start(struct host *h, struct moment at);

void host_packet(struct host *h, struct moment at, enum transport t, struct bytes frame);
void host_link(struct host *h, struct moment at, node_id peer, bool up, enum link_reason reason);
void host_wake(struct host *h, struct moment at);
void host_written(struct host *h, struct moment at, uint32_t instance, uint32_t log, lsn upto);
void host_durable(struct host *h, struct moment at, uint32_t instance, uint32_t log, lsn upto,
                  nsec sync_ns);
void host_data(struct host *h, struct moment at, uint32_t instance, uint32_t log, uint64_t tag,
               struct bytes body);
void host_request(struct host *h, struct moment at, uint32_t instance, client_id client,
                  uint64_t request, struct bytes body);
void host_credit(struct host *h, struct moment at, uint32_t instance, client_id client);
void host_disconnect(struct host *h, struct moment at, uint32_t instance, client_id client);
int host_settings(struct host *h, struct moment at, uint32_t instance,
                  const char *const *key_values, size_t n, char *why, size_t why_size);
void host_order(struct host *h, struct moment at, uint32_t instance, const char *verb,
                const char *const *words, size_t n);
/* What the world saw and no protocol is told: a drop, a held message, a stop. seq, times and
 * Lamport stamp are filled in here. */
void host_report(struct host *h, struct moment at, Orrery__Event *event);
void host_view(struct host *h, struct moment at); /* A view of every instance, after a gap. */

nsec host_deadline(const struct host *h);         /* NSEC_NEVER when nothing is due. */
bool host_wants_written(const struct host *h);    /* A breakpoint looks at written events. */
void host_break(struct host *h, const Orrery__Break *b);
void host_level(struct host *h, Orrery__Level level);
uint32_t host_instances(const struct host *h);
const struct core_ops *host_ops(const struct host *h, uint32_t instance);
const ProtobufCMessage *host_settings_of(const struct host *h, uint32_t instance);
const void *host_core(const struct host *h, uint32_t instance); /* For checks in simulation. */

#endif
