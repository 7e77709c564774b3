#include "modules/fixed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void nothing_heard_nothing_suspected(void **state)
{
    (void)state;
    struct fixed f;
    fixed_init(&f, 1000);
    assert_true(fixed_deadline(&f) == UINT64_MAX);
    assert_false(fixed_suspects(&f, UINT64_MAX - 1));
}

static void suspects_at_the_very_moment(void **state)
{
    (void)state;
    struct fixed f;
    fixed_init(&f, 1000);
    fixed_beat(&f, 50);
    assert_int_equal(fixed_deadline(&f), 1050);
    assert_false(fixed_suspects(&f, 1049));
    assert_true(fixed_suspects(&f, 1050));
    fixed_beat(&f, 1060);
    assert_false(fixed_suspects(&f, 1060));
    assert_int_equal(fixed_deadline(&f), 2060);
}

static void never_wraps(void **state)
{
    (void)state;
    struct fixed f;
    fixed_init(&f, 1000);
    fixed_beat(&f, UINT64_MAX - 10);
    assert_true(fixed_deadline(&f) == UINT64_MAX);
    assert_false(fixed_suspects(&f, 0)); /* A clock set back. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_heard_nothing_suspected),
        cmocka_unit_test(suspects_at_the_very_moment),
        cmocka_unit_test(never_wraps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
