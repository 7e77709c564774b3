/* What is said of how far clocks may be off each other: what was told, and no less. */
#include "unit/unit.h"

#include "story.h"

#include "timeline/clocks.h"

#include <string.h>

static void offset(struct story *s, uint32_t node, uint64_t clock, int64_t shift_ns,
                   uint64_t bound_ns, uint64_t ns)
{
    Orrery__Offset told = ORRERY__OFFSET__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    told.node = node;
    told.boot = s->boot[node];
    told.clock = clock;
    told.shift_ns = shift_ns;
    told.bound_ns = bound_ns;
    event.body_case = ORRERY__EVENT__BODY_OFFSET;
    event.offset = &told;
    timeline_operator(s->timeline, ns, (int64_t)ns, &event);
}

static void one_machine_is_one_clock(void **state)
{
    struct story s;
    (void)state;
    story_begin(&s);
    received(&s, 1, beat(&s, 1, 2, 50 * MS), 2, 51 * MS);
    timeline_flush(s.timeline);
    Orrery__Window *w = look(s.view, 0, 100 * MS);
    assert_int_equal(w->n_sent_ns, 1);
    assert_int_equal(w->n_bound_ns, 0);
    assert_true(w->clock_bound_ns == 0);
    orrery__window__free_unpacked(w, NULL);
    story_end(&s);
}

static double bound_of(const Orrery__Window *w, uint32_t from, uint32_t to, double sent_ms)
{
    for (size_t i = 0; i < w->n_sent_ns; i++)
        if (w->from[i] == from && w->to[i] == to && w->sent_ns[i] == sent_ms * MS)
            return w->bound_ns[i];
    fail_msg("no such message");
    return 0;
}

static void messages_have_the_bound_of_both_their_ends(void **state)
{
    struct story s;
    (void)state;
    story_begin(&s);
    offset(&s, 2, 77, 5 * MS, MS, 5 * MS);
    offset(&s, 3, 77, 5 * MS + 1000, MS, 5 * MS);
    offset(&s, 2, 77, 5 * MS, 3 * MS, 70 * MS);
    received(&s, 1, beat(&s, 1, 2, 50 * MS), 2, 52 * MS);
    received(&s, 2, beat(&s, 2, 3, 55 * MS), 3, 56 * MS);
    received(&s, 2, beat(&s, 2, 1, 80 * MS), 1, 82 * MS);
    beat(&s, 2, 1, 90 * MS); /* Under way: there is no latency to doubt. */
    timeline_flush(s.timeline);
    Orrery__Window *w = look(s.view, 0, 100 * MS);
    assert_true(bound_of(w, 1, 2, 50) == MS);
    assert_true(bound_of(w, 2, 3, 55) ==
                1000); /* One clock, of which not the same was taken off. */
    assert_true(bound_of(w, 2, 1, 80) == 3 * MS);
    assert_true(bound_of(w, 2, 1, 90) == 0);
    assert_true(w->clock_bound_ns == 3 * MS);
    orrery__window__free_unpacked(w, NULL);

    struct buf text = {0};
    struct entry e;
    for (uint64_t i = 1; i <= timeline_newest(s.timeline); i++)
        if (timeline_get(s.timeline, i, &e) && e.head.body == ORRERY__EVENT__BODY_RECEIVE) {
            timeline_describe(s.timeline, &e, &text);
            break;
        }
    buf_append(&text, bytes_of("", 1));
    assert_non_null(strstr((char *)text.base, "2.00 ms \xc2\xb1"
                                              "1.00 ms after it was sent"));
    buf_free(&text);
    story_end(&s);
}

static struct clock_told told(uint32_t node, uint64_t ns, uint64_t clock, uint64_t bound)
{
    return (struct clock_told){ns, clock, 0, bound, node};
}

static void what_was_told_holds_until_the_next(void **state)
{
    struct clocks c = {0};
    const struct clock_told all[] = {told(1, 10, 7, 100), told(2, 20, 8, 40), told(1, 50, 7, 60)};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        clocks_add(&c, &all[i]);
    assert_int_equal(clocks_bound(&c, 1, 2, 5), 140); /* Before the first it is the first. */
    assert_int_equal(clocks_bound(&c, 2, 1, 49), 140);
    assert_int_equal(clocks_bound(&c, 1, 2, 50), 100);
    assert_int_equal(clocks_bound(&c, 1, 3, 50), 60);
    assert_int_equal(clocks_bound(&c, 1, 1, 50), 0);
    assert_int_equal(clocks_widest(&c, 30), 140);
    assert_true(clocks_matter(6, 100));
    assert_false(clocks_matter(5, 100));
    assert_false(clocks_matter(0, 0));
    clocks_free(&c);
}

static void no_bound_becomes_narrower_by_being_forgotten(void **state)
{
    struct clocks c = {0};
    (void)state;
    for (uint64_t i = 0; i < 2 * (uint64_t)CLOCKS_MAX; i++) {
        struct clock_told one = told(1 + (uint32_t)(i % 2), i, i % 2, i % 5 ? 10 : 1000);
        clocks_add(&c, &one);
    }
    assert_true(c.n <= CLOCKS_MAX);
    for (uint64_t i = 0; i < CLOCKS_MAX; i += 10)
        assert_true(clocks_bound(&c, 1, 3, i) >= 1000);
    clocks_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_machine_is_one_clock),
        cmocka_unit_test(messages_have_the_bound_of_both_their_ends),
        cmocka_unit_test(what_was_told_holds_until_the_next),
        cmocka_unit_test(no_bound_becomes_narrower_by_being_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
