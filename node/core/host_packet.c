/* What comes from the network: everything about it may be wrong. */
#include "base/errors.h"
#include "core/host_internal.h"

static const uint64_t stamp_max = UINT64_C(1) << 62; /* A peer must not make our clocks wrap. */

static void drop(struct host *h, Orrery__DropReason reason, const struct envelope *e, size_t size)
{
    Orrery__Drop d = ORRERY__DROP__INIT;
    d.reason = reason;
    d.to = h->config.self;
    d.size = (uint32_t)size;
    if (e) {
        d.from = e->from;
        d.boot = e->boot;
        d.event = e->event;
    }
    struct happening what = happening_message(0, ORRERY__EVENT__BODY_DROP, &d.base);
    host_tell(h, &what);
}

static void violation(struct host *h, const struct envelope *e, const char *why)
{
    Orrery__Violation v = ORRERY__VIOLATION__INIT;
    v.from = e->from;
    v.why = (char *)(uintptr_t)why;
    v.body.data = (uint8_t *)(uintptr_t)e->body.base;
    v.body.len = e->body.len < VIOLATION_BODY_MAX ? e->body.len : VIOLATION_BODY_MAX;
    struct happening what = happening_message(0, ORRERY__EVENT__BODY_VIOLATION, &v.base);
    host_tell(h, &what);
}

static bool stamps_ok(const struct envelope *e)
{
    for (uint32_t i = 0; i < e->n_vclock; i++)
        if (e->vclock[i] > stamp_max)
            return false;
    return e->lamport <= stamp_max;
}

/* What nobody who speaks our language and knows our secret would send; NULL when all is well. */
static const char *complain(struct host *h, const struct envelope *e)
{
    if (e->to != h->config.self)
        return "a frame for another node";
    if (e->from == h->config.self || e->from == NODE_NONE)
        return "a frame from a node that is no peer";
    if (e->boot == 0)
        return "a frame without its sender's boot";
    if (!host_ops(h, e->instance))
        return "a frame for an instance that does not run here";
    if (!stamps_ok(e))
        return "a frame with a logical time that cannot be";
    return NULL;
}

static void take(struct host *h, enum transport t, struct bytes frame)
{
    struct envelope e;
    int error = envelope_unpack(frame, &e);
    if (error) {
        drop(h,
             error == ERROR_DAMAGED ? ORRERY__DROP_REASON__DROP_CRC
                                    : ORRERY__DROP_REASON__DROP_MALFORMED,
             NULL, frame.len);
        return;
    }
    if (!secret_equal(e.secret, h->config.secret)) {
        drop(h, ORRERY__DROP_REASON__DROP_STRANGER, NULL, frame.len);
        return;
    }
    const char *why = complain(h, &e);
    if (why) {
        violation(h, &e, why);
        return;
    }
    if (!member_known(h, e.from)) {
        violation(h, &e, "a frame from one new node too many");
        return;
    }
    uint32_t *newest = &h->boots[member_index(h, e.from)];
    if (e.boot < *newest) {
        drop(h, ORRERY__DROP_REASON__DROP_STALE, &e, e.body.len);
        return;
    }
    *newest = e.boot;
    host_receive(h, &e, t);
}

void host_packet(struct host *h, struct moment at, enum transport t, struct bytes frame)
{
    host_enter_started(h, at);
    take(h, t, frame);
    host_finish(h);
}
