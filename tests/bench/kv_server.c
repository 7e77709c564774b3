/* A kv node for a benchmark: prints its client port, runs until its own stdin ends, and takes its
 * events out of the ring as an agent would.
 *   kv_server FOLDER [KEY=VALUE ...]
 *   kv_server --latency FOLDER PORT OTHER
 * prints what it takes, in microseconds: one write and sync in FOLDER; one SET of a single client
 * of the server at PORT; one PING there; one SET at the port OTHER. They take turns, one by one,
 * and medians are told, since a disk has its moods. */
#include "life.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 2000, RECORD = 90, FILE_SIZE = 1 << 20 };

static double microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* A file of zeros that were written before. */
static int open_file(const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/sync.bytes", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    static const char bytes[FILE_SIZE];
    if (fd < 0 || write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes || fsync(fd) < 0)
        fail(path);
    unlink(path);
    return fd;
}

static int open_client(const char *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        fail(port);
    return fd;
}

/* A small record behind the one before. */
static double one_sync(int fd, int i)
{
    char record[RECORD];
    memset(record, 'x', sizeof record);
    double begun = microseconds();
    if (pwrite(fd, record, RECORD, (off_t)i * RECORD) != RECORD || fdatasync(fd) < 0)
        fail("sync");
    return microseconds() - begun;
}

static double one_command(int fd, const char *words)
{
    char answer[128];
    double begun = microseconds();
    if (send(fd, words, strlen(words), MSG_NOSIGNAL) < 0 ||
        recv(fd, answer, sizeof answer, 0) <= 0 || answer[0] != '+')
        fail("the server does not answer");
    return microseconds() - begun;
}

static int measure_latency(const char *folder, const char *port, const char *other)
{
    enum { SYNC, SET, PING, OTHER, KINDS };
    static double took[KINDS][SAMPLES];
    int file = open_file(folder);
    int client = open_client(port);
    int other_client = open_client(other);
    for (int i = 0; i < SAMPLES; i++) {
        char set[128];
        snprintf(set, sizeof set, "*3\r\n$3\r\nSET\r\n$8\r\nkey%05d\r\n$16\r\n0123456789abcdef\r\n",
                 i % 1000);
        took[SYNC][i] = one_sync(file, i);
        took[SET][i] = one_command(client, set);
        took[PING][i] = one_command(client, "*1\r\n$4\r\nPING\r\n");
        took[OTHER][i] = one_command(other_client, set);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        qsort(took[kind], SAMPLES, sizeof took[kind][0], by_value);
        printf("%.2f\n", took[kind][SAMPLES / 2]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--latency") == 0)
        return measure_latency(argv[2], argv[3], argv[4]);
    if (argc < 2 || argc - 2 >= LIFE_SETTINGS_MAX) {
        fputs("usage: kv_server FOLDER [KEY=VALUE ...]\n", stderr);
        return 2;
    }
    struct life_plan plan = {.node = 1, .nodes = 1, .protocol = "kv", .directory = argv[1]};
    for (int i = 2; i < argc; i++)
        plan.settings[i - 2] = argv[i];
    plan.ring_bytes = 16 << 20;
    struct life l;
    life_begin(&l, &plan);
    if (!life_ready(&l)) {
        fprintf(stderr, "%s\n", l.why);
        return 1;
    }
    l.keep = false;
    life_introduce(&l, 1);
    printf("%u %d\n", l.client_port, (int)l.pid);
    fflush(stdout);
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&p, 1, 5) == 0)
        life_read(&l);
    fprintf(stderr, "events lost: %llu\n", (unsigned long long)ring_lost(&l.ring));
    life_quit(&l);
    int status = life_wait(&l);
    life_end(&l);
    return status ? 1 : 0;
}
