/* Who looks at the runs of a house. What concerns one run goes to its session's viewer, which is
 * the same for whoever comes over that run's socket. */
#include "session/house_inside.h"

#include "base/check.h"
#include "base/must.h"
#include "session/opened.h"
#include "session/recordings.h"

#include <stdlib.h>

/* --- the run it has open --- */

static void viewer_send(void *ctx, struct buf *message)
{
    struct guest *g = ctx;
    g->ops->send(g->ctx, message);
}

static size_t viewer_waiting(void *ctx)
{
    struct guest *g = ctx;
    return g->ops->waiting(g->ctx);
}

static void viewer_over(void *ctx)
{
    struct guest *g = ctx;
    g->viewer = NULL; /* guests_over() tells of it. */
}

static const struct viewer_ops viewing = {viewer_send, viewer_waiting, viewer_over};

static void tell_lab(struct guest *g)
{
    const struct house_run *run = g->run;
    const Orrery__LabState *state = run->play ? run->house->labs.state(run->play) : NULL;
    if (!state)
        return;
    Orrery__Tell t = ORRERY__TELL__INIT;
    t.kind_case = ORRERY__TELL__KIND_LAB;
    t.lab = (Orrery__LabState *)(uintptr_t)state;
    guest_tell(g, g->open_ask, &t);
}

static void tell_opened(struct guest *g)
{
    struct house_run *run = g->run;
    struct opened opened;
    opened_make(&opened, session_timeline(run->session), run->replay != NULL);
    if (run->play)
        opened.message.lab = (Orrery__Lab *)(uintptr_t)run->house->labs.lab(run->play);
    Orrery__Tell said = ORRERY__TELL__INIT;
    said.kind_case = ORRERY__TELL__KIND_OPENED;
    said.opened = &opened.message;
    guest_tell(g, g->open_ask, &said);
    g->viewer->n_schemas = opened.message.n_schemas;
    opened_free(&opened);
}

static void enter(struct guest *g)
{
    g->viewer = viewer_new(g->run->session, &viewing, g);
    g->asked = false;
    tell_opened(g);
    tell_lab(g);
}

static void leave(struct guest *g)
{
    struct house_run *run = g->run;
    if (g->viewer)
        viewer_free(g->viewer);
    g->viewer = NULL;
    g->run = NULL;
    if (run)
        house_leave(run);
}

bool house_has_guests(const struct house_run *run)
{
    for (const struct guest *g = run->house->guests; g; g = g->next)
        if (g->run == run)
            return true;
    return false;
}

void guests_up(struct house_run *run)
{
    for (struct guest *g = run->house->guests; g; g = g->next)
        if (g->run == run && !g->viewer)
            enter(g);
}

void guests_tell_lab(struct house_run *run)
{
    for (struct guest *g = run->house->guests; g; g = g->next)
        if (g->run == run && g->viewer)
            tell_lab(g);
}

static void tell_ended(struct guest *g, const struct house_run *run)
{
    Orrery__Ended over = ORRERY__ENDED__INIT;
    over.run = (char *)(uintptr_t)session_name(run->session);
    over.recording = (char *)(uintptr_t)session_recording(run->session);
    over.sentence = (char *)(uintptr_t)run->sentence;
    Orrery__Tell t = ORRERY__TELL__INIT;
    t.kind_case = ORRERY__TELL__KIND_ENDED;
    t.ended = &over;
    guest_tell(g, g->open_ask, &t);
}

void guests_over(struct house_run *run)
{
    for (struct guest *g = run->house->guests; g; g = g->next) {
        if (g->run != run)
            continue;
        CHECK(!g->viewer);
        g->run = NULL;
        if (g->asked)
            guest_refuse(g, g->open_ask,
                         *run->sentence ? run->sentence : "the run ended before it was up");
        else
            tell_ended(g, run);
        g->asked = false;
    }
}

void guests_move(struct house_run *from, struct house_run *to)
{
    for (struct guest *g = from->house->guests; g; g = g->next) {
        if (g->run != from)
            continue;
        if (g->viewer)
            viewer_free(g->viewer);
        g->viewer = NULL;
        g->run = to;
        g->asked = true;
    }
}

/* --- what it asks --- */

static void ask_open(struct guest *g, uint64_t ask, const Orrery__Open *open)
{
    char why[600];
    struct house_run *run = *open->run         ? house_find(g->house, open->run)
                            : *open->recording ? house_find_recording(g->house, open->recording)
                                               : NULL;
    if (*open->run && !run) {
        guest_refuse(g, ask, "that run is not on any more");
        return;
    }
    if (!run || run != g->run)
        leave(g);
    if (!run)
        run = house_open(g->house, open, NULL, why, sizeof why);
    if (!run) {
        guest_refuse(g, ask, why);
        return;
    }
    if (g->viewer)
        viewer_free(g->viewer);
    g->viewer = NULL;
    g->run = run;
    g->open_ask = ask;
    g->asked = true;
    if (run->up)
        enter(g);
}

static void ask_lab(struct guest *g, uint64_t ask, const Orrery__LabDo *verb)
{
    char why[600] = "";
    if (!g->viewer || !g->run->play)
        guest_refuse(g, ask, "no lab is open");
    else if (verb->verb_case == ORRERY__LAB_DO__VERB_AGAIN
                 ? house_again(g->run, why, sizeof why) < 0
                 : g->house->labs.act(g->run->play, verb, why, sizeof why) < 0)
        guest_refuse(g, ask, why);
    else
        guest_done(g, ask, why);
}

void guest_hail(struct guest *g, uint64_t ask, const char *name)
{
    Orrery__Hailed hailed = ORRERY__HAILED__INIT;
    Orrery__RunInfo *infos[RUNS_MAX];
    hailed.runs = infos;
    for (struct house_run *run = g->house->runs; run; run = run->next)
        /* One that is only looked at has the name of the run that it was. */
        if (run->up && house_is_on(run) && !run->replay && hailed.n_runs < RUNS_MAX)
            infos[hailed.n_runs++] =
                (Orrery__RunInfo *)(uintptr_t)timeline_info(session_timeline(run->session));
    struct house_run *run = *name ? house_find(g->house, name) : NULL;
    hailed.joined = run && run->up;
    hailed.version = (char *)(uintptr_t)ORRERY_VERSION;
    Orrery__Tell t = ORRERY__TELL__INIT;
    t.kind_case = ORRERY__TELL__KIND_HAILED;
    t.hailed = &hailed;
    guest_tell(g, ask, &t);
    if (!hailed.joined)
        return;
    g->run = run;
    g->open_ask = ask;
    enter(g);
}

void guest_asks(struct guest *g, const Orrery__Ask *ask)
{
    switch (ask->kind_case) {
    case ORRERY__ASK__KIND_OPEN:
        ask_open(g, ask->id, ask->open);
        break;
    case ORRERY__ASK__KIND_LAB:
        ask_lab(g, ask->id, ask->lab);
        break;
    case ORRERY__ASK__KIND_HAIL:
        guest_refuse(g, ask->id, "you are in already");
        break;
    default:
        if (guest_asks_house(g, ask))
            break;
        if (g->viewer)
            viewer_asks(g->viewer, ask);
        else
            guest_refuse(g, ask->id, "no run is open");
        break;
    }
}

void guest_pump(struct guest *g)
{
    if (g->viewer)
        viewer_pump(g->viewer);
}

struct guest *guest_new(struct house *h, const struct guest_ops *ops, void *ctx)
{
    struct guest *g = must_alloc(1, sizeof *g);
    g->house = h;
    g->ops = ops;
    g->ctx = ctx;
    g->next = h->guests;
    h->guests = g;
    return g;
}

void guest_free(struct guest *g)
{
    for (struct guest **at = &g->house->guests; *at; at = &(*at)->next)
        if (*at == g) {
            *at = g->next;
            break;
        }
    if (g->house->judging)
        judging_forget(g->house->judging, g);
    if (g->viewer)
        viewer_free(g->viewer);
    if (g->incoming)
        incoming_free(g->incoming);
    free(g);
}
