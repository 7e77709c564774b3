#include "kv.h"

#include "base/check.h"
#include "kv_impl.h"
#include "schema_kv.h"

#include <stdio.h>
#include <string.h>

enum { VIEW_PAGES_MAX = 256, VIEW_BYTES_MAX = 32 << 10 };

static void defaults(ProtobufCMessage *settings)
{
    Kv__Settings *s = (Kv__Settings *)(void *)settings;
    s->sync = KV__SYNC__GROUP;
    s->pages = 64;
    s->checkpoint_bytes = 16 << 20;
    s->memory_bytes = 0;
    s->segment_bytes = 16 << 20;
    s->clients_max = 10000;
}

static bool accept(const ProtobufCMessage *settings, char *why, size_t size)
{
    const Kv__Settings *s = (const Kv__Settings *)(const void *)settings;
    const char *wrong = NULL;
    if (s->pages < 1 || s->pages > TABLE_PAGES_MAX)
        wrong = "pages must be from 1 to 65536";
    else if (s->segment_bytes < 1 << 10 || s->segment_bytes > UINT64_C(1) << 30)
        wrong = "segment_bytes must be from 1024 to 1073741824";
    else if (s->clients_max < 1)
        wrong = "clients_max must be at least 1";
    if (wrong)
        (void)snprintf(why, size, "%s", wrong);
    return !wrong;
}

static bool has_flaw(const Kv__Settings *s, Kv__Flaw flaw)
{
    for (size_t i = 0; i < s->n_flaws; i++)
        if (s->flaws[i] == flaw)
            return true;
    return false;
}

static void log_options(const ProtobufCMessage *settings, uint32_t log, struct log_options *options)
{
    const Kv__Settings *s = (const Kv__Settings *)(const void *)settings;
    *options = (struct log_options){.segment_bytes = s->segment_bytes};
    options->no_checksum = has_flaw(s, KV__FLAW__NO_CHECKSUM);
    if (s->sync == KV__SYNC__NEVER)
        options->sync = SYNC_NEVER;
    else if (s->sync == KV__SYNC__EACH && log == LOG_WAL)
        options->sync = SYNC_EACH;
    else
        options->sync = SYNC_GROUP;
}

static void use_settings(struct kv *kv, const ProtobufCMessage *settings)
{
    kv->settings = (const Kv__Settings *)(const void *)settings;
    kv->machine.memory_bytes = kv->settings->memory_bytes;
    kv->connections.limit = kv->settings->clients_max;
    kv->flaw_ack = has_flaw(kv->settings, KV__FLAW__ACK_BEFORE_SYNC);
    kv->flaw_pages = has_flaw(kv->settings, KV__FLAW__PAGES_BEFORE_LOG);
}

static void init(void *core, const struct core_config *config)
{
    struct kv *kv = core;
    kv->memory = config->memory;
    kv->connections = (struct connections){.memory = config->memory, .about = kv_about, .ctx = kv};
    use_settings(kv, config->settings);
}

/* Of the held replies, which ones still wait. */
static void release(struct kv *kv)
{
    if (kv->waiting_until == LSN_NONE || kv->durable[LOG_WAL] < kv->waiting_until)
        return;
    bool all = kv->durable[LOG_WAL] >= kv->last[LOG_WAL];
    kv->waiting[0] = all ? 0 : kv->waiting[1];
    kv->waiting[1] = 0;
    kv->waiting_until = all ? LSN_NONE : kv->last[LOG_WAL];
}

static void order(struct kv *kv, const struct input *in, struct out *out)
{
    if (bytes_equal(in->order.verb, bytes_str("checkpoint")))
        checkpoint_begin(kv, out);
}

static void step(void *core, const struct input *in, struct out *out)
{
    struct kv *kv = core;
    connections_free_retired(&kv->connections);
    switch ((int)in->kind) {
    case INPUT_SNAPSHOT:
    case INPUT_RECORD:
        recover_record(kv, in, out);
        return;
    case INPUT_START:
        recover_done(kv, out);
        break;
    case INPUT_WRITTEN:
        kv->written[in->durable.log] = in->durable.at;
        return;
    case INPUT_DURABLE:
        if (in->durable.at > kv->durable[in->durable.log])
            kv->durable[in->durable.log] = in->durable.at;
        release(kv);
        break;
    case INPUT_REQUEST:
        kv_request(kv, in, out);
        break;
    case INPUT_DISCONNECT:
        connections_close(&kv->connections, in->client.client);
        return;
    case INPUT_SETTINGS:
        use_settings(kv, in->settings);
        break;
    case INPUT_ORDER:
        order(kv, in, out);
        break;
    default:
        return;
    }
    checkpoint_step(kv, out);
}

static nsec deadline(const void *core)
{
    (void)core; /* Nothing here is a matter of time. */
    return NSEC_NEVER;
}

static uint32_t pages_shown(const struct kv *kv)
{
    return kv->machine.table.n < VIEW_PAGES_MAX ? kv->machine.table.n : VIEW_PAGES_MAX;
}

static void view_entries(const struct page *p, Kv__PageView *v, struct out *out)
{
    v->entries = out_alloc(out, p->keys * sizeof *v->entries);
    Kv__Write *writes = out_alloc(out, p->keys * sizeof *writes);
    CHECK(v->entries && writes);
    for (const struct entry *e = table_next(p, NULL); e; e = table_next(p, e)) {
        Kv__Write *w = &writes[v->n_entries];
        kv__write__init(w);
        w->key.data = (uint8_t *)(uintptr_t)entry_key(e).base;
        w->key.len = e->key_len;
        w->value.data = (uint8_t *)(uintptr_t)entry_value(e).base;
        w->value.len = e->value_len;
        w->expires_ms = (uint64_t)e->expires_ms;
        v->entries[v->n_entries++] = w;
    }
}

static void view_page(const struct kv *kv, uint32_t number, bool entries, Kv__PageView *v,
                      struct out *out)
{
    const struct page *p = &kv->machine.table.pages[number];
    kv__page_view__init(v);
    v->number = number;
    v->lsn = p->at;
    v->image_lsn = p->image;
    v->dirty = p->first != LSN_NONE;
    v->keys = p->keys;
    v->bytes = p->bytes;
    if (entries)
        view_entries(p, v, out);
}

static void view(const void *core, struct out *out)
{
    const struct kv *kv = core;
    Kv__NodeView m = KV__NODE_VIEW__INIT;
    m.written_lsn = kv->written[LOG_WAL];
    m.durable_lsn = kv->durable[LOG_WAL];
    m.replay_from = kv->checkpoint.replay_from;
    m.clients = kv->connections.n;
    m.keys = kv->machine.table.keys;
    m.bytes = kv->machine.table.bytes;
    uint32_t n = pages_shown(kv);
    bool entries = n == kv->machine.table.n &&
                   kv->machine.table.bytes + kv->machine.table.keys * TABLE_ENTRY_EXTRA + n * 64u <
                       VIEW_BYTES_MAX;
    Kv__PageView *pages = out_alloc(out, n * sizeof *pages);
    m.pages = out_alloc(out, n * sizeof *m.pages);
    CHECK(pages && m.pages);
    for (uint32_t i = 0; i < n; i++) {
        view_page(kv, i, entries, &pages[i], out);
        m.pages[m.n_pages++] = &pages[i];
    }
    out_view(out, &m.base);
}

static void check(const void *core)
{
    const struct kv *kv = core;
    machine_check(&kv->machine);
    for (int log = 0; log < 2; log++)
        CHECK(kv->durable[log] <= kv->last[log]);
    for (uint32_t i = 0; i < kv->machine.table.n; i++) {
        const struct page *p = &kv->machine.table.pages[i];
        CHECK(p->image <= kv->last[LOG_PAGES]);
        CHECK(p->first <= kv->last[LOG_WAL]);
    }
    CHECK(kv->checkpoint.next <= kv->machine.table.n);
    CHECK(kv->connections.lent <= CONNECTIONS_MEMORY_MAX);
    CHECK(kv->waiting_until != LSN_NONE || kv->waiting[0] + kv->waiting[1] == 0);
}

static const ProtobufCMessageDescriptor *const traces[] = {
    &kv__checkpoint__descriptor,
    &kv__page_flush__descriptor,
    &kv__recovery_done__descriptor,
    NULL,
};

static const char *const logs[] = {[LOG_PAGES] = "pages", [LOG_WAL] = "wal", NULL};
static const char *const orders[] = {"checkpoint", NULL};
static const struct fsm_table *const machines[] = {&kv_checkpoint_table, NULL};

const struct core_ops kv_ops = {
    .name = "kv",
    .summary = "a durable key-value store for Redis clients: write-ahead log, pages, checkpoints",
    .usual_nodes = 1,
    .size = sizeof(struct kv),
    .settings = &kv__settings__descriptor,
    .view_type = &kv__node_view__descriptor,
    .traces = traces,
    .logs = logs,
    .waits_for = LOG_WAL,
    .machines = machines,
    .orders = orders,
    .schema = schema_kv,
    .clients = true,
    .store = true,
    .written = true,
    .defaults = defaults,
    .accept = accept,
    .log_options = log_options,
    .init = init,
    .step = step,
    .deadline = deadline,
    .view = view,
    .check = check,
};
