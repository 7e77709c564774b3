#include "figure/load.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1024, REQUEST_MAX = 65536, FILE_BYTES = 8 << 20 };

struct load_client {
    char *request;
    size_t len;
    size_t answered; /* Bytes of "+OK\r\n". */
    double sent_at;
};

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static bool ask(struct load_client *c, int fd)
{
    c->answered = 0;
    c->sent_at = now_s();
    return send(fd, c->request, c->len, MSG_NOSIGNAL) == (ssize_t)c->len;
}

static bool prepare(struct load_client *c, uint32_t i, uint32_t value)
{
    char head[128];
    char key[16];
    int key_len = snprintf(key, sizeof key, "c%u", i);
    int n =
        snprintf(head, sizeof head, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%u\r\n", key_len, key, value);
    c->len = (size_t)n + value + 2;
    c->request = malloc(c->len);
    if (!c->request)
        return false;
    memcpy(c->request, head, (size_t)n);
    memset(c->request + n, 'x', value);
    memcpy(c->request + n + value, "\r\n", 2);
    return true;
}

/* One answer more, or part of it. False: it was none. */
static bool hear(struct load_client *c, int fd, bool *whole)
{
    static const char ok[] = "+OK\r\n";
    char bytes[8];
    ssize_t n = recv(fd, bytes, sizeof ok - 1 - c->answered, 0);
    if (n <= 0 || memcmp(bytes, ok + c->answered, (size_t)n) != 0)
        return false;
    c->answered += (size_t)n;
    *whole = c->answered == sizeof ok - 1;
    return true;
}

static struct load_result run(uint16_t port, uint32_t n, uint32_t value, double warm_s,
                              double measured_s)
{
    static struct load_client clients[CLIENTS_MAX];
    static struct pollfd fds[CLIENTS_MAX];
    struct load_result r = {.failed = true};
    for (uint32_t i = 0; i < n; i++) {
        fds[i] = (struct pollfd){.fd = connect_to(port), .events = POLLIN};
        if (fds[i].fd < 0 || !prepare(&clients[i], i, value) || !ask(&clients[i], fds[i].fd))
            return r;
    }
    double from = now_s() + warm_s;
    double until = from + measured_s;
    double waited = 0;
    double now = now_s();
    while (now < until) {
        if (poll(fds, n, 1000) <= 0)
            return r;
        now = now_s();
        for (uint32_t i = 0; i < n; i++) {
            bool whole = false;
            if (!fds[i].revents)
                continue;
            if (!hear(&clients[i], fds[i].fd, &whole))
                return r;
            if (whole && now >= from) {
                r.commits++;
                waited += now - clients[i].sent_at;
            }
            if (whole && !ask(&clients[i], fds[i].fd))
                return r;
        }
    }
    r.seconds = now - from;
    r.latency_s = r.commits ? waited / (double)r.commits : 0;
    r.failed = false;
    return r;
}

bool load_begin(struct load *l, uint16_t port, uint32_t clients, uint32_t value, double warm_s,
                double measured_s)
{
    int ends[2];
    CHECK(clients <= CLIENTS_MAX && value <= REQUEST_MAX);
    if (pipe(ends) != 0)
        return false;
    pid_t parent = getpid();
    l->pid = fork();
    if (l->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        struct load_result r = run(port, clients, value, warm_s, measured_s);
        _exit(write(ends[1], &r, sizeof r) == (ssize_t)sizeof r ? 0 : 1);
    }
    close(ends[1]);
    l->fd = ends[0];
    if (l->pid < 0)
        close(ends[0]);
    return l->pid > 0;
}

bool load_over(const struct load *l)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

struct load_result load_end(struct load *l)
{
    struct load_result r;
    if (read(l->fd, &r, sizeof r) != (ssize_t)sizeof r)
        r = (struct load_result){.failed = true};
    close(l->fd);
    (void)waitpid(l->pid, NULL, 0);
    return r;
}

/* As the log does it: into a file of zeros that is there already, one piece after the other. It has
 * no name any more, so it goes with the process. */
bool probe_open(struct probe *p, const char *folder)
{
    static const char zeros[REQUEST_MAX];
    char path[1200];
    (void)snprintf(path, sizeof path, "%s/syncs", folder);
    *p = (struct probe){.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (p->fd < 0)
        return false;
    (void)unlink(path);
    bool ok = true;
    for (int at = 0; ok && at < FILE_BYTES; at += REQUEST_MAX)
        ok = write(p->fd, zeros, REQUEST_MAX) == REQUEST_MAX;
    ok = ok && fsync(p->fd) == 0;
    if (!ok)
        close(p->fd);
    return ok;
}

void probe_close(struct probe *p)
{
    close(p->fd);
}

double probe_syncs(struct probe *p, uint32_t bytes, double seconds)
{
    static char piece[REQUEST_MAX];
    memset(piece, 'x', sizeof piece);
    bytes = bytes < 1 ? 1 : bytes > REQUEST_MAX ? REQUEST_MAX : bytes;
    double from = now_s();
    double took = 0;
    uint64_t n = 0;
    bool ok = true;
    for (; ok && (took = now_s() - from) < seconds; p->at += bytes, n++) {
        if (p->at + bytes > FILE_BYTES)
            p->at = 0;
        ok = pwrite(p->fd, piece, bytes, (off_t)p->at) == (ssize_t)bytes && fdatasync(p->fd) == 0;
    }
    return ok && took > 0 ? (double)n / took : 0;
}
