/* The commands on all keys. */
#include "machine/machine_impl.h"

#include <stdio.h>

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

static bool listed(const struct run *r, const struct entry *e, struct bytes pattern)
{
    return !has_expired(e, r->now_ms) && matches(pattern, entry_key(e));
}

static uint64_t count_listed(const struct run *r, const struct page *p, struct bytes pattern)
{
    uint64_t n = 0;
    for (const struct entry *e = table_next(p, NULL); e; e = table_next(p, e))
        n += listed(r, e, pattern);
    return n;
}

static void reply_listed(struct run *r, const struct page *p, struct bytes pattern)
{
    for (const struct entry *e = table_next(p, NULL); e && !r->reply.overflow; e = table_next(p, e))
        if (listed(r, e, pattern))
            reply_bulk(r, entry_key(e));
}

static void reply_keys(struct run *r, uint32_t from, uint32_t to, struct bytes pattern)
{
    const struct table *t = &r->m->table;
    uint64_t n = 0;
    for (uint32_t i = from; i < to; i++)
        n += count_listed(r, &t->pages[i], pattern);
    reply_array(r, n);
    for (uint32_t i = from; i < to; i++)
        reply_listed(r, &t->pages[i], pattern);
}

static void run_keys(struct run *r)
{
    reply_keys(r, 0, r->m->table.n, r->args[1]);
}

/* Strings are all there is: of another type there is no key. */
static bool scan_options(struct run *r, int64_t *count, struct bytes *pattern, bool *of_type)
{
    for (uint32_t i = 2; i < r->n; i += 2) {
        struct bytes word = r->args[i];
        bool more = i + 1 < r->n;
        if (more && resp_word_is(word, "match")) {
            *pattern = r->args[i + 1];
        } else if (more && resp_word_is(word, "type")) {
            *of_type = resp_word_is(r->args[i + 1], "string");
        } else if (!more || !resp_word_is(word, "count")) {
            reply_error(r, "ERR syntax error");
            return false;
        } else if (!resp_number(r->args[i + 1], count)) {
            reply_error(r, "ERR value is not an integer or out of range");
            return false;
        } else if (*count < 1) {
            reply_error(r, "ERR syntax error");
            return false;
        }
    }
    return true;
}

/* The cursor is a page: what stays in the table while a scan goes on is seen exactly once. */
static void run_scan(struct run *r)
{
    int64_t cursor = 0;
    int64_t count = 10;
    struct bytes pattern = bytes_str("*");
    bool of_type = true;
    if (!resp_number(r->args[1], &cursor) || cursor < 0) {
        reply_error(r, "ERR invalid cursor");
        return;
    }
    if (!scan_options(r, &count, &pattern, &of_type))
        return;
    const struct table *t = &r->m->table;
    uint32_t from = cursor < t->n ? (uint32_t)cursor : t->n;
    uint32_t to = from;
    for (uint64_t keys = 0; to < t->n && (to == from || keys < (uint64_t)count); to++)
        keys += t->pages[to].keys;
    char text[16];
    int n = snprintf(text, sizeof text, "%u", to < t->n ? to : 0);
    reply_array(r, 2);
    reply_bulk(r, bytes_of(text, (size_t)n));
    if (of_type)
        reply_keys(r, from, to, pattern);
    else
        reply_array(r, 0);
}

/* What has expired counts until it has been taken out, as in Redis. */
static void run_dbsize(struct run *r)
{
    reply_integer(r, (int64_t)r->m->table.keys);
}

static void tell_flush(struct run *r)
{
    (void)tell(r, "flush", bytes_of(NULL, 0));
}

static void run_flush(struct run *r)
{
    bool ok =
        r->n == 1 ||
        (r->n == 2 && (resp_word_is(r->args[1], "sync") || resp_word_is(r->args[1], "async")));
    const struct bytes nothing = {NULL, 0};
    if (!ok) {
        reply_error(r, "ERR syntax error");
        return;
    }
    if (!run_may_remove(r, &nothing, 1)) {
        run_refuse(r, ERROR_TOO_LARGE);
        return;
    }
    if (r->m->table.keys > 0)
        run_remove_all(r);
    reply_simple(r, "OK");
}

const struct call_kind scan_calls[] = {
    {"dbsize", 1, CALL_READ, run_dbsize, NULL, NULL, 0, 0, 0, "Counts the keys.", NULL},
    {"keys", 2, CALL_READ, run_keys, NULL, NULL, 0, 0, 0, "Lists the keys that fit a pattern.",
     NULL},
    {"scan", -2, CALL_READ, run_scan, NULL, NULL, 0, 0, 0, "Lists keys, some at a time.", NULL},
    {"flushall", -1, CALL_WRITE, run_flush, tell_flush, NULL, 0, 0, 0, "Deletes every key.", NULL},
    {"flushdb", -1, CALL_WRITE, run_flush, tell_flush, NULL, 0, 0, 0, "Deletes every key.", NULL},
    {0},
};
