/* Those who look at a run, and what each has asked for: the command line over the run's socket,
 * pages over theirs. The same questions and answers for all. */
#ifndef ORRERY_SESSION_VIEWER_H
#define ORRERY_SESSION_VIEWER_H

#include "session/inside.h"

enum {
    CALLERS_MAX = 64, /* On a run's socket. */
    JOBS_MAX = 8,
    ASK_MAX = 1 << 20,     /* Bytes of one question. */
    QUEUE_MAX = 4 << 20,   /* Bytes that wait for a viewer before it gets no more. */
    BATCH_MAX = 256 << 10, /* Bytes of entries in one answer. */
    BATCHES_A_TICK = 8,
    PATIENCE_MS = 300,
    BEHIND_MAX = 1000000, /* Entries that a follower may be behind before it misses some. */
};

/* A walk over entries that goes on as the viewer takes them. */
struct job {
    uint64_t ask;
    uint64_t at;     /* Next ordinal to look at. */
    uint64_t to;     /* The last; UINT64_MAX: follows. */
    uint64_t left;   /* Entries that may still be given. */
    uint64_t missed; /* Not yet told. */
    bool past_done;  /* It has caught up once: from then on it may fall behind too far. */
    struct filter *filter;
    struct watch *watch;
};

struct log_watch {
    bool on;
    uint64_t ask;
    uint32_t node;
    char *seen;
};

struct life_known {
    uint32_t node;
    uint32_t boot;
};

/* How its answers get to it: over a run's socket, or a page's connection. */
struct viewer_ops {
    void (*send)(void *ctx, struct buf *message); /* A packed Tell; takes the buffer. */
    size_t (*waiting)(void *ctx);                 /* Bytes that it has not taken yet. */
    void (*over)(void *ctx);                      /* The run is over, and the viewer gone. */
};

struct viewer {
    struct session *session;
    struct viewer *next;
    const struct viewer_ops *ops;
    void *ctx;
    struct job jobs[JOBS_MAX];
    size_t n_jobs;
    struct log_watch log;
    struct life_known *lives;
    size_t n_lives;
    size_t n_schemas; /* So many of the timeline's it has, */
    size_t n_clocks;  /* and so many tellings of clocks. */
};

struct viewer *viewer_new(struct session *s, const struct viewer_ops *ops, void *ctx);
void viewer_free(struct viewer *v);

/* The run may be over when this returns: then over() was called, and there is no viewer. */
void viewer_asks(struct viewer *v, const Orrery__Ask *ask);
void viewer_pump(struct viewer *v); /* Gives it more of what it waits for, when it takes it. */

/* Of all viewers of a run. */
void viewers_pump(struct session *s);
void viewers_changed(struct session *s, uint32_t node);
void viewers_over(struct session *s);
bool viewers_know(const struct session *s, const struct viewer *v);

void job_end(struct viewer *v, size_t i);
void viewer_log(struct viewer *v);
void viewer_tell(struct viewer *v, const Orrery__Tell *tell);
void viewer_refuse(struct viewer *v, uint64_t ask, const char *sentence);
void viewer_done(struct viewer *v, uint64_t ask, const char *sentence, uint64_t ordinal);

#endif
