/* `orrery sim` and `orrery check` as they are typed: what they print, leave and return. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1 << 18 };

static char folder[64];
static char output[OUTPUT_MAX];

/* Runs a line by the shell, in a state folder of its own; its output is in `output`. */
static int run(const char *line)
{
    char command[2048];
    (void)snprintf(command, sizeof command, "XDG_STATE_HOME=%s %s %s 2>&1", folder, ORRERY, line);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    size_t n = fread(output, 1, sizeof output - 1, f);
    output[n] = 0;
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool ends_with(const char *end)
{
    size_t n = strlen(output);
    return n >= strlen(end) && strcmp(output + n - strlen(end), end) == 0;
}

static void word_after(const char *mark, char *into, size_t size)
{
    const char *at = strstr(output, mark);
    assert_non_null(at);
    at += strlen(mark);
    size_t n = strcspn(at, "\n");
    assert_true(n < size);
    memcpy(into, at, n);
    into[n] = 0;
}

static void seeds_pass(void **state)
{
    (void)state;
    assert_int_equal(run("sim heartbeat --seeds 20 --from 7 --jobs 2"), 0);
    assert_string_equal(output, "20 seeds, 0 failed\n");
    assert_int_equal(run("sim kv --seeds 5 --json"), 0);
    assert_non_null(strstr(output, "\"seeds\":5,\"failed\":0"));
}

static void one_seed_has_a_hash(void **state)
{
    char first[64];
    char again[64];
    (void)state;
    assert_int_equal(run("sim heartbeat --seed 42"), 0);
    word_after("hash ", first, sizeof first);
    assert_int_equal(strlen(first), 16);
    assert_int_equal(run("sim heartbeat --seed 42"), 0);
    word_after("hash ", again, sizeof again);
    assert_string_equal(first, again);
}

static void a_failure_can_be_replayed(void **state)
{
    char replay[256];
    char recording[256];
    char line[600];
    (void)state;
    assert_int_equal(run("sim kv --seeds 6 --jobs 1 --flaw ack-before-sync --shrink"), 1);
    assert_true(ends_with(" failed\n"));
    assert_non_null(strstr(output, "orrery power n1"));
    word_after("replay: orrery ", replay, sizeof replay);
    word_after("recording: ", recording, sizeof recording);
    assert_int_equal(run(replay), 1);
    (void)snprintf(line, sizeof line, "check %s", recording);
    assert_int_equal(run(line), 1);
    assert_non_null(strstr(output, "refuted    history durability"));
    assert_non_null(strstr(output, "shown by"));
    (void)snprintf(line, sizeof line, "replay %s --rerun n1", recording);
    assert_int_equal(run(line), 0);
    assert_non_null(strstr(output, "all as recorded"));
}

static void a_good_run_is_proven(void **state)
{
    char line[256];
    (void)state;
    (void)snprintf(line, sizeof line, "sim heartbeat --seed 3 --record %s/run.orr", folder);
    assert_int_equal(run(line), 0);
    (void)snprintf(line, sizeof line, "check %s/run.orr --json", folder);
    assert_int_equal(run(line), 0);
    assert_non_null(strstr(output, "\"verdict\":\"proven\""));
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    assert_int_equal(run("sim nothing --seeds 3"), 2);
    assert_non_null(strstr(output, "heartbeat"));
    assert_int_equal(run("sim heartbeat"), 2);
    assert_int_equal(run("sim heartbeat --seeds 0"), 2);
    assert_int_equal(run("sim heartbeat --seeds 3 --seed 3"), 2);
    assert_int_equal(run("sim heartbeat --seed 3 --set no_such=1"), 2);
    assert_int_equal(run("sim heartbeat --seeds 3 --flaw no-such"), 2);
    assert_int_equal(run("check /nowhere/at-all.orr"), 2);
    assert_int_equal(run("check"), 2);
    assert_int_equal(run("figure nothing"), 2);
    assert_int_equal(run("figure raft --trials 0"), 2);
    assert_int_equal(run("figure raft --trials many"), 2);
    assert_int_equal(run("figure rate-limiting --json"), 0);
    assert_int_equal(run("sim --help"), 0);
    assert_non_null(strstr(output, "examples:"));
}

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/orrery-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char line[128];
    (void)state;
    (void)snprintf(line, sizeof line, "rm -rf %s", folder);
    return system(line);
}

/* A recording's history, and what was exported of it, are judged alike; and a judge that knows
 * nothing of disks sees that writes are gone. */
static void histories_of_runs_are_judged(void **state)
{
    static const struct {
        const char *flaw;
        int code;
    } runs[] = {{"", 0}, {"--flaw ack-before-sync", 1}};
    char line[600];
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        (void)snprintf(line, sizeof line, "sim kv --seed 4 %s --record %s/history.orr",
                       runs[i].flaw, folder);
        (void)run(line);
        (void)snprintf(line, sizeof line, "check %s/history.orr --consistency linearizable",
                       folder);
        assert_int_equal(run(line), runs[i].code);
        assert_non_null(strstr(output, runs[i].code ? "refuted    history linearizable: no order"
                                                    : "proven     history linearizable: each of"));
        assert_int_equal(strstr(output, "  client  ") != NULL, runs[i].code);
        (void)snprintf(line, sizeof line, "export %s/history.orr --to jepsen -o %s/history.edn",
                       folder, folder);
        assert_int_equal(run(line), 0);
        assert_non_null(strstr(output, "operations, for 'orrery check'"));
        (void)snprintf(line, sizeof line, "check %s/history.edn --json", folder);
        assert_int_equal(run(line), runs[i].code);
        assert_non_null(
            strstr(output, runs[i].code ? "\"verdict\":\"refuted\"}" : "\"verdict\":\"proven\"}"));
    }
    (void)snprintf(line, sizeof line, "check %s/history.edn --model queue", folder);
    assert_int_equal(run(line), 2);
    assert_non_null(strstr(output, "a queue has not all of these operations"));
    (void)snprintf(line, sizeof line, "check %s/history.orr --model kv", folder);
    assert_int_equal(run(line), 2);
    assert_non_null(strstr(output, "this is a recording"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_pass),
        cmocka_unit_test(one_seed_has_a_hash),
        cmocka_unit_test(a_failure_can_be_replayed),
        cmocka_unit_test(a_good_run_is_proven),
        cmocka_unit_test(histories_of_runs_are_judged),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
