#include "agent/load.h"

#include "agent/endpoint.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/must.h"
#include "base/random.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

enum { REPLY_MAX = 1 << 20, REPLY_DEPTH_MAX = 8, WRITES_IN_EXEC_MAX = 4, PATIENCE_MS = 4000 };
static const double retry_mean_ns = 60e6;

/* A value: who wrote it, its number, and how long its end is. */
struct written {
    uint64_t value; /* 0: none yet. */
    uint64_t more;
};

enum { VALUE_MORE_MAX = 8192, VALUE_TEXT_MAX = VALUE_MORE_MAX + 64 };

struct client {
    uint32_t number; /* Of its place: its twins at other ports have the same. */
    struct sockaddr_storage to;
    socklen_t to_size;
    int fd; /* -1: not connected. */
    bool connecting;
    struct random random;   /* When it asks, and */
    struct random requests; /* what. */
    uint64_t due_ns;        /* It asks, or connects, then. */
    uint64_t late_ns;       /* Answers that are not there by then do not come. */
    uint32_t owed;          /* Replies. */
    uint64_t value;         /* Counts up. */
    struct written *last;   /* By key. */
    bool audit;
    struct buf in;
    struct buf out;
};

struct load {
    pid_t pid;
    int lifeline; /* Our end: when it closes, the process ends. */
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool load_mix(uint32_t mix[LOAD_KINDS], const char *text)
{
    static const char *const kinds[] = {"set", "get", "del", "incr", "exec", "append", "cas"};
    char word[16];
    unsigned weight;
    if (sscanf(text, "%15s %u", word, &weight) != 2 || weight > 1000000)
        return false;
    for (size_t i = 0; i < LOAD_KINDS; i++)
        if (strcmp(kinds[i], word) == 0) {
            mix[i] = weight;
            return true;
        }
    return false;
}

/* --- replies --- */

static long reply_end(const char *text, size_t n, int depth)
{
    const char *line = n ? memchr(text, '\n', n) : NULL;
    if (!line)
        return n > 65536 ? -1 : 0;
    long at = line - text + 1, number;
    switch (*text) {
    case '+':
    case '-':
    case ':':
        return at;
    case '$':
        number = strtol(text + 1, NULL, 10);
        if (number > REPLY_MAX)
            return -1;
        at += number < 0 ? 0 : number + 2;
        return (size_t)at <= n ? at : 0;
    case '*':
        number = strtol(text + 1, NULL, 10);
        for (long i = 0; i < number; i++) {
            long more =
                depth < REPLY_DEPTH_MAX ? reply_end(text + at, n - (size_t)at, depth + 1) : -1;
            if (more <= 0)
                return more;
            at += more;
        }
        return at;
    default:
        return -1;
    }
}

long load_reply(const char *text, size_t n)
{
    return reply_end(text, n, 0);
}

/* --- requests --- */

static void ask(struct client *c, const char *const *words, size_t n)
{
    buf_printf(&c->out, "*%zu\r\n", n);
    for (size_t i = 0; i < n; i++)
        buf_printf(&c->out, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
    c->owed++;
}

static void value_text(const struct client *c, const struct written *w, char into[VALUE_TEXT_MAX])
{
    int n = snprintf(into, 64, "%u.%" PRIu64 ".", c->number, w->value);
    memset(into + n, 'x', w->more);
    into[(uint64_t)n + w->more] = 0;
}

static void ask_kind(struct client *c, const struct load_plan *p, enum load_kind kind)
{
    char key[32], value[VALUE_TEXT_MAX], expected[VALUE_TEXT_MAX];
    static const char *const verbs[LOAD_KINDS] = {"SET", "GET", "DEL", "INCR", "", "APPEND", "CAS"};
    bool counter = kind == LOAD_INCR || (kind == LOAD_GET && random_chance(&c->requests, 0.2));
    uint64_t which = random_below(&c->requests, p->keys);
    snprintf(key, sizeof key, "%c%" PRIu64, counter ? 'n' : 'k', which);
    struct written w = {++c->value, random_below(&c->requests, p->value_bytes + 1)};
    w.more = w.more < VALUE_MORE_MAX ? w.more : VALUE_MORE_MAX;
    value_text(c, &w, value);
    value_text(c, &c->last[which], expected);
    if (kind == LOAD_CAS)
        ask(c, (const char *const[]){verbs[kind], key, expected, value}, 4);
    else
        ask(c, (const char *const[]){verbs[kind], key, value},
            kind == LOAD_SET || kind == LOAD_APPEND ? 3 : 2);
    if (kind == LOAD_SET || kind == LOAD_CAS)
        c->last[which] = w;
}

static enum load_kind draw(struct client *c, const struct load_plan *p)
{
    uint64_t all = 0;
    for (size_t i = 0; i < LOAD_KINDS; i++)
        all += p->mix[i];
    uint64_t at = random_below(&c->requests, all);
    size_t kind = 0;
    while (at >= p->mix[kind])
        at -= p->mix[kind++];
    return (enum load_kind)kind;
}

static void ask_everything(struct client *c, const struct load_plan *p)
{
    char key[32];
    for (int counter = 0; counter < 2; counter++)
        for (uint32_t i = 0; i < p->keys; i++) {
            snprintf(key, sizeof key, "%c%u", counter ? 'n' : 'k', i);
            ask(c, (const char *const[]){"GET", key}, 2);
        }
}

static void ask_next(struct client *c, const struct load_plan *p)
{
    uint64_t now = now_ns();
    double mean = p->rate > 0 ? 1e9 / p->rate : 0;
    c->due_ns = now + (uint64_t)(mean > 0 ? random_exponential(&c->random, mean) : 0);
    c->late_ns = now + PATIENCE_MS * UINT64_C(1000000);
    if (c->audit) {
        c->audit = false;
        ask_everything(c, p);
        return;
    }
    enum load_kind kind = draw(c, p);
    if (kind != LOAD_EXEC) {
        ask_kind(c, p, kind);
        return;
    }
    ask(c, (const char *const[]){"MULTI"}, 1);
    for (uint64_t i = 1 + random_below(&c->requests, WRITES_IN_EXEC_MAX); i > 0; i--)
        ask_kind(c, p, random_chance(&c->requests, 0.7) ? LOAD_SET : LOAD_INCR);
    ask(c, (const char *const[]){"EXEC"}, 1);
}

/* --- connections --- */

static void lose(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->connecting = false;
    c->owed = 0;
    buf_clear(&c->in);
    buf_clear(&c->out);
    c->due_ns = now_ns() + (uint64_t)random_exponential(&c->random, retry_mean_ns) + 5000000;
}

static void try_connect(struct client *c)
{
    int one = 1;
    c->fd = socket(c->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        lose(c);
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->connecting = true;
    if (connect(c->fd, (const struct sockaddr *)&c->to, c->to_size) < 0 && errno != EINPROGRESS)
        lose(c);
}

static void connected(struct client *c)
{
    int error = 0;
    socklen_t size = sizeof error;
    c->connecting = false;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error) {
        lose(c);
        return;
    }
    c->audit = true; /* What a crash took away is seen before anything is written over it. */
    c->due_ns = now_ns();
}

static void read_replies(struct client *c)
{
    ssize_t n = read(c->fd, buf_extend(&c->in, 16384), 16384);
    int error = errno;
    c->in.len -= 16384 - (size_t)(n > 0 ? n : 0);
    if (n == 0 || (n < 0 && error != EAGAIN && error != EINTR)) {
        lose(c);
        return;
    }
    long end;
    while (c->owed && (end = load_reply((const char *)c->in.base, c->in.len)) != 0) {
        if (end < 0) {
            lose(c);
            return;
        }
        buf_consume(&c->in, (size_t)end);
        c->owed--;
    }
}

static void write_requests(struct client *c)
{
    ssize_t n = write(c->fd, c->out.base, c->out.len);
    if (n > 0)
        buf_consume(&c->out, (size_t)n);
    else if (errno != EAGAIN && errno != EINTR)
        lose(c);
}

static void look(struct client *c, short events)
{
    if (c->connecting && events)
        connected(c);
    else if (events & (POLLIN | POLLHUP | POLLERR))
        read_replies(c);
    if (c->fd >= 0 && !c->connecting && c->out.len)
        write_requests(c);
}

static void when_due(struct client *c, const struct load_plan *p, uint64_t now)
{
    if (c->fd < 0) {
        if (now >= c->due_ns)
            try_connect(c);
        return;
    }
    if (c->owed && now >= c->late_ns)
        lose(c);
    else if (!c->connecting && !c->owed && now >= c->due_ns) {
        ask_next(c, p);
        write_requests(c);
    }
}

/* Milliseconds until something is due. */
static int wait_for(const struct client *all, size_t n, uint64_t now)
{
    uint64_t least = now + 100000000;
    for (size_t i = 0; i < n; i++) {
        uint64_t due = all[i].owed || all[i].connecting ? all[i].late_ns : all[i].due_ns;
        if (due > now && due < least)
            least = due;
        else if (due <= now && !all[i].connecting)
            return 0;
    }
    return (int)((least - now) / 1000000) + 1;
}

static void serve(const struct load_plan *p, int lifeline)
{
    size_t n = p->n_ports * p->clients;
    struct client *all = calloc(n, sizeof *all);
    struct pollfd *polled = calloc(n + 1, sizeof *polled);
    CHECK(all && polled);
    for (size_t i = 0; i < n; i++) {
        const struct load_port *port = &p->ports[i / p->clients];
        uint32_t number = port->place * p->clients + (uint32_t)(i % p->clients);
        all[i] = (struct client){.number = number, .fd = -1};
        all[i].to_size = endpoint_address(port->address, port->port, &all[i].to);
        all[i].random = random_split(p->seed, 2 * (uint64_t)number);
        all[i].requests = random_split(p->seed, 2 * (uint64_t)number + 1);
        all[i].last = must_alloc(p->keys, sizeof *all[i].last);
    }
    for (;;) {
        uint64_t now = now_ns();
        for (size_t i = 0; i < n; i++)
            when_due(&all[i], p, now);
        for (size_t i = 0; i < n; i++)
            polled[i] = (struct pollfd){
                .fd = all[i].fd,
                .events = (short)(all[i].connecting || all[i].out.len ? POLLIN | POLLOUT : POLLIN)};
        polled[n] = (struct pollfd){.fd = lifeline, .events = POLLIN};
        if (poll(polled, n + 1, wait_for(all, n, now_ns())) < 0 && errno != EINTR)
            return;
        if (polled[n].revents)
            return;
        for (size_t i = 0; i < n; i++)
            if (polled[i].fd >= 0 && polled[i].revents)
                look(&all[i], polled[i].revents);
    }
}

/* --- the process --- */

static _Noreturn void be_the_process(const struct load_plan *plan, int lifeline, pid_t parent)
{
    int moved = 3;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "orrery-load");
    if (getppid() != parent)
        _exit(0);
    /* Nothing of the observer's may be held open here: its sockets, the nodes' rings. */
    if (lifeline != moved)
        dup2(lifeline, moved);
    syscall(SYS_close_range, 4U, ~0U, 0U);
    for (int i = 1; i < 32; i++)
        if (i != SIGKILL && i != SIGSTOP)
            signal(i, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Of the terminal: the observer ends us when it ends. */
    serve(plan, moved);
    _exit(0);
}

struct load *load_start(const struct load_plan *plan, char *why, size_t why_size)
{
    int ends[2];
    CHECK(plan->keys > 0);
    if (plan->n_ports * plan->clients > LOAD_CLIENTS_MAX) {
        snprintf(why, why_size, "%zu clients are too many: at most %d",
                 plan->n_ports * plan->clients, LOAD_CLIENTS_MAX);
        return NULL;
    }
    if (pipe(ends) < 0) {
        snprintf(why, why_size, "the clients cannot be started: %s", strerror(errno));
        return NULL;
    }
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        be_the_process(plan, ends[0], parent);
    }
    close(ends[0]);
    if (pid < 0) {
        snprintf(why, why_size, "the clients cannot be started: %s", strerror(errno));
        close(ends[1]);
        return NULL;
    }
    struct load *l = calloc(1, sizeof *l);
    CHECK(l);
    *l = (struct load){pid, ends[1]};
    return l;
}

void load_stop(struct load *l)
{
    if (!l)
        return;
    close(l->lifeline);
    kill(l->pid, SIGKILL);
    while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(l);
}
