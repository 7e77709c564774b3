#include "agent/agent.h"

#include "base/check.h"
#include "cluster/units.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORDS_BYTES = WORDS_LINES * WORDS_LINE_MAX };

extern char **environ;

/* The descriptors that one process is given, all above those that it will find them at. */
struct gifts {
    int null;
    int words[2];
    int control[2];
    int ring;
    int ledger;
};

static void gifts_close(struct gifts *g)
{
    int *all[] = {&g->null,       &g->words[0], &g->words[1], &g->control[0],
                  &g->control[1], &g->ring,     &g->ledger};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (*all[i] >= 0) {
            close(*all[i]);
            *all[i] = -1;
        }
}

/* dup2() in the child must not overwrite a descriptor that is still to be given. */
static int lifted(int fd)
{
    if (fd < 0 || fd > NODE_FD_LEDGER)
        return fd;
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, NODE_FD_LEDGER + 1);
    close(fd);
    return higher;
}

static int shared_memory(const char *name, size_t size, void **memory)
{
    int fd = lifted(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (fd < 0)
        return -1;
    /* Sealed, since whoever could shrink it would kill the other side by SIGBUS. */
    if (ftruncate(fd, (off_t)size) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        close(fd);
        return -1;
    }
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        close(fd);
        return -1;
    }
    *memory = at;
    return fd;
}

static bool gifts_make(struct life *l, struct gifts *g, size_t capacity)
{
    g->null = lifted(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (g->null < 0 || pipe2(g->words, O_CLOEXEC) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, g->control) < 0)
        return false;
    g->words[1] = lifted(g->words[1]);
    g->control[1] = lifted(g->control[1]);
    l->ring_size = ring_size(capacity);
    g->ring = shared_memory("orrery-ring", l->ring_size, &l->ring_memory);
    void *ledger = NULL;
    g->ledger = shared_memory("orrery-ledger", sizeof(struct ledger), &ledger);
    l->ledger = ledger;
    if (g->ring < 0 || g->ledger < 0 || g->words[1] < 0 || g->control[1] < 0)
        return false;
    ring_create(&l->ring, l->ring_memory, capacity);
    return true;
}

/* A process group of its own, so that ^C at our terminal reaches us alone and we end it in order.
 */
static int spawn(const char *program, const struct agent_node *n, const struct gifts *g, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawnattr_init(&attributes) == 0);
    const int gives[][2] = {{g->null, 0},
                            {g->words[1], 1},
                            {g->words[1], 2},
                            {g->control[1], NODE_FD_CONTROL},
                            {g->ring, NODE_FD_RING},
                            {g->ledger, NODE_FD_LEDGER}};
    for (size_t i = 0; i < sizeof gives / sizeof gives[0]; i++)
        CHECK(posix_spawn_file_actions_adddup2(&actions, gives[i][0], gives[i][1]) == 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    char name[sizeof n->name];
    snprintf(name, sizeof name, "%s", n->name);
    char self[24];
    snprintf(self, sizeof self, "%ld", (long)getpid());
    char path[] = "orrery-node", control[] = "--control=3", ring[] = "--ring=4";
    char ledger[] = "--ledger=5", parent[] = "--parent";
    /* The name is for `ps`; the rest comes by the socket. */
    char *argv[] = {path, name, control, ring, ledger, parent, self, NULL};
    int error = posix_spawn(pid, program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void words_keep(struct life *l, struct bytes more)
{
    if (more.len > WORDS_BYTES)
        more = bytes_of(more.base + (more.len - WORDS_BYTES), WORDS_BYTES);
    buf_append(&l->words, more);
    if (l->words.len > 2 * WORDS_BYTES)
        buf_consume(&l->words, l->words.len - WORDS_BYTES);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *into)
{
    static char memory[16384]; /* Consumed before the loop reads anything else. */
    (void)handle;
    (void)suggested;
    *into = uv_buf_init(memory, sizeof memory);
}

static void heard_words(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct life *l = stream->data;
    if (n < 0) {
        uv_read_stop(stream);
        return;
    }
    words_keep(l, bytes_of(buf->base, (size_t)n));
    life_tell_words(l);
    agent_changed(l->node->agent, l->node);
}

void life_read_words(struct life *l)
{
    uv_os_fd_t fd;
    char memory[4096];
    uv_read_stop((uv_stream_t *)&l->err);
    if (uv_fileno((uv_handle_t *)&l->err, &fd) != 0)
        return;
    /* Bounded: a child of the node could hold the pipe and write on. */
    for (int i = 0; i < 64; i++) {
        ssize_t n = read(fd, memory, sizeof memory);
        if (n <= 0)
            break;
        words_keep(l, bytes_of(memory, (size_t)n));
    }
}

size_t stderr_lines(const struct buf *words, char *lines[WORDS_LINES])
{
    size_t n = 0, end = words->len;
    while (end > 0 && n < WORDS_LINES) {
        size_t from = end;
        while (from > 0 && words->base[from - 1] != '\n')
            from--;
        if (end > from) {
            char line[WORDS_LINE_MAX];
            text_clean(line, sizeof line, bytes_of(words->base + from, end - from));
            lines[n] = strdup(line);
            CHECK(lines[n]);
            n++;
        }
        end = from > 0 ? from - 1 : 0;
    }
    for (size_t i = 0; i < n / 2; i++) {
        char *swap = lines[i];
        lines[i] = lines[n - 1 - i];
        lines[n - 1 - i] = swap;
    }
    return n;
}

void life_tell_words(struct life *l)
{
    char *lines[WORDS_LINES], words[WORDS_LINES * WORDS_LINE_MAX];
    size_t count = stderr_lines(&l->words, lines), length = 0;
    words[0] = '\0';
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(words + length, sizeof words - length, "%s%s", i ? "\n" : "",
                                   lines[i]);
    stderr_lines_free(lines, count);
    if (count > 0 && !l->failed) /* A sentence of its own says more. */
        agent_words(l->node, words);
}

void stderr_lines_free(char *lines[WORDS_LINES], size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(lines[i]);
}

static void listen_to(struct life *l, struct gifts *g)
{
    struct agent *a = l->node->agent;
    CHECK(uv_pipe_init(a->loop, &l->err, 0) == 0);
    CHECK(uv_pipe_open(&l->err, g->words[0]) == 0);
    g->words[0] = -1;
    l->err.data = l;
    l->open++;
    a->handles++;
    CHECK(uv_read_start((uv_stream_t *)&l->err, allocate, heard_words) == 0);
    control_open(l, g->control[0]);
    g->control[0] = -1;
}

int life_start(struct life *l, const char *program, size_t capacity, char *why, size_t why_size)
{
    struct gifts g = {-1, {-1, -1}, {-1, -1}, -1, -1};
    int error = 0;
    if (!gifts_make(l, &g, capacity))
        error = errno;
    else
        error = spawn(program, l->node, &g, &l->pid);
    if (error == EMFILE || error == ENFILE)
        snprintf(why, why_size,
                 "too many open files for another node: raise the limit (ulimit -n)");
    else if (error == EAGAIN)
        snprintf(why, why_size, "too many processes for another node: raise the limit (ulimit -u)");
    else if (error)
        snprintf(why, why_size, "cannot start %s: %s", program, strerror(error));
    if (error == 0)
        listen_to(l, &g);
    gifts_close(&g);
    return -error;
}

static void unmap(struct life *l)
{
    if (l->ring_memory)
        munmap(l->ring_memory, l->ring_size);
    if (l->ledger)
        munmap(l->ledger, sizeof *l->ledger);
    l->ring_memory = NULL;
    l->ledger = NULL;
}

static void life_free(struct life *l)
{
    unmap(l);
    buf_free(&l->in);
    buf_free(&l->words);
    free(l);
}

static void closed(uv_handle_t *handle)
{
    struct life *l = handle->data;
    struct agent *a = l->node->agent;
    if (--l->open == 0)
        life_free(l);
    agent_handle_closed(a);
}

static void grace_closed(uv_handle_t *handle)
{
    struct agent *a = handle->data;
    free(handle);
    agent_handle_closed(a);
}

void life_close(struct life *l)
{
    if (l->grace) {
        l->grace->data = l->node->agent;
        uv_close((uv_handle_t *)l->grace, grace_closed);
        l->grace = NULL;
    }
    if (l->open == 0) {
        life_free(l);
        return;
    }
    unmap(l);
    uv_close((uv_handle_t *)&l->err, closed);
    uv_close((uv_handle_t *)&l->control, closed);
}
