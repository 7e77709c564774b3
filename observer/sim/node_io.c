/* What a host asks of its world. Called after a step has returned, but while the host still works
 * its way through the effects: nothing here calls into it again. */
#include "sim/inner.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

static struct stash *stash_add(struct sim_node *n, struct bytes body)
{
    if (n->n_stash == n->cap_stash) {
        n->cap_stash = n->cap_stash ? 2 * n->cap_stash : 16;
        n->stash = realloc(n->stash, n->cap_stash * sizeof *n->stash);
        if (!n->stash)
            abort();
    }
    struct stash *s = &n->stash[n->n_stash++];
    memset(s, 0, sizeof *s);
    buf_append(&s->bytes, body);
    return s;
}

static void tell(struct sim_node *n, struct bytes event)
{
    struct world *w = n->world;
    w->events++;
    if (w->sink.event)
        w->sink.event(w->sink_ctx, n->id, n->boot, event);
}

static void io_event(void *ctx, struct bytes event)
{
    struct sim_node *n = ctx;
    if (n->stashing)
        stash_add(n, event)->kind = STASH_EVENT;
    else
        tell(n, event);
}

static void io_send(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event)
{
    struct sim_node *n = ctx;
    if (n->stashing) {
        struct stash *s = stash_add(n, frame);
        s->kind = STASH_SEND;
        s->to = to;
        s->transport = t;
        s->event = event;
        return;
    }
    network_send(n, to, t, frame, event);
}

static struct log *log_of(struct sim_node *n, uint32_t instance, uint32_t log)
{
    CHECK(instance >= 1 && instance <= INSTANCES_MAX && log < LOGS_MAX);
    struct log *l = n->logs[instance - 1][log].log;
    CHECK(l);
    return l;
}

/* These three only plan; the job that carries them out starts when the node runs. */
static void io_append(void *ctx, uint32_t instance, uint32_t log, lsn at, uint8_t type,
                      struct bytes body, struct place *place)
{
    log_append(log_of(ctx, instance, log), at, type, body, place);
}

static void io_truncate(void *ctx, uint32_t instance, uint32_t log, lsn at, bool suffix)
{
    struct log *l = log_of(ctx, instance, log);
    if (suffix)
        log_truncate_from(l, at);
    else
        log_truncate_before(l, at);
}

static void io_snapshot(void *ctx, uint32_t instance, uint32_t log, lsn at, struct bytes body)
{
    log_snapshot(log_of(ctx, instance, log), at, body);
}

static void io_read(void *ctx, uint32_t instance, uint32_t log, lsn at, uint32_t count,
                    uint64_t tag)
{
    struct sim_node *n = ctx;
    if (n->stashing) {
        struct stash *s = stash_add(n, bytes_of(NULL, 0));
        s->kind = STASH_READ;
        s->instance = instance;
        s->log = log;
        s->at = at;
        s->count = count;
        s->tag = tag;
        return;
    }
    disks_read(n, instance, log, at, count, tag);
}

static void flatten(struct sim_node *n, uint32_t instance, const struct body *body,
                    struct buf *into)
{
    for (uint32_t i = 0; i < body->n; i++) {
        const struct slice *s = &body->slices[i];
        if (s->kind == SLICE_MEMORY)
            buf_append(into, s->memory);
        else
            CHECK(log_read(log_of(n, instance, s->log), s->at, s->offset, s->len, into) == 0);
    }
}

static void io_reply(void *ctx, uint32_t instance, client_id client, uint64_t request,
                     const struct body *body, bool more)
{
    struct sim_node *n = ctx;
    struct buf flat = {0};
    flatten(n, instance, body, &flat);
    if (n->stashing) {
        struct stash *s = stash_add(n, buf_bytes(&flat));
        s->kind = STASH_REPLY;
        s->client = client;
        s->request = request;
        s->more = more;
    } else {
        clients_reply(n, client, request, buf_bytes(&flat), more);
    }
    buf_free(&flat);
}

/* From here to the end of the step nothing leaves. The node ends when the host has returned; or it
 * pauses, and what it still does in this step happens when it resumes. */
static bool io_halt(void *ctx, const Orrery__Halt *halt)
{
    struct sim_node *n = ctx;
    struct faults *faults = &n->world->faults;
    const struct fault_break *b = faults_broke(faults, n->id, halt->breakpoint);
    CHECK(b);
    Orrery__Action then = b->what.then;
    struct ending doom = {
        .signal = 9,
        .power = then == ORRERY__ACTION__ACTION_POWER,
        .lose = b->what.lose,
        .because = b->because,
    };
    faults_unbreak(faults, n->id, halt->breakpoint); /* It holds once. */
    if (then == ORRERY__ACTION__ACTION_PAUSE) {
        n->stashing = true;
        node_pause(n);
        return true;
    }
    n->doomed = true;
    n->doom = doom;
    return false;
}

const struct host_io node_io = {
    .send = io_send,
    .append = io_append,
    .truncate = io_truncate,
    .snapshot = io_snapshot,
    .read = io_read,
    .reply = io_reply,
    .event = io_event,
    .halt = io_halt,
};

void node_unstash(struct sim_node *n)
{
    n->stashing = false;
    struct stash *all = n->stash;
    uint32_t count = n->n_stash;
    n->stash = NULL;
    n->n_stash = n->cap_stash = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct stash *s = &all[i];
        struct bytes body = buf_bytes(&s->bytes);
        switch (s->kind) {
        case STASH_EVENT:
            tell(n, body);
            break;
        case STASH_SEND:
            network_send(n, s->to, s->transport, body, s->event);
            break;
        case STASH_REPLY:
            clients_reply(n, s->client, s->request, body, s->more);
            break;
        case STASH_READ:
            disks_read(n, s->instance, s->log, s->at, s->count, s->tag);
            break;
        }
        buf_free(&s->bytes);
    }
    free(all);
}

void node_stash_free(struct sim_node *n)
{
    for (uint32_t i = 0; i < n->n_stash; i++)
        buf_free(&n->stash[i].bytes);
    free(n->stash);
    n->stash = NULL;
    n->n_stash = n->cap_stash = 0;
    n->stashing = false;
}
