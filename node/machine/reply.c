#include "machine/machine_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK_FIRST = 512, CHUNK_MAX = 256 << 10, STAYS = 2048, SLICES_FIRST = 4, TEXT_MAX = 384 };

static void add_slice(struct run *r, const uint8_t *base, size_t len)
{
    struct reply *p = &r->reply;
    if (len == 0 || p->overflow)
        return;
    if (p->n == p->cap) {
        uint32_t cap = p->cap ? p->cap * 2 : SLICES_FIRST;
        struct slice *slices =
            cap <= MACHINE_SLICES_MAX ? run_alloc(r, cap * sizeof *slices) : NULL;
        if (!slices) {
            p->overflow = true;
            return;
        }
        if (p->n > 0)
            memcpy(slices, p->slices, p->n * sizeof *slices);
        p->slices = slices;
        p->cap = cap;
    }
    p->slices[p->n++] = (struct slice){.kind = SLICE_MEMORY, .memory = bytes_of(base, len)};
}

static void close_part(struct run *r)
{
    struct reply *p = &r->reply;
    if (p->chunk.len > p->begin)
        add_slice(r, p->chunk.base + p->begin, p->chunk.len - p->begin);
    p->begin = p->chunk.len;
}

struct resp_writer *reply_room(struct run *r, size_t n)
{
    struct reply *p = &r->reply;
    p->size += n;
    if (p->overflow || p->size > MACHINE_REPLY_MAX) {
        p->overflow = true;
        return NULL;
    }
    if (p->chunk.cap - p->chunk.len >= n)
        return &p->chunk;
    close_part(r);
    size_t cap = p->chunk.cap ? p->chunk.cap * 4 : CHUNK_FIRST;
    cap = cap < CHUNK_MAX ? cap : CHUNK_MAX;
    cap = cap < n ? n : cap;
    p->chunk = (struct resp_writer){.base = run_alloc(r, cap), .cap = cap};
    p->begin = 0;
    if (!p->chunk.base) {
        p->overflow = true;
        p->chunk.cap = 0;
        return NULL;
    }
    return &p->chunk;
}

void reply_simple(struct run *r, const char *text)
{
    struct resp_writer *w = reply_room(r, strlen(text) + 3);
    if (w)
        resp_simple(w, text);
}

void reply_error(struct run *r, const char *text)
{
    struct resp_writer *w = reply_room(r, strlen(text) + 3);
    if (w)
        resp_error(w, text);
    r->failed = true;
}

void reply_error_of(struct run *r, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reply_error(r, text);
}

size_t reply_quote(char *into, size_t size, struct bytes b)
{
    size_t n = b.len < size - 1 ? b.len : size - 1;
    for (size_t i = 0; i < n; i++)
        into[i] = b.base[i] >= ' ' && b.base[i] < 127 ? (char)b.base[i] : '?';
    into[n] = 0;
    return n;
}

void reply_integer(struct run *r, int64_t n)
{
    struct resp_writer *w = reply_room(r, RESP_HEADER_MAX);
    if (w)
        resp_integer(w, n);
}

void reply_bulk(struct run *r, struct bytes b)
{
    struct resp_writer *w = reply_room(r, resp_bulk_size(b.len));
    if (w)
        resp_bulk(w, b);
}

void reply_text(struct run *r, const char *text)
{
    reply_bulk(r, bytes_str(text));
}

void reply_verbatim(struct run *r, struct bytes b)
{
    if (!r->resp3) {
        reply_bulk(r, b);
        return;
    }
    struct resp_writer *w = reply_room(r, resp_bulk_size(b.len) + 4);
    if (w)
        resp_verbatim(w, b);
}

void reply_value(struct run *r, struct bytes b)
{
    if (!r->stays || b.len < STAYS) {
        reply_bulk(r, b);
        return;
    }
    struct reply *p = &r->reply;
    struct resp_writer *w = reply_room(r, RESP_HEADER_MAX);
    if (!w)
        return;
    resp_bulk_header(w, b.len);
    close_part(r);
    p->size += b.len;
    add_slice(r, b.base, b.len);
    reply_raw(r, bytes_str("\r\n"));
}

void reply_null(struct run *r)
{
    struct resp_writer *w = reply_room(r, RESP_HEADER_MAX);
    if (w && r->resp3)
        resp_nothing(w);
    else if (w)
        resp_null(w);
}

void reply_null_array(struct run *r)
{
    struct resp_writer *w = reply_room(r, RESP_HEADER_MAX);
    if (w && r->resp3)
        resp_nothing(w);
    else if (w)
        resp_null_array(w);
}

void reply_array(struct run *r, size_t n)
{
    struct resp_writer *w = reply_room(r, RESP_HEADER_MAX);
    if (w)
        resp_array(w, n);
}

void reply_map(struct run *r, size_t n)
{
    struct resp_writer *w = reply_room(r, RESP_HEADER_MAX);
    if (w && r->resp3)
        resp_map(w, n);
    else if (w)
        resp_array(w, 2 * n);
}

void reply_set(struct run *r, size_t n)
{
    struct resp_writer *w = reply_room(r, RESP_HEADER_MAX);
    if (w && r->resp3)
        resp_set(w, n);
    else if (w)
        resp_array(w, n);
}

void reply_raw(struct run *r, struct bytes b)
{
    struct resp_writer *w = reply_room(r, b.len);
    if (w)
        resp_raw(w, b);
}

/* What is said when the reply has no room: the text's slice needs none of the arena's bound. */
struct body reply_body(struct run *r)
{
    static const char kept[] = "-ERR it happened, but the reply is larger than is allowed\r\n";
    static const char read[] = "-ERR the reply is larger than is allowed\r\n";
    static const struct slice texts[] = {
        {.kind = SLICE_MEMORY, .memory = {(const uint8_t *)kept, sizeof kept - 1}},
        {.kind = SLICE_MEMORY, .memory = {(const uint8_t *)read, sizeof read - 1}},
    };
    struct reply *p = &r->reply;
    close_part(r);
    if (!p->overflow) {
        p->size = 0; /* Until now an upper bound. */
        for (uint32_t i = 0; i < p->n; i++)
            p->size += p->slices[i].memory.len;
        return (struct body){p->slices, p->n};
    }
    const struct slice *said = &texts[!r->result || !r->result->changes];
    p->size = said->memory.len;
    return (struct body){said, 1};
}
