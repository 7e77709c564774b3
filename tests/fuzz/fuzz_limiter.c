/* Requests of clients, messages of peers and orders that hold anything, given to a gateway that
 * shares its limit, to one that makes wait, and to the traffic: the nodes live, and their
 * invariants hold after every step. A first byte says what a chunk is, a second how long. */
#include "base/check.h"
#include "core/envelope.h"
#include "core/registry.h"
#include "toy/toy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES = 3, MEMBERS = 8 };
static const node_id ids[NODES] = {1, 3, 7}; /* Traffic, a leaky bucket, one of two that share. */

static void ignore_event(void *ctx, struct bytes event)
{
    (void)ctx, (void)event;
}

static void ignore_send(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event)
{
    (void)ctx, (void)to, (void)t, (void)frame, (void)event;
}

static void ignore_reply(void *ctx, uint32_t instance, client_id client, uint64_t request,
                         const struct body *body, bool more)
{
    (void)ctx, (void)instance, (void)client, (void)request, (void)body, (void)more;
}

static struct host *make_host(node_id self)
{
    static const struct host_io io = {
        .event = ignore_event, .send = ignore_send, .reply = ignore_reply};
    static const node_id members[MEMBERS] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct host_instance instance = {.number = 1, .ops = registry_find("limiter")};
    struct host_config config = {.self = self,
                                 .name = "n",
                                 .boot = 1,
                                 .members = members,
                                 .n_members = MEMBERS,
                                 .instances = &instance,
                                 .n_instances = 1,
                                 .view_every = 20};
    memcpy(config.secret, toy_secret, SECRET_SIZE);
    char why[200];
    struct host *h = host_new(&config, &io, NULL, why, sizeof why);
    CHECK(h != NULL);
    return h;
}

static void order(struct host *h, struct moment at, struct bytes b)
{
    static const char *const verbs[] = {"burst", "straddle", "behind", "what"};
    char word[32] = "";
    size_t n = b.len < sizeof word - 1 ? b.len : sizeof word - 1;
    memcpy(word, b.base, n);
    const char *words[] = {word, "b"};
    host_order(h, at, 1, verbs[b.len % 4], words, b.len % 3);
}

static void set(struct host *h, struct moment at, struct bytes b)
{
    static const char *const settings[] = {
        "share=local",  "share=exact",   "queue=3",      "queue=0", "meter=true", "limit=2",
        "limit=9",      "window_ms=3",   "sharers=3",    "keys=2",  "keys=9",     "fail_open=true",
        "shape=bursts", "shape=tenants", "shape=uneven", "burst=1"};
    char why[200];
    const char *one = settings[b.len ? b.base[0] % 16 : 0];
    (void)host_settings(h, at, 1, &one, 1, why, sizeof why);
}

static void message(struct host *h, struct moment at, uint8_t how, struct bytes b)
{
    struct buf room = {NULL, 0, 0};
    static const node_id senders[] = {1, 2, 7, 8};
    const struct envelope e = {.from = senders[how >> 4 & 3],
                               .to = ids[(how >> 2 & 3) % NODES],
                               .instance = 1,
                               .boot = 1,
                               .secret = bytes_of(toy_secret, SECRET_SIZE),
                               .body = b};
    host_packet(h, at, TRANSPORT_STREAM, envelope_pack(&e, &room));
    buf_free(&room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host *hosts[NODES];
    uint64_t requests[NODES] = {0};
    struct moment at = {NSEC_PER_S, 0};
    for (int i = 0; i < NODES; i++) {
        hosts[i] = make_host(ids[i]);
        host_begin(hosts[i], at);
        host_start(hosts[i], at);
    }
    while (size >= 2) {
        uint8_t how = data[0];
        size_t n = data[1] < size - 2 ? data[1] : size - 2;
        struct bytes b = bytes_of(data + 2, n);
        uint32_t which = (how >> 2 & 3) % NODES;
        struct host *h = hosts[which];
        at.now += (how >> 6) * 37 * NSEC_PER_MS;
        for (int i = 0; i < NODES; i++)
            if (host_deadline(hosts[i]) <= at.now)
                host_wake(hosts[i], at);
        if ((how & 3) == 0)
            host_request(h, at, 1, 1, ++requests[which], b);
        else if ((how & 3) == 1)
            message(h, at, how, b);
        else if ((how & 3) == 2)
            order(h, at, b);
        else
            set(h, at, b);
        data += 2 + n;
        size -= 2 + n;
    }
    for (int i = 0; i < NODES; i++)
        host_free(hosts[i]);
    return 0;
}
