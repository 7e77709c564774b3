#include "runtime/clients.h"

#include "base/check.h"
#include "base/must.h"
#include "clients/resp_client.h"
#include "runtime/address.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 64 << 10, ACCEPTS_MAX = 64 };

static const char too_many[] = "-ERR max number of clients reached\r\n";

struct client {
    struct clients *all;
    client_id id;
    int fd;
    uv_poll_t poll;
    int events; /* That we wait for. */
    bool half;  /* Its end of input came while we did not read. */
    bool ended; /* It will say no more. */
    bool gone;  /* Closed; freed when libuv says so. */
    bool dirty;
    struct client *next_dirty;
    struct client *next; /* In its bucket. */
    struct resp_client resp;
};

static struct client **place_of(struct clients *all, client_id id)
{
    struct client **at = &all->buckets[id % CLIENTS_BUCKETS];
    while (*at && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

static void mark(struct client *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    c->next_dirty = c->all->dirty;
    c->all->dirty = c;
}

static void on_closed(uv_handle_t *handle)
{
    struct client *c = handle->data;
    resp_client_free(&c->resp);
    free(c);
}

static void end_client(struct client *c)
{
    struct clients *all = c->all;
    struct client **at = place_of(all, c->id);
    CHECK(*at == c && !c->gone);
    *at = c->next;
    all->n--;
    c->gone = true;
    loop_noticed(all->loop);
    uv_poll_stop(&c->poll);
    close(c->fd);
    if (!c->dirty)
        uv_close((uv_handle_t *)&c->poll, on_closed);
    all->io->disconnect(all->ctx, c->id);
}

static void on_event(uv_poll_t *poll, int status, int events);

/* Waits for what the connection needs next. */
static void watch(struct client *c)
{
    int events = resp_client_reading(&c->resp) ? UV_READABLE : UV_DISCONNECT;
    if (c->ended || (c->half && events == UV_DISCONNECT))
        events = 0;
    if (resp_client_output(&c->resp).len > 0)
        events |= UV_WRITABLE;
    if (events == c->events)
        return;
    c->events = events;
    loop_noticed(c->all->loop);
    CHECK(uv_poll_start(&c->poll, events, on_event) == 0);
}

/* True when something came of it: requests, or an error reply of the connection's own. */
static bool take_requests(struct client *c)
{
    struct clients *all = c->all;
    uint64_t first = c->resp.next;
    size_t output = resp_client_output(&c->resp).len;
    uint64_t request;
    struct bytes frame;
    while (resp_client_next(&c->resp, &request, &frame))
        all->io->request(all->ctx, c->id, request, frame);
    return c->resp.next != first || resp_client_output(&c->resp).len != output;
}

/* No more will come; what was asked is still answered. */
static void on_end_of_input(struct client *c)
{
    c->resp.ending = true;
    c->ended = true;
    mark(c);
}

static void read_some(struct client *c)
{
    struct clients *all = c->all;
    if (!all->read_buffer)
        all->read_buffer = malloc(READ_SIZE);
    CHECK(all->read_buffer);
    ssize_t n = recv(c->fd, all->read_buffer, READ_SIZE, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        end_client(c);
    } else if (n == 0) {
        on_end_of_input(c);
    } else {
        resp_client_feed(&c->resp, bytes_of(all->read_buffer, (size_t)n));
        take_requests(c);
        mark(c);
    }
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct client *c = poll->data;
    if (status < 0) {
        end_client(c);
        return;
    }
    if (events & UV_DISCONNECT) {
        /* It will say no more, but may still listen: what it asked for is read once there is room
         * for the answers. If it is gone for good, sending will tell. */
        c->half = true;
        mark(c);
    }
    if (events & UV_WRITABLE)
        mark(c);
    if (events & UV_READABLE)
        read_some(c);
}

/* Sends what the socket takes. False: the connection is broken. */
static bool write_some(struct client *c)
{
    struct bytes out;
    while ((out = resp_client_output(&c->resp)).len > 0) {
        ssize_t n = send(c->fd, out.base, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        resp_client_sent(&c->resp, (size_t)n);
    }
    return true;
}

static void flush_client(struct client *c)
{
    if (!write_some(c) || resp_client_finished(&c->resp)) {
        end_client(c);
        return;
    }
    if (resp_client_credit(&c->resp))
        c->all->io->credit(c->all->ctx, c->id);
    if (take_requests(c)) /* Sending made room for them. */
        mark(c);
    else
        watch(c);
}

void clients_push(struct clients *all)
{
    for (struct client *c = all->dirty; c; c = c->next_dirty)
        if (!c->gone)
            write_some(c);
}

void clients_flush(struct clients *all)
{
    while (all->dirty) {
        struct client *c = all->dirty;
        all->dirty = c->next_dirty;
        c->dirty = false;
        if (c->gone) {
            loop_noticed(all->loop);
            uv_close((uv_handle_t *)&c->poll, on_closed);
            continue;
        }
        flush_client(c);
    }
}

static void turn_away(int fd)
{
    ssize_t ignored = send(fd, too_many, sizeof too_many - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)ignored;
    close(fd);
}

static void welcome(struct clients *all, int fd)
{
    if (all->n >= all->io->limit(all->ctx)) {
        turn_away(fd);
        return;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct client *c = must_alloc(1, sizeof *c);
    c->all = all;
    c->id = ++all->newest;
    c->fd = fd;
    c->poll.data = c;
    resp_client_init(&c->resp);
    CHECK(uv_poll_init(&all->loop->uv, &c->poll, fd) == 0);
    *place_of(all, c->id) = c;
    all->n++;
    watch(c);
}

/* Without a free descriptor the client would wait for ever, and the listener ring for ever. */
static void turn_away_with_spare(struct clients *all)
{
    close(all->spare_fd);
    int fd = accept4(all->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        turn_away(fd);
    all->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct clients *all = poll->data;
    loop_noticed(all->loop);
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept4(all->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                turn_away_with_spare(all);
            return;
        }
        welcome(all, fd);
    }
}

int clients_open(struct clients *all, const char *address, uint16_t port)
{
    all->fd = address_listen(address, port, &all->port);
    if (all->fd < 0)
        return all->fd;
    all->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    all->listener.data = all;
    return uv_poll_init(&all->loop->uv, &all->listener, all->fd);
}

void clients_start(struct clients *all)
{
    CHECK(uv_poll_start(&all->listener, UV_READABLE, on_connection) == 0);
}

void clients_close(struct clients *all)
{
    for (int i = 0; i < CLIENTS_BUCKETS; i++)
        while (all->buckets[i])
            end_client(all->buckets[i]);
    clients_flush(all);
    uv_close((uv_handle_t *)&all->listener, NULL);
    close(all->fd);
    close(all->spare_fd);
    free(all->read_buffer);
}

void clients_reply(struct clients *all, client_id client, uint64_t request, struct bytes part,
                   bool more)
{
    struct client *c = *place_of(all, client);
    if (!c)
        return; /* Gone before its reply. */
    resp_client_reply(&c->resp, request, part, more);
    mark(c);
}
