/* Patterns: from text to a match, and the sentences when there is none. */
#include "core/pattern.h"
#include "heartbeat.pb-c.h"
#include "timeline/pattern.h"
#include "unit/starts.h"
#include "unit/unit.h"

#include <string.h>

static struct schema *schema;
static struct starts starts;

static int setup(void **state)
{
    (void)state;
    schema = schema_new();
    starts_fill(&starts, 2, 1);
    return schema_add(schema, buf_bytes(&starts.schemas));
}

static int teardown(void **state)
{
    (void)state;
    schema_free(schema);
    starts_free(&starts);
    return 0;
}

static Orrery__Pattern *compiled(const char *text)
{
    struct buf packed = {0};
    char why[1000] = "";
    if (!pattern_compile(text, schema, &starts.start, &packed, why, sizeof why))
        fail_msg("%s: %s", text, why);
    Orrery__Pattern *p = orrery__pattern__unpack(NULL, packed.len, packed.base);
    assert_non_null(p);
    buf_free(&packed);
    return p;
}

static bool matches(const char *text, const Orrery__Event *event)
{
    Orrery__Pattern *p = compiled(text);
    struct buf packed = {0};
    orrery__event__pack(event, buf_extend(&packed, orrery__event__get_packed_size(event)));
    bool matched = pattern_match(p, buf_bytes(&packed));
    buf_free(&packed);
    orrery__pattern__free_unpacked(p, NULL);
    return matched;
}

static void kinds_and_fields(void **state)
{
    (void)state;
    Orrery__Receive receive = ORRERY__RECEIVE__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.seq = 100;
    event.instance = 1;
    event.body_case = ORRERY__EVENT__BODY_RECEIVE;
    event.receive = &receive;
    receive.from = 2;
    receive.event = 77;
    assert_true(matches("receive", &event));
    assert_true(matches("receive from=2", &event));
    assert_true(matches("receive from=n2 event>=77", &event));
    assert_true(matches("receive transport=datagram", &event));
    assert_false(matches("receive transport=STREAM", &event));
    assert_false(matches("receive from=n3", &event));
    assert_false(matches("receive event>77", &event));
    assert_false(matches("send", &event));
    assert_true(matches("seq>99 instance=1", &event));
    assert_true(matches("instance=heartbeat", &event));
    assert_false(matches("instance=kv", &event));
    assert_true(matches("receive body", &event) == false);
}

static void messages(void **state)
{
    (void)state;
    uint8_t packed[64];
    Heartbeat__Beat beat = HEARTBEAT__BEAT__INIT;
    Heartbeat__Message message = HEARTBEAT__MESSAGE__INIT;
    beat.number = 41;
    beat.wall_ns = -5;
    message.kind_case = HEARTBEAT__MESSAGE__KIND_BEAT;
    message.beat = &beat;
    Orrery__Send send = ORRERY__SEND__INIT;
    uint32_t to[] = {3, 4};
    send.n_to = 2;
    send.to = to;
    send.body.len = heartbeat__message__pack(&message, packed);
    send.body.data = packed;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.body_case = ORRERY__EVENT__BODY_SEND;
    event.send = &send;
    assert_true(matches("send Beat", &event));
    assert_true(matches("send beat number=41", &event));
    assert_true(matches("send beat.number=41", &event));
    assert_true(matches("send heartbeat.Beat wall_ns<0", &event));
    assert_true(matches("send to=n4", &event)); /* Any element. */
    assert_true(matches("send beat", &event));
    assert_false(matches("send to=n5", &event));
    assert_false(matches("send beat.number!=41", &event));
    assert_false(matches("receive Beat", &event));
    event.send->body.len = 0;
    assert_false(matches("send Beat", &event));
}

static void traces(void **state)
{
    (void)state;
    uint8_t packed[128];
    Heartbeat__Opinion opinion = HEARTBEAT__OPINION__INIT;
    opinion.peer = 3;
    opinion.suspected = 1;
    opinion.level = 8.1;
    opinion.detector = HEARTBEAT__DETECTOR__PHI_ACCRUAL;
    opinion.silent_ns = 1500000000;
    Orrery__Trace trace = ORRERY__TRACE__INIT;
    trace.type = 0;
    trace.body.len = heartbeat__opinion__pack(&opinion, packed);
    trace.body.data = packed;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.body_case = ORRERY__EVENT__BODY_TRACE;
    event.trace = &trace;
    assert_true(matches("heartbeat.Opinion peer=3 suspected=true level>=8", &event));
    assert_true(matches("Opinion peer=n3 detector=phi_accrual", &event));
    assert_true(matches("Opinion silent_ns>1.4s silent_ns<=1500ms", &event));
    assert_false(matches("Opinion level>8.2", &event));
    assert_false(matches("Opinion suspected=false", &event));
    assert_true(matches("Opinion last_beat=0", &event)); /* Zeros are not on the wire. */
    assert_false(matches("heartbeat.Gap", &event));
    trace.type = 1;
    assert_true(matches("heartbeat.Gap", &event));
}

static void logs_and_machines(void **state)
{
    (void)state;
    Orrery__Durable durable = ORRERY__DURABLE__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.body_case = ORRERY__EVENT__BODY_DURABLE;
    event.durable = &durable;
    durable.log = 1;
    durable.lsn = 7;
    assert_true(matches("durable log=pages lsn>=7", &event));
    assert_true(matches("durable log=1", &event));
    assert_false(matches("durable log=wal", &event));
    Orrery__Move move = ORRERY__MOVE__INIT;
    event.body_case = ORRERY__EVENT__BODY_MOVE;
    event.move = &move;
    move.of = 3;
    move.to = 1;
    assert_true(matches("move machine=peer of=n3 from=trusted to=suspected", &event));
    assert_false(matches("move to=dead", &event));
    Orrery__Violation violation = ORRERY__VIOLATION__INIT;
    event.body_case = ORRERY__EVENT__BODY_VIOLATION;
    event.violation = &violation;
    violation.why = starts_text("not a beat");
    assert_true(matches("violation why=\"not a beat\"", &event));
    assert_true(matches("violation why!='a beat'", &event));
}

static void nodes_are_for_those_who_know(void **state)
{
    (void)state;
    Orrery__Pattern *p = compiled("receive node=n3");
    assert_int_equal(p->node, 3);
    assert_int_equal(p->n_terms, 0);
    orrery__pattern__free_unpacked(p, NULL);
    p = compiled("exit node=n3");
    assert_int_equal(p->node, 0);
    assert_int_equal(p->n_terms, 1);
    orrery__pattern__free_unpacked(p, NULL);
}

static void refused(const char *text, const char *says)
{
    struct buf packed = {0};
    char why[1000] = "";
    if (pattern_compile(text, schema, &starts.start, &packed, why, sizeof why))
        fail_msg("%s compiles", text);
    if (!strstr(why, says))
        fail_msg("%s: %s", text, why);
    assert_int_equal(packed.len, 0);
}

static void sentences(void **state)
{
    (void)state;
    refused("recieve", "there is no kind of event 'recieve'; there are start, recovered, receive");
    refused("recieve", "heartbeat.Opinion");
    refused("", "empty pattern");
    refused("receive frm=2", "orrery.Receive has no field 'frm'; it has from, boot");
    refused("heartbeat.Opinion foo=1", "heartbeat.Opinion has no field 'foo'; it has peer");
    refused("heartbeat.Opinion suspected=maybe", "suspected is true or false");
    refused("heartbeat.Opinion detector=psi", "there are FIXED, PHI_ACCRUAL, ADAPTIVE");
    refused("heartbeat.Opinion level=high", "level is compared with a number");
    refused("receive from=", "whole number");
    refused("receive from=99999999999999999999", "whole number");
    refused("receive from=2\x1b[31m", "\\x1b"); /* Nothing that a terminal obeys. */
    refused("send beat=1", "compare one of them, as beat.NAME");
    refused("durable log=foo", "whole number");
    refused("peer=3", "say the kind first");
    refused("instance=raft", "there is no instance 'raft'");
    refused("node=x", "is no node");
    refused("receive %%", "cannot be read");
    refused("violation why=\"open", "cannot be read");
    refused("receive from=1 from=1 from=1 from=1 from=1 from=1 from=1 from=1 from=1 from=1 from=1 "
            "from=1 from=1 from=1 from=1 from=1 from=1",
            "at most 16");
}

/* Two groups: one runs heartbeat and kv, the other knows no trace of kv. */
static void groups_mean_different_things(void **state)
{
    (void)state;
    struct starts other;
    starts_fill(&other, 3, 1);
    other.start.n_types = 2;
    other.start.n_instances = 1;
    other.start.group = starts_text("watchers");
    starts.start.group = starts_text("stores");
    const Orrery__Start *both[] = {&other.start, &starts.start};
    static const struct {
        const char *text;
        bool watchers, stores;
    } means[] = {
        {"receive from=2", true, true},
        {"receive group=stores", false, true},
        {"group=watchers", true, false},
        {"kv.Checkpoint done=true", false, true},
        {"kv.Checkpoint group=watchers", false, false},
        {"heartbeat.Opinion peer=2 group=watchers", true, false},
        {"start group=stores", true, true}, /* A field of its own. */
        {"receive group!=stores", false, false},
    };
    for (size_t i = 0; i < sizeof means / sizeof means[0]; i++) {
        struct pattern_meaning m[2] = {0};
        char why[1000] = "";
        bool any = pattern_compile_each(means[i].text, schema, both, 2, m, why, sizeof why);
        assert_int_equal(any, means[i].watchers || means[i].stores);
        assert_int_equal(m[0].any, means[i].watchers);
        assert_int_equal(m[1].any, means[i].stores);
        assert_int_equal(*why != 0, !any);
        buf_free(&m[0].packed);
        buf_free(&m[1].packed);
    }
    char why[1000];
    struct pattern_meaning m[2] = {0};
    assert_false(pattern_compile_each("kv.Checkpoint dun=1", schema, both, 2, m, why, 1000));
    assert_non_null(strstr(why, "kv.Checkpoint has no field 'dun'")); /* And not "no kind". */
    assert_false(pattern_same_kind(&other.start, &starts.start));
    other.start.group = starts.start.group;
    assert_false(pattern_same_kind(&other.start, &starts.start)); /* Other protocols. */
    assert_true(pattern_same_kind(&starts.start, &starts.start));
    starts.start.group = other.start.group = starts_text("");
    starts_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_mean_different_things),
        cmocka_unit_test(kinds_and_fields),
        cmocka_unit_test(messages),
        cmocka_unit_test(traces),
        cmocka_unit_test(logs_and_machines),
        cmocka_unit_test(nodes_are_for_those_who_know),
        cmocka_unit_test(sentences),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
