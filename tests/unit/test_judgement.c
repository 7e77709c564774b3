/* Recordings are judged off the loop, once, and what is kept of it holds for that file and this
 * program alone. */
#include "unit/unit.h"

#include "recordings_folder.h"
#include "session/judgement.h"
#include "session/judging.h"
#include "session/recordings.h"
#include "story.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

enum { MANY = 200000 };

static void ends_by_itself(struct story *s, uint32_t node, uint64_t ns)
{
    Orrery__Exit end = ORRERY__EXIT__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    end.node = node;
    end.boot = 1;
    end.signal = 6;
    event.body_case = ORRERY__EVENT__BODY_EXIT;
    event.exit = &end;
    timeline_operator(s->timeline, ns, (int64_t)ns, &event);
}

/* Three nodes that beat; `broken`: one of them aborts. */
static void record(const char *name, uint64_t beats, bool broken)
{
    char why[300];
    struct timeline_options options = {.recording = path_of(name)};
    orrery__run_info__init(&options.info);
    options.info.nodes = 3;
    struct story s = {.timeline = timeline_new(&options, why, sizeof why)};
    assert_non_null(s.timeline);
    for (uint32_t node = 1; node <= 3; node++)
        start(&s, node, node * MS);
    for (uint64_t i = 0; i < beats; i++) {
        beat(&s, 1, 2, 10 * MS + i * 1000);
        timeline_watermark(s.timeline, 10 * MS + i * 1000);
    }
    if (broken)
        ends_by_itself(&s, 2, 20 * MS + beats * 1000);
    timeline_flush(s.timeline);
    timeline_free(s.timeline);
}

struct told {
    uv_loop_t loop;
    struct judging *judging;
    int n;
    int over;
    Orrery__CheckResult verdict;
    uint64_t events;
    size_t refuted; /* Events that show it. */
    char why[300];
};

static void told_of(void *ctx, uint64_t ask, const Orrery__Judgement *found, const char *why)
{
    struct told *t = ctx;
    assert_int_equal(ask, 7);
    t->n++;
    snprintf(t->why, sizeof t->why, "%s", found ? "" : why);
    for (size_t i = 0; found && i < found->n_checks; i++)
        if (found->checks[i]->result == ORRERY__CHECK_RESULT__CHECK_REFUTED)
            t->refuted = found->checks[i]->n_events;
    if (found) {
        t->verdict = found->verdict;
        t->events = found->events;
    }
}

static void is_over(void *ctx)
{
    ((struct told *)ctx)->over++;
}

static void judging_begin(struct told *t)
{
    *t = (struct told){0};
    assert_int_equal(uv_loop_init(&t->loop), 0);
    t->judging = judging_new(&t->loop);
}

static void judging_finish(struct told *t)
{
    judging_end(t->judging, is_over, t);
    assert_int_equal(uv_run(&t->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(t->over, 1);
    assert_int_equal(uv_loop_close(&t->loop), 0);
}

static void what_is_found_is_told(void **state)
{
    struct told t;
    (void)state;
    record("well.orr", 10, false);
    record("ill.orr", 10, true);
    judging_begin(&t);
    assert_true(judging_ask(t.judging, path_of("well.orr"), true, 7, told_of, &t));
    uv_run(&t.loop, UV_RUN_DEFAULT);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.verdict, ORRERY__CHECK_RESULT__CHECK_PROVEN);
    assert_int_equal(t.events, 13);
    assert_true(judging_ask(t.judging, path_of("ill.orr"), true, 7, told_of, &t));
    assert_true(judging_ask(t.judging, path_of("none.orr"), true, 7, told_of, &t));
    uv_run(&t.loop, UV_RUN_DEFAULT);
    assert_int_equal(t.n, 3);
    assert_int_equal(t.verdict, ORRERY__CHECK_RESULT__CHECK_REFUTED);
    assert_int_equal(t.refuted, 1);
    assert_non_null(strstr(t.why, "none.orr"));
    judging_finish(&t);
}

static Orrery__CheckResult kept(const char *name, bool *there)
{
    Orrery__Judgement *j = judgement_kept(path_of(name));
    Orrery__CheckResult verdict = j ? j->verdict : ORRERY__CHECK_RESULT__CHECK_OPEN;
    *there = j != NULL;
    if (j)
        orrery__judgement__free_unpacked(j, NULL);
    return verdict;
}

static void what_is_kept_goes_with_its_file(void **state)
{
    struct told t;
    bool there;
    char why[300];
    (void)state;
    record("ill.orr", 10, true);
    (void)kept("ill.orr", &there);
    assert_false(there);
    judging_begin(&t);
    assert_true(judging_ask(t.judging, path_of("ill.orr"), true, 7, told_of, &t));
    uv_run(&t.loop, UV_RUN_DEFAULT);
    assert_int_equal(kept("ill.orr", &there), ORRERY__CHECK_RESULT__CHECK_REFUTED);
    assert_true(there);
    Orrery__Recordings *all = recordings_list(folder);
    assert_int_equal(all->n_recordings, 1); /* What is kept is no recording. */
    assert_int_equal(all->recordings[0]->judgement->verdict, ORRERY__CHECK_RESULT__CHECK_REFUTED);
    assert_int_equal(all->recordings[0]->judgement->n_checks, 0);
    orrery__recordings__free_unpacked(all, NULL);

    assert_int_equal(recording_rename(folder, "ill.orr", "other.orr", why, sizeof why), 0);
    assert_int_equal(kept("other.orr", &there), ORRERY__CHECK_RESULT__CHECK_REFUTED);
    assert_int_equal(utime(path_of("other.orr"), &(struct utimbuf){1, 1}), 0);
    (void)kept("other.orr", &there); /* It may be another one now. */
    assert_false(there);
    assert_int_equal(recording_remove(folder, "other.orr", why, sizeof why), 0);
    assert_int_equal(rmdir(folder), 0); /* Nothing is left of it. */
    assert_int_equal(mkdir(folder, 0700), 0);
    judging_finish(&t);
}

static void what_was_kept_by_another_program_says_nothing(void **state)
{
    (void)state;
    bool there;
    record("well.orr", 10, false);
    struct stat st;
    assert_int_equal(stat(path_of("well.orr"), &st), 0);
    Orrery__JudgementKept other = ORRERY__JUDGEMENT_KEPT__INIT;
    Orrery__Judgement j = ORRERY__JUDGEMENT__INIT;
    uint8_t packed[256];
    other.bytes = (uint64_t)st.st_size;
    other.changed_wall_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    other.program = (char *)(uintptr_t) "0.0.1 1 1.000000001";
    other.judgement = &j;
    size_t n = orrery__judgement_kept__pack(&other, packed);
    FILE *f = fopen(path_of("well.verdict"), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(packed, 1, n, f), n);
    fclose(f);
    (void)kept("well.orr", &there);
    assert_false(there);
}

static double spent(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void the_loop_has_no_work_with_it(void **state)
{
    struct told t;
    (void)state;
    record("large.orr", MANY, false);
    judging_begin(&t);
    double before = spent();
    assert_true(judging_ask(t.judging, path_of("large.orr"), true, 7, told_of, &t));
    uv_run(&t.loop, UV_RUN_DEFAULT);
    assert_true(spent() - before < 5);
    assert_int_equal(t.events, MANY + 3);
    judging_finish(&t);
}

static void who_leaves_is_not_told_and_an_end_does_not_wait(void **state)
{
    struct told t;
    (void)state;
    record("large.orr", MANY, false);
    judging_begin(&t);
    for (int i = 0; i < JUDGING_WAITING_MAX; i++)
        assert_true(judging_ask(t.judging, path_of("large.orr"), false, 7, told_of, &t));
    assert_false(judging_ask(t.judging, path_of("large.orr"), false, 7, told_of, &t));
    judging_forget(t.judging, &t);
    judging_finish(&t);
    assert_int_equal(t.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_found_is_told, fresh, gone),
        cmocka_unit_test_setup_teardown(what_is_kept_goes_with_its_file, fresh, gone),
        cmocka_unit_test_setup_teardown(what_was_kept_by_another_program_says_nothing, fresh, gone),
        cmocka_unit_test_setup_teardown(the_loop_has_no_work_with_it, fresh, gone),
        cmocka_unit_test_setup_teardown(who_leaves_is_not_told_and_an_end_does_not_wait, fresh,
                                        gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
