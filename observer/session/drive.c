#include "session/drive.h"

#include "base/check.h"
#include "base/must.h"
#include "session/session.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOOK_EVERY_MS = 2, START_MS = 20000 };

struct drive {
    uv_loop_t loop;
    uv_timer_t look;
    uv_timer_t limit;
    struct session *session;
    bool told;
    bool up;
    bool ended;
    char sentence[600];
    bool (*reached)(void *ctx);
    void *ctx;
    bool was_reached;
};

static void ready(void *ctx, bool up, const char *sentence)
{
    struct drive *d = ctx;
    d->told = true;
    d->up = up && sentence[0] == 0;
    snprintf(d->sentence, sizeof d->sentence, "%s", sentence);
}

static void ended(void *ctx)
{
    struct drive *d = ctx;
    d->ended = true;
}

static void look(uv_timer_t *timer)
{
    struct drive *d = timer->data;
    if (d->reached && d->reached(d->ctx)) {
        d->was_reached = true;
        uv_stop(&d->loop);
    }
}

static void time_over(uv_timer_t *timer)
{
    struct drive *d = timer->data;
    uv_stop(&d->loop);
}

bool drive_until(struct drive *d, bool (*reached)(void *ctx), void *ctx, uint64_t within_ms)
{
    d->reached = reached;
    d->ctx = ctx;
    d->was_reached = false;
    uv_update_time(&d->loop);
    CHECK(uv_timer_start(&d->look, look, 0, LOOK_EVERY_MS) == 0);
    CHECK(uv_timer_start(&d->limit, time_over, within_ms, 0) == 0);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&d->look);
    uv_timer_stop(&d->limit);
    return d->was_reached;
}

static bool is_told(void *ctx)
{
    return ((struct drive *)ctx)->told;
}

static bool is_ended(void *ctx)
{
    return ((struct drive *)ctx)->ended;
}

struct drive *drive_new(const struct cluster_spec *spec,
                        void (*entry)(void *ctx, const struct entry *e), void *ctx, char *why,
                        size_t why_size)
{
    struct drive *d = must_alloc(1, sizeof *d);
    CHECK(uv_loop_init(&d->loop) == 0);
    CHECK(uv_timer_init(&d->loop, &d->look) == 0);
    CHECK(uv_timer_init(&d->loop, &d->limit) == 0);
    d->look.data = d->limit.data = d;
    const struct session_options options = {
        .groups = spec->groups,
        .n_groups = spec->n_groups,
        .seed = spec->seed,
        .level = spec->level,
        .pace = 1,
        .no_recording = true,
        .ready = ready,
        .ended = ended,
        .ctx = d,
    };
    d->session = session_new(&d->loop, &options, why, why_size);
    if (!d->session) {
        drive_free(d);
        return NULL;
    }
    if (entry)
        timeline_follow(session_timeline(d->session), entry, ctx);
    drive_until(d, is_told, d, START_MS);
    if (!d->up) {
        snprintf(why, why_size, "%s", d->told ? d->sentence : "the nodes did not come up in time");
        drive_free(d);
        return NULL;
    }
    return d;
}

void drive_free(struct drive *d)
{
    if (d->session) {
        session_end(d->session);
        while (!d->ended)
            drive_until(d, is_ended, d, START_MS);
        session_free(d->session);
    }
    uv_close((uv_handle_t *)&d->look, NULL);
    uv_close((uv_handle_t *)&d->limit, NULL);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&d->loop) == 0);
    free(d);
}

struct timeline *drive_timeline(struct drive *d)
{
    return session_timeline(d->session);
}

struct cluster *drive_cluster(struct drive *d)
{
    return session_cluster(d->session);
}

const char *drive_disks(const struct drive *d)
{
    return session_disks(d->session);
}

int drive_act(struct drive *d, const char *line, char *why, size_t why_size)
{
    uint64_t seq;
    return session_act(d->session, line, NULL, &seq, why, why_size);
}
