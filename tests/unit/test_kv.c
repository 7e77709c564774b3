#include "kv_bench.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void play(struct bench *b, const char *const script[][2])
{
    for (size_t i = 0; script[i][0]; i++)
        assert_string_equal(bench_ask(b, script[i][0]), script[i][1]);
}

static void commands_answer_as_redis_does(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, NULL, NULL);
    assert_true(bench_start(&b));
    play(&b,
         (const char *const[][2]){
             {"PING", "+PONG\r\n"},
             {"PING hello", "$5\r\nhello\r\n"},
             {"ECHO x", "$1\r\nx\r\n"},
             {"GET a", "$-1\r\n"},
             {"SET a 1", "+OK\r\n"},
             {"get a", "$1\r\n1\r\n"},
             {"INCR a", ":2\r\n"},
             {"DECR a", ":1\r\n"},
             {"INCRBY a 41", ":42\r\n"},
             {"DECRBY a 2", ":40\r\n"},
             {"APPEND a x", ":3\r\n"},
             {"GET a", "$3\r\n40x\r\n"},
             {"INCR a", "-ERR value is not an integer or out of range\r\n"},
             {"STRLEN a", ":3\r\n"},
             {"STRLEN none", ":0\r\n"},
             {"EXISTS a none a", ":2\r\n"},
             {"MSET b 2 c 3", "+OK\r\n"},
             {"MSET b 2 c", "-ERR wrong number of arguments for 'mset' command\r\n"},
             {"MGET b none c", "*3\r\n$1\r\n2\r\n$-1\r\n$1\r\n3\r\n"},
             {"DEL b c none", ":2\r\n"},
             {"SET a 9 NX", "$-1\r\n"},
             {"SET d 9 XX", "$-1\r\n"},
             {"SET d 9 NX", "+OK\r\n"},
             {"SET d 10 GET", "$1\r\n9\r\n"},
             {"SET e 10 GET", "$-1\r\n"},
             {"SET d 11 NX GET", "$2\r\n10\r\n"},
             {"SET d 1 NX XX", "-ERR syntax error\r\n"},
             {"SETNX d 1", ":0\r\n"},
             {"GETDEL d", "$2\r\n10\r\n"},
             {"TYPE a", "+string\r\n"},
             {"TYPE d", "+none\r\n"},
             {"DBSIZE", ":2\r\n"},
             {"KEYS [a-b]*", "*1\r\n$1\r\na\r\n"},
             {"SET big 9223372036854775807", "+OK\r\n"},
             {"INCR big", "-ERR increment or decrement would overflow\r\n"},
             {"FLUSHALL", "+OK\r\n"},
             {"DBSIZE", ":0\r\n"},
             {"GET", "-ERR wrong number of arguments for 'get' command\r\n"},
             {"NOPE x y", "-ERR unknown command 'NOPE', with args beginning with: 'x' 'y' \r\n"},
             {"SELECT 0", "+OK\r\n"},
             {"SELECT 1", "-ERR DB index is out of range\r\n"},
             {"CLIENT SETNAME me", "+OK\r\n"},
             {"CLIENT GETNAME", "$2\r\nme\r\n"},
             {"CLIENT ID", ":1\r\n"},
             {"CLIENT SETINFO LIB-NAME x", "+OK\r\n"},
             {"CONFIG GET save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n"},
             {"CONFIG GET appendonly", "*2\r\n$10\r\nappendonly\r\n$3\r\nyes\r\n"},
             {"COMMAND DOCS nope", "*0\r\n"},
             {"HELLO 4", "-NOPROTO unsupported protocol version\r\n"},
             {"RESET", "+RESET\r\n"},
             {"QUIT", "+OK\r\n"},
             {NULL, NULL},
         });
    assert_non_null(strstr(bench_ask(&b, "INFO"), "redis_version:7.0.0"));
    assert_non_null(strstr(bench_ask(&b, "HELLO 2"), "proto"));
    bench_free(&b);
}

static void transactions_are_one_step(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, NULL, NULL);
    assert_true(bench_start(&b));
    play(&b, (const char *const[][2]){
                 {"EXEC", "-ERR EXEC without MULTI\r\n"},
                 {"DISCARD", "-ERR DISCARD without MULTI\r\n"},
                 {"MULTI", "+OK\r\n"},
                 {"MULTI", "-ERR MULTI calls can not be nested\r\n"},
                 {"WATCH a", "-ERR WATCH inside MULTI is not allowed\r\n"},
                 {"SET a 1", "+QUEUED\r\n"},
                 {"APPEND a 2", "+QUEUED\r\n"},
                 {"GET a", "+QUEUED\r\n"},
                 {"INCR a", "+QUEUED\r\n"},
                 {"SET s x", "+QUEUED\r\n"},
                 {"INCR s", "+QUEUED\r\n"},
                 {"DEL a", "+QUEUED\r\n"},
                 {"EXEC", "*7\r\n+OK\r\n:2\r\n$2\r\n12\r\n:13\r\n+OK\r\n-ERR value is not an "
                          "integer or out of range\r\n:1\r\n"},
                 {"GET a", "$-1\r\n"},
                 {"MULTI", "+OK\r\n"},
                 {"SET a 1", "+QUEUED\r\n"},
                 {"NOPE", "-ERR unknown command 'NOPE', with args beginning with: \r\n"},
                 {"EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
                 {"GET a", "$-1\r\n"},
                 {"MULTI", "+OK\r\n"},
                 {"SET a 1", "+QUEUED\r\n"},
                 {"DISCARD", "+OK\r\n"},
                 {"GET a", "$-1\r\n"},
                 {"MULTI", "+OK\r\n"},
                 {"EXEC", "*0\r\n"},
                 {NULL, NULL},
             });
    bench_free(&b);
}

static void a_watched_key_that_changed_ends_the_transaction(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, NULL, NULL);
    assert_true(bench_start(&b));
    bench_ask(&b, "SET a 1");
    const struct {
        const char *meanwhile;
        const char *exec;
    } cases[] = {
        {"SET other 1", "*1\r\n+OK\r\n"}, {"SET a 2", "*-1\r\n"},     {"DEL a", "*-1\r\n"},
        {"SET a 2", "*-1\r\n"},           {"GET a", "*1\r\n+OK\r\n"}, {"FLUSHALL", "*-1\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bench_ask_as(&b, 1, "WATCH a");
        bench_ask_as(&b, 2, cases[i].meanwhile);
        bench_ask_as(&b, 1, "MULTI");
        bench_ask_as(&b, 1, "SET mine 1");
        assert_string_equal(bench_ask_as(&b, 1, "EXEC"), cases[i].exec);
    }
    bench_ask_as(&b, 1, "WATCH a");
    bench_ask_as(&b, 2, "SET a 3");
    bench_ask_as(&b, 1, "UNWATCH");
    bench_ask_as(&b, 1, "MULTI");
    assert_string_equal(bench_ask_as(&b, 1, "EXEC"), "*0\r\n");
    bench_free(&b);
}

static void a_scan_sees_every_key_once(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, (const char *const[]){"pages=7", NULL}, NULL);
    assert_true(bench_start(&b));
    char line[64];
    for (int i = 0; i < 60; i++) {
        snprintf(line, sizeof line, "SET key:%d x", i);
        bench_ask(&b, line);
    }
    uint32_t seen[60] = {0};
    unsigned cursor = 0;
    unsigned rounds = 0;
    do {
        snprintf(line, sizeof line, "SCAN %u COUNT 9 MATCH key:*", cursor);
        const char *reply = bench_ask(&b, line);
        assert_int_equal(sscanf(reply, "*2\r\n$%*d\r\n%u", &cursor), 1);
        for (const char *at = reply; (at = strstr(at, "key:")) != NULL; at++)
            seen[atoi(at + 4)]++;
        assert_true(++rounds < 10);
    } while (cursor != 0);
    assert_true(rounds > 3);
    for (int i = 0; i < 60; i++)
        assert_int_equal(seen[i], 1);
    bench_free(&b);
}

/* By a record of the wal, or by a page's image; and a read that finds a key gone makes it so. */
static void times_to_expire_survive(void **state)
{
    (void)state;
    for (int checkpoint = 0; checkpoint < 2; checkpoint++) {
        struct bench b;
        bench_init(&b, (const char *const[]){"pages=3", "checkpoint_bytes=0", NULL}, NULL);
        b.wall_ms = 1000;
        assert_true(bench_start(&b));
        play(&b, (const char *const[][2]){{"SET a 1 PX 500", "+OK\r\n"},
                                          {"SET b 1 PXAT 2000", "+OK\r\n"},
                                          {"SET c 1 EX 100", "+OK\r\n"},
                                          {"PERSIST c", ":1\r\n"},
                                          {NULL, NULL}});
        if (checkpoint)
            host_order(b.host, bench_now(&b), 1, "checkpoint", NULL, 0);
        bench_settle(&b);
        bench_stop(&b);
        disk_memory_crash(&b.disk_memory, DISK_LOSE_ALL, NULL);
        b.wall_ms = 1400;
        assert_true(bench_start(&b));
        play(&b, (const char *const[][2]){{"PTTL a", ":100\r\n"},
                                          {"PTTL b", ":600\r\n"},
                                          {"PTTL c", ":-1\r\n"},
                                          {NULL, NULL}});
        b.wall_ms = 1500;
        assert_string_equal(bench_ask(&b, "GET a"), "$-1\r\n");
        assert_string_equal(bench_ask(&b, "DBSIZE"), ":2\r\n");
        bench_stop(&b);
        disk_memory_crash(&b.disk_memory, DISK_LOSE_ALL, NULL);
        b.wall_ms = 1200; /* The clock jumps back, and what was told stays true. */
        assert_true(bench_start(&b));
        assert_string_equal(bench_ask(&b, "MGET a b"), "*2\r\n$-1\r\n$1\r\n1\r\n");
        bench_free(&b);
    }
}

static void replies_wait_for_the_disk(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, NULL, NULL);
    assert_true(bench_start(&b));
    bench_send(&b, 1, 1, "SET a 1");
    bench_send(&b, 2, 1, "GET a"); /* Sees it, and must not tell yet. */
    bench_send(&b, 3, 1, "PING");
    assert_int_equal(b.n_replies, 1);
    bench_settle(&b);
    assert_int_equal(b.n_replies, 3);
    bench_send(&b, 2, 2, "GET a");
    assert_int_equal(b.n_replies, 4);
    bench_free(&b);
}

struct story {
    uint64_t invoked;
    uint64_t completed;
    char text[4096];
};

static void tell(void *ctx, const Orrery__Event *e)
{
    struct story *s = ctx;
    if (e->body_case != ORRERY__EVENT__BODY_TRACE)
        return;
    /* Types: those of kv, then Invoke and Complete. */
    ProtobufCBinaryData d = e->trace->body;
    size_t at = strlen(s->text);
    if (e->trace->type == 3) {
        History__Invoke *m = history__invoke__unpack(NULL, d.len, d.data);
        assert_non_null(m);
        for (size_t i = 0; i < m->n_ops; i++)
            at += (size_t)snprintf(s->text + at, sizeof s->text - at, "?%s %.*s=%.*s %+d\n",
                                   m->ops[i]->f, (int)m->ops[i]->key.len,
                                   (char *)m->ops[i]->key.data, (int)m->ops[i]->value.len,
                                   (char *)m->ops[i]->value.data, (int)m->ops[i]->number);
        s->invoked++;
        history__invoke__free_unpacked(m, NULL);
    } else if (e->trace->type == 4) {
        History__Complete *m = history__complete__unpack(NULL, d.len, d.data);
        assert_non_null(m);
        for (size_t i = 0; i < m->n_ops; i++)
            at += (size_t)snprintf(
                s->text + at, sizeof s->text - at, "!%s %.*s=%.*s %d%s%s\n", m->ops[i]->f,
                (int)m->ops[i]->key.len, (char *)m->ops[i]->key.data, (int)m->ops[i]->value.len,
                (char *)m->ops[i]->value.data, (int)m->ops[i]->number,
                m->ops[i]->absent ? " absent" : "", m->ops[i]->failed ? " failed" : "");
        s->completed++;
        history__complete__free_unpacked(m, NULL);
    }
}

static void histories_tell_what_was_asked_and_answered(void **state)
{
    (void)state;
    struct bench b;
    struct story s = {0};
    bench_init(&b, NULL, NULL);
    assert_true(bench_start(&b));
    b.on_event = tell;
    b.ctx = &s;
    bench_send(&b, 1, 1, "SET a 7");
    assert_int_equal(s.invoked, 1);
    assert_int_equal(s.completed, 0);
    bench_settle(&b);
    assert_int_equal(s.completed, 1);
    b.requests = 1;
    bench_ask(&b, "GET a");
    bench_ask(&b, "GET b");
    bench_ask(&b, "INCRBY a 3");
    bench_ask(&b, "MULTI");
    bench_ask(&b, "APPEND a x");
    bench_ask(&b, "INCR a");
    bench_ask(&b, "EXEC");
    bench_ask(&b, "DEL a b");
    bench_ask(&b, "SET a 1 XX");
    assert_string_equal(s.text, "?set a=7 +0\n!set a= 0\n"
                                "?get a= +0\n!get a=7 0\n"
                                "?get b= +0\n!get b= 0 absent\n"
                                "?incr a= +3\n!incr a= 10\n"
                                "?append a=x +0\n?incr a= +1\n!append a= 3\n!incr a= 0 failed\n"
                                "?del a= +0\n?del b= +0\n!del a= 1\n!del b= 0\n"
                                "?set a=1 +0\n!set a= 0 failed\n");
    bench_free(&b);
}

static void a_restart_brings_everything_back(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b,
               (const char *const[]){"pages=5", "checkpoint_bytes=600", "segment_bytes=1024", NULL},
               NULL);
    char line[64];
    char expected[64];
    for (int life = 0; life < 6; life++) {
        assert_true(bench_start(&b));
        for (int i = 0; life > 0 && i < 50; i++) {
            snprintf(line, sizeof line, "GET key:%d", i);
            snprintf(expected, sizeof expected, "$%d\r\n%d.%d\r\n", i < 10 ? 3 : 4, life - 1, i);
            assert_string_equal(bench_ask(&b, line), i % 10 == 3 ? "$-1\r\n" : expected);
        }
        for (int i = 0; i < 50; i++) {
            snprintf(line, sizeof line, i % 10 == 3 ? "DEL key:%d" : "SET key:%d %d.%d", i, life,
                     i);
            bench_ask(&b, line);
        }
        bench_stop(&b);
        disk_memory_crash(&b.disk_memory, DISK_LOSE_ALL, NULL);
    }
    assert_true(bench_start(&b));
    bench_free(&b);
}

static void logs_stay_short(void **state)
{
    (void)state;
    struct bench b;
    bench_init(
        &b, (const char *const[]){"pages=8", "checkpoint_bytes=4096", "segment_bytes=4096", NULL},
        NULL);
    assert_true(bench_start(&b));
    char line[64];
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "SET cold:%d xxxxxxxxxxxxxxxxxxxxxx", i);
        bench_ask(&b, line);
    }
    size_t most = 0;
    for (int i = 0; i < 20000; i++) {
        snprintf(line, sizeof line, "SET hot %d", i);
        bench_ask(&b, line);
        most = b.disk_memory.n > most ? b.disk_memory.n : most;
    }
    assert_true(b.disk_memory.written > 400000);
    assert_true(most < 20);
    bench_stop(&b);
    assert_true(bench_start(&b));
    assert_string_equal(bench_ask(&b, "DBSIZE"), ":101\r\n");
    assert_string_equal(bench_ask(&b, "GET hot"), "$5\r\n19999\r\n");
    bench_free(&b);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, (const char *const[]){"memory_bytes=100", NULL}, NULL);
    assert_true(bench_start(&b));
    const char *oom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    assert_string_equal(bench_ask(&b, "SET a xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
                        "+OK\r\n");
    assert_string_equal(
        bench_ask(&b, "SET b xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), oom);
    assert_string_equal(
        bench_ask(&b, "MSET c x d xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), oom);
    assert_string_equal(bench_ask(&b, "EXISTS c d"), ":0\r\n");
    assert_string_equal(bench_ask(&b, "SET a y"), "+OK\r\n");
    assert_string_equal(bench_ask(&b, "DEL a"), ":1\r\n");
    bench_free(&b);
}

static void clients_are_bounded(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, (const char *const[]){"clients_max=2", NULL}, NULL);
    assert_true(bench_start(&b));
    assert_string_equal(bench_ask_as(&b, 1, "PING"), "+PONG\r\n");
    assert_string_equal(bench_ask_as(&b, 2, "PING"), "+PONG\r\n");
    assert_string_equal(bench_ask_as(&b, 3, "PING"), "-ERR max number of clients reached\r\n");
    host_disconnect(b.host, bench_now(&b), 1, 2);
    assert_string_equal(bench_ask_as(&b, 3, "PING"), "+PONG\r\n");
    bench_free(&b);
}

static void hostile_requests_cost_only_their_connection(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, NULL, NULL);
    assert_true(bench_start(&b));
    bench_ask(&b, "SET a 1");
    const char *const bad[] = {
        "", "x", "*1\r\n", "*-1\r\n", "*0\r\n", "*2\r\n$1\r\na\r\n$", "*1\r\n$99999999\r\n"};
    for (uint64_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        bench_request(&b, 9, i + 1, bytes_str(bad[i]));
    bench_settle(&b);
    /* A value too large, a transaction too large, a reply too large. */
    struct buf frame = {0};
    size_t large = 33 << 20;
    buf_printf(&frame, "*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$%zu\r\n", large);
    memset(buf_extend(&frame, large), 'x', large);
    buf_printf(&frame, "\r\n");
    bench_request(&b, 9, 100, buf_bytes(&frame));
    bench_settle(&b);
    assert_string_equal(bench_ask(&b, "EXISTS b"), ":0\r\n");
    buf_clear(&frame);
    large = 1 << 20;
    buf_printf(&frame, "*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$%zu\r\n", large);
    memset(buf_extend(&frame, large), 'x', large);
    buf_printf(&frame, "\r\n");
    bench_request(&b, 9, 101, buf_bytes(&frame));
    buf_clear(&frame);
    buf_printf(&frame, "*100001\r\n$4\r\nMGET\r\n");
    for (int i = 0; i < 100000; i++)
        buf_printf(&frame, "$1\r\nb\r\n");
    bench_request(&b, 9, 102, buf_bytes(&frame));
    bench_settle(&b);
    const struct bench_reply *r = &b.replies[(b.n_replies - 1) % BENCH_REPLIES];
    assert_memory_equal(r->body.base, "-ERR the reply is larger", 24);
    bench_send(&b, 9, 103, "MULTI");
    for (int i = 0; i < 60; i++)
        bench_send(&b, 9, (uint64_t)(104 + i), "APPEND b x");
    bench_send(&b, 9, 200, "EXEC");
    bench_settle(&b);
    assert_string_equal(bench_ask(&b, "GET a"), "$1\r\n1\r\n");
    buf_free(&frame);
    bench_free(&b);
}

static void a_full_disk_loses_nothing_acknowledged(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, (const char *const[]){"segment_bytes=1024", NULL}, NULL);
    assert_true(bench_start(&b));
    char line[64];
    int acknowledged = 0;
    for (int i = 1; i <= 200; i++) {
        b.disk_memory.full = i > 150;
        snprintf(line, sizeof line, "SET n %d", i);
        if (strcmp(bench_ask(&b, line), "+OK\r\n") == 0)
            acknowledged = i;
    }
    assert_true(b.dead);
    assert_int_equal(acknowledged, 150);
    bench_stop(&b);
    b.disk_memory.full = false;
    assert_true(bench_start(&b));
    assert_string_equal(bench_ask(&b, "GET n"), "$3\r\n150\r\n");
    bench_free(&b);
}

static void a_store_keeps_its_number_of_pages(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, (const char *const[]){"pages=4", NULL}, NULL);
    assert_true(bench_start(&b));
    bench_ask(&b, "MSET a 1 b 2 c 3 d 4 e 5");
    host_order(b.host, bench_now(&b), 1, "checkpoint", NULL, 0);
    bench_settle(&b);
    bench_stop(&b);
    b.settings = (const char *const[]){"pages=9", NULL};
    assert_true(bench_start(&b));
    assert_string_equal(bench_ask(&b, "MGET a b c d e"),
                        "*5\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n");
    bench_free(&b);
}

static void wrong_settings_are_refused_with_a_sentence(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, (const char *const[]){"pages=0", NULL}, NULL);
    assert_null(bench_host(&b));
    assert_non_null(strstr(b.why, "pages must be from 1"));
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_answer_as_redis_does),
        cmocka_unit_test(transactions_are_one_step),
        cmocka_unit_test(a_watched_key_that_changed_ends_the_transaction),
        cmocka_unit_test(a_scan_sees_every_key_once),
        cmocka_unit_test(times_to_expire_survive),
        cmocka_unit_test(replies_wait_for_the_disk),
        cmocka_unit_test(histories_tell_what_was_asked_and_answered),
        cmocka_unit_test(a_restart_brings_everything_back),
        cmocka_unit_test(logs_stay_short),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(clients_are_bounded),
        cmocka_unit_test(hostile_requests_cost_only_their_connection),
        cmocka_unit_test(a_full_disk_loses_nothing_acknowledged),
        cmocka_unit_test(a_store_keeps_its_number_of_pages),
        cmocka_unit_test(wrong_settings_are_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
