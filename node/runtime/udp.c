#include "runtime/udp.h"

#include "base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Turns in which datagrams keep coming end here, so that others get theirs. */
enum { BATCHES_MAX = 16 };

struct udp_waiting {
    union address address;
    node_id to;
    uint64_t event;
    uint16_t size;
};

static const size_t frames_size = (size_t)2 * UDP_BATCH * UDP_SLOT;

static void take(struct udp *u, uint8_t *at, size_t size)
{
    struct bytes frame = bytes_of(at, size);
    uint32_t from = NODE_NONE;
    if (u->seal && datagrams_unseal(u->seal, at, size, &frame, &from) != 0)
        u->io->refused(u->ctx, from, size);
    else
        u->io->received(u->ctx, frame);
}

static void receive(struct udp *u)
{
    struct mmsghdr messages[UDP_BATCH];
    struct iovec slots[UDP_BATCH];
    uint8_t *frames = u->frames + (size_t)UDP_BATCH * UDP_SLOT;
    for (int batch = 0; batch < BATCHES_MAX; batch++) {
        memset(messages, 0, sizeof messages);
        for (int i = 0; i < UDP_BATCH; i++) {
            slots[i] = (struct iovec){frames + (size_t)i * UDP_SLOT, UDP_SLOT};
            messages[i].msg_hdr.msg_iov = &slots[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        int n = recvmmsg(u->fd, messages, UDP_BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++)
            take(u, slots[i].iov_base, messages[i].msg_len);
        if (n < UDP_BATCH)
            return;
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct udp *u = poll->data;
    if (status == 0)
        receive(u);
}

static int bind_socket(struct udp *u, const char *address, uint16_t port)
{
    union address at;
    if (!address_parse(&at, address, port))
        return -EINVAL;
    u->fd = socket(at.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (u->fd < 0)
        return -errno;
    if (bind(u->fd, &at.any, address_size(&at)) < 0) {
        int error = -errno;
        close(u->fd);
        return error;
    }
    int size = 1 << 20; /* A node that was paused finds what fits; the kernel may allow less. */
    setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    u->port = address_port_of(u->fd);
    return 0;
}

int udp_open(struct udp *u, struct loop *loop, const char *address, uint16_t port,
             const struct udp_io *io, void *ctx)
{
    *u = (struct udp){.fd = -1, .io = io, .ctx = ctx};
    int error = bind_socket(u, address, port);
    if (error == -EADDRINUSE && port != 0)
        error = bind_socket(u, address, 0);
    if (error)
        return error;
    u->frames = mmap(NULL, frames_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(u->frames != MAP_FAILED);
    u->waiting = malloc(UDP_BATCH * sizeof *u->waiting);
    CHECK(u->waiting);
    u->poll.data = u;
    return uv_poll_init(&loop->uv, &u->poll, u->fd);
}

void udp_start(struct udp *u)
{
    CHECK(uv_poll_start(&u->poll, UV_READABLE, on_readable) == 0);
}

void udp_close(struct udp *u)
{
    uv_close((uv_handle_t *)&u->poll, NULL);
    close(u->fd);
    munmap(u->frames, frames_size);
    free(u->waiting);
}

void udp_send(struct udp *u, node_id to, const union address *address, struct bytes frame,
              uint64_t event)
{
    if (frame.len > UDP_FRAME_MAX) {
        u->io->unsent(u->ctx, to, event, frame.len, EMSGSIZE);
        return;
    }
    if (u->n_waiting == UDP_BATCH)
        udp_flush(u);
    uint8_t *at = u->frames + u->frames_used;
    if (u->seal)
        datagrams_seal(u->seal, frame, at);
    else
        memcpy(at, frame.base, frame.len);
    size_t size = frame.len + (u->seal ? SEAL_DATAGRAM : 0);
    u->frames_used += size;
    u->waiting[u->n_waiting++] =
        (struct udp_waiting){.address = *address, .to = to, .event = event, .size = (uint16_t)size};
}

void udp_flush(struct udp *u)
{
    struct mmsghdr messages[UDP_BATCH];
    struct iovec slots[UDP_BATCH];
    uint32_t n = u->n_waiting;
    uint8_t *at = u->frames;
    for (uint32_t i = 0; i < n; i++) {
        struct udp_waiting *w = &u->waiting[i];
        slots[i] = (struct iovec){at, w->size};
        at += w->size;
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &w->address,
                                                   .msg_namelen = address_size(&w->address),
                                                   .msg_iov = &slots[i],
                                                   .msg_iovlen = 1}};
    }
    uint32_t done = 0;
    while (done < n) {
        int sent = sendmmsg(u->fd, messages + done, n - done, 0);
        if (sent > 0) {
            done += (uint32_t)sent;
        } else if (errno != EINTR) {
            const struct udp_waiting *w = &u->waiting[done++];
            u->io->unsent(u->ctx, w->to, w->event, w->size, errno);
        }
    }
    u->n_waiting = 0;
    u->frames_used = 0;
}
