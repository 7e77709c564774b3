#include "codec/resp.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

enum { DIGITS_MAX = 19 }; /* Of 64 signed bits, and so many cannot wrap 64 unsigned ones. */

static int wrong(struct resp_scan *s, const char *what)
{
    (void)snprintf(s->error, sizeof s->error, "Protocol error: %s", what);
    return ERROR_MALFORMED;
}

bool resp_number(struct bytes b, int64_t *n)
{
    bool negative = b.len > 0 && b.base[0] == '-';
    size_t i = negative;
    if (b.len == i || b.len - i > DIGITS_MAX || (b.base[i] == '0' && b.len > 1))
        return false;
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    uint64_t value = 0;
    for (; i < b.len; i++) {
        if (b.base[i] < '0' || b.base[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(b.base[i] - '0');
    }
    if (value > limit)
        return false;
    *n = negative ? (int64_t)(~value + 1) : (int64_t)value;
    return true;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool begins_with(struct bytes b, const char *word)
{
    size_t n = strlen(word);
    if (b.len < n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(b.base[i]) != lower((uint8_t)word[i]))
            return false;
    return true;
}

bool resp_word_is(struct bytes b, const char *word)
{
    return b.len == strlen(word) && begins_with(b, word);
}

/* A header line: its type, a number, CR LF. Returns 1 and moves *at behind it, 0 when it is not
 * whole yet, ERROR_MALFORMED when it never will be. */
static int read_header(struct bytes b, size_t *at, int64_t *n)
{
    size_t left = b.len - *at;
    size_t most = 1 + RESP_DIGITS_MAX + 2;
    const uint8_t *line = b.base + *at;
    const uint8_t *end = memchr(line, '\n', left < most ? left : most);
    if (!end)
        return left < most ? 0 : ERROR_MALFORMED;
    size_t len = (size_t)(end - line) + 1;
    if (len < 4 || end[-1] != '\r' || !resp_number(bytes_of(line + 1, len - 3), n))
        return ERROR_MALFORMED;
    *at += len;
    return 1;
}

/* Browsers can be made to send these to any port; nobody types them to a store. */
static bool is_http(struct bytes line)
{
    static const char *const always[] = {"POST ", "Host:", "HTTP/"};
    static const char *const methods[] = {"GET ",   "HEAD ",    "PUT ",   "DELETE ",
                                          "TRACE ", "OPTIONS ", "PATCH ", "CONNECT "};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (begins_with(line, always[i]))
            return true;
    bool method = false;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        method = method || begins_with(line, methods[i]);
    for (size_t i = 0; method && i + 6 <= line.len; i++)
        if (memcmp(line.base + i, " HTTP/", 6) == 0)
            return true;
    return false;
}

static int scan_inline(struct resp_scan *s, struct bytes b)
{
    const uint8_t *end = memchr(b.base + s->at, '\n', b.len - s->at);
    if (!end && b.len <= RESP_INLINE_MAX) {
        s->at = b.len;
        return 0;
    }
    if (!end || (size_t)(end - b.base) > RESP_INLINE_MAX)
        return wrong(s, "too big inline request");
    s->at = (size_t)(end - b.base) + 1;
    return is_http(bytes_of(b.base, s->at)) ? ERROR_REFUSED : 1;
}

static int scan_array_header(struct resp_scan *s, struct bytes b)
{
    int64_t n = 0;
    int got = read_header(b, &s->at, &n);
    if (got == 0)
        return 0;
    if (got < 0 || n > RESP_ARGS_MAX)
        return wrong(s, "invalid multibulk length");
    s->args = s->args_left = n > 0 ? (uint32_t)n : 0;
    s->in_array = true;
    return 1;
}

static int scan_bulk_header(struct resp_scan *s, struct bytes b)
{
    if (s->at == b.len)
        return 0;
    uint8_t type = b.base[s->at];
    if (type != '$') {
        char what[32];
        bool shown = type > ' ' && type < 127;
        (void)snprintf(what, sizeof what, "expected '$', got '%c'", shown ? type : '?');
        return wrong(s, what);
    }
    int64_t n = 0;
    int got = read_header(b, &s->at, &n);
    if (got == 0)
        return 0;
    if (got < 0 || n < 0 || n > RESP_REQUEST_MAX || s->at + (size_t)n + 2 > RESP_REQUEST_MAX)
        return wrong(s, "invalid bulk length");
    s->bulk_left = (size_t)n + 2;
    s->in_bulk = true;
    return 1;
}

int resp_scan(struct resp_scan *s, struct bytes b)
{
    CHECK(s->at <= b.len);
    if (b.len == 0)
        return 0;
    if (b.base[0] != '*')
        return scan_inline(s, b);
    if (!s->in_array) {
        int got = scan_array_header(s, b);
        if (got != 1)
            return got;
    }
    while (s->args_left > 0) {
        if (!s->in_bulk) {
            int got = scan_bulk_header(s, b);
            if (got != 1)
                return got;
        }
        if (b.len - s->at < s->bulk_left)
            return 0;
        s->at += s->bulk_left;
        if (b.base[s->at - 2] != '\r' || b.base[s->at - 1] != '\n')
            return wrong(s, "a string is longer than it said");
        s->in_bulk = false;
        s->args_left--;
    }
    return 1;
}

int resp_parse(struct bytes b, struct bytes *args, uint32_t max)
{
    size_t at = 0;
    int64_t n = 0;
    if (b.len == 0 || b.base[0] != '*' || read_header(b, &at, &n) != 1)
        return ERROR_MALFORMED;
    if (n > RESP_ARGS_MAX || (args && n > (int64_t)max))
        return ERROR_TOO_LARGE;
    for (int64_t i = 0; i < n; i++) {
        int64_t len = 0;
        if (at == b.len || b.base[at] != '$' || read_header(b, &at, &len) != 1 || len < 0 ||
            (uint64_t)len > b.len - at || b.len - at - (size_t)len < 2)
            return ERROR_MALFORMED;
        const uint8_t *end = b.base + at + len;
        if (end[0] != '\r' || end[1] != '\n')
            return ERROR_MALFORMED;
        if (args)
            args[i] = bytes_of(b.base + at, (size_t)len);
        at += (size_t)len + 2;
    }
    if (at != b.len)
        return ERROR_MALFORMED;
    return n > 0 ? (int)n : 0;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0;
}

static int hex_digit(uint8_t c)
{
    c = lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character behind a backslash between double quotes; *i is moved to its last byte. */
static uint8_t unescape(struct bytes line, size_t *i)
{
    uint8_t c = line.base[*i];
    if (c == 'x' && *i + 2 < line.len) {
        int high = hex_digit(line.base[*i + 1]);
        int low = hex_digit(line.base[*i + 2]);
        if (high >= 0 && low >= 0) {
            *i += 2;
            return (uint8_t)(high * 16 + low);
        }
    }
    static const char names[] = "nrtba";
    static const char meanings[] = "\n\r\t\b\a";
    const char *name = c ? strchr(names, c) : NULL;
    return name ? (uint8_t)meanings[name - names] : c;
}

/* Reads the next word from *at on, into `out` unless that is NULL. 1: *n is its length; 0: there is
 * none; ERROR_MALFORMED: a quote is not closed, or a letter follows it. */
static int read_word(struct bytes line, size_t *at, uint8_t *out, size_t *n)
{
    size_t i = *at;
    while (i < line.len && is_blank(line.base[i]))
        i++;
    if (i == line.len)
        return 0;
    *n = 0;
    uint8_t quote = 0;
    for (; i < line.len && (quote || !is_blank(line.base[i])); i++) {
        uint8_t c = line.base[i];
        if (!quote && (c == '"' || c == '\'')) {
            quote = c;
            continue;
        }
        if (quote && c == quote) {
            if (i + 1 < line.len && !is_blank(line.base[i + 1]))
                return ERROR_MALFORMED;
            quote = 0;
            continue;
        }
        bool escaped = i + 1 < line.len && c == '\\' &&
                       (quote == '"' || (quote == '\'' && line.base[i + 1] == '\''));
        if (escaped) {
            i++;
            c = quote == '"' ? unescape(line, &i) : '\'';
        }
        if (out)
            out[*n] = c;
        ++*n;
    }
    *at = i;
    return quote ? ERROR_MALFORMED : 1;
}

int resp_inline(struct bytes line, struct resp_writer *w)
{
    int words = 0;
    size_t at = 0;
    size_t n = 0;
    int got;
    while ((got = read_word(line, &at, NULL, &n)) == 1)
        words++;
    if (got < 0)
        return got;
    resp_array(w, (size_t)words);
    for (at = 0; words > 0;) {
        size_t begin = at;
        got = read_word(line, &begin, NULL, &n);
        if (got != 1)
            break;
        resp_bulk_header(w, n);
        CHECK(w->cap - w->len >= n + 2);
        got = read_word(line, &at, w->base + w->len, &n);
        CHECK(got == 1 && at == begin);
        w->len += n;
        resp_raw(w, bytes_str("\r\n"));
    }
    CHECK(!w->full);
    return words;
}

void resp_raw(struct resp_writer *w, struct bytes b)
{
    if (w->full || w->cap - w->len < b.len) {
        w->full = true;
        return;
    }
    if (b.len > 0)
        memcpy(w->base + w->len, b.base, b.len);
    w->len += b.len;
}

static void put_line(struct resp_writer *w, char type, const char *text)
{
    size_t n = strlen(text);
    if (w->full || w->cap - w->len < n + 3) {
        w->full = true;
        return;
    }
    w->base[w->len] = (uint8_t)type;
    memcpy(w->base + w->len + 1, text, n);
    memcpy(w->base + w->len + 1 + n, "\r\n", 2);
    w->len += n + 3;
}

static void put_number(struct resp_writer *w, char type, int64_t n)
{
    char text[RESP_HEADER_MAX];
    char *at = text + sizeof text;
    uint64_t left = n < 0 ? ~(uint64_t)n + 1 : (uint64_t)n;
    *--at = 0;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (n < 0)
        *--at = '-';
    put_line(w, type, at);
}

void resp_simple(struct resp_writer *w, const char *text)
{
    put_line(w, '+', text);
}

void resp_error(struct resp_writer *w, const char *text)
{
    put_line(w, '-', text);
}

void resp_integer(struct resp_writer *w, int64_t n)
{
    put_number(w, ':', n);
}

void resp_bulk_header(struct resp_writer *w, size_t n)
{
    put_number(w, '$', (int64_t)n);
}

void resp_bulk(struct resp_writer *w, struct bytes b)
{
    size_t before = w->len;
    resp_bulk_header(w, b.len);
    resp_raw(w, b);
    resp_raw(w, bytes_str("\r\n"));
    if (w->full)
        w->len = before;
}

void resp_null(struct resp_writer *w)
{
    resp_raw(w, bytes_str("$-1\r\n"));
}

void resp_null_array(struct resp_writer *w)
{
    resp_raw(w, bytes_str("*-1\r\n"));
}

void resp_array(struct resp_writer *w, size_t n)
{
    put_number(w, '*', (int64_t)n);
}

void resp_nothing(struct resp_writer *w)
{
    resp_raw(w, bytes_str("_\r\n"));
}

void resp_map(struct resp_writer *w, size_t n)
{
    put_number(w, '%', (int64_t)n);
}

void resp_set(struct resp_writer *w, size_t n)
{
    put_number(w, '~', (int64_t)n);
}

void resp_verbatim(struct resp_writer *w, struct bytes text)
{
    size_t before = w->len;
    put_number(w, '=', (int64_t)text.len + 4);
    resp_raw(w, bytes_str("txt:"));
    resp_raw(w, text);
    resp_raw(w, bytes_str("\r\n"));
    if (w->full)
        w->len = before;
}
