#include "kv_impl.h"

#include <string.h>

enum { CHUNK_FIRST = 512, CHUNK_MAX = 256 << 10, STAYS = 2048, SLICES_FIRST = 4 };

static void add_slice(struct request *r, const uint8_t *base, size_t len)
{
    struct reply *p = &r->reply;
    if (len == 0 || p->overflow)
        return;
    if (p->n == p->cap) {
        uint32_t cap = p->cap ? p->cap * 2 : SLICES_FIRST;
        struct slice *slices =
            cap <= REPLY_SLICES_MAX ? request_alloc(r, cap * sizeof *slices) : NULL;
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

static void close_part(struct request *r)
{
    struct reply *p = &r->reply;
    if (p->chunk.len > p->begin)
        add_slice(r, p->chunk.base + p->begin, p->chunk.len - p->begin);
    p->begin = p->chunk.len;
}

struct resp_writer *reply_room(struct request *r, size_t n)
{
    struct reply *p = &r->reply;
    p->size += n;
    if (p->overflow || p->size > REPLY_MAX) {
        p->overflow = true;
        return NULL;
    }
    if (p->chunk.cap - p->chunk.len >= n)
        return &p->chunk;
    close_part(r);
    size_t cap = p->chunk.cap ? p->chunk.cap * 4 : CHUNK_FIRST;
    cap = cap < CHUNK_MAX ? cap : CHUNK_MAX;
    cap = cap < n ? n : cap;
    p->chunk = (struct resp_writer){.base = request_alloc(r, cap), .cap = cap};
    p->begin = 0;
    if (!p->chunk.base) {
        p->overflow = true;
        p->chunk.cap = 0;
        return NULL;
    }
    return &p->chunk;
}

void reply_simple(struct request *r, const char *text)
{
    struct resp_writer *w = reply_room(r, strlen(text) + 3);
    if (w)
        resp_simple(w, text);
}

void request_error(struct request *r, const char *text)
{
    struct resp_writer *w = reply_room(r, strlen(text) + 3);
    if (w)
        resp_error(w, text);
    r->failed = true;
}

void reply_integer(struct request *r, int64_t n)
{
    struct resp_writer *w = reply_room(r, RESP_HEADER_MAX);
    if (w)
        resp_integer(w, n);
}

void reply_bulk(struct request *r, struct bytes b)
{
    struct resp_writer *w = reply_room(r, resp_bulk_size(b.len));
    if (w)
        resp_bulk(w, b);
}

void reply_value(struct request *r, struct bytes b)
{
    if (r->exec || b.len < STAYS) {
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
    w = reply_room(r, 2);
    if (w)
        resp_raw(w, bytes_str("\r\n"));
}

void reply_null(struct request *r)
{
    struct resp_writer *w = reply_room(r, RESP_HEADER_MAX);
    if (w)
        resp_null(w);
}

void reply_array(struct request *r, size_t n)
{
    struct resp_writer *w = reply_room(r, RESP_HEADER_MAX);
    if (w)
        resp_array(w, n);
}

struct body reply_body(struct request *r)
{
    struct reply *p = &r->reply;
    close_part(r);
    if (!p->overflow)
        return (struct body){p->slices, p->n};
    const char *text = r->changes ? "-ERR it happened, but the reply is larger than is allowed\r\n"
                                  : "-ERR the reply is larger than is allowed\r\n";
    p->size = strlen(text);
    return out_bytes(r->out, bytes_str(text));
}
