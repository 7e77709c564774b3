/* Any pattern over any event: [length of the pattern, 1 byte][pattern][event]. */
#include "base/check.h"
#include "core/pattern.h"
#include "event.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t n = data[0] < size - 1 ? data[0] : size - 1;
    struct bytes event = bytes_of(data + 1 + n, size - 1 - n);
    Orrery__Pattern *p = orrery__pattern__unpack(NULL, n, data + 1);
    if (p) {
        bool once = pattern_match(p, event);
        CHECK(pattern_match(p, event) == once);
        orrery__pattern__free_unpacked(p, NULL);
    }
    /* Without conditions every event matches that protobuf itself would write. */
    Orrery__Event *e = orrery__event__unpack(NULL, event.len, event.base);
    if (!e)
        return 0;
    if (e->base.n_unknown_fields == 0) {
        Orrery__Pattern any = ORRERY__PATTERN__INIT;
        struct buf room = {NULL, 0, 0};
        size_t len = orrery__event__get_packed_size(e);
        (void)orrery__event__pack(e, buf_extend(&room, len + 1));
        CHECK(pattern_match(&any, bytes_of(room.base, len)));
        buf_free(&room);
    }
    orrery__event__free_unpacked(e, NULL);
    return 0;
}
