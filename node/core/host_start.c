/* How a life begins to be told: settings from text, and the start event with all that a stranger
 * must know to read the others. */
#include "base/check.h"
#include "core/fsm.h"
#include "core/host_internal.h"
#include "core/settings.h"
#include "history.pb-c.h"
#include "schema_history.h"

#include <stdio.h>
#include <string.h>

static ProtobufCMessage *settings_fresh(const struct core_ops *ops, struct arena *a)
{
    if (!a->base)
        arena_init(a, SETTINGS_ARENA);
    arena_clear(a);
    ProtobufCMessage *m = arena_alloc(a, ops->settings->sizeof_message);
    CHECK(m != NULL);
    protobuf_c_message_init(ops->settings, m);
    return m;
}

bool settings_begin(struct instance *in, const struct host_instance *config, char *why,
                    size_t why_size)
{
    struct arena *a = &in->settings[in->current];
    ProtobufCMessage *m = settings_fresh(in->ops, a);
    if (in->ops->defaults)
        in->ops->defaults(m);
    for (size_t i = 0; i < config->n_settings; i++) {
        const Orrery__KeyValue *kv = config->settings[i];
        if (!settings_set(m, bytes_str(kv->key), bytes_str(kv->value), a, why, why_size))
            return false;
    }
    for (size_t i = 0; i < config->n_flaws; i++)
        if (!settings_flaw(m, bytes_str(config->flaws[i]), a, why, why_size))
            return false;
    in->config.settings = m;
    return !in->ops->accept || in->ops->accept(m, why, why_size);
}

/* A message in its own arena, by way of its bytes. */
static ProtobufCMessage *settings_copy(const struct core_ops *ops, const ProtobufCMessage *from,
                                       struct arena *a)
{
    arena_clear(a);
    size_t n = protobuf_c_message_get_packed_size(from);
    uint8_t *packed = arena_alloc(a, n);
    CHECK(packed != NULL);
    (void)protobuf_c_message_pack(from, packed);
    ProtobufCAllocator lender = {arena_lend, arena_keep, a};
    ProtobufCMessage *m = protobuf_c_message_unpack(ops->settings, &lender, n, packed);
    CHECK(m != NULL);
    return m;
}

bool settings_change(struct instance *in, const char *const *key_values, size_t n, char *why,
                     size_t why_size)
{
    uint32_t next = in->current ^ 1;
    struct arena *a = &in->settings[next];
    (void)settings_fresh(in->ops, a);
    ProtobufCMessage *m = settings_copy(in->ops, in->config.settings, a);
    for (size_t i = 0; i < n; i++) {
        const char *equal = strchr(key_values[i], '=');
        if (!equal) {
            (void)snprintf(why, why_size, "settings are given as KEY=VALUE, not as '%.60s'",
                           key_values[i]);
            return false;
        }
        struct bytes key = bytes_of(key_values[i], (size_t)(equal - key_values[i]));
        if (!settings_set(m, key, bytes_str(equal + 1), a, why, why_size))
            return false;
    }
    if (in->ops->accept && !in->ops->accept(m, why, why_size))
        return false;
    in->current = next;
    in->config.settings = m;
    return true;
}

static void *lend(struct host *h, size_t n)
{
    void *p = arena_alloc(&h->arena, n);
    CHECK(p != NULL);
    memset(p, 0, n);
    return p;
}

static char *text(const char *constant)
{
    return (
        char *)(uintptr_t)constant; /* protobuf-c's strings are not const; packing reads only. */
}

static size_t count_pointers(const void *list)
{
    const void *const *p = list;
    size_t n = 0;
    while (p && p[n])
        n++;
    return n;
}

static size_t count_words(const char *const *words)
{
    size_t n = 0;
    while (words && words[n])
        n++;
    return n;
}

static Orrery__Machine *describe_machine(struct host *h, const struct fsm_table *table)
{
    Orrery__Machine *m = lend(h, sizeof *m);
    orrery__machine__init(m);
    m->name = text(table->name);
    m->n_states = m->n_allowed = table->n;
    m->states = lend(h, table->n * sizeof *m->states);
    m->allowed = lend(h, table->n * sizeof *m->allowed);
    for (uint32_t s = 0; s < table->n; s++) {
        m->states[s] = text(table->states[s].name);
        m->allowed[s] = table->states[s].next;
    }
    return m;
}

static Orrery__Instance *describe_instance(struct host *h, const struct instance *in,
                                           const struct host_instance *config)
{
    const struct core_ops *ops = in->ops;
    Orrery__Instance *i = lend(h, sizeof *i);
    orrery__instance__init(i);
    i->number = in->number;
    i->protocol = text(ops->name);
    i->n_settings = config->n_settings;
    i->settings = (Orrery__KeyValue **)(uintptr_t)config->settings;
    i->n_flaws = config->n_flaws;
    i->flaws = (char **)(uintptr_t)config->flaws;
    i->message_type = ops->message ? text(ops->message->name) : i->message_type;
    i->config_type = text(ops->settings->name);
    i->view_type = ops->view_type ? text(ops->view_type->name) : i->view_type;
    i->n_logs = in->n_logs;
    i->logs = (char **)(uintptr_t)ops->logs;
    i->n_orders = count_words(ops->orders);
    i->orders = (char **)(uintptr_t)ops->orders;
    i->n_machines = count_pointers(ops->machines);
    i->machines = lend(h, (i->n_machines + 1) * sizeof(Orrery__Machine *));
    for (size_t m = 0; m < i->n_machines; m++)
        i->machines[m] = describe_machine(h, ops->machines[m]);
    return i;
}

static void describe_types(struct host *h, Orrery__Start *start)
{
    size_t n = 0;
    for (uint32_t i = 0; i < h->config.n_instances; i++)
        n += count_pointers(h->instances[i].ops->traces) + 2;
    start->types = lend(h, n * sizeof *start->types);
    for (uint32_t i = 0; i < h->config.n_instances; i++) {
        struct instance *in = &h->instances[i];
        CHECK(in->trace_base == start->n_types);
        for (size_t t = 0; in->ops->traces && in->ops->traces[t]; t++)
            start->types[start->n_types++] = text(in->ops->traces[t]->name);
        if (!in->ops->clients)
            continue;
        start->types[start->n_types++] = text(history__invoke__descriptor.name);
        start->types[start->n_types++] = text(history__complete__descriptor.name);
    }
}

/* Sets of files concatenate; files that come twice are skipped by whoever reads them. */
static void describe_schemas(struct host *h, struct buf *schemas)
{
    bool clients = false;
    for (uint32_t i = 0; i < h->config.n_instances; i++) {
        const struct core_ops *ops = h->instances[i].ops;
        if (ops->schema)
            buf_append(schemas, ops->schema());
        clients = clients || ops->clients;
    }
    if (clients)
        buf_append(schemas, schema_history());
}

void start_pack(struct host *h, const struct host_config *config)
{
    arena_clear(&h->arena);
    Orrery__Start start = ORRERY__START__INIT;
    start.name = text(h->config.name);
    if (config->group)
        start.group = text(config->group);
    start.node = h->config.self;
    start.boot = h->config.boot;
    start.seed = h->config.seed;
    start.nodes = h->config.n_members;
    start.level = h->config.level;
    start.n_members = h->config.n_members;
    start.members = (uint32_t *)(uintptr_t)h->config.members;
    start.n_instances = h->config.n_instances;
    start.instances = lend(h, (start.n_instances + 1) * sizeof *start.instances);
    for (uint32_t i = 0; i < h->config.n_instances; i++)
        start.instances[i] = describe_instance(h, &h->instances[i], &config->instances[i]);
    describe_types(h, &start);
    struct buf schemas = {NULL, 0, 0};
    describe_schemas(h, &schemas);
    start.schemas.len = schemas.len;
    start.schemas.data = schemas.base;
    (void)orrery__start__pack(&start,
                              buf_extend(&h->start, orrery__start__get_packed_size(&start)));
    buf_free(&schemas);
}
