#include "core/settings.h"
#include "event.pb-c.h"
#include "heartbeat.pb-c.h"
#include "kv.pb-c.h"
#include "unit.h"

#include <string.h>

static struct arena arena;
static char why[600];

static bool set(ProtobufCMessage *m, const char *key, const char *value)
{
    why[0] = '\0';
    return settings_set(m, bytes_str(key), bytes_str(value), &arena, why, sizeof why);
}

static void says(const char *part)
{
    if (!strstr(why, part))
        fail_msg("'%s' does not say '%s'", why, part);
}

static void numbers_with_bounds(void **state)
{
    (void)state;
    Heartbeat__Settings s = HEARTBEAT__SETTINGS__INIT;
    assert_true(set(&s.base, "interval_ms", "4294967295"));
    assert_int_equal(s.interval_ms, UINT32_MAX);
    assert_true(set(&s.base, "interval-ms", "0"));
    assert_int_equal(s.interval_ms, 0);
    const char *bad[] = {"4294967296",
                         "-1",
                         "",
                         "1x",
                         " 1",
                         "+1",
                         "1.5",
                         "18446744073709551616",
                         "99999999999999999999999999999999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(set(&s.base, "interval_ms", bad[i]));
        says("interval_ms is a whole number from 0 to 4294967295, not '");
    }
    assert_true(set(&s.base, "phi", "8.5"));
    assert_true(s.phi > 8.4 && s.phi < 8.6);
    assert_true(set(&s.base, "phi", "-1e3"));
    const char *unreal[] = {"nan", "inf", "1e999", "eight", ""};
    for (size_t i = 0; i < sizeof unreal / sizeof unreal[0]; i++) {
        assert_false(set(&s.base, "phi", unreal[i]));
        says("phi is a number, not");
    }
    Orrery__Stop stop = ORRERY__STOP__INIT; /* Any message will do. */
    assert_true(set(&stop.base, "code", "-2147483648"));
    assert_int_equal(stop.code, INT32_MIN);
    assert_false(set(&stop.base, "code", "2147483648"));
    assert_true(set(&stop.base, "why", "disk full"));
    assert_string_equal(stop.why, "disk full");
    Orrery__Event e = ORRERY__EVENT__INIT;
    assert_true(set(&e.base, "wall_ns", "-9223372036854775808"));
    assert_true(e.wall_ns == INT64_MIN);
    assert_true(set(&e.base, "seq", "18446744073709551615"));
    assert_true(e.seq == UINT64_MAX);
}

static void words_of_other_kinds(void **state)
{
    (void)state;
    Heartbeat__Settings s = HEARTBEAT__SETTINGS__INIT;
    assert_true(set(&s.base, "detector", "phi-accrual"));
    assert_int_equal(s.detector, HEARTBEAT__DETECTOR__PHI_ACCRUAL);
    assert_true(set(&s.base, "watch", "ring"));
    assert_true(set(&s.base, "watch", "ALL"));
    assert_int_equal(s.watch, HEARTBEAT__WATCH__ALL);
    assert_false(set(&s.base, "detector", "guess"));
    says("detector is one of fixed, phi-accrual, adaptive");
    says(", not 'guess'");
    Orrery__Violation v = ORRERY__VIOLATION__INIT;
    assert_true(set(&v.base, "body", "raw"));
    assert_int_equal(v.body.len, 3);
    Orrery__Truncate t = ORRERY__TRUNCATE__INIT;
    assert_true(set(&t.base, "suffix", "true"));
    assert_true(t.suffix);
    assert_true(set(&t.base, "suffix", "false"));
    assert_false(t.suffix);
    assert_false(set(&t.base, "suffix", "1"));
    says("true or false");
    Orrery__Power power = ORRERY__POWER__INIT; /* Fields with presence. */
    assert_true(set(&power.base, "seed", "7"));
    assert_true(power.has_seed && power.seed == 7 && !power.has_lose);
}

static void unknown_names_are_told_what_there_is(void **state)
{
    (void)state;
    Heartbeat__Settings s = HEARTBEAT__SETTINGS__INIT;
    assert_false(set(&s.base, "intervall", "5"));
    says("there is no setting 'intervall'; there are: interval_ms, detector, timeout_ms");
    assert_null(strstr(why, "flaws"));
    assert_false(set(&s.base, "flaws", "1"));
    assert_false(set(&s.base, "", "1"));
    assert_false(set(&s.base, "\x1b[31m", "1"));
    assert_null(strchr(why, '\x1b'));
    char small[10];
    assert_false(
        settings_set(&s.base, bytes_str("x"), bytes_str("1"), &arena, small, sizeof small));
    assert_int_equal(strlen(small), 9);
}

static void flaws_by_name(void **state)
{
    (void)state;
    Kv__Settings s = KV__SETTINGS__INIT;
    assert_true(settings_flaw(&s.base, bytes_str("ack-before-sync"), &arena, why, sizeof why));
    assert_true(settings_flaw(&s.base, bytes_str("no-checksum"), &arena, why, sizeof why));
    assert_true(settings_flaw(&s.base, bytes_str("ack-before-sync"), &arena, why, sizeof why));
    assert_int_equal(s.n_flaws, 2);
    assert_int_equal(s.flaws[0], KV__FLAW__ACK_BEFORE_SYNC);
    assert_int_equal(s.flaws[1], KV__FLAW__NO_CHECKSUM);
    const char *bad[] = {"none", "laziness", ""};
    for (int i = 0; i < 3; i++) {
        assert_false(settings_flaw(&s.base, bytes_str(bad[i]), &arena, why, sizeof why));
        says("there are: ack-before-sync, no-checksum, pages-before-log");
    }
    Orrery__Stop stop = ORRERY__STOP__INIT;
    assert_false(settings_flaw(&stop.base, bytes_str("x"), &arena, why, sizeof why));
    says("no flaws");
}

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 16);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_with_bounds),
        cmocka_unit_test(words_of_other_kinds),
        cmocka_unit_test(unknown_names_are_told_what_there_is),
        cmocka_unit_test(flaws_by_name),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
