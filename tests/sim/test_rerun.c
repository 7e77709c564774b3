/* A recorded life executes again to the byte, and an invented event is noticed; and a recording
 * tells who led in which term. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/sim.h"
#include "sim/trial.h"
#include "timeline/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void name_file(char *path)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
}

static void record(const char *protocol, uint64_t seed, const char *path, uint32_t *nodes)
{
    struct trial_wish wish = {.protocol = protocol};
    struct trial_watch watch = {.recording = path};
    struct trial t;
    struct outcome o;
    char why[300];
    assert_true(trial_draw(&t, seed, &wish, why, sizeof why));
    if (trial_run(&t, &watch, &o, why, sizeof why) != 0)
        fail_msg("%s", why);
    *nodes = t.nodes;
    trial_free(&t);
}

static void every_life_again(const char *protocol, uint64_t seed)
{
    char path[] = "/tmp/orrery-test-XXXXXX";
    char why[300];
    uint32_t nodes;
    name_file(path);
    record(protocol, seed, path, &nodes);
    struct timeline *t = timeline_open(path, why, sizeof why);
    assert_non_null(t);
    for (uint32_t node = 1; node <= nodes; node++)
        for (uint32_t boot = 1; timeline_start_of(t, node, boot); boot++)
            assert_int_equal(rerun_command(path, node, boot, 0, true), 0);
    timeline_free(t);
    unlink(path);
}

static void heartbeat_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        every_life_again("heartbeat", seed);
}

static void kv_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        every_life_again("kv", seed);
}

static void raft_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        every_life_again("raft", seed);
}

static void limiter_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        every_life_again("limiter", seed);
}

enum change { CHANGE_BODY, CHANGE_MISSING, CHANGE_LEVEL };

static bool is_victim(const struct entry *e, uint64_t seq)
{
    return e->node == 1 && e->boot == 1 && e->head.seq == seq;
}

/* One event is another, or not there. */
static void give(struct timeline *to, const struct entry *e, uint64_t victim, enum change change)
{
    Orrery__Event *m = orrery__event__unpack(NULL, e->event.len, e->event.base);
    struct buf packed = {0};
    assert_non_null(m);
    if (change == CHANGE_BODY && is_victim(e, victim))
        m->lamport++;
    if (change == CHANGE_LEVEL && m->body_case == ORRERY__EVENT__BODY_START)
        m->start->level = ORRERY__LEVEL__LEVEL_SUMMARY;
    orrery__event__pack(m, buf_extend(&packed, orrery__event__get_packed_size(m)));
    if (e->node == 0)
        timeline_operator(to, m->mono_ns, m->wall_ns, m);
    else if (change != CHANGE_MISSING || !is_victim(e, victim))
        timeline_ingest(to, e->node, e->boot, buf_bytes(&packed));
    orrery__event__free_unpacked(m, NULL);
    buf_free(&packed);
}

static void falsify(const char *from, const char *path, uint64_t victim, enum change change)
{
    struct timeline_options options = {.recording = path};
    char why[300];
    struct timeline *t = timeline_open(from, why, sizeof why);
    assert_non_null(t);
    options.info = *timeline_info(t);
    struct timeline *to = timeline_new(&options, why, sizeof why);
    assert_non_null(to);
    for (uint64_t i = timeline_oldest(t); i <= timeline_newest(t); i++) {
        struct entry e;
        assert_true(timeline_get(t, i, &e));
        give(to, &e, victim, change);
        timeline_watermark(to, e.head.mono_ns);
    }
    timeline_flush(to);
    timeline_free(to);
    timeline_free(t);
}

static void lies_are_noticed(void **state)
{
    char path[] = "/tmp/orrery-test-XXXXXX";
    char lie[] = "/tmp/orrery-test-XXXXXX";
    uint32_t nodes;
    (void)state;
    name_file(path);
    name_file(lie);
    record("heartbeat", 3, path, &nodes);
    assert_int_equal(rerun_command(path, 1, 1, 0, true), 0);
    falsify(path, lie, 0, CHANGE_BODY);
    assert_int_equal(rerun_command(lie, 1, 1, 0, true), 0); /* Nothing was changed. */
    unlink(lie);
    falsify(path, lie, 20, CHANGE_BODY);
    assert_int_equal(rerun_command(lie, 1, 1, 0, true), 1);
    unlink(lie);
    falsify(path, lie, 20, CHANGE_MISSING);
    assert_int_equal(rerun_command(lie, 1, 1, 0, true), 3);
    unlink(lie);
    falsify(path, lie, 0, CHANGE_LEVEL);
    assert_int_equal(rerun_command(lie, 1, 1, 0, true), 3);
    assert_int_equal(rerun_command(lie, 99, 0, 0, true), 2);
    unlink(lie);
    unlink(path);
    assert_int_equal(rerun_command(path, 1, 0, 0, true), 2);
}

static Orrery__Window *look(struct timeline_view *v, double from, double to)
{
    Orrery__WindowAsk ask = ORRERY__WINDOW_ASK__INIT;
    ask.from_ns = from;
    ask.to_ns = to;
    ask.columns = 800;
    return timeline_view_window(v, &ask);
}

/* The term of the lane's newest charge that has begun by then; 0: none. */
static double term_at(const Orrery__Window *w, uint32_t lane, double ns)
{
    double term = 0;
    assert_int_equal(w->n_state_term, w->n_state);
    for (size_t i = 0; i < w->n_state; i++)
        if (w->state_lane[i] == lane && w->state_ns[i] <= ns && w->state[i] == VIEW_IN_CHARGE)
            term = w->state_term[i];
    return term;
}

static void who_led_is_told_with_its_term(void **state)
{
    char path[] = "/tmp/orrery-test-XXXXXX";
    char why[300];
    uint32_t elected = 0, nodes;
    (void)state;
    name_file(path);
    record("raft", 1, path, &nodes);
    struct timeline *t = timeline_open(path, why, sizeof why);
    assert_non_null(t);
    struct timeline_view *v = timeline_view_new(t);
    Orrery__Window *whole = look(v, 0, (double)timeline_view_newest_ns(v));
    struct entry e;
    for (uint64_t at = timeline_oldest(t); at <= timeline_newest(t); at++) {
        const struct schema_type *type =
            timeline_get(t, at, &e) ? timeline_trace_type(t, &e) : NULL;
        if (!type || strcmp(schema_name(type), "raft.Elected") != 0)
            continue;
        double ns = (double)e.head.mono_ns, term = 0;
        assert_true(schema_number(type, trace_body(e.head.payload), "term", &term));
        assert_true(term_at(whole, e.node, ns) == term);
        Orrery__Window *later = look(v, ns + 1, ns + 2); /* Which begins within the charge. */
        assert_true(term_at(later, e.node, ns + 1) == term);
        orrery__window__free_unpacked(later, NULL);
        elected++;
    }
    assert_true(elected > 1);
    orrery__window__free_unpacked(whole, NULL);
    timeline_view_free(v);
    timeline_free(t);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heartbeat_again),  cmocka_unit_test(kv_again),
        cmocka_unit_test(limiter_again),    cmocka_unit_test(raft_again),
        cmocka_unit_test(lies_are_noticed), cmocka_unit_test(who_led_is_told_with_its_term),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
