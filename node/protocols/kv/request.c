#include "kv_impl.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

enum { NS_PER_MS = 1000000, INFO_MAX = 256, CONFIG_MAX = 8, NUMBER_MAX = 24 };

static uint64_t unsynced(const struct kv *kv)
{
    return kv->waiting[0] + kv->waiting[1];
}

/* Held replies take memory until the disk catches up. */
static void account(struct kv *kv, size_t size)
{
    if (kv->durable[LOG_WAL] >= kv->last[LOG_WAL])
        return;
    if (kv->waiting_until == LSN_NONE)
        kv->waiting_until = kv->last[LOG_WAL];
    kv->waiting[kv->last[LOG_WAL] > kv->waiting_until] += size;
}

static void append_changes(struct kv *kv, lsn at, const struct machine_result *did, struct out *out)
{
    struct body body = pack_changes(out, did->changes);
    CHECK(body.n > 0); /* What it may take has been kept free. */
    CHECK(out_append(out, LOG_WAL, RECORD_CHANGE, body) == at);
    kv->last[LOG_WAL] = at;
    checkpoint_logged(kv, did->change_size);
}

/* A read that comes upon a key whose time has come is a write: what it tells must stay true. */
static void run(struct kv *kv, const struct asked *asked, lsn at, int64_t now_ms, struct out *out,
                struct machine_result *did)
{
    if (asked->kind == ASKED_READ && machine_due_ms(&kv->machine) > now_ms)
        machine_query(&kv->machine, &asked->command, now_ms, out->arena, did);
    else
        machine_apply(&kv->machine, &asked->command, at, now_ms, out->arena, did);
}

static void serve(struct kv *kv, const struct input *in, const struct asked *asked, int64_t now_ms,
                  struct out *out)
{
    struct machine_result did;
    lsn at = kv->last[LOG_WAL] + 1;
    run(kv, asked, at, now_ms, out, &did);
    const struct history history = {in->request.client, in->request.id, did.ops, did.n_ops,
                                    did.partial};
    if (history.n > 0)
        history_invoke(out, &history);
    if (did.n_changes > 0)
        append_changes(kv, at, &did, out);
    if (kv->flaw_ack) {
        out_reply_now(out, history.client, history.request, did.reply);
    } else {
        account(kv, did.reply_size);
        out_reply(out, history.client, history.request, did.reply);
    }
    if (history.n > 0)
        history_complete(out, &history, !kv->flaw_ack);
}

void kv_request(struct kv *kv, const struct input *in, struct out *out)
{
    static const char full[] = "-ERR too many replies wait for the disk, try again\r\n";
    struct asked asked;
    int64_t now_ms = in->wall_ns / NS_PER_MS;
    connections_ask(&kv->connections, &kv->machine, in->request.client, in->request.body, now_ms,
                    out->arena, &asked);
    if (asked.malformed)
        out_violation(out, NODE_NONE, "a client's request is not an array of strings",
                      in->request.body);
    if (asked.kind == ASKED_NOTHING)
        out_reply_now(out, in->request.client, in->request.id, asked.reply);
    else if (unsynced(kv) > UNSYNCED_REPLIES_MAX)
        out_reply_now(out, in->request.client, in->request.id, out_bytes(out, bytes_str(full)));
    else
        serve(kv, in, &asked, now_ms, out);
}

/* Static words and a few numbers in the arena; without room for those it says less. */
void kv_about(const void *ctx, struct arena *a, struct about *about)
{
    const struct kv *kv = ctx;
    char *info = arena_alloc(a, INFO_MAX);
    char *memory = arena_alloc(a, NUMBER_MAX);
    const char *(*config)[2] = arena_alloc(a, CONFIG_MAX * sizeof *config);
    if (!info || !memory || !config)
        return;
    (void)snprintf(memory, NUMBER_MAX, "%llu", (unsigned long long)kv->settings->memory_bytes);
    const char *const values[CONFIG_MAX][2] = {
        {"save", ""},
        {"appendonly", "yes"},
        {"appendfsync", kv->settings->sync == KV__SYNC__NEVER ? "no" : "always"},
        {"maxmemory", memory},
        {"databases", "1"},
    };
    memcpy(config, values, sizeof values);
    int n =
        snprintf(info, INFO_MAX,
                 "# Persistence\r\nloading:0\r\naof_enabled:1\r\nwal_last:%llu\r\n"
                 "wal_durable:%llu\r\nwal_replay_from:%llu\r\n",
                 (unsigned long long)kv->last[LOG_WAL], (unsigned long long)kv->durable[LOG_WAL],
                 (unsigned long long)kv->checkpoint.replay_from);
    about->info = bytes_of(info, (size_t)n);
    about->config = (const char *const(*)[2])config;
}
