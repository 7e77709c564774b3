#include "page.h"

#include "unit/unit.h"

#include "session/house.h"
#include "web/web.h"

#include <arpa/inet.h>
#include <errno.h>
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

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- the observer --- */

struct child {
    uv_loop_t loop;
    uv_signal_t signal;
    struct house *house;
    struct web *web;
};

static void house_ended(void *ctx)
{
    struct child *c = ctx;
    web_close(c->web);
    uv_close((uv_handle_t *)&c->signal, NULL);
}

static void asked_to_end(uv_signal_t *signal, int number)
{
    struct child *c = signal->data;
    (void)number;
    house_end(c->house, house_ended, c);
}

static const uint8_t index_body[] = "<!doctype html><title>a page</title>";
static const uint8_t script_body[] = "a script that names its content";
static const struct asset files[] = {
    {"/assets/a-12345678.js",
     "text/javascript; charset=utf-8",
     {script_body, sizeof script_body - 1},
     true},
    {"/index.html", "text/html; charset=utf-8", {index_body, sizeof index_body - 1}, false},
};

/* Returns whether all ended as it should. */
static int observe(const struct observed_options *options, int out)
{
    static struct child c;
    char why[600], line[200];
    uv_loop_init(&c.loop);
    uv_signal_init(&c.loop, &c.signal);
    c.signal.data = &c;
    uv_signal_start(&c.signal, asked_to_end, SIGTERM);
    c.house = house_new(&c.loop);
    const struct web_options web = {.house = c.house,
                                    .port_given = true,
                                    .assets = files,
                                    .n_assets = 2,
                                    .hail_ms = options->hail_ms,
                                    .stall_ms = options->stall_ms};
    c.web = web_new(&c.loop, &web, why, sizeof why);
    if (!c.web) {
        fprintf(stderr, "%s\n", why);
        return 3;
    }
    int n = snprintf(line, sizeof line, "%u %s\n", web_port(c.web), web_token(c.web));
    if (write(out, line, (size_t)n) != n)
        return 4;
    close(out);
    uv_run(&c.loop, UV_RUN_DEFAULT);
    web_free(c.web);
    house_free(c.house);
    return uv_loop_close(&c.loop) == 0 ? 0 : 5;
}

void observed_begin(struct observed *o, const struct observed_options *options)
{
    int ends[2];
    char line[200];
    *o = (struct observed){0};
    snprintf(o->home, sizeof o->home, "/tmp/orrery-web-XXXXXX");
    assert_non_null(mkdtemp(o->home));
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    o->pid = fork();
    assert_true(o->pid >= 0);
    if (o->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        setenv("XDG_STATE_HOME", o->home, 1);
        setenv("ORRERY_NODE", ORRERY_NODE, 1);
        unsetenv("XDG_RUNTIME_DIR");
        close(ends[0]);
        exit(observe(options, ends[1]));
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof line, in));
    fclose(in);
    unsigned port;
    assert_int_equal(sscanf(line, "%u %79s", &port, o->token), 2);
    o->port = (uint16_t)port;
}

int observed_end(struct observed *o)
{
    int status;
    char command[128];
    kill(o->pid, SIGTERM);
    assert_int_equal(waitpid(o->pid, &status, 0), o->pid);
    snprintf(command, sizeof command, "rm -rf '%s'", o->home);
    assert_int_equal(system(command), 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

size_t observed_memory(const struct observed *o)
{
    char path[64];
    unsigned long all = 0, here = 0;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 0; /* Their own memory is many times ours. */
#endif
    snprintf(path, sizeof path, "/proc/%d/statm", (int)o->pid);
    FILE *in = fopen(path, "r");
    if (!in)
        return 0;
    if (fscanf(in, "%lu %lu", &all, &here) != 2)
        here = 0;
    fclose(in);
    return here * (size_t)sysconf(_SC_PAGESIZE);
}

/* --- connections --- */

int page_connect(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static bool put(int fd, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* More of what it says; 0 at its end. */
static ssize_t get(int fd, void *into, size_t n)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t deadline = now_ms() + PAGE_DEADLINE_MS;
    while (poll(&p, 1, 1000) <= 0)
        if (now_ms() > deadline)
            fail_msg("the observer said nothing for a minute");
    ssize_t got = recv(fd, into, n, 0);
    return got < 0 ? 0 : got;
}

static int status_of(const char *answer)
{
    int status;
    return sscanf(answer, "HTTP/1.%*c %d", &status) == 1 ? status : 0;
}

int page_http(uint16_t port, const char *request, char *answer, size_t size)
{
    int fd = page_connect(port);
    size_t at = 0;
    put(fd, request, strlen(request));
    shutdown(fd, SHUT_WR);
    for (ssize_t n; at + 1 < size && (n = get(fd, answer + at, size - 1 - at)) > 0;)
        at += (size_t)n;
    answer[at] = 0;
    close(fd);
    return status_of(answer);
}

int page_shake(struct page_client *c, uint16_t port, const char *path, const char *host,
               const char *origin)
{
    struct buf request = {0};
    char answer[4096];
    size_t at = 0;
    *c = (struct page_client){.fd = page_connect(port)};
    buf_printf(&request, "GET %s HTTP/1.1\r\n", path);
    if (host)
        buf_printf(&request, "Host: %s\r\n", host);
    if (origin)
        buf_printf(&request, "Origin: %s\r\n", origin);
    buf_printf(&request,
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    put(c->fd, request.base, request.len);
    buf_free(&request);
    while (at + 1 < sizeof answer) { /* Byte by byte: what follows are frames. */
        if (get(c->fd, answer + at, 1) <= 0)
            break;
        answer[++at] = 0;
        if (at >= 4 && memcmp(answer + at - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    answer[at] = 0;
    return status_of(answer);
}

void page_leave(struct page_client *c)
{
    close(c->fd);
    buf_free(&c->in);
    buf_free(&c->message);
}

bool page_frame(struct page_client *c, unsigned opcode, bool fin, struct bytes body)
{
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
    struct buf frame = {0};
    uint8_t head[14];
    size_t n = 2;
    head[0] = (uint8_t)((fin ? 0x80 : 0) | opcode);
    if (body.len < 126) {
        head[1] = (uint8_t)(0x80 | body.len);
    } else if (body.len < 65536) {
        head[1] = 0x80 | 126;
        head[n++] = (uint8_t)(body.len >> 8);
        head[n++] = (uint8_t)body.len;
    } else {
        head[1] = 0x80 | 127;
        for (int i = 7; i >= 0; i--)
            head[n++] = (uint8_t)((uint64_t)body.len >> (8 * i));
    }
    memcpy(head + n, mask, 4);
    buf_append(&frame, bytes_of(head, n + 4));
    uint8_t *at = buf_extend(&frame, body.len);
    for (size_t i = 0; i < body.len; i++)
        at[i] = body.base[i] ^ mask[i % 4];
    bool sent = put(c->fd, frame.base, frame.len);
    buf_free(&frame);
    return sent;
}

uint64_t page_ask(struct page_client *c, Orrery__Ask *ask)
{
    ask->id = ++c->asked;
    size_t size = orrery__ask__get_packed_size(ask);
    uint8_t *packed = malloc(size + 1);
    assert_non_null(packed);
    orrery__ask__pack(ask, packed);
    page_frame(c, 2, true, bytes_of(packed, size));
    free(packed);
    return ask->id;
}

/* One frame's length behind its header; 0 when it is not there yet. */
static size_t frame_of(const struct buf *in, size_t *header)
{
    if (in->len < 2)
        return 0;
    uint64_t n = in->base[1] & 0x7f;
    *header = n == 126 ? 4 : n == 127 ? 10 : 2;
    if (in->len < *header)
        return 0;
    if (n >= 126) {
        n = 0;
        for (size_t i = 2; i < *header; i++)
            n = n << 8 | in->base[i];
    }
    return in->len - *header >= n ? *header + (size_t)n : 0;
}

static void ended(struct page_client *c, struct bytes body)
{
    c->closed_with = body.len >= 2 ? (unsigned)(body.base[0] << 8 | body.base[1]) : 1005;
    if (body.len > 2)
        snprintf(c->reason, sizeof c->reason, "%.*s", (int)body.len - 2,
                 (const char *)body.base + 2);
}

Orrery__Tell *page_hear(struct page_client *c)
{
    uint8_t some[65536];
    while (!c->closed_with) {
        size_t header = 0, size = frame_of(&c->in, &header);
        if (size == 0) {
            ssize_t n = get(c->fd, some, sizeof some);
            if (n <= 0)
                c->closed_with = 1006;
            else
                buf_append(&c->in, bytes_of(some, (size_t)n));
            continue;
        }
        unsigned opcode = c->in.base[0] & 15;
        bool fin = c->in.base[0] & 0x80;
        assert_int_equal(c->in.base[1] & 0x80, 0); /* A server does not mask. */
        struct bytes body = bytes_of(c->in.base + header, size - header);
        if (opcode == 8)
            ended(c, body);
        else if (opcode <= 2)
            buf_append(&c->message, body);
        buf_consume(&c->in, size);
        if (opcode > 2 || !fin)
            continue;
        Orrery__Tell *tell = orrery__tell__unpack(NULL, c->message.len, c->message.base);
        buf_clear(&c->message);
        assert_non_null(tell);
        return tell;
    }
    return NULL;
}

Orrery__Tell *page_answer(struct page_client *c, uint64_t id)
{
    for (;;) {
        Orrery__Tell *tell = page_hear(c);
        if (!tell || tell->id == id)
            return tell;
        orrery__tell__free_unpacked(tell, NULL);
    }
}

void page_enter(struct page_client *c, const struct observed *o, const char *run)
{
    char host[32], origin[48];
    snprintf(host, sizeof host, "127.0.0.1:%u", o->port);
    snprintf(origin, sizeof origin, "http://%s", host);
    assert_int_equal(page_shake(c, o->port, "/ws", host, origin), 101);
    Orrery__Hail hail = ORRERY__HAIL__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    hail.token = (char *)(uintptr_t)o->token;
    hail.run = (char *)(uintptr_t)run;
    ask.kind_case = ORRERY__ASK__KIND_HAIL;
    ask.hail = &hail;
    Orrery__Tell *tell = page_answer(c, page_ask(c, &ask));
    assert_non_null(tell);
    assert_int_equal(tell->kind_case, ORRERY__TELL__KIND_HAILED);
    assert_int_equal(tell->hailed->joined, run[0] != 0);
    orrery__tell__free_unpacked(tell, NULL);
}

void page_sandbox(struct page_client *c, const char *protocol, uint32_t nodes, bool simulated,
                  char run[64])
{
    Orrery__Open open = ORRERY__OPEN__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    open.sandbox = (char *)(uintptr_t)protocol;
    open.nodes = nodes;
    open.simulated = simulated;
    open.seed = simulated ? 7 : 0;
    ask.kind_case = ORRERY__ASK__KIND_OPEN;
    ask.open = &open;
    Orrery__Tell *tell = page_answer(c, page_ask(c, &ask));
    assert_non_null(tell);
    if (tell->kind_case == ORRERY__TELL__KIND_REFUSED)
        fail_msg("%s", tell->refused->sentence);
    assert_int_equal(tell->kind_case, ORRERY__TELL__KIND_OPENED);
    assert_true(tell->opened->n_schemas > 0);
    assert_int_equal(tell->opened->run->nodes, nodes);
    snprintf(run, 64, "%s", tell->opened->run->name);
    orrery__tell__free_unpacked(tell, NULL);
}

bool page_act(struct page_client *c, const char *line, uint64_t *ordinal)
{
    Orrery__Act act = ORRERY__ACT__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    act.line = (char *)(uintptr_t)line;
    ask.kind_case = ORRERY__ASK__KIND_ACT;
    ask.act = &act;
    Orrery__Tell *tell = page_answer(c, page_ask(c, &ask));
    assert_non_null(tell);
    bool done = tell->kind_case == ORRERY__TELL__KIND_DONE;
    if (done && ordinal)
        *ordinal = tell->done->ordinal;
    orrery__tell__free_unpacked(tell, NULL);
    return done;
}
