#include "base/crc32c.h"
#include "base/random.h"
#include "unit.h"

#include <string.h>

/* RFC 3720, B.4 */
static void matches_the_rfc(void **state)
{
    (void)state;
    uint8_t b[32];
    memset(b, 0, 32);
    assert_int_equal(crc32c(0, b, 32), 0x8a9136aa);
    assert_int_equal(crc32c_portable(0, b, 32), 0x8a9136aa);
    memset(b, 0xff, 32);
    assert_int_equal(crc32c(0, b, 32), 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        b[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, b, 32), 0x46dd794e);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(0, NULL, 0), 0);
}

static void both_ways_agree_and_continue(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 1);
    uint8_t b[300];
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (uint8_t)random_u64(&r);
    for (size_t from = 0; from < 9; from++)
        for (size_t n = 0; n + from <= sizeof b; n++) {
            uint32_t whole = crc32c(0, b + from, n);
            assert_int_equal(whole, crc32c_portable(0, b + from, n));
            size_t half = random_below(&r, n + 1);
            uint32_t first = crc32c(0, b + from, half);
            assert_int_equal(whole, crc32c(first, b + from + half, n - half));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_rfc),
        cmocka_unit_test(both_ways_agree_and_continue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
