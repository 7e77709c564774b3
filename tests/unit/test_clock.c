#include "base/clock.h"
#include "base/random.h"
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

static const uint64_t ms = 1000000;
static const uint64_t s = 1000000000;

static void native_pace_is_exact(void **state)
{
    (void)state;
    struct clock c;
    clock_init(&c, 5 * s);
    assert_int_equal(clock_now(&c, 5 * s), 0);
    assert_int_equal(clock_now(&c, 1 * s), 0);
    uint64_t far = 400 * 86400 * s + 1;
    assert_int_equal(clock_now(&c, 5 * s + far), far);
    assert_int_equal(clock_until(&c, far, 6 * s), 5 * s + far);
    assert_int_equal(clock_until(&c, 3 * s, 9 * s), 9 * s); /* It was then already. */
    assert_true(clock_until(&c, UINT64_MAX, 9 * s) == UINT64_MAX);
}

static void pace_changes_without_a_jump(void **state)
{
    (void)state;
    struct clock c;
    clock_init(&c, 0);
    clock_pace(&c, 10 * s, 0.1);
    clock_pace(&c, 20 * s, 0);
    clock_pace(&c, 30 * s, 2);
    assert_int_equal(clock_now(&c, 10 * s), 10 * s);
    assert_int_equal(clock_now(&c, 15 * s), 10 * s + 500 * ms);
    assert_int_equal(clock_now(&c, 20 * s), 11 * s);
    assert_int_equal(clock_now(&c, 29 * s), 11 * s);
    assert_int_equal(clock_now(&c, 31 * s), 13 * s);
    assert_int_equal(clock_until(&c, 12 * s, 1 * s), 30 * s + 500 * ms);
    assert_int_equal(clock_until(&c, 10 * s + 500 * ms, 1 * s), 15 * s);
    assert_int_equal(clock_until(&c, 13 * s, 30 * s), 31 * s);
    assert_true(clock_factor(&c, 15 * s) < 0.11);
    assert_true(clock_factor(&c, 25 * s) < 0.01);
    clock_pace(&c, 40 * s, 0);
    assert_true(clock_until(&c, 100 * s, 35 * s) == UINT64_MAX);
    assert_int_equal(clock_until(&c, 30 * s, 35 * s), 39 * s + 500 * ms);
}

/* Whatever the changes: time is monotonic, and clock_until() is the first moment it promises. */
static void any_changes(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 11);
    const double factors[] = {0, 1, 0.1, 0.37, 3, 100, 1e-6};
    for (int round = 0; round < 300; round++) {
        struct clock c;
        uint64_t mono = random_below(&r, s);
        clock_init(&c, mono);
        for (uint64_t i = random_below(&r, 100); i > 0; i--)
            clock_pace(&c, mono += random_below(&r, s), factors[random_below(&r, 7)]);
        clock_pace(&c, mono += s, 1);
        nsec last = 0;
        uint64_t oldest = c.paces[0].mono_ns;
        for (uint64_t at = oldest; at < mono + s; at += random_below(&r, s / 3)) {
            nsec now = clock_now(&c, at);
            assert_true(now >= last);
            last = now;
            nsec then = now + random_below(&r, s);
            uint64_t when = clock_until(&c, then, at);
            assert_true(when != UINT64_MAX && when >= at);
            assert_true(clock_now(&c, when) >= then);
            /* Not much too late: within a microsecond's worth of doubles. */
            assert_true(when == at || clock_now(&c, when - when / 1000000 - 2) <= then);
        }
    }
}

static void late_changes_are_alike_everywhere(void **state)
{
    (void)state;
    struct clock a;
    struct clock b;
    clock_init(&a, 0);
    clock_init(&b, 0);
    clock_pace(&a, 10 * s, 0.5);
    clock_pace(&a, 8 * s, 2); /* Agreed later, for an earlier instant: takes effect at once. */
    clock_pace(&b, 10 * s, 0.5);
    clock_pace(&b, 8 * s, 2);
    for (uint64_t at = 0; at < 20 * s; at += 100 * ms)
        assert_int_equal(clock_now(&a, at), clock_now(&b, at));
    assert_int_equal(clock_now(&a, 12 * s), 14 * s);
}

static void wall_clock_faults(void **state)
{
    (void)state;
    struct clock c;
    clock_init(&c, 0);
    int64_t wall = INT64_C(1700000000) * 1000000000;
    assert_true(clock_wall(&c, 5 * s, wall) == wall);
    int64_t skew = 5 * (int64_t)s;
    double drift = 100;
    clock_fault(&c, 10 * s, &skew, NULL);
    assert_true(clock_wall(&c, 20 * s, wall) == wall + skew);
    clock_fault(&c, 20 * s, NULL, &drift);
    assert_true(clock_wall(&c, 20 * s, wall) == wall + skew);
    assert_true(llabs(clock_wall(&c, 120 * s, wall) - (wall + skew + 10 * (int64_t)ms)) <= 1);
    drift = -50;
    clock_fault(&c, 120 * s, NULL, &drift); /* What drifted stays. */
    assert_true(llabs(clock_wall(&c, 120 * s, wall) - (wall + skew + 10 * (int64_t)ms)) <= 1);
    assert_true(llabs(clock_wall(&c, 220 * s, wall) - (wall + skew + 5 * (int64_t)ms)) <= 2);
    skew = -1;
    clock_fault(&c, 220 * s, &skew, NULL); /* A clock that is set is off by that, and drifts on. */
    assert_true(clock_wall(&c, 220 * s, wall) == wall - 1);
    assert_true(clock_wall(&c, 320 * s, wall) < wall - 4 * (int64_t)ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(native_pace_is_exact), cmocka_unit_test(pace_changes_without_a_jump),
        cmocka_unit_test(any_changes),          cmocka_unit_test(late_changes_are_alike_everywhere),
        cmocka_unit_test(wall_clock_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
