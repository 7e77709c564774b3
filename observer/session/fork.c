#include "session/fork.h"

#include "session/house_inside.h"
#include "session/past.h"
#include "session/recordings.h"

#include "base/must.h"
#include "cluster/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fork {
    struct past *past;
    struct house_run *of; /* A run that is on; NULL: it is, or was, a recording: */
    struct timeline *timeline;
    struct timeline_view *view;
    struct buf line;
};

/* What is forked, as it stands. */
struct origin {
    struct timeline *timeline;
    struct timeline_view *view;
    uint64_t now_ns;
    char recording[RECORDING_NAME_MAX];
};

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool of_run(struct fork *f, struct house *h, const char *name, struct origin *o, char *why,
                   size_t why_size)
{
    f->of = house_find(h, name);
    if (!f->of || !f->of->up) {
        f->of = NULL;
        snprintf(why, why_size, "the run %.60s is not on any more: fork its recording", name);
        return false;
    }
    struct session *s = f->of->session;
    o->timeline = session_timeline(s);
    o->view = session_view(s);
    o->now_ns = cluster_now(session_cluster(s));
    const char *file = file_name(session_recording(s));
    if (recording_name_ok(file))
        snprintf(o->recording, sizeof o->recording, "%s", file);
    return true;
}

static bool of_recording(struct fork *f, const struct house *h, const char *name, const char *path,
                         struct origin *o, char *why, size_t why_size)
{
    char found[PATH_ROOM];
    const char *folder = h ? h->recordings : "";
    if (!path && !recording_path(folder, name, found, sizeof found, why, why_size))
        return false;
    f->timeline = timeline_open(path ? path : found, why, why_size);
    if (!f->timeline)
        return false;
    f->view = timeline_view_new(f->timeline);
    o->timeline = f->timeline;
    o->view = f->view;
    o->now_ns = timeline_view_newest_ns(f->view);
    /* The page finds it again only among those of the state folder. */
    char why_not[200];
    const char *file = path ? file_name(path) : name;
    if (*folder && recording_path(folder, file, found, sizeof found, why_not, sizeof why_not) &&
        (!path || strcmp(found, path) == 0))
        snprintf(o->recording, sizeof o->recording, "%s", file);
    return true;
}

static bool find_end(const Orrery__Fork *fork, const struct origin *o, struct past_end *end,
                     char *why, size_t why_size)
{
    struct entry e;
    *end = (struct past_end){fork->at_ns, 0};
    if (!fork->event)
        return true;
    if (!timeline_get(o->timeline, fork->event, &e)) {
        snprintf(why, why_size, "%s has no e%llu", timeline_info(o->timeline)->name,
                 (unsigned long long)fork->event);
        return false;
    }
    end->ns = e.head.mono_ns;
    end->event = e.head.body == ORRERY__EVENT__BODY_OPERATOR ? fork->event : 0;
    return true;
}

/* The line that would begin the same. */
static void write_line(struct fork *f, const Orrery__Fork *fork, const struct origin *o)
{
    buf_printf(&f->line, "orrery fork ");
    word_quote(*o->recording ? o->recording : timeline_info(o->timeline)->name, &f->line);
    if (fork->event)
        buf_printf(&f->line, " --at e%llu", (unsigned long long)fork->event);
    else
        buf_printf(&f->line, " --at %.6fs", (double)fork->at_ns / 1e9);
    if (*fork->line) {
        buf_printf(&f->line, " --act ");
        word_quote(fork->line, &f->line);
    }
    buf_append(&f->line, bytes_of("", 1));
}

struct fork *fork_new(struct house *h, const Orrery__Fork *fork, const char *path,
                      struct session_options *options, char *why, size_t why_size)
{
    struct fork *f = must_alloc(1, sizeof *f);
    struct origin o = {0};
    struct past_end end;
    bool found = *fork->run && !path ? of_run(f, h, fork->run, &o, why, why_size)
                                     : of_recording(f, h, fork->recording, path, &o, why, why_size);
    if (found && find_end(fork, &o, &end, why, why_size))
        f->past = past_new(o.view, o.now_ns, o.recording, end, why, why_size);
    if (!f->past) {
        fork_free(f);
        return NULL;
    }
    write_line(f, fork, &o);
    options->past = f->past;
    options->line = (const char *)f->line.base;
    return f;
}

void fork_let_go(struct fork *f, const struct house_run *gone)
{
    if (!f->of || f->of != gone)
        return;
    f->of = NULL;
    past_let_go(f->past);
}

void fork_free(struct fork *f)
{
    past_free(f->past);
    if (f->view)
        timeline_view_free(f->view);
    if (f->timeline)
        timeline_free(f->timeline);
    buf_free(&f->line);
    free(f);
}
