/* A short story of three nodes, told to a timeline by hand, and a look at it. */
#ifndef ORRERY_TESTS_STORY_H
#define ORRERY_TESTS_STORY_H

#include "starts.h"

#include "timeline/view.h"

static inline struct timeline *new_timeline(void)
{
    char why[200];
    struct timeline_options options = {.window_bytes = 64 << 20};
    orrery__run_info__init(&options.info);
    struct timeline *t = timeline_new(&options, why, sizeof why);
    assert_non_null(t);
    return t;
}

enum { MS = 1000000 };

struct story {
    struct timeline *timeline;
    struct timeline_view *view;
    uint64_t seq[4];
    uint32_t boot[4];
};

static inline void tell(struct story *s, uint32_t node, uint64_t ns, Orrery__Event *event)
{
    struct buf packed = {0};
    event->mono_ns = ns;
    event->seq = ++s->seq[node];
    orrery__event__pack(event, buf_extend(&packed, orrery__event__get_packed_size(event)));
    timeline_ingest(s->timeline, node, s->boot[node], buf_bytes(&packed));
    buf_free(&packed);
}

static inline void start(struct story *s, uint32_t node, uint64_t ns)
{
    struct starts starts;
    Orrery__Event event = ORRERY__EVENT__INIT;
    s->boot[node]++;
    s->seq[node] = 0;
    starts_fill(&starts, node, s->boot[node]);
    event.body_case = ORRERY__EVENT__BODY_START;
    event.start = &starts.start;
    tell(s, node, ns, &event);
    starts_free(&starts);
}

static inline uint64_t beat(struct story *s, uint32_t from, uint32_t to, uint64_t ns)
{
    uint8_t body[] = {0x0a, 2, 8, 1};
    Orrery__Send send = ORRERY__SEND__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    send.to = &to;
    send.n_to = 1;
    send.body = (ProtobufCBinaryData){sizeof body, body};
    event.instance = 1;
    event.body_case = ORRERY__EVENT__BODY_SEND;
    event.send = &send;
    tell(s, from, ns, &event);
    return s->seq[from];
}

static inline void received(struct story *s, uint32_t from, uint64_t seq, uint32_t at, uint64_t ns)
{
    Orrery__Receive receive = ORRERY__RECEIVE__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    receive.from = from;
    receive.boot = s->boot[from];
    receive.event = seq;
    event.instance = 1;
    event.body_case = ORRERY__EVENT__BODY_RECEIVE;
    event.receive = &receive;
    tell(s, at, ns, &event);
}

static inline void dropped(struct story *s, uint32_t from, uint32_t to, uint64_t seq, uint64_t ns)
{
    Orrery__Drop drop = ORRERY__DROP__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    drop.reason = ORRERY__DROP_REASON__DROP_LOSS;
    drop.from = from;
    drop.to = to;
    drop.boot = s->boot[from];
    drop.event = seq;
    event.body_case = ORRERY__EVENT__BODY_DROP;
    event.drop = &drop;
    tell(s, from, ns, &event);
}

static inline void node_view(struct story *s, uint32_t node, uint64_t ns)
{
    Orrery__View view = ORRERY__VIEW__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.instance = 1;
    event.body_case = ORRERY__EVENT__BODY_VIEW;
    event.view = &view;
    tell(s, node, ns, &event);
}

static inline void command(struct story *s, const char *line, Orrery__Command *c, uint32_t node,
                           uint64_t ns)
{
    Orrery__Operator operator= ORRERY__OPERATOR__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    operator.line =(char *)(uintptr_t) line;
    operator.nodes = & node;
    operator.n_nodes = 1;
    operator.command = c;
    event.body_case = ORRERY__EVENT__BODY_OPERATOR;
    event.operator_ = &operator;
    timeline_operator(s->timeline, ns, (int64_t)ns, &event);
}

static inline void pause_node(struct story *s, uint32_t node, bool on, uint64_t ns)
{
    Orrery__Command c = ORRERY__COMMAND__INIT;
    Orrery__Nodes nodes = ORRERY__NODES__INIT;
    nodes.nodes = &node;
    nodes.n_nodes = 1;
    c.verb_case = on ? ORRERY__COMMAND__VERB_PAUSE : ORRERY__COMMAND__VERB_RESUME;
    if (on)
        c.pause = &nodes;
    else
        c.resume = &nodes;
    command(s, on ? "pause n3" : "resume n3", &c, node, ns);
}

static inline void killed(struct story *s, uint32_t node, uint64_t ns)
{
    Orrery__Exit gone = ORRERY__EXIT__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    command(s, "kill n2", NULL, node, ns - MS);
    gone.node = node;
    gone.boot = s->boot[node];
    gone.signal = 9;
    event.body_case = ORRERY__EVENT__BODY_EXIT;
    event.exit = &gone;
    timeline_operator(s->timeline, ns, (int64_t)ns, &event);
    timeline_stream_end(s->timeline, node, s->boot[node]);
}

static inline void story_begin(struct story *s)
{
    *s = (struct story){.timeline = new_timeline()};
    s->view = timeline_view_new(s->timeline);
    for (uint32_t node = 1; node <= 3; node++)
        start(s, node, node * MS);
}

static inline void story_end(struct story *s)
{
    timeline_view_free(s->view);
    timeline_free(s->timeline);
}

static inline Orrery__Window *look(struct timeline_view *v, double from, double to)
{
    Orrery__WindowAsk ask = ORRERY__WINDOW_ASK__INIT;
    ask.from_ns = from;
    ask.to_ns = to;
    ask.columns = 800;
    return timeline_view_window(v, &ask);
}

#endif
