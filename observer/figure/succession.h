/* One cluster whose leader crashes again and again: what is to be done to it, and when, from what
 * its events say. Knows neither clock nor cluster: time comes in, command lines go out. */
#ifndef ORRERY_FIGURE_SUCCESSION_H
#define ORRERY_FIGURE_SUCCESSION_H

#include "base/random.h"
#include "timeline/timeline.h"

enum { SERVERS = 5, SUCCESSION_NODES = SERVERS + 1 };

struct succession {
    uint32_t first; /* Its nodes are this one and those behind it. */
    void (*act)(void *ctx, const char *line);
    void (*took)(void *ctx, struct succession *s, double ms); /* One more trial. */
    void *ctx;
    uint64_t slack;      /* How well time is kept, in ns: "at once" means within ten of these. */
    uint32_t give_up_ms; /* Without a leader. */
    struct random random;
    enum {
        SUCCESSION_IDLE, /* It is only looked at. */
        SUCCESSION_LEADERLESS,
        SUCCESSION_LED,
        SUCCESSION_SETTLING, /* Until logs are alike, and all have heard from the leader. */
        SUCCESSION_DOOMED,   /* The leader has an end set. */
        SUCCESSION_ELECTING,
    } state;
    uint64_t due;    /* Something is to be done then. */
    uint32_t helped; /* How often an election was begun out of turn. */
    uint32_t leader;
    uint32_t crashed;      /* Not yet restarted; 0: none. */
    uint32_t changed;      /* Whose links are not like the others'; 0: nobody's. */
    bool founded;          /* Five are to have votes; */
    bool learner;          /* the sixth is a learner. */
    uint64_t heartbeat_at; /* When the leader sent something last. */
    uint64_t crashed_at;
    uint32_t elected_kind[SUCCESSION_NODES]; /* Each one's trace of Elected: see event_head. */
};

void succession_event(struct succession *s, uint32_t node, const struct event_head *head);
void succession_begin(struct succession *s); /* From here on it acts. */
/* What is due by now is done. `now` and the events' times are of one clock. */
void succession_step(struct succession *s, uint64_t now);

#endif
