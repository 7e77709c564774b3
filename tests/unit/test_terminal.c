/* The diagram as pictures: what a run looks like at a width and a level. Run with REWRITE=1 after a
 * change that was meant, and read the difference. */
#include "terminal/terminal.h"
#include "unit/picture.h"
#include "unit/terminal_run.h"
#include "unit/unit.h"

static void expect_print(struct run *r, int width, bool ascii, enum terminal_level level,
                         const char *name)
{
    struct picture p = {0};
    struct terminal_print_options options = {.width = width, .ascii = ascii, .level = level};
    terminal_print(run_source(r), &options, 1, 0, picture_line, &p);
    picture_expect(&p, name);
}

static void normal_run(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, 5, NULL);
    run_go(&r, 10, 2600);
    expect_print(&r, 80, false, TERMINAL_ROUNDS, "normal-80");
    expect_print(&r, 80, true, TERMINAL_ROUNDS, "normal-80-ascii");
    expect_print(&r, 200, false, TERMINAL_ROUNDS, "normal-200");
    expect_print(&r, 120, false, TERMINAL_MARKS, "normal-marks");
    run_end(&r);
    run_begin(&r, 5, NULL);
    run_go(&r, 10, 300);
    expect_print(&r, 80, false, TERMINAL_MESSAGES, "messages-80");
    expect_print(&r, 200, false, TERMINAL_MESSAGES, "messages-200");
    expect_print(&r, 80, true, TERMINAL_ALL, "all-80-ascii");
    run_end(&r);
}

static void kill_and_detection(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, 5, NULL);
    run_go(&r, 10, 2600);
    run_kill_and_notice(&r, 2, 2600);
    run_go(&r, 3560, 4700);
    expect_print(&r, 80, false, TERMINAL_ROUNDS, "kill-80");
    expect_print(&r, 80, true, TERMINAL_ROUNDS, "kill-80-ascii");
    expect_print(&r, 200, false, TERMINAL_ROUNDS, "kill-200");
    run_end(&r);
}

static void restart(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, 3, NULL);
    run_go(&r, 10, 600);
    run_kill_and_notice(&r, 2, 600);
    run_operator(&r, "restart n2", 2, 2000);
    run_start_node(&r, 2, 2012);
    run_go(&r, 2020, 2200);
    run_opinion(&r, 1, 2, HEARTBEAT__DETECTOR__FIXED, false, 1600, 1.6, 1000, 2200);
    run_move(&r, 1, 2, 2, 1, 2200);
    run_go(&r, 2210, 3600);
    expect_print(&r, 100, false, TERMINAL_ROUNDS, "restart-100");
    run_end(&r);
}

static void pause_and_resume(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, 3, NULL);
    run_go(&r, 10, 600);
    run_operator(&r, "pause n3", 3, 600);
    uint64_t waiting = run_send(&r, 1, 700);
    run_receive(&r, 1, 2, waiting, 700.1);
    run_go(&r, 701, 1560);
    run_opinion(&r, 1, 3, HEARTBEAT__DETECTOR__FIXED, true, 1000, 1, 1000, 1560);
    run_move(&r, 1, 3, 1, 2, 1560);
    run_operator(&r, "resume n3", 3, 1900);
    run_receive(&r, 1, 3, waiting, 1900.3);
    run_beat(&r, 3, 1901);
    run_opinion(&r, 1, 3, HEARTBEAT__DETECTOR__FIXED, false, 1400, 1.4, 1000, 1901.2);
    run_move(&r, 1, 3, 2, 1, 1901.2);
    run_go(&r, 1910, 2600);
    expect_print(&r, 80, false, TERMINAL_ROUNDS, "pause-80");
    expect_print(&r, 200, true, TERMINAL_ROUNDS, "pause-200-ascii");
    run_end(&r);
}

static void cut_with_drops(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, 4, NULL);
    run_go(&r, 10, 600);
    run_operator(&r, "cut n1/n3", 0, 600);
    r.cut[1][3] = r.cut[3][1] = true;
    run_go(&r, 601, 2600);
    run_operator(&r, "heal", 0, 2600);
    r.cut[1][3] = r.cut[3][1] = false;
    run_go(&r, 2601, 3200);
    expect_print(&r, 80, false, TERMINAL_ROUNDS, "cut-80");
    expect_print(&r, 120, false, TERMINAL_MESSAGES, "cut-messages-120");
    run_end(&r);
}

static void held_and_delivered(void **state)
{
    (void)state;
    struct run r;
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Held held = ORRERY__HELD__INIT;
    run_begin(&r, 3, NULL);
    run_operator(&r, "hold", 0, 20);
    uint64_t send = run_send(&r, 1, 100);
    event.body_case = ORRERY__EVENT__BODY_HELD;
    event.held = &held;
    held.to = 2;
    held.event = r.entries[send - 1].head.seq;
    run_add(&r, 1, 100.1, &event, send);
    run_receive(&r, 1, 3, send, 100.2);
    run_operator(&r, "deliver n1 --to n2", 0, 900);
    run_receive(&r, 1, 2, send, 900.4);
    expect_print(&r, 80, false, TERMINAL_MESSAGES, "hold-80");
    run_end(&r);
}

static void fifty_nodes(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, 50, NULL);
    run_go(&r, 10, 1300);
    run_kill_and_notice(&r, 37, 1300);
    expect_print(&r, 80, false, TERMINAL_ROUNDS, "fifty-80");
    expect_print(&r, 200, false, TERMINAL_ROUNDS, "fifty-200");
    run_end(&r);
}

static void long_names(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, 4, "coordinator-of-zone-\xc3\xa9\x1b[31m-");
    run_go(&r, 10, 400);
    run_kill_and_notice(&r, 2, 400);
    expect_print(&r, 80, false, TERMINAL_ROUNDS, "long-names-80");
    run_end(&r);
}

static void hole(void **state)
{
    (void)state;
    struct run r;
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Hole missing = ORRERY__HOLE__INIT;
    run_begin(&r, 3, NULL);
    run_go(&r, 10, 400);
    missing.node = 2;
    missing.boot = 1;
    missing.from = 30;
    missing.to = 151;
    event.body_case = ORRERY__EVENT__BODY_HOLE;
    event.hole = &missing;
    run_add(&r, 0, 410, &event, 0);
    run_go(&r, 420, 900);
    expect_print(&r, 80, false, TERMINAL_ROUNDS, "hole-80");
    run_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_run),     cmocka_unit_test(kill_and_detection),
        cmocka_unit_test(restart),        cmocka_unit_test(pause_and_resume),
        cmocka_unit_test(cut_with_drops), cmocka_unit_test(held_and_delivered),
        cmocka_unit_test(fifty_nodes),    cmocka_unit_test(long_names),
        cmocka_unit_test(hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
