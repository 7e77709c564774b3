#include "agent/process.h"

#include "base/check.h"
#include "cluster/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READS_LEFT_MAX = 64 };

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

static bool gifts_make(struct process *p, struct gifts *g, size_t capacity)
{
    g->null = lifted(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (g->null < 0 || pipe2(g->words, O_CLOEXEC) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, g->control) < 0)
        return false;
    g->words[1] = lifted(g->words[1]);
    g->control[1] = lifted(g->control[1]);
    p->ring_size = ring_size(capacity);
    g->ring = shared_memory("orrery-ring", p->ring_size, &p->ring_memory);
    void *ledger = NULL;
    g->ledger = shared_memory("orrery-ledger", sizeof(struct ledger), &ledger);
    p->ledger = ledger;
    if (g->ring < 0 || g->ledger < 0 || g->words[1] < 0 || g->control[1] < 0)
        return false;
    ring_create(&p->ring, p->ring_memory, capacity);
    return true;
}

/* A process group of its own, so that ^C at our terminal reaches us alone and we end it in order.
 */
static int spawn(const char *program, const char *name, const struct gifts *g, pid_t *pid)
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
    char self[24], shown[64];
    snprintf(shown, sizeof shown, "%s", name);
    snprintf(self, sizeof self, "%ld", (long)getpid());
    char path[] = "orrery-node", control[] = "--control=3", ring[] = "--ring=4";
    char ledger[] = "--ledger=5", parent[] = "--parent";
    /* The name is for `ps`; the rest comes by the socket. */
    char *argv[] = {path, shown, control, ring, ledger, parent, self, NULL};
    int error = posix_spawn(pid, program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *into)
{
    static char memory[16384]; /* Consumed before the loop reads anything else. */
    (void)handle;
    (void)suggested;
    *into = uv_buf_init(memory, sizeof memory);
}

static void heard_words(struct process *p, struct bytes words)
{
    p->io->worded(p->ctx, words);
}

static void heard_control(struct process *p, struct bytes more)
{
    struct bytes body;
    size_t size;
    int got;
    buf_append(&p->in, more);
    while ((got = frame_next(buf_bytes(&p->in), FROM_NODE_MAX, &body, &size)) > 0) {
        p->io->said(p->ctx, body);
        buf_consume(&p->in, size);
    }
    if (got < 0) {
        uv_read_stop((uv_stream_t *)&p->control);
        buf_clear(&p->in);
        p->io->babbled(p->ctx);
    }
}

static void read_words(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    if (n < 0)
        uv_read_stop(stream);
    else
        heard_words(stream->data, bytes_of(buf->base, (size_t)n));
}

static void read_control(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    if (n < 0)
        uv_read_stop(stream);
    else
        heard_control(stream->data, bytes_of(buf->base, (size_t)n));
}

/* What a dead process had still to say. Bounded: a child of it could hold the pipe and write on. */
static void read_rest(struct process *p, uv_pipe_t *pipe,
                      void (*heard)(struct process *p, struct bytes more))
{
    uv_os_fd_t fd;
    char memory[4096];
    uv_read_stop((uv_stream_t *)pipe);
    if (uv_fileno((uv_handle_t *)pipe, &fd) != 0)
        return;
    for (int i = 0; i < READS_LEFT_MAX; i++) {
        ssize_t n = read(fd, memory, sizeof memory);
        if (n <= 0)
            break;
        heard(p, bytes_of(memory, (size_t)n));
    }
}

static void open_pipe(struct process *p, uv_pipe_t *pipe, int *fd, uv_read_cb heard)
{
    CHECK(uv_pipe_init(p->family->loop, pipe, 0) == 0);
    CHECK(uv_pipe_open(pipe, *fd) == 0);
    *fd = -1;
    pipe->data = p;
    p->open++;
    CHECK(uv_read_start((uv_stream_t *)pipe, allocate, heard) == 0);
}

int process_start(struct process *p, struct family *f, const char *program, const char *name,
                  size_t ring_capacity, char *why, size_t why_size)
{
    struct gifts g = {-1, {-1, -1}, {-1, -1}, -1, -1};
    int error = 0;
    p->family = f;
    p->next = f->first;
    f->first = p;
    if (!gifts_make(p, &g, ring_capacity))
        error = errno;
    else
        error = spawn(program, name, &g, &p->pid);
    if (error == EMFILE || error == ENFILE)
        snprintf(why, why_size,
                 "too many open files for another node: raise the limit (ulimit -n)");
    else if (error == EAGAIN)
        snprintf(why, why_size, "too many processes for another node: raise the limit (ulimit -u)");
    else if (error)
        snprintf(why, why_size, "cannot start %s: %s", program, strerror(error));
    if (error == 0) {
        open_pipe(p, &p->err, &g.words[0], read_words);
        open_pipe(p, &p->control, &g.control[0], read_control);
    }
    gifts_close(&g);
    return -error;
}

struct said {
    uv_write_t request;
    struct buf frame;
};

static void wrote(uv_write_t *request, int status)
{
    struct said *said = (struct said *)request;
    (void)status; /* A node that is gone is told of by its exit. */
    buf_free(&said->frame);
    free(said);
}

void process_say(struct process *p, struct bytes frame)
{
    if (p->reaped || p->open == 0 || !uv_is_writable((uv_stream_t *)&p->control))
        return;
    struct said *said = calloc(1, sizeof *said);
    CHECK(said);
    buf_append(&said->frame, frame);
    uv_buf_t out = uv_buf_init((char *)said->frame.base, (unsigned)said->frame.len);
    if (uv_write(&said->request, (uv_stream_t *)&p->control, &out, 1, wrote) != 0)
        wrote(&said->request, -1);
}

void process_signal(const struct process *p, int number)
{
    if (p->pid > 0 && !p->reaped)
        kill(p->pid, number);
}

uint32_t process_read(struct process *p, uint32_t most, struct buf *scratch,
                      void (*each)(void *ctx, struct bytes event), void *ctx)
{
    struct bytes event;
    uint32_t n = 0;
    while (!p->ring_broken && p->ring_memory && n < most) {
        int got = ring_read(&p->ring, &event, scratch);
        if (got < 0)
            p->ring_broken = true;
        if (got <= 0)
            break;
        each(ctx, event);
        ring_read_done(&p->ring);
        n++;
    }
    return n;
}

uint64_t process_complete(const struct process *p, uint64_t now)
{
    return p->ring_broken || !p->ring_memory ? now : ring_complete(&p->ring, now);
}

uint64_t process_lost(const struct process *p)
{
    return p->ring_broken || !p->ring_memory ? 0 : ring_lost(&p->ring);
}

/* --- ends --- */

static void unmap(struct process *p)
{
    if (p->ring_memory)
        munmap(p->ring_memory, p->ring_size);
    if (p->ledger)
        munmap(p->ledger, sizeof *p->ledger);
    p->ring_memory = NULL;
    p->ledger = NULL;
}

static void gone(struct process *p)
{
    buf_free(&p->in);
    p->io->closed(p->ctx);
}

static void closed(uv_handle_t *handle)
{
    struct process *p = handle->data;
    if (--p->open == 0)
        gone(p);
}

void process_close(struct process *p)
{
    for (struct process **at = &p->family->first; *at; at = &(*at)->next)
        if (*at == p) {
            *at = p->next;
            break;
        }
    unmap(p);
    if (p->open == 0) {
        gone(p);
        return;
    }
    uv_close((uv_handle_t *)&p->err, closed);
    uv_close((uv_handle_t *)&p->control, closed);
}

static void ended(struct process *p, int status)
{
    p->reaped = true;
    read_rest(p, &p->control, heard_control);
    read_rest(p, &p->err, heard_words);
    p->io->ended(p->ctx, status);
}

static struct process *process_of(struct family *f, pid_t pid)
{
    for (struct process *p = f->first; p; p = p->next)
        if (p->pid == pid && !p->reaped)
            return p;
    return NULL;
}

/* One change of state of a child that is ours; false when there is none. Looked at before it is
 * taken, so that children that others started are left to them. */
static bool take_one(struct family *f, struct process *only)
{
    siginfo_t info = {0};
    int what = WEXITED | WSTOPPED | WCONTINUED | WNOHANG;
    if (waitid(only ? P_PID : P_ALL, only ? (id_t)only->pid : 0, &info, what | WNOWAIT) < 0 ||
        info.si_pid == 0)
        return false;
    struct process *p = only ? only : process_of(f, info.si_pid);
    if (!p)
        return false;
    if (info.si_code == CLD_STOPPED || info.si_code == CLD_CONTINUED) {
        waitid(P_PID, (id_t)p->pid, &info, (what & ~WEXITED));
        p->io->stopped(p->ctx, info.si_code == CLD_STOPPED);
        return true;
    }
    int status;
    if (waitpid(p->pid, &status, WNOHANG) != p->pid)
        return false;
    ended(p, status);
    return true;
}

static void on_child(uv_signal_t *signal, int number)
{
    struct family *f = signal->data;
    (void)number;
    while (take_one(f, NULL))
        ;
    /* A stranger's child at the head of the queue hides ours. */
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) < 0 ||
        info.si_pid == 0)
        return;
    for (struct process *p = f->first, *next; p; p = next) {
        next = p->next;
        if (p->pid > 0 && !p->reaped)
            take_one(f, p);
    }
}

void family_open(struct family *f, uv_loop_t *loop)
{
    f->loop = loop;
    f->first = NULL;
    CHECK(uv_signal_init(loop, &f->child) == 0);
    f->child.data = f;
    CHECK(uv_signal_start(&f->child, on_child, SIGCHLD) == 0);
}

static void family_closed(uv_handle_t *handle)
{
    struct family *f = handle->data;
    if (f->closed)
        f->closed(f->ctx);
}

void family_close(struct family *f, void (*then)(void *ctx), void *ctx)
{
    f->closed = then;
    f->ctx = ctx;
    uv_close((uv_handle_t *)&f->child, family_closed);
}
