/* What the files of the host share. Nobody else includes this.
 *
 *   host.c         a life: made, recovered, started, fed with inputs
 *   host_packet.c  inputs from the network
 *   host_command.c inputs from users: settings, orders
 *   host_step.c    one step: runs it, lets its effects leave, delivers what it sent to itself
 *   host_hold.c    what waits for the disk
 *   host_events.c  what happened, as numbered and packed events
 *   host_break.c   breakpoints
 *   host_start.c   the start event, and settings */
#ifndef ORRERY_CORE_HOST_INTERNAL_H
#define ORRERY_CORE_HOST_INTERNAL_H

#include "base/wire.h"
#include "core/envelope.h"
#include "core/host.h"
#include "core/queue.h"
#include "core/rerun.h"
#include "pattern.pb-c.h"

enum {
    STEP_ARENA = 192 << 20, /* Reserved, not used: one step's messages and replies. */
    SETTINGS_ARENA = 1 << 20,
    VIEW_EVERY_DEFAULT = 500,
    VIEW_SHARE = 16,           /* Bytes that views may add to an event, in the mean. */
    VIOLATION_BODY_MAX = 1024, /* Of bad bytes in an event. */
    JOINED_MAX = 1 << 14,
    OWN_MESSAGES_MAX = 1 << 20, /* Of one call: beyond it, a protocol talks to itself for ever. */
};

struct instance {
    uint32_t number;
    const struct core_ops *ops;
    void *core;
    struct core_config config;
    struct memory memory;
    struct random random;
    struct arena settings[2]; /* The one in force, and room for the next. */
    uint32_t current;
    uint32_t n_logs;
    uint32_t trace_base; /* Where its types begin in Start.types. */
    lsn last[LOGS_MAX];
    lsn durable[LOGS_MAX];
    struct queue held[LOGS_MAX];   /* By the log that is waited for. */
    uint32_t blocked[LOGS_MAX];    /* How many held effects change this log, and */
    uint32_t blocked_in[LOGS_MAX]; /* the queue that they are in. */
};

struct breakpoint {
    uint32_t id;
    uint32_t skip;
    Orrery__Action action;
    Orrery__Pattern *pattern;
};

enum phase { PHASE_NEW, PHASE_RECOVERING, PHASE_STARTED, PHASE_DEAD };

struct host {
    struct host_io io;
    void *ctx;
    struct host_config config; /* name and members are our copies; instances is not kept. */
    uint32_t n_vclock;         /* 0: the cluster is too large. */
    struct instance instances[INSTANCES_MAX]; /* config.n_instances of them. */
    node_id *joined;                          /* Members that came while we ran, as they came. */
    uint32_t n_joined;
    uint32_t *boots; /* Newest seen, by member_index(). */

    enum phase phase;
    bool busy; /* Between a call of the world and its return. */
    struct moment at;
    struct packed_time {
        struct moment at;
        uint8_t bytes[2 * (1 + WIRE_VARINT_MAX)];
        size_t len;
    } time; /* As events have it: most share theirs with the one before. */
    uint64_t seq;
    uint64_t lamport;
    uint64_t vclock[VCLOCK_NODES_MAX];
    uint64_t since_view; /* Events, and */
    uint64_t view_due;   /* how many of them it takes. */

    struct breakpoint breaks[BREAKS_MAX];
    uint32_t n_breaks;
    int32_t hit;        /* Index in breaks of the first that matched in this step; -1. */
    uint64_t input_seq; /* Of the event of the input at work; 0: the level did not show it. */

    struct queue own[2]; /* Messages to ourselves: one is filled while the other is emptied. */
    uint32_t own_filled;
    struct queue reports; /* That came while we were busy. */

    const struct rerun_life *life; /* What really happened, when it is executed again. */

    struct arena arena;
    struct buf start; /* The packed start event. */
    struct buf event_room;
    struct buf frame_room;
    struct buf flat_room;
    struct out out; /* Large, mostly untouched: last. */
};

/* Something that happened, on its way to become an event. */
struct happening {
    Orrery__Event__BodyCase kind;
    uint32_t instance;
    bool detail;
    uint32_t trace_base; /* TRACE: where the instance's types begin. */
    size_t bulk;         /* Upper bound of what is not small numbers. */
    union {
        const struct effect *effect;
        const struct input *input;
        const struct envelope *receive;
        const ProtobufCMessage *message; /* Every kind that is rare. */
        struct bytes packed;             /* Report: packed already. */
        uint64_t deadline;
    };
    bool is_packed;
    uint64_t sync_ns;
    enum transport transport;
    struct place place;
};

/* host_events.c */
struct happening happening_effect(const struct instance *in, const struct effect *e);
struct happening happening_input(const struct instance *in, Orrery__Event__BodyCase kind,
                                 const struct input *input);
struct happening happening_message(uint32_t instance, Orrery__Event__BodyCase kind,
                                   const ProtobufCMessage *m);
uint64_t host_emit(struct host *h, const struct happening *what); /* Its number; 0: not shown. */
/* As at LEVEL_FULL, without ticking or numbering. Valid until the next. */
struct bytes host_pack(struct host *h, const struct happening *what);
uint64_t body_size(const struct body *body);

/* host_break.c */
void host_match(struct host *h, const struct happening *what); /* Sets h->hit. */
bool host_go_on(struct host *h); /* Halts where one is due. False: the node is dead. */

/* host_hold.c */
bool hold_must(const struct instance *in, const struct effect *e);
void hold_push(struct instance *in, const struct effect *e);
void hold_release(struct host *h, struct instance *in);
void hold_forget_above(struct instance *in, uint32_t log, lsn last);

/* host_step.c */
void host_enter(struct host *h, struct moment at);
void host_enter_started(struct host *h, struct moment at);
void host_finish(struct host *h); /* Own messages, views and reports, in that order. */
void host_input(struct host *h, const struct happening *what);
void host_step(struct host *h, struct instance *in, const struct input *input);
void host_leave(struct host *h, struct instance *in, const struct effect *e);
void host_receive(struct host *h, const struct envelope *e, enum transport t);
void host_tell(struct host *h, const struct happening *what); /* An event that no step answers. */
struct bytes flatten(struct host *h, const struct body *body);

/* host_start.c */
bool settings_begin(struct instance *in, const struct host_instance *config, char *why,
                    size_t why_size);
bool settings_change(struct instance *in, const char *const *key_values, size_t n, char *why,
                     size_t why_size); /* In the arena that is not current. */
void start_pack(struct host *h, const struct host_config *config);

/* host.c */
int64_t member_index(const struct host *h, node_id node); /* -1: no member. */
/* A node that was added while we ran knows the run's secret, so it is one of us from its first
 * frame. False: there are too many. */
bool member_known(struct host *h, node_id node);
struct instance *host_instance(struct host *h, uint32_t number);

#endif
