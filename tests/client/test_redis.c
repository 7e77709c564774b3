/* Redis clients at a real node: answers, order, hostile bytes, and a disk that gives up. */
#include "unit/unit.h"

#include "life.h"
#include "pattern.pb-c.h"

#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct world {
    char folder[64];
    struct life l;
    uint32_t boot;
    const char *setting; /* One more, or NULL. */
};

static void start(struct world *w)
{
    struct life_plan plan = {.node = 1,
                             .nodes = 1,
                             .boot = ++w->boot,
                             .protocol = "kv",
                             .settings = {"segment_bytes=1048576", w->setting},
                             .directory = w->folder,
                             .client_port = w->l.client_port};
    life_begin(&w->l, &plan);
    if (!life_ready(&w->l))
        fail_msg("kv did not start: %s", w->l.why);
    life_introduce(&w->l, 1);
}

static void restart(struct world *w)
{
    uint32_t port = w->l.client_port;
    life_end(&w->l);
    w->l.client_port = port;
    start(w);
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->folder, sizeof w->folder, "/tmp/orrery-client-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    life_end(&w->l);
    char command[128];
    snprintf(command, sizeof command, "rm -rf -- '%s'", w->folder);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static redisContext *connect_client(const struct world *w)
{
    struct timeval deadline = {.tv_sec = LIFE_DEADLINE_MS / 1000};
    redisContext *c = redisConnectWithTimeout("127.0.0.1", (int)w->l.client_port, deadline);
    assert_non_null(c);
    if (c->err)
        fail_msg("cannot connect: %s", c->errstr);
    redisSetTimeout(c, deadline);
    return c;
}

static void expect_reply(redisReply *r, const char *text)
{
    assert_non_null(r);
    char got[64];
    const char *words = r->str;
    if (r->type == REDIS_REPLY_INTEGER) {
        snprintf(got, sizeof got, "%lld", r->integer);
        words = got;
    } else if (r->type == REDIS_REPLY_NIL) {
        words = "(nil)";
    }
    assert_non_null(words);
    assert_string_equal(words, text);
    freeReplyObject(r);
}

#define expect(c, text, ...) expect_reply(redisCommand((c), __VA_ARGS__), (text))

static void answers_are_those_of_redis(void **state)
{
    struct world *w = *state;
    start(w);
    redisContext *c = connect_client(w);
    expect(c, "PONG", "PING");
    expect(c, "(nil)", "GET a");
    expect(c, "OK", "SET a %s", "one");
    expect(c, "one", "GET a");
    expect(c, "1", "INCR n");
    expect(c, "2", "INCR n");
    expect(c, "1", "DEL a");
    expect(c, "0", "DEL a");
    expect(c, "OK", "MULTI");
    expect(c, "QUEUED", "SET x 1");
    expect(c, "QUEUED", "INCR x");
    redisReply *r = redisCommand(c, "EXEC");
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    assert_int_equal(r->elements, 2);
    assert_int_equal(r->element[1]->integer, 2);
    freeReplyObject(r);
    redisFree(c);
}

static void pipelined_replies_come_in_order(void **state)
{
    struct world *w = *state;
    start(w);
    redisContext *c = connect_client(w);
    enum { MANY = 5000 };
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(redisAppendCommand(c, i % 3 ? "GET k%d" : "SET k%d v%d", i / 3 * 3, i),
                         REDIS_OK);
        if (i % 500 != 499)
            continue;
        for (int j = i - 499; j <= i; j++) {
            void *reply;
            assert_int_equal(redisGetReply(c, &reply), REDIS_OK);
            char value[16];
            snprintf(value, sizeof value, "v%d", j / 3 * 3);
            expect_reply(reply, j % 3 ? value : "OK");
        }
    }
    redisFree(c);
}

/* Each has a sync of its own, and none waits for a record that comes after it. */
static void with_a_sync_for_each_all_are_answered(void **state)
{
    struct world *w = *state;
    w->setting = "sync=each";
    start(w);
    redisContext *c = connect_client(w);
    enum { MANY = 50 };
    for (int i = 0; i < MANY; i++)
        assert_int_equal(redisAppendCommand(c, "INCR n"), REDIS_OK);
    for (int i = 0; i < MANY; i++) {
        void *reply;
        char text[16];
        assert_int_equal(redisGetReply(c, &reply), REDIS_OK);
        snprintf(text, sizeof text, "%d", i + 1);
        expect_reply(reply, text);
    }
    redisFree(c);
}

static void many_clients_share_a_counter(void **state)
{
    struct world *w = *state;
    start(w);
    enum { CLIENTS = 50, ROUNDS = 20 };
    redisContext *c[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        c[i] = connect_client(w);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            int done = 0;
            assert_int_equal(redisAppendCommand(c[i], "INCR n"), REDIS_OK);
            while (!done)
                assert_int_equal(redisBufferWrite(c[i], &done), REDIS_OK);
        }
        for (int i = 0; i < CLIENTS; i++) {
            void *reply;
            assert_int_equal(redisGetReply(c[i], &reply), REDIS_OK);
            freeReplyObject(reply);
        }
    }
    char text[16];
    snprintf(text, sizeof text, "%d", CLIENTS * ROUNDS);
    expect(c[0], text, "GET n");
    for (int i = 0; i < CLIENTS; i++)
        redisFree(c[i]);
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
    struct world *w = *state;
    for (int life = 0; life < 5; life++) {
        if (life == 0)
            start(w);
        else
            restart(w);
        redisContext *c = connect_client(w);
        for (int i = 0; i < life * 20; i++) {
            char value[16];
            snprintf(value, sizeof value, "v%d", i);
            redisReply *r = redisCommand(c, "GET k%d", i);
            expect_reply(r, value);
        }
        for (int i = life * 20; i < life * 20 + 20; i++)
            expect(c, "OK", "SET k%d v%d", i, i);
        kill(w->l.pid, SIGKILL);
        redisFree(c);
    }
}

/* A connection of its own kind. */
static int dial(const struct world *w)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)w->l.client_port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void say(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, text, size, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* It was closed: that is an answer too. */
        text += n;
        size -= (size_t)n;
    }
}

/* All until the other end closes. */
static size_t hear_all(int fd, char *text, size_t size)
{
    size_t at = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, LIFE_DEADLINE_MS), 1);
        ssize_t n = recv(fd, text + at, size - 1 - at, 0);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    text[at] = 0;
    close(fd);
    return at;
}

static void hostile_bytes_cost_only_their_connection(void **state)
{
    struct world *w = *state;
    start(w);
    redisContext *good = connect_client(w);
    const char *bad[] = {
        "*1000000000\r\n$3\r\nGET\r\n",
        "*1\r\n$-5\r\nGET\r\n",
        "*2\r\n$3\r\nGET\r\n:1\r\n",
        "*1\r\n$99999999999\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    };
    char answer[4096];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int fd = dial(w);
        say(fd, bad[i], strlen(bad[i]));
        hear_all(fd, answer, sizeof answer);
        assert_true(answer[0] == 0 || answer[0] == '-');
        expect(good, "PONG", "PING");
    }
    for (unsigned seed = 1; seed <= 30; seed++) {
        char noise[3000];
        unsigned x = seed;
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
        int fd = dial(w);
        say(fd, noise, sizeof noise);
        close(fd);
    }
    expect(good, "PONG", "PING");
    redisFree(good);
}

static void a_client_that_hangs_up_still_hears_its_answer(void **state)
{
    struct world *w = *state;
    start(w);
    int fd = dial(w);
    const char words[] = "SET a 1\r\nGET a\r\n";
    say(fd, words, sizeof words - 1);
    shutdown(fd, SHUT_WR);
    char answer[64];
    hear_all(fd, answer, sizeof answer);
    assert_string_equal(answer, "+OK\r\n$1\r\n1\r\n");
}

static void a_client_that_does_not_read_is_bounded(void **state)
{
    struct world *w = *state;
    start(w);
    redisContext *good = connect_client(w);
    static char large[1 << 20];
    memset(large, 'x', sizeof large);
    redisReply *r = redisCommand(good, "SET large %b", large, sizeof large);
    expect_reply(r, "OK");
    int fd = dial(w);
    enum { ASKS = 64 };
    for (int i = 0; i < ASKS; i++)
        say(fd, "GET large\r\n", 11);
    expect(good, "PONG", "PING"); /* Others are served meanwhile. */
    char path[64];
    char line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", w->l.pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    if (f)
        fclose(f);
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__) /* They take memory, too. */
    assert_true(kib < (32 << 10));                                  /* Half of what it asked for. */
#else
    assert_true(kib > 0);
#endif
    shutdown(fd, SHUT_WR);
    size_t got = 0;
    static char sink[1 << 16];
    ssize_t n;
    while ((n = recv(fd, sink, sizeof sink, 0)) > 0)
        got += (size_t)n;
    assert_int_equal(got, (sizeof large + sizeof "$1048576\r\n\r\n" - 1) * ASKS);
    close(fd);
    redisFree(good);
}

static void there_is_a_limit_of_clients(void **state)
{
    struct world *w = *state;
    w->setting = "clients_max=3";
    start(w);
    redisContext *c[3];
    for (int i = 0; i < 3; i++) {
        c[i] = connect_client(w);
        expect(c[i], "PONG", "PING");
    }
    int fd = dial(w);
    char answer[64];
    hear_all(fd, answer, sizeof answer);
    assert_string_equal(answer, "-ERR max number of clients reached\r\n");
    redisFree(c[0]);
    expect(c[1], "PONG", "PING");
    /* Its place becomes free as soon as the node sees it go. */
    uint64_t deadline = now_ms() + LIFE_DEADLINE_MS;
    for (;;) {
        fd = dial(w);
        say(fd, "PING\r\n", 6);
        shutdown(fd, SHUT_WR);
        hear_all(fd, answer, sizeof answer);
        if (strcmp(answer, "+PONG\r\n") == 0)
            break;
        assert_true(now_ms() < deadline);
    }
    redisFree(c[1]);
    redisFree(c[2]);
}

static void say_disk(struct life *l, bool full, bool eio)
{
    Orrery__DiskFault fault = ORRERY__DISK_FAULT__INIT;
    fault.has_full = fault.has_eio = 1;
    fault.full = full;
    fault.eio = eio;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_DISK;
    message.disk = &fault;
    life_say(l, &message);
}

/* Writes until the node gives up; what it acknowledged must be there in its next life. */
static void expect_fail_stop(struct world *w, bool full, bool eio, const char *sentence)
{
    start(w);
    redisContext *c = connect_client(w);
    int acknowledged = 0;
    for (;; acknowledged++) {
        if (acknowledged == 10)
            say_disk(&w->l, full, eio);
        redisReply *r = redisCommand(c, "SET k%d v", acknowledged);
        if (!r)
            break;
        expect_reply(r, "OK");
    }
    redisFree(c);
    int status = life_wait(&w->l);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    const Orrery__Event *last = w->l.events[w->l.n - 1];
    assert_int_equal(last->body_case, ORRERY__EVENT__BODY_STOP);
    assert_non_null(strstr(last->stop->why, sentence));
    const char *words = life_words(&w->l);
    assert_non_null(strstr(words, "level=error"));
    assert_non_null(strstr(words, sentence));
    restart(w);
    c = connect_client(w);
    for (int i = 0; i < acknowledged; i++)
        expect(c, "v", "GET k%d", i);
    redisFree(c);
}

static void a_full_disk_stops_it_and_loses_nothing(void **state)
{
    expect_fail_stop(*state, true, false, "the disk is full");
}

static void a_broken_disk_stops_it_and_loses_nothing(void **state)
{
    expect_fail_stop(*state, false, true, "the disk reports an error");
}

static void a_slow_disk_holds_up_only_what_waits_for_it(void **state)
{
    struct world *w = *state;
    start(w);
    redisContext *writer = connect_client(w);
    redisContext *reader = connect_client(w);
    expect(writer, "OK", "SET a 1");
    Orrery__DiskFault fault = ORRERY__DISK_FAULT__INIT;
    fault.has_slow_ns = 1;
    fault.slow_ns = UINT64_C(3600000000000); /* An hour. */
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_DISK;
    message.disk = &fault;
    life_say(&w->l, &message);
    const Orrery__Event__BodyCase an_append = ORRERY__EVENT__BODY_APPEND;
    size_t before = life_find(&w->l, 0, life_is_body, &an_append, "the first write");
    assert_int_equal(redisAppendCommand(writer, "SET a 2"), REDIS_OK);
    int done = 0;
    while (!done)
        assert_int_equal(redisBufferWrite(writer, &done), REDIS_OK);
    life_find(&w->l, before + 1, life_is_body, &an_append, "the second write");
    for (int i = 0; i < 100; i++)
        expect(reader, "PONG", "PING");
    fault.slow_ns = 0;
    life_say(&w->l, &message);
    void *reply;
    assert_int_equal(redisGetReply(writer, &reply), REDIS_OK);
    expect_reply(reply, "OK");
    redisFree(writer);
    redisFree(reader);
}

/* Killed when its record is written and not yet synced: the ledger knows, the kernel keeps it. */
static void a_breakpoint_fits_between_write_and_sync(void **state)
{
    struct world *w = *state;
    start(w);
    redisContext *c = connect_client(w);
    expect(c, "OK", "SET a 1");
    Orrery__Pattern pattern = ORRERY__PATTERN__INIT;
    pattern.body = ORRERY__EVENT__BODY_WRITTEN;
    uint8_t compiled[64];
    Orrery__Break b = ORRERY__BREAK__INIT;
    b.has_compiled = b.has_then = b.has_id = 1;
    b.compiled = (ProtobufCBinaryData){orrery__pattern__pack(&pattern, compiled), compiled};
    b.then = ORRERY__ACTION__ACTION_KILL;
    b.id = 1;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_BREAK;
    message.break_ = &b;
    life_say(&w->l, &message);
    /* Whether the next write or a later one meets it: that one is never acknowledged. */
    int sent = 1;
    redisReply *r;
    while ((r = redisCommand(c, "SET a %d", ++sent)))
        expect_reply(r, "OK");
    redisFree(c);
    int status = life_wait(&w->l);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(w->l.events[w->l.n - 1]->body_case, ORRERY__EVENT__BODY_HALT);
    bool unsynced = false;
    for (int i = 0; i < LEDGER_FILES_MAX; i++) {
        const struct ledger_file *f = &w->l.ledger->files[i];
        unsynced = unsynced || (f->used && f->written > f->synced);
    }
    assert_true(unsynced);
    restart(w);
    c = connect_client(w);
    char text[16];
    snprintf(text, sizeof text, "%d", sent);
    expect(c, text, "GET a");
    redisFree(c);
}

static void a_folder_has_one_node(void **state)
{
    struct world *w = *state;
    start(w);
    struct life other;
    struct life_plan plan = {
        .node = 1, .nodes = 1, .boot = 2, .protocol = "kv", .directory = w->folder};
    life_begin(&other, &plan);
    assert_false(life_ready(&other));
    assert_non_null(strstr(other.why, "another node uses the folder"));
    life_end(&other);
}

static void a_clean_stop_keeps_what_was_on_its_way(void **state)
{
    struct world *w = *state;
    start(w);
    redisContext *c = connect_client(w);
    for (int i = 0; i < 100; i++)
        redisAppendCommand(c, "SET k%d v", i);
    void *reply;
    assert_int_equal(redisGetReply(c, &reply), REDIS_OK);
    freeReplyObject(reply);
    life_quit(&w->l);
    int acknowledged = 1;
    while (redisGetReply(c, &reply) == REDIS_OK) {
        freeReplyObject(reply);
        acknowledged++;
    }
    redisFree(c);
    assert_int_equal(life_wait(&w->l), 0);
    restart(w);
    c = connect_client(w);
    for (int i = 0; i < acknowledged; i++)
        expect(c, "v", "GET k%d", i);
    redisFree(c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(answers_are_those_of_redis),
        TEST(pipelined_replies_come_in_order),
        TEST(with_a_sync_for_each_all_are_answered),
        TEST(many_clients_share_a_counter),
        TEST(what_was_acknowledged_survives_a_kill),
        TEST(hostile_bytes_cost_only_their_connection),
        TEST(a_client_that_hangs_up_still_hears_its_answer),
        TEST(a_client_that_does_not_read_is_bounded),
        TEST(there_is_a_limit_of_clients),
        TEST(a_full_disk_stops_it_and_loses_nothing),
        TEST(a_broken_disk_stops_it_and_loses_nothing),
        TEST(a_slow_disk_holds_up_only_what_waits_for_it),
        TEST(a_breakpoint_fits_between_write_and_sync),
        TEST(a_folder_has_one_node),
        TEST(a_clean_stop_keeps_what_was_on_its_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
