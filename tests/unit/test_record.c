#include "log_bench.h"

static void comes_back(void **state)
{
    (void)state;
    struct buf b = {0};
    struct record r = {.at = 9, .synced = 5, .type = 3, .body = bytes_str("hello")};
    record_encode(&b, &r);
    assert_int_equal(b.len, RECORD_HEADER + 5);
    struct record got;
    size_t size = 0;
    assert_int_equal(record_decode(buf_bytes(&b), false, &got, &size), RECORD_OK);
    assert_int_equal(size, b.len);
    assert_int_equal(got.at, 9);
    assert_int_equal(got.synced, 5);
    assert_int_equal(got.type, 3);
    assert_true(bytes_equal(got.body, bytes_str("hello")));
    buf_free(&b);
}

static void every_flipped_bit_is_seen(void **state)
{
    (void)state;
    struct buf b = {0};
    struct record r = {.at = 1, .synced = 0, .type = 1, .body = bytes_str("some body or other")};
    record_encode(&b, &r);
    for (size_t bit = 0; bit < b.len * 8; bit++) {
        struct record got;
        size_t size;
        b.base[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(record_decode(buf_bytes(&b), false, &got, &size), RECORD_BAD);
        b.base[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buf_free(&b);
}

static void every_shorter_piece_is_bad_or_the_end(void **state)
{
    (void)state;
    struct buf b = {0};
    struct record r = {.at = 3, .synced = 0, .type = 1, .body = bytes_str("body")};
    record_encode(&b, &r);
    for (size_t n = 0; n < b.len; n++) {
        struct record got;
        size_t size;
        enum record_state s = record_decode(bytes_of(b.base, n), false, &got, &size);
        assert_int_equal(s, n == 0 ? RECORD_END : RECORD_BAD);
    }
    buf_free(&b);
}

static void zeros_are_the_end(void **state)
{
    (void)state;
    uint8_t zeros[64] = {0};
    struct record got;
    size_t size;
    for (size_t n = 0; n <= sizeof zeros; n++)
        assert_int_equal(record_decode(bytes_of(zeros, n), false, &got, &size), RECORD_END);
}

static void a_trusting_reader_takes_a_torn_body(void **state)
{
    (void)state;
    struct buf b = {0};
    struct record r = {.at = 3, .synced = 2, .type = 1, .body = bytes_str("body")};
    record_encode(&b, &r);
    memset(b.base + RECORD_HEADER, 0, 4);
    struct record got;
    size_t size;
    assert_int_equal(record_decode(buf_bytes(&b), false, &got, &size), RECORD_BAD);
    assert_int_equal(record_decode(buf_bytes(&b), true, &got, &size), RECORD_OK);
    put_u32(b.base + 4, 1000); /* Longer than there is. */
    assert_int_equal(record_decode(buf_bytes(&b), true, &got, &size), RECORD_BAD);
    put_u32(b.base + 4, UINT32_MAX);
    assert_int_equal(record_decode(buf_bytes(&b), true, &got, &size), RECORD_BAD);
    buf_free(&b);
}

static void a_record_far_behind_calls_nothing_synced(void **state)
{
    (void)state;
    struct buf b = {0};
    struct record r = {.at = UINT64_C(1) << 40, .synced = 5, .type = 1, .body = {NULL, 0}};
    record_encode(&b, &r);
    struct record got;
    size_t size;
    assert_int_equal(record_decode(buf_bytes(&b), false, &got, &size), RECORD_OK);
    assert_int_equal(got.synced, LSN_NONE);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(every_shorter_piece_is_bad_or_the_end),
        cmocka_unit_test(zeros_are_the_end),
        cmocka_unit_test(a_trusting_reader_takes_a_torn_body),
        cmocka_unit_test(a_record_far_behind_calls_nothing_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
