/* What a beat costs the node that hears it, with 200 peers watched by three detectors: from the
 * frame to the events, without sockets. Two hundred processes at one beat a second hear 39,800
 * together. */
#include "base/check.h"
#include "core/envelope.h"
#include "core/host.h"
#include "core/registry.h"
#include "heartbeat.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NODES = 200, ROUNDS = 500 };

static uint64_t events;

static void on_event(void *ctx, struct bytes event)
{
    (void)ctx, (void)event;
    events++;
}

static void on_send(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event)
{
    (void)ctx, (void)to, (void)t, (void)frame, (void)event;
}

static struct host *new_host(Orrery__Level level)
{
    static const struct host_io io = {.send = on_send, .event = on_event};
    static node_id members[NODES];
    for (uint32_t i = 0; i < NODES; i++)
        members[i] = i + 1;
    struct host_instance instance = {.number = 1, .ops = registry_find("heartbeat")};
    struct host_config config = {
        .self = 1,
        .name = "n1",
        .boot = 1,
        .members = members,
        .n_members = NODES,
        .instances = &instance,
        .n_instances = 1,
        .level = level,
    };
    char why[256] = "";
    struct host *h = host_new(&config, &io, NULL, why, sizeof why);
    CHECK(h);
    host_begin(h, (struct moment){0, 0});
    host_start(h, (struct moment){0, 0});
    return h;
}

static void beat(struct host *h, node_id from, uint64_t number, struct buf *room, struct moment at)
{
    static const uint8_t secret[SECRET_SIZE];
    Heartbeat__Beat b = HEARTBEAT__BEAT__INIT;
    b.number = number;
    b.interval_ns = 250 * NSEC_PER_MS;
    Heartbeat__Message m = HEARTBEAT__MESSAGE__INIT;
    m.kind_case = HEARTBEAT__MESSAGE__KIND_BEAT;
    m.beat = &b;
    uint8_t body[64];
    struct envelope e = {.from = from, .to = 1, .instance = 1, .boot = 1, .event = number};
    e.secret = bytes_of(secret, sizeof secret);
    e.body = bytes_of(body, heartbeat__message__pack(&m, body));
    host_packet(h, at, TRANSPORT_DATAGRAM, envelope_pack(&e, room));
}

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(const char *name, Orrery__Level level)
{
    struct host *h = new_host(level);
    struct buf room = {0};
    double began = seconds();
    for (uint64_t round = 1; round <= ROUNDS; round++)
        for (node_id from = 2; from <= NODES; from++) {
            struct moment at = {round * 250 * NSEC_PER_MS + from * 1000 * (uint64_t)1000, 0};
            while (host_deadline(h) <= at.now)
                host_wake(h, at);
            beat(h, from, round, &room, at);
        }
    double us = (seconds() - began) * 1e6 / ((double)ROUNDS * (NODES - 1));
    printf("{\"what\": \"a beat heard, 200 peers, %s\", \"value\": %.3f, \"unit\": \"us\"}\n", name,
           us);
    buf_free(&room);
    host_free(h);
}

int main(void)
{
    measure("events in full", ORRERY__LEVEL__LEVEL_FULL);
    measure("events in summary", ORRERY__LEVEL__LEVEL_SUMMARY);
    measure("events off", ORRERY__LEVEL__LEVEL_OFF);
    return 0;
}
