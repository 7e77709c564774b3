#include "protocols/heartbeat/heartbeat.h"

#include "base/check.h"
#include "protocols/heartbeat/peer.h"
#include "protocols/heartbeat/rules.h"
#include "schema_heartbeat.h"

#include <string.h>

enum {
    MEMBERS_MAX = 16384,
    EXPIRE_MAX = (EFFECTS_MAX - 128) / PEER_EFFECTS_MAX, /* Peers a step: effects are bounded. */
    VIEW_GAPS = 64,
    VIEW_GAPS_ALL = 2048,
};
#define INTERVAL_NS_MAX (24 * 3600 * NSEC_PER_S)

struct heartbeat {
    struct memory *memory;
    struct rules rules;
    node_id self;
    bool started;

    node_id *members; /* Ascending, self among them. Grows by those who beat to us uninvited. */
    uint32_t n_members;
    node_id *successors; /* To whom we beat, ascending. */
    uint32_t n_successors;

    struct peer *peers; /* Whom we watch, ascending. */
    uint64_t *nexts;    /* Of each: peer_next(). Apart, so that the least is found quickly. */
    uint32_t n_peers;
    uint32_t least; /* Index of the least of `nexts`, while there are peers. */

    nsec next_beat;
    uint64_t last_number; /* Of our newest beat. */
    uint64_t sent;

    nsec now;       /* Of the newest input, and */
    uint64_t clock; /* what the clock that silence is measured on showed then. */
};

static uint64_t clock_of(const struct heartbeat *h, const struct input *in)
{
    if (!h->rules.wall_clock)
        return in->now;
    return in->wall_ns > 0 ? (uint64_t)in->wall_ns : 0;
}

static void *obtain(struct heartbeat *h, void *before, size_t n)
{
    memory_free(h->memory, before);
    void *p = memory_alloc(h->memory, n ? n : 1);
    CHECK(p);
    return p;
}

static void find_least(struct heartbeat *h)
{
    h->least = 0;
    for (uint32_t i = 1; i < h->n_peers; i++)
        if (h->nexts[i] < h->nexts[h->least])
            h->least = i;
}

/* After peers[i] changed. Only when the least one moves away are all of them looked at. */
static void touch(struct heartbeat *h, uint32_t i)
{
    h->nexts[i] = peer_next(&h->peers[i], &h->rules);
    if (h->nexts[i] < h->nexts[h->least])
        h->least = i;
    else if (i == h->least)
        find_least(h);
}

static bool find(const node_id *ids, uint32_t n, node_id id, uint32_t *at)
{
    uint32_t low = 0;
    for (uint32_t high = n; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return low < n && ids[low] == id;
}

static struct peer *find_peer(const struct heartbeat *h, node_id id)
{
    uint32_t low = 0;
    for (uint32_t high = h->n_peers; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        if (h->peers[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < h->n_peers && h->peers[low].id == id ? &h->peers[low] : NULL;
}

/* True when members[i], `steps` places away from us on the ring, is one of those that we deal with:
 * on a ring the nearest, else all. */
static bool near(const struct heartbeat *h, uint32_t steps)
{
    return steps > 0 && (!h->rules.ring || steps <= h->rules.neighbours);
}

static uint32_t *new_samples(struct heartbeat *h)
{
    return obtain(h, NULL, 2 * (size_t)h->rules.window * sizeof(uint32_t));
}

static void end_peer(struct heartbeat *h, struct peer *p, struct out *out)
{
    memory_free(h->memory, p->phi.gaps.samples);
    if (out->n < EFFECTS_MAX - PEER_EFFECTS_MAX) /* Past a thousand at once, a view must tell. */
        peer_forget(p, out);
}

/* Makes peers and successors what rules and members say; whoever stays watched is kept. */
static void arrange(struct heartbeat *h, struct out *out)
{
    uint32_t me;
    CHECK(find(h->members, h->n_members, h->self, &me));
    struct peer *old = h->peers;
    uint32_t n_old = h->n_peers;
    h->peers = obtain(h, NULL, h->n_members * sizeof h->peers[0]);
    h->nexts = obtain(h, h->nexts, h->n_members * sizeof h->nexts[0]);
    h->successors = obtain(h, h->successors, h->n_members * sizeof h->successors[0]);
    h->n_peers = 0;
    h->n_successors = 0;
    uint32_t o = 0;
    for (uint32_t i = 0; i < h->n_members; i++) {
        uint32_t ahead = (i + h->n_members - me) % h->n_members;
        uint32_t behind = (me + h->n_members - i) % h->n_members;
        if (near(h, ahead))
            h->successors[h->n_successors++] = h->members[i];
        if (!near(h, behind))
            continue;
        while (o < n_old && old[o].id < h->members[i])
            end_peer(h, &old[o++], out);
        struct peer *p = &h->peers[h->n_peers++];
        if (o < n_old && old[o].id == h->members[i])
            *p = old[o++];
        else
            peer_init(p, h->members[i], new_samples(h), &h->rules, h->clock);
    }
    while (o < n_old)
        end_peer(h, &old[o++], out);
    memory_free(h->memory, old);
    for (uint32_t i = 0; i < h->n_peers; i++)
        h->nexts[i] = peer_next(&h->peers[i], &h->rules);
    find_least(h);
}

static void expire(struct heartbeat *h, struct out *out)
{
    for (uint32_t done = 0; h->n_peers && done < EXPIRE_MAX; done++) {
        uint32_t i = h->least;
        if (h->nexts[i] > h->clock)
            return;
        peer_expire(&h->peers[i], &h->rules, h->clock, out);
        touch(h, i);
    }
}

static void start(struct heartbeat *h, struct out *out)
{
    h->started = true;
    arrange(h, out);
    /* A random phase, or a cluster started at once would beat in one burst for ever. */
    h->next_beat = h->now + out_random(out, h->rules.interval_ns);
}

static void beat(struct heartbeat *h, const struct input *in, struct out *out)
{
    /* Numbers are slots of an even schedule. Whoever was stopped does not make up for the slots
     * that it slept through, so a number tells when its beat was due. */
    uint64_t slept = (in->now - h->next_beat) / h->rules.interval_ns;
    h->last_number += 1 + slept;
    h->next_beat += (1 + slept) * h->rules.interval_ns;
    if (h->n_successors == 0)
        return;
    Heartbeat__Beat b = HEARTBEAT__BEAT__INIT;
    b.number = h->last_number;
    b.interval_ns = h->rules.interval_ns;
    b.wall_ns = in->wall_ns;
    Heartbeat__Message m = HEARTBEAT__MESSAGE__INIT;
    m.kind_case = HEARTBEAT__MESSAGE__KIND_BEAT;
    m.beat = &b;
    out_send_many(out, h->successors, h->n_successors,
                  h->rules.links ? TRANSPORT_STREAM : TRANSPORT_DATAGRAM, &m.base);
    h->sent++;
}

/* Someone who joined after we began: the host knows the run's secret in its envelope. */
static void learn(struct heartbeat *h, node_id id, struct out *out)
{
    uint32_t at;
    if (find(h->members, h->n_members, id, &at) || h->n_members == MEMBERS_MAX)
        return;
    node_id *members = obtain(h, NULL, (h->n_members + 1) * sizeof members[0]);
    memcpy(members, h->members, at * sizeof members[0]);
    members[at] = id;
    memcpy(members + at + 1, h->members + at, (h->n_members - at) * sizeof members[0]);
    memory_free(h->memory, h->members);
    h->members = members;
    h->n_members++;
    arrange(h, out);
}

static void forget(struct heartbeat *h, node_id id, struct out *out)
{
    uint32_t at;
    if (id == h->self || !find(h->members, h->n_members, id, &at))
        return;
    h->n_members--;
    memmove(h->members + at, h->members + at + 1, (h->n_members - at) * sizeof h->members[0]);
    arrange(h, out);
}

static void on_message(struct heartbeat *h, const struct input *in, struct out *out)
{
    node_id from = in->message.from;
    Heartbeat__Message *m =
        (Heartbeat__Message *)out_unpack(out, &heartbeat__message__descriptor, in->message.body);
    if (!m || m->kind_case != HEARTBEAT__MESSAGE__KIND_BEAT) {
        out_violation(out, from, "not a heartbeat message", in->message.body);
        return;
    }
    if (m->beat->number == 0 || m->beat->interval_ns == 0 ||
        m->beat->interval_ns > INTERVAL_NS_MAX) {
        out_violation(out, from, "a beat without sensible number and interval", in->message.body);
        return;
    }
    if (from == h->self || from == NODE_NONE)
        return;
    learn(h, from, out);
    struct peer *p = find_peer(h, from);
    if (!p)
        return; /* Not ours to watch: on a ring, settings may reach nodes at different times. */
    peer_beat(p, &h->rules, in->message.boot, m->beat, h->clock, out);
    touch(h, (uint32_t)(p - h->peers));
}

static void on_link(struct heartbeat *h, const struct input *in, struct out *out)
{
    if (in->link.reason == LINK_REMOVED) {
        forget(h, in->link.peer, out);
        return;
    }
    struct peer *p = find_peer(h, in->link.peer);
    if (!p || in->link.up || !h->rules.links)
        return; /* A link that comes up shows a listening kernel, not yet a live process. */
    peer_link_down(p, &h->rules, in->link.reason, h->clock, out);
    touch(h, (uint32_t)(p - h->peers));
}

static void on_settings(struct heartbeat *h, const struct input *in, struct out *out)
{
    rules_read(&h->rules, in->settings);
    h->clock = clock_of(h, in);
    for (uint32_t i = 0; i < h->n_peers; i++) {
        uint32_t *samples = new_samples(h);
        memory_free(h->memory, h->peers[i].phi.gaps.samples);
        peer_rules(&h->peers[i], samples, &h->rules);
    }
    if (h->next_beat > h->now + h->rules.interval_ns)
        h->next_beat = h->now + h->rules.interval_ns;
    if (!h->started)
        return;
    arrange(h, out);
    /* Every opinion is due for a look, a bounded number in each step. */
    for (uint32_t i = 0; i < h->n_peers; i++)
        h->nexts[i] = 0;
    find_least(h);
}

static void heartbeat_init(void *core, const struct core_config *config)
{
    struct heartbeat *h = core;
    h->memory = config->memory;
    h->self = config->self;
    rules_read(&h->rules, config->settings);
    h->n_members = config->n_members;
    CHECK(h->n_members <= MEMBERS_MAX);
    h->members = obtain(h, NULL, h->n_members * sizeof h->members[0]);
    memcpy(h->members, config->members, h->n_members * sizeof h->members[0]);
}

static void heartbeat_step(void *core, const struct input *in, struct out *out)
{
    struct heartbeat *h = core;
    h->now = in->now;
    h->clock = clock_of(h, in);
    /* What silence has brought about by now is older than what this input says. */
    if (h->started)
        expire(h, out);
    switch (in->kind) {
    case INPUT_START:
        start(h, out);
        break;
    case INPUT_MESSAGE:
        on_message(h, in, out);
        break;
    case INPUT_LINK:
        on_link(h, in, out);
        break;
    case INPUT_WAKE:
        if (in->now >= h->next_beat)
            beat(h, in, out);
        break;
    case INPUT_SETTINGS:
        on_settings(h, in, out);
        break;
    default:
        break; /* It has neither log nor clients. */
    }
}

static nsec heartbeat_deadline(const void *core)
{
    const struct heartbeat *h = core;
    if (!h->started)
        return NSEC_NEVER;
    uint64_t next = h->n_peers ? h->nexts[h->least] : UINT64_MAX;
    if (h->rules.wall_clock && next != UINT64_MAX) {
        /* The two clocks may run apart: come near it, and look again. */
        uint64_t left = next > h->clock ? next - h->clock : 0;
        left = left < NSEC_PER_MS && left > 0 ? NSEC_PER_MS : left;
        next = left > UINT64_MAX - h->now ? UINT64_MAX : h->now + left;
    }
    return next < h->next_beat ? next : h->next_beat;
}

static void heartbeat_view(const void *core, struct out *out)
{
    const struct heartbeat *h = core;
    Heartbeat__NodeView v = HEARTBEAT__NODE_VIEW__INIT;
    v.beats_sent = h->sent;
    v.next_beat_ns = h->next_beat;
    v.peers = out_alloc(out, h->n_peers * sizeof v.peers[0]);
    Heartbeat__PeerView *peers = out_alloc(out, h->n_peers * sizeof peers[0]);
    uint32_t gaps = h->n_peers ? VIEW_GAPS_ALL / h->n_peers : 0;
    for (uint32_t i = 0; v.peers && peers && i < h->n_peers; i++) {
        v.peers[i] = &peers[i];
        peer_view(&h->peers[i], h->clock, gaps < VIEW_GAPS ? gaps : VIEW_GAPS, &peers[i], out);
        v.n_peers = i + 1;
    }
    out_view(out, &v.base);
}

static void heartbeat_check(const void *core)
{
    const struct heartbeat *h = core;
    CHECK(h->n_peers < h->n_members || h->n_members == 0);
    for (uint32_t i = 0; i < h->n_peers; i++) {
        peer_check(&h->peers[i], &h->rules);
        CHECK(h->nexts[h->least] <= h->nexts[i]);
        CHECK(i == 0 || h->peers[i - 1].id < h->peers[i].id);
    }
}

static const ProtobufCMessageDescriptor *const traces[] = {
    &heartbeat__opinion__descriptor,
    &heartbeat__gap__descriptor,
    &heartbeat__rebirth__descriptor,
    NULL,
};

static const struct fsm_table *const machines[] = {&peer_machine, NULL};

const struct core_ops heartbeat_ops = {
    .name = "heartbeat",
    .summary = "who is alive: beats, silence, and three opinions about it",
    .usual_nodes = 5,
    .size = sizeof(struct heartbeat),
    .message = &heartbeat__message__descriptor,
    .settings = &heartbeat__settings__descriptor,
    .view_type = &heartbeat__node_view__descriptor,
    .traces = traces,
    .machines = machines,
    .schema = schema_heartbeat,
    .defaults = rules_defaults,
    .accept = rules_accept,
    .init = heartbeat_init,
    .step = heartbeat_step,
    .deadline = heartbeat_deadline,
    .view = heartbeat_view,
    .check = heartbeat_check,
};
