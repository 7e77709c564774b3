/* The commands on keys. Their words, replies and errors are those of redis-server 7.0. */
#include "kv_impl.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

static struct entry *find(struct request *r, struct bytes key)
{
    return table_find(&r->kv->table, key);
}

/* Reads a key into the history. */
static struct entry *read_key(struct request *r, struct bytes key)
{
    struct entry *e = find(r, key);
    struct history_op *op = request_op(r, "get", key);
    op->reads = true;
    op->absent = !e;
    if (e)
        op->value = request_brief(r, entry_value(e));
    return e;
}

static void reply_entry(struct request *r, const struct entry *e)
{
    if (e)
        reply_value(r, entry_value(e));
    else
        reply_null(r);
}

static void run_get(struct request *r)
{
    reply_entry(r, read_key(r, r->args[1]));
}

static void run_mget(struct request *r)
{
    reply_array(r, r->n - 1);
    for (uint32_t i = 1; i < r->n && !r->reply.overflow; i++)
        reply_entry(r, read_key(r, r->args[i]));
}

static struct history_op *tell_set(struct request *r, struct bytes key, struct bytes value)
{
    struct history_op *op = request_op(r, "set", key);
    op->value = request_brief(r, value);
    return op;
}

struct set_options {
    bool nx;
    bool xx;
    bool get;
};

static bool parse_set(const struct request *r, struct set_options *o)
{
    *o = (struct set_options){false, false, false};
    for (uint32_t i = 3; i < r->n; i++) {
        if (resp_word_is(r->args[i], "nx"))
            o->nx = true;
        else if (resp_word_is(r->args[i], "xx"))
            o->xx = true;
        else if (resp_word_is(r->args[i], "get"))
            o->get = true;
        else
            return false;
    }
    return !(o->nx && o->xx);
}

static void set_key(struct request *r, const struct set_options *o)
{
    struct bytes key = r->args[1];
    const struct entry *old = o->get ? read_key(r, key) : find(r, key);
    bool refused = (o->nx && old) || (o->xx && !old);
    /* The old value leaves as a copy, since its place is written to. */
    struct bytes before = old && o->get ? entry_value(old) : bytes_of(NULL, 0);
    bool there = old != NULL;
    uint8_t *copy = before.len > 0 ? request_alloc(r, before.len) : NULL;
    if (before.len > 0 && !copy) {
        request_refuse(r, ERROR_TOO_LARGE);
        return;
    }
    if (before.len > 0)
        memcpy(copy, before.base, before.len);
    struct history_op *op = tell_set(r, key, r->args[2]);
    op->failed = refused;
    int error = refused ? 0 : request_put(r, key, r->args[2]);
    if (error != 0)
        request_refuse(r, error);
    else if (o->get && there)
        reply_bulk(r, bytes_of(copy, before.len));
    else if (o->get || refused)
        reply_null(r);
    else
        reply_simple(r, "OK");
}

static void run_set(struct request *r)
{
    struct set_options o;
    if (parse_set(r, &o))
        set_key(r, &o);
    else
        request_error(r, "ERR syntax error");
}

static void run_setnx(struct request *r)
{
    bool there = find(r, r->args[1]) != NULL;
    tell_set(r, r->args[1], r->args[2])->failed = there;
    int error = there ? 0 : request_put(r, r->args[1], r->args[2]);
    if (error != 0)
        request_refuse(r, error);
    else
        reply_integer(r, there ? 0 : 1);
}

/* All or none, also when memory ends: so it is looked at before. */
static void run_mset(struct request *r)
{
    if (r->n % 2 == 0) {
        request_error(r, "ERR wrong number of arguments for 'mset' command");
        return;
    }
    struct table *t = &r->kv->table;
    size_t bytes = 0;
    for (uint32_t i = 1; i < r->n; i++)
        bytes += r->args[i].len;
    bool room = request_room(r, bytes, r->n / 2);
    for (uint32_t i = 1; room && i < r->n; i += 2)
        room = table_fits(t, bytes_of(r->args[i].base, r->args[i].len),
                          bytes - r->args[i].len + (r->n / 2) * KV_ENTRY_EXTRA);
    if (!room) {
        request_refuse(r, ERROR_NO_MEMORY);
        return;
    }
    t->steady = true;
    for (uint32_t i = 1; i < r->n; i += 2) {
        tell_set(r, r->args[i], r->args[i + 1]);
        int error = request_put(r, r->args[i], r->args[i + 1]);
        CHECK(error == 0);
    }
    t->steady = false;
    reply_simple(r, "OK");
}

static void delete_key(struct request *r, struct bytes key, int64_t *count)
{
    struct history_op *op = request_op(r, "del", key);
    if (!find(r, key))
        return;
    op->result = 1;
    ++*count;
    request_remove(r, key);
}

/* What a record can still take of deletions. */
static bool may_delete(const struct request *r)
{
    size_t size = 0;
    for (uint32_t i = 1; i < r->n; i++)
        size += pack_change_size(r->args[i].len, 0);
    return size <= CHANGE_MAX - r->change_size && r->n <= WRITES_MAX - r->n_changes &&
           r->n * (sizeof(struct change) + 64) <= STEP_MEMORY_MAX - r->spent;
}

static void run_del(struct request *r)
{
    int64_t count = 0;
    if (!may_delete(r)) {
        request_refuse(r, ERROR_TOO_LARGE);
        return;
    }
    for (uint32_t i = 1; i < r->n; i++)
        delete_key(r, r->args[i], &count);
    reply_integer(r, count);
}

static void run_getdel(struct request *r)
{
    const struct entry *e = read_key(r, r->args[1]);
    if (!may_delete(r)) {
        request_refuse(r, ERROR_TOO_LARGE);
        return;
    }
    if (!e) {
        reply_null(r);
        return;
    }
    int64_t count = 0;
    reply_bulk(r, entry_value(e));
    delete_key(r, r->args[1], &count);
}

static void run_exists(struct request *r)
{
    int64_t count = 0;
    for (uint32_t i = 1; i < r->n; i++) {
        struct history_op *op = request_op(r, "exists", r->args[i]);
        op->result = find(r, r->args[i]) != NULL;
        count += op->result;
    }
    reply_integer(r, count);
}

static void run_strlen(struct request *r)
{
    const struct entry *e = find(r, r->args[1]);
    struct history_op *op = request_op(r, "length", r->args[1]);
    op->result = e ? e->value_len : 0;
    reply_integer(r, op->result);
}

static void run_append(struct request *r)
{
    struct bytes key = r->args[1];
    struct bytes more = r->args[2];
    const struct entry *e = find(r, key);
    struct history_op *op = request_op(r, "append", key);
    op->value = request_brief(r, more);
    size_t old = e ? e->value_len : 0;
    uint8_t *value = more.len <= KV_VALUE_MAX ? request_alloc(r, old + more.len) : NULL;
    if (!value) {
        request_refuse(r, ERROR_TOO_LARGE);
        return;
    }
    if (old > 0)
        memcpy(value, entry_value(e).base, old);
    if (more.len > 0)
        memcpy(value + old, more.base, more.len);
    int error = request_put(r, key, bytes_of(value, old + more.len));
    if (error != 0) {
        request_refuse(r, error);
        return;
    }
    op->result = (int64_t)(old + more.len);
    reply_integer(r, op->result);
}

static void increase(struct request *r, int64_t by)
{
    struct bytes key = r->args[1];
    const struct entry *e = find(r, key);
    int64_t value = 0;
    struct history_op *op = request_op(r, "incr", key);
    op->by = by;
    if (e && !resp_number(entry_value(e), &value)) {
        request_error(r, "ERR value is not an integer or out of range");
        return;
    }
    if ((by > 0 && value > INT64_MAX - by) || (by < 0 && value < INT64_MIN - by)) {
        request_error(r, "ERR increment or decrement would overflow");
        return;
    }
    value += by;
    char *text = request_alloc(r, 24);
    int n = text ? snprintf(text, 24, "%lld", (long long)value) : 0;
    int error = text ? request_put(r, key, bytes_of(text, (size_t)n)) : ERROR_TOO_LARGE;
    if (error != 0) {
        request_refuse(r, error);
        return;
    }
    op->result = value;
    reply_integer(r, value);
}

static void run_incr(struct request *r)
{
    increase(r, 1);
}

static void run_decr(struct request *r)
{
    increase(r, -1);
}

static void run_incrby(struct request *r)
{
    int64_t by = 0;
    if (resp_number(r->args[2], &by))
        increase(r, by);
    else
        request_error(r, "ERR value is not an integer or out of range");
}

static void run_decrby(struct request *r)
{
    int64_t by = 0;
    if (!resp_number(r->args[2], &by))
        request_error(r, "ERR value is not an integer or out of range");
    else if (by == INT64_MIN)
        request_error(r, "ERR decrement would overflow");
    else
        increase(r, -by);
}

static void run_type(struct request *r)
{
    reply_simple(r, find(r, r->args[1]) ? "string" : "none");
}

static void run_dbsize(struct request *r)
{
    reply_integer(r, (int64_t)r->kv->table.keys);
}

static void run_flush(struct request *r)
{
    bool ok =
        r->n == 1 ||
        (r->n == 2 && (resp_word_is(r->args[1], "sync") || resp_word_is(r->args[1], "async")));
    if (!ok) {
        request_error(r, "ERR syntax error");
        return;
    }
    (void)request_op(r, "flush", bytes_of(NULL, 0));
    if (r->n_changes == WRITES_MAX || CHANGE_MAX - r->change_size < pack_change_size(0, 0) ||
        STEP_MEMORY_MAX - r->spent < sizeof(struct change)) {
        request_refuse(r, ERROR_TOO_LARGE);
        return;
    }
    if (r->kv->table.keys > 0)
        request_remove_all(r);
    reply_simple(r, "OK");
}

/* One set of a pattern, "[a-z]" or "[^abc]", against one byte. *at is moved behind it. */
static bool in_set(struct bytes pattern, size_t *at, uint8_t c)
{
    size_t i = *at + 1;
    bool negated = i < pattern.len && pattern.base[i] == '^';
    bool found = false;
    for (i += negated; i < pattern.len && pattern.base[i] != ']'; i++) {
        uint8_t low = pattern.base[i];
        if (low == '\\' && i + 1 < pattern.len)
            low = pattern.base[++i];
        uint8_t high = low;
        if (i + 2 < pattern.len && pattern.base[i + 1] == '-') {
            high = pattern.base[i + 2];
            i += 2;
        }
        if (low > high) {
            uint8_t swap = low;
            low = high;
            high = swap;
        }
        found = found || (c >= low && c <= high);
    }
    *at = i < pattern.len ? i + 1 : i;
    return found != negated;
}

/* Shell patterns as KEYS takes them. On a mismatch only the last star is tried again, so the time
 * is at most the product of both lengths, whatever the pattern. */
static bool matches(struct bytes pattern, struct bytes key)
{
    size_t p = 0;
    size_t k = 0;
    size_t star = SIZE_MAX;
    size_t star_key = 0;
    while (k < key.len) {
        size_t next = p;
        bool one = false;
        if (p < pattern.len && pattern.base[p] == '*') {
            star = p++;
            star_key = k;
            continue;
        }
        if (p < pattern.len && pattern.base[p] == '[') {
            one = in_set(pattern, &next, key.base[k]);
        } else if (p < pattern.len) {
            bool escaped = pattern.base[p] == '\\' && p + 1 < pattern.len;
            one = (!escaped && pattern.base[p] == '?') || pattern.base[p + escaped] == key.base[k];
            next = p + 1 + escaped;
        }
        if (one) {
            p = next;
            k++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            k = ++star_key;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.base[p] == '*')
        p++;
    return p == pattern.len;
}

static uint64_t count_matching(const struct page *p, struct bytes pattern)
{
    uint64_t n = 0;
    for (const struct entry *e = table_next(p, NULL); e; e = table_next(p, e))
        n += matches(pattern, entry_key(e));
    return n;
}

static void reply_matching(struct request *r, const struct page *p, struct bytes pattern)
{
    for (const struct entry *e = table_next(p, NULL); e && !r->reply.overflow; e = table_next(p, e))
        if (matches(pattern, entry_key(e)))
            reply_bulk(r, entry_key(e));
}

static void reply_keys(struct request *r, uint32_t from, uint32_t to, struct bytes pattern)
{
    const struct table *t = &r->kv->table;
    uint64_t n = 0;
    for (uint32_t i = from; i < to; i++)
        n += count_matching(&t->pages[i], pattern);
    reply_array(r, n);
    for (uint32_t i = from; i < to; i++)
        reply_matching(r, &t->pages[i], pattern);
}

static void run_keys(struct request *r)
{
    reply_keys(r, 0, r->kv->table.n, r->args[1]);
}

/* The cursor is a page: what stays in the table while a scan goes on is seen exactly once. */
static void run_scan(struct request *r)
{
    int64_t cursor = 0;
    int64_t count = 10;
    struct bytes pattern = bytes_str("*");
    if (!resp_number(r->args[1], &cursor) || cursor < 0) {
        request_error(r, "ERR invalid cursor");
        return;
    }
    for (uint32_t i = 2; i < r->n; i += 2) {
        bool is_count = i + 1 < r->n && resp_word_is(r->args[i], "count");
        bool is_match = i + 1 < r->n && resp_word_is(r->args[i], "match");
        if (is_match)
            pattern = r->args[i + 1];
        if ((!is_count && !is_match) || (is_count && !resp_number(r->args[i + 1], &count)) ||
            count < 1) {
            request_error(r, "ERR syntax error");
            return;
        }
    }
    const struct table *t = &r->kv->table;
    uint32_t from = cursor < t->n ? (uint32_t)cursor : t->n;
    uint32_t to = from;
    for (uint64_t keys = 0; to < t->n && (to == from || keys < (uint64_t)count); to++)
        keys += t->pages[to].keys;
    char text[16];
    int n = snprintf(text, sizeof text, "%u", to < t->n ? to : 0);
    reply_array(r, 2);
    reply_bulk(r, bytes_of(text, (size_t)n));
    reply_keys(r, from, to, pattern);
}

enum { GROWS = COMMAND_WRITE | COMMAND_GROWS };

const struct command kv_key_commands[] = {
    {"get", 2, COMMAND_READ, run_get, 1, 1, 1},
    {"set", -3, GROWS, run_set, 1, 1, 1},
    {"incr", 2, GROWS, run_incr, 1, 1, 1},
    {"mset", -3, GROWS, run_mset, 1, -1, 2},
    {"mget", -2, COMMAND_READ, run_mget, 1, -1, 1},
    {"del", -2, COMMAND_WRITE, run_del, 1, -1, 1},
    {"unlink", -2, COMMAND_WRITE, run_del, 1, -1, 1},
    {"exists", -2, COMMAND_READ, run_exists, 1, -1, 1},
    {"decr", 2, GROWS, run_decr, 1, 1, 1},
    {"incrby", 3, GROWS, run_incrby, 1, 1, 1},
    {"decrby", 3, GROWS, run_decrby, 1, 1, 1},
    {"append", 3, GROWS, run_append, 1, 1, 1},
    {"strlen", 2, COMMAND_READ, run_strlen, 1, 1, 1},
    {"setnx", 3, GROWS, run_setnx, 1, 1, 1},
    {"getdel", 2, COMMAND_WRITE, run_getdel, 1, 1, 1},
    {"type", 2, COMMAND_READ, run_type, 1, 1, 1},
    {"dbsize", 1, COMMAND_READ, run_dbsize, 0, 0, 0},
    {"keys", 2, COMMAND_READ, run_keys, 0, 0, 0},
    {"scan", -2, COMMAND_READ, run_scan, 0, 0, 0},
    {"flushall", -1, COMMAND_WRITE, run_flush, 0, 0, 0},
    {"flushdb", -1, COMMAND_WRITE, run_flush, 0, 0, 0},
    {NULL, 0, 0, NULL, 0, 0, 0},
};
