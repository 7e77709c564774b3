/* What the tests of kv share: a node of one process that runs kv through the host, on two logs of a
 * simulated disk, without a network. Replies and events are collected. */
#ifndef ORRERY_TESTS_KV_BENCH_H
#define ORRERY_TESTS_KV_BENCH_H

#include "base/check.h"
#include "core/host.h"
#include "core/registry.h"
#include "history.pb-c.h"
#include "kv.pb-c.h"
#include "store/disk_memory.h"
#include "store/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BENCH_LOGS = 2, BENCH_REPLIES = 64 };

struct bench_reply {
    client_id client;
    uint64_t request;
    struct buf body;
};

struct bench {
    struct disk_memory disk_memory;
    struct disk disk;
    struct log *logs[BENCH_LOGS];
    struct host *host;
    const char *const *settings; /* "key=value", up to NULL. */
    const char *flaw;
    uint32_t boot;
    nsec now;
    int64_t wall_ms; /* Unix time; it stands still unless a test moves it. */
    bool dead;       /* The disk failed: nothing more happens in this life. */
    char why[512];
    struct bench_reply replies[BENCH_REPLIES]; /* The newest, by request number. */
    uint64_t n_replies;
    void (*on_reply)(void *ctx, client_id client, uint64_t request, struct bytes body);
    void (*on_event)(void *ctx, const Orrery__Event *event);
    void *ctx;
    uint64_t requests; /* Of client 1. */
    uint64_t events;
    Orrery__Level level;
    bool starting;
};

static inline struct moment bench_now(struct bench *b)
{
    return (struct moment){++b->now, b->wall_ms * (int64_t)NSEC_PER_MS};
}

static inline void bench_append(void *ctx, uint32_t instance, uint32_t log, lsn at, uint8_t type,
                                struct bytes body, struct place *place)
{
    struct bench *b = ctx;
    (void)instance;
    log_append(b->logs[log], at, type, body, place);
}

static inline void bench_truncate(void *ctx, uint32_t instance, uint32_t log, lsn at, bool suffix)
{
    struct bench *b = ctx;
    (void)instance;
    if (suffix)
        log_truncate_from(b->logs[log], at);
    else
        log_truncate_before(b->logs[log], at);
}

static inline void bench_reply(void *ctx, uint32_t instance, client_id client, uint64_t request,
                               const struct body *body, bool more)
{
    struct bench *b = ctx;
    struct buf flat = {0};
    (void)instance;
    CHECK(!more);
    for (uint32_t i = 0; i < body->n; i++)
        buf_append(&flat, body->slices[i].memory);
    struct bench_reply *r = &b->replies[b->n_replies++ % BENCH_REPLIES];
    buf_free(&r->body);
    *r = (struct bench_reply){client, request, flat};
    if (b->on_reply)
        b->on_reply(b->ctx, client, request, buf_bytes(&flat));
}

static inline void bench_event(void *ctx, struct bytes event)
{
    struct bench *b = ctx;
    b->events++;
    if (!b->on_event)
        return;
    Orrery__Event *e = orrery__event__unpack(NULL, event.len, event.base);
    CHECK(e);
    b->on_event(b->ctx, e);
    orrery__event__free_unpacked(e, NULL);
}

static inline void bench_recovered(void *ctx, const struct log_recovered *r, uint32_t log)
{
    struct bench *b = ctx;
    Orrery__Recovered m = ORRERY__RECOVERED__INIT;
    m.log = log;
    m.lsn = r->record.at;
    m.type = r->record.type;
    m.body.data = (uint8_t *)(uintptr_t)r->record.body.base;
    m.body.len = r->record.body.len;
    m.snapshot = r->snapshot;
    m.offset = r->place.offset;
    m.segment = r->place.segment;
    m.size = r->place.size;
    host_recover(b->host, bench_now(b), 1, &m);
}

static inline void bench_recovered_0(void *ctx, const struct log_recovered *r)
{
    bench_recovered(ctx, r, 0);
}

static inline void bench_recovered_1(void *ctx, const struct log_recovered *r)
{
    bench_recovered(ctx, r, 1);
}

static inline void bench_init(struct bench *b, const char *const *settings, const char *flaw)
{
    *b = (struct bench){.settings = settings, .flaw = flaw, .level = ORRERY__LEVEL__LEVEL_SUMMARY};
    disk_memory_init(&b->disk_memory);
    b->disk = disk_memory_disk(&b->disk_memory);
}

static inline void bench_stop(struct bench *b)
{
    for (int i = 0; i < BENCH_LOGS; i++)
        if (b->logs[i])
            log_close(b->logs[i]);
    memset(b->logs, 0, sizeof b->logs);
    if (b->host)
        host_free(b->host);
    b->host = NULL;
}

static inline void bench_free(struct bench *b)
{
    bench_stop(b);
    for (int i = 0; i < BENCH_REPLIES; i++)
        buf_free(&b->replies[i].body);
    disk_memory_free(&b->disk_memory);
}

static inline struct host *bench_host(struct bench *b)
{
    static const node_id members[] = {1};
    Orrery__KeyValue values[8];
    const Orrery__KeyValue *list[8];
    char text[8][128];
    size_t n = 0;
    for (; b->settings && b->settings[n]; n++) {
        CHECK(n < 8 && strlen(b->settings[n]) < sizeof text[n]);
        memcpy(text[n], b->settings[n], strlen(b->settings[n]) + 1);
        char *equals = strchr(text[n], '=');
        CHECK(equals);
        *equals = 0;
        orrery__key_value__init(&values[n]);
        values[n].key = text[n];
        values[n].value = equals + 1;
        list[n] = &values[n];
    }
    struct host_instance instance = {.number = 1, .ops = registry_find("kv")};
    instance.settings = list;
    instance.n_settings = n;
    instance.flaws = &b->flaw;
    instance.n_flaws = b->flaw ? 1 : 0;
    struct host_config config = {
        .self = 1,
        .name = "n1",
        .boot = ++b->boot,
        .seed = b->boot,
        .members = members,
        .n_members = 1,
        .instances = &instance,
        .n_instances = 1,
        .level = b->level,
    };
    static const struct host_io io = {.append = bench_append,
                                      .truncate = bench_truncate,
                                      .reply = bench_reply,
                                      .event = bench_event};
    return host_new(&config, &io, b, b->why, sizeof b->why);
}

/* Begins a life. False, and b->why says why: the logs cannot be opened. */
static inline bool bench_start(struct bench *b)
{
    static void (*const recovered[])(void *, const struct log_recovered *) = {bench_recovered_0,
                                                                              bench_recovered_1};
    b->dead = false;
    b->requests = 0;
    b->host = bench_host(b);
    if (!b->host)
        fprintf(stderr, "%s\n", b->why);
    CHECK(b->host != NULL);
    const struct core_ops *ops = host_ops(b->host, 1);
    host_begin(b->host, bench_now(b));
    for (uint32_t i = 0; i < BENCH_LOGS; i++) {
        struct log_options options = {0};
        ops->log_options(host_settings_of(b->host, 1), i, &options);
        b->logs[i] = log_open(&b->disk, ops->logs[i], &options, NULL, recovered[i], b, b->why,
                              sizeof b->why);
        if (!b->logs[i])
            return false;
    }
    host_start(b->host, bench_now(b));
    ops->check(host_core(b->host, 1));
    return true;
}

/* One job of one log, if there is one. */
static inline bool bench_job(struct bench *b, uint32_t log)
{
    struct log_job *job = b->dead ? NULL : log_take(b->logs[log]);
    if (!job)
        return false;
    lsn upto = log_job_upto(job);
    int error = log_job_write(job);
    if (error == 0 && host_wants_written(b->host))
        host_written(b->host, bench_now(b), 1, log, upto);
    if (error == 0)
        error = log_job_sync(job);
    upto = log_job_upto(job);
    log_done(b->logs[log], job);
    if (error != 0)
        b->dead = true;
    else
        host_durable(b->host, bench_now(b), 1, log, upto, 1000);
    return true;
}

/* Until nothing is left to write. */
static inline void bench_settle(struct bench *b)
{
    for (bool any = true; any && !b->dead;) {
        any = bench_job(b, 1);
        any = bench_job(b, 0) || any;
    }
}

static inline void bench_request(struct bench *b, client_id client, uint64_t request,
                                 struct bytes frame)
{
    if (b->dead)
        return;
    host_request(b->host, bench_now(b), 1, client, request, frame);
    host_ops(b->host, 1)->check(host_core(b->host, 1));
}

/* "SET a b" as an array. */
static inline void bench_frame(const char *line, struct buf *into)
{
    struct buf words = {0};
    uint32_t n = 0;
    for (const char *at = line; *at;) {
        size_t len = strcspn(at, " ");
        buf_printf(&words, "$%zu\r\n%.*s\r\n", len, (int)len, at);
        at += len;
        at += *at == ' ';
        n++;
    }
    buf_printf(into, "*%u\r\n", n);
    buf_append(into, buf_bytes(&words));
    buf_free(&words);
}

static inline void bench_send(struct bench *b, client_id client, uint64_t request, const char *line)
{
    struct buf frame = {0};
    bench_frame(line, &frame);
    bench_request(b, client, request, buf_bytes(&frame));
    buf_free(&frame);
}

/* Asks as client 1, waits for the disk, and gives the reply as text. */
static inline const char *bench_ask_as(struct bench *b, client_id client, const char *line)
{
    static char text[4096];
    uint64_t before = b->n_replies;
    uint64_t request = ++b->requests;
    bench_send(b, client, request, line);
    bench_settle(b);
    if (b->dead)
        return "dead";
    CHECK(b->n_replies == before + 1);
    const struct bench_reply *r = &b->replies[before % BENCH_REPLIES];
    CHECK(r->client == client && r->request == request);
    CHECK(r->body.len < sizeof text);
    memcpy(text, r->body.base, r->body.len);
    text[r->body.len] = 0;
    return text;
}

static inline const char *bench_ask(struct bench *b, const char *line)
{
    return bench_ask_as(b, 1, line);
}

#endif
