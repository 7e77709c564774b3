/* Requests and replies, as strokes between the clients' lane and a node's. */
#include "unit/unit.h"

#include "story.h"

#include "history.pb-c.h"

#include <string.h>

static void asks(struct story *s, uint32_t node, uint64_t client, uint64_t number, uint64_t ns)
{
    Orrery__Request request = ORRERY__REQUEST__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    request.client = client;
    request.request = number;
    event.body_case = ORRERY__EVENT__BODY_REQUEST;
    event.request = &request;
    tell(s, node, ns, &event);
}

static void answers(struct story *s, uint32_t node, uint64_t client, uint64_t number, bool more,
                    uint64_t ns)
{
    Orrery__Reply reply = ORRERY__REPLY__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    reply.client = client;
    reply.request = number;
    reply.more = more;
    event.body_case = ORRERY__EVENT__BODY_REPLY;
    event.reply = &reply;
    tell(s, node, ns, &event);
}

static void goes(struct story *s, uint32_t node, uint64_t client, uint64_t ns)
{
    Orrery__Disconnect gone = ORRERY__DISCONNECT__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    gone.client = client;
    event.body_case = ORRERY__EVENT__BODY_DISCONNECT;
    event.disconnect = &gone;
    tell(s, node, ns, &event);
}

/* A trace of type 0, Invoke, or 1, Complete. */
static void traces(struct story *s, uint32_t node, uint64_t client, uint64_t number, int outcome,
                   uint64_t ns)
{
    History__Invoke invoke = HISTORY__INVOKE__INIT;
    History__Complete complete = HISTORY__COMPLETE__INIT;
    Orrery__Trace trace = ORRERY__TRACE__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    uint8_t packed[64];
    invoke.client = complete.client = client;
    invoke.request = complete.request = number;
    complete.outcome = (History__Outcome)(outcome > 0 ? outcome : 0);
    trace.type = outcome >= 0;
    trace.body.len = outcome < 0 ? history__invoke__pack(&invoke, packed)
                                 : history__complete__pack(&complete, packed);
    trace.body.data = packed;
    event.body_case = ORRERY__EVENT__BODY_TRACE;
    event.trace = &trace;
    tell(s, node, ns, &event);
}

static void begin(struct story *s, Orrery__Level level)
{
    struct starts starts;
    Orrery__Event event = ORRERY__EVENT__INIT;
    *s = (struct story){.timeline = new_timeline()};
    s->view = timeline_view_new(s->timeline);
    s->boot[1] = 1;
    starts_fill(&starts, 1, 1);
    starts.types[0] = starts_text("history.Invoke");
    starts.types[1] = starts_text("history.Complete");
    starts.start.level = level;
    event.body_case = ORRERY__EVENT__BODY_START;
    event.start = &starts.start;
    tell(s, 1, MS, &event);
    starts_free(&starts);
}

static void stroke(const Orrery__Window *w, size_t i, const char *name, double ms, uint32_t fate,
                   double client)
{
    bool request = strcmp(name, "Request") == 0;
    assert_true(i < w->n_sent_ns && w->n_client == w->n_sent_ns);
    assert_string_equal(w->names[w->name[i]], name);
    assert_int_equal(w->from[i], request ? VIEW_LANE_CLIENTS : 1);
    assert_int_equal(w->to[i], request ? 1 : VIEW_LANE_CLIENTS);
    assert_true(w->sent_ns[i] == ms * MS && w->received_ns[i] == ms * MS);
    assert_int_equal(w->fate[i], fate);
    assert_true(w->client[i] == client);
    assert_true(request ? w->send_event[i] == 0 && w->receive_event[i] > 0
                        : w->send_event[i] > 0 && w->receive_event[i] == 0);
}

static void each_request_has_its_outcome(void **state)
{
    struct story s;
    (void)state;
    begin(&s, ORRERY__LEVEL__LEVEL_FULL);
    asks(&s, 1, 5, 1, 10 * MS);
    traces(&s, 1, 5, 1, -1, 10 * MS);
    answers(&s, 1, 5, 1, true, 11 * MS);
    answers(&s, 1, 5, 1, false, 12 * MS);
    traces(&s, 1, 5, 1, HISTORY__OUTCOME__OK, 12 * MS);
    asks(&s, 1, 5, 2, 20 * MS);
    traces(&s, 1, 5, 2, HISTORY__OUTCOME__FAIL, 21 * MS);
    answers(&s, 1, 5, 2, false, 21 * MS);
    asks(&s, 1, 6, 1, 30 * MS); /* Hangs up before it is answered. */
    goes(&s, 1, 6, 31 * MS);
    asks(&s, 1, 7, 1, 40 * MS); /* Waits yet. */
    timeline_flush(s.timeline);
    Orrery__Window *w = look(s.view, 5 * MS, 50 * MS);
    assert_int_equal(w->n_sent_ns, 6);
    stroke(w, 0, "Request", 10, VIEW_RECEIVED, 5);
    stroke(w, 1, "Reply", 12, VIEW_RECEIVED, 5);
    stroke(w, 2, "Request", 20, VIEW_RECEIVED, 5);
    stroke(w, 3, "Refusal", 21, VIEW_RECEIVED, 5);
    stroke(w, 4, "Request", 30, VIEW_UNANSWERED, 6);
    stroke(w, 5, "Request", 40, VIEW_WAITS, 7);
    orrery__window__free_unpacked(w, NULL);
    w = look(s.view, 15 * MS, 20 * MS); /* The answer is behind the span. */
    assert_int_equal(w->n_sent_ns, 1);
    stroke(w, 0, "Request", 20, VIEW_RECEIVED, 5);
    orrery__window__free_unpacked(w, NULL);

    killed(&s, 1, 60 * MS); /* Now nobody will ever know. */
    timeline_flush(s.timeline);
    w = look(s.view, 35 * MS, 45 * MS);
    assert_int_equal(w->n_sent_ns, 1);
    stroke(w, 0, "Request", 40, VIEW_UNANSWERED, 7);
    orrery__window__free_unpacked(w, NULL);
    story_end(&s);
}

/* Of a node that tells only what is always kept. */
static void histories_stand_for_what_is_not_told(void **state)
{
    struct story s;
    (void)state;
    begin(&s, ORRERY__LEVEL__LEVEL_OFF);
    traces(&s, 1, 5, 1, -1, 10 * MS);
    traces(&s, 1, 5, 1, HISTORY__OUTCOME__OK, 12 * MS);
    traces(&s, 1, 5, 2, -1, 20 * MS);
    traces(&s, 1, 5, 2, HISTORY__OUTCOME__INFO, 22 * MS);
    timeline_flush(s.timeline);
    Orrery__Window *w = look(s.view, 5 * MS, 50 * MS);
    assert_int_equal(w->n_sent_ns, 4);
    stroke(w, 0, "Request", 10, VIEW_RECEIVED, 5);
    stroke(w, 1, "Reply", 12, VIEW_RECEIVED, 5);
    stroke(w, 2, "Request", 20, VIEW_UNANSWERED, 5);
    orrery__window__free_unpacked(w, NULL);
    story_end(&s);
}

static double counted(const Orrery__Window *w, const char *name, uint32_t lane)
{
    double n = 0;
    for (size_t i = 0; i < w->n_bin_ns; i++)
        n += strcmp(w->names[w->bin_name[i]], name) == 0 && w->bin_lane[i] == lane ? w->bin_count[i]
                                                                                   : 0;
    return n;
}

static void a_crowd_of_them_is_counted(void **state)
{
    struct story s;
    (void)state;
    begin(&s, ORRERY__LEVEL__LEVEL_FULL);
    for (uint64_t i = 0; i < 3000; i++) {
        asks(&s, 1, 1 + i % 50, 1 + i / 50, 10 * MS + i * 20000);
        answers(&s, 1, 1 + i % 50, 1 + i / 50, false, 10 * MS + i * 20000 + 5000);
    }
    timeline_flush(s.timeline);
    Orrery__Window *w = look(s.view, 0, 100 * MS);
    assert_true(w->level > 0);
    assert_true(counted(w, "Request", VIEW_LANE_CLIENTS) == 3000);
    assert_true(counted(w, "Reply", 1) == 3000);
    assert_true(w->messages >= 6000);
    orrery__window__free_unpacked(w, NULL);
    Orrery__WindowAsk ask = ORRERY__WINDOW_ASK__INIT;
    ask.to_ns = 100 * MS;
    ask.columns = 800;
    ask.messages = 20000;
    w = timeline_view_window(s.view, &ask);
    assert_int_equal(w->level, 0);
    assert_int_equal(w->n_sent_ns, 6000);
    for (size_t i = 0; i < w->n_fate; i++)
        assert_int_equal(w->fate[i], VIEW_RECEIVED);
    orrery__window__free_unpacked(w, NULL);
    story_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_has_its_outcome),
        cmocka_unit_test(histories_stand_for_what_is_not_told),
        cmocka_unit_test(a_crowd_of_them_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
