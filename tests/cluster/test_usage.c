/* What the command line says when it is misused, and what a run bears on its socket. */
#include "unit/unit.h"

#include "lab.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

static void says(struct lab *l, const char *sentence, const char *const *words)
{
    char text[8192], expected[1024];
    int code = lab_run(l, text, sizeof text, words);
    snprintf(expected, sizeof expected, "orrery: %s\n", sentence);
    assert_string_equal(text, expected);
    assert_int_equal(code, 2);
}
#define SAYS(l, sentence, ...) says(l, sentence, (const char *const[]){__VA_ARGS__, NULL})

static void misuse_is_told_in_a_sentence(void **state)
{
    struct lab *l = *state;
    SAYS(l, "there is no command 'kil': did you mean kill?", "kil", "n2");
    SAYS(l, "there is no command 'frobnicate': 'orrery --help' shows those there are",
         "frobnicate");
    SAYS(l, "kill needs NODES: for example 'orrery kill n2'", "kill");
    SAYS(l, "nothing is running: start a cluster with 'orrery sandbox heartbeat'", "kill", "n2");
    SAYS(l, "nothing is running: start a cluster with 'orrery sandbox heartbeat'", "status");
    SAYS(l, "no run named calm-otter is on: 'orrery runs' shows those that are", "status", "--run",
         "calm-otter");
    SAYS(l, "a run has a name like calm-otter: 'orrery runs' shows them", "status", "--run",
         "../x");
    SAYS(l, "status has no flag --jsn: did you mean --json?", "status", "--jsn");
    SAYS(l, "sandbox needs a protocol: for example 'orrery sandbox heartbeat'", "sandbox");
    SAYS(l, "there is no protocol 'hartbeat': did you mean heartbeat?", "sandbox", "hartbeat");
    SAYS(l, "'many' is no whole number for --nodes", "sandbox", "heartbeat", "--nodes", "many");
    SAYS(l, "a cluster on one machine has 1 to 4096 nodes: use --sim for more", "sandbox",
         "heartbeat", "--nodes", "5000");
    SAYS(l, "--level takes full, summary or off, not 'loud'", "sandbox", "heartbeat", "--level",
         "loud");
    SAYS(l, "show needs an event: for example 'orrery show e1323'", "show");
    SAYS(l, "completion needs the shell: bash, zsh or fish", "completion", "ksh");
}

static void what_a_node_refuses_is_told(void **state)
{
    struct lab *l = *state;
    char text[8192];
    assert_int_equal(LAB_RUN(l, text, "sandbox", "heartbeat", "--set", "nonsense=1", "--json"), 2);
    assert_non_null(strstr(text, "orrery: n1 did not start: "));
    assert_non_null(strstr(text, "nonsense"));
    assert_null(strstr(text, "level=error"));
    assert_int_equal(LAB_RUN(l, text, "sandbox", "heartbeat", "--flaw", "nonsense", "--json"), 2);
    assert_non_null(strstr(text, "nonsense"));
    assert_int_equal(LAB_RUN(l, text, "sandbox", "heartbeat", "--record", "/nowhere/x.orr"), 2);
    assert_non_null(strstr(text, "/nowhere/x.orr"));
    assert_int_equal(LAB_RUN(l, text, "runs"), 0);
    assert_non_null(strstr(text, "Nothing is running."));
}

static void everything_has_help(void **state)
{
    struct lab *l = *state;
    static const char *const commands[] = {"sandbox", "kill", "power",  "cut",      "link", "break",
                                           "status",  "show", "replay", "timeline", "log"};
    char text[32768];
    assert_int_equal(LAB_RUN(l, text, "--help"), 0);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char own[8192], heading[40];
        assert_non_null(strstr(text, commands[i]));
        assert_int_equal(LAB_RUN(l, own, commands[i], "--help"), 0);
        snprintf(heading, sizeof heading, "orrery %s", commands[i]);
        assert_int_equal(strncmp(own, heading, strlen(heading)), 0);
        assert_non_null(strstr(own, "Examples:"));
    }
    assert_int_equal(LAB_RUN(l, text, "--version"), 0);
}

static int connect_to(const struct lab *l)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/orrery/run/%s.sock", l->home, l->run);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static bool hangs_up(int fd)
{
    char bytes[4096];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, LAB_DEADLINE_MS) != 1)
            return false;
        if (recv(fd, bytes, sizeof bytes, 0) <= 0)
            return true;
    }
}

static void strangers_cost_only_their_connection(void **state)
{
    struct lab *l = *state;
    static const char *const words[] = {"heartbeat", "--nodes", "2", NULL};
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {{"GET / HTTP/1.1\r\n\r\n", 18},     /* A length of 542393671. */
               {"\xff\xff\xff\xff", 4},            /* The longest there is. */
               {"\x04\0\0\0\xff\xff\xff\xff", 8}}; /* No message. */
    char text[8192], path[200];
    struct stat st;
    lab_begin(l, words);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int fd = connect_to(l);
        assert_int_equal(send(fd, bad[i].bytes, bad[i].n, MSG_NOSIGNAL), bad[i].n);
        assert_true(hangs_up(fd));
        close(fd);
    }
    int idle = connect_to(l); /* Half a frame, and nothing more. */
    assert_int_equal(send(idle, "\x40\0\0\0\x08", 5, MSG_NOSIGNAL), 5);
    assert_int_equal(LAB_RUN(l, text, "status"), 0);
    assert_non_null(strstr(text, "n2     running"));
    snprintf(path, sizeof path, "%s/orrery/run/%s.sock", l->home, l->run);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    snprintf(path, sizeof path, "%s/orrery/run", l->home);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    assert_int_equal(lab_end(l), 0);
    close(idle);
}

/* A reader that goes away is no failure. */
static void a_closed_pipe_is_no_crash(void **state)
{
    struct lab *l = *state;
    static const char *const words[] = {"heartbeat", "--nodes", "3", NULL};
    char command[600];
    lab_begin(l, words);
    lab_wait(l, 1, "heartbeat.Gap number=4", NULL, 0);
    snprintf(command, sizeof command,
             "XDG_STATE_HOME=%s XDG_RUNTIME_DIR= bash -c 'for what in \"timeline --all --from 1\" "
             "\"timeline --follow --json --from 1\" \"timeline --from 1\" \"replay %s --all\"; do "
             "\"%s\" $what | head -n 1 >/dev/null; code=${PIPESTATUS[0]}; "
             "[ \"$code\" -eq 0 ] || exit 1; done'",
             l->home, l->recording, ORRERY);
    assert_int_equal(system(command), 0);
    assert_int_equal(lab_end(l), 0);
}

static void an_event_can_be_shown_with_its_causes(void **state)
{
    struct lab *l = *state;
    static const char *const words[] = {"heartbeat", "--nodes", "3", NULL};
    char line[8192], text[LAB_LINE_MAX], event[32];
    lab_begin(l, words);
    uint64_t received = lab_wait(l, 1, "receive node=n2", line, sizeof line);
    uint64_t sent = (uint64_t)json_number(line, "cause");
    assert_true(sent > 0 && sent < received);
    snprintf(event, sizeof event, "e%llu", (unsigned long long)received);
    assert_int_equal(LAB_RUN(l, text, "show", event), 0);
    assert_non_null(strstr(text, "n2 received "));
    snprintf(line, sizeof line, "caused by e%llu", (unsigned long long)sent);
    assert_non_null(strstr(text, line));
    assert_int_equal(LAB_RUN(l, text, "show", event, "--causes"), 0);
    snprintf(line, sizeof line, "\ne%llu ", (unsigned long long)sent);
    assert_non_null(strstr(text, line));
    assert_int_equal(LAB_RUN(l, text, "show", "e99999999"), 1);
    assert_non_null(strstr(text, "orrery: there is no e99999999: the timeline has e1 to e"));
    assert_int_equal(lab_end(l), 0);
}

int main(void)
{
#define AT_HOME(test) cmocka_unit_test_setup_teardown(test, home, leave)
    const struct CMUnitTest tests[] = {
        AT_HOME(misuse_is_told_in_a_sentence), AT_HOME(what_a_node_refuses_is_told),
        AT_HOME(everything_has_help),          AT_HOME(strangers_cost_only_their_connection),
        AT_HOME(a_closed_pipe_is_no_crash),    AT_HOME(an_event_can_be_shown_with_its_causes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
