/* Breakpoints stop at the exact step, before its effects leave. */
#include "base/errors.h"
#include "toy/toy.h"
#include "unit.h"

#include "pattern.pb-c.h"

#include <string.h>

static struct toy *puppet_new(void)
{
    static struct core_ops ops;
    ops = toy_puppet();
    const struct core_ops *list[] = {&ops, &ops};
    struct toy *t = toy_new(1, 1, list, 2, NULL);
    assert_non_null(t->host);
    toy_start(t);
    return t;
}

/* A breakpoint on an event kind; with a field of its body, on that being `equals`. */
static int break_at(struct toy *t, uint32_t id, uint32_t body, uint32_t field, int64_t equals,
                    uint32_t skip)
{
    Orrery__Pattern p = ORRERY__PATTERN__INIT;
    Orrery__Pattern__Term term = ORRERY__PATTERN__TERM__INIT;
    Orrery__Pattern__Term *terms[] = {&term};
    uint32_t path[] = {body, field};
    p.body = body;
    if (field > 0) {
        p.n_terms = 1;
        p.terms = terms;
        term.n_path = 2;
        term.path = path;
        term.integer = equals;
    }
    uint8_t packed[128];
    Orrery__Break b = ORRERY__BREAK__INIT;
    b.has_compiled = true;
    b.compiled.len = orrery__pattern__pack(&p, packed);
    b.compiled.data = packed;
    b.has_id = true;
    b.id = id;
    b.has_then = true;
    b.then = ORRERY__ACTION__ACTION_PAUSE;
    b.has_skip = true;
    b.skip = skip;
    return host_break(t->host, &b);
}

static void nothing_of_the_step_leaves(void **state)
{
    (void)state;
    struct toy *t = puppet_new();
    /* The last effect of the step is to: 3. */
    assert_int_equal(break_at(t, 4, ORRERY__EVENT__BODY_SEND, 1, 3, 0), 0);
    size_t events = t->n_events;
    t->survives_halt = false;
    toy_order(t, 1, "append:0 trace:1 reply-now:8 now:2:1 now:3:1");
    assert_int_equal(t->n_halts, 1);
    assert_int_equal(t->n_frames, 0);
    assert_int_equal(t->n_appends, 0);
    assert_int_equal(t->n_replies, 0);
    assert_int_equal(t->n_events, events + 2); /* The order and the halt. */
    const Orrery__Event *order = toy_event(t, events);
    const Orrery__Event *halt = toy_event(t, events + 1);
    assert_int_equal(order->body_case, ORRERY__EVENT__BODY_ORDER);
    assert_int_equal(halt->halt->seq, order->seq);
    assert_int_equal(halt->halt->breakpoint, 4);
    assert_string_equal(halt->halt->action, "pause");
    assert_int_equal(halt->lamport, order->lamport);
    toy_free(t);
}

static void after_a_pause_all_goes_on(void **state)
{
    (void)state;
    struct toy *t = puppet_new();
    t->survives_halt = true;
    assert_int_equal(break_at(t, 1, ORRERY__EVENT__BODY_MOVE, 0, 0, 0), 0);
    toy_order(t, 1, "now:2:1 move:1 now:3:1");
    assert_int_equal(t->n_halts, 1);
    assert_int_equal(t->frames_at_halt, 0);
    assert_int_equal(t->n_frames, 2);
    toy_order(t, 1, "move:0"); /* It was gone after its first halt. */
    assert_int_equal(t->n_halts, 1);
    toy_free(t);
}

static void input_and_skip(void **state)
{
    (void)state;
    struct toy *t = puppet_new();
    t->survives_halt = true;
    assert_int_equal(break_at(t, 1, ORRERY__EVENT__BODY_ORDER, 0, 0, 2), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t->n_halts, 0);
        toy_order(t, 1, "now:2:1");
    }
    assert_int_equal(t->n_halts, 1);
    assert_int_equal(t->frames_at_halt, 2);
    assert_int_equal(t->n_frames, 3);
    toy_free(t);
}

static void held_effects_are_seen_when_they_leave(void **state)
{
    (void)state;
    struct toy *t = puppet_new();
    t->survives_halt = false;
    assert_int_equal(break_at(t, 1, ORRERY__EVENT__BODY_SEND, 1, 3, 0), 0);
    toy_order(t, 1, "append:0 send:2:1 send:3:2 send:2:3");
    assert_int_equal(t->n_halts, 0);
    host_durable(t->host, toy_tick(t), 1, 0, 1, 0);
    assert_int_equal(t->n_halts, 1);
    assert_int_equal(t->n_frames, 1);
    const Orrery__Event *halt = toy_event(t, t->n_events - 1);
    assert_int_equal(halt->halt->seq,
                     toy_event(t, toy_find(t, ORRERY__EVENT__BODY_DURABLE, 0))->seq);
    toy_free(t);
}

static void levels_do_not_hide(void **state)
{
    (void)state;
    struct toy *t = puppet_new();
    t->survives_halt = true;
    host_level(t->host, ORRERY__LEVEL__LEVEL_OFF);
    assert_int_equal(break_at(t, 1, ORRERY__EVENT__BODY_SEND, 1, 2, 0), 0);
    size_t events = t->n_events;
    toy_order(t, 1, "now:2:1");
    assert_int_equal(t->n_halts, 1);
    assert_int_equal(t->n_events, events + 1);
    assert_int_equal(toy_event(t, events)->halt->seq, 0);
    toy_free(t);
}

static void written_only_when_somebody_looks(void **state)
{
    (void)state;
    struct toy *t = puppet_new();
    assert_false(host_wants_written(t->host));
    assert_int_equal(break_at(t, 1, ORRERY__EVENT__BODY_WRITTEN, 2, 3, 0), 0);
    assert_true(host_wants_written(t->host));
    toy_order(t, 1, "append:0 append:0 append:0 reply:1");
    t->survives_halt = false;
    host_written(t->host, toy_tick(t), 1, 0, 2);
    assert_int_equal(t->n_halts, 0);
    host_written(t->host, toy_tick(t), 1, 0, 3);
    assert_int_equal(t->n_halts, 1);
    assert_int_equal(((const struct puppet *)host_core(t->host, 1))->inputs[INPUT_WRITTEN], 0);
    toy_free(t);
}

static void cleared_and_refused(void **state)
{
    (void)state;
    struct toy *t = puppet_new();
    for (uint32_t i = 0; i < BREAKS_MAX; i++)
        assert_int_equal(break_at(t, i, ORRERY__EVENT__BODY_ORDER, 0, 0, 0), 0);
    assert_int_equal(break_at(t, 99, ORRERY__EVENT__BODY_ORDER, 0, 0, 0), ERROR_TOO_LARGE);
    Orrery__Break clear = ORRERY__BREAK__INIT;
    clear.has_clear = clear.clear = true;
    clear.has_id = true;
    clear.id = 3;
    assert_int_equal(host_break(t->host, &clear), 0);
    assert_int_equal(break_at(t, 99, ORRERY__EVENT__BODY_ORDER, 0, 0, 0), 0);
    clear.has_id = false;
    assert_int_equal(host_break(t->host, &clear), 0);
    toy_order(t, 1, "now:2:1");
    assert_int_equal(t->n_halts, 0);
    Orrery__Break bad = ORRERY__BREAK__INIT;
    assert_int_equal(host_break(t->host, &bad), ERROR_MALFORMED);
    bad.has_compiled = true;
    uint8_t garbage[] = {0xff, 0xff};
    bad.compiled.data = garbage;
    bad.compiled.len = sizeof garbage;
    assert_int_equal(host_break(t->host, &bad), ERROR_MALFORMED);
    toy_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_of_the_step_leaves),
        cmocka_unit_test(after_a_pause_all_goes_on),
        cmocka_unit_test(input_and_skip),
        cmocka_unit_test(held_effects_are_seen_when_they_leave),
        cmocka_unit_test(levels_do_not_hide),
        cmocka_unit_test(written_only_when_somebody_looks),
        cmocka_unit_test(cleared_and_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
