#include "modules/adaptive.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t ms = 1000000;

struct arrival {
    uint64_t number;
    uint64_t at;
};

/* The paper's formula over the last `cap` arrivals, computed plainly. */
static double plain_expected(const struct arrival *arrivals, size_t n, size_t cap, uint64_t eta)
{
    size_t first = n > cap ? n - cap : 0;
    double sum = 0;
    for (size_t i = first; i < n; i++)
        sum += (double)arrivals[i].at - (double)eta * (double)arrivals[i].number;
    return sum / (double)(n - first) + (double)(arrivals[n - 1].number + 1) * (double)eta;
}

static void even_beats_are_expected_on_time(void **state)
{
    (void)state;
    uint32_t storage[5];
    struct adaptive a;
    adaptive_init(&a, storage, 5, 100 * ms, 30 * ms);
    assert_true(adaptive_expected(&a) == UINT64_MAX);
    assert_true(adaptive_deadline(&a) == UINT64_MAX);
    for (uint64_t i = 1; i <= 20; i++) {
        assert_true(adaptive_beat(&a, i, 7 * ms + i * 100 * ms));
        assert_true(adaptive_expected(&a) == 7 * ms + (i + 1) * 100 * ms);
        assert_true(adaptive_deadline(&a) == 37 * ms + (i + 1) * 100 * ms);
    }
}

static void agrees_with_the_definition(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 3);
    enum { CAP = 16, BEATS = 300 };
    uint32_t storage[CAP];
    struct arrival arrivals[BEATS];
    size_t n = 0;
    struct adaptive a;
    uint64_t eta = 250 * ms;
    adaptive_init(&a, storage, CAP, eta, 0);
    for (uint64_t number = 40; n < BEATS; number++) {
        if (random_chance(&random, 0.2))
            continue; /* Lost. */
        uint64_t at = number * eta + random_below(&random, 90000) * 1000;
        arrivals[n++] = (struct arrival){number, at};
        assert_true(adaptive_beat(&a, number, at));
        double want = plain_expected(arrivals, n, CAP, eta);
        if (fabs((double)adaptive_expected(&a) - want) > 1000)
            fail_msg("beat %lu: expected at %lu, not %.0f", (unsigned long)number,
                     (unsigned long)adaptive_expected(&a), want);
    }
}

static void reordered_and_doubled_beats_change_nothing(void **state)
{
    (void)state;
    uint32_t storage[8];
    struct adaptive a;
    adaptive_init(&a, storage, 8, 100 * ms, 10 * ms);
    assert_true(adaptive_beat(&a, 1, 100 * ms));
    assert_true(adaptive_beat(&a, 4, 404 * ms));
    uint64_t deadline = adaptive_deadline(&a);
    assert_false(adaptive_beat(&a, 4, 405 * ms));
    assert_false(adaptive_beat(&a, 2, 406 * ms));
    assert_false(adaptive_beat(&a, 3, 407 * ms));
    assert_true(adaptive_deadline(&a) == deadline);
    assert_int_equal(a.offsets.n, 2);
    assert_true(deadline == 512 * ms); /* (0 + 4) / 2 later than the schedule's 500, and alpha. */
}

/* A change in delay is forgotten with the window: the estimate follows. */
static void follows_a_slower_network(void **state)
{
    (void)state;
    uint32_t storage[10];
    struct adaptive a;
    adaptive_init(&a, storage, 10, 100 * ms, 0);
    for (uint64_t i = 1; i <= 30; i++)
        adaptive_beat(&a, i, i * 100 * ms);
    for (uint64_t i = 31; i <= 35; i++)
        adaptive_beat(&a, i, i * 100 * ms + 40 * ms);
    assert_true(adaptive_expected(&a) == 3620 * ms); /* Half of the window is 40 ms late. */
    for (uint64_t i = 36; i <= 40; i++)
        adaptive_beat(&a, i, i * 100 * ms + 40 * ms);
    assert_true(adaptive_expected(&a) == 4140 * ms);
    assert_true(adaptive_deviation_ns(&a) == 0);
}

static void far_off_its_schedule_it_begins_anew(void **state)
{
    (void)state;
    uint32_t storage[10];
    struct adaptive a;
    adaptive_init(&a, storage, 10, 100 * ms, 0);
    for (uint64_t i = 1; i <= 5; i++)
        adaptive_beat(&a, i, i * 100 * ms);
    uint64_t late = UINT64_C(3600) * 1000 * ms; /* An hour: an offset that does not fit. */
    assert_true(adaptive_beat(&a, 6, late));
    assert_int_equal(a.offsets.n, 1);
    assert_true(adaptive_expected(&a) == late + 100 * ms);
}

static void wild_numbers_do_no_harm(void **state)
{
    (void)state;
    uint32_t storage[4];
    struct adaptive a;
    adaptive_init(&a, storage, 4, UINT64_MAX, UINT64_MAX);
    assert_true(adaptive_beat(&a, 1, 0));
    assert_true(adaptive_deadline(&a) == UINT64_MAX);
    assert_true(adaptive_beat(&a, UINT64_MAX, UINT64_MAX));
    assert_true(adaptive_deadline(&a) == UINT64_MAX);
    assert_false(adaptive_beat(&a, UINT64_MAX, 0));
    adaptive_init(&a, storage, 4, 1, 0);
    assert_true(adaptive_beat(&a, 5, 1000 * ms));
    assert_true(adaptive_beat(&a, 6, 0)); /* A clock set back. */
    assert_true(adaptive_expected(&a) < 1000 * ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_beats_are_expected_on_time),
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(reordered_and_doubled_beats_change_nothing),
        cmocka_unit_test(follows_a_slower_network),
        cmocka_unit_test(far_off_its_schedule_it_begins_anew),
        cmocka_unit_test(wild_numbers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
