/* Entries as JSON: one object an entry, for scripts. */
#include <inttypes.h>
#include <string.h>

#include "base/wire.h"
#include "timeline/inside.h"
#include "timeline/text.h"

enum { START_SCHEMAS = 8 };

const char *timeline_kind(uint32_t body)
{
    const ProtobufCFieldDescriptor *f =
        body >= ORRERY__EVENT__BODY_START
            ? protobuf_c_message_descriptor_get_field(&orrery__event__descriptor, body)
            : NULL;
    return f ? f->name : "unknown";
}

static void put(struct buf *into, const char *text)
{
    buf_append(into, bytes_str(text));
}

/* What is packed in the body: a protocol's message, trace or view. */
static void put_inner(struct timeline *t, const struct entry *e, struct buf *into)
{
    const struct schema_type *type = NULL;
    const char *name = "message";
    uint32_t field = 0;
    switch (e->head.body) {
    case ORRERY__EVENT__BODY_RECEIVE:
        type = timeline_message_type(t, e);
        field = 6;
        break;
    case ORRERY__EVENT__BODY_SEND:
        type = timeline_message_type(t, e);
        field = 4;
        break;
    case ORRERY__EVENT__BODY_TRACE:
        type = timeline_trace_type(t, e);
        name = "trace";
        field = 2;
        break;
    case ORRERY__EVENT__BODY_VIEW:
        type = timeline_view_type(t, e);
        name = "view";
        field = 1;
        break;
    default:
        break;
    }
    struct wire_field body = {.bytes = bytes_of("", 0)};
    if (!type || (wire_find(e->head.payload, field, &body) && body.type != WIRE_BYTES))
        return;
    buf_printf(into, ",\"%s_type\":\"%s\",\"%s\":", name, schema_name(type), name);
    schema_json(type, body.bytes, into);
}

/* The body of the kinds that all protocols share. A start's descriptors are left out: they are
 * large, and it is the observer that reads them. */
static void put_body(struct timeline *t, const struct entry *e, struct buf *into)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field(&orrery__event__descriptor, e->head.body);
    const ProtobufCMessageDescriptor *d = f ? f->descriptor : NULL;
    const struct schema_type *type = d ? schema_find(t->schema, d->name) : NULL;
    if (!type)
        return;
    put(into, ",\"body\":");
    if (e->head.body == ORRERY__EVENT__BODY_START) {
        struct buf start = {0};
        wire_without(e->head.payload, START_SCHEMAS, &start);
        schema_json(type, buf_bytes(&start), into);
        buf_free(&start);
    } else {
        schema_json(type, e->head.payload, into);
    }
}

void timeline_json(struct timeline *t, const struct entry *e, struct buf *into)
{
    const Orrery__Instance *instance = timeline_instance(t, e);
    struct buf text = {0};
    buf_printf(into,
               "{\"ordinal\":%" PRIu64 ",\"lane\":\"%s\",\"node\":%" PRIu32 ",\"boot\":%" PRIu32,
               e->ordinal, timeline_lane(t, e->node), e->node, e->boot);
    buf_printf(into, ",\"seq\":%" PRIu64 ",\"mono_ns\":%" PRIu64 ",\"wall_ns\":%" PRId64,
               e->head.seq, e->head.mono_ns, e->head.wall_ns);
    buf_printf(into, ",\"lamport\":%" PRIu64 ",\"instance\":%" PRIu32, e->head.lamport,
               e->head.instance);
    if (instance) {
        put(into, ",\"protocol\":");
        text_json(bytes_str(instance->protocol), into);
    }
    buf_printf(into, ",\"cause\":%" PRIu64 ",\"previous\":%" PRIu64 ",\"kind\":\"%s\"", e->cause,
               e->previous, timeline_kind(e->head.body));
    timeline_describe(t, e, &text);
    put(into, ",\"text\":");
    text_json(buf_bytes(&text), into);
    buf_free(&text);
    put_inner(t, e, into);
    put_body(t, e, into);
    put(into, "}");
}
