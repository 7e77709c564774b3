/* A seed is all that a run depends on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/registry.h"
#include "sim/trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TWICE = 12, PINNED = 8, PROTOCOLS_MAX = 32 };

static struct outcome run(const char *protocol, uint64_t seed, const char *recording)
{
    struct trial_wish wish = {.protocol = protocol};
    struct trial_watch watch = {.recording = recording};
    struct trial t;
    struct outcome o;
    char why[300];
    assert_true(trial_draw(&t, seed, &wish, why, sizeof why));
    if (trial_run(&t, &watch, &o, why, sizeof why) != 0)
        fail_msg("%s", why);
    trial_free(&t);
    return o;
}

static void same_seed_same_events(void **state)
{
    (void)state;
    for (uint32_t p = 0; registry_at(p); p++)
        for (uint64_t seed = 1; seed <= TWICE; seed++) {
            const char *protocol = registry_at(p)->name;
            struct outcome first = run(protocol, seed, NULL);
            struct outcome again = run(protocol, seed, NULL);
            assert_true(first.events > 100); /* Something happened. */
            assert_int_equal(first.hash, again.hash);
            assert_int_equal(first.events, again.events);
            assert_true(first.hash != run(protocol, seed + 1000, NULL).hash);
        }
}

/* Who looks on changes nothing. */
static void recording_changes_nothing(void **state)
{
    char path[] = "/tmp/orrery-test-XXXXXX";
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        assert_int_equal(run("heartbeat", seed, NULL).hash, run("heartbeat", seed, path).hash);
        assert_int_equal(run("kv", seed, NULL).hash, run("kv", seed, path).hash);
    }
    unlink(path);
}

/* The same hashes in every build: release, sanitizers, another compiler. A change of a protocol, of
 * the simulator or of events changes them; then ORRERY_REWRITE=1 writes them anew. */
static void hashes_are_pinned(void **state)
{
    const char *path = ORRERY_SOURCE "/tests/sim/hashes.txt";
    char text[PROTOCOLS_MAX * PINNED * 64] = "";
    char pinned[sizeof text] = "";
    (void)state;
    for (uint32_t p = 0; registry_at(p); p++)
        for (uint64_t seed = 1; seed <= PINNED; seed++) {
            const char *protocol = registry_at(p)->name;
            size_t at = strlen(text);
            (void)snprintf(text + at, sizeof text - at, "%s %" PRIu64 " %016" PRIx64 "\n", protocol,
                           seed, run(protocol, seed, NULL).hash);
        }
    const char *rewrite = getenv("ORRERY_REWRITE");
    FILE *f = fopen(path, rewrite && *rewrite == '1' ? "w" : "r");
    assert_non_null(f);
    if (rewrite && *rewrite == '1')
        (void)fputs(text, f);
    else
        assert_true(fread(pinned, 1, sizeof pinned - 1, f) > 0);
    (void)fclose(f);
    if (!rewrite && strcmp(text, pinned) != 0) {
        print_message("now:\n%s\nin tests/sim/hashes.txt:\n%s\n", text, pinned);
        fail_msg("simulations are not what they were; where another build agrees with this one, a "
                 "protocol or its events changed: ORRERY_REWRITE=1 pins the new hashes");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_events),
        cmocka_unit_test(recording_changes_nothing),
        cmocka_unit_test(hashes_are_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
