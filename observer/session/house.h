/* The runs of one observer, and the guests that look at them: pages. A run is begun or joined by a
 * guest's Open; labs come in through a table of calls, so that neither needs the other to be built.
 *
 * A run that no guest has open any more ends after a while, so that closed tabs leave nothing
 * behind. */
#ifndef ORRERY_SESSION_HOUSE_H
#define ORRERY_SESSION_HOUSE_H

#include "session/session.h"

struct house;
struct house_run;

/* What the lab engine does for a house. A play is one run of a lab. */
struct house_labs {
    /* The catalogue; freed with orrery__labs__free_unpacked(). */
    Orrery__Labs *(*labs)(void *ctx);
    /* Begins a play: fills in what its cluster is to be (groups, seed, pace, simulated,
     * line). Pace and recording may be filled in already. What that points to lives until end().
     * NULL and a sentence. */
    void *(*begin)(void *ctx, struct house_run *run, const Orrery__Open *open,
                   struct session_options *options, char *why, size_t why_size);
    void (*up)(void *play);   /* The cluster is there: house_session() of its run. */
    void (*tick)(void *play); /* The run is up, and some time has passed. */
    int (*act)(void *play, const Orrery__LabDo *verb, char *why,
               size_t why_size);                  /* 0, or negative. */
    const Orrery__Lab *(*lab)(void *play);        /* These live until the next call, */
    const Orrery__LabState *(*state)(void *play); /* or the end. */
    void (*end)(void *play); /* The cluster is gone, its session not yet: frees the play. Also
                              * called when the cluster never came up. */
    void *ctx;
};

struct house *house_new(uv_loop_t *loop);
void house_use_agents(struct house *h, struct pool *agents);           /* NULL: nodes are here. */
void house_serve_labs(struct house *h, const struct house_labs *labs); /* Copied. */
/* Ends every run, then calls done(ctx); house_free() comes after that. A second time: at once. */
void house_end(struct house *h, void (*done)(void *ctx), void *ctx);
void house_free(struct house *h);

/* What only the one who started the observer can say of a run: a page names no paths. */
struct house_own {
    double pace;           /* 0: native. */
    const char *recording; /* As in session_options. */
    bool no_recording;
    const char *replay; /* A recording to look at, as a run without a cluster; NULL. */
    const char *fork;   /* A recording to be forked, as Open says; NULL: it says of which, too. */
};

/* Begins a run. With `own` it is kept although no guest is there: for `orrery run NAME`. NULL and a
 * sentence. */
struct house_run *house_open(struct house *h, const Orrery__Open *open, const struct house_own *own,
                             char *why, size_t why_size);
/* The same lab once more, on a fresh cluster: the guests of the run are taken along, and told
 * Opened by the number of their Open. 0, or negative and a sentence. */
int house_again(struct house_run *run, char *why, size_t why_size);
/* Also one that is not up yet; none that is ending. */
struct house_run *house_find(struct house *h, const char *name);
struct session *house_session(struct house_run *run);
/* The state of a run's lab has changed: its guests are told at the next tick. */
void house_lab_changed(struct house_run *run);

/* Where what one predicted is kept: see notebook.h. "" when there is no such place. */
const char *house_notebook(const struct house *h);

/* Where the recordings are: see recordings.h. "" when there is no such place. */
const char *house_recordings(const struct house *h);

/* A guest's way to be answered. */
struct guest_ops {
    void (*send)(void *ctx, struct buf *message); /* A packed Tell; takes the buffer. */
    size_t (*waiting)(void *ctx);                 /* Bytes that it has not taken yet. */
};
struct guest;

struct guest *guest_new(struct house *h, const struct guest_ops *ops, void *ctx);
void guest_free(struct guest *g);
/* Answers all but Hail, which is the transport's. */
void guest_asks(struct guest *g, const Orrery__Ask *ask);
void guest_pump(struct guest *g); /* It has taken something: there is room for more. */
/* Answers Hail for one that may come in, and joins it to the run it names. */
void guest_hail(struct guest *g, uint64_t ask, const char *run);
void guest_refuse(struct guest *g, uint64_t ask, const char *sentence);

#endif
