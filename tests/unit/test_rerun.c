/* A recorded life, executed again, gives the same events byte by byte; a forged one does not. */
#include "base/errors.h"
#include "core/envelope.h"
#include "core/rerun.h"
#include "toy/toy.h"
#include "unit.h"

#include "pattern.pb-c.h"

#include <stdlib.h>
#include <string.h>

static struct core_ops puppet;

static void config_views(struct host_config *config)
{
    config->view_every = 7;
}

static void break_at(struct toy *t, uint32_t body)
{
    Orrery__Pattern p = ORRERY__PATTERN__INIT;
    p.body = body;
    uint8_t packed[32];
    Orrery__Break b = ORRERY__BREAK__INIT;
    b.has_compiled = true;
    b.compiled.len = orrery__pattern__pack(&p, packed);
    b.compiled.data = packed;
    assert_int_equal(host_break(t->host, &b), 0);
}

static void recover(struct toy *t)
{
    host_begin(t->host, toy_tick(t));
    Orrery__Recovered r = ORRERY__RECOVERED__INIT;
    uint8_t body[] = "a record";
    r.body.data = body;
    r.body.len = sizeof body;
    for (r.lsn = 1; r.lsn <= 3; r.lsn++)
        host_recover(t->host, toy_tick(t), 2, &r);
    host_start(t->host, toy_tick(t));
}

static void message_from(struct toy *t, node_id from, uint64_t number, uint64_t lamport)
{
    Heartbeat__Message m;
    Heartbeat__Beat b;
    uint8_t body[64];
    struct envelope e = {.from = from,
                         .to = 1,
                         .instance = 1,
                         .boot = 4,
                         .event = 17,
                         .lamport = lamport,
                         .vclock = {1, lamport, 3},
                         .n_vclock = 3,
                         .secret = bytes_of(toy_secret, SECRET_SIZE)};
    e.body = bytes_of(body, heartbeat__message__pack(toy_message(&m, &b, number), body));
    struct buf room = {NULL, 0, 0};
    host_packet(t->host, toy_tick(t), TRANSPORT_STREAM, envelope_pack(&e, &room));
    buf_free(&room);
}

static void report_history(struct toy *t)
{
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Trace trace = ORRERY__TRACE__INIT;
    e.instance = 2;
    e.body_case = ORRERY__EVENT__BODY_TRACE;
    e.trace = &trace;
    trace.type = 6;
    host_report(t->host, toy_tick(t), &e);
}

/* Everything that a life can have. */
static struct toy *live(void)
{
    puppet = toy_puppet();
    const struct core_ops *list[] = {&puppet, &puppet};
    struct toy *t = toy_new(1, 2, list, 2, config_views);
    assert_non_null(t->host);
    recover(t);
    t->report_sends = true;
    t->survives_halt = true;
    break_at(t, ORRERY__EVENT__BODY_REPLY);
    break_at(t, ORRERY__EVENT__BODY_MOVE);
    const char *settings[] = {"interval_ms=5", "phi=2.5"};
    char why[100];
    for (uint64_t i = 1; i <= 40; i++) {
        toy_order(t, 1, "append:0 now:1:201 after:1:0 append:1 all:3 random trace-held:7 wake:1");
        toy_order(t, 2, i % 2 ? "move:1 random" : "move:0 append:0 send:3:1");
        host_request(t->host, toy_tick(t), 2, 5, i, bytes_str("SET a b"));
        host_wake(t->host, toy_tick(t));
        message_from(t, 2, 150, 1000 * i);
        message_from(t, 9, 50, 5); /* It was added while we ran. */
        host_packet(t->host, toy_tick(t), TRANSPORT_DATAGRAM, bytes_str("garbage"));
        host_link(t->host, toy_tick(t), 3, i % 2, LINK_RESET);
        assert_int_equal(host_settings(t->host, toy_tick(t), 1, settings, 2, why, sizeof why), 0);
        host_written(t->host, toy_tick(t), 1, 0, i);
        host_durable(t->host, toy_tick(t), 1, 0, i, 77);
        if (i % 3 == 0)
            host_durable(t->host, toy_tick(t), 2, 0, 3 + i, 77);
        host_data(t->host, toy_tick(t), 2, 1, 9, bytes_str("data"));
        host_credit(t->host, toy_tick(t), 2, 5);
        host_disconnect(t->host, toy_tick(t), 2, 5);
        report_history(t);
        if (i == 20)
            host_view(t->host, toy_tick(t));
    }
    assert_int_equal(t->n_halts, 2);
    return t;
}

struct tape {
    struct bytes events[TOY_MAX];
    size_t n;
};

static struct bytes tape_event(void *ctx, uint64_t seq)
{
    const struct tape *tape = ctx;
    return seq >= 1 && seq <= tape->n ? tape->events[seq - 1] : bytes_of(NULL, 0);
}

static const struct core_ops *find_puppet(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "puppet") == 0 ? &puppet : NULL;
}

static struct tape *tape_of(const struct toy *t)
{
    struct tape *tape = calloc(1, sizeof *tape);
    memcpy(tape->events, t->events, sizeof tape->events);
    tape->n = t->n_events;
    return tape;
}

static struct rerun *rerun_of(struct tape *tape)
{
    const struct rerun_life life = {tape_event, find_puppet, tape};
    char why[200] = "";
    struct rerun *r = rerun_new(&life, why, sizeof why);
    assert_string_equal(why, "");
    assert_non_null(r);
    return r;
}

static void same_events_and_state(void **state)
{
    (void)state;
    struct toy *t = live();
    struct tape *tape = tape_of(t);
    struct rerun *r = rerun_of(tape);
    char why[200] = "";
    assert_int_equal(rerun_run(r, 0, why, sizeof why), 0);
    assert_int_equal(rerun_at(r), t->n_events);
    for (uint32_t i = 1; i <= 2; i++)
        assert_memory_equal(host_core(rerun_host(r), i), host_core(t->host, i),
                            sizeof(struct puppet));
    rerun_free(r);
    free(tape);
    toy_free(t);
}

static void state_at_each_event(void **state)
{
    (void)state;
    struct toy *t = live();
    struct tape *tape = tape_of(t);
    struct rerun *r = rerun_of(tape);
    char why[200];
    uint64_t requests = 0;
    for (size_t i = 0; i < t->n_events; i++) {
        requests += toy_event(t, i)->body_case == ORRERY__EVENT__BODY_REQUEST;
        assert_int_equal(rerun_run(r, i + 1, why, sizeof why), 0);
        assert_true(rerun_at(r) >= i + 1);
        const struct puppet *p = host_core(rerun_host(r), 2);
        assert_int_equal(p->inputs[INPUT_REQUEST], requests);
    }
    rerun_free(r);
    free(tape);
    toy_free(t);
}

static void killed_in_mid_step(void **state)
{
    (void)state;
    struct toy *t = live();
    struct tape *tape = tape_of(t);
    char why[200];
    for (tape->n = 1; tape->n < t->n_events; tape->n += 13) {
        struct rerun *r = rerun_of(tape);
        assert_int_equal(rerun_run(r, 0, why, sizeof why), 0);
        assert_true(rerun_at(r) >= tape->n);
        rerun_free(r);
    }
    free(tape);
    toy_free(t);
}

static int run_forged(struct tape *tape)
{
    struct rerun *r = rerun_of(tape);
    char why[200] = "";
    int error = rerun_run(r, 0, why, sizeof why);
    assert_true(error == 0 || strstr(why, "does not follow") != NULL);
    rerun_free(r);
    return error;
}

static void forgeries_are_found(void **state)
{
    (void)state;
    struct toy *t = live();
    struct tape *tape = tape_of(t);
    for (size_t i = 3; i + 1 < t->n_events; i += 3) {
        /* A hole. */
        memmove(&tape->events[i], &t->events[i + 1], (t->n_events - i - 1) * sizeof *tape->events);
        tape->n = t->n_events - 1;
        assert_int_equal(run_forged(tape), ERROR_MALFORMED);
        memcpy(tape->events, t->events, sizeof tape->events);
        tape->n = t->n_events;
        /* Another time, another number, a cut event. */
        uint8_t forged[4096];
        memcpy(forged, t->events[i].base, t->events[i].len);
        forged[1] ^= 1;
        tape->events[i] = bytes_of(forged, t->events[i].len);
        assert_int_equal(run_forged(tape), ERROR_MALFORMED);
        tape->events[i] = bytes_of(t->events[i].base, t->events[i].len - 1);
        assert_int_equal(run_forged(tape), ERROR_MALFORMED);
        tape->events[i] = t->events[i];
    }
    /* An effect that no step had. */
    size_t trace = toy_find(t, ORRERY__EVENT__BODY_TRACE, 0);
    Orrery__Event *e = orrery__event__unpack(NULL, t->events[trace].len, t->events[trace].base);
    e->trace->body.data[1] ^= 1;
    uint8_t packed[512];
    tape->events[trace] = bytes_of(packed, orrery__event__pack(e, packed));
    assert_int_equal(run_forged(tape), ERROR_MALFORMED);
    orrery__event__free_unpacked(e, NULL);
    free(tape);
    toy_free(t);
}

static void useless_recordings_are_refused(void **state)
{
    (void)state;
    struct tape *tape = calloc(1, sizeof *tape);
    const struct rerun_life life = {tape_event, find_puppet, tape};
    char why[200];
    assert_null(rerun_new(&life, why, sizeof why));
    assert_non_null(strstr(why, "start event"));
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Start start = ORRERY__START__INIT;
    Orrery__Instance in = ORRERY__INSTANCE__INIT;
    Orrery__Instance *list[] = {&in, &in};
    uint32_t members[] = {1, 2};
    uint8_t packed[256];
    e.seq = 1;
    e.body_case = ORRERY__EVENT__BODY_START;
    e.start = &start;
    tape->n = 1;
    char unknown[] = "chess";
    char known[] = "puppet";
    in.protocol = unknown;
    in.number = 1;
    start.boot = 1;
    start.node = 3;
    start.n_members = 2;
    start.members = members;
    start.n_instances = 1;
    start.instances = list;
    const char *says[] = {"makes no sense", "no protocol 'chess'", "misnumbers", "level full"};
    for (int i = 0; i < 4; i++) {
        if (i == 1)
            start.node = 2;
        if (i == 2) {
            in.protocol = known;
            start.n_instances = 2;
        }
        if (i == 3)
            start.level = ORRERY__LEVEL__LEVEL_SUMMARY;
        tape->events[0] = bytes_of(packed, orrery__event__pack(&e, packed));
        assert_null(rerun_new(&life, why, sizeof why));
        assert_non_null(strstr(why, says[i]));
    }
    free(tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_events_and_state),
        cmocka_unit_test(state_at_each_event),
        cmocka_unit_test(killed_in_mid_step),
        cmocka_unit_test(forgeries_are_found),
        cmocka_unit_test(useless_recordings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
