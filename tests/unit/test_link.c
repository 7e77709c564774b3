#include "core/link.h"
#include "unit.h"

#include <math.h>

enum { N = 20000 };

static struct random random_of(uint64_t seed)
{
    struct random r;
    random_seed(&r, seed);
    return r;
}

static void a_clean_link_does_nothing(void **state)
{
    (void)state;
    struct link_faults l = {0};
    struct random r = random_of(1);
    assert_true(link_clean(&l));
    for (int t = 0; t < 2; t++) {
        struct link_verdict v = link_decide(&l, (enum transport)t, 100, 77, &r);
        assert_false(v.dropped);
        assert_int_equal(v.copies, 1);
        assert_int_equal(v.at[0], 77);
    }
}

static void cut(void **state)
{
    (void)state;
    struct link_faults l = {.cut = true};
    struct random r = random_of(1);
    assert_false(link_clean(&l));
    struct link_verdict v = link_decide(&l, TRANSPORT_DATAGRAM, 100, 0, &r);
    assert_true(v.dropped);
    assert_int_equal(v.reason, ORRERY__DROP_REASON__DROP_CUT);
    v = link_decide(&l, TRANSPORT_STREAM, 100, 0, &r);
    assert_false(v.dropped);
    assert_int_equal(v.copies, 0);
}

static void shares_are_as_asked(void **state)
{
    (void)state;
    struct link_faults l = {
        .loss = 0.1, .duplicate = 0.2, .reorder = 0.3, .delay = 50 * NSEC_PER_MS};
    struct random r = random_of(3);
    int lost = 0;
    int doubled = 0;
    int early = 0;
    for (int i = 0; i < N; i++) {
        struct link_verdict v = link_decide(&l, TRANSPORT_DATAGRAM, 100, 1000, &r);
        lost += v.dropped;
        if (v.dropped) {
            assert_int_equal(v.reason, ORRERY__DROP_REASON__DROP_LOSS);
            continue;
        }
        doubled += v.copies == 2;
        early += v.at[0] == 1000;
        assert_true(v.at[0] == 1000 || v.at[0] == 1000 + 50 * NSEC_PER_MS);
    }
    assert_true(fabs((double)lost / N - 0.1) < 0.01);
    assert_true(fabs((double)doubled / (N - lost) - 0.2) < 0.015);
    assert_true(fabs((double)early / (N - lost) - 0.3) < 0.015);
}

static void jitter_is_normal_and_never_negative(void **state)
{
    (void)state;
    struct link_faults l = {.delay = 100 * NSEC_PER_MS, .jitter = 20 * NSEC_PER_MS};
    struct random r = random_of(5);
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < N; i++) {
        struct link_verdict v = link_decide(&l, TRANSPORT_DATAGRAM, 100, 0, &r);
        double ms = (double)v.at[0] / 1e6;
        sum += ms;
        squares += (ms - 100) * (ms - 100);
    }
    assert_true(fabs(sum / N - 100) < 1);
    assert_true(fabs(sqrt(squares / N) - 20) < 1);
    l.delay = 0;
    int none = 0;
    for (int i = 0; i < N; i++)
        none += link_decide(&l, TRANSPORT_DATAGRAM, 100, 9, &r).at[0] == 9;
    assert_in_range(none, N * 45 / 100, N * 55 / 100);
}

static void streams_stay_in_order(void **state)
{
    (void)state;
    struct link_faults l = {.delay = 10 * NSEC_PER_MS,
                            .jitter = 10 * NSEC_PER_MS,
                            .loss = 0.05,
                            .duplicate = 0.5,
                            .reorder = 0.5};
    struct random r = random_of(7);
    nsec last = 0;
    nsec now = 0;
    int late = 0;
    for (int i = 0; i < N; i++, now += 300 * NSEC_PER_MS) {
        struct link_verdict v = link_decide(&l, TRANSPORT_STREAM, 100, now, &r);
        assert_false(v.dropped);
        assert_int_equal(v.copies, 1);
        assert_true(v.at[0] >= last && v.at[0] >= now);
        last = v.at[0];
        late += v.at[0] >= now + LINK_RETRANSMIT;
    }
    assert_true(fabs((double)late / N - 0.05) < 0.01);
    for (int i = 0; i < 100; i++) { /* All at once. */
        struct link_verdict v = link_decide(&l, TRANSPORT_STREAM, 100, now, &r);
        assert_true(v.at[0] >= last);
        last = v.at[0];
    }
}

static void bandwidth_queues(void **state)
{
    (void)state;
    struct link_faults l = {.bandwidth = 1000};
    struct random r = random_of(9);
    struct link_verdict v;
    for (nsec i = 1; i <= 10; i++) {
        v = link_decide(&l, TRANSPORT_DATAGRAM, 110, 0, &r);
        assert_int_equal(v.at[0], i * 110 * NSEC_PER_MS);
    }
    v = link_decide(&l, TRANSPORT_DATAGRAM, 110, 0, &r);
    assert_true(v.dropped);
    assert_int_equal(v.reason, ORRERY__DROP_REASON__DROP_QUEUE);
    v = link_decide(&l, TRANSPORT_STREAM, 100, 0, &r);
    assert_false(v.dropped);
    assert_int_equal(v.at[0], 1200 * NSEC_PER_MS);
    v = link_decide(&l, TRANSPORT_DATAGRAM, 100, 5 * NSEC_PER_S, &r); /* The wire is free again. */
    assert_int_equal(v.at[0], 5100 * NSEC_PER_MS);
}

static void faults_overlay(void **state)
{
    (void)state;
    struct link_faults l = {.loss = 0.5};
    Orrery__LinkFault f = ORRERY__LINK_FAULT__INIT;
    f.has_delay_ns = true;
    f.delay_ns = 5;
    link_apply(&l, &f);
    assert_int_equal(l.delay, 5);
    assert_true(l.loss > 0.4);
    f.has_loss = true;
    f.loss = 7;
    f.has_duplicate = true;
    f.duplicate = NAN;
    f.has_cut = f.cut = true;
    f.delay_ns = UINT64_MAX;
    link_apply(&l, &f);
    assert_true(l.cut);
    assert_true(l.loss > 0.99 && l.loss < 1.01);
    assert_false(l.duplicate > 0);
    assert_true(l.delay < UINT64_MAX / 2);
    f.cut = false;
    f.delay_ns = 0;
    f.loss = 0;
    link_apply(&l, &f);
    assert_true(link_clean(&l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_link_does_nothing),
        cmocka_unit_test(cut),
        cmocka_unit_test(shares_are_as_asked),
        cmocka_unit_test(jitter_is_normal_and_never_negative),
        cmocka_unit_test(streams_stay_in_order),
        cmocka_unit_test(bandwidth_queues),
        cmocka_unit_test(faults_overlay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
