/* How far another clock is, from round trips: the bound holds, whatever the way there and back
 * took. */
#include "agent/offset.h"

#include "base/random.h"
#include "unit.h"

static void the_bound_holds_for_any_ways(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 11);
    for (int run = 0; run < 200; run++) {
        struct offset o = {.known = false};
        int64_t truth = (int64_t)random_below(&random, 2000000000) - 1000000000;
        uint64_t now = 5000000000;
        for (int i = 0; i < 50; i++) {
            uint64_t there = 1000 + random_below(&random, 5000000);
            uint64_t back = 1000 + random_below(&random, 5000000);
            uint64_t theirs = (uint64_t)((int64_t)(now + there) + truth);
            offset_sample(&o, now, theirs, now + there + back);
            int64_t off = o.ns - truth;
            assert_true(o.known);
            assert_true((uint64_t)(off < 0 ? -off : off) <= o.bound_ns);
            now += 1000000 + there + back;
        }
        assert_int_equal(o.samples, 50);
        assert_true(o.bound_ns < 3000000); /* The shortest of fifty ways counts. */
    }
}

static void an_old_answer_counts_for_less(void **state)
{
    (void)state;
    struct offset o = {.known = false};
    offset_sample(&o, 1000000000, 1000000000 + 50, 1000000100);
    assert_int_equal(o.bound_ns, 50);
    assert_int_equal(o.ns, 0);
    assert_true(offset_bound(&o, 11000000100) > 900000);   /* 100 ppm of ten seconds. */
    offset_sample(&o, 1100000000, 1100000500, 1100001000); /* Longer: it teaches nothing yet. */
    assert_int_equal(o.ns, 0);
    offset_sample(&o, 11000000000, 11000700000, 11000001000);
    assert_int_equal(o.ns, 699500);
    assert_int_equal(o.bound_ns, 500);
}

static void an_answer_before_its_question_is_none(void **state)
{
    (void)state;
    struct offset o = {.known = false};
    offset_sample(&o, 2000, 1000, 1000);
    assert_false(o.known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bound_holds_for_any_ways),
        cmocka_unit_test(an_old_answer_counts_for_less),
        cmocka_unit_test(an_answer_before_its_question_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
