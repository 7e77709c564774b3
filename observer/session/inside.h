/* What the parts of a session share. */
#ifndef ORRERY_SESSION_INSIDE_H
#define ORRERY_SESSION_INSIDE_H

#include "session/session.h"

struct server;
struct viewer;

enum { ACTS_WAITING_MAX = 64 };

/* An act that was done, and whose event has no place on the timeline yet. */
struct act_waiting {
    uint64_t seq; /* On lane 0. */
    struct viewer *viewer;
    uint64_t ask;
    uint64_t since_ns;
    char line[256];
};

enum { BELIEF_STATES_MAX = 8, BELIEF_NODES_MAX = 1 << 16 };

struct believer {    /* What one node holds of the others, as its machine "peer" says. */
    uint8_t *states; /* By node; 0 is the first state, the hope that it begins with. */
    uint32_t n;
};

struct set_values { /* What one node was set to: "KEY=VALUE" each. */
    char **pairs;
    size_t n;
};

struct connected { /* A foreign client: see clients.c. */
    uint32_t node;
    uint32_t boot;
    uint64_t client;
};

struct session {
    uv_loop_t *loop;
    struct session_options options;
    struct paths paths;
    char name[RUN_NAME_MAX];
    char recording[PATH_ROOM];
    char trouble[300]; /* Of the recording, once all ended. */
    char disks[PATH_ROOM];
    char protocol[64];
    uint64_t seed;
    struct timeline *timeline;
    struct cluster *cluster;
    struct server *server;
    struct viewer *viewers;
    struct timeline_view *view;
    int follow;
    uv_timer_t tick;
    uint64_t last_tick_ns; /* Of the machine's clock. */
    uint64_t last_news_ns; /* When viewers were last given what is new. */
    uint64_t simulated_ns;
    bool reliving; /* A fork that has not come to its instant. */
    bool told_ready;
    bool ending;
    bool cluster_done;
    int handles;
    uint32_t next_break;
    struct believer *believers; /* By node. */
    uint32_t n_believers;
    char belief_names[BELIEF_STATES_MAX][24];
    struct set_values *set; /* By node. */
    uint32_t n_set;
    struct connected *clients;
    size_t n_clients;
    bool client_came; /* Since the last tick. */
    struct act_waiting waiting[ACTS_WAITING_MAX];
    size_t n_waiting;
    uint64_t operated_seq;     /* The newest operator's event that has its place, */
    uint64_t operated_ordinal; /* and which. */
};

/* server.c */
bool server_open(struct session *s, const char *name, char *why, size_t why_size, bool *taken);
/* No new ones come; calls closed when those that are there have what is on its way to them. */
void server_close(struct server *v, void (*closed)(void *ctx), void *ctx);

/* beliefs.c */
void beliefs_entry(struct session *s, const struct entry *e);
void beliefs_of(const struct session *s, uint32_t node, Orrery__NodeStatus *into);
void beliefs_forget(struct session *s, uint32_t node);
void beliefs_free(struct session *s);

/* settings.c */
void settings_entry(struct session *s, const struct entry *e);
void settings_of(const struct session *s, uint32_t node, Orrery__NodeStatus *into);
void settings_free(struct session *s);

/* clients.c */
void clients_entry(struct session *s, const struct entry *e);
bool clients_allow(struct session *s, const Orrery__Pace *pace, char *why, size_t why_size);
void clients_tick(struct session *s); /* A client that comes sets the pace to 1. */

/* act.c */
/* What the session does without being asked: `note` is told with the line. */
int act_by_itself(struct session *s, const char *line, const char *note, char *why,
                  size_t why_size);
/* As it was done in the past of a fork. */
void act_again(struct session *s, const Orrery__Operator *done);
void acts_entry(struct session *s, const struct entry *e);
void acts_tick(struct session *s); /* Answers those whose event does not come. */
void act_and_answer(struct session *s, struct viewer *viewer, uint64_t ask, const Orrery__Act *act,
                    char *why, size_t why_size, bool *answered);

/* recorded.c: the cluster of a run that is a recording. */
#define recorded_refusal "this is a recording: it can be looked at, and nothing can be done to it"
struct cluster *recorded_new(struct timeline *t, struct timeline_view *view);

/* status.c */

uint64_t session_machine_ns(void);

#endif
