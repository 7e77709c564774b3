/* The checkers on small histories made by hand: what proves, what refutes, what stays unknown. */
#include "unit/check_tale.h"

static void reads_in_one_life(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", true);
    set(&t, 2, "a", "2", true);
    get(&t, 3, "a", "1");
    end(&t, "reads", VERDICT_REFUTED);
}

/* The read was executed before the second write, and answered after it. */
static void a_read_is_of_its_moment(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", true);
    History__Op ask = make_op("get", "a", NULL, 0);
    History__Op told = make_op("get", "a", "1", 0);
    invoke(&t, 2, &ask, 1);
    set(&t, 3, "a", "2", false);
    complete(&t, 2, &told, 1);
    get(&t, 4, "a", "2");
    assert_int_equal(end(&t, "reads", VERDICT_PROVEN), VERDICT_PROVEN);
}

static void over_a_hole_it_is_unknown(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", true);
    hole(&t, 1);
    get(&t, 2, "a", "7");
    crash(&t);
    get(&t, 1, "a", "8");
    assert_int_equal(end(&t, "durability", VERDICT_UNKNOWN), VERDICT_UNKNOWN);
}

static void sync_never_promises_nothing(void **state)
{
    (void)state;
    struct tale t = begin();
    spawn(&t, 1, "kv", "sync", "never");
    set(&t, 1, "a", "1", true);
    leave(&t, 1, 9, 0, 1);
    spawn(&t, 1, "kv", "sync", "never");
    get(&t, 1, "a", NULL);
    const struct finding *all;
    check_end(t.check, 0);
    uint32_t n = check_findings(t.check, &all);
    for (uint32_t i = 0; i < n; i++)
        assert_true(all[i].verdict != VERDICT_REFUTED);
    check_free(t.check);
}

static void nobody_asked(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    leave(&t, 1, 6, 0, 0);
    end(&t, "survival", VERDICT_REFUTED);
    t = begin();
    spawn(&t, 1, "kv", NULL, NULL);
    leave(&t, 1, 9, 0, 3);
    end(&t, "survival", VERDICT_PROVEN);
}

static void opinion(struct tale *t, uint32_t node, uint32_t peer, bool suspected)
{
    Heartbeat__Opinion o = HEARTBEAT__OPINION__INIT;
    o.peer = peer;
    o.suspected = suspected;
    trace(t, node, OPINION, &o.base);
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Move m = ORRERY__MOVE__INIT;
    m.of = peer;
    m.to = suspected ? 2 : 1;
    e.instance = 1;
    e.body_case = ORRERY__EVENT__BODY_MOVE;
    e.move = &m;
    tell(t, node, &e);
}

static void gap(struct tale *t, uint32_t node, uint32_t peer, uint64_t number)
{
    Heartbeat__Gap g = HEARTBEAT__GAP__INIT;
    g.peer = peer;
    g.number = number;
    trace(t, node, GAP, &g.base);
}

/* Two nodes that beat four times a second for a while; by default a time-out is one second. */
static struct tale two_nodes(uint64_t seconds)
{
    struct tale t = begin();
    spawn(&t, 1, "heartbeat", NULL, NULL);
    spawn(&t, 2, "heartbeat", NULL, NULL);
    for (uint64_t i = 1; i <= 4 * seconds; i++) {
        t.now += SECOND / 4;
        gap(&t, 1, 2, i);
        gap(&t, 2, 1, i);
    }
    return t;
}

static void a_crash_is_noticed(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    t.now += SECOND / 4;
    leave(&t, 2, 9, 0, 1);
    t.now += SECOND * 3 / 4;
    opinion(&t, 1, 2, true);
    t.now += 10 * SECOND;
    check_end(t.check, t.now);
    const struct heartbeat_measure *m = check_heartbeat_measures(t.check);
    assert_int_equal(m[0].n, 1);
    assert_int_equal(m[0].detection_ns[0], SECOND * 3 / 4);
    assert_int_equal(m[0].mistakes, 0);
    assert_int_equal(check_verdict(t.check), VERDICT_PROVEN);
    check_free(t.check);
}

static void a_crash_is_missed(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    leave(&t, 2, 9, 0, 1);
    t.now += 10 * SECOND;
    end(&t, "completeness", VERDICT_REFUTED);
}

/* Whoever was removed from the cluster is watched by nobody. */
static void a_removed_node_is_not_missed(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    uint32_t node = 2;
    Orrery__Command c = ORRERY__COMMAND__INIT;
    Orrery__Nodes nodes = ORRERY__NODES__INIT;
    nodes.nodes = &node;
    nodes.n_nodes = 1;
    c.verb_case = ORRERY__COMMAND__VERB_REMOVE;
    c.remove = &nodes;
    act(&t, &c);
    leave(&t, 2, 0, 0, 1);
    t.now += 10 * SECOND;
    end(&t, "completeness", VERDICT_NOTHING);
}

static void a_crash_is_missed_in_a_hole(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    leave(&t, 2, 9, 0, 1);
    hole(&t, 1);
    t.now += 10 * SECOND;
    end(&t, "completeness", VERDICT_UNKNOWN);
}

static void a_mistake_may_hide_in_a_hole(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    end(&t, "accuracy", VERDICT_PROVEN);
    t = two_nodes(10);
    hole(&t, 1);
    end(&t, "accuracy", VERDICT_UNKNOWN);
}

static void suspected_for_nothing(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    opinion(&t, 1, 2, true);
    opinion(&t, 1, 2, false);
    end(&t, "accuracy", VERDICT_REFUTED);
}

static void suspected_for_a_reason(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    Orrery__Command c = ORRERY__COMMAND__INIT;
    Orrery__Cut cut = ORRERY__CUT__INIT;
    uint32_t a = 1;
    uint32_t b = 2;
    cut.a = &a;
    cut.b = &b;
    cut.n_a = cut.n_b = 1;
    c.verb_case = ORRERY__COMMAND__VERB_CUT;
    c.cut = &cut;
    act(&t, &c);
    t.now += SECOND;
    opinion(&t, 1, 2, true);
    end(&t, "accuracy", VERDICT_PROVEN);
}

static void suspected_to_the_end(void **state)
{
    (void)state;
    struct tale t = begin();
    spawn(&t, 1, "heartbeat", NULL, NULL);
    spawn(&t, 2, "heartbeat", NULL, NULL);
    t.now += SECOND;
    gap(&t, 1, 2, 1);
    opinion(&t, 1, 2, true);
    t.now += 20 * SECOND;
    end(&t, "agreement", VERDICT_REFUTED);
}

static void durable(struct tale *t, uint64_t lsn)
{
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Durable d = ORRERY__DURABLE__INIT;
    d.lsn = lsn;
    e.instance = 1;
    e.body_case = ORRERY__EVENT__BODY_DURABLE;
    e.durable = &d;
    tell(t, 1, &e);
}

static void flush(struct tale *t, uint64_t page_lsn)
{
    Kv__PageFlush p = KV__PAGE_FLUSH__INIT;
    p.page_lsn = page_lsn;
    p.durable_lsn = page_lsn; /* What it says of itself proves nothing. */
    trace(t, 1, FLUSH, &p.base);
}

static void the_log_goes_first(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    durable(&t, 3);
    flush(&t, 3);
    assert_int_equal(end(&t, "write-ahead", VERDICT_PROVEN), VERDICT_PROVEN);
    t = begin();
    spawn(&t, 1, "kv", NULL, NULL);
    durable(&t, 3);
    flush(&t, 4);
    durable(&t, 4);
    assert_int_equal(end(&t, "write-ahead", VERDICT_REFUTED), VERDICT_REFUTED);
    t = begin();
    spawn(&t, 1, "kv", NULL, NULL);
    durable(&t, 3);
    hole(&t, 1);
    flush(&t, 4);
    end(&t, "write-ahead", VERDICT_UNKNOWN);
    t = begin();
    spawn(&t, 1, "kv", NULL, NULL);
    durable(&t, 3);
    flush(&t, 3);
    hole(&t, 1);
    end(&t, "write-ahead", VERDICT_UNKNOWN);
    t = begin();
    spawn(&t, 1, "kv", "sync", "never");
    flush(&t, 4);
    end(&t, "write-ahead", VERDICT_NOTHING);
}

static void nonsense_is_survived(void **state)
{
    (void)state;
    struct tale t = begin();
    spawn(&t, 1, "heartbeat", "interval_ms", "-1e300");
    opinion(&t, 1, 0, true);
    opinion(&t, 1, 4000000000u, true);
    gap(&t, 1, 99999, 1);
    leave(&t, 7, 9, 0, 0);
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Trace x = ORRERY__TRACE__INIT;
    uint8_t bytes[] = {0xff, 0xff, 0xff};
    x.type = GAP;
    x.body = (ProtobufCBinaryData){sizeof bytes, bytes};
    e.body_case = ORRERY__EVENT__BODY_TRACE;
    e.trace = &x;
    tell(&t, 1, &e);
    x.type = 70000;
    tell(&t, 1, &e);
    check_end(t.check, 0);
    check_free(t.check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_is_there),
        cmocka_unit_test(acknowledged_is_lost),
        cmocka_unit_test(never_attempted),
        cmocka_unit_test(one_read_rules_out_the_other),
        cmocka_unit_test(half_a_transaction),
        cmocka_unit_test(not_a_prefix),
        cmocka_unit_test(two_crashes),
        cmocka_unit_test(reads_in_one_life),
        cmocka_unit_test(a_read_is_of_its_moment),
        cmocka_unit_test(over_a_hole_it_is_unknown),
        cmocka_unit_test(sync_never_promises_nothing),
        cmocka_unit_test(nobody_asked),
        cmocka_unit_test(a_crash_is_noticed),
        cmocka_unit_test(a_crash_is_missed),
        cmocka_unit_test(a_removed_node_is_not_missed),
        cmocka_unit_test(a_crash_is_missed_in_a_hole),
        cmocka_unit_test(a_mistake_may_hide_in_a_hole),
        cmocka_unit_test(suspected_for_nothing),
        cmocka_unit_test(suspected_for_a_reason),
        cmocka_unit_test(suspected_to_the_end),
        cmocka_unit_test(the_log_goes_first),
        cmocka_unit_test(nonsense_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
