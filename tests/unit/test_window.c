#include "modules/window.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void empty_window_has_no_mean(void **state)
{
    (void)state;
    uint32_t storage[4];
    struct window w;
    window_init(&w, storage, 4);
    assert_true(window_mean(&w) == 0);
    assert_true(window_deviation(&w) == 0);
    window_check(&w);
}

static void known_values(void **state)
{
    (void)state;
    uint32_t storage[8];
    struct window w;
    window_init(&w, storage, 8);
    const uint32_t samples[] = {2, 4, 4, 4, 5, 5, 7, 9};
    for (int i = 0; i < 8; i++)
        window_push(&w, samples[i]);
    assert_true(window_mean(&w) == 5);
    assert_true(window_deviation(&w) == 2);
    assert_int_equal(window_at(&w, 0), 2);
    assert_int_equal(window_at(&w, 7), 9);
}

static void forgets_the_oldest(void **state)
{
    (void)state;
    uint32_t storage[3];
    struct window w;
    window_init(&w, storage, 3);
    for (uint32_t i = 1; i <= 10; i++) {
        window_push(&w, i * 100);
        window_check(&w);
    }
    assert_int_equal(w.n, 3);
    assert_int_equal(window_at(&w, 0), 800);
    assert_int_equal(window_at(&w, 2), 1000);
    assert_true(window_mean(&w) == 900);
    window_clear(&w);
    assert_int_equal(w.n, 0);
    window_push(&w, 7);
    assert_true(window_mean(&w) == 7);
}

/* The largest samples there are: sums of squares past 64 bits, and still exact. */
static void largest_samples(void **state)
{
    (void)state;
    uint32_t storage[1000];
    struct window w;
    window_init(&w, storage, 1000);
    for (int i = 0; i < 3000; i++)
        window_push(&w, i % 2 ? UINT32_MAX : UINT32_MAX - 2);
    window_check(&w);
    assert_true(window_mean(&w) == (double)UINT32_MAX - 1);
    assert_true(window_deviation(&w) == 1);
}

static void agrees_with_two_passes(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 4);
    uint32_t storage[37];
    struct window w;
    window_init(&w, storage, 37);
    for (int i = 0; i < 500; i++) {
        window_push(&w, (uint32_t)random_below(&random, 2000000));
        double mean = 0;
        for (uint32_t k = 0; k < w.n; k++)
            mean += window_at(&w, k);
        mean /= w.n;
        double variance = 0;
        for (uint32_t k = 0; k < w.n; k++)
            variance += (window_at(&w, k) - mean) * (window_at(&w, k) - mean);
        variance /= w.n;
        assert_true(fabs(window_mean(&w) - mean) < 1e-6);
        assert_true(fabs(window_deviation(&w) - sqrt(variance)) < 1e-6);
    }
}

static void samples_are_rounded_and_capped(void **state)
{
    (void)state;
    assert_int_equal(window_sample(0), 0);
    assert_int_equal(window_sample(1499), 1);
    assert_int_equal(window_sample(1500), 2);
    assert_int_equal(window_sample(UINT64_MAX), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_window_has_no_mean),
        cmocka_unit_test(known_values),
        cmocka_unit_test(forgets_the_oldest),
        cmocka_unit_test(largest_samples),
        cmocka_unit_test(agrees_with_two_passes),
        cmocka_unit_test(samples_are_rounded_and_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
