/* What is missing of a lane is told as a span of it, with its number; also from a recording. */
#include "unit/unit.h"

#include "story.h"

#include "timeline/holes.h"

#include <stdlib.h>
#include <unistd.h>

/* So many events of the node did not fit its ring. */
static void overflow(struct story *s, uint32_t node, uint64_t events)
{
    s->seq[node] += events;
}

static void hole(const Orrery__Window *w, size_t i, uint32_t lane, double from_ms, double to_ms,
                 double events)
{
    assert_true(i < w->n_hole_from_ns);
    assert_int_equal(w->hole_lane[i], lane);
    assert_true(w->hole_from_ns[i] == from_ms * MS);
    assert_true(w->hole_to_ns[i] == to_ms * MS);
    assert_true(w->hole_events[i] == events);
}

static void tell_holes(struct story *s)
{
    beat(s, 1, 2, 50 * MS);
    overflow(s, 1, 7);
    beat(s, 1, 2, 80 * MS);
    beat(s, 2, 1, 90 * MS);
    overflow(s, 2, 40);
    beat(s, 2, 1, 90 * MS + MS / 4);
    beat(s, 2, 1, 90 * MS + MS * 2 / 5);
    overflow(s, 2, 2);
    beat(s, 2, 1, 90 * MS + MS / 2);
    timeline_flush(s->timeline);
}

static void a_hole_reaches_from_neighbour_to_neighbour(void **state)
{
    struct story s;
    struct entry e;
    (void)state;
    story_begin(&s);
    tell_holes(&s);
    Orrery__Window *w = look(s.view, 0, 100 * MS);
    assert_int_equal(w->n_hole_from_ns, 3);
    hole(w, 0, 1, 50, 80, 7);
    hole(w, 1, 2, 90, 90.25, 40);
    hole(w, 2, 2, 90.4, 90.5, 2);
    assert_true(timeline_get(s.timeline, (uint64_t)w->hole_event[0], &e));
    assert_int_equal(e.head.body, ORRERY__EVENT__BODY_HOLE);
    orrery__window__free_unpacked(w, NULL);
    w = look(s.view, 60 * MS, 70 * MS); /* Neither end of it is in view. */
    assert_int_equal(w->n_hole_from_ns, 1);
    hole(w, 0, 1, 50, 80, 7);
    orrery__window__free_unpacked(w, NULL);
    w = look(s.view, 81 * MS, 89 * MS);
    assert_int_equal(w->n_hole_from_ns, 0);
    orrery__window__free_unpacked(w, NULL);
    story_end(&s);
}

/* Also where messages are only counted; and what is less than a column apart is one. */
static void holes_cost_no_more_than_columns(void **state)
{
    struct story s;
    (void)state;
    story_begin(&s);
    tell_holes(&s);
    Orrery__WindowAsk ask = ORRERY__WINDOW_ASK__INIT;
    ask.to_ns = 100 * MS;
    ask.columns = 20;
    ask.counts = true;
    Orrery__Window *w = timeline_view_window(s.view, &ask);
    assert_true(w->level > 0);
    assert_int_equal(w->n_hole_from_ns, 2);
    hole(w, 0, 1, 50, 80, 7);
    hole(w, 1, 2, 90, 90.5, 42);
    orrery__window__free_unpacked(w, NULL);
    story_end(&s);
}

static void a_recording_keeps_them(void **state)
{
    char path[] = "/tmp/orrery-holes-XXXXXX", why[300];
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    struct timeline_options options = {.recording = path};
    orrery__run_info__init(&options.info);
    options.info.nodes = 3;
    struct story s = {.timeline = timeline_new(&options, why, sizeof why)};
    assert_non_null(s.timeline);
    for (uint32_t node = 1; node <= 3; node++)
        start(&s, node, node * MS);
    tell_holes(&s);
    timeline_free(s.timeline);
    s.timeline = timeline_open(path, why, sizeof why);
    if (!s.timeline)
        fail_msg("%s", why);
    s.view = timeline_view_new(s.timeline);
    Orrery__Window *w = look(s.view, 60 * MS, 70 * MS);
    assert_int_equal(w->n_hole_from_ns, 1);
    hole(w, 0, 1, 50, 80, 7);
    assert_int_equal(timeline_holes(s.timeline), 49);
    orrery__window__free_unpacked(w, NULL);
    story_end(&s);
    unlink(path);
}

static void too_many_become_fewer_and_none_is_forgotten(void **state)
{
    struct holes h = {0};
    uint64_t events = 0;
    (void)state;
    for (uint64_t i = 0; i < 3 * (uint64_t)HOLES_MAX; i++)
        holes_add(&h, &(struct hole){i + 1, i * 10 * MS, i * 10 * MS + MS, 1, 1 + (uint32_t)i % 3});
    assert_true(h.n <= HOLES_MAX);
    for (size_t i = 0; i < h.n; i++) {
        events += h.all[i].events;
        assert_true(h.all[i].from_ns <= h.all[i].to_ns);
    }
    assert_int_equal(events, 3 * HOLES_MAX);
    holes_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hole_reaches_from_neighbour_to_neighbour),
        cmocka_unit_test(holes_cost_no_more_than_columns),
        cmocka_unit_test(a_recording_keeps_them),
        cmocka_unit_test(too_many_become_fewer_and_none_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
