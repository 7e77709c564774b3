/* What the files of the simulator share. */
#ifndef ORRERY_SIM_INNER_H
#define ORRERY_SIM_INNER_H

#include "base/clock.h"
#include "base/heap.h"
#include "base/random.h"
#include "cluster/faults.h"
#include "cluster/groups.h"
#include "core/host.h"
#include "core/link.h"
#include "sim/world.h"
#include "store/disk_memory.h"
#include "store/log.h"

enum { WORLD_NODES_MAX = 4096, INBOX_MAX = 4096, WORDS_MAX = 320 };

/* Random numbers split by what they decide. */
enum concern {
    CONCERN_SECRET = 1,
    CONCERN_LIFE,    /* Seeds of the nodes' own numbers, by node and boot. */
    CONCERN_NETWORK, /* By sender. */
    CONCERN_FAULT,   /* What link faults do, by sender. */
    CONCERN_DISK,
    CONCERN_CRASH, /* What a crash leaves of writes under way. */
    CONCERN_SCHEDULER,
    CONCERN_CLIENT,
    CONCERN_REQUEST, /* What clients ask, where that hangs on nothing else. */
};
struct random concern_random(const struct world *w, enum concern concern, uint64_t which);

/* Something that is due at a time. */
struct happening {
    void (*run)(struct world *w, struct happening *h);
    struct happening *next; /* In a queue, or in the pool. */
    uint32_t node;          /* Whose it is; 0: nobody's. */
    uint32_t boot;          /* It dies with this life; 0: outlives all. */
    uint32_t len;
    uint8_t size_class;
    bool stalls; /* An input: waits while the node is paused. */
    bool datagram;
    union {
        struct {
            node_id from;
            node_id to;
            uint64_t event;      /* The send. */
            uint64_t generation; /* Of the stream. */
        } deliver;
        struct {
            node_id peer;
            bool up;
            bool outgoing; /* The stream that this node opened. */
            enum link_reason reason;
            uint64_t generation;
        } link;
        struct {
            uint32_t instance; /* From 1. */
            uint32_t log;
            nsec began;
        } disk;
        struct {
            uint32_t instance;
            uint32_t log;
            lsn at;
            uint32_t count;
            uint64_t tag;
        } read;
        struct {
            uint32_t client; /* Its index. */
            client_id connection;
            uint64_t request;
            bool more;
        } client;
        uint64_t because;
        nsec deadline;
    };
    uint8_t bytes[];
};

struct happenings {
    struct happening *first;
    struct happening *last;
    uint32_t n;
};
void happenings_push(struct happenings *q, struct happening *h);
struct happening *happenings_pop(struct happenings *q);
void happenings_clear(struct world *w, struct happenings *q);

/* A new one with `len` bytes behind it, zeroed but for these. */
struct happening *happening_new(struct world *w, void (*run)(struct world *, struct happening *),
                                size_t len);
void happening_free(struct world *w, struct happening *h);
void happening_at(struct world *w, nsec at, struct happening *h);

struct sim_disk {
    struct disk_memory memory;
    struct disk disk; /* Of this memory. */
    nsec slow;        /* Added to each sync. */
};

struct sim_log {
    struct log *log;     /* NULL: there is none. */
    struct log_job *job; /* Under way; NULL: none. */
    bool written;        /* Its write is done, its sync is not. */
    bool never;          /* No sync will be. */
};

/* One direction between two nodes. */
struct path {
    struct link_faults faults;
    /* The stream from one to the other. */
    enum { PATH_DOWN, PATH_CONNECTING, PATH_UP } state;
    uint64_t generation;       /* Of the stream; raised when it breaks. */
    uint32_t peer_boot;        /* The life that it was opened to. */
    struct happenings pending; /* Frames that wait: for the connection, or for the end of a cut. */
    nsec last_at;              /* Frames arrive in order. */
    nsec since;                /* Connecting, or cut off, since then. */
    nsec pause;                /* Until the next try to connect. */
    bool down;                 /* Was said to be, for this reason: */
    enum link_reason reason;
    bool stale; /* The receiver does not know yet that it was given up. */
};

/* What the world saw while the host was busy: told when it returns. */
struct report {
    bool is_held;
    bool in_order; /* Of a stream. */
    uint32_t to;
    uint64_t event; /* The send. */
    uint32_t size;
    Orrery__DropReason reason;
};

/* What a node did after a breakpoint paused it: it happens when it resumes. */
struct stash {
    enum { STASH_EVENT, STASH_SEND, STASH_REPLY, STASH_READ } kind;
    node_id to;
    enum transport transport;
    uint64_t event;
    uint32_t instance;
    uint32_t log;
    lsn at;
    uint32_t count;
    uint64_t tag;
    client_id client;
    uint64_t request;
    bool more;
    struct buf bytes;
};

/* A setting that was changed while the cluster ran: later lives have it, too. */
struct kept_setting {
    uint32_t instance;
    Orrery__KeyValue pair; /* Its texts are owned: `key` holds both. */
};

/* How a life ends. */
struct ending {
    int signal; /* 0: it ended by itself or as asked, with */
    int code;
    bool power; /* The power went, too: */
    Orrery__Lose lose;
    uint64_t seed; /* 0: drawn. */
    uint64_t because;
};

struct sim_node {
    struct world *world;
    uint32_t id;
    size_t group;
    struct role *role; /* Of its group. */
    uint32_t place;    /* In its group, from 0. */
    char name[16];
    enum node_state state;
    uint32_t boot;
    struct host *host; /* While it lives. */
    bool paused;
    bool doomed;        /* Ends when the host returns, */
    struct ending doom; /* like this. */
    char words[WORDS_MAX];
    struct sim_disk disk;
    struct sim_log logs[INSTANCES_MAX][LOGS_MAX];
    struct clock clock;
    struct random network;
    struct random faults;
    struct random disk_random;
    struct random scheduler;
    nsec wake_deadline; /* That the earliest wake in the heap is for; NSEC_NEVER. */
    nsec woken_at;      /* So that a deadline that never moves is found out. */
    uint32_t woken;
    struct happenings inbox; /* Inputs that wait for the end of a pause. */
    struct path **paths;     /* By receiver - 1; NULL where nothing special ever was. */
    uint32_t n_paths;
    struct report *reports;
    uint32_t n_reports;
    uint32_t cap_reports;
    struct stash *stash;
    uint32_t n_stash;
    uint32_t cap_stash;
    bool stashing;
    client_id next_connection;
    struct kept_setting *kept;
    size_t n_kept;
};

/* What the nodes of a group run, and with whom. */
struct role {
    struct host_instance instances[INSTANCES_MAX];
    uint32_t n_instances;
    uint32_t serves; /* The instance that serves clients; 0: none. */
    uint32_t nodes;  /* That ever joined it. */
    node_id *members;
    uint32_t n_members;
};

struct clients;

struct world {
    struct world_options options;
    struct groups groups;
    struct role *roles; /* By group. */
    struct cluster_sink sink;
    void *sink_ctx;
    uint8_t secret[SECRET_SIZE];
    struct heap heap;
    nsec now;
    nsec watermark;
    double pace;
    struct sim_node **nodes; /* By id - 1. */
    uint32_t n_nodes;
    struct faults faults;   /* In force. */
    struct happenings held; /* Frames that wait for a hand, oldest first. */
    uint64_t events;
    struct clients *clients;
    struct happening *pool[4];
};

struct sim_node *world_find(const struct world *w, uint32_t node); /* NULL: no such. */
struct moment node_moment(const struct sim_node *n);
uint64_t world_outside(struct world *w, Orrery__Event *event);
void world_inbox(struct world *w, struct sim_node *n); /* What waited for the end of a pause. */

/* roles.c */
bool roles_init(struct world *w, char *why, size_t why_size);
void roles_free(struct world *w);
void roles_join(struct sim_node *n, size_t group);
void roles_leave(struct sim_node *n); /* For good. */

/* node.c: lives. */
struct sim_node *node_add(struct world *w, size_t group);
void node_free(struct sim_node *n);
void node_spawn(struct sim_node *n, uint64_t because);
void node_end(struct sim_node *n, const struct ending *how);
void node_fail(struct sim_node *n, const char *why); /* Fail-stop, outside of its host. */
void node_stop(struct sim_node *n, uint64_t because);
void node_pause(struct sim_node *n);
void node_resume(struct sim_node *n);
void node_settle(struct sim_node *n); /* After every call into its host; may end the node. */
void node_report(struct sim_node *n, struct report r);

/* kept.c */
struct host *kept_host(struct sim_node *n, struct host_config *config, char *why, size_t size);
void kept_add(struct sim_node *n, uint32_t instance, const char *key_value);
void kept_free(struct sim_node *n);

/* node_io.c: what the host asks of its world. */
extern const struct host_io node_io;
void node_unstash(struct sim_node *n);
void node_stash_free(struct sim_node *n);

/* disks.c */
int disks_open(struct sim_node *n, char *why, size_t why_size);
/* The end of a life: what is under way ends in the middle, and with the power goes what was not
 * synced. Returns the bytes lost. */
uint64_t disks_crash(struct sim_node *n, const struct ending *how);
void disks_drain(struct sim_node *n); /* A clean end: all that waits is synced. */
void disks_start_jobs(struct sim_node *n);
void disks_read(struct sim_node *n, uint32_t instance, uint32_t log, lsn at, uint32_t count,
                uint64_t tag);

/* network.c */
void network_send(struct sim_node *n, node_id to, enum transport t, struct bytes frame,
                  uint64_t event);
struct path *network_path(struct sim_node *from, node_id to); /* Made when there is none. */
/* Of one direction; `to` 0: to everybody. */
void network_fault(struct sim_node *from, node_id to, const Orrery__LinkFault *f);
void network_node_gone(struct sim_node *n);
void network_removed(struct sim_node *n);      /* All others are told. */
void network_tell_removed(struct sim_node *n); /* A new life is told of all who were removed. */
void network_unhold(struct world *w);          /* Frames that no rule holds any more leave. */
int network_deliver(struct world *w, const Orrery__Deliver *d, char *why, size_t why_size);
void network_free(struct sim_node *n);

/* clients.c */
void clients_init(struct world *w);
void clients_free(struct world *w);
void clients_node_added(struct world *w, struct sim_node *n);
void clients_node_gone(struct sim_node *n);
void clients_reply(struct sim_node *n, client_id connection, uint64_t request, struct bytes body,
                   bool more);

#endif
