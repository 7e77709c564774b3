/* The commands on the connection, on transactions and on the store as a whole: what redis-cli,
 * redis-benchmark and the usual client libraries ask for. */
#include "kv_impl.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

static void run_ping(struct request *r)
{
    if (r->n > 2)
        request_error(r, "ERR wrong number of arguments for 'ping' command");
    else if (r->n == 2)
        reply_bulk(r, r->args[1]);
    else
        reply_simple(r, "PONG");
}

static void run_echo(struct request *r)
{
    reply_bulk(r, r->args[1]);
}

/* The connection ends behind this reply; that is the client port's part. */
static void run_quit(struct request *r)
{
    reply_simple(r, "OK");
}

static void run_select(struct request *r)
{
    int64_t n = 0;
    if (!resp_number(r->args[1], &n))
        request_error(r, "ERR invalid DB index");
    else if (n != 0)
        request_error(r, "ERR DB index is out of range");
    else
        reply_simple(r, "OK");
}

static void run_multi(struct request *r)
{
    if (r->session->multi) {
        request_error(r, "ERR MULTI calls can not be nested");
        return;
    }
    r->session->multi = true;
    reply_simple(r, "OK");
}

static void run_discard(struct request *r)
{
    if (!r->session->multi) {
        request_error(r, "ERR DISCARD without MULTI");
        return;
    }
    session_end_multi(r->kv, r->session);
    session_unwatch(r->kv, r->session);
    reply_simple(r, "OK");
}

static void run_watch(struct request *r)
{
    if (r->session->multi) {
        request_error(r, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    for (uint32_t i = 1; i < r->n; i++)
        if (!session_watch(r->kv, r->session, r->args[i])) {
            request_refuse(r, ERROR_NO_MEMORY);
            return;
        }
    reply_simple(r, "OK");
}

static void run_unwatch(struct request *r)
{
    session_unwatch(r->kv, r->session);
    reply_simple(r, "OK");
}

static void run_queued(struct request *r, const struct queued *q, struct bytes *args)
{
    struct bytes frame = bytes_of(q->frame, q->len);
    int n = resp_parse(frame, NULL, 0);
    CHECK(n > 0 && resp_parse(frame, args, (uint32_t)n) == n);
    r->args = args;
    r->n = (uint32_t)n;
    const struct command *c = kv_find_command(args[0]);
    CHECK(c && request_arity_ok(c, r->n));
    request_run(r, c);
}

static uint32_t most_args(const struct session *s)
{
    int most = 1;
    for (const struct queued *q = s->queue; q; q = q->next) {
        int n = resp_parse(bytes_of(q->frame, q->len), NULL, 0);
        most = n > most ? n : most;
    }
    return (uint32_t)most;
}

/* All in one step and in one record: nothing comes between, and a crash keeps all or nothing. */
static void run_exec(struct request *r)
{
    struct session *s = r->session;
    if (!s->multi) {
        request_error(r, "ERR EXEC without MULTI");
        return;
    }
    bool broken = session_watch_broken(r->kv, s);
    bool dirty = s->dirty;
    struct bytes *args = request_alloc(r, most_args(s) * sizeof *args);
    CHECK(args != NULL);
    const struct queued *queue = s->queue;
    uint32_t n = s->queued;
    session_end_multi(r->kv, s);
    session_unwatch(r->kv, s);
    r->waits = true;
    if (dirty) {
        request_error(r, "EXECABORT Transaction discarded because of previous errors.");
        return;
    }
    if (broken) {
        struct resp_writer *w = reply_room(r, RESP_HEADER_MAX);
        if (w)
            resp_null_array(w);
        return;
    }
    r->exec = true;
    reply_array(r, n);
    for (const struct queued *q = queue; n > 0; q = q->next, n--)
        run_queued(r, q, args);
    r->failed = false;
}

static void run_reset(struct request *r)
{
    session_end_multi(r->kv, r->session);
    session_unwatch(r->kv, r->session);
    r->session->name_len = 0;
    reply_simple(r, "RESET");
}

static void reply_text(struct request *r, const char *text)
{
    reply_bulk(r, bytes_str(text));
}

static void reply_command(struct request *r, const struct command *c)
{
    reply_array(r, 6);
    reply_text(r, c->name);
    reply_integer(r, c->arity);
    reply_array(r, 2);
    reply_simple(r, c->flags & COMMAND_WRITE ? "write" : "readonly");
    reply_simple(r, c->flags & COMMAND_GROWS ? "denyoom" : "fast");
    reply_integer(r, c->first_key);
    reply_integer(r, c->last_key);
    reply_integer(r, c->step);
}

static size_t count_commands(const struct command *c)
{
    size_t n = 0;
    while (c[n].name)
        n++;
    return n;
}

static void run_command(struct request *r)
{
    size_t n = count_commands(kv_key_commands) + count_commands(kv_admin_commands);
    if (r->n == 1) {
        reply_array(r, n);
        for (const struct command *c = kv_key_commands; c->name; c++)
            reply_command(r, c);
        for (const struct command *c = kv_admin_commands; c->name; c++)
            reply_command(r, c);
    } else if (resp_word_is(r->args[1], "count")) {
        reply_integer(r, (int64_t)n);
    } else if (resp_word_is(r->args[1], "docs") || resp_word_is(r->args[1], "list")) {
        reply_array(r, 0);
    } else {
        request_error(r, "ERR unknown subcommand. Try COMMAND, COMMAND COUNT.");
    }
}

static bool printable(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.base[i] <= ' ' || b.base[i] > '~')
            return false;
    return true;
}

static void set_name(struct request *r, struct bytes name)
{
    struct session *s = r->session;
    if (!printable(name)) {
        request_error(r, "ERR Client names cannot contain spaces, newlines or special characters.");
        return;
    }
    if (name.len > sizeof s->name) {
        request_error(r, "ERR the name is longer than 64 bytes");
        return;
    }
    if (name.len > 0)
        memcpy(s->name, name.base, name.len);
    s->name_len = (uint32_t)name.len;
    reply_simple(r, "OK");
}

static void run_client(struct request *r)
{
    struct bytes what = r->args[1];
    if (resp_word_is(what, "id") && r->n == 2)
        reply_integer(r, (int64_t)r->client);
    else if (resp_word_is(what, "getname") && r->n == 2)
        reply_bulk(r, bytes_of(r->session->name, r->session->name_len));
    else if (resp_word_is(what, "setname") && r->n == 3)
        set_name(r, r->args[2]);
    else if (resp_word_is(what, "setinfo") && r->n == 4)
        reply_simple(r, "OK");
    else
        request_error(r, "ERR unknown subcommand or wrong number of arguments for 'client'. Try "
                         "CLIENT ID, GETNAME, SETNAME, SETINFO.");
}

static void run_config(struct request *r)
{
    if (!resp_word_is(r->args[1], "get") || r->n < 3) {
        request_error(r, "ERR only CONFIG GET is there: settings are given when a node starts");
        return;
    }
    char memory[24];
    (void)snprintf(memory, sizeof memory, "%llu",
                   (unsigned long long)r->kv->settings->memory_bytes);
    const char *sync = r->kv->settings->sync == KV__SYNC__NEVER ? "no" : "always";
    const char *const values[][2] = {{"save", ""},
                                     {"appendonly", "yes"},
                                     {"appendfsync", sync},
                                     {"maxmemory", memory},
                                     {"databases", "1"}};
    size_t n = 0;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        n += resp_word_is(r->args[2], values[i][0]) || resp_word_is(r->args[2], "*");
    reply_array(r, 2 * n);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (!resp_word_is(r->args[2], values[i][0]) && !resp_word_is(r->args[2], "*"))
            continue;
        reply_text(r, values[i][0]);
        reply_text(r, values[i][1]);
    }
}

static void run_info(struct request *r)
{
    const struct kv *kv = r->kv;
    char text[1024];
    int n = snprintf(
        text, sizeof text,
        "# Server\r\nredis_version:7.0.0\r\nredis_mode:standalone\r\nserver_name:orrery-kv\r\n\r\n"
        "# Clients\r\nconnected_clients:%u\r\n\r\n"
        "# Memory\r\nused_memory:%llu\r\nmaxmemory:%llu\r\n\r\n"
        "# Persistence\r\nloading:0\r\naof_enabled:1\r\nwal_last:%llu\r\nwal_durable:%llu\r\n"
        "wal_replay_from:%llu\r\n\r\n"
        "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n\r\n"
        "# Keyspace\r\n",
        kv->sessions.n, (unsigned long long)kv->table.bytes,
        (unsigned long long)kv->settings->memory_bytes, (unsigned long long)kv->last[LOG_WAL],
        (unsigned long long)kv->durable[LOG_WAL], (unsigned long long)kv->checkpoint.replay_from);
    CHECK(n > 0 && (size_t)n < sizeof text - 64);
    if (kv->table.keys > 0)
        n += snprintf(text + n, sizeof text - (size_t)n, "db0:keys=%llu,expires=0,avg_ttl=0\r\n",
                      (unsigned long long)kv->table.keys);
    reply_bulk(r, bytes_of(text, (size_t)n));
}

/* HELLO 2 only: the newer protocol is not spoken here. */
static void run_hello(struct request *r)
{
    int64_t version = 2;
    if (r->n > 1 && !resp_number(r->args[1], &version)) {
        request_error(r, "ERR Protocol version is not an integer or out of range");
        return;
    }
    if (version != 2) {
        request_error(r, "NOPROTO unsupported protocol version");
        return;
    }
    reply_array(r, 14);
    reply_text(r, "server");
    reply_text(r, "orrery");
    reply_text(r, "version");
    reply_text(r, "7.0.0");
    reply_text(r, "proto");
    reply_integer(r, 2);
    reply_text(r, "id");
    reply_integer(r, (int64_t)r->client);
    reply_text(r, "mode");
    reply_text(r, "standalone");
    reply_text(r, "role");
    reply_text(r, "master");
    reply_text(r, "modules");
    reply_array(r, 0);
}

const struct command kv_admin_commands[] = {
    {"ping", -1, 0, run_ping, 0, 0, 0},
    {"echo", 2, 0, run_echo, 0, 0, 0},
    {"quit", -1, COMMAND_AT_ONCE, run_quit, 0, 0, 0},
    {"select", 2, 0, run_select, 0, 0, 0},
    {"multi", 1, COMMAND_AT_ONCE, run_multi, 0, 0, 0},
    {"exec", 1, COMMAND_AT_ONCE, run_exec, 0, 0, 0},
    {"discard", 1, COMMAND_AT_ONCE, run_discard, 0, 0, 0},
    {"watch", -2, COMMAND_AT_ONCE, run_watch, 1, -1, 1},
    {"unwatch", 1, 0, run_unwatch, 0, 0, 0},
    {"reset", 1, COMMAND_AT_ONCE, run_reset, 0, 0, 0},
    {"command", -1, 0, run_command, 0, 0, 0},
    {"client", -2, 0, run_client, 0, 0, 0},
    {"config", -2, 0, run_config, 0, 0, 0},
    {"info", -1, 0, run_info, 0, 0, 0},
    {"hello", -1, 0, run_hello, 0, 0, 0},
    {NULL, 0, 0, NULL, 0, 0, 0},
};
