/* The agents of other hosts or containers that have called this observer, and the seats that they
 * give to nodes. One pool serves all runs of an observer; it outlives them. */
#ifndef ORRERY_AGENT_POOL_H
#define ORRERY_AGENT_POOL_H

#include "agent/link.h"
#include "agent/offset.h"

#include "agent.pb-c.h"

enum {
    /* An observer listens at the first free one of so many ports, and an agent calls all of them:
     * so several observers of one machine find the same agents. */
    AGENT_PORTS = 4,
    AGENT_PORT = 7500,
    ADDRESS_ROOM = 64,
    DISK_ID = 16,
    AGENTS_MAX = 4096,
};

struct pool;
struct cluster_node;
struct life;
struct seat;

/* What the observer holds of a life at a seat (remote.c). */
struct remote {
    uint64_t number;
    struct remote *next; /* Of the same caller. */
    struct life *life;
    struct seat *seat;
    int64_t shift; /* From our clock to the one that its events are stamped by. */
    uint64_t lost; /* Events that did not fit its ring. */
    enum { REMOTE_BEGINNING, REMOTE_ALIVE, REMOTE_ENDED } phase;
};

/* An agent's disk is what makes it the same one, however often it calls. */
struct seat {
    struct pool *pool;
    uint8_t disk[DISK_ID];
    char host[ADDRESS_ROOM];
    char address[ADDRESS_ROOM];
    struct caller *caller; /* NULL: it is not there now. */
    bool one_clock;        /* It reads the very clock that we do. */
    uint64_t clock;        /* Else which: agents of one machine have the same. */
    struct offset offset;
    int64_t wall_offset_ns; /* The same, if both wall clocks were right. */
    uint32_t nodes;         /* That have it, of all runs. */
    uint64_t seen_ns;       /* By its own clock; see Events in agent.proto. */
    uint64_t heard_ns;      /* By ours: when it said so. */
};

struct cluster_key {
    bool given;
    uint8_t key[SEAL_KEY];
};

struct pool_options {
    const char *where; /* ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT to listen at. */
    struct cluster_key key;
    bool raw_clocks; /* Offsets are shown and not used: what wall clocks say is believed. */
};

/* NULL and a sentence. */
struct pool *pool_new(uv_loop_t *loop, const struct pool_options *options, char *why,
                      size_t why_size);
void pool_close(struct pool *p, void (*closed)(void *ctx), void *ctx); /* NULL: nobody to tell. */
void pool_free(struct pool *p);                                        /* Once it is closed. */

const char *pool_where(const struct pool *p); /* "0.0.0.0:7500" */
const struct cluster_key *pool_key(const struct pool *p);
/* A seat for each of `n` nodes, spread evenly over agents that are there, the least laden first. 1:
 * given; 0: better to wait for more agents, or ERROR_NOT_FOUND: none comes. `since_ns` is when the
 * cluster began to wait. */
int pool_seats(struct pool *p, uint32_t n, uint64_t since_ns, struct seat **seats);
void pool_leave(struct seat *seat);
/* Where a node is, and how its clock stands to ours. */
void seat_tell(const struct seat *seat, struct cluster_node *into);
void pool_forget(struct pool *p, const char *run); /* Its disks may go. */
/* What to add to an instant of our clock for one of its; 0 where clocks are one. */
int64_t seat_shift(const struct seat *seat);
/* How far a life that lives with this shift is off, at most. False: clocks are one, or it was not
 * measured yet. */
bool seat_bound(const struct seat *seat, int64_t shift, uint64_t *bound_ns);
bool seat_raw(const struct seat *seat); /* Its wall clock is believed. */
void seat_say(struct seat *seat, Orrery__ToAgent *message);

/* A life begins there, and is over. */
void seat_enter(struct seat *seat, struct remote *r);
void seat_exit(struct remote *r);
/* What is said of it; either may end it. */
void remote_heard(struct remote *r, const Orrery__FromAgent *message);
void remote_vanished(struct remote *r, const char *why);

#endif
