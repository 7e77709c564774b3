#include "cluster/units.h"

#include "base/check.h"
#include "base/errors.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool whole_parse(const char *text, uint64_t *number)
{
    uint64_t value = 0;
    if (!*text)
        return false;
    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9' || value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *number = value;
    return true;
}

/* A decimal number at the start of the text: what follows it, or NULL. No hex, inf or nan. */
static const char *decimal_at(const char *text, double *number)
{
    const char *at = text + (*text == '-' || *text == '+');
    size_t digits = strspn(at, "0123456789");
    size_t more = at[digits] == '.' ? strspn(at + digits + 1, "0123456789") : 0;
    if (digits + more == 0 || digits + more > 30)
        return NULL;
    at += digits + (at[digits] == '.' ? 1 + more : 0);
    *number = strtod(text, NULL);
    return at;
}

bool decimal_parse(const char *text, double *number)
{
    const char *rest = decimal_at(text, number);
    return rest && !*rest;
}

struct unit {
    const char *name;
    double factor; /* Negative: divide by it. */
};

static bool with_unit(const char *text, const struct unit *units, double *number)
{
    const char *rest = decimal_at(text, number);
    if (!rest)
        return false;
    for (; units->name; units++)
        if (strcmp(rest, units->name) == 0) {
            /* Divided, where that is exact: 10% is the double nearest to 0.1. */
            *number = units->factor < 0 ? *number / -units->factor : *number * units->factor;
            return true;
        }
    return false;
}

bool duration_parse(const char *text, double *ns)
{
    /* "50" alone is in milliseconds, as most time-outs are told. */
    static const struct unit units[] = {{"", 1e6},     {"ns", 1},  {"us", 1e3}, {"\u00b5s", 1e3},
                                        {"ms", 1e6},   {"s", 1e9}, {"m", 60e9}, {"min", 60e9},
                                        {"h", 3600e9}, {NULL, 0}};
    /* Up to a thousand hours: far beyond any experiment, and exact in 64 bits. */
    return with_unit(text, units, ns) && fabs(*ns) <= 3.6e15;
}

static uint64_t magnitude(int64_t v)
{
    return v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
}

void duration_line(int64_t ns, struct buf *into)
{
    static const struct {
        const char *name;
        uint64_t ns;
        int digits;
    } units[] = {{"s", 1000000000, 9}, {"ms", 1000000, 6}, {"us", 1000, 3}, {"ns", 1, 0}};
    uint64_t left = magnitude(ns);
    size_t u = 0;
    while (u < 3 && left < units[u].ns)
        u++;
    if (left == 0)
        u = 1;
    buf_printf(into, "%s%llu", ns < 0 ? "-" : "", (unsigned long long)(left / units[u].ns));
    char digits[16];
    int n = snprintf(digits, sizeof digits, "%0*llu", units[u].digits,
                     (unsigned long long)(left % units[u].ns));
    while (n > 0 && digits[n - 1] == '0')
        digits[--n] = '\0';
    buf_printf(into, n > 0 ? ".%s%s" : "%s%s", digits, units[u].name);
}

void duration_print(double ns, struct buf *into)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9}};
    size_t u = 0;
    while (u < 5 && fabs(ns) >= units[u + 1].ns)
        u++;
    double value = ns / units[u].ns;
    buf_printf(into, "%.*f",
               fabs(value) < 10 && u > 0    ? 2
               : fabs(value) < 100 && u > 0 ? 1
                                            : 0,
               value);
    const uint8_t *end = into->base + into->len;
    if (memchr(end - 4 < into->base ? into->base : end - 4, '.', 4))
        while (into->base[into->len - 1] == '0')
            into->len--;
    if (into->base[into->len - 1] == '.')
        into->len--;
    buf_printf(into, " %s", units[u].name);
}

bool share_parse(const char *text, double *share)
{
    static const struct unit units[] = {{"", 1}, {"%", -100}, {NULL, 0}};
    if (!with_unit(text, units, share))
        return false;
    return *share >= 0 && *share <= 1;
}

void share_print(double share, struct buf *into)
{
    buf_printf(into, "%.10g%%", share * 100);
}

bool rate_parse(const char *text, uint64_t *bytes)
{
    static const struct unit units[] = {
        {"", 1},     {"B", 1},      {"kB", 1e3},      {"KB", 1e3},         {"MB", 1e6},
        {"GB", 1e9}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {NULL, 0}};
    char copy[48];
    size_t n = strlen(text);
    if (n >= sizeof copy)
        return false;
    memcpy(copy, text, n + 1);
    if (n > 2 && strcmp(copy + n - 2, "/s") == 0)
        copy[n - 2] = '\0';
    double number;
    if (!with_unit(copy, units, &number) || number < 0 || number > 1e15)
        return false;
    *bytes = (uint64_t)llround(number);
    return true;
}

void rate_print(uint64_t bytes, struct buf *into)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {{"GB", 1000000000}, {"MB", 1000000}, {"kB", 1000}, {"B", 1}};
    size_t u = 0;
    while (u < 3 && (bytes == 0 || bytes % units[u].bytes))
        u++;
    buf_printf(into, "%llu%s", (unsigned long long)(bytes / units[u].bytes), units[u].name);
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static const char *node_at(const char *text, uint32_t *node)
{
    if (*text != 'n' && *text != 'N')
        return NULL;
    size_t digits = strspn(text + 1, "0123456789");
    if (digits == 0 || digits > 6)
        return NULL;
    unsigned long value = strtoul(text + 1, NULL, 10);
    if (value == 0 || value > NODE_NUMBER_MAX)
        return NULL;
    *node = (uint32_t)value;
    return text + 1 + digits;
}

bool node_parse(const char *text, uint32_t *node)
{
    if (strcmp(text, "all") == 0) {
        *node = 0;
        return true;
    }
    const char *rest = node_at(text, node);
    return rest && !*rest;
}

static bool node_list_fill(const char *text, struct node_list *list)
{
    for (;;) {
        uint32_t from, to;
        text = node_at(text, &from);
        if (!text)
            return false;
        to = from;
        if (*text == '-' && !(text = node_at(text + 1, &to)))
            return false;
        if (to < from || to - from >= NODE_LIST_MAX - list->n)
            return false;
        for (uint32_t node = from; node <= to; node++)
            list->nodes[list->n++] = node;
        if (!*text)
            return true;
        if (*text++ != ',')
            return false;
    }
}

bool node_list_parse(const char *text, struct node_list *list)
{
    list->n = 0;
    list->nodes = calloc(NODE_LIST_MAX, sizeof *list->nodes);
    CHECK(list->nodes);
    if (strcmp(text, "all") == 0) {
        list->nodes[list->n++] = 0;
        return true;
    }
    if (!node_list_fill(text, list)) {
        node_list_free(list);
        return false;
    }
    qsort(list->nodes, list->n, sizeof *list->nodes, ascending);
    size_t kept = 0;
    for (size_t i = 0; i < list->n; i++)
        if (kept == 0 || list->nodes[kept - 1] != list->nodes[i])
            list->nodes[kept++] = list->nodes[i];
    list->n = kept;
    return true;
}

void node_list_free(struct node_list *list)
{
    free(list->nodes);
    *list = (struct node_list){0};
}

void node_list_print(const uint32_t *nodes, size_t n, struct buf *into)
{
    for (size_t i = 0; i < n;) {
        size_t last = i;
        while (last + 1 < n && nodes[last + 1] == nodes[last] + 1)
            last++;
        if (last < i + 2)
            last = i;
        if (nodes[i] == 0)
            buf_printf(into, "%sall", i ? "," : "");
        else
            buf_printf(into, "%sn%u", i ? "," : "", nodes[i]);
        if (last > i)
            buf_printf(into, "-n%u", nodes[last]);
        i = last + 1;
    }
}

/* Optimal string alignment: edits, and swaps of neighbours. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 32 };
    size_t rows[3][LONGEST + 1] = {{0}};
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                two[j - 2] + 1 < best)
                best = two[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[n % 3][m];
}

const char *nearest_word(const char *typed, const char *const *words, size_t n)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(typed, words[i]);
        if (strlen(typed) > 2 && strncmp(typed, words[i], strlen(typed)) == 0)
            d = 1;
        if (d < best_distance) {
            best = words[i];
            best_distance = d;
        }
    }
    size_t length = strlen(typed);
    size_t near = length > 8 ? 3 : length > 5 ? 2 : 1;
    return best && best_distance <= near ? best : NULL;
}

/* Copies one word without its quotes; NULL when a quote is not closed. */
static const char *word_copy(const char *at, struct buf *memory)
{
    char quote = '\0';
    for (; *at && (quote || !isspace((unsigned char)*at)); at++) {
        if (quote ? *at == quote : *at == '\'' || *at == '"')
            quote = quote ? '\0' : *at;
        else if (*at == '\\' && quote != '\'' && at[1])
            buf_append(memory, bytes_of(++at, 1));
        else
            buf_append(memory, bytes_of(at, 1));
    }
    buf_append(memory, bytes_of("", 1));
    return quote ? NULL : at;
}

int words_split(const char *line, struct buf *memory, const char **words, size_t max)
{
    size_t starts[256], n = 0;
    buf_clear(memory);
    for (const char *at = line;;) {
        while (isspace((unsigned char)*at))
            at++;
        if (!*at)
            break;
        if (n == max || n == sizeof starts / sizeof starts[0])
            return ERROR_TOO_LARGE;
        starts[n++] = memory->len;
        at = word_copy(at, memory);
        if (!at)
            return ERROR_MALFORMED;
    }
    for (size_t i = 0; i < n; i++)
        words[i] = (const char *)memory->base + starts[i];
    return (int)n;
}

void word_quote(const char *word, struct buf *into)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-=./,:%+@^";
    if (*word && strspn(word, plain) == strlen(word)) {
        buf_printf(into, "%s", word);
        return;
    }
    buf_printf(into, "'");
    for (const char *at = word; *at; at++) {
        if (*at == '\'')
            buf_printf(into, "'\\''");
        else
            buf_append(into, bytes_of(at, 1));
    }
    buf_printf(into, "'");
}

/* How many bytes the printable UTF-8 character at `at` takes; 0 when there is none. */
static size_t printable(const uint8_t *at, size_t left)
{
    if (at[0] < 0x80)
        return at[0] >= 0x20 && at[0] != 0x7f;
    size_t n = at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc2 ? 2 : 0;
    if (at[0] >= 0xf5 || n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return n == 2 && at[0] == 0xc2 && at[1] < 0xa0 ? 0 : n; /* U+0080 to U+009F are controls. */
}

void text_clean(char *into, size_t size, struct bytes text)
{
    CHECK(size > 0);
    size_t written = 0;
    for (size_t at = 0; at < text.len;) {
        size_t n = printable(text.base + at, text.len - at);
        if (written + (n ? n : 1U) >= size)
            break;
        if (n)
            memcpy(into + written, text.base + at, n);
        else
            into[written] = '?';
        written += n ? n : 1U;
        at += n ? n : 1U;
    }
    into[written] = '\0';
}
