/* Those who look at a run: connections to its socket, and what each has asked for. */
#ifndef ORRERY_SESSION_VIEWER_H
#define ORRERY_SESSION_VIEWER_H

#include "session/inside.h"

enum {
    VIEWERS_MAX = 64,
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

struct viewer {
    struct server *server;
    struct viewer *next;
    uv_pipe_t pipe;
    struct buf in;
    size_t queued;
    bool closing;
    struct job jobs[JOBS_MAX];
    size_t n_jobs;
    struct log_watch log;
    struct life_known *lives;
    size_t n_lives;
    uint64_t *schemas; /* Checksums and lengths of those it has. */
    size_t n_schemas;
};

struct server {
    struct session *session;
    uv_pipe_t listener;
    char path[PATH_ROOM];
    struct viewer *viewers;
    size_t n_viewers;
    int handles;
    bool closing;
    uv_timer_t patience; /* With viewers that do not read, at the end. */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* answers.c */
void viewer_asks(struct viewer *v, const Orrery__Ask *ask);
void viewer_pump(struct viewer *v);
void viewer_log(struct viewer *v);
void job_end(struct viewer *v, size_t i);

/* server.c */
void viewer_tell(struct viewer *v, const Orrery__Tell *tell);
void viewer_send(struct viewer *v, struct buf *frame); /* Takes the buffer. */
void viewer_refuse(struct viewer *v, uint64_t ask, const char *sentence);

#endif
