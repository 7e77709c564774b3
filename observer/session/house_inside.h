/* What a house and its guests share. Only for house.c and guest.c. */
#ifndef ORRERY_SESSION_HOUSE_INSIDE_H
#define ORRERY_SESSION_HOUSE_INSIDE_H

#include "session/house.h"
#include "session/judging.h"
#include "session/viewer.h"

enum { RUNS_MAX = 8, HOUSE_TICK_MS = 8, ALONE_MS = 60000 };

struct house_run {
    struct house *house;
    struct house_run *next;
    struct session *session;
    Orrery__Open *open;               /* What began it; its strings are the session's. */
    const char *replay;               /* Or the recording that it is. */
    char replay_path[PATH_ROOM];      /* Where a guest asked for one. */
    struct cluster_instance instance; /* Of a sandbox. */
    struct cluster_group group;
    struct buf line;
    void *play;          /* Of the lab engine; NULL. */
    struct fork *fork;   /* NULL: it has no other run's past. */
    const char *fork_of; /* A recording that only who started the observer can name; NULL. */
    bool keep;
    double pace;
    bool no_recording;
    bool up;
    bool ending;
    bool changed;       /* The lab's state, since guests were told. */
    uint64_t alone_ms;  /* Since when, by the loop's clock; 0 when it has guests. */
    char sentence[600]; /* Why it did not come up. */
};

struct house {
    uv_loop_t *loop;
    struct house_labs labs;
    struct pool *agents;
    struct house_run *runs;
    struct guest *guests;
    struct judging *judging;
    uv_timer_t tick;
    char notebook[PATH_ROOM];
    char recordings[PATH_ROOM];
    bool ending;
    bool closed;
    void (*done)(void *ctx);
    void *done_ctx;
};

struct guest {
    struct house *house;
    struct guest *next;
    const struct guest_ops *ops;
    void *ctx;
    struct house_run *run;     /* That it opened last; NULL. */
    struct viewer *viewer;     /* NULL until the run is up. */
    uint64_t open_ask;         /* Number of that question. */
    struct incoming *incoming; /* A recording that it sends; NULL. */
    bool asked;                /* It has not been answered yet. */
};

/* guest.c */
void guests_up(struct house_run *run);
void guests_over(struct house_run *run);                        /* It is gone, or never came up. */
void guests_move(struct house_run *from, struct house_run *to); /* They wait until that is up. */
void guests_tell_lab(struct house_run *run);
bool house_has_guests(const struct house_run *run);

/* guest_ask.c: what it asks of the house, and not of a run. */
void guest_tell(struct guest *g, uint64_t ask, Orrery__Tell *t);
void guest_done(struct guest *g, uint64_t ask, const char *sentence);
bool guest_asks_house(struct guest *g, const Orrery__Ask *ask); /* False: it is about a run. */

/* house.c */
bool house_is_on(const struct house_run *run);
/* One that a guest has opened by that name. */
struct house_run *house_find_recording(struct house *h, const char *name);
void house_leave(struct house_run *run); /* A guest has gone to another one. */

#endif
