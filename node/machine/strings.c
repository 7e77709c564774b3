/* The commands on keys and their values. Their words, replies and errors are those of redis-server
 * 7.0; CAS is ours. */
#include "base/check.h"
#include "machine/machine_impl.h"

#include <stdio.h>
#include <string.h>

static const char not_a_number[] = "ERR value is not an integer or out of range";

/* Reads a key into the history. */
static const struct entry *read_key(struct run *r, uint32_t op, struct bytes key)
{
    const struct entry *e = run_find(r, key);
    struct history_op *told = run_op(r, op);
    told->reads = true;
    told->absent = !e;
    if (e)
        told->value = run_brief(r, entry_value(e));
    return e;
}

static void reply_entry(struct run *r, const struct entry *e)
{
    if (e)
        reply_value(r, entry_value(e));
    else
        reply_null(r);
}

/* Says OK, or why not. */
static void reply_put(struct run *r, int error)
{
    if (error != 0)
        run_refuse(r, error);
    else
        reply_simple(r, "OK");
}

static void tell_set(struct run *r, struct bytes key, struct bytes value)
{
    struct history_op *op = tell(r, "set", key);
    op->value = run_brief(r, value);
}

static void run_get(struct run *r)
{
    reply_entry(r, read_key(r, 0, r->args[1]));
}

static void run_mget(struct run *r)
{
    reply_array(r, r->n - 1);
    for (uint32_t i = 1; i < r->n && !r->reply.overflow; i++)
        reply_entry(r, read_key(r, i - 1, r->args[i]));
}

/* What is replied with the old value of a key that is written to: a copy, made before. False: it
 * does not fit, and that is replied. */
static bool copy_old(struct run *r, const struct entry *old, struct bytes *copy)
{
    *copy = old ? run_copy(r, entry_value(old)) : bytes_of(NULL, 0);
    if (old && !copy->base)
        run_refuse(r, ERROR_TOO_LARGE);
    return !old || copy->base;
}

static void reply_old(struct run *r, struct bytes copy)
{
    if (copy.base)
        reply_bulk(r, copy);
    else
        reply_null(r);
}

struct set_options {
    bool nx;
    bool xx;
    bool get;
    bool keep;
    struct lifetime lifetime;
};

static bool parse_set(const struct run *r, struct set_options *o)
{
    *o = (struct set_options){0};
    for (uint32_t i = 3; i < r->n; i++) {
        struct bytes word = r->args[i];
        if (resp_word_is(word, "nx") && !o->xx)
            o->nx = true;
        else if (resp_word_is(word, "xx") && !o->nx)
            o->xx = true;
        else if (resp_word_is(word, "get"))
            o->get = true;
        else if (resp_word_is(word, "keepttl") && !o->lifetime.unit)
            o->keep = true;
        else if (o->keep || i + 1 == r->n || !lifetime_option(word, r->args[++i], &o->lifetime))
            return false;
    }
    return true;
}

static void tell_set_command(struct run *r)
{
    struct set_options o;
    bool ok = parse_set(r, &o);
    if (ok && o.get)
        (void)tell(r, "get", r->args[1]);
    tell_set(r, r->args[1], r->args[2]);
    if (ok && (o.lifetime.unit || o.keep))
        (void)tell(r, "expire", r->args[1]);
}

static void set_key(struct run *r, const struct set_options *o, int64_t expires_ms)
{
    struct bytes key = r->args[1];
    const struct entry *old = o->get ? read_key(r, 0, key) : run_find(r, key);
    bool refused = (o->nx && old) || (o->xx && !old);
    struct bytes copy = {NULL, 0};
    if (o->get && !copy_old(r, old, &copy))
        return;
    if (refused) {
        for (uint32_t i = r->first_op + o->get; i < r->result->n_ops; i++)
            r->result->ops[i].failed = true;
    } else {
        int64_t kept = o->keep && old ? old->expires_ms : expires_ms;
        int error = run_put(r, key, r->args[2], kept);
        if (error != 0) {
            run_refuse(r, error);
            return;
        }
    }
    if (o->get)
        reply_old(r, copy);
    else if (refused)
        reply_null(r);
    else
        reply_simple(r, "OK");
}

static void run_set(struct run *r)
{
    struct set_options o;
    int64_t expires_ms = 0;
    if (!parse_set(r, &o))
        reply_error(r, "ERR syntax error");
    else if (!o.lifetime.unit || lifetime_end(r, &o.lifetime, &expires_ms))
        set_key(r, &o, expires_ms);
}

static void tell_value(struct run *r)
{
    tell_set(r, r->args[1], r->args[r->n - 1]);
}

static void run_setnx(struct run *r)
{
    bool there = run_find(r, r->args[1]) != NULL;
    run_op(r, 0)->failed = there;
    int error = there ? 0 : run_put(r, r->args[1], r->args[2], 0);
    if (error != 0)
        run_refuse(r, error);
    else
        reply_integer(r, there ? 0 : 1);
}

static void tell_setex(struct run *r)
{
    tell_set(r, r->args[1], r->args[3]);
    (void)tell(r, "expire", r->args[1]);
}

static void run_setex(struct run *r)
{
    const struct lifetime l = {.unit = r->kind->name[0] == 'p' ? UNIT_MS : UNIT_S,
                               .given = r->args[2]};
    int64_t expires_ms = 0;
    if (lifetime_end(r, &l, &expires_ms))
        reply_put(r, run_put(r, r->args[1], r->args[3], expires_ms));
}

static void tell_getset(struct run *r)
{
    (void)tell(r, "get", r->args[1]);
    tell_set(r, r->args[1], r->args[2]);
}

static void run_getset(struct run *r)
{
    const struct set_options o = {.get = true};
    set_key(r, &o, 0);
}

static void tell_mset(struct run *r)
{
    for (uint32_t i = 1; i + 1 < r->n; i += 2)
        tell_set(r, r->args[i], r->args[i + 1]);
}

/* All or none, also when memory ends: so it is looked at before. */
static void run_mset(struct run *r)
{
    if (r->n % 2 == 0) {
        reply_error(r, "ERR wrong number of arguments for 'mset' command");
        return;
    }
    struct table *t = &r->m->table;
    size_t bytes = 0;
    for (uint32_t i = 1; i < r->n; i++)
        bytes += r->args[i].len;
    bool room = run_room(r, bytes, r->n / 2);
    for (uint32_t i = 1; room && i < r->n; i += 2)
        room = table_fits(table_page(t, table_hash(r->args[i])), r->args[i].len,
                          bytes - r->args[i].len + (r->n / 2) * TABLE_ENTRY_EXTRA);
    if (!room) {
        run_refuse(r, ERROR_NO_MEMORY);
        return;
    }
    t->steady = true;
    for (uint32_t i = 1; i < r->n; i += 2) {
        int error = run_put(r, r->args[i], r->args[i + 1], 0);
        CHECK(error == 0);
    }
    t->steady = false;
    reply_simple(r, "OK");
}

static bool delete_key(struct run *r, uint32_t op, struct bytes key)
{
    bool there = run_find(r, key) != NULL;
    if (there)
        run_remove(r, key);
    run_op(r, op)->result = there;
    return there;
}

static void run_del(struct run *r)
{
    int64_t count = 0;
    if (!run_may_remove(r, r->args + 1, r->n - 1)) {
        run_refuse(r, ERROR_TOO_LARGE);
        return;
    }
    for (uint32_t i = 1; i < r->n; i++)
        count += delete_key(r, i - 1, r->args[i]);
    reply_integer(r, count);
}

static void tell_getdel(struct run *r)
{
    (void)tell(r, "get", r->args[1]);
    (void)tell(r, "del", r->args[1]);
}

static void run_getdel(struct run *r)
{
    const struct entry *e = read_key(r, 0, r->args[1]);
    if (!run_may_remove(r, r->args + 1, 1)) {
        run_refuse(r, ERROR_TOO_LARGE);
    } else if (!e) {
        reply_null(r);
    } else {
        reply_bulk(r, entry_value(e));
        (void)delete_key(r, 1, r->args[1]);
    }
}

static void run_exists(struct run *r)
{
    int64_t count = 0;
    for (uint32_t i = 1; i < r->n; i++) {
        int64_t there = run_find(r, r->args[i]) != NULL;
        run_op(r, i - 1)->result = there;
        count += there;
    }
    reply_integer(r, count);
}

static void run_strlen(struct run *r)
{
    const struct entry *e = run_find(r, r->args[1]);
    int64_t n = e ? e->value_len : 0;
    run_op(r, 0)->result = n;
    reply_integer(r, n);
}

static void tell_append(struct run *r)
{
    struct history_op *op = tell(r, "append", r->args[1]);
    op->value = run_brief(r, r->args[2]);
}

static void run_append(struct run *r)
{
    struct bytes key = r->args[1];
    struct bytes more = r->args[2];
    const struct entry *e = run_find(r, key);
    size_t old = e ? e->value_len : 0;
    uint8_t *value = more.len <= TABLE_VALUE_MAX ? run_alloc(r, old + more.len) : NULL;
    if (!value) {
        run_refuse(r, ERROR_TOO_LARGE);
        return;
    }
    if (old > 0)
        memcpy(value, entry_value(e).base, old);
    if (more.len > 0)
        memcpy(value + old, more.base, more.len);
    int error = run_put(r, key, bytes_of(value, old + more.len), e ? e->expires_ms : 0);
    if (error != 0) {
        run_refuse(r, error);
        return;
    }
    run_op(r, 0)->result = (int64_t)(old + more.len);
    reply_integer(r, (int64_t)(old + more.len));
}

/* By how much; false where the words are wrong, and that is replied if anybody listens. */
static bool increment_of(const struct run *r, int64_t *by, const char **wrong)
{
    bool down = r->kind->name[0] == 'd';
    *by = 1;
    *wrong = not_a_number;
    if (r->n > 2 && !resp_number(r->args[2], by))
        return false;
    *wrong = "ERR decrement would overflow";
    if (down && *by == INT64_MIN)
        return false;
    *by = down ? -*by : *by;
    return true;
}

static void tell_increase(struct run *r)
{
    const char *wrong;
    int64_t by = 0;
    struct history_op *op = tell(r, "incr", r->args[1]);
    if (increment_of(r, &by, &wrong))
        op->by = by;
}

static void run_increase(struct run *r)
{
    struct bytes key = r->args[1];
    const char *wrong;
    int64_t by = 0;
    if (!increment_of(r, &by, &wrong)) {
        reply_error(r, wrong);
        return;
    }
    const struct entry *e = run_find(r, key);
    int64_t value = 0;
    if (e && !resp_number(entry_value(e), &value)) {
        reply_error(r, not_a_number);
        return;
    }
    if ((by > 0 && value > INT64_MAX - by) || (by < 0 && value < INT64_MIN - by)) {
        reply_error(r, "ERR increment or decrement would overflow");
        return;
    }
    value += by;
    char *text = run_alloc(r, 24);
    int n = text ? snprintf(text, 24, "%lld", (long long)value) : 0;
    int error =
        text ? run_put(r, key, bytes_of(text, (size_t)n), e ? e->expires_ms : 0) : ERROR_TOO_LARGE;
    if (error != 0) {
        run_refuse(r, error);
        return;
    }
    run_op(r, 0)->result = value;
    reply_integer(r, value);
}

static void tell_cas(struct run *r)
{
    struct history_op *op = tell(r, "cas", r->args[1]);
    op->expected = run_brief(r, r->args[2]);
    op->value = run_brief(r, r->args[3]);
}

/* CAS key old new: 1 if the value was `old` and is `new` now, else 0. When the key expires stays.
 */
static void run_cas(struct run *r)
{
    const struct entry *e = run_find(r, r->args[1]);
    bool same = e && bytes_equal(entry_value(e), r->args[2]);
    int error = same ? run_put(r, r->args[1], r->args[3], e->expires_ms) : 0;
    if (error != 0) {
        run_refuse(r, error);
        return;
    }
    run_op(r, 0)->result = same;
    reply_integer(r, same);
}

static void run_type(struct run *r)
{
    bool there = run_find(r, r->args[1]) != NULL;
    run_op(r, 0)->result = there;
    reply_simple(r, there ? "string" : "none");
}

enum { GROWS = CALL_WRITE | CALL_GROWS };

const struct call_kind string_calls[] = {
    {"get", 2, CALL_READ, run_get, tell_keys, "get", 1, 1, 1, "Gives the value of a key.", NULL},
    {"set", -3, GROWS, run_set, tell_set_command, NULL, 1, 1, 1, "Sets the value of a key.", NULL},
    {"incr", 2, GROWS, run_increase, tell_increase, NULL, 1, 1, 1, "Adds one to a number.", NULL},
    {"mset", -3, GROWS, run_mset, tell_mset, NULL, 1, -1, 2, "Sets several keys, all or none.",
     NULL},
    {"mget", -2, CALL_READ, run_mget, tell_keys, "get", 1, -1, 1, "Gives the values of keys.",
     NULL},
    {"del", -2, CALL_WRITE, run_del, tell_keys, "del", 1, -1, 1, "Deletes keys.", NULL},
    {"unlink", -2, CALL_WRITE, run_del, tell_keys, "del", 1, -1, 1, "Deletes keys, as DEL does.",
     NULL},
    {"exists", -2, CALL_READ, run_exists, tell_keys, "exists", 1, -1, 1, "Counts keys that exist.",
     NULL},
    {"cas", 4, GROWS, run_cas, tell_cas, NULL, 1, 1, 1,
     "CAS key old new: sets the value if it is the old one. Only here, not in Redis.", NULL},
    {"decr", 2, GROWS, run_increase, tell_increase, NULL, 1, 1, 1, "Takes one from a number.",
     NULL},
    {"incrby", 3, GROWS, run_increase, tell_increase, NULL, 1, 1, 1, "Adds to a number.", NULL},
    {"decrby", 3, GROWS, run_increase, tell_increase, NULL, 1, 1, 1, "Takes from a number.", NULL},
    {"append", 3, GROWS, run_append, tell_append, NULL, 1, 1, 1, "Appends to a value.", NULL},
    {"strlen", 2, CALL_READ, run_strlen, tell_keys, "length", 1, 1, 1, "Gives a value's length.",
     NULL},
    {"setnx", 3, GROWS, run_setnx, tell_value, NULL, 1, 1, 1, "Sets a key that does not exist.",
     NULL},
    {"setex", 4, GROWS, run_setex, tell_setex, NULL, 1, 1, 1, "Sets a key for some seconds.", NULL},
    {"psetex", 4, GROWS, run_setex, tell_setex, NULL, 1, 1, 1, "Sets a key for milliseconds.",
     NULL},
    {"getset", 3, GROWS, run_getset, tell_getset, NULL, 1, 1, 1, "Sets a key, gives what it was.",
     NULL},
    {"getdel", 2, CALL_WRITE, run_getdel, tell_getdel, NULL, 1, 1, 1, "Deletes a key, gives it.",
     NULL},
    {"type", 2, CALL_READ, run_type, tell_keys, "exists", 1, 1, 1, "Tells string or none.", NULL},
    {0},
};
