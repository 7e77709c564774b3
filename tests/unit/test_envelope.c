#include "base/errors.h"
#include "core/envelope.h"
#include "core/queue.h"
#include "envelope.pb-c.h"
#include "unit.h"

#include <string.h>

static const uint8_t secret[SECRET_SIZE] = "fifteen letters";

static struct envelope example(uint64_t event)
{
    struct envelope e = {.from = 3,
                         .to = 300,
                         .instance = 2,
                         .boot = 7,
                         .event = event,
                         .lamport = UINT64_C(1) << 40,
                         .vclock = {1, 0, 70000},
                         .n_vclock = 3,
                         .secret = bytes_of(secret, SECRET_SIZE),
                         .body = bytes_str("hello")};
    return e;
}

static void protobuf_reads_it(void **state)
{
    (void)state;
    struct buf room = {NULL, 0, 0};
    struct envelope e = example(99);
    struct bytes frame = envelope_pack(&e, &room);
    Orrery__Envelope *p =
        orrery__envelope__unpack(NULL, frame.len - FRAME_CRC, frame.base + FRAME_CRC);
    assert_non_null(p);
    assert_int_equal(p->from, 3);
    assert_int_equal(p->to, 300);
    assert_int_equal(p->instance, 2);
    assert_int_equal(p->boot, 7);
    assert_int_equal(p->event, 99);
    assert_int_equal(p->lamport, UINT64_C(1) << 40);
    assert_int_equal(p->n_vclock, 3);
    assert_int_equal(p->vclock[2], 70000);
    assert_memory_equal(p->secret.data, secret, SECRET_SIZE);
    assert_memory_equal(p->body.data, "hello", 5);
    orrery__envelope__free_unpacked(p, NULL);
    buf_free(&room);
}

static void comes_back_and_keeps_its_size(void **state)
{
    (void)state;
    struct buf room = {NULL, 0, 0};
    const uint64_t events[] = {0, 1, 127, 128, UINT64_C(1) << 48};
    size_t size = 0;
    for (int i = 0; i < 5; i++) {
        struct envelope e = example(events[i]);
        struct bytes frame = envelope_pack(&e, &room);
        assert_true(i == 0 || frame.len == size);
        size = frame.len;
        struct envelope back;
        assert_int_equal(envelope_unpack(frame, &back), 0);
        assert_int_equal(back.event, events[i]);
        assert_int_equal(back.from, e.from);
        assert_int_equal(back.to, e.to);
        assert_int_equal(back.instance, e.instance);
        assert_int_equal(back.boot, e.boot);
        assert_int_equal(back.lamport, e.lamport);
        assert_int_equal(back.n_vclock, 3);
        assert_memory_equal(back.vclock, e.vclock, sizeof e.vclock);
        assert_true(bytes_equal(back.secret, e.secret));
        assert_true(bytes_equal(back.body, e.body));
    }
    struct envelope large = example(5);
    static uint8_t megabyte[1 << 20];
    memset(megabyte, 7, sizeof megabyte);
    large.body = bytes_of(megabyte, sizeof megabyte);
    struct bytes frame = envelope_pack(&large, &room);
    struct envelope back;
    assert_int_equal(envelope_unpack(frame, &back), 0);
    assert_true(bytes_equal(back.body, large.body));
    buf_free(&room);
}

static void hello(void **state)
{
    (void)state;
    struct buf room = {NULL, 0, 0};
    struct bytes frame = hello_pack(4, 2, 9, secret, &room);
    node_id from;
    uint32_t boot;
    assert_int_equal(hello_unpack(frame, 2, secret, &from, &boot), 0);
    assert_int_equal(from, 4);
    assert_int_equal(boot, 9);
    assert_int_equal(hello_unpack(frame, 3, secret, &from, &boot), ERROR_REFUSED);
    const uint8_t other[SECRET_SIZE] = "fifteen lettres";
    assert_int_equal(hello_unpack(frame, 2, other, &from, &boot), ERROR_REFUSED);
    for (size_t n = 0; n < frame.len; n++)
        assert_true(hello_unpack(bytes_of(frame.base, n), 2, secret, &from, &boot) < 0);
    struct envelope e = example(1);
    frame = envelope_pack(&e, &room);
    assert_true(hello_unpack(frame, 300, secret, &from, &boot) < 0);
    buf_free(&room);
}

static void queue_keeps_order_and_alignment(void **state)
{
    (void)state;
    struct queue q = {{NULL, 0, 0}, 0};
    assert_null(queue_first(&q));
    uint64_t pushed = 0;
    uint64_t popped = 0;
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 50; i++, pushed++) {
            size_t size = 8 + pushed % 300;
            uint8_t *p = queue_push(&q, size);
            assert_int_equal((uintptr_t)p % 16, 0);
            memset(p, (int)(pushed & 0xff), size);
            put_u64(p, pushed);
        }
        for (int i = 0; i < (round % 3 ? 40 : 60) && !queue_empty(&q); i++, popped++) {
            const uint8_t *p = queue_first(&q);
            assert_int_equal(get_u64(p), popped);
            if (popped % 300 > 0)
                assert_int_equal(p[8], popped & 0xff);
            queue_pop(&q);
        }
        size_t at = 0;
        uint64_t n = popped;
        for (const uint8_t *p; (p = queue_each(&q, &at)) != NULL; n++)
            assert_int_equal(get_u64(p), n);
        assert_int_equal(n, pushed);
    }
    queue_free(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protobuf_reads_it),
        cmocka_unit_test(comes_back_and_keeps_its_size),
        cmocka_unit_test(hello),
        cmocka_unit_test(queue_keeps_order_and_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
