#include "core/rerun.h"

#include "base/check.h"
#include "base/errors.h"
#include "base/must.h"
#include "core/host_internal.h"
#include "core/registry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct rerun {
    struct rerun_life life;
    struct host *host;
    uint64_t at;      /* Events given so far. */
    uint64_t differs; /* The first that is not as recorded; 0: none. */
    nsec now;
};

static struct bytes recorded(const struct rerun *r, uint64_t seq)
{
    return r->life.event(r->life.ctx, seq);
}

static Orrery__Event *unpack(struct bytes b)
{
    return b.base ? orrery__event__unpack(NULL, b.len, b.base) : NULL;
}

static void on_event(void *ctx, struct bytes event)
{
    struct rerun *r = ctx;
    struct bytes was = recorded(r, ++r->at);
    /* A process that was killed did not tell the rest of its last step. */
    if (was.base && !bytes_equal(was, event) && r->differs == 0)
        r->differs = r->at;
}

static void on_append(void *ctx, uint32_t instance, uint32_t log, lsn at, uint8_t type,
                      struct bytes body, struct place *place)
{
    struct rerun *r = ctx;
    (void)instance;
    (void)log;
    (void)at;
    (void)type;
    (void)body;
    *place = (struct place){0, 0, 0};
    Orrery__Event *e = unpack(recorded(r, r->at + 1));
    if (!e)
        return;
    if (e->body_case == ORRERY__EVENT__BODY_APPEND)
        *place = (struct place){e->append->segment, e->append->offset, e->append->size};
    orrery__event__free_unpacked(e, NULL);
}

/* Went on if there is more of this life. */
static bool on_halt(void *ctx, const Orrery__Halt *halt)
{
    struct rerun *r = ctx;
    (void)halt;
    return recorded(r, r->at + 1).base != NULL;
}

static void on_send(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event)
{
    (void)ctx;
    (void)to;
    (void)t;
    (void)frame;
    (void)event;
}

static void on_truncate(void *ctx, uint32_t instance, uint32_t log, lsn at, bool suffix)
{
    (void)ctx;
    (void)instance;
    (void)log;
    (void)at;
    (void)suffix;
}

static void on_snapshot(void *ctx, uint32_t instance, uint32_t log, lsn at, struct bytes body)
{
    (void)ctx;
    (void)instance;
    (void)log;
    (void)at;
    (void)body;
}

static void on_read(void *ctx, uint32_t instance, uint32_t log, lsn at, uint32_t count,
                    uint64_t tag)
{
    (void)ctx;
    (void)instance;
    (void)log;
    (void)at;
    (void)count;
    (void)tag;
}

static void on_reply(void *ctx, uint32_t instance, client_id client, uint64_t request,
                     const struct body *body, bool more)
{
    (void)ctx;
    (void)instance;
    (void)client;
    (void)request;
    (void)body;
    (void)more;
}

static const struct host_io io = {on_send, on_append, on_truncate, on_snapshot,
                                  on_read, on_reply,  on_event,    on_halt};

static const struct core_ops *find_protocol(const struct rerun *r, const char *name)
{
    return r->life.protocol ? r->life.protocol(r->life.ctx, name) : registry_find(name);
}

__attribute__((format(printf, 3, 4))) static bool refuse(char *why, size_t size, const char *format,
                                                         ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, size, format, args);
    va_end(args);
    return false;
}

static bool members_ok(const Orrery__Start *s)
{
    bool self = false;
    for (size_t i = 0; i < s->n_members; i++) {
        if (s->members[i] <= (i == 0 ? 0 : s->members[i - 1]))
            return false;
        self = self || s->members[i] == s->node;
    }
    return self;
}

static bool instances_ok(const struct rerun *r, const Orrery__Start *s,
                         struct host_instance *instances, char *why, size_t why_size)
{
    if (s->n_instances > INSTANCES_MAX)
        return refuse(why, why_size, "the recording's start event names too many instances");
    for (size_t i = 0; i < s->n_instances; i++) {
        const Orrery__Instance *in = s->instances[i];
        const struct core_ops *ops = find_protocol(r, in->protocol);
        if (!ops)
            return refuse(why, why_size, "this version knows no protocol '%.60s'", in->protocol);
        bool twice = in->number == 0;
        for (size_t j = 0; j < i; j++)
            twice = twice || s->instances[j]->number == in->number;
        if (twice)
            return refuse(why, why_size, "the recording's start event misnumbers its instances");
        instances[i] = (struct host_instance){
            .number = in->number,
            .ops = ops,
            .settings = (const Orrery__KeyValue *const *)in->settings,
            .n_settings = in->n_settings,
            .flaws = (const char *const *)in->flaws,
            .n_flaws = in->n_flaws,
        };
    }
    return true;
}

static bool make_host(struct rerun *r, const Orrery__Start *s, char *why, size_t why_size)
{
    struct host_instance instances[INSTANCES_MAX];
    if (s->level != ORRERY__LEVEL__LEVEL_FULL)
        return refuse(why, why_size, "it was not recorded at level full, so it lacks its inputs");
    if (s->boot == 0 || s->node == 0 || !members_ok(s))
        return refuse(why, why_size, "the recording's start event makes no sense");
    if (!instances_ok(r, s, instances, why, why_size))
        return false;
    struct host_config config = {
        .self = s->node,
        .name = s->name,
        .group = s->group,
        .boot = s->boot,
        .seed = s->seed,
        .members = s->members,
        .n_members = (uint32_t)s->n_members,
        .instances = instances,
        .n_instances = (uint32_t)s->n_instances,
        .level = s->level,
    };
    r->host = host_new(&config, &io, r, why, why_size);
    if (!r->host)
        return false;
    r->host->life = &r->life;
    return true;
}

struct rerun *rerun_new(const struct rerun_life *life, char *why, size_t why_size)
{
    struct rerun *r = must_alloc(1, sizeof *r);
    r->life = *life;
    Orrery__Event *e = unpack(recorded(r, 1));
    bool ok = e && e->body_case == ORRERY__EVENT__BODY_START;
    if (!ok)
        (void)refuse(why, why_size, "the recording does not have this life's start event");
    ok = ok && make_host(r, e->start, why, why_size);
    if (e)
        orrery__event__free_unpacked(e, NULL);
    if (ok)
        return r;
    rerun_free(r);
    return NULL;
}

void rerun_free(struct rerun *r)
{
    if (!r)
        return;
    host_free(r->host);
    free(r);
}

static bool has_log(const struct host *h, uint32_t instance, uint32_t log)
{
    return host_ops(h, instance) &&
           log < host_instance((struct host *)(uintptr_t)h, instance)->n_logs;
}

static struct bytes bytes_in(ProtobufCBinaryData b)
{
    return bytes_of(b.data, b.len);
}

static bool again_recovered(struct host *h, struct moment at, const Orrery__Event *e)
{
    const Orrery__Recovered *r = e->recovered;
    if (h->phase != PHASE_RECOVERING)
        return false;
    if (r->last) {
        host_start(h, at);
        return true;
    }
    if (!has_log(h, e->instance, r->log) || r->lsn <= host_instance(h, e->instance)->last[r->log])
        return false;
    host_recover(h, at, e->instance, r);
    return true;
}

static bool again_receive(struct host *h, struct moment at, const Orrery__Event *e)
{
    const Orrery__Receive *r = e->receive;
    if (!host_ops(h, e->instance) || r->from == NODE_NONE || r->from == h->config.self ||
        r->n_vclock > VCLOCK_NODES_MAX)
        return false;
    if (!member_known(h, r->from))
        return false;
    struct envelope envelope = {
        .from = r->from,
        .to = h->config.self,
        .instance = e->instance,
        .boot = r->boot,
        .event = r->event,
        .lamport = r->lamport,
        .n_vclock = (uint32_t)r->n_vclock,
        .body = bytes_in(r->body),
    };
    for (size_t i = 0; i < r->n_vclock; i++)
        envelope.vclock[i] = r->vclock[i];
    host_enter(h, at);
    host_receive(h, &envelope,
                 r->transport == ORRERY__TRANSPORT__STREAM ? TRANSPORT_STREAM : TRANSPORT_DATAGRAM);
    host_finish(h);
    return true;
}

static bool again_durable(struct host *h, struct moment at, const Orrery__Event *e)
{
    const Orrery__Durable *d = e->durable;
    if (!has_log(h, e->instance, d->log) || d->lsn > host_instance(h, e->instance)->last[d->log])
        return false;
    host_durable(h, at, e->instance, d->log, d->lsn, d->sync_ns);
    return true;
}

static bool again_setting(struct host *h, struct moment at, const Orrery__Event *e)
{
    const Orrery__Setting *s = e->setting;
    if (!host_ops(h, e->instance))
        return false;
    struct buf *texts = calloc(s->n_settings + 1, sizeof *texts);
    const char **list = calloc(s->n_settings + 1, sizeof *list);
    CHECK(texts != NULL && list != NULL);
    for (size_t i = 0; i < s->n_settings; i++) {
        buf_printf(&texts[i], "%s=%s", s->settings[i]->key, s->settings[i]->value);
        *buf_extend(&texts[i], 1) = '\0';
        list[i] = (const char *)texts[i].base;
    }
    char why[256];
    int error = host_settings(h, at, e->instance, list, s->n_settings, why, sizeof why);
    for (size_t i = 0; i < s->n_settings; i++)
        buf_free(&texts[i]);
    free(texts);
    free(list);
    return error == 0;
}

static bool again_wake(struct host *h, struct moment at)
{
    if (host_deadline(h) > at.now)
        return false;
    host_wake(h, at);
    return true;
}

/* Only of the client port: what a protocol traces comes from its steps. */
static bool is_history(const struct host *h, const Orrery__Event *e)
{
    const struct core_ops *ops = host_ops(h, e->instance);
    if (!ops || !ops->clients)
        return false;
    uint32_t base = host_instance((struct host *)(uintptr_t)h, e->instance)->trace_base;
    for (uint32_t i = 0; ops->traces && ops->traces[i]; i++)
        base++;
    return e->trace->type == base || e->trace->type == base + 1;
}

static bool again_report(struct host *h, struct moment at, const Orrery__Event *e)
{
    host_report(h, at, e);
    return true;
}

static bool again_client(struct host *h, struct moment at, const Orrery__Event *e)
{
    if (!host_ops(h, e->instance))
        return false;
    if (e->body_case == ORRERY__EVENT__BODY_REQUEST)
        host_request(h, at, e->instance, e->request->client, e->request->request,
                     bytes_in(e->request->body));
    else if (e->body_case == ORRERY__EVENT__BODY_CREDIT)
        host_credit(h, at, e->instance, e->credit->client);
    else
        host_disconnect(h, at, e->instance, e->disconnect->client);
    return true;
}

static bool again_disk(struct host *h, struct moment at, const Orrery__Event *e)
{
    if (e->body_case == ORRERY__EVENT__BODY_DURABLE)
        return again_durable(h, at, e);
    if (e->body_case == ORRERY__EVENT__BODY_WRITTEN) {
        if (!has_log(h, e->instance, e->written->log))
            return false;
        host_written(h, at, e->instance, e->written->log, e->written->lsn);
        return true;
    }
    if (!has_log(h, e->instance, e->data->log))
        return false;
    host_data(h, at, e->instance, e->data->log, e->data->tag, bytes_in(e->data->body));
    return true;
}

/* What only a started host takes. False: it was no input, or none that could be. */
static bool again_started(struct host *h, struct moment at, const Orrery__Event *e)
{
    switch ((int)e->body_case) {
    case ORRERY__EVENT__BODY_RECEIVE:
        return again_receive(h, at, e);
    case ORRERY__EVENT__BODY_LINK:
        host_link(h, at, e->link->peer, e->link->up, (enum link_reason)e->link->reason);
        return true;
    case ORRERY__EVENT__BODY_WAKE:
        return again_wake(h, at);
    case ORRERY__EVENT__BODY_WRITTEN:
    case ORRERY__EVENT__BODY_DURABLE:
    case ORRERY__EVENT__BODY_DATA:
        return again_disk(h, at, e);
    case ORRERY__EVENT__BODY_REQUEST:
    case ORRERY__EVENT__BODY_CREDIT:
    case ORRERY__EVENT__BODY_DISCONNECT:
        return again_client(h, at, e);
    case ORRERY__EVENT__BODY_SETTING:
        return again_setting(h, at, e);
    case ORRERY__EVENT__BODY_ORDER:
        if (!host_ops(h, e->instance))
            return false;
        host_order(h, at, e->instance, e->order->verb, (const char *const *)e->order->words,
                   e->order->n_words);
        return true;
    case ORRERY__EVENT__BODY_VIEW:
        host_view(h, at);
        return true;
    default:
        return false;
    }
}

static bool again(struct rerun *r, const Orrery__Event *e)
{
    struct host *h = r->host;
    struct moment at = {e->mono_ns, e->wall_ns};
    if (h->phase == PHASE_DEAD || e->seq != r->at + 1 || e->mono_ns < r->now)
        return false;
    r->now = e->mono_ns;
    switch ((int)e->body_case) {
    case ORRERY__EVENT__BODY_START:
        if (h->phase != PHASE_NEW)
            return false;
        host_begin(h, at);
        return true;
    case ORRERY__EVENT__BODY_RECOVERED:
        return again_recovered(h, at, e);
    case ORRERY__EVENT__BODY_DROP:
    case ORRERY__EVENT__BODY_HELD:
    case ORRERY__EVENT__BODY_VIOLATION:
    case ORRERY__EVENT__BODY_STOP:
        return h->phase != PHASE_NEW && again_report(h, at, e);
    case ORRERY__EVENT__BODY_TRACE:
        return h->phase != PHASE_NEW && is_history(h, e) && again_report(h, at, e);
    default:
        return h->phase == PHASE_STARTED && again_started(h, at, e);
    }
}

int rerun_run(struct rerun *r, uint64_t to, char *why, size_t why_size)
{
    while (to == 0 || r->at < to) {
        uint64_t next = r->at + 1;
        struct bytes b = recorded(r, next);
        if (!b.base)
            return 0;
        Orrery__Event *e = unpack(b);
        bool ok = e && again(r, e) && r->at >= next;
        if (e)
            orrery__event__free_unpacked(e, NULL);
        if (!ok && r->differs == 0)
            r->differs = next;
        if (r->differs == 0)
            continue;
        (void)refuse(why, why_size,
                     "event %llu does not follow from the inputs before it: the recording has a "
                     "hole, or was made by another version",
                     (unsigned long long)r->differs);
        return ERROR_MALFORMED;
    }
    return 0;
}

struct host *rerun_host(struct rerun *r)
{
    return r->host;
}

uint64_t rerun_at(const struct rerun *r)
{
    return r->at;
}
