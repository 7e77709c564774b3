/* Messages as text for people and as JSON. */
#include "timeline/types.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timeline/text.h"

enum style { STYLE_TEXT, STYLE_LINES, STYLE_JSON };

enum {
    HEX_MAX = 48,
    TEXT_BYTES_MAX = 256,
    TEXT_VALUES_MAX = 12
}; /* Of a field, in a line for people. */

struct printer {
    struct buf *into;
    enum style style;
    size_t limit; /* Of into->len: beyond it nothing is added but what closes. */
    int indent;
};

static bool full(const struct printer *p)
{
    return p->into->len >= p->limit;
}

static void put(struct printer *p, const char *text)
{
    buf_append(p->into, bytes_str(text));
}

static void print_real(struct printer *p, double v)
{
    char text[40];
    if (p->style != STYLE_JSON) {
        (void)snprintf(text, sizeof text, "%.6g", v);
    } else if (isnan(v) || isinf(v)) {
        (void)snprintf(text, sizeof text, "\"%s\"",
                       isnan(v) ? "NaN"
                       : v > 0  ? "Infinity"
                                : "-Infinity");
    } else {
        (void)snprintf(text, sizeof text, "%.15g", v);
        if (strtod(text, NULL) != v)
            (void)snprintf(text, sizeof text, "%.17g", v);
    }
    put(p, text);
}

static void print_enum(struct printer *p, const struct type_field *f, int32_t value)
{
    const char *name = f->message ? schema_enum_name(f->message, value) : NULL;
    if (name)
        buf_printf(p->into, p->style == STYLE_JSON ? "\"%s\"" : "%s", name);
    else
        buf_printf(p->into, "%" PRId32, value);
}

static void print_bytes(struct printer *p, struct bytes b, bool is_text)
{
    bool shown = is_text || b.len == 0 || text_printable(b);
    bool json = p->style == STYLE_JSON;
    if (json && shown) {
        text_json(b, p->into);
    } else if (json) {
        put(p, "\"");
        text_hex(b, SIZE_MAX, p->into);
        put(p, "\"");
    } else if (!shown) {
        text_hex(b, HEX_MAX, p->into);
    } else if (b.len > TEXT_BYTES_MAX) {
        text_quoted(bytes_of(b.base, TEXT_BYTES_MAX), p->into);
        buf_printf(p->into, "...(%zu bytes)", b.len);
    } else {
        text_quoted(b, p->into);
    }
}

static void print_scalar(struct printer *p, const struct type_field *f,
                         const struct wire_field *wire)
{
    switch (f->type) {
    case FIELD_TYPE(DOUBLE):
    case FIELD_TYPE(FLOAT):
        print_real(p, schema_wire_number(f->type, wire->value));
        break;
    case FIELD_TYPE(BOOL):
        put(p, wire->value ? "true" : "false");
        break;
    case FIELD_TYPE(ENUM):
        print_enum(p, f, (int32_t)wire->value);
        break;
    case FIELD_TYPE(INT32):
    case FIELD_TYPE(SFIXED32):
        buf_printf(p->into, "%" PRId32, (int32_t)wire->value);
        break;
    case FIELD_TYPE(INT64):
    case FIELD_TYPE(SFIXED64):
        buf_printf(p->into, "%" PRId64, (int64_t)wire->value);
        break;
    case FIELD_TYPE(SINT32):
    case FIELD_TYPE(SINT64):
        buf_printf(p->into, "%" PRId64, wire_zigzag(wire->value));
        break;
    case FIELD_TYPE(UINT32):
        buf_printf(p->into, "%" PRIu32, (uint32_t)wire->value);
        break;
    case FIELD_TYPE(STRING):
        print_bytes(p, wire->bytes, true);
        break;
    case FIELD_TYPE(BYTES):
        print_bytes(p, wire->bytes, false);
        break;
    default:
        buf_printf(p->into, "%" PRIu64, wire->value);
        break;
    }
}

static void print_message(struct printer *p, const struct schema_type *t, struct bytes body,
                          int depth);

static void new_line(struct printer *p, int depth)
{
    buf_printf(p->into, "%*s", p->indent + 2 * depth, "");
}

static void print_value(struct printer *p, const struct type_field *f,
                        const struct wire_field *wire, int depth)
{
    if (f->type != FIELD_TYPE(MESSAGE)) {
        print_scalar(p, f, wire);
    } else if (!f->message || f->message->is_enum || depth >= SCHEMA_DEPTH_MAX) {
        print_bytes(p, wire->bytes, false);
    } else if (p->style == STYLE_LINES) {
        print_message(p, f->message, wire->bytes, depth + 1);
    } else {
        put(p, "{");
        print_message(p, f->message, wire->bytes, depth + 1);
        put(p, "}");
    }
}

/* What stands before a field's value: a comma or space, the name, the sign between. */
static void print_name(struct printer *p, const char *name, const char *sign, bool *any, int depth)
{
    if (p->style == STYLE_LINES)
        new_line(p, depth);
    else if (*any)
        put(p, p->style == STYLE_JSON ? "," : " ");
    *any = true;
    buf_printf(p->into, p->style == STYLE_JSON ? "\"%s\":" : "%s", name);
    if (p->style == STYLE_TEXT)
        put(p, sign);
    else if (p->style == STYLE_LINES)
        put(p, *sign ? ": " : ":\n");
}

static void print_repeated(struct printer *p, const struct type_field *f,
                           const struct occurrence *o, uint32_t n, int depth)
{
    uint32_t shown = p->style == STYLE_TEXT && n > TEXT_VALUES_MAX ? TEXT_VALUES_MAX : n;
    put(p, "[");
    for (uint32_t i = 0; i < shown && !full(p); i++) {
        if (i > 0)
            put(p, p->style == STYLE_JSON ? "," : " ");
        print_value(p, f, &o[i].wire, depth);
    }
    if (shown < n)
        buf_printf(p->into, " ...(%u of them)", (unsigned)n);
    put(p, "]");
}

static bool is_block(const struct type_field *f)
{
    return f->type == FIELD_TYPE(MESSAGE) && f->message && !f->message->is_enum;
}

/* One field that occurs n times. */
static void print_field(struct printer *p, const struct type_field *f, const struct occurrence *o,
                        uint32_t n, bool *any, int depth)
{
    bool block = is_block(f) && depth < SCHEMA_DEPTH_MAX;
    if (p->style == STYLE_LINES && block) {
        for (uint32_t i = f->repeated ? 0 : n - 1; i < n && !full(p); i++) {
            print_name(p, f->name, "", any, depth);
            print_value(p, f, &o[i].wire, depth);
        }
        return;
    }
    print_name(p, f->name, block && !f->repeated ? "" : "=", any, depth);
    if (f->repeated)
        print_repeated(p, f, o, n, depth);
    else
        print_value(p, f, &o[n - 1].wire, depth);
    if (p->style == STYLE_LINES)
        put(p, "\n");
}

/* proto3 leaves zeros away; people should see them. */
static void print_absent(struct printer *p, const struct type_field *f, bool *any, int depth)
{
    bool text = f->type == FIELD_TYPE(STRING) || f->type == FIELD_TYPE(BYTES);
    if (!f->implicit || (text && p->style != STYLE_JSON))
        return;
    const struct occurrence zero = {.wire = {.bytes = bytes_of("", 0)}};
    print_field(p, f, &zero, 1, any, depth);
}

static void print_unknown(struct printer *p, const struct occurrence *o, bool *any, int depth)
{
    char name[16];
    (void)snprintf(name, sizeof name, "#%u", (unsigned)o->wire.number);
    print_name(p, name, "=", any, depth);
    if (o->wire.type == WIRE_BYTES)
        print_bytes(p, o->wire.bytes, false);
    else
        buf_printf(p->into, "%" PRIu64, o->wire.value);
    if (p->style == STYLE_LINES)
        put(p, "\n");
}

static void print_flag(struct printer *p, const char *what, bool *any, int depth)
{
    print_name(p, what, "=", any, depth);
    put(p, p->style == STYLE_LINES ? "true\n" : "true");
}

static void print_message(struct printer *p, const struct schema_type *t, struct bytes body,
                          int depth)
{
    struct occurrences o;
    occurrences_read(t, body, &o);
    uint32_t at = 0;
    bool any = false;
    for (uint32_t i = 0; i < t->n && !full(p); i++) {
        uint32_t from = at;
        while (at < o.n && o.all[at].field == i)
            at++;
        if (at > from)
            print_field(p, &t->fields[i], o.all + from, at - from, &any, depth);
        else
            print_absent(p, &t->fields[i], &any, depth);
    }
    for (uint32_t last = 0; at < o.n && !full(p); at++) {
        /* JSON wants each name once. */
        if (o.all[at].wire.number != last || p->style != STYLE_JSON)
            print_unknown(p, &o.all[at], &any, depth);
        last = o.all[at].wire.number;
    }
    if (full(p))
        print_flag(p, "_cut_short", &any, depth);
    else if (o.torn)
        print_flag(p, "_damaged", &any, depth);
    free(o.all);
}

static void print(const struct schema_type *t, struct bytes body, struct buf *into,
                  enum style style, int indent)
{
    struct printer p = {
        .into = into,
        .style = style,
        .limit = into->len + SCHEMA_PRINT_MAX,
        .indent = indent,
    };
    if (!t->is_enum)
        print_message(&p, t, body, 0);
}

void schema_text(const struct schema_type *t, struct bytes body, struct buf *into)
{
    print(t, body, into, STYLE_TEXT, 0);
}

void schema_lines(const struct schema_type *t, struct bytes body, int indent, struct buf *into)
{
    print(t, body, into, STYLE_LINES, indent);
}

void schema_json(const struct schema_type *t, struct bytes body, struct buf *into)
{
    buf_append(into, bytes_str("{"));
    print(t, body, into, STYLE_JSON, 0);
    buf_append(into, bytes_str("}"));
}
