/* Events as a hostile node would write them into its ring: what is read of them, merged, put in
 * words and in JSON. The input is events, each behind two bytes of length; the highest bits say
 * whose. */
#include "core/pattern.h"
#include "timeline/export.h"
#include "timeline/pyramid.h"
#include "timeline/timeline.h"
#include "unit/starts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void begin(struct timeline *t)
{
    static struct buf packed;
    if (packed.len == 0) {
        struct starts s;
        Orrery__Event event = ORRERY__EVENT__INIT;
        starts_fill(&s, 1, 1);
        event.seq = 1;
        event.body_case = ORRERY__EVENT__BODY_START;
        event.start = &s.start;
        orrery__event__pack(&event, buf_extend(&packed, orrery__event__get_packed_size(&event)));
        starts_free(&s);
    }
    timeline_ingest(t, 1, 1, buf_bytes(&packed));
}

static void look(struct timeline *t)
{
    struct buf into = {0};
    uint64_t past[8];
    for (uint64_t i = 1; i <= timeline_newest(t); i++) {
        struct entry e;
        if (!timeline_get(t, i, &e) || e.cause >= i || e.previous >= i)
            abort();
        timeline_describe(t, &e, &into);
        timeline_json(t, &e, &into);
        (void)timeline_past(t, i, past, 8);
        (void)timeline_future(t, i, past, 8);
    }
    for (size_t i = 0; i < into.len; i++)
        if (into.base[i] < 0x20 || into.base[i] == 0x7f)
            abort();
    buf_free(&into);
    struct pyramid_cells cells = {0};
    (void)timeline_tile(t, 10, 0, &cells);
    pyramid_cells_free(&cells);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[200];
    struct timeline_options options = {.window_bytes = 1};
    struct timeline *t = timeline_new(&options, why, sizeof why);
    Orrery__Pattern any = ORRERY__PATTERN__INIT;
    if (!t)
        abort();
    begin(t);
    while (size >= 2) {
        size_t len = (size_t)data[0] | (size_t)(data[1] & 0x0f) << 8;
        uint32_t node = 1 + (data[1] >> 6), boot = 1 + (data[1] >> 4 & 3);
        len = len < size - 2 ? len : size - 2;
        struct bytes event = bytes_of(data + 2, len);
        timeline_ingest(t, node, boot, event);
        (void)pattern_match(&any, event);
        data += 2 + len;
        size -= 2 + len;
    }
    timeline_watermark(t, UINT64_C(1) << 40);
    timeline_flush(t);
    look(t);
    timeline_free(t);
    return 0;
}
