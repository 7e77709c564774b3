/* Frames that hold anything, given to a host with two protocols. The first byte of each chunk says
 * how much of the way in is paved: raw bytes; a right checksum; a right envelope around the bytes.
 */
#include "base/check.h"
#include "base/crc32c.h"
#include "core/envelope.h"
#include "core/registry.h"
#include "toy/toy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(void *ctx, struct bytes event)
{
    Orrery__Event *e = orrery__event__unpack(NULL, event.len, event.base);
    CHECK(e != NULL);
    CHECK(e->seq == ++*(uint64_t *)ctx);
    orrery__event__free_unpacked(e, NULL);
}

static void on_send(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event)
{
    (void)t;
    struct envelope e;
    CHECK(envelope_unpack(frame, &e) == 0);
    CHECK(e.to == to);
    CHECK(e.event == event);
    CHECK(event == *(uint64_t *)ctx);
}

static struct host *make_host(uint64_t *seq)
{
    static const struct host_io io = {.event = on_event, .send = on_send};
    static const node_id members[] = {1, 2, 3};
    static struct core_ops puppet;
    puppet = toy_puppet();
    struct host_instance instances[] = {
        {.number = 1, .ops = &puppet},
        {.number = 2, .ops = registry_find("heartbeat")},
    };
    struct host_config config = {.self = 1,
                                 .name = "n1",
                                 .boot = 1,
                                 .members = members,
                                 .n_members = 3,
                                 .instances = instances,
                                 .n_instances = instances[1].ops ? 2 : 1,
                                 .view_every = 50};
    memcpy(config.secret, toy_secret, SECRET_SIZE);
    char why[200];
    struct host *h = host_new(&config, &io, seq, why, sizeof why);
    CHECK(h != NULL);
    return h;
}

static void give(struct host *h, struct moment at, uint8_t how, struct bytes b)
{
    struct buf room = {NULL, 0, 0};
    enum transport t = how & 4 ? TRANSPORT_STREAM : TRANSPORT_DATAGRAM;
    if ((how & 3) == 0) {
        host_packet(h, at, t, b);
    } else if ((how & 3) == 1) {
        put_u32(buf_extend(&room, FRAME_CRC), crc32c(0, b.base, b.len));
        buf_append(&room, b);
        host_packet(h, at, t, buf_bytes(&room));
    } else {
        const struct envelope e = {.from = 2 + (how >> 3 & 1),
                                   .to = 1,
                                   .instance = 1 + (how >> 4 & 1),
                                   .boot = 1 + (how >> 5),
                                   .secret = bytes_of(toy_secret, SECRET_SIZE),
                                   .body = b};
        host_packet(h, at, t, envelope_pack(&e, &room));
    }
    buf_free(&room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t seq = 0;
    struct host *h = make_host(&seq);
    struct moment at = {NSEC_PER_S, 0};
    host_begin(h, at);
    host_start(h, at);
    while (size >= 2) {
        uint8_t how = data[0];
        size_t n = data[1] < size - 2 ? data[1] : size - 2;
        at.now += 300 * NSEC_PER_MS;
        if (host_deadline(h) <= at.now)
            host_wake(h, at);
        give(h, at, how, bytes_of(data + 2, n));
        data += 2 + n;
        size -= 2 + n;
    }
    host_free(h);
    return 0;
}
