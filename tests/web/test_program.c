/* `orrery` as a user starts it. */
#include "unit/unit.h"

#include "lab.h"
#include "page.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int home(void **state)
{
    static struct lab lab;
    lab = (struct lab){0};
    lab_home(&lab);
    *state = &lab;
    return 0;
}

static int leave(void **state)
{
    lab_leave(*state);
    return 0;
}

/* Starts it; its first line. */
static pid_t start(const struct lab *l, const char *const *words, char *line, size_t size)
{
    int ends[2];
    char *argv[16] = {(char *)(uintptr_t) "orrery"};
    for (size_t i = 0; words[i] && i < 14; i++)
        argv[i + 1] = (char *)(uintptr_t)words[i];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("XDG_STATE_HOME", l->home, 1);
        unsetenv("XDG_RUNTIME_DIR");
        unsetenv("DISPLAY");
        unsetenv("WAYLAND_DISPLAY");
        dup2(ends[1], STDOUT_FILENO);
        execv(ORRERY, argv);
        _exit(127);
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    assert_non_null(in);
    assert_non_null(fgets(line, (int)size, in));
    fclose(in);
    return pid;
}
#define START(l, line, ...) start(l, (const char *const[]){__VA_ARGS__, NULL}, line, sizeof(line))

static int ended(pid_t pid, int signal)
{
    int status;
    kill(pid, signal);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static struct observed read_line(const char *line)
{
    struct observed o = {0};
    const char *token = strstr(line, "\"token\":\"");
    o.port = (uint16_t)json_number(line, "port");
    assert_non_null(token);
    snprintf(o.token, sizeof o.token, "%.32s", token + 9);
    return o;
}

static void the_page_is_there_and_ctrl_c_ends_it_all(void **state)
{
    struct lab *l = *state;
    char line[400], answer[16384], run[64], request[100], text[4096];
    pid_t pid = START(l, line, "--no-open", "--json", "--port", "0");
    struct observed o = read_line(line);
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", o.port);
    assert_int_equal(page_http(o.port, request, answer, sizeof answer), 200);
    struct page_client c;
    page_enter(&c, &o, "");
    page_sandbox(&c, "heartbeat", 3, false, run);
    assert_int_equal(LAB_RUN(l, text, "status", "--json"), 0);
    assert_non_null(strstr(text, run)); /* The command line sees the same run. */
    pid_t node = (pid_t)json_number(text, "pid");
    assert_true(node > 0);
    assert_int_equal(ended(pid, SIGINT), 0);
    assert_true(gone_in_time(node));
    while (!c.closed_with) {
        Orrery__Tell *tell = page_hear(&c);
        if (tell)
            orrery__tell__free_unpacked(tell, NULL);
    }
    page_leave(&c);
    assert_int_equal(LAB_RUN(l, text, "runs"), 0);
    assert_non_null(strstr(text, "Nothing is running."));
}

static void killing_it_leaves_no_process(void **state)
{
    struct lab *l = *state;
    char line[400], run[64], text[4096];
    pid_t pid = START(l, line, "--no-open", "--json", "--port", "0");
    struct observed o = read_line(line);
    struct page_client c;
    page_enter(&c, &o, "");
    page_sandbox(&c, "heartbeat", 3, false, run);
    assert_int_equal(LAB_RUN(l, text, "status", "--json"), 0);
    pid_t node = (pid_t)json_number(text, "pid");
    assert_int_equal(ended(pid, SIGKILL), 128 + SIGKILL);
    assert_true(gone_in_time(node));
    page_leave(&c);
}

static void ports_that_are_taken(void **state)
{
    struct lab *l = *state;
    char first[400], second[400], port[16], text[1000], expected[200];
    pid_t one = START(l, first, "--no-open", "--json");
    pid_t two = START(l, second, "--no-open", "--json");
    unsigned taken = read_line(first).port;
    assert_true(taken >= 7400 && taken < 7500);
    assert_int_not_equal(read_line(second).port, taken);
    assert_string_not_equal(read_line(first).token, read_line(second).token);
    snprintf(port, sizeof port, "%u", taken);
    assert_int_equal(LAB_RUN(l, text, "--no-open", "--json", "--port", port), 2);
    snprintf(expected, sizeof expected,
             "orrery: cannot listen at 127.0.0.1, port %u: Address already in use. Leave out "
             "--port, and a free one is taken\n",
             taken);
    assert_string_equal(text, expected);
    assert_int_equal(ended(one, SIGTERM), 0);
    assert_int_equal(ended(two, SIGINT), 0);
}

static void misuse_is_told(void **state)
{
    struct lab *l = *state;
    char text[1000];
    assert_int_equal(LAB_RUN(l, text, "--port", "65536"), 2);
    assert_string_equal(text, "orrery: --port goes from 0 to 65535\n");
    assert_int_equal(LAB_RUN(l, text, "--prt", "1"), 2);
    assert_string_equal(text, "orrery: orrery has no flag --prt: did you mean --port?\n");
    assert_int_equal(LAB_RUN(l, text, "--no-open", "--host", "example.org"), 2);
    assert_string_equal(text,
                        "orrery: --host takes an address of this machine, not 'example.org'\n");
}

static void people_are_told_where_it_is(void **state)
{
    struct lab *l = *state;
    char line[400];
    pid_t pid = START(l, line, "--no-open");
    unsigned port;
    char token[64] = "";
    assert_int_equal(
        sscanf(line, "Orrery is at http://127.0.0.1:%u/#token=%63[0-9a-f]\n", &port, token), 2);
    assert_int_equal(strlen(token), 32);
    assert_int_equal(ended(pid, SIGTERM), 0);
}

/* The next of this kind; what comes between is passed over. */
static Orrery__Tell *hear(struct page_client *c, Orrery__Tell__KindCase kind)
{
    for (;;) {
        Orrery__Tell *tell = page_hear(c);
        assert_non_null(tell);
        if (tell->kind_case == kind)
            return tell;
        orrery__tell__free_unpacked(tell, NULL);
    }
}

static void run_of(const char *line, char run[64])
{
    const char *at = strstr(line, "\"run\":\"");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\"run\":\"%63[a-z-]", run), 1);
}

/* As the page does that finds the name in its address. */
static void open_run(struct page_client *c, char *run)
{
    Orrery__Open open = ORRERY__OPEN__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    open.run = run;
    ask.kind_case = ORRERY__ASK__KIND_OPEN;
    ask.open = &open;
    page_ask(c, &ask);
}

static uint64_t play_again(struct page_client *c)
{
    Orrery__LabDo verb = ORRERY__LAB_DO__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    verb.verb_case = ORRERY__LAB_DO__VERB_AGAIN;
    verb.again = true;
    ask.kind_case = ORRERY__ASK__KIND_LAB;
    ask.lab = &verb;
    return page_ask(c, &ask);
}

static void a_lab_is_opened_on_the_page_and_played_again(void **state)
{
    struct lab *l = *state;
    char line[500], run[64], url[80], recording[100], text[4096];
    snprintf(recording, sizeof recording, "%s/mine.orr", l->home);
    pid_t pid = START(l, line, "run", "heartbeat", "--sim", "--seed", "9", "--pace", "2",
                      "--record", recording, "--no-open", "--json", "--port", "0");
    struct observed o = read_line(line);
    struct page_client c;
    run_of(line, run);
    snprintf(url, sizeof url, "&run=%s\"", run);
    assert_non_null(strstr(line, url));
    page_enter(&c, &o, "");
    open_run(&c, run);
    Orrery__Tell *tell = hear(&c, ORRERY__TELL__KIND_OPENED);
    assert_string_equal(tell->opened->run->name, run);
    assert_string_equal(tell->opened->lab->name, "heartbeat");
    assert_int_equal(tell->opened->run->seed, 9);
    assert_non_null(strstr(tell->opened->run->line, "--pace 2"));
    orrery__tell__free_unpacked(tell, NULL);
    orrery__tell__free_unpacked(hear(&c, ORRERY__TELL__KIND_LAB), NULL);
    assert_int_equal(LAB_RUN(l, text, "kill", "n3"), 0);

    uint64_t asked = play_again(&c);
    tell = page_answer(&c, asked);
    assert_int_equal(tell->kind_case, ORRERY__TELL__KIND_DONE);
    orrery__tell__free_unpacked(tell, NULL);
    tell = hear(&c, ORRERY__TELL__KIND_OPENED);
    assert_string_not_equal(tell->opened->run->name, run);
    assert_string_equal(tell->opened->lab->name, "heartbeat");
    snprintf(run, sizeof run, "%s", tell->opened->run->name);
    orrery__tell__free_unpacked(tell, NULL);
    tell = hear(&c, ORRERY__TELL__KIND_LAB); /* From its start. */
    assert_true(tell->lab->beat <= 1);
    assert_false(tell->lab->beats[0]->done);
    orrery__tell__free_unpacked(tell, NULL);
    assert_int_equal(LAB_RUN(l, text, "status", "--run", run), 0);
    assert_null(strstr(text, "killed")); /* A fresh cluster. */
    assert_int_equal(access(recording, R_OK), 0);
    assert_int_equal(ended(pid, SIGINT), 0);
    page_leave(&c);
}

static void a_lab_whose_port_is_taken_starts_no_node(void **state)
{
    struct lab *l = *state;
    char line[500], text[1000], port[16];
    pid_t pid = START(l, line, "--no-open", "--json", "--port", "0");
    snprintf(port, sizeof port, "%u", read_line(line).port);
    assert_int_equal(LAB_RUN(l, text, "run", "heartbeat", "--no-open", "--port", port), 2);
    assert_non_null(strstr(text, "Address already in use. Leave out --port, and a free one"));
    assert_int_equal(LAB_RUN(l, text, "run", "heartbeat", "--port", "70000"), 2);
    assert_non_null(strstr(text, "--port goes from 0 to 65535"));
    assert_int_equal(LAB_RUN(l, text, "runs"), 0);
    assert_non_null(strstr(text, "Nothing is running."));
    assert_int_equal(ended(pid, SIGINT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_page_is_there_and_ctrl_c_ends_it_all, home, leave),
        cmocka_unit_test_setup_teardown(killing_it_leaves_no_process, home, leave),
        cmocka_unit_test_setup_teardown(ports_that_are_taken, home, leave),
        cmocka_unit_test_setup_teardown(a_lab_is_opened_on_the_page_and_played_again, home, leave),
        cmocka_unit_test_setup_teardown(a_lab_whose_port_is_taken_starts_no_node, home, leave),
        cmocka_unit_test_setup_teardown(misuse_is_told, home, leave),
        cmocka_unit_test_setup_teardown(people_are_told_where_it_is, home, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
