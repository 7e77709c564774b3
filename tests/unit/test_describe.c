/* Entries in words and in JSON. */
#include "heartbeat.pb-c.h"
#include "timeline/timeline.h"
#include "unit/model.h"
#include "unit/starts.h"
#include "unit/unit.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static struct timeline *t;
static uint64_t seqs[4];

static const uint64_t ms = 1000000;

static int setup(void **state)
{
    (void)state;
    char why[200];
    struct timeline_options options = {.window_bytes = 1};
    t = timeline_new(&options, why, sizeof why);
    memset(seqs, 0, sizeof seqs);
    return t ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    timeline_free(t);
    return 0;
}

static uint64_t put(uint32_t node, uint64_t mono_ns, Orrery__Event *event)
{
    struct model_event e = {.seq = ++seqs[node], .mono_ns = mono_ns};
    model_pack(&e, event);
    timeline_ingest(t, node, 1, buf_bytes(&e.packed));
    buf_free(&e.packed);
    timeline_flush(t);
    return seqs[node];
}

static void begin(uint32_t node)
{
    struct starts s;
    Orrery__Event event = ORRERY__EVENT__INIT;
    starts_fill(&s, node, 1);
    event.body_case = ORRERY__EVENT__BODY_START;
    event.start = &s.start;
    put(node, ms, &event);
    starts_free(&s);
}

/* The newest entry, in words. */
static void says_first(const char *words, bool whole)
{
    struct entry e;
    struct buf b = {0};
    assert_true(timeline_get(t, timeline_newest(t), &e));
    timeline_describe(t, &e, &b);
    buf_append(&b, bytes_of("", 1));
    if (!whole && b.len > strlen(words))
        b.base[strlen(words)] = 0;
    assert_string_equal((const char *)b.base, words);
    buf_free(&b);
}

static void says(const char *words)
{
    says_first(words, true);
}

static uint64_t send_beat(uint64_t mono_ns)
{
    static uint8_t packed[64];
    Heartbeat__Beat beat = HEARTBEAT__BEAT__INIT;
    Heartbeat__Message message = HEARTBEAT__MESSAGE__INIT;
    Orrery__Send send = ORRERY__SEND__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    uint32_t to[] = {2, 3};
    beat.number = 41;
    message.kind_case = HEARTBEAT__MESSAGE__KIND_BEAT;
    message.beat = &beat;
    send.n_to = 2;
    send.to = to;
    send.body.len = heartbeat__message__pack(&message, packed);
    send.body.data = packed;
    event.instance = 1;
    event.body_case = ORRERY__EVENT__BODY_SEND;
    event.send = &send;
    return put(1, mono_ns, &event);
}

static void messages(void **state)
{
    (void)state;
    for (uint32_t node = 1; node <= 3; node++)
        begin(node);
    says("n3 began with heartbeat, kv");
    uint64_t sent = send_beat(10 * ms);
    says("n1 sent Beat 41 to n2 and n3");
    Orrery__Receive receive = ORRERY__RECEIVE__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    receive.from = 1;
    receive.boot = 1;
    receive.event = sent;
    event.instance = 1;
    event.body_case = ORRERY__EVENT__BODY_RECEIVE;
    event.receive = &receive;
    put(2, 10 * ms + 60000, &event); /* Without its body, as at level summary. */
    says("n2 received Beat 41 from n1, 0.06 ms after it was sent");
    receive.event = 0;
    put(2, 11 * ms, &event);
    says("n2 received a message from n1, its sending was not recorded");
    Orrery__Drop drop = ORRERY__DROP__INIT;
    drop.from = 1;
    drop.to = 3;
    drop.boot = 1;
    drop.event = sent;
    drop.reason = ORRERY__DROP_REASON__DROP_CUT;
    event.body_case = ORRERY__EVENT__BODY_DROP;
    event.drop = &drop;
    put(1, 12 * ms, &event);
    says("n1: Beat 41 from n1 to n3 was dropped: the link is cut");
    drop.reason = (Orrery__DropReason)77;
    put(1, 12 * ms, &event);
    says("n1: Beat 41 from n1 to n3 was dropped: unknown reason");
}

static void states_and_traces(void **state)
{
    (void)state;
    begin(2);
    Orrery__Move move = ORRERY__MOVE__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.instance = 1;
    move.of = 3;
    move.to = 1;
    event.body_case = ORRERY__EVENT__BODY_MOVE;
    event.move = &move;
    put(2, 2 * ms, &event);
    says("n2: peer n3 trusted -> suspected");
    move.machine = 9;
    move.to = 700;
    put(2, 2 * ms, &event);
    says("n2: machine 9 3 state 0 -> 700");
    Heartbeat__Gap gap = HEARTBEAT__GAP__INIT;
    uint8_t packed[64];
    gap.peer = 3;
    gap.number = 8;
    gap.gap_ns = 1500000;
    Orrery__Trace trace = ORRERY__TRACE__INIT;
    trace.type = 1;
    trace.body.len = heartbeat__gap__pack(&gap, packed);
    trace.body.data = packed;
    event.body_case = ORRERY__EVENT__BODY_TRACE;
    event.trace = &trace;
    put(2, 3 * ms, &event);
    says_first("n2: heartbeat.Gap peer=3 number=8 gap_ns=1500000",
               false); /* It may get more fields. */
    trace.type = 5;
    trace.body.len = 8;
    put(2, 3 * ms, &event);
    says("n2: trace of type 5, 8 bytes");
}

static void logs(void **state)
{
    (void)state;
    begin(1);
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Append append = ORRERY__APPEND__INIT;
    event.instance = 2;
    event.body_case = ORRERY__EVENT__BODY_APPEND;
    event.append = &append;
    append.lsn = 7;
    append.size = 42;
    put(1, 2 * ms, &event);
    says("n1 appended record 7 of log wal, 42 bytes");
    Orrery__Durable durable = ORRERY__DURABLE__INIT;
    event.body_case = ORRERY__EVENT__BODY_DURABLE;
    event.durable = &durable;
    durable.log = 1;
    durable.lsn = 7;
    durable.sync_ns = 1200000;
    put(1, 3 * ms, &event);
    says("n1 synced up to record 7 of log pages in 1.20 ms");
    Orrery__Truncate cut = ORRERY__TRUNCATE__INIT;
    event.body_case = ORRERY__EVENT__BODY_TRUNCATE;
    event.truncate = &cut;
    cut.log = 5;
    cut.lsn = 3;
    put(1, 4 * ms, &event);
    says("n1 cut log 5 below record 3");
    Orrery__Request request = ORRERY__REQUEST__INIT;
    event.body_case = ORRERY__EVENT__BODY_REQUEST;
    event.request = &request;
    request.client = 4;
    request.request = 2;
    request.body.data = (uint8_t *)(uintptr_t) "GET a\r\n\x1b[2J";
    request.body.len = 11;
    put(1, 5 * ms, &event);
    says("n1: client 4 asks (request 2): GET a\\r\\n\\x1b[2J");
}

static void the_outside(void **state)
{
    (void)state;
    begin(3);
    Orrery__Operator operator_ = ORRERY__OPERATOR__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    operator_.line = starts_text("kill n3");
    event.body_case = ORRERY__EVENT__BODY_OPERATOR;
    event.operator_ = &operator_;
    uint64_t because = timeline_operator(t, 2 * ms, 0, &event);
    timeline_flush(t);
    uint64_t command = timeline_newest(t);
    says("you: kill n3");
    Orrery__Exit ended = ORRERY__EXIT__INIT;
    event.body_case = ORRERY__EVENT__BODY_EXIT;
    event.exit = &ended;
    ended.node = 3;
    ended.boot = 1;
    ended.signal = 9;
    ended.because = because;
    ended.lost_bytes = 512;
    timeline_operator(t, 3 * ms, 0, &event);
    timeline_flush(t);
    says("n3 exited: SIGKILL, asked by you; 512 bytes that were not synced are gone");
    struct entry e;
    assert_true(timeline_get(t, timeline_newest(t), &e));
    assert_int_equal(e.cause, command);
    char *words[] = {starts_text("main.c:3: CHECK(x) failed\x1b]0;")};
    ended = (Orrery__Exit)ORRERY__EXIT__INIT;
    ended.node = 3;
    ended.code = 1;
    ended.n_words = 1;
    ended.words = words;
    timeline_operator(t, 4 * ms, 0, &event);
    timeline_flush(t);
    says("n3 exited with code 1, and nobody asked it to: main.c:3: CHECK(x) failed\\x1b]0;");
    Orrery__Spawn spawn = ORRERY__SPAWN__INIT;
    event.body_case = ORRERY__EVENT__BODY_SPAWN;
    event.spawn = &spawn;
    spawn.node = 3;
    spawn.boot = 2;
    spawn.pid = 4711;
    timeline_operator(t, 5 * ms, 0, &event);
    timeline_flush(t);
    says("n3 was started as process 4711, life 2");
    seqs[1] = 12;
    begin(1);
    assert_true(timeline_get(t, timeline_newest(t) - 1, &e));
    struct buf b = {0};
    timeline_describe(t, &e, &b);
    assert_true(
        bytes_equal(buf_bytes(&b), bytes_str("12 events of n1 are missing: its ring was full")));
    buf_free(&b);
}

static void names_are_harmless(void **state)
{
    (void)state;
    struct starts s;
    Orrery__Event event = ORRERY__EVENT__INIT;
    starts_fill(&s, 1, 1);
    s.start.name = starts_text("\x1b[31mred");
    s.machine.name = starts_text("pe\ner");
    event.body_case = ORRERY__EVENT__BODY_START;
    event.start = &s.start;
    put(1, ms, &event);
    assert_string_equal(timeline_lane(t, 1), "n1");
    assert_string_equal(timeline_lane(t, 0), "you");
    assert_string_equal(timeline_lane(t, 77), "n77");
    assert_string_equal(timeline_lane(t, UINT32_MAX), "n?");
    assert_string_equal(timeline_start(t, 1)->instances[0]->machines[0]->name, "pe?er");
    starts_free(&s);
}

/* --- JSON --- */

static const char *json(const char *at);

static const char *json_string(const char *at)
{
    for (at++; *at && *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)
            return NULL;
        at += *at == '\\';
    }
    return *at ? at + 1 : NULL;
}

static const char *json_list(const char *at, char end, bool named)
{
    if (*++at == end)
        return at + 1;
    for (;;) {
        if (named && (*at != '"' || !(at = json_string(at)) || *at++ != ':'))
            return NULL;
        at = json(at);
        if (!at || (*at != ',' && *at != end))
            return NULL;
        if (*at++ == end)
            return at;
    }
}

/* The position behind a value, NULL when there is none. */
static const char *json(const char *at)
{
    if (*at == '{')
        return json_list(at, '}', true);
    if (*at == '[')
        return json_list(at, ']', false);
    if (*at == '"')
        return json_string(at);
    const char *from = at;
    while (isalnum((unsigned char)*at) || *at == '-' || *at == '.' || *at == '+')
        at++;
    return at > from ? at : NULL;
}

static void as_json(void **state)
{
    (void)state;
    begin(1);
    send_beat(2 * ms);
    struct buf b = {0};
    for (uint64_t i = 1; i <= timeline_newest(t); i++) {
        struct entry e;
        assert_true(timeline_get(t, i, &e));
        buf_clear(&b);
        timeline_json(t, &e, &b);
        buf_append(&b, bytes_of("", 1));
        const char *end = json((const char *)b.base);
        assert_true(end && *end == 0);
    }
    const char *text = (const char *)b.base;
    assert_non_null(strstr(text, "\"lane\":\"n1\""));
    assert_non_null(strstr(text, "\"kind\":\"send\""));
    assert_non_null(strstr(text, "\"text\":\"n1 sent Beat 41 to n2 and n3\""));
    assert_non_null(strstr(text, "\"message_type\":\"heartbeat.Message\""));
    assert_non_null(strstr(text, "\"message\":{\"beat\":{\"number\":41,"));
    assert_non_null(strstr(text, "\"to\":[2,3]"));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages, setup, teardown),
        cmocka_unit_test_setup_teardown(states_and_traces, setup, teardown),
        cmocka_unit_test_setup_teardown(logs, setup, teardown),
        cmocka_unit_test_setup_teardown(the_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_harmless, setup, teardown),
        cmocka_unit_test_setup_teardown(as_json, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
