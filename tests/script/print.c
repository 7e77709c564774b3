#include "print.h"

#include "core/fsm.h"
#include "history.pb-c.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void print_bytes(struct bytes b, struct buf *into)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.base[i] == '\r')
            buf_printf(into, "\\r");
        else if (b.base[i] == '\n')
            buf_printf(into, "\\n");
        else if (b.base[i] == '\\' || !isprint(b.base[i]))
            buf_printf(into, "\\x%02x", b.base[i]);
        else
            buf_printf(into, "%c", b.base[i]);
    }
}

static const uint8_t *member(const ProtobufCMessage *m, unsigned offset)
{
    return (const uint8_t *)m + offset;
}

/* The i-th value of a field, where values of its type take `size` bytes. */
static const void *value_at(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i,
                            size_t size)
{
    if (f->label != PROTOBUF_C_LABEL_REPEATED)
        return member(m, f->offset);
    const uint8_t *base;
    memcpy(&base, member(m, f->offset), sizeof base);
    return base + i * size;
}

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t k = strlen(end);
    return n > k && strcmp(name + n - k, end) == 0;
}

static void print_integer(const ProtobufCFieldDescriptor *f, int64_t v, struct buf *into)
{
    if (ends_in(f->name, "_ns"))
        buf_printf(into, "%.3fms", (double)v / 1e6);
    else
        buf_printf(into, "%lld", (long long)v);
}

static bool is_unsigned(const ProtobufCFieldDescriptor *f)
{
    return f->type == PROTOBUF_C_TYPE_UINT32 || f->type == PROTOBUF_C_TYPE_FIXED32;
}

static void print_enum(const ProtobufCFieldDescriptor *f, int value, struct buf *into)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(f->descriptor, value);
    buf_printf(into, "%s", v ? v->name : "?");
}

/* One value; false (and nothing printed) for the default of a field that need not be there. */
static bool print_value(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i,
                        bool print, bool falses, struct buf *into)
{
    union {
        int32_t i32;
        int64_t i64;
        uint64_t u64;
        double d;
        float f;
        protobuf_c_boolean b;
        char *text;
        ProtobufCBinaryData bytes;
        ProtobufCMessage *message;
    } v = {.u64 = 0};
#define READ(field) memcpy(&v.field, value_at(m, f, i, sizeof v.field), sizeof v.field)
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        READ(i32);
        if (print)
            print_integer(f, is_unsigned(f) ? (int64_t)(uint32_t)v.i32 : v.i32, into);
        return v.i32 != 0;
    case PROTOBUF_C_TYPE_ENUM:
        READ(i32);
        if (print)
            print_enum(f, v.i32, into);
        return true; /* The first value of an enum is as telling as the others. */
    case PROTOBUF_C_TYPE_BOOL:
        READ(b);
        if (print)
            buf_printf(into, "%s", v.b ? "true" : "false");
        return v.b || falses;
    case PROTOBUF_C_TYPE_DOUBLE:
        READ(d);
        if (print)
            buf_printf(into, "%.3f", v.d);
        return v.d != 0;
    case PROTOBUF_C_TYPE_FLOAT:
        READ(f);
        if (print)
            buf_printf(into, "%.3f", (double)v.f);
        return v.f != 0;
    case PROTOBUF_C_TYPE_STRING:
        READ(text);
        if (print)
            print_bytes(bytes_str(v.text ? v.text : ""), into);
        return v.text && v.text[0];
    case PROTOBUF_C_TYPE_BYTES:
        READ(bytes);
        if (print)
            print_bytes(bytes_of(v.bytes.data, v.bytes.len), into);
        return v.bytes.len > 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        READ(message);
        if (print && v.message) {
            buf_printf(into, "{");
            print_fields(v.message, false, into);
            buf_printf(into, " }");
        }
        return v.message != NULL;
    default:
        READ(i64);
        if (print)
            print_integer(f, v.i64, into);
        return v.i64 != 0;
    }
#undef READ
}

static bool in_oneof_and_unset(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    if (!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
        return false;
    uint32_t chosen;
    memcpy(&chosen, member(m, f->quantifier_offset), sizeof chosen);
    return chosen != f->id;
}

void print_fields(const ProtobufCMessage *m, bool falses, struct buf *into)
{
    for (unsigned k = 0; k < m->descriptor->n_fields; k++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[k];
        if (in_oneof_and_unset(m, f))
            continue;
        size_t n = 1;
        if (f->label == PROTOBUF_C_LABEL_REPEATED)
            memcpy(&n, member(m, f->quantifier_offset), sizeof n);
        else if (!print_value(m, f, 0, false, falses, into))
            continue;
        if (n == 0)
            continue;
        buf_printf(into, " %s=", f->name);
        for (size_t i = 0; i < n; i++) {
            if (i)
                buf_printf(into, ",");
            (void)print_value(m, f, i, true, falses, into);
        }
    }
}

static void print_packed(const ProtobufCMessageDescriptor *d, ProtobufCBinaryData body, bool falses,
                         struct buf *into)
{
    ProtobufCMessage *m = d ? protobuf_c_message_unpack(d, NULL, body.len, body.data) : NULL;
    if (!m) {
        buf_printf(into, " \"");
        print_bytes(bytes_of(body.data, body.len), into);
        buf_printf(into, "\"");
        return;
    }
    print_fields(m, falses, into);
    protobuf_c_message_free_unpacked(m, NULL);
}

static const ProtobufCMessageDescriptor *trace_type(const Orrery__Event *e,
                                                    const struct core_ops *ops)
{
    uint32_t n = 0;
    for (; ops->traces && ops->traces[n]; n++)
        if (n == e->trace->type)
            return ops->traces[n];
    /* Behind its own types, a protocol with clients has their histories'. */
    if (e->trace->type == n)
        return &history__invoke__descriptor;
    return e->trace->type == n + 1 ? &history__complete__descriptor : NULL;
}

/* In what a protocol itself traces, false is as telling as true. */
static bool own_trace(const Orrery__Event *e, const struct core_ops *ops)
{
    const ProtobufCMessageDescriptor *d = trace_type(e, ops);
    return d != &history__invoke__descriptor && d != &history__complete__descriptor;
}

static const ProtobufCFieldDescriptor *body_field(const Orrery__Event *e)
{
    return protobuf_c_message_descriptor_get_field(&orrery__event__descriptor,
                                                   (unsigned)e->body_case);
}

const char *event_kind(const Orrery__Event *e, const struct core_ops *ops)
{
    if (e->body_case == ORRERY__EVENT__BODY_TRACE)
        return trace_type(e, ops) ? trace_type(e, ops)->short_name : "trace";
    const ProtobufCFieldDescriptor *f = body_field(e);
    return f ? f->name : "nothing";
}

static void print_send(const Orrery__Send *s, const struct core_ops *ops, struct buf *into)
{
    buf_printf(into, " to");
    for (size_t i = 0; i < s->n_to; i++)
        buf_printf(into, "%sn%u", i ? "," : " ", s->to[i]);
    print_packed(ops->message, s->body, false, into);
}

static void print_move(const Orrery__Move *m, const struct core_ops *ops, struct buf *into)
{
    const struct fsm_table *table = ops->machines[m->machine];
    buf_printf(into, " %s", table->name);
    if (m->of)
        buf_printf(into, " n%u", m->of);
    buf_printf(into, ": %s -> %s", table->states[m->from].name, table->states[m->to].name);
}

void print_event(const Orrery__Event *e, const struct core_ops *ops, struct buf *into)
{
    buf_printf(into, "%s", event_kind(e, ops));
    switch (e->body_case) {
    case ORRERY__EVENT__BODY_START:
        buf_printf(into, " boot=%u", e->start->boot);
        break;
    case ORRERY__EVENT__BODY_RECEIVE:
        buf_printf(into, " from n%u boot=%u", e->receive->from, e->receive->boot);
        print_packed(ops->message, e->receive->body, false, into);
        break;
    case ORRERY__EVENT__BODY_SEND:
        print_send(e->send, ops, into);
        break;
    case ORRERY__EVENT__BODY_MOVE:
        print_move(e->move, ops, into);
        break;
    case ORRERY__EVENT__BODY_TRACE:
        print_packed(trace_type(e, ops), e->trace->body, own_trace(e, ops), into);
        break;
    case ORRERY__EVENT__BODY_VIEW:
        print_packed(ops->view_type, e->view->body, false, into);
        break;
    case ORRERY__EVENT__BODY__NOT_SET:
        break;
    default: {
        const ProtobufCFieldDescriptor *f = body_field(e);
        ProtobufCMessage *m;
        memcpy(&m, member(&e->base, f->offset), sizeof m);
        print_fields(m, false, into);
    }
    }
}
