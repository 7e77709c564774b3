/* What a guest asks of the house: which labs, recordings and protocols there are. */
#include "session/house_inside.h"

#include "base/must.h"
#include "session/notebook.h"
#include "session/recordings.h"
#include "sim/catalogue.h"

#include <stdio.h>
#include <string.h>

void guest_tell(struct guest *g, uint64_t ask, Orrery__Tell *t)
{
    struct buf message = {0};
    t->id = ask;
    size_t size = orrery__tell__get_packed_size(t);
    orrery__tell__pack(t, buf_extend(&message, size));
    g->ops->send(g->ctx, &message);
}

void guest_refuse(struct guest *g, uint64_t ask, const char *sentence)
{
    Orrery__Refused refused = ORRERY__REFUSED__INIT;
    Orrery__Tell t = ORRERY__TELL__INIT;
    refused.sentence = (char *)(uintptr_t)sentence;
    t.kind_case = ORRERY__TELL__KIND_REFUSED;
    t.refused = &refused;
    guest_tell(g, ask, &t);
}

void guest_done(struct guest *g, uint64_t ask, const char *sentence)
{
    Orrery__Done d = ORRERY__DONE__INIT;
    Orrery__Tell t = ORRERY__TELL__INIT;
    d.sentence = (char *)(uintptr_t)sentence;
    t.kind_case = ORRERY__TELL__KIND_DONE;
    t.done = &d;
    guest_tell(g, ask, &t);
}

static void ask_labs(struct guest *g, uint64_t ask)
{
    Orrery__Labs none = ORRERY__LABS__INIT;
    const struct house_labs *labs = &g->house->labs;
    Orrery__Labs *all = labs->labs ? labs->labs(labs->ctx) : NULL;
    Orrery__Tell t = ORRERY__TELL__INIT;
    t.kind_case = ORRERY__TELL__KIND_LABS;
    t.labs = all ? all : &none;
    guest_tell(g, ask, &t);
    if (all)
        orrery__labs__free_unpacked(all, NULL);
}

static void ask_notebook(struct guest *g, uint64_t ask)
{
    Orrery__Tell t = ORRERY__TELL__INIT;
    t.kind_case = ORRERY__TELL__KIND_NOTEBOOK;
    t.notebook = notebook_read(g->house->notebook);
    guest_tell(g, ask, &t);
    orrery__notebook__free_unpacked(t.notebook, NULL);
}

static void ask_protocols(struct guest *g, uint64_t ask)
{
    Orrery__Tell t = ORRERY__TELL__INIT;
    t.kind_case = ORRERY__TELL__KIND_PROTOCOLS;
    t.protocols = catalogue_protocols();
    guest_tell(g, ask, &t);
    orrery__protocols__free_unpacked(t.protocols, NULL);
}

static void ask_recordings(struct guest *g, uint64_t ask)
{
    Orrery__Tell t = ORRERY__TELL__INIT;
    t.kind_case = ORRERY__TELL__KIND_RECORDINGS;
    t.recordings = recordings_list(g->house->recordings);
    guest_tell(g, ask, &t);
    orrery__recordings__free_unpacked(t.recordings, NULL);
}

static void ask_recording(struct guest *g, uint64_t ask, const Orrery__RecordingDo *verb)
{
    const char *folder = g->house->recordings;
    char why[400] = "that is nothing that can be done to a recording";
    int status = -1;
    if (verb->verb_case == ORRERY__RECORDING_DO__VERB_RENAME)
        status = recording_rename(folder, verb->name, verb->rename, why, sizeof why);
    else if (verb->verb_case == ORRERY__RECORDING_DO__VERB_REMOVE && verb->remove)
        status = recording_remove(folder, verb->name, why, sizeof why);
    if (status < 0)
        guest_refuse(g, ask, why);
    else
        guest_done(g, ask, "");
}

static void incoming_over(struct guest *g)
{
    if (g->incoming)
        incoming_free(g->incoming);
    g->incoming = NULL;
}

static void ask_part(struct guest *g, uint64_t ask, const Orrery__RecordingPart *part)
{
    char why[400] = "a recording's first part comes first", name[RECORDING_NAME_MAX] = "";
    const struct bytes data = bytes_of(part->bytes.data, part->bytes.len);
    if (part->first) {
        incoming_over(g);
        g->incoming = incoming_new(g->house->recordings, part->name, why, sizeof why);
    }
    bool ok = g->incoming && incoming_part(g->incoming, data, why, sizeof why) == 0 &&
              (!part->last || incoming_end(g->incoming, name, why, sizeof why) == 0);
    if (!ok || part->last)
        incoming_over(g);
    if (ok)
        guest_done(g, ask, name);
    else
        guest_refuse(g, ask, why);
}

static void judged(void *ctx, uint64_t ask, const Orrery__Judgement *found, const char *why)
{
    struct guest *g = ctx;
    Orrery__Tell t = ORRERY__TELL__INIT;
    if (!found) {
        guest_refuse(g, ask, why);
        return;
    }
    t.kind_case = ORRERY__TELL__KIND_JUDGEMENT;
    t.judgement = (Orrery__Judgement *)(uintptr_t)found;
    guest_tell(g, ask, &t);
}

/* Beside a recording of the state folder what is found of it is kept; others' folders are theirs.
 */
static void ask_judge(struct guest *g, uint64_t ask, const char *name)
{
    struct house *h = g->house;
    char why[400] = "no recording is open", path[PATH_ROOM];
    const char *open = g->run && g->run->replay ? g->run->replay : NULL;
    size_t n = strlen(h->recordings);
    if (*name)
        open =
            recording_path(h->recordings, name, path, sizeof path, why, sizeof why) ? path : NULL;
    bool ours = open && strncmp(open, h->recordings, n) == 0 && open[n] == '/';
    if (open && recording_being_written(open)) {
        snprintf(why, sizeof why, "it is still being written: it is judged once its run has ended");
        open = NULL;
    }
    if (!open)
        guest_refuse(g, ask, why);
    else if (!h->judging || !judging_ask(h->judging, open, ours, ask, judged, g))
        guest_refuse(g, ask, "too many recordings wait to be judged: ask again later");
}

bool guest_asks_house(struct guest *g, const Orrery__Ask *ask)
{
    switch (ask->kind_case) {
    case ORRERY__ASK__KIND_LABS:
        ask_labs(g, ask->id);
        return true;
    case ORRERY__ASK__KIND_NOTEBOOK:
        ask_notebook(g, ask->id);
        return true;
    case ORRERY__ASK__KIND_PROTOCOLS:
        ask_protocols(g, ask->id);
        return true;
    case ORRERY__ASK__KIND_RECORDINGS:
        ask_recordings(g, ask->id);
        return true;
    case ORRERY__ASK__KIND_RECORDING:
        ask_recording(g, ask->id, ask->recording);
        return true;
    case ORRERY__ASK__KIND_JUDGE:
        ask_judge(g, ask->id, ask->judge->recording);
        return true;
    case ORRERY__ASK__KIND_PART:
        ask_part(g, ask->id, ask->part);
        return true;
    default:
        return false;
    }
}
