/* Launch of clusters of 5, 200 and 1,000 processes until every node is up; the private memory of a
 * node; what 200 nodes that all watch each other cost at one beat a second. */
#include "base/check.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PIDS_MAX = 1024, LINE_MAX_BYTES = 1 << 18, WATCH_MS = 10000, PATIENCE_MS = 120000 };

struct run {
    pid_t pid;
    int out;
    pid_t nodes[PIDS_MAX];
    uint32_t n;
};

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say(const char *name, double value, const char *unit)
{
    (void)printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"}\n", name, value, unit);
    (void)fflush(stdout);
}

/* A thousand that all beat to each other are a million messages a second, which is no launch. */
static void start(struct run *r, uint32_t nodes)
{
    int ends[2];
    char number[16];
    (void)snprintf(number, sizeof number, "%" PRIu32, nodes);
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    r->pid = fork();
    CHECK(r->pid >= 0);
    if (r->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)execl(ORRERY, "orrery", "sandbox", "heartbeat", "--nodes", number, "--json",
                    "--no-record", "--set", "interval_ms=1000", "--set", "timeout_ms=4000", "--set",
                    nodes > 200 ? "watch=ring" : "watch=all", (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    r->out = ends[0];
}

/* The line that says that all are up. */
static void wait_until_up(struct run *r)
{
    static char line[LINE_MAX_BYTES];
    size_t at = 0;
    while (at == 0 || line[at - 1] != '\n') {
        struct pollfd p = {.fd = r->out, .events = POLLIN};
        CHECK(poll(&p, 1, PATIENCE_MS) == 1);
        ssize_t n = read(r->out, line + at, sizeof line - 1 - at);
        CHECK(n > 0);
        at += (size_t)n;
    }
    line[at] = '\0';
    r->n = 0;
    for (const char *pid = line; (pid = strstr(pid, "\"pid\":")); pid += 6)
        r->nodes[r->n++] = (pid_t)strtol(pid + 6, NULL, 10);
}

static void end(struct run *r)
{
    int status;
    CHECK(kill(r->pid, SIGINT) == 0);
    CHECK(waitpid(r->pid, &status, 0) == r->pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    (void)close(r->out);
}

static double private_kib(pid_t pid)
{
    char path[64], line[256];
    double kib = 0, value;
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *in = fopen(path, "re");
    CHECK(in);
    while (fgets(line, sizeof line, in))
        if (sscanf(line, "Private_Clean: %lf", &value) == 1 ||
            sscanf(line, "Private_Dirty: %lf", &value) == 1)
            kib += value;
    (void)fclose(in);
    return kib;
}

/* Seconds of processor time that a process has had. */
static double cpu_s(pid_t pid)
{
    char path[64], text[1024];
    unsigned long user = 0, system = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *in = fopen(path, "re");
    CHECK(in);
    size_t n = fread(text, 1, sizeof text - 1, in);
    (void)fclose(in);
    text[n] = '\0';
    const char *behind = strrchr(text, ')');
    CHECK(behind);
    CHECK(sscanf(behind, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) ==
          2);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_of_all(const struct run *r)
{
    double sum = cpu_s(r->pid);
    for (uint32_t i = 0; i < r->n; i++)
        sum += cpu_s(r->nodes[i]);
    return sum;
}

static void watch(const struct run *r)
{
    double observer = cpu_s(r->pid), all = cpu_of_all(r), began = now_s();
    (void)poll(NULL, 0, WATCH_MS);
    double took = now_s() - began;
    say("launch/heartbeat_200_all_to_all_1s", (cpu_of_all(r) - all) / took * 100,
        "% of a core, all");
    say("launch/heartbeat_200_observer", (cpu_s(r->pid) - observer) / took * 100, "% of a core");
}

static void measure(uint32_t nodes)
{
    struct run r;
    char name[64];
    double began = now_s();
    start(&r, nodes);
    wait_until_up(&r);
    (void)snprintf(name, sizeof name, "launch/%" PRIu32 "_nodes_ready", nodes);
    say(name, (now_s() - began) * 1000, "ms");
    CHECK(r.n == nodes);
    if (nodes == 200)
        watch(&r);
    double sum = 0;
    for (uint32_t i = 0; i < r.n; i++)
        sum += private_kib(r.nodes[i]);
    (void)snprintf(name, sizeof name, "launch/private_memory_a_node_of_%" PRIu32, nodes);
    say(name, sum / r.n, "KiB");
    began = now_s();
    end(&r);
    (void)snprintf(name, sizeof name, "launch/%" PRIu32 "_nodes_ended", nodes);
    say(name, (now_s() - began) * 1000, "ms");
}

int main(void)
{
    char home[] = "/tmp/orrery-bench-XXXXXX", command[64];
    CHECK(mkdtemp(home));
    CHECK(setenv("XDG_STATE_HOME", home, 1) == 0);
    CHECK(unsetenv("XDG_RUNTIME_DIR") == 0);
    measure(5);
    measure(200);
    measure(1000);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", home);
    return system(command) == 0 ? 0 : 1;
}
