/* One run: a cluster, its timeline and recording, and the socket by which others look at it and act
 * on it. Everything on one loop. */
#ifndef ORRERY_SESSION_SESSION_H
#define ORRERY_SESSION_SESSION_H

#include "cluster/cluster.h"
#include "session.pb-c.h"
#include "session/paths.h"
#include "timeline/timeline.h"

#include <uv.h>

struct past;
struct session;
struct timeline_view;

struct session_options {
    /* Of a fork: the past that it has, which also says what its cluster is (past.h). NULL. */
    struct past *past;
    const struct cluster_group *groups;
    size_t n_groups;
    uint64_t seed; /* 0: drawn. */
    Orrery__Level level;
    double pace;
    bool simulated;
    bool rushed; /* Simulated time passes as fast as it can, and not by the clock. */
    const struct cluster_load *load; /* Of simulated clients; NULL: some of their own. */
    bool no_recording;
    const char *replay;    /* A recording to look at, instead of a cluster; NULL. */
    const char *recording; /* A path; NULL: in the state folder, named after the run. */
    const char *disks;     /* A folder for the nodes' disks, which is kept; NULL: for this run. */
    struct pool *agents;   /* That run its nodes (agent/pool.h); NULL: they are here. */
    const char *line;      /* What began it, for the recording. */
    /* Every node is there and the past is lived, or (false) none came up: `sentence` says why, and
     * the run ends. */
    void (*ready)(void *ctx, bool up, const char *sentence);
    /* NULL, or: the run is up and some time has passed, in steps of 1 ms when rushed. May end it.
     */
    void (*ticked)(void *ctx);
    void (*ended)(void *ctx); /* After session_end(): it may be freed. */
    void *ctx;
};

/* NULL and a sentence when it cannot begin. */
struct session *session_new(uv_loop_t *loop, const struct session_options *options, char *why,
                            size_t why_size);
void session_end(struct session *s); /* A second time: at once. */
void session_free(struct session *s);

bool session_is_ending(const struct session *s);

const char *session_name(const struct session *s);
const char *session_recording(const struct session *s); /* Path, or "". */
const char *session_trouble(const struct session *s);   /* Why it stopped before the end; or "". */
const char *session_disks(const struct session *s);
uint64_t session_seed(const struct session *s);
struct timeline *session_timeline(struct session *s);
struct timeline_view *session_view(struct session *s);
struct cluster *session_cluster(struct session *s);

/* Does what a command line says. 0 and the seq of its event on lane 0, or negative and a sentence.
 * `command` may be NULL: then `line` is parsed; it may also say "deliver e1323". */
int session_act(struct session *s, const char *line, const Orrery__Command *command, uint64_t *seq,
                char *why, size_t why_size);
/* Free with orrery__status__free_unpacked(). */
Orrery__Status *session_status(struct session *s);

#endif
