/* The few fields of an event that everything needs, in one pass over its bytes. */
#include "base/wire.h"
#include "timeline/timeline.h"

#include "base/errors.h"

/* Which field of a body names what came before it. */
struct naming {
    uint32_t peer;
    uint32_t boot;
    uint32_t seq;
    uint32_t body; /* Of the protocol's own message: its first field's number is the case. */
    uint32_t type; /* Trace: its type is the case. */
};

static struct naming naming_of(uint32_t body)
{
    switch (body) {
    case ORRERY__EVENT__BODY_RECEIVE:
        return (struct naming){.peer = 1, .boot = 2, .seq = 3, .body = 6};
    case ORRERY__EVENT__BODY_DROP:
        return (struct naming){.peer = 2, .boot = 4, .seq = 5};
    case ORRERY__EVENT__BODY_SEND:
        return (struct naming){.body = 4};
    case ORRERY__EVENT__BODY_HELD:
        return (struct naming){.seq = 2}; /* Of its own life. */
    case ORRERY__EVENT__BODY_TRACE:
        return (struct naming){.type = 1};
    case ORRERY__EVENT__BODY_SPAWN:
        return (struct naming){.seq = 4};
    case ORRERY__EVENT__BODY_EXIT:
        return (struct naming){.seq = 6};
    default:
        return (struct naming){0};
    }
}

static uint32_t first_field(struct bytes message)
{
    uint64_t tag;
    if (!wire_varint(message.base, message.base + message.len, &tag))
        return 0;
    return tag >> 3 < UINT64_C(0x20000000) ? (uint32_t)(tag >> 3) : 0;
}

static int read_payload(struct event_head *head)
{
    struct naming naming = naming_of(head->body);
    if (head->body == ORRERY__EVENT__BODY_TRACE)
        head->kind = 1; /* Type 0 is not on the wire. */
    if (!naming.seq && !naming.body && !naming.type)
        return 0;
    const uint8_t *at = head->payload.base, *end = wire_end(head->payload);
    struct wire_field f;
    while (at < end) {
        at = wire_next(at, end, &f);
        if (!at)
            return ERROR_MALFORMED;
        if (f.type == WIRE_VARINT) {
            if (f.number == naming.peer)
                head->peer = (uint32_t)f.value;
            else if (f.number == naming.boot)
                head->peer_boot = (uint32_t)f.value;
            else if (f.number == naming.seq)
                head->peer_seq = f.value;
            else if (f.number == naming.type)
                head->kind = (uint32_t)f.value + 1;
        } else if (f.type == WIRE_BYTES && f.number == naming.body) {
            head->kind = first_field(f.bytes);
        }
    }
    /* Lives count from 1: without its life a send is not known, and must not be waited for. */
    if (naming.boot && head->peer_boot == 0)
        head->peer_seq = 0;
    return 0;
}

int event_head_read(struct bytes event, struct event_head *head)
{
    *head = (struct event_head){0};
    const uint8_t *at = event.base, *end = wire_end(event);
    struct wire_field f;
    while (at < end) {
        at = wire_next(at, end, &f);
        if (!at)
            return ERROR_MALFORMED;
        if (f.number >= ORRERY__EVENT__BODY_START) {
            if (f.type != WIRE_BYTES)
                return ERROR_MALFORMED;
            head->body = f.number;
            head->payload = f.bytes;
        } else if (f.type == WIRE_VARINT) {
            switch (f.number) {
            case 1:
                head->seq = f.value;
                break;
            case 2:
                head->mono_ns = f.value;
                break;
            case 3:
                head->wall_ns = wire_zigzag(f.value);
                break;
            case 4:
                head->lamport = f.value;
                break;
            case 5:
                head->instance = (uint32_t)f.value;
                break;
            default:
                break;
            }
        }
    }
    return head->body ? read_payload(head) : ERROR_MALFORMED;
}

struct bytes trace_body(struct bytes payload)
{
    return wire_bytes(payload, 2);
}
