/* What a recording shows of a run: who led, and in which term. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/wire.h"
#include "sim/trial.h"
#include "timeline/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void record(const char *path)
{
    struct trial_wish wish = {.protocol = "raft"};
    struct trial_watch watch = {.recording = path};
    struct trial t;
    struct outcome o;
    char why[300];
    assert_true(trial_draw(&t, 1, &wish, why, sizeof why));
    assert_int_equal(trial_run(&t, &watch, &o, why, sizeof why), 0);
    trial_free(&t);
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
    uint32_t elected = 0;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    record(path);
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
        assert_true(schema_number(type, wire_bytes(e.head.payload, 2), "term", &term));
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
        cmocka_unit_test(who_led_is_told_with_its_term),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
