/* Links that are cut, lossy, held and stepped by hand; the pace; settings that change. */
#include "unit/unit.h"

#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int begin_three(void **state)
{
    static struct lab lab;
    static const char *const words[] = {
        "heartbeat", "--nodes", "3", "--set", "interval_ms=50", "--set", "timeout_ms=600", NULL};
    lab = (struct lab){0};
    lab_begin(&lab, words);
    *state = &lab;
    return 0;
}

static int end(void **state)
{
    return lab_end(*state);
}

static void a_cut_is_told_suspected_and_healed(void **state)
{
    struct lab *l = *state;
    char text[8192];
    lab_wait(l, 1, "move node=n1 of=2 to=1", NULL, 0);
    uint64_t cut = LAB_DO(l, "cut", "n1,n3/n2");
    lab_wait(l, cut, "drop node=n2 to=1 reason=DROP_CUT", NULL, 0);
    uint64_t suspected = lab_wait(l, cut, "move node=n1 of=2 to=2", NULL, 0);
    lab_wait(l, cut, "move node=n2 of=3 to=2", NULL, 0);
    assert_int_equal(LAB_RUN(l, text, "status"), 0);
    assert_non_null(strstr(text, "n1 to n2: cut"));
    assert_non_null(strstr(text, "n2 to n3: cut"));
    assert_null(strstr(text, "n1 to n3"));
    uint64_t heal = LAB_DO(l, "heal");
    assert_true(heal > suspected);
    lab_wait(l, heal, "move node=n1 of=2 to=1", NULL, 0);
    assert_int_equal(LAB_RUN(l, text, "status"), 0);
    assert_null(strstr(text, "cut"));
}

static void a_cut_one_way_is_one_way(void **state)
{
    struct lab *l = *state;
    uint64_t cut = LAB_DO(l, "cut", "n1/n2", "--one-way");
    uint64_t dropped = lab_wait(l, cut, "drop node=n1 to=2 reason=DROP_CUT", NULL, 0);
    lab_wait(l, dropped, "receive node=n1 from=2", NULL, 0);
}

/* A node that was restarted hears of the faults that are in force. */
static void faults_outlive_the_node_that_they_are_at(void **state)
{
    struct lab *l = *state;
    char text[8192];
    LAB_DO(l, "link", "n2", "all", "--loss", "100%", "--one-way");
    LAB_DO(l, "clock", "n2", "--skew", "-1h");
    uint64_t restart = LAB_DO(l, "restart", "n2");
    uint64_t start = lab_wait(l, restart, "start node=n2", text, sizeof text);
    double mono = json_number(text, "mono_ns"), wall = json_number(text, "wall_ns");
    lab_wait(l, start, "drop node=n2 reason=DROP_LOSS", NULL, 0);
    lab_wait(l, start, "start node=n2", text, sizeof text);
    uint64_t other = lab_wait(l, start, "receive node=n1", text, sizeof text);
    assert_true(other > start);
    double ahead = (json_number(text, "wall_ns") - wall) - (json_number(text, "mono_ns") - mono);
    assert_true(ahead > 3.59e12 && ahead < 3.61e12);
}

static void held_messages_are_delivered_one_by_one(void **state)
{
    struct lab *l = *state;
    char line[8192], event[32], text[8192];
    uint64_t hold = LAB_DO(l, "hold", "n1", "n2");
    uint64_t held = lab_wait(l, hold, "held node=n1 to=2", line, sizeof line);
    double sent = json_number(strstr(line, "\"body\""), "event");
    double send = json_number(line, "cause");
    lab_wait(l, held + 1, "held node=n1 to=2", NULL, 0);
    uint64_t deliver = LAB_DO(l, "deliver", "n1");
    lab_wait(l, deliver, "receive node=n2 from=1", line, sizeof line);
    assert_true(json_number(strstr(line, "\"body\""), "event") == sent);
    uint64_t cause = (uint64_t)json_number(line, "cause");
    assert_true(send == (double)cause); /* The held one's own event names it, too. */
    snprintf(event, sizeof event, "e%llu", (unsigned long long)cause);
    assert_int_equal(LAB_RUN(l, text, "deliver", event), 1);
    assert_string_equal(text, "orrery: no such message is held back\n");
    /* By the event that sent it: the second one. */
    lab_wait(l, cause + 1, "send node=n1", line, sizeof line);
    snprintf(event, sizeof event, "e%.0f", json_number(line, "ordinal"));
    sent = json_number(line, "seq");
    lab_wait(l, (uint64_t)json_number(line, "ordinal"), "held node=n1 to=2", NULL, 0);
    deliver = LAB_DO(l, "deliver", event, "--drop");
    LAB_DO(l, "hold", "--off");
    lab_wait(l, deliver, "receive node=n2 from=1", line, sizeof line);
    assert_true(json_number(strstr(line, "\"body\""), "event") > sent);
}

/* At a tenth of the pace cluster time runs a tenth as fast, for everybody, and beats keep their
 * interval in it. */
static void the_pace_scales_time_for_all(void **state)
{
    struct lab *l = *state;
    char first[8192], second[8192];
    uint64_t pace = LAB_DO(l, "pace", "0.1");
    uint64_t at = lab_wait(l, pace, "send node=n1", NULL, 0);
    at = lab_wait(l, at + 1, "send node=n1", NULL, 0);
    at = lab_wait(l, at + 1, "send node=n1", first, sizeof first);
    at = lab_wait(l, at + 1, "send node=n1", second, sizeof second);
    double mono = json_number(second, "mono_ns") - json_number(first, "mono_ns");
    double wall = json_number(second, "wall_ns") - json_number(first, "wall_ns");
    assert_true(wall > 9 * mono && wall < 11 * mono);
    LAB_DO(l, "pace", "0");
    LAB_DO(l, "pace", "1");
    at = lab_wait(l, at + 1, "send node=n1", NULL, 0);
    assert_true(at > 0);
}

static void a_setting_changes_while_it_runs(void **state)
{
    struct lab *l = *state;
    char text[8192];
    uint64_t set = LAB_DO(l, "set", "n1", "interval_ms=70");
    lab_wait(l, set, "setting node=n1", text, sizeof text);
    assert_non_null(strstr(text, "interval_ms"));
    lab_wait(l, set, "send node=n1 beat.interval_ns=70000000", NULL, 0);
    assert_int_equal(LAB_RUN(l, text, "set", "n1", "intervall_ms=70"), 1);
    assert_int_equal(strncmp(text, "orrery: there is no setting 'intervall_ms'", 42), 0);
    assert_non_null(strstr(text, " interval_ms,"));
    assert_int_equal(LAB_RUN(l, text, "set", "n1", "interval_ms=often"), 1);
    assert_non_null(strstr(text, "interval_ms is a whole number"));
    assert_int_equal(LAB_RUN(l, text, "set", "n1", "timeout_ms=10"), 1);
    assert_non_null(strstr(text, "timeout_ms=10 must be longer"));
}

static void a_break_that_pauses_lets_go_on(void **state)
{
    struct lab *l = *state;
    char text[8192];
    uint64_t set = LAB_DO(l, "break", "n3", "--at", "receive from=n1", "--then", "pause");
    uint64_t halt = lab_wait(l, set, "halt node=n3", NULL, 0);
    do
        assert_int_equal(LAB_RUN(l, text, "status"), 0);
    while (!strstr(text, "n3     paused"));
    LAB_DO(l, "resume", "n3");
    lab_wait(l, halt, "send node=n3", NULL, 0);
}

static void the_simulator_takes_the_same_commands(void **state)
{
    (void)state;
    static const char *const words[] = {"heartbeat", "--sim", "--nodes", "4", "--seed", "3", NULL};
    struct lab l = {0};
    lab_begin(&l, words);
    uint64_t kill = LAB_DO(&l, "kill", "n2");
    lab_wait(&l, kill, "exit", NULL, 0);
    lab_wait(&l, kill, "move node=n1 of=2 to=2", NULL, 0);
    uint64_t cut = LAB_DO(&l, "cut", "n1/n3");
    lab_wait(&l, cut, "drop reason=DROP_CUT", NULL, 0);
    LAB_DO(&l, "heal");
    uint64_t restart = LAB_DO(&l, "restart", "n2");
    lab_wait(&l, restart, "start node=n2", NULL, 0);
    lab_wait(&l, restart, "move node=n1 of=2 to=1", NULL, 0);
    assert_int_equal(lab_end(&l), 0);
}

int main(void)
{
#define WITH_THREE(test) cmocka_unit_test_setup_teardown(test, begin_three, end)
    const struct CMUnitTest tests[] = {
        WITH_THREE(a_cut_is_told_suspected_and_healed),
        WITH_THREE(a_cut_one_way_is_one_way),
        WITH_THREE(faults_outlive_the_node_that_they_are_at),
        WITH_THREE(held_messages_are_delivered_one_by_one),
        WITH_THREE(the_pace_scales_time_for_all),
        WITH_THREE(a_setting_changes_while_it_runs),
        WITH_THREE(a_break_that_pauses_lets_go_on),
        cmocka_unit_test(the_simulator_takes_the_same_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
