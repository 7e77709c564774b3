/* What things take, in microseconds: one write and sync while so many others begin one at the same
 * instant, each in a file of its own; a PING of a server; a SET of each server. They take turns,
 * one by one, and medians are told, a line each, since a disk has its moods. latency FOLDER WRITERS
 * PORT... */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 2000, RECORD = 90, FILE_SIZE = 1 << 20, SERVERS_MAX = 8, WRITERS_MAX = 16 };

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

struct writer {
    int fd;
    pthread_barrier_t *together; /* Before a sync, and after it. */
};

static void *write_beside(void *ctx)
{
    const struct writer *w = ctx;
    for (int i = 0; i < SAMPLES; i++) {
        pthread_barrier_wait(w->together);
        one_sync(w->fd, i);
        pthread_barrier_wait(w->together);
    }
    return NULL;
}

static void tell_median(double took[SAMPLES])
{
    qsort(took, SAMPLES, sizeof took[0], by_value);
    printf("%.2f\n", took[SAMPLES / 2]);
}

int main(int argc, char **argv)
{
    static double sync[SAMPLES], ping[SAMPLES], set[SERVERS_MAX][SAMPLES];
    int servers = argc - 3;
    unsigned writers = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (writers < 1 || writers > WRITERS_MAX || servers < 1 || servers > SERVERS_MAX) {
        fputs("usage: latency FOLDER WRITERS PORT...\n", stderr);
        return 2;
    }
    pthread_barrier_t together;
    pthread_t threads[WRITERS_MAX];
    struct writer all[WRITERS_MAX];
    int clients[SERVERS_MAX];
    pthread_barrier_init(&together, NULL, writers);
    for (unsigned i = 0; i < writers; i++) {
        all[i] = (struct writer){open_file(argv[1]), &together};
        if (i > 0 && pthread_create(&threads[i], NULL, write_beside, &all[i]) != 0)
            fail("a thread");
    }
    for (int k = 0; k < servers; k++)
        clients[k] = open_client(argv[3 + k]);
    for (int i = 0; i < SAMPLES; i++) {
        char words[128];
        snprintf(words, sizeof words,
                 "*3\r\n$3\r\nSET\r\n$8\r\nkey%05d\r\n$16\r\n0123456789abcdef\r\n", i % 1000);
        pthread_barrier_wait(&together);
        sync[i] = one_sync(all[0].fd, i);
        pthread_barrier_wait(&together);
        ping[i] = one_command(clients[0], "*1\r\n$4\r\nPING\r\n");
        for (int k = 0; k < servers; k++)
            set[k][i] = one_command(clients[k], words);
    }
    for (unsigned i = 1; i < writers; i++)
        pthread_join(threads[i], NULL);
    tell_median(sync);
    tell_median(ping);
    for (int k = 0; k < servers; k++)
        tell_median(set[k]);
    return 0;
}
