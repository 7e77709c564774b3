/* A lab that is on, over a session that somebody else owns: its clients, and the engine. */
#ifndef ORRERY_LAB_PLAY_H
#define ORRERY_LAB_PLAY_H

#include "lab/engine.h"
#include "session/session.h"

struct lab_play;

struct lab_play_options {
    const Orrery__Lab *lab; /* That was linted; borrowed until the end. */
    uint32_t nodes;         /* 0: as the lab says. */
    bool simulated;
    bool headless;               /* Also: simulated time passes as fast as it can. */
    uint64_t seed;               /* 0: the lab's, or drawn. */
    double pace;                 /* 0: 1 */
    const char *const *settings; /* KEY=VALUE, besides the lab's. */
    size_t n_settings;
    const char *const *flaws;
    size_t n_flaws;
    bool no_recording;
    const char *recording; /* NULL: in the state folder. */
    const char *line;
    void (*changed)(void *ctx, const Orrery__LabState *state);
    void (*noted)(void *ctx, const Orrery__NotebookEntry *entry);
    void *ctx;
};

/* Says what the cluster is to be; what that points to lives as long as the play. The callbacks are
 * for whoever owns the session. NULL and a sentence: settings or flaws that the protocol refuses
 * are told here. */
struct lab_play *lab_play_new(const struct lab_play_options *options, struct session_options *into,
                              char *why, size_t why_size);
void lab_play_up(struct lab_play *p, struct session *s); /* The session is ready. */
/* Whenever it says that time has passed. False: a headless run has its outcome. */
bool lab_play_tick(struct lab_play *p);
void lab_play_free(struct lab_play *p); /* Before its session, once that has ended. */

struct lab_engine *lab_play_engine(struct lab_play *p); /* NULL before it is up. */

#endif
