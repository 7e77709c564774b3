/* A node: its host, and the parts that are its world. Everything is guarded by the loop's lock. */
#ifndef ORRERY_RUNTIME_NODE_H
#define ORRERY_RUNTIME_NODE_H

#include "base/clock.h"
#include "base/ledger.h"
#include "runtime/alarm.h"
#include "runtime/clients.h"
#include "runtime/control.h"
#include "runtime/disk_posix.h"
#include "runtime/events.h"
#include "runtime/filter.h"
#include "runtime/logs.h"
#include "runtime/streams.h"
#include "runtime/udp.h"

enum { NODES_MAX = FILTER_NODES_MAX, WHY_SIZE = 512 };

struct peer {
    bool known;
    union address udp;
    union address tcp;
};

struct link_change {
    node_id peer;
    bool up;
    enum link_reason reason;
};

enum node_phase {
    NODE_WAITING, /* For its configuration. */
    NODE_READY,   /* Recovered; waits for the addresses of the others. */
    NODE_RUNNING,
    NODE_QUITTING, /* Takes nothing any more; what is on its way to the disk gets there. */
};

struct node {
    struct loop loop;
    struct alarm alarm;
    uv_signal_t terminate;
    struct control control;
    struct events events;
    struct ledger *ledger;
    struct clock clock;
    nsec latest; /* Time never goes back, whatever the pace is told. */

    enum node_phase phase;
    node_id self;
    uint32_t boot;
    char name[64];
    struct host *host;
    bool begun; /* The start event is told. */

    bool sealed; /* What it sends to other nodes. */
    struct datagrams datagrams;
    struct udp udp;
    struct streams streams;
    struct filter filter;
    struct peer *peers; /* By number. */
    uint32_t n_peers;
    struct link_change *changes; /* That the host was not told yet. */
    uint32_t n_changes;
    uint32_t changes_cap;

    struct disk_posix *disk; /* NULL: no protocol here keeps a log. */
    struct logs logs;
    bool serves; /* The client port is open, for this instance: */
    uint32_t client_instance;
    struct clients clients;
    struct buf scratch;
};

struct moment node_moment(struct node *n);

/* Tells why on stderr and in the last event, and ends the process. */
_Noreturn void node_fail(struct node *n, int code, const char *why);
void node_warn(const struct node *n, const char *why);
void node_quit(struct node *n);

/* birth.c: the configuration, up to Ready. */
void node_configure(struct node *n, const Orrery__NodeConfig *config);
/* world.c: what the host and the parts ask of each other. */
extern const struct host_io node_host_io;
void node_open_parts(struct node *n, const Orrery__NodeConfig *config);
void node_start_parts(struct node *n);
bool node_flush_parts(struct node *n);
nsec node_deadline(const struct node *n);
void node_due(struct node *n);
/* commands.c: what the agent says. */
void node_command(void *ctx, const Orrery__ToNode *message);
void node_members(struct node *n, const Orrery__Members *members);

#endif
