/* The commands that need no key: on the connection, on the node, on the commands themselves; what
 * redis-cli, redis-benchmark and the usual client libraries ask for. */
#include "base/check.h"
#include "machine/machine_impl.h"

#include <stdio.h>
#include <string.h>

enum { INFO_MAX = 4096 };

static void run_ping(struct run *r)
{
    if (r->n > 2)
        reply_error(r, "ERR wrong number of arguments for 'ping' command");
    else if (r->n == 2)
        reply_bulk(r, r->args[1]);
    else
        reply_simple(r, "PONG");
}

static void run_echo(struct run *r)
{
    reply_bulk(r, r->args[1]);
}

/* The connection ends behind this reply; that is the client port's part. */
static void run_quit(struct run *r)
{
    reply_simple(r, "OK");
}

static void run_select(struct run *r)
{
    int64_t n = 0;
    if (!resp_number(r->args[1], &n))
        reply_error(r, "ERR value is not an integer or out of range");
    else if (n < INT32_MIN || n > INT32_MAX)
        reply_error(r, "ERR value is out of range, value must between -2147483648 and 2147483647");
    else if (n != 0)
        reply_error(r, "ERR DB index is out of range");
    else
        reply_simple(r, "OK");
}

struct subcommand {
    const char *name;
    int arity; /* With both names; negative: at least. */
    void (*run)(struct run *r);
};

static void unknown_subcommand(struct run *r)
{
    char name[16];
    char word[129];
    size_t n = reply_quote(name, sizeof name, bytes_str(r->kind->name));
    (void)reply_quote(word, sizeof word, r->args[1]);
    for (size_t i = 0; i < n; i++)
        name[i] = (char)(name[i] - 'a' + 'A');
    reply_error_of(r, "ERR unknown subcommand '%s'. Try %s HELP.", word, name);
}

static const struct subcommand *find_sub(const struct run *r)
{
    const struct subcommand *sub = r->kind->subs;
    while (sub->name && !resp_word_is(r->args[1], sub->name))
        sub++;
    return sub->name ? sub : NULL;
}

bool local_sub_ok(struct run *r)
{
    if (!r->kind->subs || r->n == 1)
        return true;
    const struct subcommand *sub = find_sub(r);
    if (!sub) {
        unknown_subcommand(r);
        return false;
    }
    bool ok = sub->arity >= 0 ? r->n == (uint32_t)sub->arity : r->n >= (uint32_t)-sub->arity;
    if (!ok)
        reply_error_of(r, "ERR wrong number of arguments for '%s|%s' command", r->kind->name,
                       sub->name);
    return ok;
}

static void run_sub(struct run *r)
{
    find_sub(r)->run(r);
}

static void reply_kind(struct run *r, const struct call_kind *k)
{
    const char *use = k->flags & CALL_WRITE ? "write" : "readonly";
    bool keys = (k->flags & (CALL_READ | CALL_WRITE)) != 0;
    reply_array(r, 10);
    reply_text(r, k->name);
    reply_integer(r, k->arity);
    reply_set(r, keys ? 1 + (k->flags & CALL_GROWS ? 1 : 0) : 0);
    if (keys)
        reply_simple(r, use);
    if (k->flags & CALL_GROWS)
        reply_simple(r, "denyoom");
    reply_integer(r, k->first_key);
    reply_integer(r, k->last_key);
    reply_integer(r, k->step);
    reply_set(r, 1);
    reply_simple(r, !keys ? "@connection" : k->flags & CALL_WRITE ? "@write" : "@read");
    for (int i = 0; i < 3; i++) /* Tips, specifications of keys, subcommands. */
        reply_array(r, 0);
}

static size_t count_kinds(void)
{
    size_t n = 0;
    for (const struct call_kind *k = call_next(NULL); k; k = call_next(k))
        n++;
    return n;
}

static void reply_kinds(struct run *r)
{
    reply_array(r, count_kinds());
    for (const struct call_kind *k = call_next(NULL); k; k = call_next(k))
        reply_kind(r, k);
}

static void run_command_count(struct run *r)
{
    reply_integer(r, (int64_t)count_kinds());
}

static void run_command_list(struct run *r)
{
    reply_array(r, count_kinds());
    for (const struct call_kind *k = call_next(NULL); k; k = call_next(k))
        reply_text(r, k->name);
}

static void run_command_info(struct run *r)
{
    if (r->n == 2) {
        reply_kinds(r);
        return;
    }
    reply_array(r, r->n - 2);
    for (uint32_t i = 2; i < r->n; i++) {
        const struct call_kind *k = call_find(r->args[i]);
        if (k)
            reply_kind(r, k);
        else
            reply_null_array(r);
    }
}

static void reply_docs(struct run *r, const struct call_kind *k)
{
    bool keys = (k->flags & (CALL_READ | CALL_WRITE)) != 0;
    reply_text(r, k->name);
    reply_map(r, 3);
    reply_text(r, "summary");
    reply_text(r, k->summary);
    reply_text(r, "since");
    reply_text(r, "1.0.0");
    reply_text(r, "group");
    reply_text(r, keys ? "string" : "connection");
}

static void run_command_docs(struct run *r)
{
    if (r->n == 2) {
        reply_map(r, count_kinds());
        for (const struct call_kind *k = call_next(NULL); k; k = call_next(k))
            reply_docs(r, k);
        return;
    }
    size_t n = 0;
    for (uint32_t i = 2; i < r->n; i++)
        n += call_find(r->args[i]) != NULL;
    reply_map(r, n);
    for (uint32_t i = 2; i < r->n; i++) {
        const struct call_kind *k = call_find(r->args[i]);
        if (k)
            reply_docs(r, k);
    }
}

static const struct subcommand command_subs[] = {{"count", 2, run_command_count},
                                                 {"docs", -2, run_command_docs},
                                                 {"info", -2, run_command_info},
                                                 {"list", 2, run_command_list},
                                                 {NULL, 0, NULL}};

static void run_command(struct run *r)
{
    if (r->n == 1)
        reply_kinds(r);
    else
        run_sub(r);
}

static bool set_name(struct run *r, struct bytes name)
{
    struct connection *c = r->connection;
    for (size_t i = 0; i < name.len; i++)
        if (name.base[i] <= ' ' || name.base[i] > '~') {
            reply_error(r,
                        "ERR Client names cannot contain spaces, newlines or special characters.");
            return false;
        }
    if (name.len > sizeof c->name) {
        reply_error(r, "ERR the name is longer than 64 bytes");
        return false;
    }
    if (name.len > 0)
        memcpy(c->name, name.base, name.len);
    c->name_len = (uint32_t)name.len;
    return true;
}

static void run_client_id(struct run *r)
{
    reply_integer(r, (int64_t)r->connection->client);
}

static void run_client_getname(struct run *r)
{
    const struct connection *c = r->connection;
    if (c->name_len > 0)
        reply_bulk(r, bytes_of(c->name, c->name_len));
    else
        reply_null(r);
}

static void run_client_setname(struct run *r)
{
    if (set_name(r, r->args[2]))
        reply_simple(r, "OK");
}

/* What a library says of itself is heard, and not kept. */
static void run_client_setinfo(struct run *r)
{
    reply_simple(r, "OK");
}

static const struct subcommand client_subs[] = {{"id", 2, run_client_id},
                                                {"getname", 2, run_client_getname},
                                                {"setname", 3, run_client_setname},
                                                {"setinfo", 4, run_client_setinfo},
                                                {NULL, 0, NULL}};

static struct about about_of(struct run *r)
{
    struct about about = {.mode = "standalone", .role = "master"};
    if (r->all->about)
        r->all->about(r->all->ctx, r->arena, &about);
    return about;
}

static bool wanted(const struct run *r, const char *name)
{
    for (uint32_t i = 2; i < r->n; i++)
        if (resp_word_is(r->args[i], name) || resp_word_is(r->args[i], "*"))
            return true;
    return false;
}

static void run_config_get(struct run *r)
{
    static const char *const nothing[][2] = {{NULL, NULL}};
    struct about about = about_of(r);
    const char *const(*config)[2] = about.config ? about.config : nothing;
    size_t n = 0;
    for (size_t i = 0; config[i][0]; i++)
        n += wanted(r, config[i][0]);
    reply_map(r, n);
    for (size_t i = 0; config[i][0]; i++)
        if (wanted(r, config[i][0])) {
            reply_text(r, config[i][0]);
            reply_text(r, config[i][1]);
        }
}

static void run_config_set(struct run *r)
{
    reply_error(r, "ERR only CONFIG GET is there: settings are given when a node starts");
}

static const struct subcommand config_subs[] = {
    {"get", -3, run_config_get}, {"set", -4, run_config_set}, {NULL, 0, NULL}};

/* A section of INFO by its name, with the empty line between two. */
static bool info_wants(const struct run *r, struct bytes title)
{
    static const char *const all[] = {"all", "everything", "default"};
    char name[32];
    (void)reply_quote(name, sizeof name, title);
    bool wants = r->n == 1;
    for (uint32_t i = 1; i < r->n; i++) {
        wants = wants || resp_word_is(r->args[i], name);
        for (int j = 0; j < 3; j++)
            wants = wants || resp_word_is(r->args[i], all[j]);
    }
    return wants;
}

/* Of sections, "# Title" and lines, those that were asked for. */
static size_t info_pick(const struct run *r, struct bytes from, char *to, size_t size)
{
    bool wants = false;
    size_t len = 0;
    for (size_t at = 0; at < from.len;) {
        const uint8_t *line = from.base + at;
        const uint8_t *end = memchr(line, '\n', from.len - at);
        CHECK(end && end > line); /* Our own text. */
        size_t n = (size_t)(end - line) + 1;
        if (line[0] == '#') {
            wants = info_wants(r, bytes_of(line + 2, n - 4));
            if (wants && len > 0 && len + 2 <= size) {
                memcpy(to + len, "\r\n", 2);
                len += 2;
            }
        }
        if (wants && n <= size - len) {
            memcpy(to + len, line, n);
            len += n;
        }
        at += n;
    }
    return len;
}

static void run_info(struct run *r)
{
    const struct machine *m = r->m;
    struct about about = about_of(r);
    char text[INFO_MAX];
    char picked[INFO_MAX];
    int n = snprintf(text, sizeof text,
                     "# Server\r\nredis_version:7.0.0\r\nredis_mode:%s\r\nserver_name:orrery\r\n"
                     "# Clients\r\nconnected_clients:%u\r\n"
                     "# Memory\r\nused_memory:%llu\r\nmaxmemory:%llu\r\n"
                     "%.*s# Replication\r\nrole:%s\r\nconnected_slaves:0\r\n# Keyspace\r\n",
                     about.mode, r->all->n, (unsigned long long)m->table.bytes,
                     (unsigned long long)m->memory_bytes, (int)about.info.len,
                     about.info.len > 0 ? (const char *)about.info.base : "", about.role);
    CHECK(n > 0 && (size_t)n < sizeof text - 96);
    if (m->table.keys > 0)
        n += snprintf(text + n, sizeof text - (size_t)n, "db0:keys=%llu,expires=%u,avg_ttl=0\r\n",
                      (unsigned long long)m->table.keys, m->table.n_due);
    size_t len = info_pick(r, bytes_of(text, (size_t)n), picked, sizeof picked);
    reply_verbatim(r, bytes_of(picked, len));
}

/* HELLO [version [AUTH user password] [SETNAME name]]: any password of the user default is good,
 * since none is set. False: it is refused. */
static bool hello_options(struct run *r)
{
    for (uint32_t i = 2; i < r->n; i++) {
        bool auth = resp_word_is(r->args[i], "auth") && i + 2 < r->n;
        if (auth && resp_word_is(r->args[i + 1], "default")) {
            i += 2;
        } else if (auth) {
            reply_error(r, "WRONGPASS invalid username-password pair or user is disabled.");
            return false;
        } else if (resp_word_is(r->args[i], "setname") && i + 1 < r->n) {
            if (!set_name(r, r->args[++i]))
                return false;
        } else {
            char word[65];
            (void)reply_quote(word, sizeof word, r->args[i]);
            reply_error_of(r, "ERR Syntax error in HELLO option '%s'", word);
            return false;
        }
    }
    return true;
}

static void run_hello(struct run *r)
{
    int64_t version = r->resp3 ? 3 : 2;
    if (r->n > 1 && !resp_number(r->args[1], &version)) {
        reply_error(r, "ERR Protocol version is not an integer or out of range");
        return;
    }
    if (version != 2 && version != 3) {
        reply_error(r, "NOPROTO unsupported protocol version");
        return;
    }
    if (!hello_options(r))
        return;
    r->resp3 = r->connection->resp3 = version == 3;
    struct about about = about_of(r);
    reply_map(r, 7);
    reply_text(r, "server");
    reply_text(r, "orrery");
    reply_text(r, "version");
    reply_text(r, "7.0.0");
    reply_text(r, "proto");
    reply_integer(r, version);
    reply_text(r, "id");
    reply_integer(r, (int64_t)r->connection->client);
    reply_text(r, "mode");
    reply_text(r, about.mode);
    reply_text(r, "role");
    reply_text(r, about.role);
    reply_text(r, "modules");
    reply_array(r, 0);
}

#define AT_ONCE(name, arity, run, first, last, step, summary)                                      \
    {                                                                                              \
        name, arity, CALL_AT_ONCE, run, NULL, NULL, first, last, step, summary, NULL               \
    }
#define LOCAL(name, arity, run, subs, summary)                                                     \
    {                                                                                              \
        name, arity, 0, run, NULL, NULL, 0, 0, 0, summary, subs                                    \
    }

const struct call_kind local_calls[] = {
    LOCAL("ping", -1, run_ping, NULL, "Answers PONG."),
    LOCAL("echo", 2, run_echo, NULL, "Answers what it is given."),
    AT_ONCE("quit", -1, run_quit, 0, 0, 0, "Ends the connection."),
    LOCAL("select", 2, run_select, NULL, "Chooses a database: there is one, 0."),
    AT_ONCE("multi", 1, connection_run_multi, 0, 0, 0, "Begins a transaction."),
    AT_ONCE("exec", 1, connection_run_exec, 0, 0, 0, "Runs the transaction, all or nothing."),
    AT_ONCE("discard", 1, connection_run_discard, 0, 0, 0, "Drops the transaction."),
    AT_ONCE("watch", -2, connection_run_watch, 1, -1, 1,
            "Has EXEC refuse if a key has changed until then."),
    LOCAL("unwatch", 1, connection_run_unwatch, NULL, "Watches no key any more."),
    AT_ONCE("reset", 1, connection_run_reset, 0, 0, 0, "Makes the connection as if new."),
    LOCAL("command", -1, run_command, command_subs, "Tells about commands."),
    LOCAL("client", -2, run_sub, client_subs, "Tells about the connection, and names it."),
    LOCAL("config", -2, run_sub, config_subs, "Tells the settings."),
    LOCAL("info", -1, run_info, NULL, "Tells about the node."),
    LOCAL("hello", -1, run_hello, NULL, "Chooses the version of the protocol."),
    {0},
};
