#include "figure/succession.h"

#include "figure/elections.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Until whoever was down has found the others again, and has what they have. */
static const uint64_t settling = 1300 * UINT64_C(1000000);
static const uint64_t help_every = 470 * UINT64_C(1000000);
static const uint64_t at_once = 10;
static const uint64_t heartbeat = HEARTBEAT_MS * UINT64_C(1000000);
static const uint64_t delay = LINK_DELAY_US * UINT64_C(1000);

static void wait_until(struct succession *s, int state, uint64_t due)
{
    s->state = state;
    s->due = due;
}

static void link_all(struct succession *s, uint32_t node, int jitter_us, const char *more)
{
    char line[96];
    for (uint32_t i = s->first; i < s->first + SUCCESSION_NODES; i++) {
        if (i == node)
            continue;
        (void)snprintf(line, sizeof line, "link n%u n%u --delay %dus --jitter %dus%s", node, i,
                       LINK_DELAY_US, jitter_us, more);
        s->act(s->ctx, line);
    }
}

/* Five have votes. Whether the sixth learns from them is turned about, which takes an entry. */
static void turn_learner(struct succession *s)
{
    char line[160];
    uint32_t n = s->first;
    s->learner = !s->learner;
    int len = snprintf(line, sizeof line, "do n%u members n%u n%u n%u n%u n%u", s->leader, n, n + 1,
                       n + 2, n + 3, n + 4);
    if (s->learner)
        (void)snprintf(line + len, sizeof line - (size_t)len, " learners n%u", n + SERVERS);
    s->act(s->ctx, line);
}

/* Two followers of four, drawn. */
static void cut_off_two(struct succession *s)
{
    char line[64];
    uint32_t others[SERVERS];
    uint32_t n = 0;
    for (uint32_t i = s->first; i < s->first + SERVERS; i++)
        if (i != s->leader)
            others[n++] = i;
    uint32_t a = (uint32_t)random_below(&s->random, n);
    uint32_t b = (a + 1 + (uint32_t)random_below(&s->random, n - 1)) % n;
    (void)snprintf(line, sizeof line, "cut n%u/n%u,n%u", s->leader, others[a], others[b]);
    s->act(s->ctx, line);
}

static void crash(struct succession *s)
{
    char line[32];
    (void)snprintf(line, sizeof line, "kill n%u", s->leader);
    s->crashed = s->leader;
    s->act(s->ctx, line);
}

/* All are as they were before. */
static void mend(struct succession *s)
{
    char line[32];
    if (s->changed) {
        (void)snprintf(line, sizeof line, "heal n%u", s->changed);
        s->act(s->ctx, line);
        link_all(s, s->changed, LINK_JITTER_US, "");
    }
    if (s->crashed) {
        (void)snprintf(line, sizeof line, "restart n%u", s->crashed);
        s->act(s->ctx, line);
    }
    s->changed = s->crashed = 0;
}

/* Events only tell: whoever tells them may be in the midst of a step. */
static void elected(struct succession *s, uint32_t node, uint64_t at)
{
    s->leader = node;
    s->heartbeat_at = at;
    if (s->state == SUCCESSION_ELECTING)
        s->took(s->ctx, s, (double)(at - s->crashed_at) / 1e6);
    if (s->state != SUCCESSION_IDLE)
        wait_until(s, SUCCESSION_LED, at);
}

void succession_begin(struct succession *s)
{
    for (uint32_t i = 0; i < SUCCESSION_NODES; i++)
        link_all(s, s->first + i, LINK_JITTER_US, "");
    wait_until(s, s->leader ? SUCCESSION_LED : SUCCESSION_LEADERLESS, 0);
}

/* Where time-outs are all alike, nobody may ever win: one begins out of turn. */
static void help(struct succession *s, uint64_t now)
{
    char line[32];
    (void)snprintf(line, sizeof line, "do n%u campaign", s->first + s->helped++ % SERVERS);
    s->act(s->ctx, line);
    wait_until(s, SUCCESSION_LEADERLESS, now + help_every);
}

/* A leader's heartbeats are to reach all at once. */
static void settle(struct succession *s, uint64_t now)
{
    mend(s);
    link_all(s, s->leader, 0, " --one-way");
    s->changed = s->leader;
    if (!s->founded)
        turn_learner(s);
    s->founded = true;
    wait_until(s, SUCCESSION_SETTLING, now + settling);
}

static void take_types(struct succession *s, uint32_t node, struct bytes payload)
{
    Orrery__Start *start = orrery__start__unpack(NULL, payload.len, payload.base);
    for (size_t i = 0; start && i < start->n_types; i++)
        if (strcmp(start->types[i], "raft.Elected") == 0)
            s->elected_kind[node - s->first] = (uint32_t)i + 1;
    if (start)
        orrery__start__free_unpacked(start, NULL);
}

static void take_exit(struct succession *s, const struct event_head *head)
{
    Orrery__Exit *e = orrery__exit__unpack(NULL, head->payload.len, head->payload.base);
    if (e && e->node == s->crashed) {
        s->crashed_at = head->mono_ns;
        wait_until(s, SUCCESSION_ELECTING, head->mono_ns + s->give_up_ms * UINT64_C(1000000));
    }
    if (e)
        orrery__exit__free_unpacked(e, NULL);
}

void succession_event(struct succession *s, uint32_t node, const struct event_head *head)
{
    if (node == 0 && head->body == ORRERY__EVENT__BODY_EXIT && s->state == SUCCESSION_DOOMED)
        take_exit(s, head);
    if (node < s->first || node >= s->first + SUCCESSION_NODES)
        return;
    if (head->body == ORRERY__EVENT__BODY_START)
        take_types(s, node, head->payload);
    else if (head->body == ORRERY__EVENT__BODY_SEND && node == s->leader)
        s->heartbeat_at = head->mono_ns;
    else if (head->body == ORRERY__EVENT__BODY_TRACE && node != s->crashed &&
             head->kind == s->elected_kind[node - s->first])
        elected(s, node, head->mono_ns);
}

/* Right behind a heartbeat, as soon as it is known that it was sent. */
static void doom(struct succession *s, uint64_t now)
{
    uint64_t ago = now > s->heartbeat_at ? now - s->heartbeat_at : 0;
    if (ago < s->slack || ago > at_once * s->slack) {
        uint64_t next = s->heartbeat_at + heartbeat + s->slack;
        wait_until(s, SUCCESSION_SETTLING, next > now ? next : now + s->slack);
        return;
    }
    cut_off_two(s);
    turn_learner(s);
    wait_until(s, SUCCESSION_DOOMED, now + delay + s->slack + random_below(&s->random, heartbeat));
}

void succession_step(struct succession *s, uint64_t now)
{
    if (now < s->due)
        return;
    s->due = UINT64_MAX;
    if (s->state == SUCCESSION_LEADERLESS) {
        help(s, now);
    } else if (s->state == SUCCESSION_LED) {
        settle(s, now);
    } else if (s->state == SUCCESSION_SETTLING) {
        doom(s, now);
    } else if (s->state == SUCCESSION_DOOMED) {
        crash(s);
    } else if (s->state == SUCCESSION_ELECTING) {
        s->took(s->ctx, s, s->give_up_ms);
        mend(s);
        wait_until(s, SUCCESSION_LEADERLESS, now + help_every);
    }
}
