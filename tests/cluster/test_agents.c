/* Nodes under agents, as those of other hosts are: the same commands, the same events; and what is
 * told when the link to an agent is lost. The agents are processes of this machine. */
#include "unit/unit.h"

#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>

enum { AGENTS = 3, TRIES = 200 };

struct yard {
    struct lab lab;
    char where[32];
    char key[96];
    pid_t agents[AGENTS];
};

static const char key_text[] = "a key that only this test knows, and nobody else\n";

/* A port that is free, and three above it that an agent calls too; outside those that the kernel
 * gives to who asks for any. */
static uint16_t free_port(void)
{
    static uint16_t next;
    next = next ? next : (uint16_t)(10000 + getpid() % 1500 * 10);
    for (int i = 0; i < TRIES; i++, next += 10) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(next)};
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool free = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
        close(fd);
        if (free) {
            next += 10;
            return (uint16_t)(next - 10);
        }
    }
    fail_msg("no port is free");
    return 0;
}

/* Dies with the test. An `elsewhere` one has a monotonic clock of its own, 1000 s ahead. */
static pid_t start_agent_at(struct yard *y, int i, const char *key, bool elsewhere)
{
    char disk[160], log[160];
    snprintf(disk, sizeof disk, "%s/disk%d", y->lab.home, i);
    snprintf(log, sizeof log, "%s/agent%d.log", y->lab.home, i);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDERR_FILENO);
    if (elsewhere)
        execlp("unshare", "unshare", "--time", "--monotonic", "1000", "--fork", "--kill-child",
               ORRERY, "agent", "--observer", y->where, "--key-file", key, "--disk", disk,
               (char *)NULL);
    execl(ORRERY, "orrery", "agent", "--observer", y->where, "--key-file", key, "--disk", disk,
          (char *)NULL);
    _exit(127);
}

static pid_t start_agent(struct yard *y, int i, const char *key)
{
    return start_agent_at(y, i, key, false);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void end_agent(struct yard *y, int i)
{
    kill(y->agents[i], SIGKILL);
    assert_int_equal(waitpid(y->agents[i], NULL, 0), y->agents[i]);
    y->agents[i] = 0;
}

static int set_up(void **state)
{
    static struct yard yard;
    struct yard *y = &yard;
    *y = (struct yard){0};
    lab_home(&y->lab);
    snprintf(y->where, sizeof y->where, "127.0.0.1:%u", free_port());
    snprintf(y->key, sizeof y->key, "%s/key", y->lab.home);
    write_file(y->key, key_text);
    for (int i = 0; i < AGENTS; i++)
        y->agents[i] = start_agent(y, i, y->key);
    setenv("ORRERY_AGENTS", y->where, 1);
    setenv("ORRERY_CLUSTER_KEY_FILE", y->key, 1);
    *state = y;
    return 0;
}

static int tear_down(void **state)
{
    struct yard *y = *state;
    if (y->lab.pid)
        lab_killed(&y->lab);
    for (int i = 0; i < AGENTS; i++)
        if (y->agents[i])
            end_agent(y, i);
    lab_leave(&y->lab);
    return 0;
}

static const char *const heartbeat[] = {
    "heartbeat", "--nodes", "3", "--set", "interval_ms=50", "--set", "timeout_ms=600", NULL};
static const char *const kv[] = {"kv", "--nodes", "3", NULL};

/* A node that was up before waits for all others to trust it. */
static void trusts(struct lab *l, uint64_t from, const char *by, int of)
{
    char pattern[80];
    snprintf(pattern, sizeof pattern, "move node=%s of=%d to=1", by, of);
    lab_wait(l, from, pattern, NULL, 0);
}

static pid_t parent_of(pid_t pid)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    int parent = 0;
    assert_int_equal(sscanf(strrchr(text, ')'), ") %*c %d", &parent), 1);
    return parent;
}

static int agent_of_node(const struct yard *y, int node)
{
    pid_t parent = parent_of(y->lab.pids[node - 1]);
    for (int i = 0; i < AGENTS; i++)
        if (y->agents[i] == parent)
            return i;
    fail_msg("n%d is no child of an agent", node);
    return -1;
}

/* Is tried until its agent is back. */
static void restart_until_up(struct lab *l, const char *node, const char *boot)
{
    char pattern[80], text[16384];
    snprintf(pattern, sizeof pattern, "%s     running", node);
    for (;;) {
        uint64_t asked = LAB_DO(l, "restart", node);
        for (;;) {
            assert_int_equal(LAB_RUN(l, text, "status"), 0);
            if (strstr(text, pattern)) {
                snprintf(pattern, sizeof pattern, "spawn node=%s boot>=%s", node + 1, boot);
                lab_wait(l, asked, pattern, NULL, 0);
                return;
            }
            snprintf(pattern, sizeof pattern, "%s     failed", node);
            bool failed = strstr(text, pattern) != NULL;
            snprintf(pattern, sizeof pattern, "%s     running", node);
            if (failed)
                break;
        }
    }
}

static void commands_do_what_they_do_here(void **state)
{
    struct yard *y = *state;
    struct lab *l = &y->lab;
    char line[8192];
    lab_begin(l, heartbeat);
    int of[AGENTS] = {0};
    for (int node = 1; node <= 3; node++)
        of[agent_of_node(y, node)]++;
    for (int i = 0; i < AGENTS; i++)
        assert_int_equal(of[i], 1); /* Spread evenly. */
    trusts(l, 1, "n1", 2);
    trusts(l, 1, "n3", 2);
    /* The agents read our own clock, and nobody says otherwise. */
    assert_int_equal(LAB_RUN(l, line, "timeline", "--from", "1", "--pattern", "offset"), 0);
    assert_string_equal(line, "");

    uint64_t kill = LAB_DO(l, "kill", "n2");
    uint64_t exit = lab_wait(l, kill, "exit", line, sizeof line);
    assert_int_equal(json_number(strstr(line, "\"body\""), "signal"), SIGKILL);
    assert_int_equal(json_number(line, "cause"), kill);
    assert_true(lab_wait(l, kill, "move node=n1 of=2 to=2", NULL, 0) > exit);
    uint64_t restart = LAB_DO(l, "restart", "n2");
    trusts(l, restart, "n1", 2);

    uint64_t pause = LAB_DO(l, "pause", "n3");
    uint64_t suspected = lab_wait(l, pause, "move node=n1 of=3 to=2", NULL, 0);
    LAB_DO(l, "resume", "n3");
    trusts(l, suspected, "n1", 3);

    uint64_t cut = LAB_DO(l, "cut", "n1/n3");
    lab_wait(l, cut, "drop node=n1 reason=cut", NULL, 0);
    suspected = lab_wait(l, cut, "move node=n1 of=3 to=2", NULL, 0);
    LAB_DO(l, "heal");
    trusts(l, suspected, "n1", 3);

    uint64_t stop = LAB_DO(l, "stop", "n1");
    lab_wait(l, stop, "exit", line, sizeof line);
    assert_int_equal(json_number(strstr(line, "\"body\""), "code"), 0);
    assert_int_equal(lab_end(l), 0);
}

static void a_power_cut_takes_what_was_not_synced(void **state)
{
    struct yard *y = *state;
    struct lab *l = &y->lab;
    char reply[200], line[8192];
    lab_begin(l, kv);
    int client = lab_client(l->ports[1]);
    assert_true(client >= 0);
    assert_true(lab_ask(client, "SET kept before\r\n", reply, sizeof reply));
    assert_string_equal(reply, "+OK");
    LAB_DO(l, "disk", "n2", "--slow", "30s");
    /* It is written, and its sync is on its way when the power goes. */
    const char *lost = "SET lost behind\r\n";
    assert_int_equal(send(client, lost, strlen(lost), MSG_NOSIGNAL), (ssize_t)strlen(lost));
    lab_wait(l, 1, "written node=n2 lsn>=2", NULL, 0);
    uint64_t power = LAB_DO(l, "power", "n2");
    lab_wait(l, power, "exit", line, sizeof line);
    assert_int_equal(json_number(strstr(line, "\"body\""), "signal"), SIGKILL);
    assert_true(json_number(strstr(line, "\"body\""), "lost_bytes") > 0);
    close(client);
    LAB_DO(l, "disk", "n2", "--well");
    uint64_t restart = LAB_DO(l, "restart", "n2");
    lab_wait(l, restart, "kv.RecoveryDone node=n2", NULL, 0);
    client = lab_client(l->ports[1]); /* The same port, as others know it. */
    assert_true(client >= 0);
    assert_true(lab_ask(client, "GET kept\r\n", reply, sizeof reply));
    assert_string_equal(reply, "before");
    assert_true(lab_ask(client, "GET lost\r\n", reply, sizeof reply));
    assert_string_equal(reply, "$-1");
    close(client);
    assert_int_equal(lab_end(l), 0);
}

static void a_lost_link_is_told_as_what_it_is(void **state)
{
    struct yard *y = *state;
    struct lab *l = &y->lab;
    char line[8192];
    lab_begin(l, heartbeat);
    trusts(l, 1, "n1", 2);
    int lost = agent_of_node(y, 2);
    end_agent(y, lost); /* And its node with it. */
    assert_true(gone_in_time(l->pids[1]));
    uint64_t exit = lab_wait(l, 1, "exit unseen=true", line, sizeof line);
    assert_int_equal(json_number(strstr(line, "\"body\""), "node"), 2);
    assert_non_null(strstr(line, "out of reach"));
    lab_wait(l, exit, "move node=n1 of=2 to=2", NULL, 0);
    assert_int_equal(LAB_RUN(l, line, "status"), 0);
    assert_non_null(strstr(line, "n2     failed"));
    assert_non_null(strstr(line, "the link to its agent"));

    LAB_DO(l, "restart", "n2"); /* Nobody is there to do it, and that is said. */
    y->agents[lost] = start_agent(y, lost, y->key);
    restart_until_up(l, "n2", "2");
    trusts(l, exit, "n1", 2);
    assert_int_equal(lab_end(l), 0);
}

static void nothing_is_left_when_the_observer_is_killed(void **state)
{
    struct yard *y = *state;
    struct lab *l = &y->lab;
    lab_begin(l, heartbeat);
    LAB_DO(l, "pause", "n3"); /* Paused ones end too. */
    lab_killed(l);
    for (int i = 0; i < 3; i++)
        assert_true(gone_in_time(l->pids[i]));
    lab_begin(l, heartbeat); /* The agents have waited for the next one. */
    trusts(l, 1, "n1", 2);
    assert_int_equal(lab_end(l), 0);
    for (int i = 0; i < AGENTS; i++) {
        assert_int_equal(kill(y->agents[i], SIGTERM), 0);
        int status;
        assert_int_equal(waitpid(y->agents[i], &status, 0), y->agents[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        y->agents[i] = 0;
    }
}

static void reads_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

static void who_has_another_key_is_not_let_in(void **state)
{
    struct yard *y = *state;
    char other[96], log[96], text[4096] = "";
    for (int i = 1; i < AGENTS; i++)
        end_agent(y, i);
    snprintf(other, sizeof other, "%s/other", y->lab.home);
    write_file(other, "another key, which is long enough as well\n");
    y->agents[1] = start_agent(y, 1, other);
    lab_begin(&y->lab, kv); /* All three at the one agent that may. */
    for (int node = 1; node <= 3; node++)
        assert_int_equal(agent_of_node(y, node), 0);
    snprintf(log, sizeof log, "%s/agent1.log", y->lab.home);
    while (!strstr(text, "knows another cluster key")) /* Or the test's time is over. */
        reads_file(log, text, sizeof text);
    assert_int_equal(lab_end(&y->lab), 0);
}

/* Of each of the three nodes, from `status --json`. */
static void clocks_of(struct lab *l, double ns[3], double bound_ns[3])
{
    char text[16384];
    assert_int_equal(LAB_RUN(l, text, "status", "--json"), 0);
    const char *at = text;
    for (int i = 0; i < 3; i++) {
        at = strstr(at, "\"clock_ns\"");
        assert_non_null(at);
        ns[i] = json_number(at, "clock_ns");
        bound_ns[i] = json_number(at, "clock_bound_ns");
        at++;
    }
}

static bool other_clocks_possible(void)
{
    return system("unshare --time --monotonic 1000 --fork true 2>/dev/null") == 0;
}

static void begin_with_one_elsewhere(struct yard *y, const char *flag)
{
    const char *words[] = {"heartbeat", "--nodes",        "3",  "--set", "interval_ms=50",
                           "--set",     "timeout_ms=600", flag, NULL};
    end_agent(y, 1);
    y->agents[1] = start_agent_at(y, 1, y->key, true);
    lab_begin(&y->lab, words);
    trusts(&y->lab, 1, "n1", 2);
    trusts(&y->lab, 1, "n2", 3);
    trusts(&y->lab, 1, "n3", 1);
}

/* Which has it differs from run to run: the first event of each node says. */
static double latest_start(struct lab *l)
{
    double latest = 0;
    for (int node = 1; node <= 3; node++) {
        char pattern[40], line[8192];
        snprintf(pattern, sizeof pattern, "start node=n%d", node);
        uint64_t began = lab_wait(l, 1, pattern, line, sizeof line);
        double ns = json_number(line, "mono_ns");
        latest = ns > latest ? ns : latest;
        snprintf(pattern, sizeof pattern, "spawn node=%d", node);
        assert_true(lab_wait(l, 1, pattern, NULL, 0) < began);
    }
    return latest;
}

/* What came from another clock: its latency has a bound, and so says who shows it. */
static void says_what_it_does_not_know(struct lab *l)
{
    char text[16384], line[8192], ordinal[24];
    assert_int_equal(LAB_RUN(l, text, "timeline", "--last", "100", "--all"), 0);
    assert_non_null(strstr(text, " ms \xc2\xb1")); /* Clocks are told before what they stamp. */
    for (uint64_t from = 1;;) {
        from = lab_wait(l, from, "receive node=n1", line, sizeof line) + 1;
        snprintf(ordinal, sizeof ordinal, "e%llu", (unsigned long long)from - 1);
        assert_int_equal(LAB_RUN(l, text, "show", ordinal), 0);
        if (strstr(text, "by two clocks, which may be off each other by"))
            return;
        /* Those that are on n1's own clock say nothing of the kind, or the test's time is over. */
        assert_non_null(strstr(text, "n1 received"));
    }
}

static void another_clock_is_measured_and_corrected(void **state)
{
    struct yard *y = *state;
    double ns[3], bound[3];
    char line[8192];
    int ahead = 0;
    if (!other_clocks_possible())
        skip();
    begin_with_one_elsewhere(y, NULL);
    clocks_of(&y->lab, ns, bound);
    for (int i = 0; i < 3; i++) {
        double truth = ns[i] > 500e9 ? 1000e9 : 0;
        ahead += truth > 0;
        assert_true(bound[i] > 0);
        assert_true(ns[i] - truth <= bound[i] && truth - ns[i] <= bound[i]);
    }
    assert_int_equal(ahead, 1);
    assert_true(latest_start(&y->lab) < 500e9);
    uint64_t told = lab_wait(&y->lab, 1, "offset bound_ns>0", line, sizeof line);
    assert_true(told > 0);
    assert_true(json_number(strstr(line, "\"body\""), "bound_ns") < 500e6);
    says_what_it_does_not_know(&y->lab);
    uint64_t pace = LAB_DO(&y->lab, "pace", "0.5"); /* An instant of our clock. */
    for (int node = 1; node <= 3; node++) {
        char pattern[40];
        snprintf(pattern, sizeof pattern, "send node=n%d", node);
        lab_wait(&y->lab, pace, pattern, NULL, 0);
    }
    assert_int_equal(lab_end(&y->lab), 0);
}

static void the_correction_can_be_switched_off(void **state)
{
    struct yard *y = *state;
    if (!other_clocks_possible())
        skip();
    begin_with_one_elsewhere(y, "--raw-clocks");
    lab_wait(&y->lab, 1, "offset raw=true", NULL, 0);
    /* Wall clocks are believed, which are one here; and each start is behind its spawn. */
    assert_true(latest_start(&y->lab) < 500e9);
    assert_int_equal(lab_end(&y->lab), 0);
}

static void beyond_loopback_there_must_be_a_key(void **state)
{
    struct yard *y = *state;
    char text[2048];
    unsetenv("ORRERY_CLUSTER_KEY_FILE");
    assert_int_equal(LAB_RUN(&y->lab, text, "agent", "--observer", "192.0.2.1:7500"), 2);
    assert_non_null(strstr(text, "give the same one"));
    assert_int_equal(LAB_RUN(&y->lab, text, "sandbox", "kv", "--agents", "0.0.0.0:7500"), 2);
    assert_non_null(strstr(text, "could join: give a cluster key"));
    setenv("ORRERY_CLUSTER_KEY", "short", 1);
    assert_int_equal(LAB_RUN(&y->lab, text, "sandbox", "kv", "--agents", "0.0.0.0:7500"), 2);
    assert_non_null(strstr(text, "20 characters"));
    unsetenv("ORRERY_CLUSTER_KEY");
    assert_int_equal(LAB_RUN(&y->lab, text, "agent"), 2);
    assert_int_equal(LAB_RUN(&y->lab, text, "agent", "--observer", "host:port"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commands_do_what_they_do_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_power_cut_takes_what_was_not_synced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_link_is_told_as_what_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_left_when_the_observer_is_killed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_has_another_key_is_not_let_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_clock_is_measured_and_corrected, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_correction_can_be_switched_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(beyond_loopback_there_must_be_a_key, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
