#include "modules/phi.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t ms = 1000000;

static void assert_near(double got, double want, double relative)
{
    if (fabs(got - want) > relative * fmax(fabs(want), 1e-300))
        fail_msg("%.17g is not %.17g", got, want);
}

/* -log10 P(X > z), to twenty digits by an arbitrary-precision library. */
static const struct {
    double z;
    double level;
} tail[] = {
    {-8, 2.7017288495439212877e-16}, {-3, 0.00058664931379006669102}, {-1, 0.075026012957818023238},
    {0, 0.30102999566398119521},     {1, 0.79954554149197050003},     {2, 1.643016080140937048},
    {3, 2.8696990359293690772},      {5, 6.5426456723906544963},      {5.5, 7.7214850416263146859},
    {6, 9.0058643274767042092},      {8, 15.206142551017154558},      {10, 23.118053405486075894},
    {15, 50.435219614275511368},     {19.999, 88.551388062566729761}, {20, 88.56009534307559192},
    {20.001, 88.568803056809155056}, {21.5, 102.1087750190872135},    {30, 197.30920926166094939},
    {40, 349.43700645934584209},     {60, 783.90742916411070991},     {100, 2173.8715428690343765},
};

static void tail_far_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tail / sizeof tail[0]; i++)
        assert_near(phi_tail(tail[i].z), tail[i].level, 1e-12);
}

static void tail_never_falls(void **state)
{
    (void)state;
    double before = phi_tail(-10);
    for (double z = -10; z < 60; z += 0.001) {
        assert_true(phi_tail(z) >= before);
        before = phi_tail(z);
    }
}

static void quantile_inverts_the_tail(void **state)
{
    (void)state;
    for (size_t i = 1; i < sizeof tail / sizeof tail[0]; i++) {
        double z = phi_quantile(tail[i].level);
        if (fabs(z - tail[i].z) > 1e-8 * fmax(1, fabs(tail[i].z)))
            fail_msg("level %g: %.12g is not %.12g", tail[i].level, z, tail[i].z);
    }
    for (double level = 0.05; level < 400; level *= 1.1)
        assert_near(phi_tail(phi_quantile(level)), level, 1e-9);
}

/* The definition, computed plainly over all gaps that a window of `cap` would hold. */
static double plain_phi(const uint64_t *at_ns, size_t n, size_t cap, double floor_ns, uint64_t now)
{
    size_t first = n - 1 > cap ? n - 1 - cap : 0;
    double mean = 0;
    double count = (double)(n - 1 - first);
    for (size_t i = first; i + 1 < n; i++)
        mean += (double)(at_ns[i + 1] - at_ns[i]) / count;
    double variance = 0;
    for (size_t i = first; i + 1 < n; i++)
        variance += pow((double)(at_ns[i + 1] - at_ns[i]) - mean, 2) / count;
    double deviation = fmax(sqrt(variance), floor_ns);
    double silence = (double)(now - at_ns[n - 1]);
    return -log10(erfc((silence - mean) / deviation / sqrt(2)) / 2);
}

static void agrees_with_the_definition(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 1);
    enum { CAP = 20, BEATS = 120 };
    uint32_t storage[CAP];
    uint64_t at[BEATS];
    struct phi p;
    phi_init(&p, storage, CAP, 250 * ms, 5 * ms);
    uint64_t now = 77 * ms;
    for (size_t i = 0; i < BEATS; i++) {
        /* Whole microseconds; some beats lost, so that a gap is twice as long. */
        now += (200000 + random_below(&random, 100000)) * 1000 * (1 + random_below(&random, 8) / 7);
        at[i] = now;
        phi_beat(&p, now);
        if (i < PHI_GAPS_MIN)
            continue;
        for (uint64_t silence = 0; silence < 900 * ms; silence += 45 * ms) {
            double level = phi_level(&p, now + silence);
            double want = plain_phi(at, i + 1, CAP, 5e6, now + silence);
            if (fabs(level - want) > 1e-12 + 1e-9 * want)
                fail_msg("%.17g is not %.17g", level, want);
        }
    }
}

static void deadline_is_where_the_level_is_reached(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 2);
    uint32_t storage[50];
    struct phi p;
    phi_init(&p, storage, 50, 250 * ms, 10 * ms);
    uint64_t now = 0;
    for (int i = 0; i < 80; i++) {
        now += 240 * ms + random_below(&random, 20 * ms);
        phi_beat(&p, now);
        const double levels[] = {0.5, 1, 3, 8, 12, 100, 300};
        for (size_t k = 0; k < sizeof levels / sizeof levels[0]; k++) {
            uint64_t at = phi_deadline(&p, phi_quantile(levels[k]));
            assert_true(phi_level(&p, at) >= levels[k] - 1e-6);
            assert_true(phi_level(&p, at - 10) <= levels[k] + 1e-6);
        }
    }
}

static void before_the_first_beat_it_has_no_opinion(void **state)
{
    (void)state;
    uint32_t storage[4];
    struct phi p;
    phi_init(&p, storage, 4, 250 * ms, 50 * ms);
    assert_true(phi_level(&p, 1000 * ms) == 0);
    assert_true(phi_deadline(&p, 5) == UINT64_MAX);
}

static void an_expected_gap_stands_in_for_the_first(void **state)
{
    (void)state;
    uint32_t storage[4];
    struct phi p;
    phi_init(&p, storage, 4, 200 * ms, 10 * ms);
    phi_beat(&p, 1000 * ms);
    assert_true(phi_mean_ns(&p) == 200e6);
    assert_true(phi_deviation_ns(&p) == 50e6);
    assert_near(phi_level(&p, 1200 * ms), 0.30102999566398119521, 1e-12); /* Half come later. */
    phi_beat(&p, 1300 * ms);
    phi_beat(&p, 1600 * ms);
    assert_true(phi_mean_ns(&p) == 300e6);
    assert_true(phi_deviation_ns(&p) == 10e6); /* Even gaps: the floor. */
}

static void a_lost_beat_widens_the_deviation(void **state)
{
    (void)state;
    uint32_t storage[10];
    struct phi p;
    phi_init(&p, storage, 10, 100 * ms, ms);
    for (uint64_t i = 1; i <= 11; i++)
        phi_beat(&p, i * 100 * ms);
    uint64_t before = phi_deadline(&p, phi_quantile(8)) - p.last_at;
    phi_beat(&p, 13 * 100 * ms); /* Number 12 never came. */
    uint64_t after = phi_deadline(&p, phi_quantile(8)) - p.last_at;
    assert_true(phi_mean_ns(&p) == 110e6);
    assert_near(phi_deviation_ns(&p), 30e6, 1e-12); /* Nine of 100 and one of 200. */
    assert_true(after > before + 100 * ms);
    for (uint64_t i = 14; i <= 23; i++)
        phi_beat(&p, i * 100 * ms);
    assert_true(phi_deviation_ns(&p) == 1e6); /* And it is forgotten with the window. */
}

static void a_clock_set_back_teaches_nothing(void **state)
{
    (void)state;
    uint32_t storage[10];
    struct phi p;
    phi_init(&p, storage, 10, 100 * ms, ms);
    phi_beat(&p, 5000 * ms);
    phi_beat(&p, 1000 * ms);
    assert_int_equal(p.gaps.n, 0);
    assert_true(phi_level(&p, 900 * ms) < 0.301);
    phi_beat(&p, 1100 * ms);
    assert_int_equal(p.gaps.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tail_far_out),
        cmocka_unit_test(tail_never_falls),
        cmocka_unit_test(quantile_inverts_the_tail),
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(deadline_is_where_the_level_is_reached),
        cmocka_unit_test(before_the_first_beat_it_has_no_opinion),
        cmocka_unit_test(an_expected_gap_stands_in_for_the_first),
        cmocka_unit_test(a_lost_beat_widens_the_deviation),
        cmocka_unit_test(a_clock_set_back_teaches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
