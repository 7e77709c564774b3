#include "base/check.h"
#include "base/errors.h"
#include "base/must.h"
#include "core/host_internal.h"
#include "history.pb-c.h"

#include <stdlib.h>
#include <string.h>

static const size_t memory_limit_default = (size_t)1 << 30;

int64_t member_index(const struct host *h, node_id node)
{
    const node_id *members = h->config.members;
    uint32_t n = h->config.n_members;
    if (node >= 1 && node <= n && members[node - 1] == node)
        return (int64_t)node - 1; /* Most clusters count 1, 2, 3 ... */
    uint32_t low = 0;
    while (n > 0) {
        uint32_t half = n / 2;
        if (members[low + half] < node) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    if (low < h->config.n_members && members[low] == node)
        return (int64_t)low;
    for (uint32_t i = 0; i < h->n_joined; i++)
        if (h->joined[i] == node)
            return (int64_t)h->config.n_members + i;
    return -1;
}

bool member_known(struct host *h, node_id node)
{
    if (member_index(h, node) >= 0)
        return true;
    if (h->n_joined == JOINED_MAX)
        return false;
    uint32_t n = h->config.n_members + h->n_joined + 1;
    h->joined = realloc(h->joined, (h->n_joined + 1) * sizeof *h->joined);
    h->boots = realloc(h->boots, n * sizeof *h->boots);
    CHECK(h->joined != NULL);
    CHECK(h->boots != NULL);
    h->joined[h->n_joined++] = node;
    h->boots[n - 1] = 0;
    return true;
}

static const struct instance *find_instance(const struct host *h, uint32_t number)
{
    for (uint32_t i = 0; i < h->config.n_instances; i++)
        if (h->instances[i].number == number)
            return &h->instances[i];
    return NULL;
}

struct instance *host_instance(struct host *h, uint32_t number)
{
    struct instance *in = (struct instance *)(uintptr_t)find_instance(h, number);
    CHECK(in != NULL);
    return in;
}

static void *copy(const void *from, size_t n)
{
    void *p = must_alloc(1, n > 0 ? n : 1);
    if (n > 0)
        memcpy(p, from, n);
    return p;
}

static uint32_t count_logs(const struct core_ops *ops)
{
    uint32_t n = 0;
    while (ops->logs && ops->logs[n])
        n++;
    CHECK(n <= LOGS_MAX);
    return n;
}

static uint32_t count_types(const struct core_ops *ops)
{
    uint32_t n = 0;
    while (ops->traces && ops->traces[n])
        n++;
    return n + (ops->clients ? 2 : 0);
}

static bool instance_init(struct host *h, struct instance *in, const struct host_instance *config,
                          char *why, size_t why_size)
{
    CHECK(config->number > 0);
    in->number = config->number;
    in->ops = config->ops;
    in->n_logs = count_logs(config->ops);
    in->random = random_split(h->config.seed, config->number);
    memory_init(&in->memory, h->config.memory_limit);
    in->config.self = h->config.self;
    in->config.members = h->config.members;
    in->config.n_members = h->config.n_members;
    in->config.memory = &in->memory;
    if (!settings_begin(in, config, why, why_size))
        return false;
    in->core = must_alloc(1, in->ops->size);
    in->ops->init(in->core, &in->config);
    return true;
}

static bool instances_init(struct host *h, const struct host_config *config, char *why,
                           size_t why_size)
{
    uint32_t types = 0;
    for (uint32_t i = 0; i < config->n_instances; i++) {
        CHECK(find_instance(h, config->instances[i].number) == NULL);
        struct instance *in = &h->instances[i];
        h->config.n_instances = i + 1;
        in->trace_base = types;
        types += count_types(config->instances[i].ops);
        if (!instance_init(h, in, &config->instances[i], why, why_size))
            return false;
    }
    return true;
}

static void config_init(struct host *h, const struct host_config *config)
{
    CHECK(config->n_instances <= INSTANCES_MAX);
    CHECK(config->boot > 0);
    h->config = *config;
    h->config.n_instances = 0; /* Counted as they come to be. */
    h->config.instances = NULL;
    h->config.group = NULL; /* In the start event already. */
    h->config.name = copy(config->name, strlen(config->name) + 1);
    h->config.members = copy(config->members, config->n_members * sizeof *config->members);
    if (h->config.memory_limit == 0)
        h->config.memory_limit = memory_limit_default;
    if (h->config.view_every == 0)
        h->config.view_every = VIEW_EVERY_DEFAULT;
    for (uint32_t i = 1; i < config->n_members; i++)
        CHECK(config->members[i - 1] < config->members[i]);
    CHECK(member_index(h, config->self) >= 0);
    uint32_t highest = config->members[config->n_members - 1];
    h->n_vclock = highest <= VCLOCK_NODES_MAX ? highest : 0;
}

struct host *host_new(const struct host_config *config, const struct host_io *io, void *ctx,
                      char *why, size_t why_size)
{
    struct host *h = must_alloc(1, sizeof *h);
    h->io = *io;
    h->ctx = ctx;
    h->hit = -1;
    config_init(h, config);
    h->boots = must_alloc(config->n_members, sizeof *h->boots);
    arena_init(&h->arena, STEP_ARENA);
    if (!instances_init(h, config, why, why_size)) {
        host_free(h);
        return NULL;
    }
    start_pack(h, config);
    return h;
}

static void instance_free(struct instance *in)
{
    free(in->core);
    memory_clear(&in->memory);
    arena_free(&in->settings[0]);
    arena_free(&in->settings[1]);
    for (uint32_t log = 0; log < LOGS_MAX; log++)
        queue_free(&in->held[log]);
}

void host_free(struct host *h)
{
    if (!h)
        return;
    CHECK(!h->busy);
    for (uint32_t i = 0; i < h->config.n_instances; i++)
        instance_free(&h->instances[i]);
    while (h->n_breaks > 0)
        orrery__pattern__free_unpacked(h->breaks[--h->n_breaks].pattern, NULL);
    free((void *)(uintptr_t)h->config.name);
    free((void *)(uintptr_t)h->config.members);
    free(h->boots);
    free(h->joined);
    queue_free(&h->own[0]);
    queue_free(&h->own[1]);
    queue_free(&h->reports);
    arena_free(&h->arena);
    buf_free(&h->start);
    buf_free(&h->event_room);
    buf_free(&h->frame_room);
    buf_free(&h->flat_room);
    free(h);
}

void host_begin(struct host *h, struct moment at)
{
    CHECK(h->phase == PHASE_NEW);
    host_enter(h, at);
    h->phase = PHASE_RECOVERING;
    struct happening what = {
        .kind = ORRERY__EVENT__BODY_START,
        .bulk = h->start.len,
        .packed = buf_bytes(&h->start),
        .is_packed = true,
    };
    host_tell(h, &what);
    host_finish(h);
}

static struct input input_at(const struct host *h, enum input_kind kind)
{
    return (struct input){.kind = kind, .now = h->at.now, .wall_ns = h->at.wall_ns};
}

void host_recover(struct host *h, struct moment at, uint32_t instance,
                  const Orrery__Recovered *record)
{
    CHECK(h->phase == PHASE_RECOVERING);
    struct instance *in = host_instance(h, instance);
    CHECK(record->log < in->n_logs);
    CHECK(record->lsn > in->last[record->log]);
    host_enter(h, at);
    Orrery__Recovered told = *record;
    told.last = false;
    struct happening what = happening_message(instance, ORRERY__EVENT__BODY_RECOVERED, &told.base);
    host_input(h, &what);
    in->last[record->log] = record->lsn;
    in->durable[record->log] = record->lsn;
    struct input input = input_at(h, record->snapshot ? INPUT_SNAPSHOT : INPUT_RECORD);
    input.record.log = record->log;
    input.record.at = record->lsn;
    input.record.type = (uint8_t)record->type;
    input.record.body = bytes_of(record->body.data, record->body.len);
    host_step(h, in, &input);
    host_finish(h);
}

/* One input for all instances, in their order. */
static void step_all(struct host *h, const struct input *input)
{
    for (uint32_t i = 0; i < h->config.n_instances && h->phase != PHASE_DEAD; i++)
        host_step(h, &h->instances[i], input);
}

void host_start(struct host *h, struct moment at)
{
    CHECK(h->phase == PHASE_RECOVERING);
    host_enter(h, at);
    h->phase = PHASE_STARTED;
    Orrery__Recovered last = ORRERY__RECOVERED__INIT;
    last.last = true;
    struct happening what = happening_message(0, ORRERY__EVENT__BODY_RECOVERED, &last.base);
    host_input(h, &what);
    struct input input = input_at(h, INPUT_START);
    step_all(h, &input);
    h->view_due = 0; /* The first view ends recovery. */
    host_finish(h);
}

void host_enter_started(struct host *h, struct moment at)
{
    CHECK(h->phase == PHASE_STARTED);
    host_enter(h, at);
}

/* No frame is of a later life than this. Whom we never heard of is remembered too: its frames may
 * still be on their way. False: no protocol has known it, or it was removed before. */
static bool remove_member(struct host *h, node_id peer)
{
    if (peer == h->config.self)
        return false;
    bool known = member_index(h, peer) >= 0;
    if (!known && !member_known(h, peer))
        return false;
    uint32_t *newest = &h->boots[member_index(h, peer)];
    bool news = known && *newest != UINT32_MAX;
    *newest = UINT32_MAX;
    return news;
}

void host_link(struct host *h, struct moment at, node_id peer, bool up, enum link_reason reason)
{
    if (reason == LINK_REMOVED && !remove_member(h, peer))
        return;
    host_enter_started(h, at);
    Orrery__LinkChange change = ORRERY__LINK_CHANGE__INIT;
    change.peer = peer;
    change.up = up;
    change.reason = (Orrery__LinkReason)reason;
    struct happening what = happening_message(0, ORRERY__EVENT__BODY_LINK, &change.base);
    host_input(h, &what);
    struct input input = input_at(h, INPUT_LINK);
    input.link.peer = peer;
    input.link.up = up;
    input.link.reason = reason;
    step_all(h, &input);
    host_finish(h);
}

static nsec deadline_of(const struct instance *in)
{
    return in->ops->deadline ? in->ops->deadline(in->core) : NSEC_NEVER;
}

nsec host_deadline(const struct host *h)
{
    nsec least = NSEC_NEVER;
    if (h->phase != PHASE_STARTED)
        return least;
    for (uint32_t i = 0; i < h->config.n_instances; i++) {
        nsec d = deadline_of(&h->instances[i]);
        least = d < least ? d : least;
    }
    return least;
}

void host_wake(struct host *h, struct moment at)
{
    host_enter_started(h, at);
    for (uint32_t i = 0; i < h->config.n_instances && h->phase != PHASE_DEAD; i++) {
        struct instance *in = &h->instances[i];
        nsec deadline = deadline_of(in);
        if (deadline > at.now)
            continue;
        struct happening what = {
            .kind = ORRERY__EVENT__BODY_WAKE, .instance = in->number, .deadline = deadline};
        host_input(h, &what);
        struct input input = input_at(h, INPUT_WAKE);
        host_step(h, in, &input);
    }
    host_finish(h);
}

void host_written(struct host *h, struct moment at, uint32_t instance, uint32_t log, lsn upto)
{
    host_enter_started(h, at);
    struct instance *in = host_instance(h, instance);
    struct input input = input_at(h, INPUT_WRITTEN);
    input.durable.log = log;
    input.durable.at = upto;
    struct happening what = happening_input(in, ORRERY__EVENT__BODY_WRITTEN, &input);
    host_input(h, &what);
    if (in->ops->written)
        host_step(h, in, &input);
    else
        (void)host_go_on(h);
    host_finish(h);
}

void host_durable(struct host *h, struct moment at, uint32_t instance, uint32_t log, lsn upto,
                  nsec sync_ns)
{
    host_enter_started(h, at);
    struct instance *in = host_instance(h, instance);
    CHECK(log < in->n_logs);
    CHECK(upto <= in->last[log]);
    if (upto > in->durable[log])
        in->durable[log] = upto;
    struct input input = input_at(h, INPUT_DURABLE);
    input.durable.log = log;
    input.durable.at = upto;
    struct happening what = happening_input(in, ORRERY__EVENT__BODY_DURABLE, &input);
    what.sync_ns = sync_ns;
    host_input(h, &what);
    host_step(h, in, &input);
    hold_release(h, in);
    host_finish(h);
}

void host_data(struct host *h, struct moment at, uint32_t instance, uint32_t log, uint64_t tag,
               struct bytes body)
{
    host_enter_started(h, at);
    struct instance *in = host_instance(h, instance);
    struct input input = input_at(h, INPUT_DATA);
    input.data.log = log;
    input.data.tag = tag;
    input.data.body = body;
    struct happening what = happening_input(in, ORRERY__EVENT__BODY_DATA, &input);
    host_input(h, &what);
    host_step(h, in, &input);
    host_finish(h);
}

void host_request(struct host *h, struct moment at, uint32_t instance, client_id client,
                  uint64_t request, struct bytes body)
{
    host_enter_started(h, at);
    struct instance *in = host_instance(h, instance);
    struct input input = input_at(h, INPUT_REQUEST);
    input.request.client = client;
    input.request.id = request;
    input.request.body = body;
    struct happening what = happening_input(in, ORRERY__EVENT__BODY_REQUEST, &input);
    host_input(h, &what);
    host_step(h, in, &input);
    host_finish(h);
}

static void client_input(struct host *h, struct moment at, uint32_t instance, client_id client,
                         enum input_kind kind, Orrery__Event__BodyCase told)
{
    host_enter_started(h, at);
    struct instance *in = host_instance(h, instance);
    struct input input = input_at(h, kind);
    input.client.client = client;
    struct happening what = happening_input(in, told, &input);
    host_input(h, &what);
    host_step(h, in, &input);
    host_finish(h);
}

void host_credit(struct host *h, struct moment at, uint32_t instance, client_id client)
{
    client_input(h, at, instance, client, INPUT_CREDIT, ORRERY__EVENT__BODY_CREDIT);
}

void host_disconnect(struct host *h, struct moment at, uint32_t instance, client_id client)
{
    client_input(h, at, instance, client, INPUT_DISCONNECT, ORRERY__EVENT__BODY_DISCONNECT);
}

void host_level(struct host *h, Orrery__Level level)
{
    CHECK(!h->busy);
    h->config.level = level;
}

uint32_t host_instances(const struct host *h)
{
    return h->config.n_instances;
}

const struct core_ops *host_ops(const struct host *h, uint32_t instance)
{
    const struct instance *in = find_instance(h, instance);
    return in ? in->ops : NULL;
}

const ProtobufCMessage *host_settings_of(const struct host *h, uint32_t instance)
{
    const struct instance *in = find_instance(h, instance);
    return in ? in->config.settings : NULL;
}

const void *host_core(const struct host *h, uint32_t instance)
{
    const struct instance *in = find_instance(h, instance);
    return in ? in->core : NULL;
}

uint32_t host_trace_type(const struct host *h, uint32_t instance,
                         const ProtobufCMessageDescriptor *type)
{
    const struct instance *in = find_instance(h, instance);
    CHECK(in != NULL);
    uint32_t i = 0;
    for (; in->ops->traces && in->ops->traces[i]; i++)
        if (in->ops->traces[i] == type)
            return in->trace_base + i;
    CHECK(in->ops->clients);
    CHECK(type == &history__invoke__descriptor || type == &history__complete__descriptor);
    return in->trace_base + i + (type == &history__complete__descriptor);
}
