#include "lab/bindings.h"

#include "base/check.h"
#include "check/measure.h"
#include "cluster/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t name_length(const char *text)
{
    size_t n = 0;
    if (isalpha((unsigned char)text[0]))
        while (isalnum((unsigned char)text[n]) || text[n] == '_')
            n++;
    return n < BINDING_NAME_MAX ? n : 0;
}

bool binding_name_ok(const char *name)
{
    size_t n = name_length(name);
    return n > 0 && name[n] == 0;
}

const struct binding *bindings_find(const struct bindings *b, const char *name)
{
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->all[i].name, name) == 0)
            return &b->all[i];
    return NULL;
}

static struct binding *place(struct bindings *b, const char *name)
{
    struct binding *old = (struct binding *)(uintptr_t)bindings_find(b, name);
    if (old)
        return old;
    if (b->n == BINDINGS_MAX)
        return NULL;
    snprintf(b->all[b->n].name, BINDING_NAME_MAX, "%s", name);
    return &b->all[b->n++];
}

void bindings_event(struct bindings *b, const char *name, const struct entry *e)
{
    struct binding *at = place(b, name);
    if (!at)
        return;
    at->is_event = true;
    at->ordinal = e->ordinal;
    at->mono_ns = e->head.mono_ns;
    at->node = e->node;
}

void bindings_value(struct bindings *b, const char *name, double value, bool is_node,
                    const struct entry *e)
{
    struct binding *at = place(b, name);
    if (!at)
        return;
    at->is_event = false;
    at->ordinal = e->ordinal;
    at->mono_ns = e->head.mono_ns;
    at->node = e->node;
    at->value = value;
    at->is_node = is_node;
}

bool catch_read(const char *text, char name[BINDING_NAME_MAX], char field[64])
{
    size_t n = name_length(text);
    if (n == 0)
        return false;
    memcpy(name, text, n);
    name[n] = 0;
    const char *at = text + n + strspn(text + n, " ");
    if (*at++ != '=')
        return false;
    at += strspn(at, " ");
    size_t len = strlen(at);
    if (len == 0 || len >= 64 || strcspn(at, " ") != len)
        return false;
    memcpy(field, at, len + 1);
    return true;
}

static bool names_node(const char *field)
{
    static const char *const fields[] = {"node", "peer", "from", "of", "to"};
    const char *last = strrchr(field, '.');
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(last ? last + 1 : field, fields[i]) == 0)
            return true;
    return false;
}

bool bindings_catch(struct bindings *b, const char *text, struct timeline *t, const struct entry *e)
{
    char name[BINDING_NAME_MAX], field[64];
    double value;
    if (!catch_read(text, name, field))
        return false;
    if (!measure_number(t, e, field, &value)) {
        if (strcmp(field, "node") != 0)
            return false;
        value = e->node;
    }
    bindings_value(b, name, value, names_node(field), e);
    return true;
}

bool dollars_each(const char *text, bool (*each)(void *ctx, const char *name), void *ctx)
{
    char name[BINDING_NAME_MAX];
    for (const char *at = strchr(text, '$'); at; at = strchr(at + 1, '$')) {
        size_t n = name_length(at + 1);
        memcpy(name, at + 1, n);
        name[n] = 0;
        if (!each(ctx, name))
            return false;
    }
    return true;
}

bool bindings_fill(const struct bindings *b, const char *text, struct buf *into, char *why,
                   size_t why_size)
{
    char name[BINDING_NAME_MAX];
    buf_clear(into);
    while (*text) {
        size_t n = strcspn(text, "$");
        buf_append(into, bytes_of(text, n));
        text += n;
        if (!*text)
            break;
        n = name_length(text + 1);
        memcpy(name, text + 1, n);
        name[n] = 0;
        const struct binding *found = bindings_find(b, name);
        if (!found || found->is_event) {
            snprintf(why, why_size, "nothing was caught as $%s", name);
            return false;
        }
        buf_printf(into, "%.15g", found->value);
        text += n + 1;
    }
    buf_append(into, bytes_of("", 1));
    return true;
}

/* --- captions --- */

struct writing {
    const struct bindings *bindings;
    struct timeline *timeline;
    Orrery__Part **parts;
    size_t n;
    bool strong;
};

static void add(struct writing *w, const char *text, size_t n, uint64_t event, uint32_t node)
{
    if (n == 0)
        return;
    Orrery__Part *p = malloc(sizeof *p);
    CHECK(p);
    orrery__part__init(p);
    p->text = strndup(text, n);
    CHECK(p->text);
    p->event = event;
    p->node = node;
    p->strong = w->strong;
    w->parts = realloc(w->parts, (w->n + 1) * sizeof(Orrery__Part *));
    CHECK(w->parts);
    w->parts[w->n++] = p;
}

static void add_value(struct writing *w, const char *text, const struct binding *b)
{
    add(w, text, strlen(text), b->ordinal, b->node);
}

static void number_text(double v, const char *name, char *into, size_t size)
{
    size_t n = strlen(name);
    if (v < 0 && size > 3) { /* With a minus, not a hyphen. */
        memcpy(into, "\u2212", 3);
        number_text(-v, name, into + 3, size - 3);
        return;
    }
    if (n > 3 && strcmp(name + n - 3, "_ns") == 0) {
        struct buf text = {0};
        duration_print(v, &text);
        snprintf(into, size, "%.*s", (int)text.len, (const char *)text.base);
        buf_free(&text);
    } else if (fabs(v) < 1e15 && !(v - rint(v) < 0) && !(v - rint(v) > 0)) {
        snprintf(into, size, "%.0f", v);
    } else {
        snprintf(into, size, fabs(v) < 100 ? "%.3g" : "%.1f", v);
    }
}

static void write_name(struct writing *w, const struct binding *b)
{
    char text[64];
    if (b->is_event)
        snprintf(text, sizeof text, "e%" PRIu64, b->ordinal);
    else if (b->is_node)
        snprintf(text, sizeof text, "n%.0f", b->value);
    else
        number_text(b->value, b->name, text, sizeof text);
    if (!b->is_event && b->is_node)
        add(w, text, strlen(text), 0, b->value > 0 && b->value < 1e6 ? (uint32_t)b->value : 0);
    else
        add_value(w, text, b);
}

static void write_between(struct writing *w, const struct binding *later,
                          const struct binding *earlier)
{
    double ns = (double)later->mono_ns - (double)earlier->mono_ns;
    char text[64];
    if (fabs(ns) < 10e9)
        snprintf(text, sizeof text, fabs(ns) < 10e6 ? "%.1f ms" : "%.0f ms", ns / 1e6);
    else
        snprintf(text, sizeof text, "%.1f s", ns / 1e9);
    add_value(w, text, later);
}

static void write_field(struct writing *w, const struct binding *b, const char *field)
{
    struct entry e;
    double value;
    char text[64];
    if (!b->is_event || !timeline_get(w->timeline, b->ordinal, &e) ||
        !measure_number(w->timeline, &e, field, &value)) {
        add(w, "?", 1, 0, 0);
        return;
    }
    number_text(value, field, text, sizeof text);
    add_value(w, text, b);
}

/* What stands in braces: NAME, NAME - NAME or NAME.FIELD. */
struct expression {
    char name[BINDING_NAME_MAX];
    char other[BINDING_NAME_MAX];
    char field[64];
};

static bool read_expression(const char *text, size_t len, struct expression *x)
{
    *x = (struct expression){0};
    size_t n = name_length(text);
    if (n == 0 || n > len)
        return false;
    memcpy(x->name, text, n);
    if (n == len)
        return true;
    if (text[n] == '.' && len - n - 1 > 0 && len - n - 1 < sizeof x->field) {
        memcpy(x->field, text + n + 1, len - n - 1);
        return strspn(x->field, "abcdefghijklmnopqrstuvwxyz0123456789_.") == len - n - 1;
    }
    if (len - n < 4 || strncmp(text + n, " - ", 3) != 0)
        return false;
    size_t m = name_length(text + n + 3);
    memcpy(x->other, text + n + 3, m);
    return m > 0 && n + 3 + m == len;
}

static void write_expression(struct writing *w, const struct expression *x)
{
    const struct binding *b = bindings_find(w->bindings, x->name);
    const struct binding *other = *x->other ? bindings_find(w->bindings, x->other) : NULL;
    if (!b || (*x->other && !other))
        add(w, "\u2026", strlen("\u2026"), 0, 0);
    else if (other)
        write_between(w, b, other);
    else if (*x->field)
        write_field(w, b, x->field);
    else
        write_name(w, b);
}

void caption_write(const char *text, const struct bindings *b, struct timeline *t,
                   Orrery__Part ***parts, size_t *n)
{
    struct writing w = {.bindings = b, .timeline = t};
    while (*text) {
        size_t len = 0;
        while (text[len] && text[len] != '{' && strncmp(text + len, "**", 2) != 0)
            len++;
        add(&w, text, len, 0, 0);
        text += len;
        struct expression x;
        size_t end = strcspn(text, "}");
        if (*text == '*') {
            w.strong = !w.strong;
            text += 2;
        } else if (*text == '{' && text[end] && read_expression(text + 1, end - 1, &x)) {
            write_expression(&w, &x);
            text += end + 1;
        } else if (*text) {
            add(&w, text++, 1, 0, 0);
        }
    }
    *parts = w.parts;
    *n = w.n;
}

bool caption_check(const char *text,
                   bool (*each)(void *ctx, const char *name, char *why, size_t why_size), void *ctx,
                   char *why, size_t why_size)
{
    size_t stars = 0;
    for (const char *at = strstr(text, "**"); at; at = strstr(at + 2, "**"))
        stars++;
    if (stars % 2) {
        snprintf(why, why_size, "a ** is without its other one");
        return false;
    }
    for (const char *at = strchr(text, '{'); at; at = strchr(at + 1, '{')) {
        struct expression x;
        size_t end = strcspn(at, "}");
        if (!at[end] || !read_expression(at + 1, end - 1, &x)) {
            snprintf(why, why_size,
                     "'%.30s' cannot be read: expected {name}, {name - name} or {name.field}", at);
            return false;
        }
        if (!each(ctx, x.name, why, why_size) || (*x.other && !each(ctx, x.other, why, why_size)))
            return false;
    }
    return true;
}

void caption_text(Orrery__Part *const *parts, size_t n, struct buf *into)
{
    for (size_t i = 0; i < n; i++)
        buf_append(into, bytes_str(parts[i]->text));
}
