#include "lab.h"

#include "unit/unit.h"

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
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 40 };

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void lab_home(struct lab *l)
{
    snprintf(l->home, sizeof l->home, "/tmp/orrery-lab-XXXXXX");
    assert_non_null(mkdtemp(l->home));
}

void lab_leave(struct lab *l)
{
    char command[128];
    if (!l->home[0])
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", l->home);
    assert_int_equal(system(command), 0);
    l->home[0] = '\0';
}

/* The program with its stdout, and (both) stderr, in *out. Dies with the test. */
static pid_t start(struct lab *l, const char *const *words, bool both, int *out)
{
    int ends[2];
    char *argv[ARGUMENTS_MAX + 2] = {(char *)(uintptr_t) "orrery"};
    for (size_t i = 0; words[i]; i++) {
        assert_true(i < ARGUMENTS_MAX);
        argv[i + 1] = (char *)(uintptr_t)words[i];
    }
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("XDG_STATE_HOME", l->home, 1);
        unsetenv("XDG_RUNTIME_DIR");
        dup2(ends[1], STDOUT_FILENO);
        if (both)
            dup2(ends[1], STDERR_FILENO);
        execv(ORRERY, argv);
        _exit(127);
    }
    close(ends[1]);
    *out = ends[0];
    return pid;
}

static int exit_code(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reads up to the end, or (lines > 0) so many lines. False when the deadline is over. */
static bool read_text(int fd, char *text, size_t size, int lines)
{
    uint64_t deadline = now_ms() + (lines ? LAB_DEADLINE_MS : LAB_END_MS);
    size_t at = 0;
    text[0] = '\0';
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        uint64_t now = now_ms();
        if (now >= deadline || poll(&p, 1, (int)(deadline - now)) <= 0)
            return false;
        assert_true(at + 1 < size);
        ssize_t n = read(fd, text + at, lines ? 1 : size - 1 - at);
        if (n <= 0)
            return lines == 0;
        at += (size_t)n;
        text[at] = '\0';
        if (lines && text[at - 1] == '\n' && --lines == 0)
            return true;
    }
}

void lab_run_begin(struct lab *l, const char *const *words)
{
    l->pid = start(l, words, true, &l->out);
}

int lab_run_end(struct lab *l, char *text, size_t size)
{
    pid_t pid = l->pid;
    l->pid = 0;
    if (!read_text(l->out, text, size, 0)) {
        kill(pid, SIGKILL);
        fputs(text, stderr); /* Whole: a failure's own message is cut. */
        fail_msg("orrery did not end");
    }
    close(l->out);
    return exit_code(pid);
}

int lab_run(struct lab *l, char *text, size_t size, const char *const *words)
{
    struct lab run = *l; /* The sandbox of `l`, if there is one, goes on beside it. */
    lab_run_begin(&run, words);
    return lab_run_end(&run, text, size);
}

uint64_t lab_do(struct lab *l, const char *const *words)
{
    char text[2048];
    int code = lab_run(l, text, sizeof text, words);
    if (code != 0)
        fail_msg("orrery %s: %s", words[0], text);
    assert_int_equal(text[0], 'e');
    return strtoull(text + 1, NULL, 10);
}

double json_number(const char *json, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(json, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : -1;
}

static void json_text(const char *json, const char *key, char *into, size_t size)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
    const char *at = strstr(json, quoted);
    assert_non_null(at);
    at += strlen(quoted);
    snprintf(into, size, "%.*s", (int)strcspn(at, "\""), at);
}

void lab_begin(struct lab *l, const char *const *words)
{
    const char *all[ARGUMENTS_MAX] = {"sandbox"};
    char line[8192];
    size_t n = 1;
    if (!l->home[0])
        lab_home(l);
    for (; words[n - 1]; n++)
        all[n] = words[n - 1];
    all[n] = "--json";
    l->pid = start(l, all, false, &l->out);
    if (!read_text(l->out, line, sizeof line, 1))
        fail_msg("the sandbox did not come up: %s", line);
    json_text(line, "run", l->run, sizeof l->run);
    json_text(line, "recording", l->recording, sizeof l->recording);
    l->nodes = 0;
    for (const char *at = line; (at = strstr(at, "{\"name\":")); at++) {
        assert_true(l->nodes < LAB_NODES_MAX);
        l->pids[l->nodes] = (pid_t)json_number(at, "pid");
        l->ports[l->nodes++] = (uint16_t)json_number(at, "client_port");
    }
}

int lab_end(struct lab *l)
{
    kill(l->pid, SIGINT);
    if (!gone_in_time(l->pid)) {
        kill(l->pid, SIGKILL);
        fail_msg("the sandbox did not end when it was asked");
    }
    int code = exit_code(l->pid);
    close(l->out);
    l->pid = 0;
    lab_leave(l);
    return code;
}

void lab_killed(struct lab *l)
{
    kill(l->pid, SIGKILL);
    exit_code(l->pid);
    close(l->out);
    l->pid = 0;
}

uint64_t lab_wait(struct lab *l, uint64_t from, const char *pattern, char *line, size_t size)
{
    char number[32], *text = malloc(LAB_LINE_MAX);
    int out;
    assert_non_null(text);
    snprintf(number, sizeof number, "%llu", (unsigned long long)from);
    const char *words[] = {"timeline", "--follow", "--json",    "--from", number,
                           "--run",    l->run,     "--pattern", pattern,  NULL};
    pid_t pid = start(l, words, true, &out);
    bool came = read_text(out, text, LAB_LINE_MAX, 1);
    kill(pid, SIGKILL);
    exit_code(pid);
    close(out);
    if (!came || text[0] != '{')
        fail_msg("'%s' from e%s on did not come: %s", pattern, number, text);
    uint64_t ordinal = (uint64_t)json_number(text, "ordinal");
    if (line)
        snprintf(line, size, "%s", text);
    free(text);
    return ordinal;
}

bool gone_in_time(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return errno == ESRCH;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    bool gone = poll(&p, 1, LAB_DEADLINE_MS) == 1;
    close(fd);
    return gone;
}

int lab_client(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

bool lab_ask(int client, const char *command, char *reply, size_t size)
{
    size_t at = 0, n = strlen(command);
    int lines = 1;
    if (send(client, command, n, MSG_NOSIGNAL) != (ssize_t)n)
        return false;
    while (at + 1 < size) {
        struct pollfd p = {.fd = client, .events = POLLIN};
        if (poll(&p, 1, LAB_DEADLINE_MS) != 1)
            fail_msg("no reply to %s", command);
        if (recv(client, reply + at, 1, 0) != 1)
            return false;
        if (reply[at++] != '\n')
            continue;
        if (lines++ == 1 && reply[0] == '$' && reply[1] != '-') {
            at = 0; /* The content is on the next line. */
            reply[0] = '\0';
            continue;
        }
        break;
    }
    reply[at >= 2 ? at - 2 : at] = '\0';
    return true;
}
