#include "base/bytes.h"
#include "base/errors.h"
#include "unit.h"

#include <string.h>

static void compares_and_equals(void **state)
{
    (void)state;
    assert_true(bytes_equal(bytes_of(NULL, 0), bytes_str("")));
    assert_true(bytes_equal(bytes_str("abc"), bytes_str("abc")));
    assert_false(bytes_equal(bytes_str("abc"), bytes_str("abd")));
    assert_false(bytes_equal(bytes_str("abc"), bytes_str("ab")));
    assert_true(bytes_compare(bytes_str("ab"), bytes_str("abc")) < 0);
    assert_true(bytes_compare(bytes_str("b"), bytes_str("abc")) > 0);
    assert_true(bytes_compare(bytes_str("\xff"), bytes_str("a")) > 0);
    assert_int_equal(bytes_compare(bytes_of(NULL, 0), bytes_of(NULL, 0)), 0);
}

static void buffer_grows_and_consumes(void **state)
{
    (void)state;
    struct buf b = {NULL, 0, 0};
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_memory_equal(b.base, "0,1,2,3,", 8);
    buf_consume(&b, 4);
    assert_memory_equal(b.base, "2,3,", 4);
    buf_append(&b, bytes_str("end"));
    assert_memory_equal(b.base + b.len - 3, "end", 3);
    buf_consume(&b, b.len);
    assert_int_equal(b.len, 0);
    buf_append(&b, bytes_of(NULL, 0));
    memset(buf_extend(&b, 5), 'x', 5);
    assert_true(bytes_equal(buf_bytes(&b), bytes_str("xxxxx")));
    buf_clear(&b);
    assert_true(b.len == 0 && b.cap > 0);
    buf_free(&b);
    assert_null(b.base);
}

static void integers_are_little_endian(void **state)
{
    (void)state;
    uint8_t at[9];
    put_u32(at + 1, 0x04030201);
    assert_memory_equal(at + 1, "\1\2\3\4", 4);
    assert_int_equal(get_u32(at + 1), 0x04030201);
    put_u64(at + 1, UINT64_C(0x0807060504030201));
    assert_memory_equal(at + 1, "\1\2\3\4\5\6\7\10", 8);
    assert_true(get_u64(at + 1) == UINT64_C(0x0807060504030201));
}

static void errors_have_names(void **state)
{
    (void)state;
    assert_true(ERROR_MALFORMED < 0 && ERROR_UNSUPPORTED < 0);
    assert_string_equal(error_name(ERROR_DISK_FULL), "DISK_FULL");
    assert_string_equal(error_text(ERROR_DISK_FULL), "the disk is full");
    assert_string_equal(error_name(7), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_and_equals),
        cmocka_unit_test(buffer_grows_and_consumes),
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(errors_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
