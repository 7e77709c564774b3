/* Each measure on a small run whose events are told here one by one. */
#include "unit/unit.h"

#include <string.h>

#include "check/condition.h"
#include "check/measure.h"
#include "heartbeat.pb-c.h"
#include "history.pb-c.h"
#include "kv.pb-c.h"
#include "schema_history.h"
#include "starts.h"

enum { TYPE_OPINION, TYPE_INVOKE, TYPE_COMPLETE, TYPE_RECOVERY };

struct story {
    struct timeline *timeline;
    uint64_t seq[4];
    uint32_t boot[4];
    uint64_t at_ms;
    uint64_t named;
};

static void ingest(struct story *s, uint32_t node, Orrery__Event *e)
{
    struct buf packed = {0};
    e->seq = ++s->seq[node];
    e->mono_ns = s->at_ms * 1000000;
    e->lamport = e->seq;
    orrery__event__pack(e, buf_extend(&packed, orrery__event__get_packed_size(e)));
    timeline_ingest(s->timeline, node, s->boot[node], buf_bytes(&packed));
    timeline_flush(s->timeline);
    buf_free(&packed);
}

static void starts(struct story *s, uint32_t node)
{
    struct starts words;
    char *types[] = {starts_text("heartbeat.Opinion"), starts_text("history.Invoke"),
                     starts_text("history.Complete"), starts_text("kv.RecoveryDone")};
    starts_fill(&words, node, ++s->boot[node]);
    buf_append(&words.schemas, schema_history());
    words.start.types = types;
    words.start.n_types = 4;
    words.start.schemas.data = words.schemas.base;
    words.start.schemas.len = words.schemas.len;
    s->seq[node] = 0;
    Orrery__Event e = ORRERY__EVENT__INIT;
    e.body_case = ORRERY__EVENT__BODY_START;
    e.start = &words.start;
    ingest(s, node, &e);
    starts_free(&words);
}

static void trace(struct story *s, uint32_t node, uint32_t type, const ProtobufCMessage *m)
{
    uint8_t body[512];
    Orrery__Trace t = ORRERY__TRACE__INIT;
    Orrery__Event e = ORRERY__EVENT__INIT;
    t.type = type;
    t.body.data = body;
    t.body.len = protobuf_c_message_pack(m, body);
    e.instance = type == TYPE_OPINION ? 1 : 2;
    e.body_case = ORRERY__EVENT__BODY_TRACE;
    e.trace = &t;
    ingest(s, node, &e);
}

static void opinion(struct story *s, uint32_t node, uint32_t peer, bool suspected)
{
    Heartbeat__Opinion o = HEARTBEAT__OPINION__INIT;
    o.peer = peer;
    o.detector = HEARTBEAT__DETECTOR__PHI_ACCRUAL;
    o.suspected = suspected;
    trace(s, node, TYPE_OPINION, &o.base);
}

static void moves(struct story *s, uint32_t node, uint32_t peer, uint32_t from, uint32_t to)
{
    Orrery__Move m = ORRERY__MOVE__INIT;
    Orrery__Event e = ORRERY__EVENT__INIT;
    m.of = peer;
    m.from = from;
    m.to = to;
    e.instance = 1;
    e.body_case = ORRERY__EVENT__BODY_MOVE;
    e.move = &m;
    ingest(s, node, &e);
}

static void outside(struct story *s, Orrery__Event *e)
{
    timeline_operator(s->timeline, s->at_ms * 1000000, 0, e);
    timeline_flush(s->timeline);
}

static void ends(struct story *s, uint32_t node, uint64_t lost_bytes)
{
    Orrery__Exit x = ORRERY__EXIT__INIT;
    Orrery__Event e = ORRERY__EVENT__INIT;
    x.node = node;
    x.boot = s->boot[node];
    x.signal = 9;
    x.lost_bytes = lost_bytes;
    e.body_case = ORRERY__EVENT__BODY_EXIT;
    e.exit = &x;
    timeline_stream_end(s->timeline, node, s->boot[node]);
    outside(s, &e);
}

static void begin(struct story *s)
{
    char why[200];
    struct timeline_options options = {.window_bytes = 1 << 20};
    *s = (struct story){0};
    orrery__run_info__init(&options.info);
    s->timeline = timeline_new(&options, why, sizeof why);
    assert_non_null(s->timeline);
    for (uint32_t node = 1; node <= 3; node++)
        starts(s, node);
}

static uint64_t named(void *ctx, const char *name)
{
    const struct story *s = ctx;
    return strcmp(name, "there") == 0 ? s->named : strcmp(name, "first") == 0 ? 1 : 0;
}

/* Stands for the patterns: as many matches as the pattern has letters. */
static uint64_t matching(void *ctx, const char *pattern, uint64_t from, uint64_t to,
                         uint64_t events[MEASURED_EVENTS_MAX])
{
    (void)ctx, (void)to;
    events[0] = from;
    return strlen(pattern);
}

static struct measured measured(struct story *s, const char *text)
{
    struct measured m;
    struct measure_source source = {.timeline = s->timeline,
                                    .from = 1,
                                    .to = UINT64_MAX,
                                    .named = named,
                                    .matching = matching,
                                    .ctx = s};
    measure_take(text, &source, &m);
    return m;
}

static void is(struct story *s, const char *text, double value)
{
    struct measured m = measured(s, text);
    if (!m.known || m.value < value - 1e-9 || m.value > value + 1e-9)
        fail_msg("%s: %s (%g)", text, m.sentence, m.value);
}

static void detection(void **state)
{
    (void)state;
    struct story s;
    begin(&s);
    assert_false(measured(&s, "detection of=n3").known);
    s.at_ms = 1000;
    ends(&s, 3, 0);
    assert_false(measured(&s, "detection of=n3").known);
    s.at_ms = 1200;
    opinion(&s, 1, 3, true);
    s.at_ms = 1500;
    moves(&s, 1, 3, 0, 1);
    s.at_ms = 1700;
    moves(&s, 2, 3, 0, 1);
    s.at_ms = 9000;
    moves(&s, 2, 3, 1, 2); /* Dead: it was suspected before. */
    is(&s, "detection of=n3", 500);
    is(&s, "detection of=n3 by=first", 500);
    is(&s, "detection of=n3 by=n2", 700);
    is(&s, "detection of=n3 by=all", 700);
    is(&s, "detection of=n3 by=n1 detector=phi-accrual", 200);
    assert_false(measured(&s, "detection of=n3 detector=fixed").known);
    struct measured m = measured(&s, "detection of=n3");
    assert_string_equal(m.unit, "ms");
    assert_int_equal(m.n_events, 2);
    assert_true(m.events[0] < m.events[1]);
    timeline_free(s.timeline);
}

static void mistakes(void **state)
{
    (void)state;
    struct story s;
    begin(&s);
    s.at_ms = 10;
    moves(&s, 1, 2, 0, 1);
    moves(&s, 1, 2, 1, 0);
    moves(&s, 3, 2, 0, 1);
    moves(&s, 3, 1, 0, 1); /* Of another one. */
    opinion(&s, 1, 2, true);
    ends(&s, 2, 0);
    s.at_ms = 20;
    moves(&s, 1, 2, 0, 1); /* No mistake any more. */
    is(&s, "mistakes of=n2", 2);
    is(&s, "mistakes of=n2 detector=phi-accrual", 1);
    is(&s, "mistakes of=n3", 0);
    timeline_free(s.timeline);
}

static void of_names_and_patterns(void **state)
{
    (void)state;
    struct story s;
    begin(&s);
    s.at_ms = 250;
    ends(&s, 3, 77);
    s.named = timeline_newest(s.timeline);
    is(&s, "between a=first b=there", 250);
    is(&s, "between a=there b=first", -250);
    is(&s, "field of=there name=lost_bytes", 77);
    assert_false(measured(&s, "field of=there name=nonsense").known);
    assert_false(measured(&s, "between a=first b=elsewhere").known);
    is(&s, "count event=abc", 3);
    is(&s, "share event=a of=abcd", 25);
    timeline_free(s.timeline);
}

static void writes(struct story *s, uint64_t request, uint64_t lsn, bool told)
{
    History__Op op = HISTORY__OP__INIT, *ops[] = {&op};
    History__Invoke invoke = HISTORY__INVOKE__INIT;
    Orrery__Append append = ORRERY__APPEND__INIT;
    Orrery__Event e = ORRERY__EVENT__INIT;
    op.f = starts_text("set");
    invoke.client = 1;
    invoke.request = request;
    invoke.ops = ops;
    invoke.n_ops = 1;
    trace(s, 1, TYPE_INVOKE, &invoke.base);
    append.lsn = lsn;
    e.instance = 2;
    e.body_case = ORRERY__EVENT__BODY_APPEND;
    e.append = &append;
    ingest(s, 1, &e);
    History__Complete complete = HISTORY__COMPLETE__INIT;
    complete.client = 1;
    complete.request = request;
    if (told)
        trace(s, 1, TYPE_COMPLETE, &complete.base);
}

static void of_writes(void **state)
{
    (void)state;
    struct story s;
    begin(&s);
    for (uint64_t i = 1; i <= 5; i++)
        writes(&s, i, i, true);
    writes(&s, 6, 6, false);
    assert_false(measured(&s, "lost on=n1").known);
    ends(&s, 1, 10);
    assert_false(measured(&s, "lost on=n1").known);
    starts(&s, 1);
    Kv__RecoveryDone done = KV__RECOVERY_DONE__INIT;
    done.last_lsn = 3;
    trace(&s, 1, TYPE_RECOVERY, &done.base);
    is(&s, "acknowledged on=n1", 5);
    is(&s, "survivors on=n1", 3);
    is(&s, "lost on=n1", 2);
    timeline_free(s.timeline);
}

static void texts(void **state)
{
    (void)state;
    char why[300];
    assert_true(measure_read("detection of=n3 by=all", NULL, NULL, why, sizeof why));
    assert_false(measure_read("detecton of=n3", NULL, NULL, why, sizeof why));
    assert_non_null(strstr(why, "did you mean detection?"));
    assert_false(measure_read("detection", NULL, NULL, why, sizeof why));
    assert_non_null(strstr(why, "needs of="));
    assert_false(measure_read("detection of=3x", NULL, NULL, why, sizeof why));
    assert_false(measure_read("detection of=n3 on=n1", NULL, NULL, why, sizeof why));
    assert_false(measure_read("count event='abc", NULL, NULL, why, sizeof why));
    assert_false(measure_read("", NULL, NULL, why, sizeof why));
    assert_true(condition_read(">= 1 s and < 3 s", why, sizeof why));
    assert_false(condition_read("about 3", why, sizeof why));
    assert_false(condition_read("< 3 parsecs", why, sizeof why));
    assert_true(condition_holds("< 200 ms", 199.9));
    assert_false(condition_holds("< 200 ms", 200));
    assert_true(condition_holds(">= 1 s and < 3 s", 1000));
    assert_false(condition_holds(">= 1 s and < 3 s", 3000));
    assert_true(condition_holds("= 0", 0));
    assert_true(condition_holds("!= 0", 0.5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(detection),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(of_names_and_patterns),
        cmocka_unit_test(of_writes),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
