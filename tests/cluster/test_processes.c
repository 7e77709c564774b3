/* What happens to processes: killed, paused, stopped, restarted, added, removed, and left alone. */
#include "unit/unit.h"

#include "lab.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fast beats, so that tests are short; the time-outs leave a busy machine room. */
static const char *const three[] = {"heartbeat", "--nodes",        "3", "--set", "interval_ms=50",
                                    "--set",     "timeout_ms=600", NULL};

static int begin_three(void **state)
{
    static struct lab lab;
    lab = (struct lab){0};
    lab_begin(&lab, three);
    *state = &lab;
    return 0;
}

static int end(void **state)
{
    struct lab *l = *state;
    int code = l->pid ? lab_end(l) : 0;
    lab_leave(l);
    return code;
}

static void waits_for_trust(struct lab *l, uint64_t from, const char *by, const char *of)
{
    char pattern[120];
    /* The machine "peer": 0 unknown, 1 trusted, 2 suspected, 3 dead. */
    snprintf(pattern, sizeof pattern, "move node=%s of=%s to=1", by, of);
    lab_wait(l, from, pattern, NULL, 0);
}

static void a_killed_node_is_suspected_by_all(void **state)
{
    struct lab *l = *state;
    char line[8192];
    waits_for_trust(l, 1, "n1", "2");
    waits_for_trust(l, 1, "n3", "2");
    uint64_t kill = LAB_DO(l, "kill", "n2");
    uint64_t exit = lab_wait(l, kill, "exit", line, sizeof line);
    assert_int_equal(json_number(strstr(line, "\"body\""), "node"), 2);
    assert_int_equal(json_number(strstr(line, "\"body\""), "signal"), SIGKILL);
    assert_int_equal(json_number(line, "cause"), kill);
    assert_true(lab_wait(l, kill, "move node=n1 of=2 to=2", NULL, 0) > exit);
    assert_true(lab_wait(l, kill, "move node=n3 of=2 to=2", NULL, 0) > exit);
    assert_true(gone_in_time(l->pids[1]));
    assert_int_equal(LAB_RUN(l, line, "kill", "n2"), 1);
    assert_string_equal(line, "orrery: n2 is killed\n");
}

static void a_paused_node_is_suspected_and_trusted_again(void **state)
{
    struct lab *l = *state;
    char text[8192];
    waits_for_trust(l, 1, "n1", "3");
    uint64_t pause = LAB_DO(l, "pause", "n3");
    uint64_t suspected = lab_wait(l, pause, "move node=n1 of=3 to=2", NULL, 0);
    assert_int_equal(LAB_RUN(l, text, "status"), 0);
    assert_non_null(strstr(text, "n3     paused"));
    LAB_DO(l, "resume", "n3");
    waits_for_trust(l, suspected, "n1", "3");
    assert_int_equal(LAB_RUN(l, text, "resume", "n3"), 1);
    assert_string_equal(text, "orrery: n3 is running\n");
    for (int i = 0; i < 20; i++) { /* However soon one follows the other. */
        LAB_DO(l, "pause", "n3");
        LAB_DO(l, "resume", "n3");
    }
}

static void a_stopped_node_says_so_and_comes_back(void **state)
{
    struct lab *l = *state;
    char line[8192];
    uint64_t stop = LAB_DO(l, "stop", "n1");
    lab_wait(l, stop, "stop node=n1", line, sizeof line);
    uint64_t exit = lab_wait(l, stop, "exit", line, sizeof line);
    assert_int_equal(json_number(line, "cause"), stop);
    assert_int_equal(json_number(strstr(line, "\"body\""), "signal"), 0);
    assert_int_equal(json_number(strstr(line, "\"body\""), "code"), 0);
    uint64_t restart = LAB_DO(l, "restart", "n1");
    assert_true(restart > exit);
    uint64_t start = lab_wait(l, restart, "start node=n1", line, sizeof line);
    assert_int_equal(json_number(line, "boot"), 2);
    waits_for_trust(l, start, "n1", "2");
    lab_wait(l, start, "receive node=n2 from=n1 boot=2", NULL, 0);
}

/* Restarting what lives kills it first; both are told to be the same command's doing. */
static void a_restart_of_a_living_node_ends_it_first(void **state)
{
    struct lab *l = *state;
    char line[8192];
    uint64_t restart = LAB_DO(l, "restart", "n2");
    uint64_t exit = lab_wait(l, restart, "exit", line, sizeof line);
    assert_int_equal(json_number(line, "cause"), restart);
    uint64_t spawn = lab_wait(l, restart, "spawn", line, sizeof line);
    assert_int_equal(json_number(line, "cause"), restart);
    assert_true(spawn > exit);
    lab_wait(l, spawn, "start node=n2", line, sizeof line);
    assert_int_equal(json_number(line, "boot"), 2);
}

static void nodes_are_added_and_removed(void **state)
{
    struct lab *l = *state;
    char text[8192];
    uint64_t add = LAB_DO(l, "add", "2");
    lab_wait(l, add, "start node=n4", NULL, 0);
    lab_wait(l, add, "start node=n5", NULL, 0);
    /* Only who has heard of n4 has something to forget. */
    static const char *const others[] = {"n1", "n2", "n3", "n5"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        waits_for_trust(l, add, others[i], "4");
    uint64_t remove = LAB_DO(l, "remove", "n4");
    lab_wait(l, remove, "exit", NULL, 0);
    assert_int_equal(LAB_RUN(l, text, "status"), 0);
    assert_non_null(strstr(text, "n4     removed"));
    assert_int_equal(LAB_RUN(l, text, "restart", "n4"), 1);
    assert_string_equal(text, "orrery: n4 was removed\n");
    /* The others are told, and neither watch it nor hold anything of it. */
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char pattern[64];
        snprintf(pattern, sizeof pattern, "move node=%s of=4 to=0", others[i]);
        lab_wait(l, remove, pattern, NULL, 0);
    }
    assert_int_equal(LAB_RUN(l, text, "kill", "n6"), 1);
    assert_string_equal(text, "orrery: there is no n6: the cluster has n1 to n5\n");
}

/* However the observer ends, its nodes end too: the paused ones first of all. */
static void no_node_outlives_a_killed_observer(void **state)
{
    struct lab *l = *state;
    uint64_t pause = LAB_DO(l, "pause", "n1,n3");
    lab_wait(l, pause, "move node=n2 of=1 to=2", NULL, 0);
    lab_killed(l);
    for (uint32_t i = 0; i < l->nodes; i++)
        assert_true(gone_in_time(l->pids[i]));
}

static void no_node_outlives_a_clean_end(void **state)
{
    struct lab *l = *state;
    char path[200];
    LAB_DO(l, "pause", "n2");
    snprintf(path, sizeof path, "%s/orrery/runs/%s", l->home, l->run);
    assert_int_equal(access(path, F_OK), 0);
    char home[sizeof l->home];
    memcpy(home, l->home, sizeof home);
    l->home[0] = '\0'; /* Kept for a look at what is left. */
    assert_int_equal(lab_end(l), 0);
    for (uint32_t i = 0; i < l->nodes; i++)
        assert_true(gone_in_time(l->pids[i]));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(access(l->recording, R_OK), 0);
    memcpy(l->home, home, sizeof home);
}

/* What a killed observer left is cleared away by the next. */
static void a_dead_run_is_cleared_away(void **state)
{
    struct lab *l = *state;
    char text[LAB_LINE_MAX], path[200];
    do
        assert_int_equal(LAB_RUN(l, text, "status", "--json"), 0);
    while (json_number(text, "recorded_bytes") < 2000);
    lab_killed(l);
    snprintf(path, sizeof path, "%s/orrery/run/%s.sock", l->home, l->run);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(LAB_RUN(l, text, "runs"), 0);
    assert_non_null(strstr(text, "Nothing is running."));
    assert_int_not_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/orrery/runs/%s", l->home, l->run);
    assert_int_not_equal(access(path, F_OK), 0);
    /* Proven or unknown, as far as it was written; but readable, and no more than that is known. */
    int verdict = LAB_RUN(l, text, "check", l->recording);
    assert_true(verdict == 0 || verdict == 3);
    assert_non_null(strstr(text, " events"));
}

static void two_runs_live_side_by_side(void **state)
{
    struct lab *l = *state, other = {0};
    char text[8192];
    memcpy(other.home, l->home, sizeof other.home);
    lab_begin(&other, three);
    assert_string_not_equal(l->run, other.run);
    assert_int_equal(LAB_RUN(l, text, "status"), 2);
    assert_non_null(strstr(text, "2 runs are on: say which by --run, one of"));
    assert_non_null(strstr(text, l->run));
    assert_non_null(strstr(text, other.run));
    assert_int_equal(LAB_RUN(l, text, "kill", "n1", "--run", other.run), 0);
    assert_true(gone_in_time(other.pids[0]));
    assert_int_equal(LAB_RUN(l, text, "status", "--run", l->run, "--json"), 0);
    assert_null(strstr(text, "killed"));
    assert_int_equal(LAB_RUN(l, text, "end", "--run", other.run), 0);
    other.home[0] = '\0';
    assert_int_equal(lab_end(&other), 0);
}

int main(void)
{
#define WITH_THREE(test) cmocka_unit_test_setup_teardown(test, begin_three, end)
    const struct CMUnitTest tests[] = {
        WITH_THREE(a_killed_node_is_suspected_by_all),
        WITH_THREE(a_paused_node_is_suspected_and_trusted_again),
        WITH_THREE(a_stopped_node_says_so_and_comes_back),
        WITH_THREE(a_restart_of_a_living_node_ends_it_first),
        WITH_THREE(nodes_are_added_and_removed),
        WITH_THREE(no_node_outlives_a_killed_observer),
        WITH_THREE(no_node_outlives_a_clean_end),
        WITH_THREE(a_dead_run_is_cleared_away),
        WITH_THREE(two_runs_live_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
