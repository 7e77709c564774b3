#include "life.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CONTROL_FD = 3, RING_FD = 4, LEDGER_FD = 5, RING_BYTES = 4 << 20 };

/* Ends the test with a sentence. */
#define must(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                        \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static uint64_t mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t now_ms(void)
{
    return mono_ns() / 1000000;
}

void wait_a_moment(void)
{
    poll(NULL, 0, 1);
}

uint64_t life_epoch(void)
{
    static uint64_t epoch;
    if (!epoch)
        epoch = mono_ns();
    return epoch;
}

static void *shared(int *fd, const char *name, size_t size)
{
    *fd = memfd_create(name, MFD_CLOEXEC);
    must(*fd >= 0 && ftruncate(*fd, (off_t)size) == 0, "no shared memory: %s", strerror(errno));
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    must(memory != MAP_FAILED, "no shared memory: %s", strerror(errno));
    return memory;
}

/* In the child: what it inherits, at the numbers that it is told. */
static _Noreturn void become_node(pid_t parent, const int fds[4])
{
    int high[4];
    for (int i = 0; i < 4; i++)
        high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
    dup2(high[0], CONTROL_FD);
    dup2(high[1], RING_FD);
    dup2(high[2], LEDGER_FD);
    dup2(high[3], STDERR_FILENO);
    char pid[24];
    snprintf(pid, sizeof pid, "%ld", (long)parent);
    execl(ORRERY_NODE, "orrery-node", "--control", "3", "--ring", "4", "--ledger", "5", "--parent",
          pid, (char *)NULL);
    _exit(127);
}

static void spawn(struct life *l, size_t ring_bytes)
{
    *l = (struct life){.keep = true};
    int sockets[2];
    int errors[2];
    int ring_fd;
    int ledger_fd;
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0, "no socket");
    must(pipe2(errors, O_CLOEXEC | O_NONBLOCK) == 0, "no pipe");
    l->ring_bytes = ring_size(ring_bytes);
    l->ring_memory = shared(&ring_fd, "ring", l->ring_bytes);
    l->ledger = shared(&ledger_fd, "ledger", sizeof *l->ledger);
    ring_create(&l->ring, l->ring_memory, ring_bytes);
    pid_t self = getpid();
    l->pid = fork();
    must(l->pid >= 0, "cannot fork: %s", strerror(errno));
    if (l->pid == 0)
        become_node(self, (int[]){sockets[1], ring_fd, ledger_fd, errors[1]});
    close(sockets[1]);
    close(errors[1]);
    close(ring_fd);
    close(ledger_fd);
    l->control = sockets[0];
    l->errors = errors[0];
}

static void fill_settings(const struct life_plan *plan, Orrery__KeyValue *values,
                          Orrery__KeyValue **list, char (*keys)[64], Orrery__Instance *instance)
{
    for (size_t i = 0; plan->settings[i]; i++) {
        const char *equals = strchr(plan->settings[i], '=');
        must(equals, "a setting is KEY=VALUE");
        snprintf(keys[i], 64, "%.*s", (int)(equals - plan->settings[i]), plan->settings[i]);
        orrery__key_value__init(&values[i]);
        values[i].key = keys[i];
        values[i].value = (char *)(uintptr_t)(equals + 1);
        list[i] = &values[i];
        instance->n_settings = i + 1;
    }
    instance->settings = list;
}

void life_begin(struct life *l, const struct life_plan *plan)
{
    spawn(l, plan->ring_bytes ? plan->ring_bytes : RING_BYTES);
    Orrery__KeyValue values[LIFE_SETTINGS_MAX];
    Orrery__KeyValue *list[LIFE_SETTINGS_MAX];
    char keys[LIFE_SETTINGS_MAX][64];
    Orrery__Instance instance = ORRERY__INSTANCE__INIT;
    Orrery__Instance *instances[] = {&instance};
    instance.number = 1;
    instance.protocol = (char *)(uintptr_t)plan->protocol;
    fill_settings(plan, values, list, keys, &instance);

    Orrery__NodeConfig config = ORRERY__NODE_CONFIG__INIT;
    if (plan->config)
        config = *plan->config;
    char name[16];
    snprintf(name, sizeof name, "n%u", plan->node);
    uint8_t secret[16] = "a secret of all";
    config.node = plan->node;
    config.name = name;
    config.boot = plan->boot ? plan->boot : 1;
    config.nodes = plan->nodes;
    config.seed = plan->seed ? plan->seed : plan->node;
    config.secret = (ProtobufCBinaryData){sizeof secret, secret};
    config.n_instances = 1;
    config.instances = instances;
    config.directory = (char *)(uintptr_t)(plan->directory ? plan->directory : "");
    config.address = (char *)(uintptr_t) "127.0.0.1";
    config.udp_port = plan->udp_port;
    config.tcp_port = plan->tcp_port;
    config.client_port = plan->client_port;
    config.level = plan->level;
    config.epoch_ns = life_epoch();
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_CONFIG;
    message.config = &config;
    life_say(l, &message);
}

void life_say(struct life *l, const Orrery__ToNode *message)
{
    size_t size = orrery__to_node__get_packed_size(message);
    struct buf frame = {0};
    put_u32(buf_extend(&frame, 4), (uint32_t)size);
    orrery__to_node__pack(message, buf_extend(&frame, size));
    size_t at = 0;
    while (at < frame.len) {
        ssize_t n = send(l->control, frame.base + at, frame.len - at, MSG_NOSIGNAL);
        if (n <= 0)
            break; /* It is gone; whoever waits for it sees that. */
        at += (size_t)n;
    }
    buf_free(&frame);
}

/* The next message of the node, or NULL when there will be none. */
static Orrery__FromNode *next_message(struct life *l)
{
    uint64_t deadline = now_ms() + LIFE_DEADLINE_MS;
    while (l->in.len < 4 || l->in.len - 4 < get_u32(l->in.base)) {
        struct pollfd p = {.fd = l->control, .events = POLLIN};
        uint64_t now = now_ms();
        must(now < deadline, "node says nothing; on stderr: %s", life_words(l));
        poll(&p, 1, (int)(deadline - now));
        uint8_t *room = buf_extend(&l->in, 4096);
        ssize_t n = recv(l->control, room, 4096, MSG_DONTWAIT);
        l->in.len -= 4096 - (n > 0 ? (size_t)n : 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return NULL;
    }
    size_t size = get_u32(l->in.base);
    Orrery__FromNode *message = orrery__from_node__unpack(NULL, size, l->in.base + 4);
    buf_consume(&l->in, 4 + size);
    return message;
}

bool life_ready(struct life *l)
{
    Orrery__FromNode *message = next_message(l);
    must(message, "node ended before it was ready: %s", life_words(l));
    bool ready = message->kind_case == ORRERY__FROM_NODE__KIND_READY;
    if (ready) {
        l->udp_port = message->ready->udp_port;
        l->tcp_port = message->ready->tcp_port;
        l->client_port = message->ready->client_port;
    } else if (message->kind_case == ORRERY__FROM_NODE__KIND_FAILED) {
        snprintf(l->why, sizeof l->why, "%s", message->failed->why);
    }
    orrery__from_node__free_unpacked(message, NULL);
    return ready;
}

void life_introduce(struct life *lives, uint32_t n)
{
    Orrery__Member *members = calloc(n, sizeof *members);
    Orrery__Member **list = calloc(n, sizeof *list);
    must(members && list, "no memory");
    for (uint32_t i = 0; i < n; i++) {
        orrery__member__init(&members[i]);
        members[i].node = i + 1;
        members[i].name = (char *)(uintptr_t) "n";
        members[i].address = (char *)(uintptr_t) "127.0.0.1";
        members[i].udp_port = lives[i].udp_port;
        members[i].tcp_port = lives[i].tcp_port;
        list[i] = &members[i];
    }
    Orrery__Members all = ORRERY__MEMBERS__INIT;
    all.n_members = n;
    all.members = list;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_MEMBERS;
    message.members = &all;
    for (uint32_t i = 0; i < n; i++)
        if (lives[i].pid)
            life_say(&lives[i], &message);
    free(members);
    free(list);
}

void life_quit(struct life *l)
{
    Orrery__Quit quit = ORRERY__QUIT__INIT;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_QUIT;
    message.quit = &quit;
    life_say(l, &message);
}

int life_wait(struct life *l)
{
    uint64_t deadline = now_ms() + LIFE_DEADLINE_MS;
    int status;
    pid_t got;
    while ((got = waitpid(l->pid, &status, WNOHANG)) == 0) {
        must(now_ms() < deadline, "node does not end; on stderr: %s", life_words(l));
        life_read(l); /* Nothing may depend on us, but nothing should be lost either. */
        wait_a_moment();
    }
    must(got == l->pid, "the node is nobody's: %s", strerror(errno));
    l->pid = 0;
    life_read(l);
    return status;
}

void life_end(struct life *l)
{
    if (l->pid > 0) {
        kill(l->pid, SIGKILL);
        life_wait(l);
    }
    for (size_t i = 0; i < l->n; i++)
        orrery__event__free_unpacked(l->events[i], NULL);
    free(l->events);
    close(l->control);
    close(l->errors);
    munmap(l->ring_memory, l->ring_bytes);
    munmap(l->ledger, sizeof *l->ledger);
    buf_free(&l->in);
    *l = (struct life){.control = -1, .errors = -1};
}

void life_read(struct life *l)
{
    struct buf scratch = {0};
    struct bytes record;
    int got;
    while ((got = ring_read(&l->ring, &record, &scratch)) == 1) {
        if (l->keep) {
            Orrery__Event *event = orrery__event__unpack(NULL, record.len, record.base);
            must(event, "what is in the ring is no event");
            if (l->n == l->cap) {
                l->cap = l->cap ? l->cap * 2 : 256;
                l->events = realloc(l->events, l->cap * sizeof(Orrery__Event *));
                must(l->events, "no memory");
            }
            l->events[l->n++] = event;
        }
        ring_read_done(&l->ring);
    }
    must(got == 0, "the ring is broken");
    buf_free(&scratch);
}

size_t life_find(struct life *l, size_t from, life_is is, const void *arg, const char *what)
{
    uint64_t deadline = now_ms() + LIFE_DEADLINE_MS;
    for (size_t i = from;; i++) {
        while (i >= l->n) {
            must(now_ms() < deadline, "no event came: %s; on stderr: %s", what, life_words(l));
            life_read(l);
            if (i >= l->n)
                wait_a_moment();
        }
        if (is(l->events[i], arg))
            return i;
    }
}

size_t life_count(const struct life *l, life_is is, const void *arg)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += is(l->events[i], arg);
    return n;
}

bool life_is_body(const Orrery__Event *event, const void *body_case)
{
    return event->body_case == *(const Orrery__Event__BodyCase *)body_case;
}

const char *life_words(struct life *l)
{
    static char words[4096];
    ssize_t n = read(l->errors, words, sizeof words - 1);
    words[n > 0 ? n : 0] = 0;
    return words;
}
