#include "base/check.h"
#include "runtime/node.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool running(const struct node *n)
{
    return n->phase == NODE_RUNNING;
}

/* What befell messages, as events. */

static void report_drop(struct node *n, node_id from, node_id to, uint64_t event, size_t size,
                        Orrery__DropReason reason)
{
    Orrery__Drop drop = ORRERY__DROP__INIT;
    drop.reason = reason;
    drop.from = from;
    drop.to = to;
    drop.boot = from == n->self ? n->boot : 0;
    drop.event = event;
    drop.size = (uint32_t)size;
    Orrery__Event told = ORRERY__EVENT__INIT;
    told.body_case = ORRERY__EVENT__BODY_DROP;
    told.drop = &drop;
    host_report(n->host, node_moment(n), &told);
}

/* The host is told of links between its steps, never within. */
static void tell_links(struct node *n)
{
    for (uint32_t i = 0; i < n->n_changes; i++) { /* Telling may break others. */
        struct link_change c = n->changes[i];
        if (running(n))
            host_link(n->host, node_moment(n), c.peer, c.up, c.reason);
    }
    n->n_changes = 0;
}

/* Filter: from the host to the sockets. */

static void pass(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event)
{
    struct node *n = ctx;
    if (to >= n->n_peers || !n->peers[to].known)
        report_drop(n, n->self, to, event, frame.len, ORRERY__DROP_REASON__DROP_NO_LINK);
    else if (t == TRANSPORT_DATAGRAM)
        udp_send(&n->udp, to, &n->peers[to].udp, frame, event);
    else
        streams_send(&n->streams, to, &n->peers[to].tcp, frame, event);
}

static void filter_dropped(void *ctx, node_id to, uint64_t event, size_t size,
                           Orrery__DropReason reason)
{
    struct node *n = ctx;
    report_drop(n, n->self, to, event, size, reason);
}

static void filter_held(void *ctx, node_id to, enum transport t, uint64_t event)
{
    struct node *n = ctx;
    Orrery__Held held = ORRERY__HELD__INIT;
    held.to = to;
    held.event = event;
    held.in_order = t == TRANSPORT_STREAM;
    Orrery__Event told = ORRERY__EVENT__INIT;
    told.body_case = ORRERY__EVENT__BODY_HELD;
    told.held = &held;
    host_report(n->host, node_moment(n), &told);
}

static void filter_lost(void *ctx, node_id to, enum link_reason reason)
{
    struct node *n = ctx;
    streams_lose(&n->streams, to, reason);
}

static const struct filter_io filter_io = {pass, filter_dropped, filter_held, filter_lost};

/* Sockets: to the host. */

static void udp_received(void *ctx, struct bytes frame)
{
    struct node *n = ctx;
    if (running(n))
        host_packet(n->host, node_moment(n), TRANSPORT_DATAGRAM, frame);
}

static void udp_unsent(void *ctx, node_id to, uint64_t event, size_t size, int error)
{
    (void)error;
    struct node *n = ctx;
    report_drop(n, n->self, to, event, size, ORRERY__DROP_REASON__DROP_UNSENT);
}

static void udp_refused(void *ctx, node_id from, size_t size)
{
    struct node *n = ctx;
    report_drop(n, from, n->self, 0, size,
                from == NODE_NONE ? ORRERY__DROP_REASON__DROP_STRANGER
                                  : ORRERY__DROP_REASON__DROP_STALE);
}

static const struct udp_io udp_io = {udp_received, udp_refused, udp_unsent};

static nsec streams_now(void *ctx)
{
    return node_moment(ctx).now;
}

static void stream_received(void *ctx, node_id from, struct bytes frame)
{
    (void)from;
    struct node *n = ctx;
    tell_links(n); /* That it is up comes before what it brings. */
    if (running(n))
        host_packet(n->host, node_moment(n), TRANSPORT_STREAM, frame);
}

static void stream_changed(void *ctx, node_id peer, bool up, enum link_reason reason)
{
    struct node *n = ctx;
    if (n->n_changes == n->changes_cap) {
        n->changes_cap = n->changes_cap ? n->changes_cap * 2 : 8;
        n->changes = realloc(n->changes, n->changes_cap * sizeof *n->changes);
        CHECK(n->changes);
    }
    n->changes[n->n_changes++] = (struct link_change){peer, up, reason};
}

static void stream_dropped(void *ctx, node_id from, node_id to, uint64_t event, size_t size,
                           Orrery__DropReason reason)
{
    report_drop(ctx, from, to, event, size, reason);
}

static const struct streams_io streams_io = {streams_now, stream_received, stream_changed,
                                             stream_dropped};

/* Logs. */

static bool logs_wants_written(void *ctx)
{
    struct node *n = ctx;
    return host_wants_written(n->host);
}

static void logs_written(void *ctx, uint32_t instance, uint32_t log, lsn upto)
{
    struct node *n = ctx;
    host_written(n->host, node_moment(n), instance, log, upto);
}

static void logs_durable(void *ctx, uint32_t instance, uint32_t log, lsn upto, nsec took)
{
    struct node *n = ctx;
    host_durable(n->host, node_moment(n), instance, log, upto, took);
}

static void logs_data(void *ctx, uint32_t instance, uint32_t log, uint64_t tag,
                      struct bytes records)
{
    struct node *n = ctx;
    if (running(n))
        host_data(n->host, node_moment(n), instance, log, tag, records);
}

static void logs_failed(void *ctx, const char *why)
{
    node_fail(ctx, 1, why);
}

static const struct logs_io logs_io = {logs_wants_written, logs_written, logs_durable, logs_data,
                                       logs_failed};

/* Clients. */

static void clients_request(void *ctx, client_id client, uint64_t request, struct bytes body)
{
    struct node *n = ctx;
    if (running(n))
        host_request(n->host, node_moment(n), n->client_instance, client, request, body);
}

static void clients_credit(void *ctx, client_id client)
{
    struct node *n = ctx;
    if (running(n))
        host_credit(n->host, node_moment(n), n->client_instance, client);
}

static void clients_disconnect(void *ctx, client_id client)
{
    struct node *n = ctx;
    if (running(n))
        host_disconnect(n->host, node_moment(n), n->client_instance, client);
}

/* The protocol's setting `clients_max`, where it has one. */
static uint32_t clients_limit(void *ctx)
{
    struct node *n = ctx;
    const ProtobufCMessage *settings = host_settings_of(n->host, n->client_instance);
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(settings->descriptor, "clients_max");
    if (!field || field->type != PROTOBUF_C_TYPE_UINT32)
        return CLIENTS_DEFAULT_MAX;
    uint32_t limit;
    memcpy(&limit, (const char *)settings + field->offset, sizeof limit);
    return limit;
}

static const struct clients_io clients_io = {clients_request, clients_credit, clients_disconnect,
                                             clients_limit};

/* The host's world. */

static void host_sends(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event)
{
    struct node *n = ctx;
    filter_send(&n->filter, n->latest, to, t, frame, event);
}

static void host_appends(void *ctx, uint32_t instance, uint32_t log, lsn at, uint8_t type,
                         struct bytes body, struct place *place)
{
    struct node *n = ctx;
    logs_append(&n->logs, instance, log, at, type, body, place);
}

static void host_truncates(void *ctx, uint32_t instance, uint32_t log, lsn at, bool suffix)
{
    struct node *n = ctx;
    logs_truncate(&n->logs, instance, log, at, suffix);
}

static void host_snapshots(void *ctx, uint32_t instance, uint32_t log, lsn at, struct bytes body)
{
    struct node *n = ctx;
    logs_snapshot(&n->logs, instance, log, at, body);
}

static void host_reads(void *ctx, uint32_t instance, uint32_t log, lsn at, uint32_t count,
                       uint64_t tag)
{
    struct node *n = ctx;
    logs_read(&n->logs, instance, log, at, count, tag);
}

static void host_replies(void *ctx, uint32_t instance, client_id client, uint64_t request,
                         const struct body *body, bool more)
{
    struct node *n = ctx;
    if (body->n == 1 && body->slices[0].kind == SLICE_MEMORY) {
        clients_reply(&n->clients, client, request, body->slices[0].memory, more);
        return;
    }
    buf_clear(&n->scratch);
    for (uint32_t i = 0; i < body->n; i++) {
        const struct slice *s = &body->slices[i];
        if (s->kind == SLICE_MEMORY)
            buf_append(&n->scratch, s->memory);
        else
            logs_fetch(&n->logs, instance, s, &n->scratch);
    }
    clients_reply(&n->clients, client, request, buf_bytes(&n->scratch), more);
}

static void host_tells(void *ctx, struct bytes event)
{
    struct node *n = ctx;
    events_write(&n->events, event);
}

/* What earlier steps let out has left by now as far as anybody can tell: let it leave. */
static bool host_halts(void *ctx, const Orrery__Halt *halt)
{
    struct node *n = ctx;
    udp_flush(&n->udp);
    streams_push(&n->streams);
    if (n->serves)
        clients_push(&n->clients);
    bool pause = strcmp(halt->action, "pause") == 0;
    raise(pause ? SIGSTOP : SIGKILL);
    return pause;
}

const struct host_io node_host_io = {
    .send = host_sends,
    .append = host_appends,
    .truncate = host_truncates,
    .snapshot = host_snapshots,
    .read = host_reads,
    .reply = host_replies,
    .event = host_tells,
    .halt = host_halts,
};

static void open_clients(struct node *n, const Orrery__NodeConfig *config)
{
    uint32_t count = host_instances(n->host);
    for (uint32_t i = count; i >= 1; i--) /* The first that has some. */
        if (host_ops(n->host, i)->clients)
            n->client_instance = i;
    if (n->client_instance == 0)
        return;
    n->clients.loop = &n->loop;
    n->clients.io = &clients_io;
    n->clients.ctx = n;
    int error = clients_open(&n->clients, config->address, (uint16_t)config->client_port);
    if (error < 0) {
        char why[WHY_SIZE];
        snprintf(why, sizeof why, "no client port can be opened at %.64s: %s", config->address,
                 strerror(-error));
        node_fail(n, 1, why);
    }
    n->serves = true;
}

void node_open_parts(struct node *n, const Orrery__NodeConfig *config)
{
    logs_init(&n->logs, &n->loop, &logs_io, n);
    filter_init(&n->filter, n->self, config->seed, &filter_io, n);
    n->streams.loop = &n->loop;
    n->streams.self = n->self;
    n->streams.boot = config->boot;
    memcpy(n->streams.secret, config->secret.data, SECRET_SIZE);
    if (config->key.len == SEAL_KEY) {
        n->sealed = n->streams.sealed = true;
        memcpy(n->streams.key, config->key.data, SEAL_KEY);
        datagrams_open(&n->datagrams, config->key.data, n->self, n->boot);
    }
    n->streams.io = &streams_io;
    n->streams.ctx = n;
    int error =
        udp_open(&n->udp, &n->loop, config->address, (uint16_t)config->udp_port, &udp_io, n);
    if (!error)
        error = streams_open(&n->streams, config->address, (uint16_t)config->tcp_port);
    if (error < 0) {
        char why[WHY_SIZE];
        snprintf(why, sizeof why, "no port can be opened at \"%.64s\": %s", config->address,
                 strerror(-error));
        node_fail(n, 1, why);
    }
    n->udp.seal = n->sealed ? &n->datagrams : NULL;
    open_clients(n, config);
}

void node_start_parts(struct node *n)
{
    udp_start(&n->udp);
    streams_start(&n->streams);
    if (n->serves)
        clients_start(&n->clients);
}

/* True when there may be more to do. */
bool node_flush_parts(struct node *n)
{
    logs_flush(&n->logs);
    if (running(n) && events_wants_view(&n->events))
        host_view(n->host, node_moment(n));
    udp_flush(&n->udp);
    streams_flush(&n->streams);
    if (n->serves)
        clients_flush(&n->clients);
    if (n->n_changes == 0)
        return logs_waiting(&n->logs) || n->udp.n_waiting > 0 || n->streams.dirty;
    tell_links(n);
    return true;
}

nsec node_deadline(const struct node *n)
{
    nsec least = host_deadline(n->host);
    nsec filter = filter_deadline(&n->filter);
    nsec streams = streams_deadline(&n->streams);
    if (filter < least)
        least = filter;
    return streams < least ? streams : least;
}

void node_due(struct node *n)
{
    struct moment at = node_moment(n);
    if (host_deadline(n->host) <= at.now)
        host_wake(n->host, at);
    filter_due(&n->filter, at.now);
    streams_due(&n->streams, at.now);
}
