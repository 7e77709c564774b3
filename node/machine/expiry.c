/* The commands on when keys expire. Times are absolute once they are here: what is relative counts
 * from the time that came with the command. */
#include "machine/machine_impl.h"

#include <string.h>

bool lifetime_option(struct bytes word, struct bytes given, struct lifetime *l)
{
    static const struct {
        const char *name;
        enum lifetime_unit unit;
        bool absolute;
    } options[] = {{"ex", UNIT_S, false},
                   {"px", UNIT_MS, false},
                   {"exat", UNIT_S, true},
                   {"pxat", UNIT_MS, true}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (resp_word_is(word, options[i].name)) {
            struct lifetime before = *l;
            *l = (struct lifetime){options[i].unit, options[i].absolute, given};
            return !before.unit || (before.unit == l->unit && before.absolute == l->absolute);
        }
    return false;
}

static void invalid_time(struct run *r)
{
    reply_error_of(r, "ERR invalid expire time in '%s' command", r->kind->name);
}

/* In milliseconds since 1970; what is too far for that is refused. */
static bool end_of(struct run *r, const struct lifetime *l, int64_t given, int64_t *ms)
{
    int64_t unit = l->unit == UNIT_S ? 1000 : 1;
    if (given > INT64_MAX / unit || given < INT64_MIN / unit) {
        invalid_time(r);
        return false;
    }
    *ms = given * unit;
    if (l->absolute)
        return true;
    if (*ms > INT64_MAX - r->now_ms) {
        invalid_time(r);
        return false;
    }
    *ms += r->now_ms;
    return true;
}

bool lifetime_end(struct run *r, const struct lifetime *l, int64_t *ms)
{
    int64_t given;
    if (!resp_number(l->given, &given)) {
        reply_error(r, "ERR value is not an integer or out of range");
        return false;
    }
    if (given <= 0) {
        invalid_time(r);
        return false;
    }
    return end_of(r, l, given, ms);
}

enum { IF_NONE = 1, IF_SOME = 2, IF_LATER = 4, IF_SOONER = 8 };

static bool parse_conditions(struct run *r, uint32_t *conditions)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } words[] = {{"nx", IF_NONE}, {"xx", IF_SOME}, {"gt", IF_LATER}, {"lt", IF_SOONER}};
    *conditions = 0;
    for (uint32_t i = 3; i < r->n; i++) {
        uint32_t flag = 0;
        for (int j = 0; j < 4; j++)
            flag |= resp_word_is(r->args[i], words[j].name) ? words[j].flag : 0;
        if (flag == 0) {
            char word[64];
            (void)reply_quote(word, sizeof word, r->args[i]);
            reply_error_of(r, "ERR Unsupported option %s", word);
            return false;
        }
        *conditions |= flag;
    }
    if ((*conditions & IF_NONE) && *conditions != IF_NONE) {
        reply_error(r, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((*conditions & IF_LATER) && (*conditions & IF_SOONER)) {
        reply_error(r, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* What never expires counts as later than any time. */
static bool meets(uint32_t conditions, int64_t now, int64_t then)
{
    if ((conditions & IF_NONE) && now != 0)
        return false;
    if ((conditions & IF_SOME) && now == 0)
        return false;
    if ((conditions & IF_LATER) && (now == 0 || then <= now))
        return false;
    return !(conditions & IF_SOONER) || now == 0 || then < now;
}

/* A key with another end, or, where that has passed, without a future. 1: done; else an error. */
static int end_at(struct run *r, const struct entry *e, int64_t ms)
{
    struct bytes key = r->args[1];
    if (ms != 0 && ms <= r->now_ms) {
        if (!run_may_remove(r, &key, 1))
            return ERROR_TOO_LARGE;
        run_remove(r, key);
        return 1;
    }
    struct bytes value = run_copy(r, entry_value(e));
    int error = value.base ? run_put(r, key, value, ms) : ERROR_TOO_LARGE;
    return error != 0 ? error : 1;
}

static void reply_ended(struct run *r, int done)
{
    if (done < 0) {
        run_refuse(r, done);
        return;
    }
    run_op(r, 0)->result = done;
    reply_integer(r, done);
}

/* EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT. */
static void run_expire(struct run *r)
{
    const char *name = r->kind->name;
    struct lifetime l = {.unit = name[0] == 'p' ? UNIT_MS : UNIT_S};
    l.absolute = name[strlen(name) - 1] == 't';
    uint32_t conditions;
    int64_t given;
    int64_t ms;
    if (!parse_conditions(r, &conditions))
        return;
    if (!resp_number(r->args[2], &given)) {
        reply_error(r, "ERR value is not an integer or out of range");
        return;
    }
    if (!end_of(r, &l, given, &ms))
        return;
    const struct entry *e = run_find(r, r->args[1]);
    bool may = e && meets(conditions, e->expires_ms, ms);
    /* Zero means never in an entry: the beginning of time is as past as the moment after it. */
    reply_ended(r, may ? end_at(r, e, ms > 0 ? ms : 1) : 0);
}

static void run_persist(struct run *r)
{
    const struct entry *e = run_find(r, r->args[1]);
    reply_ended(r, e && e->expires_ms != 0 ? end_at(r, e, 0) : 0);
}

/* TTL, PTTL, EXPIRETIME, PEXPIRETIME. */
static void run_ttl(struct run *r)
{
    const char *name = r->kind->name;
    const struct entry *e = run_find(r, r->args[1]);
    bool seconds = name[0] != 'p';
    bool absolute = name[strlen(name) - 1] == 'e';
    run_op(r, 0)->result = e != NULL;
    if (!e || e->expires_ms == 0) {
        reply_integer(r, e ? -1 : -2);
        return;
    }
    int64_t ms = absolute ? e->expires_ms : e->expires_ms - r->now_ms;
    reply_integer(r, seconds ? ms / 1000 + (ms % 1000 >= 500) : ms);
}

/* GETEX key [PERSIST | EX .. | PX .. | EXAT .. | PXAT ..]. False: the words are wrong. */
static bool parse_getex(const struct run *r, bool *persist, struct lifetime *l)
{
    *l = (struct lifetime){0};
    *persist = false;
    for (uint32_t i = 2; i < r->n; i++) {
        struct bytes word = r->args[i];
        if (resp_word_is(word, "persist") && !l->unit)
            *persist = true;
        else if (*persist || i + 1 == r->n || !lifetime_option(word, r->args[++i], l))
            return false;
    }
    return true;
}

static void tell_getex(struct run *r)
{
    (void)tell(r, "get", r->args[1]);
    if (r->n > 2)
        (void)tell(r, "expire", r->args[1]);
}

static void run_getex(struct run *r)
{
    bool persist;
    struct lifetime l;
    int64_t ms = 0;
    if (!parse_getex(r, &persist, &l)) {
        reply_error(r, "ERR syntax error");
        return;
    }
    const struct entry *e = run_find(r, r->args[1]);
    struct history_op *op = run_op(r, 0);
    op->reads = true;
    op->absent = !e;
    if (!e) {
        reply_null(r);
        return;
    }
    if (l.unit && !lifetime_end(r, &l, &ms))
        return;
    op->value = run_brief(r, entry_value(e));
    struct bytes value = run_copy(r, entry_value(e));
    bool changes = l.unit || (persist && e->expires_ms != 0);
    int done = !value.base ? ERROR_TOO_LARGE : changes ? end_at(r, e, ms) : 1;
    if (done < 0)
        run_refuse(r, done);
    else
        reply_bulk(r, value);
}

const struct call_kind expiry_calls[] = {
    {"expire", -3, CALL_WRITE, run_expire, tell_keys, "expire", 1, 1, 1,
     "Has a key expire after some seconds.", NULL},
    {"pexpire", -3, CALL_WRITE, run_expire, tell_keys, "expire", 1, 1, 1,
     "Has a key expire after some milliseconds.", NULL},
    {"expireat", -3, CALL_WRITE, run_expire, tell_keys, "expire", 1, 1, 1,
     "Has a key expire at a Unix time.", NULL},
    {"pexpireat", -3, CALL_WRITE, run_expire, tell_keys, "expire", 1, 1, 1,
     "Has a key expire at a Unix time in milliseconds.", NULL},
    {"persist", 2, CALL_WRITE, run_persist, tell_keys, "expire", 1, 1, 1, "Has a key never expire.",
     NULL},
    {"ttl", 2, CALL_READ, run_ttl, tell_keys, "exists", 1, 1, 1,
     "Tells in how many seconds a key expires.", NULL},
    {"pttl", 2, CALL_READ, run_ttl, tell_keys, "exists", 1, 1, 1,
     "Tells in how many milliseconds a key expires.", NULL},
    {"expiretime", 2, CALL_READ, run_ttl, tell_keys, "exists", 1, 1, 1,
     "Tells the Unix time at which a key expires.", NULL},
    {"pexpiretime", 2, CALL_READ, run_ttl, tell_keys, "exists", 1, 1, 1,
     "Tells the Unix time in milliseconds at which a key expires.", NULL},
    {"getex", -2, CALL_WRITE, run_getex, tell_getex, NULL, 1, 1, 1,
     "Gives a value, and changes when it expires.", NULL},
    {0},
};
