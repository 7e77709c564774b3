#include "session/judging.h"

#include "base/check.h"
#include "base/must.h"
#include "session/judgement.h"
#include "session/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_SIZE = PATH_ROOM + 300 };

struct work {
    struct judging *judging;
    struct work *next;
    char *path;
    bool keep;
    uint64_t ask;
    void (*done)(void *ctx, uint64_t ask, const Orrery__Judgement *found, const char *why);
    void *ctx; /* NULL: nobody waits for it any more. */
    Orrery__Judgement *found;
    char why[WHY_SIZE];
};

struct judging {
    uv_loop_t *loop;
    uv_work_t request;
    struct work *first, *last; /* The first one is under way. */
    size_t waiting;
    atomic_bool stop;
    bool ending;
    void (*over)(void *ctx);
    void *over_ctx;
};

struct judging *judging_new(uv_loop_t *loop)
{
    struct judging *j = must_alloc(1, sizeof *j);
    j->loop = loop;
    atomic_init(&j->stop, false);
    return j;
}

static void work_free(struct work *w)
{
    if (w->found)
        orrery__judgement__free_unpacked(w->found, NULL);
    free(w->path);
    free(w);
}

/* On a thread of its own: everything it touches is its own, but `stop`. */
static void judge(uv_work_t *request)
{
    struct work *w = ((struct judging *)request->data)->first;
    uint64_t entries;
    w->found = w->keep ? judgement_kept(w->path) : NULL;
    if (w->found)
        return;
    struct timeline *t = timeline_open(w->path, w->why, sizeof w->why);
    struct check *c = t ? check_timeline(t, 0, 0, &w->judging->stop, &entries) : NULL;
    if (c)
        w->found = judgement_of(c, entries);
    else if (t)
        snprintf(w->why, sizeof w->why, "the observer is ending");
    if (c && w->keep)
        judgement_keep(w->path, w->found);
    check_free(c);
    timeline_free(t);
}

static void begin(struct judging *j);

static void judged(uv_work_t *request, int status)
{
    struct judging *j = request->data;
    struct work *w = j->first;
    (void)status;
    j->first = w->next;
    j->waiting--;
    if (w->ctx)
        w->done(w->ctx, w->ask, w->found, w->why);
    work_free(w);
    begin(j);
}

static void begin(struct judging *j)
{
    while (j->ending && j->first) {
        struct work *w = j->first;
        j->first = w->next;
        work_free(w);
    }
    if (j->first) {
        j->request.data = j;
        CHECK(uv_queue_work(j->loop, &j->request, judge, judged) == 0);
    } else if (j->ending) {
        j->over(j->over_ctx);
        free(j);
    }
}

bool judging_ask(struct judging *j, const char *path, bool keep, uint64_t ask,
                 void (*done)(void *ctx, uint64_t ask, const Orrery__Judgement *found,
                              const char *why),
                 void *ctx)
{
    if (j->ending || j->waiting == JUDGING_WAITING_MAX)
        return false;
    struct work *w = must_alloc(1, sizeof *w);
    *w = (struct work){
        .judging = j, .path = must_copy(path), .keep = keep, .ask = ask, .done = done, .ctx = ctx};
    bool idle = !j->first;
    if (idle)
        j->first = w;
    else
        j->last->next = w;
    j->last = w;
    j->waiting++;
    if (idle)
        begin(j);
    return true;
}

void judging_forget(struct judging *j, const void *ctx)
{
    for (struct work *w = j->first; w; w = w->next)
        if (w->ctx == ctx)
            w->ctx = NULL;
}

void judging_end(struct judging *j, void (*over)(void *ctx), void *ctx)
{
    bool idle = !j->first;
    j->ending = true;
    j->over = over;
    j->over_ctx = ctx;
    atomic_store(&j->stop, true);
    if (idle)
        begin(j);
}
