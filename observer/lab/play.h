/* A lab that is on: its cluster and timeline (session/), its clients, and the engine over them. */
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
    void (*ready)(void *ctx, bool up, const char *sentence); /* As a session's. */
    void (*changed)(void *ctx, const Orrery__LabState *state);
    void (*noted)(void *ctx, const Orrery__NotebookEntry *entry);
    void (*ended)(void *ctx); /* After lab_play_end(), or a headless run's outcome. */
    void *ctx;
};

/* NULL and a sentence. Settings or flaws that the protocol refuses are told here. */
struct lab_play *lab_play_new(uv_loop_t *loop, const struct lab_play_options *options, char *why,
                              size_t why_size);
void lab_play_end(struct lab_play *p);
void lab_play_free(struct lab_play *p); /* After ended(). */

struct session *lab_play_session(struct lab_play *p);
struct lab_engine *lab_play_engine(struct lab_play *p);

#endif
