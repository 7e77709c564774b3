/* What the files of a station share. */
#ifndef ORRERY_AGENT_STATION_INSIDE_H
#define ORRERY_AGENT_STATION_INSIDE_H

#include "agent/process.h"
#include "agent/station.h"

struct station;

/* The link to what may listen at one port of the observer. */
struct post {
    struct station *station;
    struct endpoint observer;
    struct link link;
    uv_getaddrinfo_t look_up;
    uv_timer_t retry;
    uint64_t pause_ms;
    bool linked; /* There is a link, up or not. */
    bool welcome;
    char said[128]; /* The last that was told of it. */
    struct lodger *lodgers;
};

/* A life: a process that an observer wanted. */
struct lodger {
    struct process process;
    struct post *post;
    struct lodger *next;
    uint64_t life;
    char run[ADDRESS_ROOM];
    char path[4096];
    bool ended;
    bool closing;
};

struct station {
    uv_loop_t loop;
    struct station_options options;
    char *program; /* Path of orrery-node. */
    uint8_t disk[DISK_ID];
    int disk_lock;
    struct family family;
    struct post posts[AGENT_PORTS];
    uv_timer_t sweep;
    uv_timer_t grace;
    uv_signal_t signals[3];
    bool stopping;
    bool closing;
    struct buf scratch;
    struct buf batch; /* Events, one behind the other. */
};

static inline bool post_is_up(const struct post *p)
{
    return p->linked && p->link.up && p->welcome;
}

/* lodger.c */
void lodger_begin(struct post *p, Orrery__Begin *begin);
void lodger_hear(struct post *p, const Orrery__ToAgent *message);
void lodgers_sweep(struct station *s); /* Tells what is in their rings. */
void lodgers_orphaned(struct post *p); /* The link is gone: they end. */
void lodgers_quit(struct station *s, bool at_once);
bool lodgers_any(const struct station *s);
void lodger_folder(const struct station *s, const char *run, char *into, size_t size);

/* post.c */
void post_open(struct post *p, struct station *s, uint16_t port);
void post_close(struct post *p);
void post_say(struct post *p, Orrery__FromAgent *message);

/* station.c */
void station_look(struct station *s); /* Something ended: perhaps that was the last. */

#endif
