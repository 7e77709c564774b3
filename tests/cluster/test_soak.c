/* Raft as five processes, with clients of every node that write and read all the time, while nodes
 * are killed, paused, cut off and lose their power, the leader more often than others. In rounds:
 * each is a cluster of its own, must serve everybody once all is mended, and its recording is
 * judged as a whole, so that memory stays bounded however long it goes on. One round as a test;
 * `./orrery soak` for as many minutes as one likes. */
#include "unit/unit.h"

#include "base/random.h"
#include "lab.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NODES = 5, CLIENTS = 10, KEYS = 24, ROUND_S = 20, ROUND_SHORT_S = 8, REPLY_MAX = 4096 };

struct told { /* By a client, in memory that is shared with it. */
    uint64_t answered;
    uint64_t refused; /* By an error, which may be that nobody knows. */
    uint64_t broken;  /* Connections. */
};

struct soak {
    struct lab lab;
    struct random random;
    struct told *told;
    pid_t clients[CLIENTS];
    uint64_t faults;
    uint64_t of_leader;
    uint64_t answered;
};

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* How long a client thinks and a fault lasts is the load itself; and what looks for something
 * polls. */
static void wait_ms(uint64_t ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL); /* The load; or a loop that polls. */
}

/* --- a client --- */

/* False: the connection ended, or nothing came for too long. */
static bool receive(int fd, char *into, size_t *n, size_t upto)
{
    while (*n < upto) {
        ssize_t got = recv(fd, into + *n, upto - *n, 0);
        if (got <= 0)
            return false;
        *n += (size_t)got;
        into[*n] = 0;
    }
    return true;
}

/* One command with a reply that is a line or a bulk. */
static bool ask(int fd, const char *line, char reply[REPLY_MAX])
{
    size_t n = 0;
    size_t len = strlen(line);
    if (send(fd, line, len, MSG_NOSIGNAL) != (ssize_t)len)
        return false;
    do {
        if (n + 1 >= REPLY_MAX || !receive(fd, reply, &n, n + 1))
            return false;
    } while (reply[n - 1] != '\n');
    long bulk = reply[0] == '$' ? strtol(reply + 1, NULL, 10) : -1;
    size_t whole = n + (size_t)(bulk < 0 ? 0 : bulk + 2);
    return bulk < 0 || (whole < REPLY_MAX && receive(fd, reply, &n, whole));
}

static void draw_command(struct random *r, uint32_t client, uint64_t value, char *line, size_t size)
{
    unsigned key = (unsigned)random_below(r, KEYS);
    unsigned other = (unsigned)random_below(r, KEYS);
    unsigned long long v = (unsigned long long)value;
    switch (random_below(r, 8)) {
    case 0:
    case 1:
        snprintf(line, size, "SET k%u %u.%llu\r\n", key, client, v);
        break;
    case 2:
        snprintf(line, size, "INCR n%u\r\n", key);
        break;
    case 3:
        snprintf(line, size, "MSET k%u %u.%llu k%u %u.%llu\r\n", key, client, v, other, client, v);
        break;
    case 4:
        snprintf(line, size, "DEL k%u\r\n", key);
        break;
    default:
        snprintf(line, size, "GET %c%u\r\n", random_chance(r, 0.3) ? 'n' : 'k', key);
        break;
    }
}

static _Noreturn void be_client(const struct soak *s, uint32_t client, uint64_t seed)
{
    struct random r = random_split(seed, 1000 + client);
    struct told *told = &s->told[client];
    const struct timeval patience = {.tv_sec = 10};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;; wait_ms(50)) {
        int fd = lab_client(s->lab.ports[client % NODES]);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        char line[160];
        char reply[REPLY_MAX];
        for (uint64_t value = told->answered + told->refused + told->broken;; value++) {
            draw_command(&r, client, value, line, sizeof line);
            if (!ask(fd, line, reply))
                break;
            if (reply[0] == '-')
                told->refused++;
            else
                told->answered++;
            wait_ms(random_below(&r, 60));
        }
        told->broken++;
        close(fd);
    }
}

static void begin_clients(struct soak *s, uint64_t seed)
{
    memset(s->told, 0, CLIENTS * sizeof *s->told);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        s->clients[i] = fork();
        assert_true(s->clients[i] >= 0);
        if (s->clients[i] == 0)
            be_client(s, i, seed);
    }
}

static void end_clients(struct soak *s)
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        kill(s->clients[i], SIGKILL);
        waitpid(s->clients[i], NULL, 0);
        s->answered += s->told[i].answered;
    }
}

/* --- faults --- */

/* Whoever a node holds for the leader; 0: nobody says. */
static uint32_t leader_of(struct soak *s)
{
    const struct timeval patience = {.tv_sec = 1};
    char reply[REPLY_MAX] = "";
    uint32_t leader = 0;
    for (uint32_t i = 0; i < NODES && !leader; i++) {
        int fd = lab_client(s->lab.ports[i]);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        const char *at = ask(fd, "INFO\r\n", reply) ? strstr(reply, "raft_leader:n") : NULL;
        leader = at ? (uint32_t)strtoul(at + strlen("raft_leader:n"), NULL, 10) : 0;
        close(fd);
    }
    return leader;
}

/* A command line, by words. */
static void act(struct soak *s, const char *line)
{
    char words[200];
    const char *list[16] = {0};
    size_t n = 0;
    snprintf(words, sizeof words, "%s", line);
    for (char *rest = words, *word; (word = strtok_r(n ? NULL : words, " ", &rest)) && n < 15;)
        list[n++] = word;
    (void)lab_do(&s->lab, list);
}

static void others_of(uint32_t node, char into[32])
{
    into[0] = 0;
    for (uint32_t i = 1; i <= NODES; i++)
        if (i != node)
            snprintf(into + strlen(into), 32 - strlen(into), "%sn%u", into[0] ? "," : "", i);
}

static void a_fault(struct soak *s)
{
    char begin[120] = "", end[120] = "", others[32];
    struct random *r = &s->random;
    uint32_t leader = random_chance(r, 0.5) ? leader_of(s) : 0;
    uint32_t node = leader ? leader : 1 + (uint32_t)random_below(r, NODES);
    others_of(node, others);
    snprintf(end, sizeof end, "restart n%u", node);
    switch (random_below(r, 7)) {
    case 0:
        snprintf(begin, sizeof begin, "kill n%u", node);
        break;
    case 1:
        snprintf(begin, sizeof begin, "power n%u --lose random", node);
        break;
    case 2:
        snprintf(begin, sizeof begin, "pause n%u", node);
        snprintf(end, sizeof end, "resume n%u", node);
        break;
    case 3:
        snprintf(begin, sizeof begin, "cut n%u/%s%s", node, others,
                 random_chance(r, 0.3) ? " --one-way" : "");
        snprintf(end, sizeof end, "heal");
        break;
    case 4:
        snprintf(begin, sizeof begin, "disk n%u --slow %ums", node,
                 1 + (unsigned)random_below(r, 80));
        snprintf(end, sizeof end, "disk n%u --slow 0", node);
        break;
    case 5:
        snprintf(begin, sizeof begin, "link all all --loss 0.1 --delay 5ms --jitter 5ms");
        snprintf(end, sizeof end, "heal");
        break;
    default:
        snprintf(begin, sizeof begin, "do n%u transfer n%u", node,
                 1 + (unsigned)random_below(r, NODES));
        end[0] = 0;
        break;
    }
    act(s, begin);
    wait_ms(20 + random_below(r, 700)); /* How long a fault lasts is part of it. */
    if (end[0])
        act(s, end);
    s->faults++;
    s->of_leader += leader != 0;
}

/* --- a round --- */

/* Once all is mended each client is answered again. */
static void all_are_served(struct soak *s)
{
    uint64_t before[CLIENTS];
    uint64_t deadline = clock_ms() + LAB_DEADLINE_MS;
    for (uint32_t i = 0; i < CLIENTS; i++)
        before[i] = s->told[i].answered;
    for (uint32_t i = 0; i < CLIENTS; i++)
        while (((volatile struct told *)s->told)[i].answered < before[i] + 2) {
            if (clock_ms() >= deadline)
                fail_msg("all is mended, and client %u of n%u is not answered", i + 1,
                         i % NODES + 1);
            wait_ms(5);
        }
}

static void judge(struct soak *s, uint64_t seed)
{
    char text[16384], node[8];
    int code = LAB_RUN(&s->lab, text, "check", s->lab.recording);
    if (code != 0)
        fail_msg("seed %llu, exit %d: %s", (unsigned long long)seed, code, text);
    uint32_t leader = leader_of(s);
    assert_in_range(leader, 1, NODES);
    snprintf(node, sizeof node, "n%u", leader);
    char *state = malloc(LAB_LINE_MAX);
    assert_non_null(state);
    code = lab_run(&s->lab, state, LAB_LINE_MAX,
                   (const char *const[]){"replay", s->lab.recording, "--rerun", node, NULL});
    if (code != 0 || !strstr(state, "all as recorded"))
        fail_msg("seed %llu: the leader, %s, does not execute again: exit %d: %.400s",
                 (unsigned long long)seed, node, code, state);
    free(state);
}

static void round_of(struct soak *s, uint64_t seed, uint64_t seconds)
{
    char number[32];
    snprintf(number, sizeof number, "%llu", (unsigned long long)seed);
    s->lab = (struct lab){0};
    s->random = random_split(seed, 0);
    lab_begin(&s->lab, (const char *const[]){"raft", "--nodes", "5", "--seed", number, NULL});
    begin_clients(s, seed);
    all_are_served(s);
    for (uint64_t until = clock_ms() + seconds * 1000; clock_ms() < until;) {
        a_fault(s);
        wait_ms(random_below(&s->random, 600));
    }
    act(s, "heal");
    all_are_served(s);
    end_clients(s);
    judge(s, seed);
    assert_int_equal(lab_end(&s->lab), 0);
}

static uint64_t wish(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void raft_holds(void **state)
{
    (void)state;
    static struct soak s;
    uint64_t minutes = wish("ORRERY_SOAK_MINUTES", 0);
    uint64_t seed = wish("ORRERY_SOAK_SEED", 1);
    uint64_t until = clock_ms() + minutes * 60000;
    uint64_t rounds = 0;
    s.told = mmap(NULL, CLIENTS * sizeof *s.told, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s.told != MAP_FAILED);
    do {
        round_of(&s, seed + rounds++, minutes ? ROUND_S : ROUND_SHORT_S);
        print_message("%llu rounds proven: %llu faults, %llu of them of the leader, %llu answers\n",
                      (unsigned long long)rounds, (unsigned long long)s.faults,
                      (unsigned long long)s.of_leader, (unsigned long long)s.answered);
    } while (clock_ms() < until);
    assert_true(s.faults > 0 && s.answered > 100);
    munmap(s.told, CLIENTS * sizeof *s.told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(raft_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
