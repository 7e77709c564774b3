/* RESP, the Redis serialization protocol: requests read, replies written. Replies are those of
 * version 2; what version 3 adds to them stands apart.
 * Source: https://redis.io/docs/reference/protocol-spec, and for errors what redis-server 7.0 says.
 *
 * A request is an array of bulk strings or, typed by hand, an inline command: a line of words.
 * Nothing is allocated here: scanning finds where a request ends, in any pieces and each byte
 * looked at once; parsing then points into it. Every length is bounded before it is believed. */
#ifndef ORRERY_CODEC_RESP_H
#define ORRERY_CODEC_RESP_H

#include "base/bytes.h"
#include "base/errors.h"

enum {
    RESP_REQUEST_MAX = 64 << 20, /* Bytes of a whole request. */
    RESP_ARGS_MAX = 1 << 20,
    RESP_INLINE_MAX = 64 << 10,
    RESP_DIGITS_MAX = 20, /* Of a number in a header line, with its sign. */
};

/* Where the scan of one request stands; zeroed to begin the next. */
struct resp_scan {
    size_t at;     /* Bytes looked at. */
    uint32_t args; /* Of the array, once its header is read. */
    uint32_t args_left;
    size_t bulk_left; /* Of the string in progress, with its line end. */
    bool in_array;
    bool in_bulk;
    char error[48]; /* After ERROR_MALFORMED: what is wrong, as Redis words it. */
};

/* Looks on in `b`, which holds the request from its beginning on. Returns 0 when more is needed; 1
 * when the request is whole: s->at is its size; ERROR_MALFORMED, or ERROR_REFUSED for an HTTP
 * request, whose connection is closed without a word. */
int resp_scan(struct resp_scan *s, struct bytes b);

/* The words of a whole array: up to `max` into args, pointing into `b`. Returns how many there are
 * (0 for an empty or null array), ERROR_TOO_LARGE, or ERROR_MALFORMED for anything but one whole
 * array of bulk strings. With args NULL it only counts. */
int resp_parse(struct bytes b, struct bytes *args, uint32_t max);

/* Replies, into memory of the caller's. What does not fit sets `full` and writes nothing. */
struct resp_writer {
    uint8_t *base;
    size_t len;
    size_t cap;
    bool full;
};

enum { RESP_HEADER_MAX = 24 }; /* A type, a number and a line end. */

static inline size_t resp_bulk_size(size_t n) /* At most. */
{
    return n + RESP_HEADER_MAX + 2;
}

void resp_simple(struct resp_writer *w, const char *text);
void resp_error(struct resp_writer *w, const char *text); /* With its code: "ERR no such thing". */
void resp_integer(struct resp_writer *w, int64_t n);
void resp_bulk(struct resp_writer *w, struct bytes b);
void resp_bulk_header(struct resp_writer *w, size_t n); /* The bytes and CR LF follow. */
void resp_null(struct resp_writer *w);
void resp_null_array(struct resp_writer *w);
void resp_array(struct resp_writer *w, size_t n); /* n replies follow. */
void resp_raw(struct resp_writer *w, struct bytes b);

/* Of version 3 only. */
void resp_nothing(struct resp_writer *w);                     /* Instead of either null. */
void resp_map(struct resp_writer *w, size_t n);               /* n pairs of replies follow. */
void resp_set(struct resp_writer *w, size_t n);               /* n replies follow, of no order. */
void resp_verbatim(struct resp_writer *w, struct bytes text); /* Up to 4 bytes more than bulk. */

/* A whole inline command, with quotes resolved as redis-cli writes them, as an array into `w`,
 * which must have room for resp_inline_size(). Returns the number of words, or ERROR_MALFORMED on
 * unbalanced quotes. */
int resp_inline(struct bytes line, struct resp_writer *w);

static inline size_t resp_inline_size(size_t line) /* At most. */
{
    return 4 * line + RESP_HEADER_MAX;
}

/* A decimal number as Redis takes it: no blanks, no leading zeros or plus. False: it is none. */
bool resp_number(struct bytes b, int64_t *n);
bool resp_word_is(struct bytes b, const char *word); /* Without regard to case. */

#endif
