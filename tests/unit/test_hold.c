/* What waits for the disk, and what does not. */
#include "toy/toy.h"
#include "unit.h"

#include <string.h>

static struct toy *puppet_new(uint32_t instances)
{
    static struct core_ops ops;
    ops = toy_puppet();
    const struct core_ops *list[] = {&ops, &ops};
    struct toy *t = toy_new(1, 1, list, instances, NULL);
    assert_non_null(t->host);
    toy_start(t);
    return t;
}

static void durable(struct toy *t, uint32_t instance, uint32_t log, lsn upto)
{
    host_durable(t->host, toy_tick(t), instance, log, upto, 1234);
}

static const struct puppet *puppet_of(const struct toy *t, uint32_t instance)
{
    return host_core(t->host, instance);
}

static void replies_wait_for_their_record(void **state)
{
    (void)state;
    struct toy *t = puppet_new(1);
    for (uint64_t i = 1; i <= 3; i++)
        host_request(t->host, toy_tick(t), 1, 9, i, bytes_str("payload"));
    assert_int_equal(t->n_appends, 3);
    assert_int_equal(t->n_replies, 0);
    assert_int_equal(toy_count(t, ORRERY__EVENT__BODY_REPLY), 0);
    durable(t, 1, 0, 2);
    assert_int_equal(t->n_replies, 2);
    assert_int_equal(t->replies[1].request, 2);
    assert_true(bytes_equal(t->replies[1].body, bytes_str("payload")));
    durable(t, 1, 0, 3);
    assert_int_equal(t->n_replies, 3);
    /* The write-ahead rule in the events: append, durable, what the protocol says to it, reply. */
    size_t append = toy_find(t, ORRERY__EVENT__BODY_APPEND, 2);
    size_t sync = toy_find(t, ORRERY__EVENT__BODY_DURABLE, 1);
    size_t reply = toy_find(t, ORRERY__EVENT__BODY_REPLY, 2);
    assert_true(append < sync && sync < reply);
    assert_int_equal(toy_event(t, sync + 1)->body_case, ORRERY__EVENT__BODY_TRACE);
    assert_int_equal(toy_event(t, sync)->durable->sync_ns, 1234);
    assert_int_equal(toy_event(t, append)->append->lsn, 3);
    assert_int_equal(toy_event(t, append)->append->offset, 2 * (7 + 21));
    assert_int_equal(toy_event(t, append)->append->size, 7 + 21);
    toy_free(t);
}

static void a_held_trace_is_told_with_its_reply(void **state)
{
    (void)state;
    struct toy *t = puppet_new(1);
    size_t traces = toy_count(t, ORRERY__EVENT__BODY_TRACE);
    toy_order(t, 1, "append:0 trace-held:5 reply:1 trace:6");
    assert_int_equal(toy_count(t, ORRERY__EVENT__BODY_TRACE), traces + 1);
    durable(t, 1, 0, 1);
    size_t reply = toy_find(t, ORRERY__EVENT__BODY_REPLY, 0);
    assert_int_equal(toy_event(t, reply - 1)->body_case, ORRERY__EVENT__BODY_TRACE);
    assert_int_equal(toy_count(t, ORRERY__EVENT__BODY_TRACE), traces + 3);
    toy_free(t);
}

static void order_is_kept_and_now_overtakes(void **state)
{
    (void)state;
    struct toy *t = puppet_new(1);
    toy_order(t, 1, "send:2:1"); /* Nothing was written yet: nothing to wait for. */
    assert_int_equal(t->n_frames, 1);
    toy_order(t, 1, "append:0 send:2:2 send:3:3 now:2:4 reply:5");
    assert_int_equal(t->n_frames, 2);
    assert_int_equal(toy_frame_number(&t->frames[1]), 4);
    toy_order(t, 1, "append:0 send:2:5");
    toy_order(t, 1, "all:6");
    durable(t, 1, 0, 1);
    assert_int_equal(t->n_frames, 4);
    assert_int_equal(t->n_replies, 1);
    assert_int_equal(toy_frame_number(&t->frames[2]), 2);
    assert_int_equal(toy_frame_number(&t->frames[3]), 3);
    assert_int_equal(t->frames[3].to, 3);
    durable(t, 1, 0, 2);
    assert_int_equal(t->n_frames, 7);
    assert_int_equal(toy_frame_number(&t->frames[4]), 5);
    assert_int_equal(toy_frame_number(&t->frames[5]), 6);
    assert_int_equal(t->frames[5].transport, TRANSPORT_STREAM);
    assert_int_equal(puppet_of(t, 1)->last_message, 6); /* And to ourselves. */
    toy_order(t, 1, "send:2:7");                        /* All is durable. */
    assert_int_equal(t->n_frames, 8);
    toy_free(t);
}

static void one_log_waits_for_another(void **state)
{
    (void)state;
    struct toy *t = puppet_new(1);
    toy_order(t, 1, "append:0 after:1:0 append:1 snapshot:1:2 send:2:1");
    assert_int_equal(t->n_appends, 1); /* The second of log 1 stays behind the first. */
    assert_int_equal(t->n_snapshots, 0);
    durable(t, 1, 0, 1);
    assert_int_equal(t->n_appends, 3);
    assert_int_equal(t->n_snapshots, 1);
    assert_int_equal(t->appends[1].log, 1);
    assert_int_equal(t->appends[1].at, 1);
    assert_true(bytes_equal(t->appends[1].body, bytes_str("later")));
    assert_int_equal(t->appends[2].at, 2);
    assert_int_equal(t->n_frames, 1);
    toy_order(t, 1, "append:1"); /* The way is free again. */
    assert_int_equal(t->n_appends, 4);
    toy_free(t);
}

static void truncation_takes_promises_back(void **state)
{
    (void)state;
    struct toy *t = puppet_new(1);
    toy_order(t, 1, "append:0 append:0 append:0 send:2:3");
    durable(t, 1, 0, 1);
    assert_int_equal(t->n_frames, 0);
    toy_order(t, 1, "from:0:2 append:0 send:2:4");
    assert_int_equal(t->n_truncated, 1);
    assert_int_equal(t->appends[3].at, 2);
    assert_int_equal(t->n_frames, 0);
    durable(t, 1, 0, 2);
    assert_int_equal(t->n_frames, 2);
    /* What was durable and is gone counts no more. */
    toy_order(t, 1, "from:0:1 append:0 append:0 send:2:5");
    assert_int_equal(t->n_frames, 2);
    durable(t, 1, 0, 2);
    assert_int_equal(t->n_frames, 3);
    toy_free(t);
}

static void instances_are_apart(void **state)
{
    (void)state;
    struct toy *t = puppet_new(2);
    const Orrery__Start *start = toy_event(t, 0)->start;
    assert_int_equal(start->n_instances, 2);
    assert_int_equal(start->n_types, 8);
    assert_string_equal(start->types[2], "history.Invoke");
    assert_string_equal(start->types[4], "heartbeat.Gap");
    assert_string_equal(start->instances[1]->logs[1], "b");
    assert_string_equal(start->instances[1]->machines[0]->states[2], "done");
    assert_int_equal(start->instances[1]->machines[0]->allowed[1], 5);
    /* Each has random numbers of its own. */
    const Orrery__Event *one = toy_event(t, toy_find(t, ORRERY__EVENT__BODY_TRACE, 0));
    const Orrery__Event *two = toy_event(t, toy_find(t, ORRERY__EVENT__BODY_TRACE, 1));
    assert_int_equal(one->trace->type, 0);
    assert_int_equal(two->trace->type, 4);
    assert_memory_not_equal(one->trace->body.data, two->trace->body.data, one->trace->body.len);
    /* One's sync is none of the other's business. */
    toy_order(t, 1, "append:0 send:2:1");
    toy_order(t, 2, "append:0 send:2:2");
    durable(t, 2, 0, 1);
    assert_int_equal(t->n_frames, 1);
    assert_int_equal(toy_frame_number(&t->frames[0]), 2);
    assert_int_equal(puppet_of(t, 1)->inputs[INPUT_DURABLE], 0);
    durable(t, 1, 0, 1);
    assert_int_equal(t->n_frames, 2);
    assert_int_equal(host_trace_type(t->host, 2, &heartbeat__opinion__descriptor), 5);
    toy_free(t);
}

static void own_messages_come_back_afterwards(void **state)
{
    (void)state;
    struct toy *t = puppet_new(1);
    toy_order(t, 1, "now:1:350 trace:1 now:2:9");
    assert_int_equal(puppet_of(t, 1)->inputs[INPUT_MESSAGE], 4); /* 350, 250, 150, 50 */
    assert_int_equal(puppet_of(t, 1)->last_message, 50);
    assert_int_equal(t->n_frames, 1); /* Nothing to ourselves went outside. */
    size_t order = toy_find(t, ORRERY__EVENT__BODY_ORDER, 0);
    const Orrery__Event__BodyCase expected[] = {
        ORRERY__EVENT__BODY_SEND,    ORRERY__EVENT__BODY_TRACE,   ORRERY__EVENT__BODY_SEND,
        ORRERY__EVENT__BODY_RECEIVE, ORRERY__EVENT__BODY_SEND,    ORRERY__EVENT__BODY_RECEIVE,
        ORRERY__EVENT__BODY_SEND,    ORRERY__EVENT__BODY_RECEIVE, ORRERY__EVENT__BODY_SEND,
        ORRERY__EVENT__BODY_RECEIVE,
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(toy_event(t, order + 1 + i)->body_case, expected[i]);
    const Orrery__Event *receive = toy_event(t, order + 4);
    assert_int_equal(receive->receive->from, 1);
    assert_int_equal(receive->receive->event, toy_event(t, order + 1)->seq);
    toy_free(t);
}

static void recovery_comes_first(void **state)
{
    (void)state;
    static struct core_ops ops;
    ops = toy_puppet();
    const struct core_ops *list[] = {&ops};
    struct toy *t = toy_new(1, 2, list, 1, NULL);
    host_begin(t->host, toy_tick(t));
    Orrery__Recovered r = ORRERY__RECOVERED__INIT;
    r.snapshot = true;
    r.lsn = 10;
    host_recover(t->host, toy_tick(t), 1, &r);
    r.snapshot = false;
    for (r.lsn = 11; r.lsn <= 12; r.lsn++)
        host_recover(t->host, toy_tick(t), 1, &r);
    assert_true(host_deadline(t->host) == NSEC_NEVER);
    host_start(t->host, toy_tick(t));
    assert_int_equal(puppet_of(t, 1)->records, 3);
    toy_order(t, 1, "send:2:1"); /* What was recovered is durable. */
    assert_int_equal(t->n_frames, 1);
    toy_order(t, 1, "append:0 send:2:2 read:0");
    assert_int_equal(t->appends[0].at, 13);
    assert_int_equal(t->n_frames, 1);
    assert_int_equal(t->n_reads, 1);
    toy_free(t);
}

static void many_wait(void **state)
{
    (void)state;
    struct toy *t = puppet_new(1);
    enum { N = 3000 };
    char body[100];
    memset(body, 'x', sizeof body);
    for (uint64_t i = 1; i <= N; i++) {
        put_u64((uint8_t *)body, i);
        host_request(t->host, toy_tick(t), 1, 1, i, bytes_of(body, 8 + i % 90));
        if (i % 7 == 0)
            durable(t, 1, 0, i - 5); /* The queue never runs empty. */
    }
    durable(t, 1, 0, N);
    assert_int_equal(t->n_replies, N);
    for (uint64_t i = 1; i <= N; i++) {
        assert_int_equal(t->replies[i - 1].request, i);
        assert_int_equal(t->replies[i - 1].body.len, 8 + i % 90);
        assert_int_equal(get_u64(t->replies[i - 1].body.base), i);
    }
    toy_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_wait_for_their_record),
        cmocka_unit_test(a_held_trace_is_told_with_its_reply),
        cmocka_unit_test(order_is_kept_and_now_overtakes),
        cmocka_unit_test(one_log_waits_for_another),
        cmocka_unit_test(truncation_takes_promises_back),
        cmocka_unit_test(instances_are_apart),
        cmocka_unit_test(own_messages_come_back_afterwards),
        cmocka_unit_test(recovery_comes_first),
        cmocka_unit_test(many_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
