#include "core/pattern.h"

#include "base/wire.h"
#include "event.pb-c.h"

#include <math.h>
#include <string.h>

enum { EVENT_INSTANCE = 5, EVENT_BODY_MIN = 10, TRACE_TYPE = 1, SEND_BODY = 4, RECEIVE_BODY = 6 };

/* The outcome of looking: whether something matched, and whether the bytes were well formed. */
struct look {
    bool matched;
    bool malformed;
};

static bool holds(Orrery__Pattern__Compare compare, int order)
{
    switch ((int)compare) {
    case ORRERY__PATTERN__COMPARE__EQUAL:
        return order == 0;
    case ORRERY__PATTERN__COMPARE__NOT_EQUAL:
        return order != 0;
    case ORRERY__PATTERN__COMPARE__LESS:
        return order < 0;
    case ORRERY__PATTERN__COMPARE__LESS_EQUAL:
        return order <= 0;
    case ORRERY__PATTERN__COMPARE__GREATER:
        return order > 0;
    case ORRERY__PATTERN__COMPARE__GREATER_EQUAL:
        return order >= 0;
    default:
        return false;
    }
}

static int order_signed(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int order_unsigned(uint64_t a, int64_t b)
{
    return b < 0 ? 1 : (a > (uint64_t)b) - (a < (uint64_t)b);
}

static bool holds_real(const Orrery__Pattern__Term *t, double v)
{
    if (isnan(v) || isnan(t->number))
        return t->compare == ORRERY__PATTERN__COMPARE__NOT_EQUAL;
    return holds(t->compare, (v > t->number) - (v < t->number));
}

static double real_of(Orrery__Pattern__Type type, uint64_t bits)
{
    if (type == ORRERY__PATTERN__TYPE__DOUBLE) {
        double d;
        memcpy(&d, &bits, sizeof d);
        return d;
    }
    uint32_t low = (uint32_t)bits;
    float f;
    memcpy(&f, &low, sizeof f);
    return (double)f;
}

static bool number_holds(const Orrery__Pattern__Term *t, uint64_t v)
{
    switch ((int)t->type) {
    case ORRERY__PATTERN__TYPE__SIGNED:
        return holds(t->compare, order_signed((int64_t)v, t->integer));
    case ORRERY__PATTERN__TYPE__ZIGZAG:
        return holds(t->compare, order_signed((int64_t)(v >> 1) ^ -(int64_t)(v & 1), t->integer));
    case ORRERY__PATTERN__TYPE__FLOAT:
    case ORRERY__PATTERN__TYPE__DOUBLE:
        return holds_real(t, real_of(t->type, v));
    default:
        return holds(t->compare, order_unsigned(v, t->integer));
    }
}

static enum wire_type wire_type_of(Orrery__Pattern__Type type)
{
    switch ((int)type) {
    case ORRERY__PATTERN__TYPE__FIXED32:
    case ORRERY__PATTERN__TYPE__FLOAT:
        return WIRE_FIXED32;
    case ORRERY__PATTERN__TYPE__FIXED64:
    case ORRERY__PATTERN__TYPE__DOUBLE:
        return WIRE_FIXED64;
    case ORRERY__PATTERN__TYPE__BYTES:
        return WIRE_BYTES;
    default:
        return WIRE_VARINT;
    }
}

static void look_packed(const Orrery__Pattern__Term *t, struct bytes b, struct look *look)
{
    enum wire_type type = wire_type_of(t->type);
    size_t step = type == WIRE_FIXED32 ? 4 : 8;
    struct wire w = wire_of(b);
    while (w.at != w.end) {
        uint64_t v;
        if (type == WIRE_VARINT) {
            if (!wire_take(&w, &v)) {
                look->malformed = true;
                return;
            }
        } else {
            if ((size_t)(w.end - w.at) < step) {
                look->malformed = true;
                return;
            }
            v = step == 4 ? get_u32(w.at) : get_u64(w.at);
            w.at += step;
        }
        look->matched = look->matched || number_holds(t, v);
    }
}

static struct bytes text_of(const Orrery__Pattern__Term *t)
{
    return bytes_of(t->text.data, t->text.len);
}

static void look_value(const Orrery__Pattern__Term *t, const struct wire_field *f,
                       struct look *look)
{
    if (t->compare == ORRERY__PATTERN__COMPARE__PRESENT)
        look->matched = true;
    else if (f->type == WIRE_BYTES && t->type == ORRERY__PATTERN__TYPE__BYTES)
        look->matched = look->matched || holds(t->compare, bytes_compare(f->bytes, text_of(t)));
    else if (f->type == WIRE_BYTES)
        look_packed(t, f->bytes, look);
    else if (f->type == wire_type_of(t->type))
        look->matched = look->matched || number_holds(t, f->value);
}

/* The value of a field that is not there: zero, or nothing. */
static bool default_holds(const Orrery__Pattern__Term *t)
{
    if (t->compare == ORRERY__PATTERN__COMPARE__PRESENT)
        return false;
    if (t->type == ORRERY__PATTERN__TYPE__BYTES)
        return holds(t->compare, bytes_compare(bytes_of(NULL, 0), text_of(t)));
    return number_holds(t, 0);
}

/* Every field is read to the end of its message, so that malformed ones are noticed. */
static void look_into(const Orrery__Pattern__Term *t, size_t depth, struct bytes message,
                      struct look *look)
{
    struct wire w = wire_of(message);
    struct wire_field f;
    bool there = false;
    bool last = depth + 1 == t->n_path;
    int one;
    while ((one = wire_step(&w, &f)) == 1) {
        if (f.number != t->path[depth])
            continue;
        there = true;
        if (last)
            look_value(t, &f, look);
        else if (f.type == WIRE_BYTES)
            look_into(t, depth + 1, f.bytes, look);
    }
    look->malformed = look->malformed || one < 0;
    if (last && !there)
        look->matched = look->matched || default_holds(t);
}

static bool term_holds(const Orrery__Pattern__Term *t, struct bytes event)
{
    if (t->n_path == 0 || t->n_path > PATTERN_PATH_MAX)
        return false;
    struct look look = {false, false};
    look_into(t, 0, event, &look);
    return look.matched && !look.malformed;
}

struct outline {
    uint32_t kind;
    struct bytes body;
    uint64_t instance;
};

static bool read_outline(struct bytes event, struct outline *o)
{
    *o = (struct outline){0, {NULL, 0}, 0};
    struct wire w = wire_of(event);
    struct wire_field f;
    int one;
    while ((one = wire_step(&w, &f)) == 1) {
        if (f.number == EVENT_INSTANCE)
            o->instance = f.value;
        if (f.number < EVENT_BODY_MIN || f.type != WIRE_BYTES)
            continue;
        o->kind = f.number;
        o->body = f.bytes;
    }
    return one == 0;
}

/* The last value of a field in a message; false when malformed. */
static bool read_field(struct bytes message, uint32_t number, struct wire_field *found)
{
    *found = (struct wire_field){0, WIRE_VARINT, 0, {NULL, 0}};
    struct wire w = wire_of(message);
    struct wire_field f;
    int one;
    while ((one = wire_step(&w, &f)) == 1)
        if (f.number == number)
            *found = f;
    return one == 0;
}

static bool type_holds(const Orrery__Pattern *p, const struct outline *o)
{
    struct wire_field f;
    if (p->message_case == 0)
        return o->kind == ORRERY__EVENT__BODY_TRACE && read_field(o->body, TRACE_TYPE, &f) &&
               f.value == p->trace_type;
    uint32_t field = o->kind == ORRERY__EVENT__BODY_SEND      ? SEND_BODY
                     : o->kind == ORRERY__EVENT__BODY_RECEIVE ? RECEIVE_BODY
                                                              : 0;
    struct wire_field message;
    return field != 0 && read_field(o->body, field, &message) && message.type == WIRE_BYTES &&
           read_field(message.bytes, p->message_case, &f) && f.number != 0;
}

bool pattern_match(const Orrery__Pattern *p, struct bytes event)
{
    struct outline o;
    if (!read_outline(event, &o))
        return false;
    if (p->body != 0 && p->body != o.kind)
        return false;
    if (p->instance != 0 && p->instance != o.instance)
        return false;
    if (p->typed && !type_holds(p, &o))
        return false;
    for (size_t i = 0; i < p->n_terms; i++)
        if (!term_holds(p->terms[i], event))
            return false;
    return true;
}
