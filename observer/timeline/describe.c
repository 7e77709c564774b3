/* Entries in words. What all protocols share is said in a sentence; what a protocol traces is shown
 * by its schema. Nothing that comes from a node is printed as it is: see text.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/wire.h"
#include "timeline/inside.h"
#include "timeline/text.h"

enum { NAMED_MAX = 4 }; /* Receivers that are named; more are counted. */

struct telling {
    struct timeline *t;
    const struct entry *e;
    const Orrery__Event *event;
    const Orrery__Instance *instance; /* NULL when its start was not seen. */
    const char *lane;
    struct buf *into;
};

static void duration(uint64_t ns, struct buf *into)
{
    double ms = (double)ns / 1e6;
    if (ns < 1000)
        buf_printf(into, "%u ns", (unsigned)ns);
    else if (ms < 10)
        buf_printf(into, "%.2f ms", ms);
    else if (ms < 1000)
        buf_printf(into, "%.1f ms", ms);
    else
        buf_printf(into, "%.2f s", ms / 1000);
}

static void bytes_count(uint64_t n, struct buf *into)
{
    buf_printf(into, "%" PRIu64 " byte%s", n, n == 1 ? "" : "s");
}

const Orrery__Instance *timeline_instance(struct timeline *t, const struct entry *e)
{
    const Orrery__Start *start = timeline_start_of(t, e->node, e->boot);
    for (size_t i = 0; start && i < start->n_instances; i++)
        if (start->instances[i]->number == e->head.instance)
            return start->instances[i];
    return NULL;
}

static void log_name(const struct telling *w, uint32_t log)
{
    if (w->instance && log < w->instance->n_logs)
        buf_printf(w->into, "log %s", w->instance->logs[log]);
    else
        buf_printf(w->into, "log %" PRIu32, log);
}

/* "Beat 41": the case of the message, and its first field where that is a number. */
static void message_words(struct timeline *t, const Orrery__Instance *instance, struct bytes body,
                          struct buf *into)
{
    const struct schema_type *type =
        instance ? schema_find(t->schema, instance->message_type) : NULL;
    const char *name = type ? schema_case(type, body) : NULL;
    if (!name) {
        buf_append(into, bytes_str("a message"));
        return;
    }
    buf_append(into, bytes_str(name));
    struct wire_field f;
    struct schema_field outer, inner;
    if (!wire_next(body.base, body.base + body.len, &f) || f.type != WIRE_BYTES)
        return;
    for (uint32_t i = 0; schema_field(type, i, &outer); i++) {
        double value;
        if (outer.number != f.number || !outer.message)
            continue;
        if (schema_field(outer.message, 0, &inner) && !inner.message &&
            schema_number(outer.message, f.bytes, inner.name, &value))
            buf_printf(into, " %.15g", value);
        return;
    }
}

static void own_message(const struct telling *w, const ProtobufCBinaryData *body)
{
    message_words(w->t, w->instance, bytes_of(body->data, body->len), w->into);
}

/* The message that a receive or drop speaks of, as its send has it. */
static void sent_message(const struct telling *w, uint64_t *sent_at)
{
    struct entry sent;
    struct wire_field body;
    *sent_at = 0;
    if (!w->e->cause || !timeline_get(w->t, w->e->cause, &sent) ||
        sent.head.body != ORRERY__EVENT__BODY_SEND) {
        buf_append(w->into, bytes_str("a message"));
        return;
    }
    *sent_at = sent.head.mono_ns;
    bool there = wire_find(sent.head.payload, 4, &body) && body.type == WIRE_BYTES;
    message_words(w->t, timeline_instance(w->t, &sent), there ? body.bytes : bytes_of(NULL, 0),
                  w->into);
}

static void tell_receive(const struct telling *w)
{
    const Orrery__Receive *r = w->event->receive;
    uint64_t sent_at;
    buf_printf(w->into, "%s received ", w->lane);
    struct entry copy = *w->e;
    if (r->body.len > 0) {
        own_message(w, &r->body);
        sent_at = 0;
        struct entry sent;
        if (copy.cause && timeline_get(w->t, copy.cause, &sent))
            sent_at = sent.head.mono_ns;
    } else {
        sent_message(w, &sent_at);
    }
    buf_printf(w->into, " from %s", timeline_lane(w->t, r->from));
    if (!copy.cause) {
        buf_append(w->into, bytes_str(", its sending was not recorded"));
    } else if (sent_at > 0 && sent_at <= copy.head.mono_ns) {
        uint64_t latency = copy.head.mono_ns - sent_at;
        uint64_t bound = timeline_uncertain(w->t, r->from, copy.node, sent_at, latency);
        buf_append(w->into, bytes_str(", "));
        duration(latency, w->into);
        if (bound) {
            buf_append(w->into, bytes_str(" \xc2\xb1"));
            duration(bound, w->into);
        }
        buf_append(w->into, bytes_str(" after it was sent"));
    }
}

static void tell_send(const struct telling *w)
{
    const Orrery__Send *s = w->event->send;
    buf_printf(w->into, "%s sent ", w->lane);
    own_message(w, &s->body);
    buf_append(w->into, bytes_str(" to "));
    if (s->n_to > NAMED_MAX) {
        buf_printf(w->into, "%zu nodes", s->n_to);
        return;
    }
    for (size_t i = 0; i < s->n_to; i++) {
        const char *before = i == 0 ? "" : i + 1 < s->n_to ? ", " : " and ";
        buf_printf(w->into, "%s%s", before, timeline_lane(w->t, s->to[i]));
    }
}

static const char *drop_words(Orrery__DropReason reason)
{
    static const char *const words[] = {
        [ORRERY__DROP_REASON__DROP_CUT] = "the link is cut",
        [ORRERY__DROP_REASON__DROP_LOSS] = "the link loses messages",
        [ORRERY__DROP_REASON__DROP_QUEUE] = "a queue was full",
        [ORRERY__DROP_REASON__DROP_STALE] = "it came from an earlier life of the sender",
        [ORRERY__DROP_REASON__DROP_CRC] = "its checksum was wrong",
        [ORRERY__DROP_REASON__DROP_STRANGER] = "it belongs to another run",
        [ORRERY__DROP_REASON__DROP_MALFORMED] = "it made no sense",
        [ORRERY__DROP_REASON__DROP_NO_LINK] = "there was no connection",
        [ORRERY__DROP_REASON__DROP_UNSENT] = "the socket refused it",
    };
    return (size_t)reason < sizeof words / sizeof words[0] && words[reason] ? words[reason]
                                                                            : "unknown reason";
}

static void tell_drop(const struct telling *w)
{
    const Orrery__Drop *d = w->event->drop;
    uint64_t sent_at;
    buf_printf(w->into, "%s: ", w->lane);
    sent_message(w, &sent_at);
    if (d->from)
        buf_printf(w->into, " from %s", timeline_lane(w->t, d->from));
    if (d->to)
        buf_printf(w->into, " to %s", timeline_lane(w->t, d->to));
    buf_printf(w->into, " was dropped: %s", drop_words(d->reason));
}

static void tell_move(const struct telling *w)
{
    const Orrery__Move *m = w->event->move;
    const Orrery__Machine *machine = w->instance && m->machine < w->instance->n_machines
                                         ? w->instance->machines[m->machine]
                                         : NULL;
    buf_printf(w->into, "%s: ", w->lane);
    if (machine)
        buf_append(w->into, bytes_str(machine->name));
    else
        buf_printf(w->into, "machine %" PRIu32, m->machine);
    if (m->of && machine && strcmp(machine->name, "peer") == 0)
        buf_printf(w->into, " %s", timeline_lane(w->t, m->of));
    else if (m->of)
        buf_printf(w->into, " %" PRIu32, m->of);
    if (machine && m->from < machine->n_states && m->to < machine->n_states)
        buf_printf(w->into, " %s -> %s", machine->states[m->from], machine->states[m->to]);
    else
        buf_printf(w->into, " state %" PRIu32 " -> %" PRIu32, m->from, m->to);
}

static void tell_trace(const struct telling *w)
{
    const Orrery__Trace *trace = w->event->trace;
    const struct schema_type *type = timeline_trace_type(w->t, w->e);
    struct bytes body = bytes_of(trace->body.data, trace->body.len);
    buf_printf(w->into, "%s: ", w->lane);
    if (type) {
        buf_printf(w->into, "%s ", schema_name(type));
        schema_text(type, body, w->into);
    } else {
        buf_printf(w->into, "trace of type %" PRIu32 ", ", trace->type);
        bytes_count(body.len, w->into);
    }
}

const struct schema_type *timeline_trace_type(struct timeline *t, const struct entry *e)
{
    const Orrery__Start *start = timeline_start_of(t, e->node, e->boot);
    if (!start || e->head.body != ORRERY__EVENT__BODY_TRACE || e->head.kind == 0 ||
        e->head.kind > start->n_types)
        return NULL;
    return schema_find(t->schema, start->types[e->head.kind - 1]);
}

const struct schema_type *timeline_message_type(struct timeline *t, const struct entry *e)
{
    const Orrery__Instance *instance = timeline_instance(t, e);
    return instance ? schema_find(t->schema, instance->message_type) : NULL;
}

const struct schema_type *timeline_view_type(struct timeline *t, const struct entry *e)
{
    const Orrery__Instance *instance = timeline_instance(t, e);
    return instance ? schema_find(t->schema, instance->view_type) : NULL;
}

static void tell_exit(const struct telling *w)
{
    const Orrery__Exit *x = w->event->exit;
    const char *name = timeline_lane(w->t, x->node);
    const char *signal = x->signal > 0 ? sigabbrev_np(x->signal) : NULL;
    if (x->unseen) {
        const char *why = x->n_words ? x->words[x->n_words - 1] : "its agent is gone";
        buf_printf(w->into, "%s is out of reach: %s", name, why);
        return;
    }
    if (signal)
        buf_printf(w->into, "%s exited: SIG%s", name, signal);
    else if (x->signal > 0)
        buf_printf(w->into, "%s exited: signal %" PRId32, name, x->signal);
    else
        buf_printf(w->into, "%s exited with code %" PRId32, name, x->code);
    buf_append(w->into, bytes_str(x->because ? ", asked by you" : ", and nobody asked it to"));
    if (x->lost_bytes > 0) {
        buf_append(w->into, bytes_str("; "));
        bytes_count(x->lost_bytes, w->into);
        buf_append(w->into, bytes_str(" that were not synced are gone"));
    }
    if (x->n_words > 0) {
        buf_append(w->into, bytes_str(": "));
        text_put(bytes_str(x->words[x->n_words - 1]), w->into);
    }
}

static void tell_spawn(const struct telling *w)
{
    const Orrery__Spawn *s = w->event->spawn;
    buf_printf(w->into, "%s was started", timeline_lane(w->t, s->node));
    if (s->pid > 0)
        buf_printf(w->into, " as process %" PRId32, s->pid);
    if (s->boot > 1)
        buf_printf(w->into, ", life %" PRIu32, s->boot);
}

static void tell_start(const struct telling *w)
{
    const Orrery__Start *s = w->event->start;
    buf_printf(w->into, "%s began", w->lane);
    if (s->boot > 1)
        buf_printf(w->into, " life %" PRIu32, s->boot);
    for (size_t i = 0; i < s->n_instances; i++) {
        buf_append(w->into, bytes_str(i == 0 ? " with " : ", "));
        text_put(bytes_str(s->instances[i]->protocol), w->into);
    }
}

static void tell_recovered(const struct telling *w)
{
    const Orrery__Recovered *r = w->event->recovered;
    if (r->lsn == 0) {
        buf_printf(w->into, "%s has nothing more to read back", w->lane);
        return;
    }
    buf_printf(w->into, "%s read back %s %" PRIu64 " of ", w->lane,
               r->snapshot ? "the snapshot up to record" : "record", r->lsn);
    log_name(w, r->log);
    if (r->last)
        buf_append(w->into, bytes_str(", the last one"));
}

static const char *link_words(Orrery__LinkReason reason)
{
    switch (reason) {
    case ORRERY__LINK_REASON__LINK_REFUSED:
        return "refused";
    case ORRERY__LINK_REASON__LINK_RESET:
        return "reset";
    case ORRERY__LINK_REASON__LINK_SILENT:
        return "silent";
    case ORRERY__LINK_REASON__LINK_CLOSED:
        return "closed";
    default:
        return "down";
    }
}

static void tell_link(const struct telling *w)
{
    const Orrery__LinkChange *l = w->event->link;
    buf_printf(w->into, "%s: connection to %s ", w->lane, timeline_lane(w->t, l->peer));
    if (l->up)
        buf_append(w->into, bytes_str("is up"));
    else if (l->reason == ORRERY__LINK_REASON__LINK_REMOVED)
        buf_append(w->into, bytes_str("is over: it was removed from the cluster"));
    else
        buf_printf(w->into, "is down: %s", link_words(l->reason));
}

static void tell_wake(const struct telling *w)
{
    buf_printf(w->into, "%s woke", w->lane);
    if (w->event->wake->deadline_ns && w->event->wake->deadline_ns <= w->e->head.mono_ns) {
        buf_append(w->into, bytes_str(", "));
        duration(w->e->head.mono_ns - w->event->wake->deadline_ns, w->into);
        buf_append(w->into, bytes_str(" after its deadline"));
    }
}

static void tell_record(const struct telling *w, const char *did, uint32_t log, uint64_t lsn,
                        const char *then)
{
    buf_printf(w->into, "%s %s %" PRIu64 " of ", w->lane, did, lsn);
    log_name(w, log);
    buf_append(w->into, bytes_str(then));
}

static void tell_durable(const struct telling *w)
{
    tell_record(w, "synced up to record", w->event->durable->log, w->event->durable->lsn, "");
    if (w->event->durable->sync_ns) {
        buf_append(w->into, bytes_str(" in "));
        duration(w->event->durable->sync_ns, w->into);
    }
}

static void tell_append(const struct telling *w)
{
    tell_record(w, "appended record", w->event->append->log, w->event->append->lsn, ", ");
    bytes_count(w->event->append->size, w->into);
}

static void tell_request(const struct telling *w)
{
    const Orrery__Request *r = w->event->request;
    buf_printf(w->into, "%s: client %" PRIu64 " asks (request %" PRIu64 "): ", w->lane, r->client,
               r->request);
    if (r->body.len > 0)
        text_put(bytes_of(r->body.data, r->body.len < 80 ? r->body.len : 80), w->into);
    else
        bytes_count(r->size, w->into);
}

static void tell_reply(const struct telling *w)
{
    const Orrery__Reply *r = w->event->reply;
    buf_printf(w->into, "%s answers client %" PRIu64 " (request %" PRIu64 "%s): ", w->lane,
               r->client, r->request, r->more ? ", more follows" : "");
    if (r->body.len > 0)
        text_put(bytes_of(r->body.data, r->body.len < 80 ? r->body.len : 80), w->into);
    else
        bytes_count(r->size, w->into);
}

static void tell_setting(const struct telling *w)
{
    buf_printf(w->into, "%s was set:", w->lane);
    for (size_t i = 0; i < w->event->setting->n_settings; i++) {
        const Orrery__KeyValue *s = w->event->setting->settings[i];
        buf_append(w->into, bytes_str(i == 0 ? " " : ", "));
        text_put(bytes_str(s->key), w->into);
        buf_append(w->into, bytes_str("="));
        text_put(bytes_str(s->value), w->into);
    }
}

static void tell_order(const struct telling *w)
{
    buf_printf(w->into, "%s was told: ", w->lane);
    text_put(bytes_str(w->event->order->verb), w->into);
    for (size_t i = 0; i < w->event->order->n_words; i++) {
        buf_append(w->into, bytes_str(" "));
        text_put(bytes_str(w->event->order->words[i]), w->into);
    }
}

static void tell_violation(const struct telling *w)
{
    const Orrery__Violation *v = w->event->violation;
    buf_printf(w->into, "%s refused what came from %s: ", w->lane,
               v->from ? timeline_lane(w->t, v->from) : "a client");
    text_put(bytes_str(v->why), w->into);
}

static void tell_halt(const struct telling *w)
{
    buf_printf(w->into,
               "%s stopped at breakpoint %" PRIu32 ", before the step's effects left: ", w->lane,
               w->event->halt->breakpoint);
    text_put(bytes_str(w->event->halt->action), w->into);
}

static void tell_hole(const struct telling *w)
{
    const Orrery__Hole *h = w->event->hole;
    buf_printf(w->into, "%" PRIu64 " events of %s are missing: its ring was full",
               h->to - h->from + 1, timeline_lane(w->t, h->node));
}

static void tell_offset(const struct telling *w)
{
    const Orrery__Offset *o = w->event->offset;
    buf_printf(w->into, "the clock of %s is no further off than ", timeline_lane(w->t, o->node));
    duration(o->bound_ns, w->into);
    if (o->raw)
        buf_append(w->into, bytes_str(": its wall clock is believed, as it was asked for"));
}

static void tell_truncate(const struct telling *w)
{
    const Orrery__Truncate *x = w->event->truncate;
    buf_printf(w->into, "%s cut ", w->lane);
    log_name(w, x->log);
    buf_printf(w->into, x->suffix ? " from record %" PRIu64 " on" : " below record %" PRIu64,
               x->lsn);
}

/* Kinds of which little is to be said. */
static void tell_short(const struct telling *w)
{
    const Orrery__Event *v = w->event;
    switch (w->e->head.body) {
    case ORRERY__EVENT__BODY_WRITTEN:
        tell_record(w, "wrote up to record", v->written->log, v->written->lsn, ", not yet synced");
        break;
    case ORRERY__EVENT__BODY_SNAPSHOT:
        tell_record(w, "took a snapshot up to record", v->snapshot->log, v->snapshot->lsn, "");
        break;
    case ORRERY__EVENT__BODY_READ:
        tell_record(w, "asked to read from record", v->read->log, v->read->lsn, "");
        break;
    case ORRERY__EVENT__BODY_DATA:
        buf_printf(w->into, "%s was given what it asked of ", w->lane);
        log_name(w, v->data->log);
        break;
    case ORRERY__EVENT__BODY_CREDIT:
        buf_printf(w->into, "%s: client %" PRIu64 " takes replies again", w->lane,
                   v->credit->client);
        break;
    case ORRERY__EVENT__BODY_DISCONNECT:
        buf_printf(w->into, "%s: client %" PRIu64 " is gone", w->lane, v->disconnect->client);
        break;
    case ORRERY__EVENT__BODY_VIEW:
        buf_printf(w->into, "%s told its whole state, ", w->lane);
        bytes_count(v->view->body.len, w->into);
        break;
    case ORRERY__EVENT__BODY_HELD:
        buf_printf(w->into, "%s holds a message to %s back", w->lane,
                   timeline_lane(w->t, v->held->to));
        break;
    case ORRERY__EVENT__BODY_STOP:
        buf_printf(w->into, "%s ends: ", w->lane);
        text_put(bytes_str(v->stop->why), w->into);
        break;
    case ORRERY__EVENT__BODY_OPERATOR:
        buf_append(w->into, bytes_str("you: "));
        text_put(bytes_str(v->operator_->line), w->into);
        break;
    default:
        buf_printf(w->into, "%s: an event of a kind that this version does not know", w->lane);
        break;
    }
}

static void (*const tellers[])(const struct telling *) = {
    [ORRERY__EVENT__BODY_START] = tell_start,
    [ORRERY__EVENT__BODY_RECOVERED] = tell_recovered,
    [ORRERY__EVENT__BODY_RECEIVE] = tell_receive,
    [ORRERY__EVENT__BODY_LINK] = tell_link,
    [ORRERY__EVENT__BODY_WAKE] = tell_wake,
    [ORRERY__EVENT__BODY_DURABLE] = tell_durable,
    [ORRERY__EVENT__BODY_REQUEST] = tell_request,
    [ORRERY__EVENT__BODY_SETTING] = tell_setting,
    [ORRERY__EVENT__BODY_ORDER] = tell_order,
    [ORRERY__EVENT__BODY_SEND] = tell_send,
    [ORRERY__EVENT__BODY_APPEND] = tell_append,
    [ORRERY__EVENT__BODY_TRUNCATE] = tell_truncate,
    [ORRERY__EVENT__BODY_REPLY] = tell_reply,
    [ORRERY__EVENT__BODY_MOVE] = tell_move,
    [ORRERY__EVENT__BODY_TRACE] = tell_trace,
    [ORRERY__EVENT__BODY_DROP] = tell_drop,
    [ORRERY__EVENT__BODY_VIOLATION] = tell_violation,
    [ORRERY__EVENT__BODY_HALT] = tell_halt,
    [ORRERY__EVENT__BODY_SPAWN] = tell_spawn,
    [ORRERY__EVENT__BODY_EXIT] = tell_exit,
    [ORRERY__EVENT__BODY_HOLE] = tell_hole,
    [ORRERY__EVENT__BODY_OFFSET] = tell_offset,
};

void timeline_describe(struct timeline *t, const struct entry *e, struct buf *into)
{
    Orrery__Event *event = orrery__event__unpack(NULL, e->event.len, e->event.base);
    if (!event || (uint32_t)event->body_case != e->head.body) {
        buf_printf(into, "%s: an event that could not be read", timeline_lane(t, e->node));
    } else {
        struct telling w = {
            .t = t,
            .e = e,
            .event = event,
            .instance = timeline_instance(t, e),
            .lane = timeline_lane(t, e->node),
            .into = into,
        };
        uint32_t body = e->head.body;
        bool special = body < sizeof tellers / sizeof tellers[0] && tellers[body];
        (special ? tellers[body] : tell_short)(&w);
    }
    if (event)
        orrery__event__free_unpacked(event, NULL);
}
