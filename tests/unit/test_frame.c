/* Frames: whatever pieces they come in, and whatever they claim. */
#include "cluster/frame.h"

#include "base/random.h"
#include "session.pb-c.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static void put_show(struct buf *into, uint64_t id)
{
    Orrery__Show show = ORRERY__SHOW__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    show.ordinal = id * 1000;
    ask.id = id;
    ask.kind_case = ORRERY__ASK__KIND_SHOW;
    ask.show = &show;
    frame_put(into, &ask.base);
}

static void frames_come_back_in_any_pieces(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5);
    struct buf all = {0}, in = {0};
    for (uint64_t id = 1; id <= 200; id++)
        put_show(&all, id);
    uint64_t seen = 0;
    for (size_t at = 0; at < all.len;) {
        size_t n = 1 + random_below(&random, 40);
        n = n < all.len - at ? n : all.len - at;
        buf_append(&in, bytes_of(all.base + at, n));
        at += n;
        struct bytes body;
        size_t size;
        while (frame_next(buf_bytes(&in), 1 << 16, &body, &size) == 1) {
            Orrery__Ask *ask = orrery__ask__unpack(NULL, body.len, body.base);
            assert_non_null(ask);
            assert_int_equal(ask->id, ++seen);
            assert_int_equal(ask->show->ordinal, seen * 1000);
            orrery__ask__free_unpacked(ask, NULL);
            buf_consume(&in, size);
        }
    }
    assert_int_equal(seen, 200);
    assert_int_equal(in.len, 0);
    buf_free(&all);
    buf_free(&in);
}

static void a_claim_is_bounded_before_its_bytes_come(void **state)
{
    (void)state;
    struct bytes body;
    size_t size;
    assert_int_equal(frame_next(bytes_of("\x01\x00\x01\x00", 4), 1 << 16, &body, &size),
                     ERROR_TOO_LARGE);
    assert_int_equal(frame_next(bytes_of("\x00\x00\x01\x00", 4), 1 << 16, &body, &size), 0);
    assert_int_equal(frame_next(bytes_of("\x00\x00\x00", 3), 1 << 16, &body, &size), 0);
    assert_int_equal(frame_next(bytes_of("\x00\x00\x00\x00", 4), 0, &body, &size), 1);
    assert_int_equal(body.len, 0);
    assert_int_equal(size, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_back_in_any_pieces),
        cmocka_unit_test(a_claim_is_bounded_before_its_bytes_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
