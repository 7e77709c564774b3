#include "terminal/resp.h"

enum { WORDS_MAX = 8, WORD_MAX = 32 };

/* A line from *at on, without its end; false when there is none. */
static bool take_line(struct bytes b, size_t *at, struct bytes *line)
{
    for (size_t i = *at; i + 1 < b.len; i++) {
        if (b.base[i] != '\r' || b.base[i + 1] != '\n')
            continue;
        *line = bytes_of(b.base + *at, i - *at);
        *at = i + 2;
        return true;
    }
    return false;
}

static bool take_number(struct bytes digits, int64_t *number)
{
    size_t i = digits.len > 0 && digits.base[0] == '-' ? 1 : 0;
    int64_t n = 0;
    if (i == digits.len || digits.len > 12)
        return false;
    for (size_t k = i; k < digits.len; k++) {
        if (digits.base[k] < '0' || digits.base[k] > '9')
            return false;
        n = n * 10 + (digits.base[k] - '0');
    }
    *number = i ? -n : n;
    return true;
}

static void say_word(struct bytes word, struct buf *into)
{
    for (size_t i = 0; i < word.len && i < WORD_MAX; i++) {
        bool plain = word.base[i] > 0x20 && word.base[i] < 0x7f;
        buf_printf(into, "%c", plain || (word.base[i] == ' ' && i) ? word.base[i] : '.');
    }
    if (word.len > WORD_MAX)
        buf_printf(into, "\xe2\x80\xa6");
    if (word.len == 0)
        buf_printf(into, "\"\"");
}

/* One value; of an array its elements, arrays in it as "[...]". */
static bool say_value(struct bytes b, size_t *at, bool inside, struct buf *into)
{
    struct bytes line;
    int64_t n;
    if (!take_line(b, at, &line) || line.len == 0)
        return false;
    struct bytes rest = bytes_of(line.base + 1, line.len - 1);
    char kind = (char)line.base[0];
    if (kind == '+' || kind == '-' || kind == ':') {
        say_word(rest, into);
        return true;
    }
    if ((kind != '$' && kind != '*') || !take_number(rest, &n))
        return false;
    if (n < 0) {
        buf_printf(into, "(nil)");
        return true;
    }
    if (kind == '$') {
        size_t left = b.len - *at, len = (uint64_t)n < left ? (size_t)n : left;
        say_word(bytes_of(b.base + *at, len), into);
        *at += left >= (size_t)n + 2 ? (size_t)n + 2 : left;
        return true;
    }
    if (inside) {
        buf_printf(into, "[\xe2\x80\xa6]");
        return false;
    }
    for (int64_t i = 0; i < n && i < WORDS_MAX && *at < b.len; i++) {
        buf_printf(into, "%s", i ? " " : "");
        if (!say_value(b, at, true, into))
            break;
    }
    if (n > WORDS_MAX)
        buf_printf(into, " \xe2\x80\xa6");
    if (n == 0)
        buf_printf(into, "(nothing)");
    return true;
}

bool resp_say(struct bytes b, struct buf *into)
{
    size_t at = 0, before = into->len;
    if (b.len > 0 && say_value(b, &at, false, into))
        return true;
    into->len = before;
    return false;
}
