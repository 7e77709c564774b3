#include "core/pattern.h"
#include "event.pb-c.h"
#include "heartbeat.pb-c.h"
#include "unit.h"

#include <string.h>

/* A packed event, and a pattern with one term, built anew for each question. */
static uint8_t event[4096];
static size_t event_len;
static Orrery__Pattern__Term term;
static uint32_t path[8];

static void pack(Orrery__Event *e)
{
    event_len = orrery__event__pack(e, event);
}

static bool match(const Orrery__Pattern *p)
{
    return pattern_match(p, bytes_of(event, event_len));
}

static bool ask(uint32_t body, const uint32_t *fields, size_t n, Orrery__Pattern__Type type,
                Orrery__Pattern__Compare compare)
{
    Orrery__Pattern p = ORRERY__PATTERN__INIT;
    Orrery__Pattern__Term *terms[] = {&term};
    memcpy(path, fields, n * sizeof *fields);
    p.body = body;
    p.n_terms = 1;
    p.terms = terms;
    term.n_path = n;
    term.path = path;
    term.type = type;
    term.compare = compare;
    return match(&p);
}

enum {
    EQ = ORRERY__PATTERN__COMPARE__EQUAL,
    NE = ORRERY__PATTERN__COMPARE__NOT_EQUAL,
    LT = ORRERY__PATTERN__COMPARE__LESS,
    LE = ORRERY__PATTERN__COMPARE__LESS_EQUAL,
    GT = ORRERY__PATTERN__COMPARE__GREATER,
    GE = ORRERY__PATTERN__COMPARE__GREATER_EQUAL,
    HAS = ORRERY__PATTERN__COMPARE__PRESENT,
};

/* Every comparison of the value with one below, equal and above. */
static void ask_all(uint32_t body, const uint32_t *fields, size_t n, Orrery__Pattern__Type type,
                    int64_t value, double number)
{
    for (int d = -1; d <= 1; d++) {
        term.integer = value + d;
        term.number = number + d;
        assert_int_equal(ask(body, fields, n, type, EQ), d == 0);
        assert_int_equal(ask(body, fields, n, type, NE), d != 0);
        assert_int_equal(ask(body, fields, n, type, LT), d > 0);
        assert_int_equal(ask(body, fields, n, type, LE), d >= 0);
        assert_int_equal(ask(body, fields, n, type, GT), d < 0);
        assert_int_equal(ask(body, fields, n, type, GE), d <= 0);
    }
    assert_int_equal(ask(body, fields, n, type, HAS), value != 0 || number < 0 || number > 0);
}

static void integers(void **state)
{
    (void)state;
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Durable d = ORRERY__DURABLE__INIT;
    e.body_case = ORRERY__EVENT__BODY_DURABLE;
    e.durable = &d;
    e.seq = 9;
    e.wall_ns = -5;
    d.lsn = 1000;
    pack(&e);
    ask_all(16, (uint32_t[]){16, 2}, 2, ORRERY__PATTERN__TYPE__UNSIGNED, 1000, 0);
    ask_all(16, (uint32_t[]){16, 1}, 2, ORRERY__PATTERN__TYPE__UNSIGNED, 0, 0); /* Log 0. */
    ask_all(0, (uint32_t[]){1}, 1, ORRERY__PATTERN__TYPE__UNSIGNED, 9, 0);
    ask_all(0, (uint32_t[]){3}, 1, ORRERY__PATTERN__TYPE__ZIGZAG, -5, 0);
    d.lsn = UINT64_MAX;
    pack(&e);
    term.integer = -1;
    assert_true(ask(16, (uint32_t[]){16, 2}, 2, ORRERY__PATTERN__TYPE__UNSIGNED, GT));
    assert_false(ask(16, (uint32_t[]){16, 2}, 2, ORRERY__PATTERN__TYPE__UNSIGNED, EQ));
    /* Another kind of event, and a message that is not there. */
    term.integer = 0;
    assert_false(ask(15, (uint32_t[]){15, 1}, 2, ORRERY__PATTERN__TYPE__UNSIGNED, EQ));
    assert_false(ask(0, (uint32_t[]){15, 1}, 2, ORRERY__PATTERN__TYPE__UNSIGNED, EQ));
    Orrery__Stop stop = ORRERY__STOP__INIT;
    e.body_case = ORRERY__EVENT__BODY_STOP;
    e.stop = &stop;
    stop.code = -3;
    pack(&e);
    ask_all(49, (uint32_t[]){49, 2}, 2, ORRERY__PATTERN__TYPE__SIGNED, -3, 0);
}

static void reals_and_texts(void **state)
{
    (void)state;
    Heartbeat__Opinion o = HEARTBEAT__OPINION__INIT;
    o.peer = 3;
    o.level = 8.25;
    uint8_t body[64];
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Trace t = ORRERY__TRACE__INIT;
    e.body_case = ORRERY__EVENT__BODY_TRACE;
    e.trace = &t;
    e.instance = 2;
    t.type = 4;
    t.body.data = body;
    t.body.len = heartbeat__opinion__pack(&o, body);
    pack(&e);
    ask_all(38, (uint32_t[]){38, 2, 5}, 3, ORRERY__PATTERN__TYPE__DOUBLE, 0, 8.25);
    ask_all(38, (uint32_t[]){38, 2, 1}, 3, ORRERY__PATTERN__TYPE__UNSIGNED, 3, 0);
    term.number = (double)__builtin_nanf("");
    assert_false(ask(38, (uint32_t[]){38, 2, 5}, 3, ORRERY__PATTERN__TYPE__DOUBLE, GE));

    Orrery__Pattern p = ORRERY__PATTERN__INIT;
    p.typed = true;
    p.trace_type = 4;
    assert_true(match(&p));
    p.instance = 2;
    assert_true(match(&p));
    p.instance = 1;
    assert_false(match(&p));
    p.instance = 0;
    p.trace_type = 3;
    assert_false(match(&p));

    Orrery__Stop stop = ORRERY__STOP__INIT;
    char why[] = "disk full";
    stop.why = why;
    e.body_case = ORRERY__EVENT__BODY_STOP;
    e.stop = &stop;
    pack(&e);
    const char *texts[] = {"disk f", "disk full", "disk fuller"};
    for (int i = 0; i < 3; i++) {
        term.text.data = (uint8_t *)(uintptr_t)texts[i];
        term.text.len = strlen(texts[i]);
        assert_int_equal(ask(49, (uint32_t[]){49, 1}, 2, ORRERY__PATTERN__TYPE__BYTES, EQ), i == 1);
        assert_int_equal(ask(49, (uint32_t[]){49, 1}, 2, ORRERY__PATTERN__TYPE__BYTES, LT), i == 2);
        assert_int_equal(ask(49, (uint32_t[]){49, 1}, 2, ORRERY__PATTERN__TYPE__BYTES, GE), i <= 1);
    }
    p.trace_type = 0;
    assert_false(match(&p)); /* A stop is no trace of type 0. */
}

static void messages_and_repeated_fields(void **state)
{
    (void)state;
    Heartbeat__Beat b = HEARTBEAT__BEAT__INIT;
    b.number = 41;
    Heartbeat__Message m = HEARTBEAT__MESSAGE__INIT;
    m.kind_case = HEARTBEAT__MESSAGE__KIND_BEAT;
    m.beat = &b;
    uint8_t body[64];
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Send s = ORRERY__SEND__INIT;
    uint32_t to[] = {2, 300, 5};
    e.body_case = ORRERY__EVENT__BODY_SEND;
    e.send = &s;
    s.n_to = 3;
    s.to = to;
    s.body.data = body;
    s.body.len = heartbeat__message__pack(&m, body);
    pack(&e);
    const int64_t asked[] = {2, 300, 5, 3};
    for (int i = 0; i < 4; i++) {
        term.integer = asked[i];
        assert_int_equal(ask(30, (uint32_t[]){30, 1}, 2, ORRERY__PATTERN__TYPE__UNSIGNED, EQ),
                         i < 3);
    }
    ask_all(30, (uint32_t[]){30, 4, 1, 1}, 4, ORRERY__PATTERN__TYPE__UNSIGNED, 41, 0);
    Orrery__Pattern p = ORRERY__PATTERN__INIT;
    p.typed = true;
    p.message_case = 1;
    assert_true(match(&p));
    p.message_case = 2;
    assert_false(match(&p));
    p.message_case = 1;
    p.body = ORRERY__EVENT__BODY_RECEIVE;
    assert_false(match(&p));
    Orrery__Receive r = ORRERY__RECEIVE__INIT;
    r.body = s.body;
    e.body_case = ORRERY__EVENT__BODY_RECEIVE;
    e.receive = &r;
    pack(&e);
    assert_true(match(&p));
}

static void malformed_bytes_match_nothing(void **state)
{
    (void)state;
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Durable d = ORRERY__DURABLE__INIT;
    e.body_case = ORRERY__EVENT__BODY_DURABLE;
    e.durable = &d;
    e.seq = 1;
    d.lsn = 300;
    d.sync_ns = 5;
    pack(&e);
    Orrery__Pattern any = ORRERY__PATTERN__INIT;
    assert_true(match(&any));
    size_t whole = event_len;
    for (event_len = 0; event_len < whole; event_len++) {
        /* Cut between fields it is an event still, but not of this kind. */
        term.integer = 300;
        assert_false(ask(16, (uint32_t[]){16, 2}, 2, ORRERY__PATTERN__TYPE__UNSIGNED, EQ));
    }
    event_len = whole;
    memcpy(event + whole, "\x0b", 1); /* A group begins. */
    event_len++;
    assert_false(match(&any));
    Orrery__Pattern empty_path = ORRERY__PATTERN__INIT;
    Orrery__Pattern__Term nowhere = ORRERY__PATTERN__TERM__INIT;
    Orrery__Pattern__Term *terms[] = {&nowhere};
    empty_path.n_terms = 1;
    empty_path.terms = terms;
    event_len = whole;
    assert_false(match(&empty_path));
}

static int begin(void **state)
{
    (void)state;
    orrery__pattern__term__init(&term);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(integers, begin),
        cmocka_unit_test_setup(reals_and_texts, begin),
        cmocka_unit_test_setup(messages_and_repeated_fields, begin),
        cmocka_unit_test_setup(malformed_bytes_match_nothing, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
