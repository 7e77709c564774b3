/* Messages of types that the observer was not compiled for, split into their fields. */
#include "timeline/types.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

const struct type_field *type_field_by_number(const struct schema_type *t, uint32_t number)
{
    for (uint32_t i = 0; !t->is_enum && i < t->n; i++)
        if (t->fields[i].number == number)
            return &t->fields[i];
    return NULL;
}

enum wire_type wire_type_of(int field_type)
{
    switch (field_type) {
    case FIELD_TYPE(DOUBLE):
    case FIELD_TYPE(FIXED64):
    case FIELD_TYPE(SFIXED64):
        return WIRE_FIXED64;
    case FIELD_TYPE(FLOAT):
    case FIELD_TYPE(FIXED32):
    case FIELD_TYPE(SFIXED32):
        return WIRE_FIXED32;
    case FIELD_TYPE(STRING):
    case FIELD_TYPE(BYTES):
    case FIELD_TYPE(MESSAGE):
        return WIRE_BYTES;
    default:
        return WIRE_VARINT;
    }
}

struct reading_state {
    struct occurrences *o;
    uint32_t cap;
};

static bool note(struct reading_state *r, uint32_t field, const struct wire_field *wire)
{
    struct occurrences *o = r->o;
    if (o->n == SCHEMA_OCCURRENCES_MAX) {
        o->torn = true;
        return false;
    }
    if (o->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 16;
        o->all = realloc(o->all, r->cap * sizeof *o->all);
        CHECK(o->all);
    }
    o->all[o->n] = (struct occurrence){field, o->n, *wire};
    o->n++;
    return true;
}

/* The elements of a packed field, each as if it stood alone. */
static bool note_packed(struct reading_state *r, uint32_t field, enum wire_type type,
                        const struct wire_field *wire)
{
    const uint8_t *at = wire->bytes.base, *end = wire_end(wire->bytes);
    while (at < end) {
        struct wire_field element = {.number = wire->number, .type = type};
        size_t left = (size_t)(end - at);
        if (type == WIRE_VARINT) {
            at = wire_varint(at, end, &element.value);
        } else if (left >= (type == WIRE_FIXED64 ? 8 : 4)) {
            element.value = type == WIRE_FIXED64 ? get_u64(at) : get_u32(at);
            at += type == WIRE_FIXED64 ? 8 : 4;
        } else {
            at = NULL;
        }
        if (!at) {
            r->o->torn = true;
            return false;
        }
        if (!note(r, field, &element))
            return false;
    }
    return true;
}

static int by_field(const void *a, const void *b)
{
    const struct occurrence *x = a, *y = b;
    if (x->field != y->field)
        return x->field < y->field ? -1 : 1;
    if (x->wire.number != y->wire.number) /* Unknown ones. */
        return x->wire.number < y->wire.number ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

void occurrences_read(const struct schema_type *t, struct bytes message, struct occurrences *o)
{
    *o = (struct occurrences){0};
    struct reading_state r = {.o = o};
    const uint8_t *at = message.base, *end = wire_end(message);
    while (at < end) {
        struct wire_field f;
        at = wire_next(at, end, &f);
        if (!at) {
            o->torn = true;
            break;
        }
        const struct type_field *field = type_field_by_number(t, f.number);
        uint32_t index = field ? (uint32_t)(field - t->fields) : t->n;
        enum wire_type type = field ? wire_type_of(field->type) : f.type;
        bool packed = field && field->repeated && type != WIRE_BYTES && f.type == WIRE_BYTES;
        if (!packed && f.type != type)
            index = t->n; /* Not what the schema says: as good as unknown. */
        if (packed ? !note_packed(&r, index, type, &f) : !note(&r, index, &f))
            break;
    }
    if (o->n > 1)
        qsort(o->all, o->n, sizeof *o->all, by_field);
}

const char *schema_case(const struct schema_type *t, struct bytes body)
{
    struct wire_field f;
    if (body.len == 0 || !wire_next(body.base, body.base + body.len, &f))
        return NULL;
    const struct type_field *field = type_field_by_number(t, f.number);
    if (!field || field->implicit || field->repeated)
        return NULL;
    if (!field->message || field->message->is_enum)
        return field->name;
    const char *dot = strrchr(field->message->name, '.');
    return dot ? dot + 1 : field->message->name;
}

static double float_of(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return (double)value;
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double schema_wire_number(int type, uint64_t bits)
{
    switch (type) {
    case FIELD_TYPE(DOUBLE):
        return double_of(bits);
    case FIELD_TYPE(FLOAT):
        return float_of(bits);
    case FIELD_TYPE(INT32):
    case FIELD_TYPE(SFIXED32):
    case FIELD_TYPE(ENUM):
        return (double)(int32_t)bits;
    case FIELD_TYPE(INT64):
    case FIELD_TYPE(SFIXED64):
        return (double)(int64_t)bits;
    case FIELD_TYPE(SINT32):
    case FIELD_TYPE(SINT64):
        return (double)wire_zigzag(bits);
    case FIELD_TYPE(UINT32):
        return (double)(uint32_t)bits;
    case FIELD_TYPE(BOOL):
        return bits != 0;
    default:
        return (double)bits;
    }
}

static const struct type_field *field_by_name(const struct schema_type *t, const char *name,
                                              size_t len)
{
    for (uint32_t i = 0; !t->is_enum && i < t->n; i++)
        if (strncmp(t->fields[i].name, name, len) == 0 && t->fields[i].name[len] == 0)
            return &t->fields[i];
    return NULL;
}

/* The last one counts, where a singular field occurs twice. */
static bool wire_last(struct bytes message, uint32_t number, enum wire_type type,
                      struct wire_field *last)
{
    const uint8_t *at = message.base, *end = wire_end(message);
    bool found = false;
    while (at < end) {
        struct wire_field f;
        at = wire_next(at, end, &f);
        if (!at)
            return false;
        if (f.number == number && f.type == type) {
            *last = f;
            found = true;
        }
    }
    return found;
}

bool schema_number(const struct schema_type *t, struct bytes body, const char *path, double *value)
{
    for (int depth = 0; depth < SCHEMA_DEPTH_MAX; depth++) {
        size_t len = strcspn(path, ".");
        const struct type_field *field = field_by_name(t, path, len);
        if (!field)
            return false;
        enum wire_type type = wire_type_of(field->type);
        struct wire_field f = {0};
        bool there = wire_last(body, field->number, type, &f);
        if (path[len] == 0) {
            if (type == WIRE_BYTES || (!there && !field->implicit))
                return false;
            *value = there ? schema_wire_number(field->type, f.value) : 0;
            return true;
        }
        if (!there || type != WIRE_BYTES || !field->message || field->message->is_enum)
            return false;
        t = field->message;
        body = f.bytes;
        path += len + 1;
    }
    return false;
}
