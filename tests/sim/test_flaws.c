/* Each flaw is caught by a checker that does not know of it, within so many seeds; and what is left
 * of the first that catches it, when shrunk, still does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/trial.h"

#include <inttypes.h>
#include <string.h>

static bool fails(struct trial *t, struct outcome *o)
{
    char why[300];
    if (trial_run(t, NULL, o, why, sizeof why) != 0)
        fail_msg("%s", why);
    return o->failed;
}

/* At least two seeds find it, so that it does not hang on one. */
static void caught(const char *protocol, const char *flaw, const char *invariant, uint64_t seeds)
{
    struct trial_wish wish = {.protocol = protocol, .flaws = &flaw, .n_flaws = 1};
    int found = 0;
    for (uint64_t seed = 1; seed <= seeds && found < 2; seed++) {
        struct trial t;
        struct outcome o;
        char why[300];
        assert_true(trial_draw(&t, seed, &wish, why, sizeof why));
        if (fails(&t, &o)) {
            if (!strstr(invariant, o.invariant))
                fail_msg("%s was caught by %s: %s", flaw, o.invariant, o.why);
            found++;
        }
        trial_free(&t);
    }
    if (found < 2)
        fail_msg("%s was not caught within %" PRIu64 " seeds", flaw, seeds);
}

static void short_timeout(void **state)
{
    (void)state;
    caught("heartbeat", "short-timeout", "heartbeat accuracy", 10);
}

static void wall_clock(void **state)
{
    (void)state;
    caught("heartbeat", "wall-clock", "heartbeat accuracy, heartbeat completeness", 50);
}

static void ack_before_sync(void **state)
{
    (void)state;
    caught("kv", "ack-before-sync", "history durability", 30);
}

static void no_checksum(void **state)
{
    (void)state;
    caught("kv", "no-checksum", "history durability, lives survival", 200);
}

static void pages_before_log(void **state)
{
    (void)state;
    caught("kv", "pages-before-log", "kv write-ahead", 10);
}

static void whole_seconds(void **state)
{
    (void)state;
    caught("limiter", "whole-seconds", "limiter token-bucket, limiter no-needless-refusal", 20);
}

static void counter_race(void **state)
{
    (void)state;
    caught("limiter", "counter-race", "limiter shared-limit", 60);
}

static void shrinking_keeps_what_matters(void **state)
{
    const char *flaw = "ack-before-sync";
    struct trial_wish wish = {.protocol = "kv", .flaws = &flaw, .n_flaws = 1};
    struct trial t;
    struct outcome o;
    char why[300];
    uint64_t seed = 1;
    (void)state;
    for (;; seed++) {
        assert_true(trial_draw(&t, seed, &wish, why, sizeof why));
        if (fails(&t, &o) && t.n_faults > 4)
            break;
        trial_free(&t);
    }
    size_t left = 0;
    assert_true(trial_shrink(&t, &o) > 0);
    for (size_t i = 0; i < t.n_faults; i++)
        left += t.faults[i].out ? 0 : 1;
    /* One power cut is enough. */
    assert_in_range(left, 1, 2);
    struct buf lines = {0};
    trial_print(&t, &lines);
    assert_non_null(memmem(lines.base, lines.len, "orrery power n1", 15));
    buf_free(&lines);
    struct outcome again;
    assert_true(fails(&t, &again));
    assert_int_equal(o.hash, again.hash);
    trial_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_timeout),    cmocka_unit_test(wall_clock),
        cmocka_unit_test(ack_before_sync),  cmocka_unit_test(no_checksum),
        cmocka_unit_test(pages_before_log), cmocka_unit_test(whole_seconds),
        cmocka_unit_test(counter_race),     cmocka_unit_test(shrinking_keeps_what_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
