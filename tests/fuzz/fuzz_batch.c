/* Any bytes as what a network told of its gradient: the checker computes with them only where they
 * fit together. */
#include "base/check.h"
#include "check/check.h"

#include <string.h>

static void give(struct check *c, Orrery__Event *e, uint64_t ordinal)
{
    struct buf packed = {0};
    struct entry entry = {.ordinal = ordinal, .node = 1, .boot = 1};
    e->seq = ordinal;
    orrery__event__pack(e, buf_extend(&packed, orrery__event__get_packed_size(e)));
    entry.event = buf_bytes(&packed);
    CHECK(event_head_read(entry.event, &entry.head) == 0);
    check_entry(c, &entry);
    buf_free(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char protocol[] = "backpropagation", type[] = "backpropagation.Batch";
    char *types[] = {type};
    Orrery__Instance instance = ORRERY__INSTANCE__INIT, *instances[] = {&instance};
    instance.number = 1;
    instance.protocol = protocol;
    Orrery__Start start = ORRERY__START__INIT;
    start.n_types = start.n_instances = 1;
    start.types = types;
    start.instances = instances;
    Orrery__Trace trace = ORRERY__TRACE__INIT;
    trace.body.data = (uint8_t *)(uintptr_t)data;
    trace.body.len = size;
    Orrery__Event event = ORRERY__EVENT__INIT;
    struct check *c = check_new();
    event.body_case = ORRERY__EVENT__BODY_START;
    event.start = &start;
    give(c, &event, 1);
    event.instance = 1;
    event.body_case = ORRERY__EVENT__BODY_TRACE;
    event.trace = &trace;
    give(c, &event, 2);
    give(c, &event, 3);
    check_end(c, 0);
    check_free(c);
    return 0;
}
