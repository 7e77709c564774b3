#include "session/batch.h"

#include "base/check.h"
#include "base/must.h"
#include "cluster/units.h"
#include "session/filter.h"
#include "session/watch.h"
#include "timeline/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAUSES_SHOWN = 40, QUERY_MAX = 100000 };

void job_end(struct viewer *v, size_t i)
{
    filter_free(v->jobs[i].filter);
    watch_free(v->jobs[i].watch);
    v->jobs[i] = v->jobs[--v->n_jobs];
}

static void skip_what_is_gone(struct timeline *t, struct job *job)
{
    uint64_t oldest = timeline_oldest(t), newest = timeline_newest(t);
    uint64_t from = job->at;
    if (job->at < oldest)
        job->at = oldest;
    if (job->to == UINT64_MAX && job->past_done && newest - job->at > BEHIND_MAX &&
        newest > job->at)
        job->at = newest - BEHIND_MAX / 10;
    if (job->past_done)
        job->missed += job->at - from;
}

/* One answer of a job. True: there is more to give at once. */
static bool job_step(struct viewer *v, struct job *job)
{
    struct timeline *t = v->session->timeline;
    struct batch batch = {0};
    struct entry e;
    uint32_t looked = 0;
    uint64_t to = job->to == UINT64_MAX ? timeline_newest(t) : job->to;
    skip_what_is_gone(t, job);
    watch_first(v, job, &batch);
    while (job->at <= to && job->left > 0 && batch.fields.len < BATCH_MAX && looked++ < 20000) {
        uint64_t at = job->at++;
        if (!timeline_get(t, at, &e) || !filter_passes(job->filter, &e) ||
            !watch_passes(job->watch, t, &e, &job->missed))
            continue;
        batch_put(v, &batch, &e);
        job->left--;
    }
    bool more = job->at <= to && job->left > 0;
    bool last = !more && job->to != UINT64_MAX;
    if (!more && job->to == UINT64_MAX)
        job->past_done = true;
    if (batch.n > 0 || last || (job->missed && !job->watch)) {
        Orrery__Entries rest = ORRERY__ENTRIES__INIT;
        rest.last = last;
        rest.truncated = last && job->at <= to;
        rest.missed = job->missed;
        job->missed = 0;
        batch_send(v, job->ask, &batch, &rest);
    } else {
        buf_free(&batch.fields);
    }
    return more;
}

void viewer_pump(struct viewer *v)
{
    for (size_t i = 0; i < v->n_jobs;) {
        struct job *job = &v->jobs[i];
        bool more = true;
        for (int k = 0; k < BATCHES_A_TICK && more && v->ops->waiting(v->ctx) < QUEUE_MAX; k++)
            more = job_step(v, job);
        if (!more && job->to != UINT64_MAX)
            job_end(v, i);
        else
            i++;
    }
}

static struct job *new_job(struct viewer *v, uint64_t ask)
{
    if (v->n_jobs == JOBS_MAX) {
        viewer_refuse(v, ask, "too many questions at once");
        return NULL;
    }
    struct job *job = &v->jobs[v->n_jobs++];
    *job = (struct job){.ask = ask, .left = UINT64_MAX};
    return job;
}

/* A new walk over what passes; NULL after it has been refused. */
static struct job *filtered_job(struct viewer *v, uint64_t ask, const char *pattern,
                                const uint32_t *nodes, size_t n_nodes)
{
    char why[300];
    struct filter *filter =
        filter_new(v->session->timeline, pattern, nodes, n_nodes, why, sizeof why);
    if (!filter) {
        viewer_refuse(v, ask, why);
        return NULL;
    }
    struct job *job = new_job(v, ask);
    if (job)
        job->filter = filter;
    else
        filter_free(filter);
    return job;
}

static void ask_query(struct viewer *v, uint64_t ask, const Orrery__Query *query)
{
    struct timeline *t = v->session->timeline;
    struct job *job = filtered_job(v, ask, query->pattern, query->nodes, query->n_nodes);
    if (!job)
        return;
    filter_by_words(job->filter, query->text);
    job->at = query->from ? query->from : timeline_oldest(t);
    job->to = query->to && query->to < timeline_newest(t) ? query->to : timeline_newest(t);
    job->left = query->limit && query->limit < QUERY_MAX ? query->limit : QUERY_MAX;
    viewer_pump(v);
}

static void ask_follow(struct viewer *v, uint64_t ask, const Orrery__Follow *follow)
{
    struct job *job = filtered_job(v, ask, follow->pattern, follow->nodes, follow->n_nodes);
    if (!job)
        return;
    job->at = follow->from ? follow->from : timeline_newest(v->session->timeline) + 1;
    job->to = UINT64_MAX;
    job->past_done = follow->from == 0;
    viewer_pump(v);
}

static void ask_watch(struct viewer *v, uint64_t ask, const Orrery__Watch *asked)
{
    bool glance = asked->to_ns > 0;
    for (size_t i = v->n_jobs; i > 0; i--)
        if (v->jobs[i - 1].watch && glance == (v->jobs[i - 1].to != UINT64_MAX))
            job_end(v, i - 1);
    if (asked->off) {
        viewer_done(v, ask, "nothing is watched any more", 0);
        return;
    }
    struct job *job = new_job(v, ask);
    if (!job)
        return;
    job->watch = watch_new(asked);
    job->at = watch_begin(job->watch, v->session->view, &job->to);
    viewer_pump(v);
}

static void ask_window(struct viewer *v, uint64_t ask, const Orrery__WindowAsk *asked)
{
    Orrery__Tell tell = ORRERY__TELL__INIT;
    tell.id = ask;
    tell.kind_case = ORRERY__TELL__KIND_WINDOW;
    tell.window = timeline_view_window(v->session->view, asked);
    viewer_tell(v, &tell);
    orrery__window__free_unpacked(tell.window, NULL);
}

struct reaches {
    Orrery__Reach *all;
    Orrery__Reach **list;
};

static void put_reaches(struct timeline *t, uint64_t ordinal, struct reaches *r,
                        Orrery__Entries *rest)
{
    struct timeline_cone cone;
    if (!timeline_cone(t, ordinal, &cone))
        return;
    r->all = must_alloc(cone.n + 1, sizeof *r->all);
    r->list = must_alloc(cone.n + 1, sizeof *r->list);
    for (size_t i = 0; i < cone.n; i++) {
        const struct timeline_reach *from = &cone.all[i];
        orrery__reach__init(&r->all[i]);
        r->all[i].node = from->node;
        r->all[i].boot = from->boot;
        r->all[i].past_first = from->past_first;
        r->all[i].past_last = from->past_last;
        r->all[i].past_ns = (double)from->past_ns;
        r->all[i].future_first = from->future_first;
        r->all[i].future_last = from->future_last;
        r->all[i].future_ns = (double)from->future_ns;
        r->list[i] = &r->all[i];
    }
    rest->reaches = r->list;
    rest->n_reaches = cone.n;
    rest->past = cone.past;
    rest->future = cone.future;
    rest->bounded = cone.bounded;
    free(cone.all);
}

/* Of a receive: how far its own clock and its sender's may be off each other, if that matters. */
static uint64_t uncertain(struct timeline *t, const struct entry *e)
{
    struct entry sent;
    uint32_t node = e->node;
    uint64_t ns = e->head.mono_ns;
    if (e->head.body != ORRERY__EVENT__BODY_RECEIVE || !e->cause ||
        !timeline_get(t, e->cause, &sent) || sent.head.mono_ns > ns)
        return 0;
    return timeline_uncertain(t, sent.node, node, sent.head.mono_ns, ns - sent.head.mono_ns);
}

static void ask_show(struct viewer *v, uint64_t ask, const Orrery__Show *show)
{
    struct timeline *t = v->session->timeline;
    struct entry e;
    struct batch batch = {0};
    char why[160];
    if (!timeline_get(t, show->ordinal, &e)) {
        snprintf(why, sizeof why, "there is no e%llu: the timeline has e%llu to e%llu",
                 (unsigned long long)show->ordinal, (unsigned long long)timeline_oldest(t),
                 (unsigned long long)timeline_newest(t));
        viewer_refuse(v, ask, why);
        return;
    }
    batch_put(v, &batch, &e);
    Orrery__Entries rest = ORRERY__ENTRIES__INIT;
    struct reaches reaches = {0};
    rest.bound_ns = (double)uncertain(t, &e);
    rest.last = 1;
    if (show->causes) {
        uint64_t ordinals[CAUSES_SHOWN];
        put_reaches(t, show->ordinal, &reaches, &rest);
        size_t shown = timeline_past(t, show->ordinal, ordinals, CAUSES_SHOWN);
        rest.truncated = rest.past > shown;
        for (size_t i = 0; i < shown; i++)
            if (timeline_get(t, ordinals[i], &e))
                batch_put(v, &batch, &e);
    }
    batch_send(v, ask, &batch, &rest);
    free(reaches.all);
    free(reaches.list);
}

static void ask_status(struct viewer *v, uint64_t ask)
{
    Orrery__Tell tell = ORRERY__TELL__INIT;
    tell.id = ask;
    tell.kind_case = ORRERY__TELL__KIND_STATUS;
    tell.status = session_status(v->session);
    viewer_tell(v, &tell);
    orrery__status__free_unpacked(tell.status, NULL);
}

static void ask_act(struct viewer *v, uint64_t ask, const Orrery__Act *act)
{
    char why[600] = "";
    bool answered;
    act_and_answer(v->session, v, ask, act, why, sizeof why, &answered);
    if (!answered)
        viewer_refuse(v, ask, why);
}

static void tell_lines(struct viewer *v, uint64_t ask, char **lines, size_t n)
{
    Orrery__Log log = ORRERY__LOG__INIT;
    Orrery__Tell tell = ORRERY__TELL__INIT;
    log.lines = lines;
    log.n_lines = n;
    tell.id = ask;
    tell.kind_case = ORRERY__TELL__KIND_LOG;
    tell.log = &log;
    viewer_tell(v, &tell);
}

/* Where what is new begins: behind the longest end of `seen` that `words` begins with. */
static const char *news(const char *seen, const char *words)
{
    for (const char *from = seen; from && *from;) {
        size_t n = strlen(from);
        if (strncmp(from, words, n) == 0 && (words[n] == '\n' || !words[n]))
            return words[n] ? words + n + 1 : words + n;
        from = strchr(from, '\n');
        if (from)
            from++;
    }
    return words;
}

void viewer_log(struct viewer *v)
{
    struct cluster *c = v->session->cluster;
    struct cluster_node n;
    char *lines[64];
    size_t count = 0;
    if (!c->ops->node(c, v->log.node, &n))
        return;
    char *fresh = must_copy(news(v->log.seen, n.words));
    char *rest = fresh;
    for (char *line = strsep(&rest, "\n"); line && count < 64; line = strsep(&rest, "\n"))
        if (*line)
            lines[count++] = line;
    if (count > 0 || !v->log.seen)
        tell_lines(v, v->log.ask, lines, count);
    free(fresh);
    free(v->log.seen);
    v->log.seen = must_copy(n.words);
}

static void ask_log(struct viewer *v, uint64_t ask, const Orrery__LogAsk *log)
{
    struct cluster *c = v->session->cluster;
    struct cluster_node n;
    char why[120];
    if (!c->ops->node(c, log->node, &n)) {
        snprintf(why, sizeof why, "there is no n%u: the cluster has %u nodes", log->node,
                 c->ops->nodes(c));
        viewer_refuse(v, ask, why);
        return;
    }
    free(v->log.seen);
    v->log = (struct log_watch){log->follow, ask, log->node, NULL};
    viewer_log(v);
}

void viewer_asks(struct viewer *v, const Orrery__Ask *ask)
{
    switch (ask->kind_case) {
    case ORRERY__ASK__KIND_ACT:
        ask_act(v, ask->id, ask->act);
        break;
    case ORRERY__ASK__KIND_STATUS:
        ask_status(v, ask->id);
        break;
    case ORRERY__ASK__KIND_QUERY:
        ask_query(v, ask->id, ask->query);
        break;
    case ORRERY__ASK__KIND_FOLLOW:
        ask_follow(v, ask->id, ask->follow);
        break;
    case ORRERY__ASK__KIND_SHOW:
        ask_show(v, ask->id, ask->show);
        break;
    case ORRERY__ASK__KIND_LOG:
        ask_log(v, ask->id, ask->log);
        break;
    case ORRERY__ASK__KIND_WATCH:
        ask_watch(v, ask->id, ask->watch);
        break;
    case ORRERY__ASK__KIND_WINDOW:
        ask_window(v, ask->id, ask->window);
        break;
    case ORRERY__ASK__KIND_END:
        viewer_done(v, ask->id, "the run ends", 0);
        session_end(v->session);
        break;
    default:
        viewer_refuse(v, ask->id,
                      "this run does not know that question: is it of another version?");
    }
}
