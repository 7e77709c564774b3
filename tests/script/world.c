#include "world.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "envelope.pb-c.h"
#include "print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t secret[SECRET_SIZE] = "a fake world";

static struct world_node *node_of(void *ctx)
{
    return ctx;
}

struct moment world_moment(const struct world_node *n)
{
    /* The wall clock's origin is far from the other's, so that nobody takes one for the other. */
    const int64_t wall_origin = INT64_C(1000000) * (int64_t)NSEC_PER_S;
    return (struct moment){n->world->now, wall_origin + (int64_t)n->world->now + n->skew_ns};
}

static bool hidden(const struct world *w, const char *kind)
{
    for (size_t i = 0; i < w->n_hidden; i++)
        if (strcmp(w->hidden[i], kind) == 0)
            return true;
    return false;
}

static void on_event(void *ctx, struct bytes event)
{
    struct world *w = node_of(ctx)->world;
    Orrery__Event *e = orrery__event__unpack(NULL, event.len, event.base);
    CHECK(e);
    if (!hidden(w, event_kind(e, w->ops))) {
        buf_printf(w->text, "    n%u %8.1f ms  ", node_of(ctx)->id, (double)e->mono_ns / 1e6);
        print_event(e, w->ops, w->text);
        buf_printf(w->text, "\n");
    }
    orrery__event__free_unpacked(e, NULL);
}

static struct world_message *new_message(struct world *w)
{
    if (w->n_messages == w->cap_messages) {
        w->cap_messages = w->cap_messages ? 2 * w->cap_messages : 64;
        w->messages = realloc(w->messages, w->cap_messages * sizeof w->messages[0]);
        CHECK(w->messages);
    }
    struct world_message *m = &w->messages[w->n_messages++];
    *m = (struct world_message){.sent_at = w->now};
    return m;
}

static void on_send(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event)
{
    (void)event;
    struct world_message *m = new_message(node_of(ctx)->world);
    m->from = node_of(ctx)->id;
    m->to = to;
    m->transport = t;
    buf_append(&m->frame, frame);
}

static void append(struct world_log *l, lsn at, uint8_t type, struct bytes body)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 16;
        l->records = realloc(l->records, l->cap * sizeof l->records[0]);
        CHECK(l->records);
    }
    struct world_record *r = &l->records[l->n++];
    *r = (struct world_record){.at = at, .type = type};
    buf_append(&r->body, body);
}

static void on_append(void *ctx, uint32_t instance, uint32_t log, lsn at, uint8_t type,
                      struct bytes body, struct place *place)
{
    (void)instance;
    append(&node_of(ctx)->logs[log], at, type, body);
    *place = (struct place){0};
}

static void drop_record(struct world_log *l, size_t i)
{
    buf_free(&l->records[i].body);
    memmove(&l->records[i], &l->records[i + 1], (l->n - i - 1) * sizeof l->records[0]);
    l->n--;
}

static void on_truncate(void *ctx, uint32_t instance, uint32_t log, lsn at, bool suffix)
{
    (void)instance;
    struct world_log *l = &node_of(ctx)->logs[log];
    for (size_t i = l->n; i-- > 0;)
        if (suffix ? l->records[i].at >= at : l->records[i].at < at)
            drop_record(l, i);
}

static void on_snapshot(void *ctx, uint32_t instance, uint32_t log, lsn at, struct bytes body)
{
    (void)instance;
    struct world_log *l = &node_of(ctx)->logs[log];
    l->snapshot_at = at;
    l->durable_snapshot = false;
    buf_clear(&l->snapshot);
    buf_append(&l->snapshot, body);
}

static void on_read(void *ctx, uint32_t instance, uint32_t log, lsn at, uint32_t count,
                    uint64_t tag)
{
    (void)ctx, (void)instance, (void)log, (void)at, (void)count, (void)tag;
    /* It is in the events; answers are not played here. */
}

static void on_reply(void *ctx, uint32_t instance, client_id client, uint64_t request,
                     const struct body *body, bool more)
{
    (void)instance;
    struct world_node *n = node_of(ctx);
    struct buf *text = n->world->text;
    buf_printf(text, "    n%u %8.1f ms  c%u gets", n->id, (double)n->world->now / 1e6,
               (unsigned)client);
    buf_printf(text, " %u%s \"", (unsigned)request, more ? " (in part)" : "");
    for (uint32_t i = 0; i < body->n; i++)
        if (body->slices[i].kind == SLICE_MEMORY)
            print_bytes(body->slices[i].memory, text);
        else
            buf_printf(text, "<record %u>", (unsigned)body->slices[i].at);
    buf_printf(text, "\"\n");
}

static bool on_halt(void *ctx, const Orrery__Halt *halt)
{
    (void)ctx, (void)halt;
    return true;
}

static const struct host_io io = {
    .send = on_send,
    .append = on_append,
    .truncate = on_truncate,
    .snapshot = on_snapshot,
    .read = on_read,
    .reply = on_reply,
    .event = on_event,
    .halt = on_halt,
};

static Orrery__Recovered recovered(uint32_t log, lsn at, uint8_t type, const struct buf *body)
{
    Orrery__Recovered e = ORRERY__RECOVERED__INIT;
    e.log = log;
    e.lsn = at;
    e.type = type;
    e.body.data = body->base;
    e.body.len = body->len;
    return e;
}

void world_record(struct world_node *n, uint32_t log, uint8_t type, struct bytes body)
{
    struct world_log *l = &n->logs[log];
    lsn last = l->n > 0 ? l->records[l->n - 1].at : l->snapshot_at;
    append(l, last + 1, type, body);
    l->records[l->n - 1].durable = true;
}

/* What is on disk, oldest first: a snapshot stands for the records up to it. */
static size_t collect(const struct world_node *n, Orrery__Recovered *into)
{
    size_t count = 0;
    for (uint32_t log = 0; log < WORLD_LOGS_MAX; log++) {
        const struct world_log *l = &n->logs[log];
        if (l->snapshot_at && into) {
            into[count] = recovered(log, l->snapshot_at, 0, &l->snapshot);
            into[count].snapshot = true;
        }
        count += l->snapshot_at > 0;
        for (size_t i = 0; i < l->n; i++) {
            const struct world_record *r = &l->records[i];
            if (r->at <= l->snapshot_at)
                continue;
            if (into)
                into[count] = recovered(log, r->at, r->type, &r->body);
            count++;
        }
    }
    return count;
}

static void recover(struct world_node *n)
{
    size_t count = collect(n, NULL);
    Orrery__Recovered *all = calloc(count + 1, sizeof *all);
    CHECK(all);
    (void)collect(n, all);
    for (size_t i = 0; i < count; i++) {
        all[i].last = i + 1 == count;
        host_recover(n->host, world_moment(n), 1, &all[i]);
    }
    free(all);
}

bool world_start(struct world_node *n, uint64_t seed, char *why, size_t why_size)
{
    struct world *w = n->world;
    char name[16];
    (void)snprintf(name, sizeof name, "n%u", n->id);
    struct host_instance instance = {
        .number = 1,
        .ops = w->ops,
        .settings = (const Orrery__KeyValue *const *)w->settings,
        .n_settings = w->n_settings,
        .flaws = (const char *const *)w->flaws,
        .n_flaws = w->n_flaws,
    };
    struct host_config config = {
        .self = n->id,
        .name = name,
        .boot = n->boot + 1,
        .seed = seed,
        .members = w->members,
        .n_members = w->n_nodes,
        .instances = &instance,
        .n_instances = 1,
        .view_every = UINT32_MAX,
    };
    memcpy(config.secret, secret, sizeof secret);
    memset(n->requests, 0, sizeof n->requests);
    n->host = host_new(&config, &io, n, why, why_size);
    if (!n->host)
        return false;
    n->boot++;
    host_begin(n->host, world_moment(n));
    recover(n);
    host_start(n->host, world_moment(n));
    return true;
}

void world_down(struct world_node *n, bool power)
{
    if (n->host)
        host_free(n->host);
    n->host = NULL;
    for (uint32_t log = 0; power && log < WORLD_LOGS_MAX; log++) {
        struct world_log *l = &n->logs[log];
        for (size_t i = l->n; i-- > 0;)
            if (!l->records[i].durable)
                drop_record(l, i);
        if (!l->durable_snapshot)
            l->snapshot_at = 0;
    }
}

static void sync_log(struct world_node *n, uint32_t log)
{
    struct world_log *l = &n->logs[log];
    bool whole = l->durable_snapshot || l->snapshot_at == 0;
    l->durable_snapshot = l->snapshot_at > 0;
    if (l->n == 0 && !whole) /* It replaced all that was there. */
        host_durable(n->host, world_moment(n), 1, log, l->snapshot_at, 0);
    if (l->n == 0 || l->records[l->n - 1].durable)
        return;
    for (size_t i = 0; i < l->n; i++)
        l->records[i].durable = true;
    lsn upto = l->records[l->n - 1].at;
    host_written(n->host, world_moment(n), 1, log, upto);
    host_durable(n->host, world_moment(n), 1, log, upto, 0);
}

/* Each log up to the last record that it has when its turn comes. */
void world_sync(struct world_node *n, const char *only)
{
    const char *const *names = n->world->ops->logs;
    for (uint32_t log = 0; names && names[log] && n->host; log++)
        if (!only || strcmp(only, names[log]) == 0)
            sync_log(n, log);
}

void world_lose(struct world *w, size_t message)
{
    buf_free(&w->messages[message].frame);
    memmove(&w->messages[message], &w->messages[message + 1],
            (w->n_messages - message - 1) * sizeof w->messages[0]);
    w->n_messages--;
}

void world_deliver(struct world *w, size_t message)
{
    struct world_message m = w->messages[message];
    w->messages[message].frame = (struct buf){0};
    world_lose(w, message);
    struct world_node *to = &w->nodes[m.to - 1];
    if (to->host)
        host_packet(to->host, world_moment(to), m.transport, buf_bytes(&m.frame));
    buf_free(&m.frame);
}

/* The next thing that is due: a message (`message` < n_messages) or a node's wake. */
static nsec next_due(const struct world *w, size_t *message, uint32_t *node)
{
    nsec least = NSEC_NEVER;
    *message = w->n_messages;
    *node = 0;
    for (uint32_t i = 0; i < w->n_nodes; i++)
        if (w->nodes[i].host && host_deadline(w->nodes[i].host) < least) {
            least = host_deadline(w->nodes[i].host);
            *node = i;
        }
    for (size_t i = 0; i < w->n_messages; i++)
        if (w->messages[i].sent_at + w->latency < least) {
            least = w->messages[i].sent_at + w->latency;
            *message = i;
        }
    return least;
}

void world_run(struct world *w, nsec until)
{
    for (;;) {
        size_t message;
        uint32_t node;
        nsec at = next_due(w, &message, &node);
        if (at > until)
            break;
        if (at > w->now)
            w->now = at;
        if (message < w->n_messages)
            world_deliver(w, message);
        else
            host_wake(w->nodes[node].host, world_moment(&w->nodes[node]));
        for (uint32_t i = 0; w->autosync && i < w->n_nodes; i++)
            world_sync(&w->nodes[i], NULL);
    }
    if (until > w->now)
        w->now = until;
}

void world_forge(struct world *w, node_id from, node_id to, struct bytes body)
{
    Orrery__Envelope e = ORRERY__ENVELOPE__INIT;
    e.from = from;
    e.to = to;
    e.instance = 1;
    e.boot = w->nodes[from - 1].boot ? w->nodes[from - 1].boot : 1;
    e.secret.data = (uint8_t *)(uintptr_t)secret;
    e.secret.len = sizeof secret;
    e.body.data = (uint8_t *)(uintptr_t)body.base;
    e.body.len = body.len;
    struct world_message *m = new_message(w);
    m->from = from;
    m->to = to;
    size_t size = orrery__envelope__get_packed_size(&e);
    uint8_t *frame = buf_extend(&m->frame, 4 + size);
    (void)orrery__envelope__pack(&e, frame + 4);
    put_u32(frame, crc32c(0, frame + 4, size));
    world_deliver(w, w->n_messages - 1);
}

void world_init(struct world *w, struct buf *text)
{
    *w = (struct world){.latency = NSEC_PER_MS, .text = text};
}

void world_free(struct world *w)
{
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        struct world_node *n = &w->nodes[i];
        world_down(n, false);
        for (uint32_t log = 0; log < WORLD_LOGS_MAX; log++) {
            while (n->logs[log].n)
                drop_record(&n->logs[log], n->logs[log].n - 1);
            free(n->logs[log].records);
            buf_free(&n->logs[log].snapshot);
        }
    }
    while (w->n_messages)
        world_lose(w, w->n_messages - 1);
    free(w->messages);
    for (size_t i = 0; i < w->n_settings; i++) {
        free(w->settings[i]->key);
        free(w->settings[i]->value);
        free(w->settings[i]);
    }
    for (size_t i = 0; i < w->n_flaws; i++)
        free(w->flaws[i]);
    for (size_t i = 0; i < w->n_hidden; i++)
        free(w->hidden[i]);
}
