/* One node and its agent: start, readiness, refusals, the end. */
#include "unit/unit.h"

#include "life.h"
#include "pattern.pb-c.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const Orrery__Event__BodyCase a_start = ORRERY__EVENT__BODY_START;
static const Orrery__Event__BodyCase a_recovered = ORRERY__EVENT__BODY_RECOVERED;
static const Orrery__Event__BodyCase a_send = ORRERY__EVENT__BODY_SEND;
static const Orrery__Event__BodyCase a_stop = ORRERY__EVENT__BODY_STOP;
static const Orrery__Event__BodyCase a_halt = ORRERY__EVENT__BODY_HALT;

static struct life_plan alone(void)
{
    return (struct life_plan){
        .node = 1, .nodes = 2, .protocol = "heartbeat", .settings = {"interval_ms=10"}};
}

/* Runs the program by hand; its output is in `words`. */
static int by_hand(const char *argument, const char *second, char *words, size_t size)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        close(out[0]);
        close(out[1]);
        execl(ORRERY_NODE, "orrery-node", argument, second, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    size_t at = 0;
    ssize_t n;
    while ((n = read(out[0], words + at, size - 1 - at)) > 0)
        at += (size_t)n;
    words[at] = 0;
    close(out[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void by_hand_it_says_what_it_is(void **state)
{
    (void)state;
    char words[8192];
    assert_int_equal(by_hand(NULL, NULL, words, sizeof words), 2);
    assert_non_null(strstr(words, "started by orrery"));
    assert_int_equal(by_hand("--help", NULL, words, sizeof words), 0);
    assert_non_null(strstr(words, "--list NAME"));
    assert_int_equal(by_hand("--version", NULL, words, sizeof words), 0);
    assert_true(strncmp(words, "orrery-node ", 12) == 0);
    assert_int_equal(by_hand("--list", NULL, words, sizeof words), 0);
    assert_non_null(strstr(words, "heartbeat "));
    assert_int_equal(by_hand("--list", "heartbeat", words, sizeof words), 0);
    assert_non_null(strstr(words, "interval_ms"));
    assert_non_null(strstr(words, "wall-clock"));
    assert_int_equal(by_hand("--list", "nonsense", words, sizeof words), 2);
    assert_non_null(strstr(words, "nonsense"));
    assert_int_equal(by_hand("--nonsense", NULL, words, sizeof words), 2);
}

static void it_starts_runs_and_stops(void **state)
{
    (void)state;
    struct life l;
    struct life_plan plan = alone();
    life_begin(&l, &plan);
    assert_true(life_ready(&l));
    assert_true(l.udp_port != 0 && l.tcp_port != 0);
    assert_int_equal(life_find(&l, 0, life_is_body, &a_start, "a start"), 0);
    assert_string_equal(l.events[0]->start->name, "n1");
    life_introduce(&l, 1);
    size_t at = life_find(&l, 0, life_is_body, &a_recovered, "the end of recovery");
    assert_true(l.events[at]->recovered->last);
    life_find(&l, at, life_is_body, &a_send, "a beat");
    life_quit(&l);
    assert_int_equal(life_wait(&l), 0);
    assert_int_equal(l.events[l.n - 1]->body_case, ORRERY__EVENT__BODY_STOP);
    assert_string_equal(l.events[l.n - 1]->stop->why, "asked");
    for (size_t i = 0; i < l.n; i++)
        assert_int_equal(l.events[i]->seq, i + 1);
    life_end(&l);
}

static void sigterm_asks_it_to_stop(void **state)
{
    (void)state;
    struct life l;
    struct life_plan plan = alone();
    life_begin(&l, &plan);
    assert_true(life_ready(&l));
    kill(l.pid, SIGTERM);
    assert_int_equal(life_wait(&l), 0);
    life_find(&l, 0, life_is_body, &a_stop, "a stop");
    life_end(&l);
}

static void expect_refusal(const struct life_plan *plan, const char *sentence)
{
    struct life l;
    life_begin(&l, plan);
    assert_false(life_ready(&l));
    if (!strstr(l.why, sentence))
        fail_msg("it said: %s", l.why);
    int status = life_wait(&l);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
    const char *words = life_words(&l);
    assert_non_null(strstr(words, "level=error node=n1 why=\""));
    assert_non_null(strstr(words, sentence));
    life_end(&l);
}

static void nonsense_is_refused_in_a_sentence(void **state)
{
    (void)state;
    struct life_plan plan = alone();
    plan.settings[0] = "interval_ms=never";
    expect_refusal(&plan, "interval_ms");
    plan = alone();
    plan.settings[0] = "colour=blue";
    expect_refusal(&plan, "colour");
    plan = alone();
    plan.protocol = "nonsense";
    expect_refusal(&plan, "nonsense");
    plan = alone();
    plan.nodes = 0;
    expect_refusal(&plan, "none of the cluster's");
}

static void a_taken_port_gives_way_to_another(void **state)
{
    (void)state;
    struct life first;
    struct life second;
    struct life_plan plan = alone();
    life_begin(&first, &plan);
    assert_true(life_ready(&first));
    plan.node = 2;
    plan.udp_port = first.udp_port;
    plan.tcp_port = first.tcp_port;
    life_begin(&second, &plan);
    assert_true(life_ready(&second));
    assert_true(second.udp_port != 0 && second.udp_port != first.udp_port);
    assert_true(second.tcp_port != 0 && second.tcp_port != first.tcp_port);
    life_end(&second);
    uint32_t port = first.udp_port;
    life_end(&first);
    plan.udp_port = port; /* A free one is taken as given. */
    plan.tcp_port = 0;
    life_begin(&second, &plan);
    assert_true(life_ready(&second));
    assert_int_equal(second.udp_port, port);
    life_end(&second);
}

static void it_ends_when_its_agent_does(void **state)
{
    (void)state;
    struct life l;
    struct life_plan plan = alone();
    life_begin(&l, &plan);
    assert_true(life_ready(&l));
    shutdown(l.control, SHUT_RDWR);
    int status = life_wait(&l);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    life_end(&l);
}

static void nonsense_on_the_control_socket_ends_it(void **state)
{
    (void)state;
    struct life l;
    struct life_plan plan = alone();
    life_begin(&l, &plan);
    assert_true(life_ready(&l));
    const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff};
    assert_int_equal(send(l.control, huge, sizeof huge, MSG_NOSIGNAL), sizeof huge);
    int status = life_wait(&l);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    life_end(&l);
}

/* A parent between us and the node dies; the node must be gone, even a paused one. */
static void expect_no_orphan(bool paused)
{
    int pids[2];
    assert_int_equal(pipe2(pids, O_CLOEXEC), 0);
    pid_t parent = fork();
    if (parent == 0) {
        static struct life l; /* Its descriptors stay open in us: only the death tells. */
        struct life_plan plan = alone();
        life_begin(&l, &plan);
        if (!life_ready(&l))
            _exit(1);
        if (paused)
            kill(l.pid, SIGSTOP);
        if (write(pids[1], &l.pid, sizeof l.pid) != (ssize_t)sizeof l.pid)
            _exit(1);
        for (;;)
            pause();
    }
    pid_t node;
    assert_int_equal(read(pids[0], &node, sizeof node), sizeof node);
    int fd = (int)syscall(SYS_pidfd_open, node, 0);
    assert_true(fd >= 0);
    kill(parent, SIGKILL);
    int status;
    assert_int_equal(waitpid(parent, &status, 0), parent);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, LIFE_DEADLINE_MS), 1);
    assert_int_equal(waitpid(node, &status, 0), node); /* It was left to us. */
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    assert_true(killed || (!paused && WIFEXITED(status))); /* Or it saw the socket close first. */
    close(fd);
    close(pids[0]);
    close(pids[1]);
}

static void no_orphans_are_left(void **state)
{
    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    expect_no_orphan(false);
    expect_no_orphan(true);
}

static void after_sigkill_the_ring_is_whole(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct life l;
        struct life_plan plan = alone();
        plan.settings[0] = "interval_ms=1";
        life_begin(&l, &plan);
        assert_true(life_ready(&l));
        life_introduce(&l, 1);
        size_t at = 0;
        for (int beats = 0; beats <= i; beats++)
            at = life_find(&l, at, life_is_body, &a_send, "a beat") + 1;
        kill(l.pid, SIGKILL);
        int status = life_wait(&l);
        assert_true(WIFSIGNALED(status));
        for (size_t e = 0; e < l.n; e++)
            assert_int_equal(l.events[e]->seq, e + 1);
        life_end(&l);
    }
}

static void a_small_ring_loses_events_and_a_view_follows(void **state)
{
    (void)state;
    struct life l;
    struct life_plan plan = alone();
    plan.settings[0] = "interval_ms=1";
    plan.ring_bytes = 32 << 10;
    life_begin(&l, &plan);
    assert_true(life_ready(&l));
    life_introduce(&l, 1);
    uint64_t deadline = now_ms() + LIFE_DEADLINE_MS;
    while (ring_lost(&l.ring) < 10) { /* Nobody reads. */
        assert_true(now_ms() < deadline);
        wait_a_moment();
    }
    life_read(&l);
    size_t before = l.n;
    const Orrery__Event__BodyCase a_view = ORRERY__EVENT__BODY_VIEW;
    size_t at = life_find(&l, before, life_is_body, &a_view, "a view behind the gap");
    assert_true(l.events[at]->seq > at + 1);
    life_end(&l);
}

static void a_breakpoint_stops_before_the_effects(void **state)
{
    (void)state;
    Orrery__Pattern pattern = ORRERY__PATTERN__INIT;
    pattern.body = ORRERY__EVENT__BODY_SEND;
    uint8_t compiled[64];
    Orrery__Break b = ORRERY__BREAK__INIT;
    b.has_compiled = b.has_then = b.has_skip = b.has_id = 1;
    b.compiled = (ProtobufCBinaryData){orrery__pattern__pack(&pattern, compiled), compiled};
    b.pattern = (char *)(uintptr_t) "send";
    b.then = ORRERY__ACTION__ACTION_KILL;
    b.skip = 3;
    b.id = 1;
    Orrery__Break *breaks[] = {&b};
    Orrery__NodeConfig config = ORRERY__NODE_CONFIG__INIT;
    config.n_breaks = 1;
    config.breaks = breaks;
    struct life l;
    struct life_plan plan = alone();
    plan.config = &config;
    life_begin(&l, &plan);
    assert_true(life_ready(&l));
    life_introduce(&l, 1);
    int status = life_wait(&l);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(l.events[l.n - 1]->body_case, ORRERY__EVENT__BODY_HALT);
    assert_int_equal(life_count(&l, life_is_body, &a_send), 3);
    life_end(&l);

    b.then = ORRERY__ACTION__ACTION_PAUSE;
    life_begin(&l, &plan);
    assert_true(life_ready(&l));
    life_introduce(&l, 1);
    size_t at = life_find(&l, 0, life_is_body, &a_halt, "the halt");
    int stopped;
    assert_int_equal(waitpid(l.pid, &stopped, WUNTRACED), l.pid);
    assert_true(WIFSTOPPED(stopped));
    life_read(&l);
    assert_int_equal(l.n, at + 1);
    kill(l.pid, SIGCONT);
    life_find(&l, at, life_is_body, &a_send, "the beat that was held up");
    life_end(&l);
}

static void say_pace(struct life *l, double factor)
{
    Orrery__Pace pace = ORRERY__PACE__INIT;
    pace.has_factor = 1;
    pace.factor = factor;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_PACE;
    message.pace = &pace;
    life_say(l, &message);
}

static void say_set(struct life *l, const char *setting)
{
    char *settings[] = {(char *)(uintptr_t)setting};
    Orrery__Set set = ORRERY__SET__INIT;
    set.n_settings = 1;
    set.settings = settings;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_SET;
    message.set = &set;
    life_say(l, &message);
}

static void time_stands_still_at_pace_zero(void **state)
{
    (void)state;
    const Orrery__Event__BodyCase a_setting = ORRERY__EVENT__BODY_SETTING;
    struct life l;
    struct life_plan plan = alone();
    life_begin(&l, &plan);
    assert_true(life_ready(&l));
    life_introduce(&l, 1);
    life_find(&l, 0, life_is_body, &a_send, "a beat");
    say_pace(&l, 0);
    say_set(&l, "timeout_ms=2000");
    size_t at = life_find(&l, 0, life_is_body, &a_setting, "the first setting");
    say_set(&l, "timeout_ms=3000");
    size_t next = life_find(&l, at + 1, life_is_body, &a_setting, "the second setting");
    assert_int_equal(l.events[at]->mono_ns, l.events[next]->mono_ns);
    for (size_t i = at + 1; i < next; i++)
        assert_int_not_equal(l.events[i]->body_case, ORRERY__EVENT__BODY_SEND);
    say_pace(&l, 1);
    life_find(&l, next, life_is_body, &a_send, "a beat, since time goes on");
    life_end(&l);
}

static void time_runs_at_its_pace(void **state)
{
    (void)state;
    struct life l;
    struct life_plan plan = alone();
    plan.settings[0] = "interval_ms=60000";
    plan.settings[1] = "timeout_ms=200000";
    life_begin(&l, &plan);
    assert_true(life_ready(&l));
    life_introduce(&l, 1);
    size_t at = life_find(&l, 0, life_is_body, &a_send, "the first beat");
    say_pace(&l, 10000); /* A minute in 6 ms. */
    at = life_find(&l, at + 1, life_is_body, &a_send, "the next");
    life_find(&l, at + 1, life_is_body, &a_send, "and another");
    life_end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand_it_says_what_it_is),
        cmocka_unit_test(it_starts_runs_and_stops),
        cmocka_unit_test(sigterm_asks_it_to_stop),
        cmocka_unit_test(nonsense_is_refused_in_a_sentence),
        cmocka_unit_test(a_taken_port_gives_way_to_another),
        cmocka_unit_test(it_ends_when_its_agent_does),
        cmocka_unit_test(nonsense_on_the_control_socket_ends_it),
        cmocka_unit_test(no_orphans_are_left),
        cmocka_unit_test(after_sigkill_the_ring_is_whole),
        cmocka_unit_test(a_small_ring_loses_events_and_a_view_follows),
        cmocka_unit_test(a_breakpoint_stops_before_the_effects),
        cmocka_unit_test(time_stands_still_at_pace_zero),
        cmocka_unit_test(time_runs_at_its_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
