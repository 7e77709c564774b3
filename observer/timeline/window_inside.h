/* A window while it is being made ready. Only for view_window.c and view_clients.c. */
#ifndef ORRERY_TIMELINE_WINDOW_INSIDE_H
#define ORRERY_TIMELINE_WINDOW_INSIDE_H

#include "timeline/view_inside.h"

enum { WINDOW_NAMES_MAX = 1024 };

struct asked; /* view_clients.c */

struct message {
    double sent_ns;
    double received_ns;
    double send, receive; /* Ordinals. */
    double client;        /* A connection of the node's client port; 0: it is between nodes. */
    double bound_ns;
    uint32_t from, to, name, fate;
};

struct mark {
    double ns;
    double ordinal;
    double span_ns;
    uint32_t lane, name;
    bool rare;
    char *text;
};

struct lane_bin {
    double ns, count, drops, timed, least_ns, most_ns, sum_ns;
    uint32_t lane, name;
};

struct preparing {
    struct timeline_view *view;
    struct timeline *timeline;
    uint64_t from, to; /* ns, both inside. */
    uint32_t columns;
    size_t messages_max, marks_max, walk_max;
    double sends;         /* About. */
    const uint32_t *only; /* Lanes; none: all. */
    size_t n_only;
    struct message *messages; /* Sent in the span: ascending by the ordinal of their send. */
    size_t n_messages, cap_messages;
    struct message *besides; /* Sent before it, or arrived twice. */
    size_t n_besides, cap_besides;
    size_t under_way;
    struct mark *marks;
    size_t n_marks, cap_marks, n_rare;
    size_t usual_seen, usual_every; /* Of those that are not rare, one in so many is kept. */
    double happened;                /* Marks there would be, if all were kept. */
    struct lane_bin *bins;
    size_t n_bins, cap_bins;
    char *names[WINDOW_NAMES_MAX];
    size_t n_names;
    struct asked *asked; /* Requests that the walk came by. */
};

bool window_asked_for(const struct preparing *p, uint32_t lane);
uint32_t window_name(struct preparing *p, const char *text); /* Its index. */
/* One that has no place among those of the span; valid until the next one. */
struct message *window_beside(struct preparing *p, const struct message *m);

/* view_clients.c: requests and replies, as strokes between the clients' lane and a node's. */
bool clients_look_at(struct preparing *p, const struct entry *e); /* False: it is none of them. */
void clients_settle(struct preparing *p, uint64_t seen_ns);       /* Nothing more comes. */
/* As what of a clients' stroke such events are counted; NULL: of none. `lane` gets whose. */
const char *clients_counted(const Orrery__Start *start, uint32_t body, uint32_t kind,
                            uint32_t *lane);

#endif
