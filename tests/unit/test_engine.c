/* A lab as a viewer walks it, over a simulated cluster: beats, answers, goals and invariants. */
#include "unit/unit.h"

#include "cluster/cluster.h"
#include "cluster/command.h"
#include "cluster/units.h"
#include "lab/engine.h"
#include "lab/groups.h"
#include "lab/lint.h"
#include "lab/read.h"
#include "timeline/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MS = 1000000 };

static const char text[] = "name: toy\n"
                           "title: A toy\n"
                           "group: distributed-systems\n"
                           "promise: Shows the engine.\n"
                           "groups:\n"
                           "  - protocol: heartbeat\n"
                           "    count: 3\n"
                           "beats:\n"
                           "  - title: Heard\n"
                           "    seconds: 2\n"
                           "    say: It heard n2 at {heard}.\n"
                           "    until:\n"
                           "      - {event: receive node=n1 from=2, as: heard}\n"
                           "  - title: Killed\n"
                           "    seconds: 2\n"
                           "    say: It is gone, at {gone}.\n"
                           "    do: kill n3\n"
                           "    until:\n"
                           "      - {event: exit node=3, as: gone, then: restart n3}\n"
                           "      - {event: start node=n3}\n"
                           "  - title: Never\n"
                           "    say: It does not come.\n"
                           "    until:\n"
                           "      - {event: exit node=1}\n"
                           "    within_ms: 2000\n"
                           "  - title: Last\n"
                           "    seconds: 2\n"
                           "    say: So it ends.\n"
                           "    until:\n"
                           "      - {event: receive node=n2}\n"
                           "exercises:\n"
                           "  - name: chosen\n"
                           "    after_beat: 1\n"
                           "    ask: Does it come back?\n"
                           "    choices: [It dies, It lives]\n"
                           "    do: kill n2\n"
                           "    until:\n"
                           "      - {event: exit node=2, as: killed, then: restart n2}\n"
                           "      - {event: start node=n2 boot=2}\n"
                           "    measure: field of=killed name=signal\n"
                           "    when: [\"= 9\", \"= 0\"]\n"
                           "    because: It was killed at {killed}.\n"
                           "  - name: numbered\n"
                           "    after_beat: 1\n"
                           "    ask: By which signal?\n"
                           "    number: {min: 0, max: 64, tolerance: 0.5}\n"
                           "    until:\n"
                           "      - {event: receive node=n1}\n"
                           "    measure: field of=killed name=signal\n"
                           "goals:\n"
                           "  - ask: Pause n1, and n2 doubts it.\n"
                           "    until:\n"
                           "      - {event: operator command.pause.nodes=1}\n"
                           "      - {event: move node=n2 of=1 to=suspected}\n"
                           "  - ask: Stop n1, without its being healed.\n"
                           "    until:\n"
                           "      - {event: operator command.pause.nodes=2}\n"
                           "      - event: move node=n1 of=2 to=suspected\n"
                           "        unless: operator command.resume.nodes=2\n"
                           "invariants:\n"
                           "  - text: None is doubted that lives\n"
                           "    checker: heartbeat\n"
                           "    invariant: accuracy\n";

struct scene {
    struct lab_file file;
    struct timeline *timeline;
    struct cluster *cluster;
    struct lab_engine *engine;
    uint64_t now;
    uint64_t losing; /* Events of n1 that are still to be lost. */
    unsigned acts;
    char last[100]; /* What the engine did last. */
    unsigned noted;
    bool met;
    char mine[40], measured[40];
};

/* --- the cluster --- */

static void on_event(void *ctx, uint32_t node, uint32_t boot, struct bytes event)
{
    struct scene *s = ctx;
    if (node == 1 && s->losing > 0)
        s->losing--;
    else
        timeline_ingest(s->timeline, node, boot, event);
}

static uint64_t on_outside(void *ctx, Orrery__Event *event)
{
    struct scene *s = ctx;
    return timeline_operator(s->timeline, event->mono_ns, event->wall_ns, event);
}

static void on_stream_end(void *ctx, uint32_t node, uint32_t boot)
{
    struct scene *s = ctx;
    timeline_stream_end(s->timeline, node, boot);
}

static void on_watermark(void *ctx, uint64_t ns)
{
    struct scene *s = ctx;
    timeline_watermark(s->timeline, ns);
}

static void on_entry(void *ctx, const struct entry *e)
{
    struct scene *s = ctx;
    if (s->engine)
        lab_engine_entry(s->engine, e);
}

/* As a session does it: told to the timeline, then done. */
static int command(struct scene *s, const char *line, char *why, size_t why_size)
{
    struct buf memory = {0};
    const char *words[16];
    int n = words_split(line, &memory, words, 16);
    Orrery__Command *c = command_parse(words, (size_t)n, why, why_size);
    assert_non_null(c);
    cluster_expand(s->cluster, c);
    int error = cluster_check(s->cluster, c, why, why_size);
    if (error == 0) {
        Orrery__Operator operator= ORRERY__OPERATOR__INIT;
        Orrery__Event event = ORRERY__EVENT__INIT;
        operator.line =(char *)(uintptr_t) line;
        operator.command = c;
        event.body_case = ORRERY__EVENT__BODY_OPERATOR;
        event.operator_ = &operator;
        uint64_t seq = timeline_operator(s->timeline, s->now, 0, &event);
        error = s->cluster->ops->command(s->cluster, c, seq, why, why_size);
    }
    orrery__command__free_unpacked(c, NULL);
    buf_free(&memory);
    return error;
}

static void user(struct scene *s, const char *line)
{
    char why[300];
    if (command(s, line, why, sizeof why) != 0)
        fail_msg("%s: %s", line, why);
}

static int engine_acts(void *ctx, const char *line, char *why, size_t why_size)
{
    struct scene *s = ctx;
    s->acts++;
    snprintf(s->last, sizeof s->last, "%s", line);
    return command(s, line, why, why_size);
}

static uint64_t engine_now(void *ctx)
{
    return ((struct scene *)ctx)->now;
}

static void on_noted(void *ctx, const Orrery__NotebookEntry *entry)
{
    struct scene *s = ctx;
    s->noted++;
    s->met = entry->met;
    snprintf(s->mine, sizeof s->mine, "%s", entry->mine);
    snprintf(s->measured, sizeof s->measured, "%s", entry->measured);
}

/* --- the walk --- */

static const Orrery__LabState *state_of(struct scene *s)
{
    return lab_engine_state(s->engine);
}

static void run(struct scene *s, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i += 5) {
        s->now += UINT64_C(5) * MS;
        cluster_sim_run(s->cluster, s->now);
        lab_engine_tick(s->engine, s->now); /* Who looks at it has the cluster's time. */
    }
}

static bool until_phase(struct scene *s, uint32_t beat, Orrery__BeatPhase phase)
{
    for (int i = 0; i < 4000; i++) {
        if (state_of(s)->beat == beat && state_of(s)->phase == phase)
            return true;
        run(s, 5);
    }
    return false;
}

static bool answer_is(struct scene *s, size_t i, Orrery__AnswerState state)
{
    for (int k = 0; k < 4000 && state_of(s)->exercises[i]->state != state; k++)
        run(s, 5);
    return state_of(s)->exercises[i]->state == state;
}

static bool want(struct scene *s, Orrery__LabDo what, char *why)
{
    return lab_engine_do(s->engine, &what, why, 300);
}

static bool go(struct scene *s, uint32_t beat)
{
    char why[300];
    Orrery__LabDo what = ORRERY__LAB_DO__INIT;
    what.verb_case = ORRERY__LAB_DO__VERB_GO;
    what.go = beat;
    return want(s, what, why);
}

static void pause_walk(struct scene *s, bool on)
{
    char why[300];
    Orrery__LabDo what = ORRERY__LAB_DO__INIT;
    what.verb_case = ORRERY__LAB_DO__VERB_PAUSE;
    what.pause = on;
    assert_true(want(s, what, why));
}

static bool answer(struct scene *s, uint32_t exercise, int32_t choice, double number, char *why)
{
    Orrery__Answer a = ORRERY__ANSWER__INIT;
    Orrery__LabDo what = ORRERY__LAB_DO__INIT;
    a.exercise = exercise;
    a.choice = choice;
    a.number = number;
    what.verb_case = ORRERY__LAB_DO__VERB_ANSWER;
    what.answer = &a;
    return want(s, what, why);
}

static int begin(void **state)
{
    static const struct cluster_sink sink = {on_event, on_outside, on_stream_end, on_watermark,
                                             NULL};
    struct scene *s = calloc(1, sizeof *s);
    struct timeline_options options = {0};
    struct lab_groups groups;
    char why[400];
    assert_non_null(s);
    lab_read(&s->file, "toy.yaml", bytes_str(text));
    if (s->file.n_faults == 0)
        lab_lint(&s->file);
    if (s->file.n_faults)
        fail_msg("%.*s", (int)s->file.faults.len, (const char *)s->file.faults.base);
    orrery__run_info__init(&options.info);
    options.info.nodes = 3;
    s->timeline = timeline_new(&options, why, sizeof why);
    assert_true(lab_groups_make(&groups, s->file.lab, &(struct lab_wish){0}, why, sizeof why));
    struct cluster_spec spec = {.groups = groups.all, .n_groups = groups.n, .seed = 3};
    s->cluster = cluster_sim_new(&spec, &sink, s, why, sizeof why);
    lab_groups_free(&groups);
    assert_true(s->timeline && s->cluster);
    timeline_follow(s->timeline, on_entry, s);
    s->now = UINT64_C(200) * MS;
    cluster_sim_run(s->cluster, s->now);
    const struct lab_engine_options engine = {.lab = s->file.lab,
                                              .timeline = s->timeline,
                                              .act = engine_acts,
                                              .now = engine_now,
                                              .noted = on_noted,
                                              .ctx = s};
    s->engine = lab_engine_new(&engine);
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct scene *s = *state;
    s->cluster->ops->end(s->cluster, NULL, NULL);
    s->cluster->ops->free(s->cluster);
    lab_engine_free(s->engine);
    timeline_free(s->timeline);
    lab_file_free(&s->file);
    free(s);
    return 0;
}

/* --- tests --- */

static bool caption_links(const Orrery__LabState *s)
{
    for (size_t i = 0; i < s->n_caption; i++)
        if (s->caption[i]->event)
            return true;
    return false;
}

static void a_beat_waits_for_its_event_and_then_for_its_reader(void **state)
{
    struct scene *s = *state;
    lab_engine_tick(s->engine, s->now);
    assert_int_equal(state_of(s)->beat, 1);
    assert_false(caption_links(state_of(s)));
    assert_true(until_phase(s, 1, ORRERY__BEAT_PHASE__BEAT_READING));
    assert_true(caption_links(state_of(s)));
    assert_true(state_of(s)->beats[0]->done);
    assert_true(state_of(s)->beats[0]->last >= state_of(s)->beats[0]->first);
    run(s, 1000);
    assert_int_equal(state_of(s)->phase, ORRERY__BEAT_PHASE__BEAT_READING);
    assert_true(until_phase(s, 1, ORRERY__BEAT_PHASE__BEAT_ASKING));
}

static void a_paused_walk_stands_still(void **state)
{
    struct scene *s = *state;
    assert_true(until_phase(s, 1, ORRERY__BEAT_PHASE__BEAT_READING));
    pause_walk(s, true);
    run(s, 10000);
    assert_int_equal(state_of(s)->phase, ORRERY__BEAT_PHASE__BEAT_PAUSED);
    assert_int_equal(state_of(s)->beat, 1);
    assert_int_equal(s->acts, 0);
    pause_walk(s, false);
    assert_true(until_phase(s, 1, ORRERY__BEAT_PHASE__BEAT_ASKING));
}

static void an_answer_is_locked_before_anything_is_done(void **state)
{
    struct scene *s = *state;
    char why[300];
    assert_false(answer(s, 0, 0, 0, why)); /* Not asked yet. */
    assert_true(until_phase(s, 1, ORRERY__BEAT_PHASE__BEAT_ASKING));
    run(s, 30000); /* However long one thinks. */
    assert_int_equal(s->acts, 0);
    assert_false(answer(s, 0, 2, 0, why));
    assert_string_equal(why, "there is no such choice: they go from 0 to 1");
    assert_false(answer(s, 1, 0, 0, why)); /* It is another one's turn. */
    uint64_t newest = timeline_newest(s->timeline);
    assert_true(answer(s, 0, 1, 0, why));
    assert_int_equal(state_of(s)->exercises[0]->state, ORRERY__ANSWER_STATE__ANSWER_LOCKED);
    assert_int_equal(state_of(s)->exercises[0]->locked_at, newest);
    assert_int_equal(s->acts, 0);          /* Locked first; the command comes with the next tick. */
    assert_false(answer(s, 0, 0, 0, why)); /* There is no second answer. */
    assert_string_equal(why, "this exercise is not open now");
    assert_true(answer_is(s, 0, ORRERY__ANSWER_STATE__ANSWER_MEASURED));
    const Orrery__ExerciseState *x = state_of(s)->exercises[0];
    assert_int_equal(x->mine, 1);
    assert_int_equal(x->measured, 0);
    assert_true(x->n_events > 0);
    for (size_t i = 0; i < x->n_events; i++)
        assert_true(x->events[i] > newest); /* What answers it came after it was locked. */
    assert_int_equal(s->noted, 1);
    assert_false(s->met);
    assert_string_equal(s->mine, "It lives");
    assert_string_equal(s->measured, "It dies");
    assert_false(answer(s, 0, 0, 0, why));
}

static void numbers_are_met_within_their_tolerance(void **state)
{
    struct scene *s = *state;
    static const struct {
        double number;
        bool met;
    } tries[] = {{13, true}, {14, false}, {5, true}, {4, false}};
    char why[300];
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        if (i > 0) {
            end(state);
            begin(state);
            s = *state;
        }
        assert_true(answer_is(s, 0, ORRERY__ANSWER_STATE__ANSWER_OPEN));
        assert_true(answer(s, 0, 0, 0, why));
        assert_true(answer_is(s, 1, ORRERY__ANSWER_STATE__ANSWER_OPEN));
        assert_false(answer(s, 1, 0, 65, why));
        assert_string_equal(why, "the number goes from 0 to 64");
        assert_true(answer(s, 1, 0, tries[i].number, why));
        assert_true(answer_is(s, 1, ORRERY__ANSWER_STATE__ANSWER_MEASURED));
        assert_int_equal(state_of(s)->exercises[1]->measured_number, 9);
        assert_int_equal(s->noted, 2);
        assert_int_equal(s->met, tries[i].met); /* Half of nine to each side. */
    }
}

static void one_can_go_to_any_beat(void **state)
{
    struct scene *s = *state;
    assert_false(go(s, 0));
    assert_false(go(s, 5));
    assert_true(go(s, 3)); /* Through what is before it, without its captions and questions. */
    assert_true(until_phase(s, 3, ORRERY__BEAT_PHASE__BEAT_WAITING));
    assert_true(state_of(s)->beats[0]->done);
    assert_true(state_of(s)->beats[1]->done);
    assert_string_equal(s->last, "restart n3");
    assert_int_equal(s->acts, 4); /* The question was not asked, and yet n2 was killed. */
    assert_int_equal(state_of(s)->exercises[0]->state, ORRERY__ANSWER_STATE__ANSWER_NOT_YET);
    assert_true(go(s, 1)); /* Back: it is looked at again, and nothing is done. */
    unsigned acts = s->acts;
    assert_int_equal(state_of(s)->beat, 1);
    assert_true(caption_links(state_of(s)));
    run(s, 5000);
    assert_int_equal(state_of(s)->beat, 1);
    assert_int_equal(s->acts, acts);
    pause_walk(s, false);
    assert_int_equal(state_of(s)->beat, 3);
}

static void an_open_question_can_be_left(void **state)
{
    struct scene *s = *state;
    assert_true(until_phase(s, 1, ORRERY__BEAT_PHASE__BEAT_ASKING));
    assert_true(go(s, 2));
    assert_true(until_phase(s, 2, ORRERY__BEAT_PHASE__BEAT_WAITING));
    assert_int_equal(state_of(s)->exercises[0]->state, ORRERY__ANSWER_STATE__ANSWER_NOT_YET);
    assert_int_equal(s->noted, 0);
}

static void a_beat_that_runs_out_says_so_and_is_gone_on_from(void **state)
{
    struct scene *s = *state;
    assert_true(go(s, 3));
    assert_true(until_phase(s, 3, ORRERY__BEAT_PHASE__BEAT_FAILED));
    assert_string_equal(state_of(s)->failed,
                        "beat 3, \"Never\": 'exit node=1' did not come in time");
    assert_false(state_of(s)->beats[2]->done);
    assert_true(go(s, 3)); /* Once more. */
    assert_true(until_phase(s, 3, ORRERY__BEAT_PHASE__BEAT_WAITING));
    assert_true(until_phase(s, 3, ORRERY__BEAT_PHASE__BEAT_FAILED));
    user(s, "kill n1"); /* By other hands, and late: it counts. */
    assert_true(until_phase(s, 4, ORRERY__BEAT_PHASE__BEAT_ENDED) ||
                until_phase(s, 4, ORRERY__BEAT_PHASE__BEAT_READING));
    assert_true(state_of(s)->beats[2]->done);
}

static void what_is_not_to_be_is_passed_over(void **state)
{
    struct scene *s = *state;
    assert_true(go(s, 3));
    assert_true(until_phase(s, 3, ORRERY__BEAT_PHASE__BEAT_FAILED));
    pause_walk(s, false); /* "Go on." */
    assert_true(until_phase(s, 4, ORRERY__BEAT_PHASE__BEAT_READING));
    assert_string_equal(state_of(s)->failed, "");
    assert_false(state_of(s)->beats[2]->done);
    assert_true(until_phase(s, 4, ORRERY__BEAT_PHASE__BEAT_ENDED));
}

static void a_refused_command_does_not_end_the_walk(void **state)
{
    struct scene *s = *state;
    assert_true(until_phase(s, 1, ORRERY__BEAT_PHASE__BEAT_ASKING));
    user(s, "kill n3"); /* What the next beat was to do. */
    run(s, 5);
    assert_true(go(s, 2));
    assert_true(until_phase(s, 2, ORRERY__BEAT_PHASE__BEAT_FAILED));
    assert_string_equal(state_of(s)->failed,
                        "beat 2, \"Killed\": 'kill n3' was refused: n3 is killed");
    user(s, "restart n3");
    run(s, 100);
    assert_true(go(s, 2)); /* Now it can. */
    assert_true(until_phase(s, 2, ORRERY__BEAT_PHASE__BEAT_READING));
}

static Orrery__CheckResult check_of(struct scene *s, size_t i)
{
    return state_of(s)->checks[i]->result;
}

static void goals_are_the_users(void **state)
{
    struct scene *s = *state;
    assert_true(until_phase(s, 1, ORRERY__BEAT_PHASE__BEAT_READING));
    pause_walk(s, true);
    run(s, 5);
    assert_true(state_of(s)->checks[1]->goal);
    user(s, "pause n1");
    assert_int_equal(check_of(s, 1), ORRERY__CHECK_RESULT__CHECK_OPEN);
    run(s, 5000);
    assert_int_equal(check_of(s, 1), ORRERY__CHECK_RESULT__CHECK_PROVEN);
    assert_int_equal(state_of(s)->checks[1]->n_events, 2);
    assert_int_equal(check_of(s, 2), ORRERY__CHECK_RESULT__CHECK_OPEN);
}

static void what_must_not_come_between_takes_a_goal_back(void **state)
{
    struct scene *s = *state;
    assert_true(until_phase(s, 1, ORRERY__BEAT_PHASE__BEAT_READING));
    pause_walk(s, true);
    run(s, 5);
    user(s, "pause n2");
    run(s, 50);
    user(s, "resume n2");
    run(s, 3000);
    user(s, "kill n2"); /* It is doubted now, but the order was another. */
    run(s, 5000);
    assert_int_equal(check_of(s, 2), ORRERY__CHECK_RESULT__CHECK_OPEN);
    user(s, "restart n2");
    run(s, 3000);
    user(s, "pause n2");
    run(s, 5000);
    assert_int_equal(check_of(s, 2), ORRERY__CHECK_RESULT__CHECK_PROVEN);
}

static void to_the_end(struct scene *s)
{
    assert_true(go(s, 3));
    assert_true(until_phase(s, 3, ORRERY__BEAT_PHASE__BEAT_FAILED));
    assert_true(go(s, 4));
    assert_true(until_phase(s, 4, ORRERY__BEAT_PHASE__BEAT_ENDED));
    run(s, 100);
}

static void invariants_are_judged_at_the_end(void **state)
{
    struct scene *s = *state;
    assert_true(until_phase(s, 1, ORRERY__BEAT_PHASE__BEAT_READING));
    assert_int_equal(check_of(s, 0), ORRERY__CHECK_RESULT__CHECK_OPEN);
    to_the_end(s);
    assert_int_equal(check_of(s, 0), ORRERY__CHECK_RESULT__CHECK_PROVEN);
}

static void across_a_hole_nothing_is_proven(void **state)
{
    struct scene *s = *state;
    assert_true(until_phase(s, 1, ORRERY__BEAT_PHASE__BEAT_READING));
    s->losing = 40;
    run(s, 2000);
    assert_int_equal(s->losing, 0);
    to_the_end(s);
    assert_int_equal(check_of(s, 0), ORRERY__CHECK_RESULT__CHECK_UNKNOWN);
}

int main(void)
{
#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        WITH_SCENE(a_beat_waits_for_its_event_and_then_for_its_reader),
        WITH_SCENE(a_paused_walk_stands_still),
        WITH_SCENE(an_answer_is_locked_before_anything_is_done),
        WITH_SCENE(numbers_are_met_within_their_tolerance),
        WITH_SCENE(one_can_go_to_any_beat),
        WITH_SCENE(an_open_question_can_be_left),
        WITH_SCENE(a_beat_that_runs_out_says_so_and_is_gone_on_from),
        WITH_SCENE(what_is_not_to_be_is_passed_over),
        WITH_SCENE(a_refused_command_does_not_end_the_walk),
        WITH_SCENE(goals_are_the_users),
        WITH_SCENE(what_must_not_come_between_takes_a_goal_back),
        WITH_SCENE(invariants_are_judged_at_the_end),
        WITH_SCENE(across_a_hole_nothing_is_proven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
