#include "base/random.h"
#include "unit.h"

#include <math.h>

static void matches_the_reference(void **state)
{
    (void)state;
    /* By the authors' own C code, from the state {1, 2, 3, 4}. */
    struct random r = {{1, 2, 3, 4}};
    const uint64_t expected[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240)};
    for (int i = 0; i < 4; i++)
        assert_true(random_u64(&r) == expected[i]);
    /* splitmix64 from 0. */
    random_seed(&r, 0);
    assert_true(r.s[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(r.s[1] == UINT64_C(0x6e789e6aa1b965f4));
}

static void streams_are_apart(void **state)
{
    (void)state;
    struct random a = random_split(1, 2);
    struct random b = random_split(2, 1);
    struct random c = random_split(1, 3);
    struct random again = random_split(1, 2);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t x = random_u64(&a);
        same += x == random_u64(&b);
        same += x == random_u64(&c);
        assert_true(x == random_u64(&again));
    }
    assert_int_equal(same, 0);
}

static void below_is_even(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 5);
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++)
        counts[random_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], 9600, 10400); /* Four standard deviations. */
    for (int i = 0; i < 100; i++)
        assert_int_equal(random_below(&r, 1), 0);
    for (int i = 0; i < 100; i++)
        assert_true(random_below(&r, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

static void distributions_have_their_moments(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 9);
    enum { N = 200000 };
    double sum = 0;
    double squares = 0;
    double exponential = 0;
    int hits = 0;
    for (int i = 0; i < N; i++) {
        double x = random_normal(&r, 10, 2);
        sum += x;
        squares += (x - 10) * (x - 10);
        double e = random_exponential(&r, 3);
        assert_true(e >= 0 && isfinite(e));
        exponential += e;
        hits += random_chance(&r, 0.25);
        double u = random_unit(&r);
        assert_true(u >= 0 && u < 1);
    }
    assert_true(fabs(sum / N - 10) < 0.03);
    assert_true(fabs(sqrt(squares / N) - 2) < 0.03);
    assert_true(fabs(exponential / N - 3) < 0.04);
    assert_true(fabs((double)hits / N - 0.25) < 0.005);
    assert_false(random_chance(&r, 0));
    assert_true(random_chance(&r, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_reference),
        cmocka_unit_test(streams_are_apart),
        cmocka_unit_test(below_is_even),
        cmocka_unit_test(distributions_have_their_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
