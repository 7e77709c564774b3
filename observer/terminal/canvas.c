#include "terminal/canvas.h"

#include "base/check.h"
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    uint32_t code;
    char ascii;
} stand_ins[] = {
    {0x2502, '|'}, {0x2506, ':'}, {0x250a, ':'},  {0x2591, '.'}, {0x2500, '-'}, {0x254c, '~'},
    {0x2504, '.'}, {0x253c, '+'}, {0x256a, '+'},  {0x25cf, '*'}, {0x25b6, '>'}, {0x25c0, '<'},
    {0x25b7, '>'}, {0x25c1, '<'}, {0x2715, 'x'},  {0x2717, 'X'}, {0x25d0, 'o'}, {0x2016, 'P'},
    {0x25a0, '#'}, {0x25aa, '='}, {0x25e6, '.'},  {0x25c6, '#'}, {0x25c7, '#'}, {0x2248, '%'},
    {0x2713, 'v'}, {0x2020, 'D'}, {0x2191, '^'},  {0x2193, 'v'}, {0x2192, '>'}, {0x2190, '<'},
    {0x00b7, '.'}, {0x2013, '-'}, {0x2026, '.'},  {0x00d7, 'x'}, {0x00b1, '~'}, {0x03c6, 'f'},
    {0x25b4, '^'}, {0x25be, 'v'}, {0x25b8, '>'},  {0x25c2, '<'}, {0x25c9, '@'}, {0x2212, '-'},
    {0x2265, '>'}, {0x2264, '<'}, {0x00b5, 'u'},  {0x03bc, 'u'}, {0x21b5, '<'}, {0x2044, '/'},
    {0x2550, '='}, {0x2571, '/'}, {0x2572, '\\'}, {0x25cb, 'o'}, {0x25ba, '>'}, {0x2260, '!'},
};

void canvas_init(struct canvas *c, int width, int height, bool ascii)
{
    CHECK(width > 0 && height > 0);
    c->width = width;
    c->height = height;
    c->ascii = ascii;
    c->cells = must_alloc((size_t)width * (size_t)height, sizeof *c->cells);
}

void canvas_free(struct canvas *c)
{
    free(c->cells);
    memset(c, 0, sizeof *c);
}

/* Blocks whose characters are one column wide everywhere, and print something. */
static bool one_column(uint32_t code)
{
    return (code >= 0x20 && code < 0x7f) || (code > 0xa0 && code < 0x300 && code != 0xad) ||
           (code >= 0x370 && code < 0x483) || (code >= 0x48a && code < 0x530) ||
           (code >= 0x2010 && code < 0x2028) || (code >= 0x2030 && code < 0x205f) ||
           (code >= 0x2070 && code < 0x20d0) || (code >= 0x2100 && code < 0x231a) ||
           (code >= 0x2500 && code < 0x25fd) || code == 0x2713 || code == 0x2715 || code == 0x2717;
}

void canvas_put(struct canvas *c, int x, int y, uint32_t code, int style)
{
    if (x < 0 || y < 0 || x >= c->width || y >= c->height)
        return;
    struct cell *cell = &c->cells[y * c->width + x];
    cell->code = one_column(code) ? code : '?';
    cell->style = (uint8_t)style;
}

uint32_t canvas_at(const struct canvas *c, int x, int y)
{
    if (x < 0 || y < 0 || x >= c->width || y >= c->height)
        return 0;
    uint32_t code = c->cells[y * c->width + x].code;
    return code == ' ' ? 0 : code;
}

/* The next character; a malformed byte counts as one. *text is not at its end. */
static uint32_t decode(const char **text)
{
    const uint8_t *at = (const uint8_t *)*text;
    int more = at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : at[0] >= 0xc0 ? 1 : 0;
    uint32_t code = more == 3 ? at[0] & 7 : more == 2 ? at[0] & 15 : more == 1 ? at[0] & 31 : at[0];
    if (more == 0 && at[0] >= 0x80)
        code = 0xfffd;
    for (int i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            *text += i;
            return 0xfffd;
        }
        code = code << 6 | (at[i] & 63);
    }
    *text += more + 1;
    return code;
}

int canvas_columns(const char *text)
{
    int n = 0;
    for (; *text; n++)
        decode(&text);
    return n;
}

int canvas_text(struct canvas *c, int x, int y, int room, const char *text, int style)
{
    if (room > c->width - x)
        room = c->width - x;
    int drawn = 0;
    while (*text && drawn < room) {
        uint32_t code = decode(&text);
        if (drawn == room - 1 && *text)
            code = 0x2026;
        canvas_put(c, x + drawn, y, code, style);
        drawn++;
    }
    return drawn;
}

/* A number stays with its unit. */
static bool breaks_at(const char *text, const char *at)
{
    bool number = at > text && at[-1] >= '0' && at[-1] <= '9';
    return *at == ' ' && at > text && !(number && (at[1] == 'm' || at[1] == 's'));
}

/* How many bytes of the text belong on a line of `columns`. */
static size_t line_bytes(const char *text, int columns)
{
    const char *at = text, *space = NULL;
    for (int n = 0; *at && n < columns; n++) {
        if (breaks_at(text, at))
            space = at;
        decode(&at);
    }
    if (!*at || breaks_at(text, at) || !space)
        return (size_t)(at - text);
    return (size_t)(space - text);
}

int canvas_wrap(struct canvas *c, int x, int y, int columns, int lines, const char *text, int style)
{
    int used = 0;
    while (*text && used < lines && columns > 4) {
        int indent = used ? 2 : 0;
        bool last = used + 1 == lines;
        size_t n = last ? strlen(text) : line_bytes(text, columns - indent);
        if (c) {
            char line[1024];
            snprintf(line, sizeof line, "%.*s", (int)(n < sizeof line ? n : sizeof line - 1), text);
            canvas_text(c, x + indent, y + used, columns - indent, line, style);
        }
        used++;
        text += n;
        while (*text == ' ')
            text++;
    }
    return used;
}

void canvas_restyle(struct canvas *c, int x, int y, int columns, int style)
{
    for (int i = x; i < x + columns; i++)
        if (i >= 0 && i < c->width && y >= 0 && y < c->height)
            c->cells[y * c->width + i].style = (uint8_t)style;
}

int canvas_encode(const struct canvas *c, uint32_t code, char into[8])
{
    if (c->ascii && code >= 0x80) {
        uint32_t found = '?';
        for (size_t i = 0; i < sizeof stand_ins / sizeof stand_ins[0]; i++)
            if (stand_ins[i].code == code)
                found = (uint32_t)stand_ins[i].ascii;
        code = found;
    }
    int n = 0;
    if (code < 0x80) {
        into[n++] = (char)(code ? code : ' ');
    } else if (code < 0x800) {
        into[n++] = (char)(0xc0 | code >> 6);
        into[n++] = (char)(0x80 | (code & 63));
    } else {
        CHECK(code < 0x10000);
        into[n++] = (char)(0xe0 | code >> 12);
        into[n++] = (char)(0x80 | (code >> 6 & 63));
        into[n++] = (char)(0x80 | (code & 63));
    }
    into[n] = 0;
    return n;
}

void canvas_line(const struct canvas *c, int y, struct buf *into)
{
    int end = c->width;
    while (end > 0 && canvas_at(c, end - 1, y) == 0)
        end--;
    for (int x = 0; x < end; x++) {
        char text[8];
        int n = canvas_encode(c, canvas_at(c, x, y), text);
        buf_append(into, bytes_of(text, (size_t)n));
    }
    buf_reserve(into, 1);
    into->base[into->len] = 0;
}
