#include "check/edn.h"

#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void edn_init(struct edn *e, struct bytes in)
{
    *e = (struct edn){.in = in, .line = 1, .n = 1};
}

void edn_free(struct edn *e)
{
    free(e->values);
    buf_free(&e->text);
    *e = (struct edn){0};
}

void edn_forget(struct edn *e)
{
    e->n = 1;
    buf_clear(&e->text);
}

static uint32_t fault(struct edn *e, const char *what)
{
    if (!*e->fault)
        (void)snprintf(e->fault, sizeof e->fault, "%s", what);
    return 0;
}

static void skip_line(struct edn *e)
{
    while (e->at < e->in.len && e->in.base[e->at] != '\n')
        e->at++;
}

bool edn_more(struct edn *e)
{
    for (; e->at < e->in.len; e->at++) {
        uint8_t c = e->in.base[e->at];
        if (c == ';')
            skip_line(e);
        if (e->at < e->in.len && e->in.base[e->at] == '\n')
            e->line++;
        else if (c != ' ' && c != '\t' && c != '\r' && c != ',' && c != ';')
            return true;
        if (e->at == e->in.len)
            break;
    }
    return false;
}

static uint32_t add(struct edn *e, enum edn_kind kind, size_t begin)
{
    if (e->n >= EDN_VALUES_MAX)
        return fault(e, "one entry has too many values");
    if (e->n >= e->cap) {
        uint32_t cap = e->cap ? 2 * e->cap : 64;
        e->values = must_grow(e->values, e->cap, cap, sizeof *e->values);
        e->cap = cap;
    }
    e->values[e->n] = (struct edn_value){kind, 0, 0, 0, begin, e->text.len - begin};
    return e->n++;
}

static void put_point(struct buf *b, uint32_t p)
{
    uint8_t utf8[3] = {(uint8_t)p, 0, 0};
    size_t n = 1;
    if (p >= 0x800) {
        utf8[0] = (uint8_t)(0xe0 | p >> 12);
        utf8[1] = (uint8_t)(0x80 | (p >> 6 & 0x3f));
        utf8[2] = (uint8_t)(0x80 | (p & 0x3f));
        n = 3;
    } else if (p >= 0x80) {
        utf8[0] = (uint8_t)(0xc0 | p >> 6);
        utf8[1] = (uint8_t)(0x80 | (p & 0x3f));
        n = 2;
    }
    buf_append(b, bytes_of(utf8, n));
}

/* Behind the backslash. */
static bool read_escape(struct edn *e)
{
    static const char names[] = "ntrbf\"\\/";
    static const char bytes[] = "\n\t\r\b\f\"\\/";
    if (e->at >= e->in.len)
        return false;
    char c = (char)e->in.base[e->at++];
    const char *known = c ? strchr(names, c) : NULL;
    if (known) {
        buf_append(&e->text, bytes_of(bytes + (known - names), 1));
        return true;
    }
    char hex[5] = "";
    if (c != 'u' || e->in.len - e->at < 4)
        return false;
    memcpy(hex, e->in.base + e->at, 4);
    char *end;
    unsigned long point = strtoul(hex, &end, 16);
    e->at += 4;
    put_point(&e->text, (uint32_t)point);
    return end == hex + 4;
}

static uint32_t read_string(struct edn *e)
{
    size_t begin = e->text.len;
    for (e->at++; e->at < e->in.len;) {
        uint8_t c = e->in.base[e->at++];
        if (c == '"')
            return add(e, EDN_STRING, begin);
        if (c == '\n')
            e->line++;
        if (c != '\\')
            buf_append(&e->text, bytes_of(&c, 1));
        else if (!read_escape(e))
            return fault(e, "a string has an escape that is none");
    }
    return fault(e, "a string does not end");
}

static bool ends_word(uint8_t c)
{
    return c <= ' ' || memchr(",;\"()[]{}", c, 9) != NULL;
}

static uint32_t read_word(struct edn *e)
{
    size_t from = e->at;
    while (e->at < e->in.len && !ends_word(e->in.base[e->at]))
        e->at++;
    struct bytes word = bytes_of(e->in.base + from, e->at - from);
    if (word.len == 0)
        return fault(e, "a bracket closes what was not opened");
    enum edn_kind kind = EDN_SYMBOL;
    uint8_t c = word.base[0];
    bool sign = (c == '-' || c == '+') && word.len > 1;
    uint8_t digit = word.base[sign ? 1 : 0];
    if (c == ':')
        kind = EDN_KEYWORD;
    else if (digit >= '0' && digit <= '9')
        kind = EDN_NUMBER;
    else if (bytes_equal(word, bytes_str("nil")))
        kind = EDN_NIL;
    size_t begin = e->text.len;
    bool skip = kind == EDN_KEYWORD || (kind == EDN_NUMBER && c == '+');
    if (kind == EDN_NUMBER && word.base[word.len - 1] == 'N')
        word.len--;
    buf_append(&e->text, bytes_of(word.base + skip, word.len - skip));
    return add(e, kind, begin);
}

static uint32_t read_value(struct edn *e, int depth);

static uint32_t read_many(struct edn *e, enum edn_kind kind, char close, int depth)
{
    uint32_t whole = add(e, kind, e->text.len);
    uint32_t last = 0;
    e->at++;
    while (whole && edn_more(e)) {
        if (e->in.base[e->at] == (uint8_t)close) {
            e->at++;
            if (kind == EDN_MAP && e->values[whole].n % 2)
                return fault(e, "a map has a key without a value");
            return whole;
        }
        uint32_t child = read_value(e, depth + 1);
        if (!child)
            return 0;
        if (last)
            e->values[last].next = child;
        else
            e->values[whole].first = child;
        e->values[whole].n++;
        last = child;
    }
    return fault(e, "a bracket is not closed");
}

/* A tag says what kind of thing follows, in Clojure: here it is what it looks like. */
static bool skip_tags(struct edn *e)
{
    while (e->in.base[e->at] == '#' && e->at + 1 < e->in.len && e->in.base[e->at + 1] != '{') {
        while (e->at < e->in.len && !ends_word(e->in.base[e->at]))
            e->at++;
        if (!edn_more(e))
            return false;
    }
    return true;
}

static uint32_t read_value(struct edn *e, int depth)
{
    if (depth > EDN_DEPTH_MAX)
        return fault(e, "brackets are nested too deeply");
    if (!skip_tags(e))
        return fault(e, "a tag stands before nothing");
    switch (e->in.base[e->at]) {
    case '"':
        return read_string(e);
    case '[':
        return read_many(e, EDN_VECTOR, ']', depth);
    case '(':
        return read_many(e, EDN_VECTOR, ')', depth);
    case '{':
        return read_many(e, EDN_MAP, '}', depth);
    case '#':
        if (e->at + 1 < e->in.len && e->in.base[e->at + 1] == '{') {
            e->at++;
            return read_many(e, EDN_VECTOR, '}', depth);
        }
        return fault(e, "a tag stands before nothing");
    default:
        return read_word(e);
    }
}

uint32_t edn_read(struct edn *e)
{
    return edn_more(e) ? read_value(e, 0) : fault(e, "a value is missing");
}

struct bytes edn_text(const struct edn *e, uint32_t value)
{
    const struct edn_value *v = &e->values[value];
    return bytes_of(e->text.base + v->begin, v->len);
}

bool edn_is(const struct edn *e, uint32_t value, enum edn_kind kind, const char *text)
{
    return value && e->values[value].kind == kind &&
           bytes_equal(edn_text(e, value), bytes_str(text));
}

uint32_t edn_get(const struct edn *e, uint32_t map, const char *keyword)
{
    for (uint32_t key = e->values[map].first; key; key = e->values[e->values[key].next].next)
        if (edn_is(e, key, EDN_KEYWORD, keyword))
            return e->values[key].next;
    return 0;
}

uint32_t edn_child(const struct edn *e, uint32_t value, uint32_t i)
{
    uint32_t child = e->values[value].first;
    while (child && i-- > 0)
        child = e->values[child].next;
    return child;
}
