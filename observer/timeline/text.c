#include "timeline/text.h"

#include <stdio.h>

size_t text_next(struct bytes b, uint32_t *point, bool *ok)
{
    *ok = true;
    *point = 0;
    if (b.len == 0)
        return 0;
    uint8_t first = b.base[0];
    *point = first;
    if (first < 0x80)
        return 1;
    size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    *ok = false;
    if (first < 0xc2 || first > 0xf4 || b.len < n)
        return 1;
    uint32_t value = first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((b.base[i] & 0xc0) != 0x80)
            return 1;
        value = value << 6 | (b.base[i] & 0x3f);
    }
    if (value < least[n] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return 1;
    *point = value;
    *ok = true;
    return n;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x61c ||
           c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

static struct bytes after(struct bytes b, size_t n)
{
    return bytes_of(b.base + n, b.len - n);
}

bool text_printable(struct bytes b)
{
    if (b.len == 0)
        return false;
    while (b.len > 0) {
        uint32_t c;
        bool ok;
        size_t n = text_next(b, &c, &ok);
        if (!ok || is_control(c))
            return false;
        b = after(b, n);
    }
    return true;
}

void text_put(struct bytes b, struct buf *into)
{
    while (b.len > 0) {
        uint32_t c;
        bool ok;
        size_t n = text_next(b, &c, &ok);
        if (ok && !is_control(c))
            buf_append(into, bytes_of(b.base, n));
        else if (c == '\n' || c == '\t' || c == '\r')
            buf_printf(into, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (!ok || c < 0x100)
            buf_printf(into, "\\x%02x", (unsigned)c);
        else
            buf_printf(into, "\\u%04x", (unsigned)c);
        b = after(b, n);
    }
}

static bool is_word(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.base[i];
        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == '{' || c == '}' || c == '[' ||
            c == ']' || c == '\'' || c >= 0x7f)
            return false;
    }
    return b.len > 0;
}

void text_quoted(struct bytes b, struct buf *into)
{
    if (is_word(b)) {
        buf_append(into, b);
        return;
    }
    buf_append(into, bytes_str("\""));
    while (b.len > 0) {
        size_t plain = 0;
        while (plain < b.len && b.base[plain] != '"' && b.base[plain] != '\\')
            plain++;
        text_put(bytes_of(b.base, plain), into);
        if (plain < b.len)
            buf_printf(into, "\\%c", b.base[plain++]);
        b = after(b, plain);
    }
    buf_append(into, bytes_str("\""));
}

void text_json(struct bytes b, struct buf *into)
{
    buf_append(into, bytes_str("\""));
    while (b.len > 0) {
        uint32_t c;
        bool ok;
        size_t n = text_next(b, &c, &ok);
        if (!ok)
            buf_append(into, bytes_str("\\ufffd"));
        else if (c == '"' || c == '\\')
            buf_printf(into, "\\%c", (char)c);
        else if (!is_control(c))
            buf_append(into, bytes_of(b.base, n));
        else if (c > 0xffff)
            buf_printf(into, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
                       (unsigned)(0xdc00 + (c & 0x3ff)));
        else
            buf_printf(into, "\\u%04x", (unsigned)c);
        b = after(b, n);
    }
    buf_append(into, bytes_str("\""));
}

void text_json_print(const char *text)
{
    struct buf quoted = {0};
    text_json(bytes_str(text), &quoted);
    (void)fwrite(quoted.base, 1, quoted.len, stdout);
    buf_free(&quoted);
}

void text_hex(struct bytes b, size_t max, struct buf *into)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = b.len < max ? b.len : max;
    buf_append(into, bytes_str("0x"));
    uint8_t *at = buf_extend(into, 2 * n);
    for (size_t i = 0; i < n; i++) {
        at[2 * i] = (uint8_t)digits[b.base[i] >> 4];
        at[2 * i + 1] = (uint8_t)digits[b.base[i] & 15];
    }
    if (n < b.len)
        buf_printf(into, "...(%zu bytes)", b.len);
}
