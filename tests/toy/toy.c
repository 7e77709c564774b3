#include "toy/toy.h"

#include "base/check.h"
#include "core/envelope.h"
#include "schema_heartbeat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t toy_secret[SECRET_SIZE] = "0123456789abcde";

static struct bytes copied(struct bytes b)
{
    uint8_t *p = malloc(b.len + 1);
    CHECK(p != NULL);
    if (b.len > 0)
        memcpy(p, b.base, b.len);
    return bytes_of(p, b.len);
}

static void on_send(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event)
{
    struct toy *toy = ctx;
    CHECK(toy->n_frames < TOY_MAX);
    toy->frames[toy->n_frames++] = (struct toy_frame){to, t, copied(frame), event};
    if (!toy->report_sends)
        return;
    Orrery__Event report = ORRERY__EVENT__INIT;
    Orrery__Drop drop = ORRERY__DROP__INIT;
    drop.to = to;
    drop.event = event;
    report.body_case = ORRERY__EVENT__BODY_DROP;
    report.drop = &drop;
    host_report(toy->host, toy->now, &report);
}

static void on_append(void *ctx, uint32_t instance, uint32_t log, lsn at, uint8_t type,
                      struct bytes body, struct place *place)
{
    struct toy *toy = ctx;
    (void)type;
    CHECK(toy->n_appends < TOY_MAX);
    toy->appends[toy->n_appends++] = (struct toy_append){instance, log, at, copied(body)};
    place->segment = 1;
    place->offset = toy->offset;
    place->size = (uint32_t)body.len + 21;
    toy->offset += place->size;
}

static void on_truncate(void *ctx, uint32_t instance, uint32_t log, lsn at, bool suffix)
{
    (void)instance, (void)log, (void)at, (void)suffix;
    ((struct toy *)ctx)->n_truncated++;
}

static void on_snapshot(void *ctx, uint32_t instance, uint32_t log, lsn at, struct bytes body)
{
    (void)instance, (void)log, (void)at, (void)body;
    ((struct toy *)ctx)->n_snapshots++;
}

static void on_read(void *ctx, uint32_t instance, uint32_t log, lsn at, uint32_t count,
                    uint64_t tag)
{
    (void)instance, (void)log, (void)at, (void)count, (void)tag;
    ((struct toy *)ctx)->n_reads++;
}

static void on_reply(void *ctx, uint32_t instance, client_id client, uint64_t request,
                     const struct body *body, bool more)
{
    struct toy *toy = ctx;
    (void)instance;
    CHECK(toy->n_replies < TOY_MAX);
    struct bytes b = body->n > 0 ? body->slices[0].memory : bytes_of(NULL, 0);
    toy->replies[toy->n_replies++] = (struct toy_reply){client, request, copied(b), more};
}

static void on_event(void *ctx, struct bytes event)
{
    struct toy *toy = ctx;
    CHECK(toy->n_events < TOY_MAX);
    toy->events[toy->n_events++] = copied(event);
}

static bool on_halt(void *ctx, const Orrery__Halt *halt)
{
    struct toy *toy = ctx;
    (void)halt;
    toy->n_halts++;
    toy->frames_at_halt = toy->n_frames;
    return toy->survives_halt;
}

static const ProtobufCMessageDescriptor *const traces[] = {&heartbeat__gap__descriptor,
                                                           &heartbeat__opinion__descriptor, NULL};

static void init_nothing(void *core, const struct core_config *config)
{
    (void)core;
    (void)config;
}

struct core_ops toy_ops(const char *name, size_t size,
                        void (*step)(void *core, const struct input *in, struct out *out))
{
    return (struct core_ops){
        .name = name,
        .summary = "a toy",
        .size = size,
        .message = &heartbeat__message__descriptor,
        .settings = &heartbeat__settings__descriptor,
        .view_type = &heartbeat__node_view__descriptor,
        .traces = traces,
        .schema = schema_heartbeat,
        .init = init_nothing,
        .step = step,
    };
}

struct toy *toy_new(node_id self, uint32_t boot, const struct core_ops *const *ops, uint32_t n,
                    void (*change)(struct host_config *config))
{
    static const struct host_io io = {on_send, on_append, on_truncate, on_snapshot,
                                      on_read, on_reply,  on_event,    on_halt};
    static const node_id members[TOY_NODES] = {1, 2, 3};
    struct toy *t = calloc(1, sizeof *t);
    CHECK(t != NULL);
    t->now = (struct moment){1000 * NSEC_PER_MS, INT64_C(1700000000) * 1000000000};
    struct host_instance instances[INSTANCES_MAX] = {0};
    for (uint32_t i = 0; i < n; i++) {
        instances[i].number = i + 1;
        instances[i].ops = ops[i];
    }
    struct host_config config = {
        .self = self,
        .name = "n",
        .boot = boot,
        .seed = 7,
        .members = members,
        .n_members = TOY_NODES,
        .instances = instances,
        .n_instances = n,
    };
    memcpy(config.secret, toy_secret, SECRET_SIZE);
    if (change)
        change(&config);
    t->host = host_new(&config, &io, t, t->why, sizeof t->why);
    return t;
}

void toy_free(struct toy *t)
{
    host_free(t->host);
    for (size_t i = 0; i < t->n_frames; i++)
        free((void *)(uintptr_t)t->frames[i].frame.base);
    for (size_t i = 0; i < t->n_appends; i++)
        free((void *)(uintptr_t)t->appends[i].body.base);
    for (size_t i = 0; i < t->n_replies; i++)
        free((void *)(uintptr_t)t->replies[i].body.base);
    for (size_t i = 0; i < t->n_events; i++) {
        free((void *)(uintptr_t)t->events[i].base);
        if (t->unpacked[i])
            orrery__event__free_unpacked(t->unpacked[i], NULL);
    }
    free(t);
}

struct moment toy_tick(struct toy *t)
{
    t->now.now += NSEC_PER_MS;
    t->now.wall_ns += (int64_t)NSEC_PER_MS;
    return t->now;
}

void toy_start(struct toy *t)
{
    host_begin(t->host, toy_tick(t));
    host_start(t->host, toy_tick(t));
}

const Orrery__Event *toy_event(struct toy *t, size_t i)
{
    CHECK(i < t->n_events);
    if (!t->unpacked[i])
        t->unpacked[i] = orrery__event__unpack(NULL, t->events[i].len, t->events[i].base);
    CHECK(t->unpacked[i] != NULL);
    return t->unpacked[i];
}

size_t toy_find(struct toy *t, Orrery__Event__BodyCase kind, size_t nth)
{
    for (size_t i = 0; i < t->n_events; i++)
        if (toy_event(t, i)->body_case == kind && nth-- == 0)
            return i;
    check_failed(__FILE__, __LINE__, "there is such an event");
}

size_t toy_count(struct toy *t, Orrery__Event__BodyCase kind)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_events; i++)
        n += toy_event(t, i)->body_case == kind;
    return n;
}

Heartbeat__Message *toy_message(Heartbeat__Message *m, Heartbeat__Beat *b, uint64_t number)
{
    heartbeat__message__init(m);
    heartbeat__beat__init(b);
    b->number = number;
    m->kind_case = HEARTBEAT__MESSAGE__KIND_BEAT;
    m->beat = b;
    return m;
}

void toy_send(struct out *o, node_id to, uint64_t number, bool now)
{
    Heartbeat__Message m;
    Heartbeat__Beat b;
    toy_message(&m, &b, number);
    if (now)
        out_send_now(o, to, TRANSPORT_DATAGRAM, &m.base);
    else
        out_send(o, to, TRANSPORT_DATAGRAM, &m.base);
}

static uint64_t number_of(const Heartbeat__Message *m)
{
    return m && m->kind_case == HEARTBEAT__MESSAGE__KIND_BEAT ? m->beat->number : 0;
}

uint64_t toy_number(struct out *o, struct bytes body)
{
    return number_of((const Heartbeat__Message *)(const void *)out_unpack(
        o, &heartbeat__message__descriptor, body));
}

uint64_t toy_frame_number(const struct toy_frame *f)
{
    struct envelope e;
    CHECK(envelope_unpack(f->frame, &e) == 0);
    Heartbeat__Message *m = heartbeat__message__unpack(NULL, e.body.len, e.body.base);
    uint64_t number = number_of(m);
    heartbeat__message__free_unpacked(m, NULL);
    return number;
}

static const struct fsm_state puppet_states[] = {
    {"idle", 1u << 1}, {"busy", 1u << 0 | 1u << 2}, {"done", 1u << 0}};
static const struct fsm_table puppet_machine = {"puppet", puppet_states, 3};
static const struct fsm_table *const puppet_machines[] = {&puppet_machine, NULL};
static const char *const puppet_logs[] = {"a", "b", NULL};

static void trace_number(struct out *out, uint64_t number)
{
    Heartbeat__Gap gap = HEARTBEAT__GAP__INIT;
    gap.number = number;
    out_trace(out, &gap.base);
}

static void trace_number_held(struct out *out, uint64_t number)
{
    Heartbeat__Gap gap = HEARTBEAT__GAP__INIT;
    gap.number = number;
    out_trace_held(out, &gap.base);
}

static void send_all(struct out *out, uint64_t number)
{
    static const node_id all[] = {1, 2, 3};
    Heartbeat__Message m;
    Heartbeat__Beat b;
    toy_message(&m, &b, number);
    out_send_many(out, all, 3, TRANSPORT_STREAM, &m.base);
}

static void puppet_log(const char *verb, uint32_t a, uint64_t b, struct out *out)
{
    if (strcmp(verb, "append") == 0)
        (void)out_append(out, a, 7, out_bytes(out, bytes_str("record")));
    else if (strcmp(verb, "after") == 0)
        (void)out_append_after(out, a, (uint32_t)b, 8, out_bytes(out, bytes_str("later")));
    else if (strcmp(verb, "from") == 0)
        out_truncate_from(out, a, b);
    else if (strcmp(verb, "before") == 0)
        out_truncate_before(out, a, b);
    else if (strcmp(verb, "snapshot") == 0)
        out_snapshot(out, a, b, out_bytes(out, bytes_str("all")));
    else if (strcmp(verb, "read") == 0)
        out_read(out, a, 1, 10, 99);
}

static void puppet_do(struct puppet *p, const char *word, const struct input *in, struct out *out)
{
    char verb[16];
    unsigned a = 0;
    unsigned long long b = 0;
    int n = sscanf(word, "%15[a-z-]:%u:%llu", verb, &a, &b);
    CHECK(n >= 1);
    if (strcmp(verb, "send") == 0)
        toy_send(out, a, b, false);
    else if (strcmp(verb, "now") == 0)
        toy_send(out, a, b, true);
    else if (strcmp(verb, "all") == 0)
        send_all(out, a);
    else if (strcmp(verb, "reply") == 0)
        out_reply(out, a, 1, out_bytes(out, bytes_str("ok")));
    else if (strcmp(verb, "reply-now") == 0)
        out_reply_now(out, a, 1, out_bytes(out, bytes_str("ok")));
    else if (strcmp(verb, "move") == 0)
        fsm_move(&p->state, (uint8_t)a, &puppet_machine, 0, out);
    else if (strcmp(verb, "trace") == 0)
        trace_number(out, a);
    else if (strcmp(verb, "trace-held") == 0)
        trace_number_held(out, a);
    else if (strcmp(verb, "random") == 0)
        trace_number(out, out_random(out, UINT64_MAX));
    else if (strcmp(verb, "wake") == 0)
        p->next = in->now + a * NSEC_PER_MS;
    else
        puppet_log(verb, a, b, out);
}

static void puppet_order(struct puppet *p, const struct input *in, struct out *out)
{
    for (uint32_t i = 0; i < in->order.n; i++) {
        char word[64];
        struct bytes w = in->order.words[i];
        CHECK(w.len < sizeof word);
        memcpy(word, w.base, w.len);
        word[w.len] = '\0';
        puppet_do(p, word, in, out);
    }
}

static void puppet_message(struct puppet *p, const struct input *in, struct out *out)
{
    uint64_t number = toy_number(out, in->message.body);
    if (number == 0) {
        out_violation(out, in->message.from, "no number", in->message.body);
        return;
    }
    p->last_message = number;
    if (number > 100)
        toy_send(out, 1, number - 100, true);
}

static void puppet_step(void *core, const struct input *in, struct out *out)
{
    struct puppet *p = core;
    p->inputs[in->kind]++;
    switch ((int)in->kind) {
    case INPUT_START:
        p->next = NSEC_NEVER;
        trace_number(out, out_random(out, 1000));
        break;
    case INPUT_SNAPSHOT:
    case INPUT_RECORD:
        p->records++;
        break;
    case INPUT_WAKE:
        p->next = NSEC_NEVER;
        break;
    case INPUT_MESSAGE:
        puppet_message(p, in, out);
        break;
    case INPUT_DURABLE:
        p->last_durable = in->durable.at;
        trace_number(out, in->durable.at);
        break;
    case INPUT_REQUEST:
        (void)out_append(out, 0, 1, out_bytes(out, in->request.body));
        out_reply(out, in->request.client, in->request.id, out_bytes(out, in->request.body));
        break;
    case INPUT_ORDER:
        puppet_order(p, in, out);
        break;
    default:
        break;
    }
}

static nsec puppet_deadline(const void *core)
{
    return ((const struct puppet *)core)->next;
}

static void puppet_view(const void *core, struct out *out)
{
    Heartbeat__NodeView view = HEARTBEAT__NODE_VIEW__INIT;
    view.beats_sent = ((const struct puppet *)core)->last_message;
    out_view(out, &view.base);
}

struct core_ops toy_puppet(void)
{
    struct core_ops ops = toy_ops("puppet", sizeof(struct puppet), puppet_step);
    ops.logs = puppet_logs;
    ops.machines = puppet_machines;
    ops.deadline = puppet_deadline;
    ops.view = puppet_view;
    ops.clients = true;
    return ops;
}

void toy_order(struct toy *t, uint32_t instance, const char *words)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%s", words);
    const char *list[32];
    size_t n = 0;
    for (char *w = strtok(text, " "); w; w = strtok(NULL, " "))
        list[n++] = w;
    host_order(t->host, toy_tick(t), instance, "do", list, n);
}
