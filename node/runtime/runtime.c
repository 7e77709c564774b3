#include "runtime/runtime.h"

#include "base/must.h"
#include "runtime/node.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct moment node_moment(struct node *n)
{
    events_stamp(&n->events);
    uint64_t mono = mono_now();
    events_stamped(&n->events, mono);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    nsec now = clock_now(&n->clock, mono);
    if (now > n->latest)
        n->latest = now;
    return (struct moment){
        .now = n->latest,
        .wall_ns =
            clock_wall(&n->clock, mono, (int64_t)wall.tv_sec * 1000000000 + (int64_t)wall.tv_nsec),
    };
}

/* One line, key=value; what others wrote keeps no quote and no control character. */
static void log_line(const struct node *n, const char *level, const char *why)
{
    char clean[WHY_SIZE];
    snprintf(clean, sizeof clean, "%s", why);
    for (char *at = clean; *at; at++)
        if (*at == '"' || (unsigned char)*at < ' ' || *at == 0x7f)
            *at = '\'';
    fprintf(stderr, "level=%s node=%s why=\"%s\"\n", level, n->name[0] ? n->name : "?", clean);
}

void node_warn(const struct node *n, const char *why)
{
    log_line(n, "warning", why);
}

static void tell_stop(struct node *n, int code, const char *why)
{
    if (!n->begun)
        return;
    Orrery__Stop stop = ORRERY__STOP__INIT;
    stop.why = (char *)(uintptr_t)why;
    stop.code = code;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.body_case = ORRERY__EVENT__BODY_STOP;
    event.stop = &stop;
    host_report(n->host, node_moment(n), &event);
}

_Noreturn void node_fail(struct node *n, int code, const char *why)
{
    tell_stop(n, code, why);
    if (n->phase == NODE_WAITING) {
        Orrery__Failed failed = ORRERY__FAILED__INIT;
        failed.why = (char *)(uintptr_t)why;
        Orrery__FromNode message = ORRERY__FROM_NODE__INIT;
        message.kind_case = ORRERY__FROM_NODE__KIND_FAILED;
        message.failed = &failed;
        control_send(&n->control, &message);
    }
    log_line(n, "error", why);
    _exit(code); /* At once: nothing may leave that the disk does not know. */
}

void node_quit(struct node *n)
{
    if (n->phase == NODE_WAITING)
        node_fail(n, 0, "it was ended before it began");
    n->phase = NODE_QUITTING;
}

static void on_agent_gone(void *ctx, const char *why)
{
    node_fail(ctx, EXIT_FAILED, why);
}

static void on_terminate(uv_signal_t *handle, int number)
{
    (void)number;
    struct node *n = handle->data;
    loop_noticed(&n->loop);
    node_quit(n);
}

static void on_alarm(void *ctx)
{
    struct node *n = ctx;
    if (n->phase == NODE_RUNNING)
        node_due(n);
}

static void set_alarm(struct node *n)
{
    nsec deadline = node_deadline(n);
    if (deadline != NSEC_NEVER)
        alarm_set(&n->alarm, clock_until(&n->clock, deadline, mono_now()));
}

static void finish_turn(struct node *n)
{
    if (n->phase == NODE_WAITING || n->loop.stopping)
        return;
    /* What a protocol put off until all that came together has been taken needs no alarm. */
    if (n->phase == NODE_RUNNING && node_deadline(n) <= node_moment(n).now)
        node_due(n);
    while (node_flush_parts(n))
        ;
    if (n->phase == NODE_RUNNING)
        set_alarm(n);
    if (n->phase == NODE_QUITTING && !logs_busy(&n->logs)) {
        tell_stop(n, 0, "asked");
        loop_stop(&n->loop);
    }
}

/* The end of each turn of the loop: whatever was stamped in it has been told. */
static void flush(void *ctx)
{
    struct node *n = ctx;
    finish_turn(n);
    events_settled(&n->events);
}

static struct ledger *map_ledger(int fd, char *why, size_t why_size)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || (size_t)st.st_size < sizeof(struct ledger)) {
        snprintf(why, why_size, "what was given as ledger is none");
        return NULL;
    }
    void *memory = mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        snprintf(why, why_size, "the ledger cannot be mapped: %s", strerror(errno));
        return NULL;
    }
    return memory;
}

static void prepare_process(void)
{
    mallopt(M_ARENA_MAX, 1); /* One lock guards all: more heaps would only take memory. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Typed at the terminal: that is for the observer to decide. */
    /* Nodes that share a processor take turns: one that is sent something does not push aside the
     * one that sends, which often has more to send, to others. Where it is not allowed, they do. */
    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static bool open_basics(struct node *n, const struct runtime_options *o, char *why, size_t why_size)
{
    if (!events_open(&n->events, o->ring_fd, why, why_size))
        return false;
    n->ledger = map_ledger(o->ledger_fd, why, why_size);
    if (!n->ledger)
        return false;
    n->control = (struct control){.loop = &n->loop,
                                  .fd = o->control_fd,
                                  .got = node_command,
                                  .gone = on_agent_gone,
                                  .ctx = n};
    int error = loop_init(&n->loop, flush, n);
    if (!error)
        error = alarm_open(&n->alarm, &n->loop, on_alarm, n);
    n->terminate.data = n;
    if (!error)
        error = uv_signal_init(&n->loop.uv, &n->terminate);
    if (!error)
        error = uv_signal_start(&n->terminate, on_terminate, SIGTERM);
    if (!error)
        error = control_open(&n->control);
    if (error)
        snprintf(why, why_size, "the event loop does not start: %s", uv_strerror(error));
    return !error;
}

static void close_node(struct node *n)
{
    if (n->serves)
        clients_close(&n->clients);
    host_free(n->host);
    streams_close(&n->streams);
    udp_close(&n->udp);
    datagrams_close(&n->datagrams);
    filter_free(&n->filter);
    logs_close(&n->logs);
    if (n->disk)
        disk_posix_close(n->disk);
    alarm_close(&n->alarm);
    control_close(&n->control);
    uv_close((uv_handle_t *)&n->terminate, NULL);
    loop_close(&n->loop);
    events_close(&n->events);
    munmap(n->ledger, sizeof *n->ledger);
    free(n->peers);
    free(n->changes);
    buf_free(&n->scratch);
}

int runtime_run(const struct runtime_options *options)
{
    prepare_process();
    struct node *n = must_alloc(1, sizeof *n);
    char why[WHY_SIZE];
    if (!open_basics(n, options, why, sizeof why)) {
        log_line(n, "error", why);
        free(n);
        return EXIT_USAGE;
    }
    loop_run(&n->loop);
    close_node(n);
    free(n);
    return 0;
}
