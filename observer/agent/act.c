#include "agent/agent.h"

#include "base/check.h"
#include "base/must.h"
#include "cluster/command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Far enough ahead that every node hears of a new pace before it is due. */
static const uint64_t pace_ahead_ns = 50000000;

struct act {
    struct agent *agent;
    const Orrery__Command *command;
    uint64_t because;
    char *why;
    size_t why_size;
};

void agent_kill(struct agent_node *n, uint64_t because)
{
    if (!n->life)
        return;
    n->life->asked = true;
    n->life->because = because;
    n->life->ops->signal(n->life, SIGKILL);
}

static void grace_over(uv_timer_t *timer)
{
    struct life *l = timer->data;
    if (!l->ended)
        l->ops->signal(l, SIGKILL);
}

void agent_quit(struct agent_node *n, uint64_t because)
{
    struct life *l = n->life;
    if (!l)
        return;
    l->asked = true;
    l->because = because;
    l->ops->signal(l, SIGCONT);
    Orrery__Quit quit = ORRERY__QUIT__INIT;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_QUIT;
    message.quit = &quit;
    l->ops->say(l, &message);
    if (l->grace)
        return;
    l->grace = calloc(1, sizeof *l->grace);
    CHECK(l->grace);
    CHECK(uv_timer_init(n->agent->loop, l->grace) == 0);
    n->agent->handles++;
    l->grace->data = l;
    CHECK(uv_timer_start(l->grace, grace_over, STOP_GRACE_MS, 0) == 0);
}

static void restart(struct agent_node *n, uint64_t because)
{
    agent_kill(n, because);
    agent_want(n, because);
}

static void power(struct agent_node *n, const Orrery__Power *p, uint64_t because)
{
    struct life *l = n->life;
    if (!l)
        return;
    l->power = true;
    l->torn = p->lose == ORRERY__LOSE__LOSE_RANDOM;
    l->power_seed = random_split(p->seed, n->node).s[0];
    agent_kill(n, because);
}

/* What it is from now on holds at once, so that the next command may rest on it; the operating
 * system's word comes later, and settles it. */
static void stop_or_continue(struct agent_node *n, bool stop)
{
    if (!n->life)
        return;
    n->life->ops->signal(n->life, stop ? SIGSTOP : SIGCONT);
    life_stopped(n->life, stop);
}

static void remove_node(struct agent_node *n, uint64_t because)
{
    n->removed = true;
    n->spawn_wanted = false;
    if (n->life)
        agent_quit(n, because);
    else
        n->state = NODE_REMOVED;
}

static void each_node(struct act *act, const uint32_t *nodes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct agent_node *node = agent_node(act->agent, nodes[i]);
        CHECK(node);
        switch (act->command->verb_case) {
        case ORRERY__COMMAND__VERB_KILL:
            agent_kill(node, act->because);
            break;
        case ORRERY__COMMAND__VERB_PAUSE:
            stop_or_continue(node, true);
            break;
        case ORRERY__COMMAND__VERB_RESUME:
            stop_or_continue(node, false);
            break;
        case ORRERY__COMMAND__VERB_RESTART:
            restart(node, act->because);
            break;
        case ORRERY__COMMAND__VERB_STOP:
            agent_quit(node, act->because);
            break;
        case ORRERY__COMMAND__VERB_POWER:
            power(node, act->command->power, act->because);
            break;
        case ORRERY__COMMAND__VERB_REMOVE:
            remove_node(node, act->because);
            break;
        default:
            CHECK(false);
        }
    }
    if (act->command->verb_case == ORRERY__COMMAND__VERB_REMOVE)
        agent_send_members(act->agent, NULL);
}

static void say_to(struct agent *a, uint32_t node, Orrery__ToNode *message)
{
    struct agent_node *n = agent_node(a, node);
    if (n && n->life)
        n->life->ops->say(n->life, message);
}

static void tell_link(void *ctx, uint32_t sender, const Orrery__LinkFault *fault)
{
    Orrery__LinkFault copy = *fault;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_LINK;
    message.link = &copy;
    say_to(ctx, sender, &message);
}

static void act_disk(struct act *act)
{
    Orrery__DiskFault *disk = act->command->disk;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_DISK;
    message.disk = disk;
    for (size_t i = 0; i < disk->n_nodes; i++) {
        faults_disk(&act->agent->faults, disk->nodes[i], disk);
        say_to(act->agent, disk->nodes[i], &message);
    }
}

static void act_clock(struct act *act)
{
    Orrery__ClockFault *clock = act->command->clock;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_CLOCK;
    message.clock = clock;
    for (size_t i = 0; i < clock->n_nodes; i++) {
        faults_clock(&act->agent->faults, clock->nodes[i], clock);
        say_to(act->agent, clock->nodes[i], &message);
    }
}

static int act_break(struct act *act)
{
    Orrery__Break *b = act->command->break_;
    if (!b->clear && b->compiled.len == 0) {
        snprintf(act->why, act->why_size, "the pattern was not compiled");
        return ERROR_MALFORMED;
    }
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_BREAK;
    message.break_ = b;
    for (size_t i = 0; i < b->n_nodes; i++) {
        faults_break(&act->agent->faults, b->nodes[i], b, act->because);
        say_to(act->agent, b->nodes[i], &message);
    }
    return 0;
}

static void act_pace(struct act *act)
{
    struct agent *a = act->agent;
    Orrery__Pace pace = *act->command->pace;
    pace.has_factor = pace.has_at_ns = 1;
    if (pace.at_ns < machine_now())
        pace.at_ns = machine_now() + pace_ahead_ns;
    clock_pace(&a->clock, pace.at_ns, pace.factor);
    faults_pace(&a->faults, &pace);
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_PACE;
    message.pace = &pace;
    for (uint32_t node = 1; node <= a->n_nodes; node++)
        say_to(a, node, &message);
}

static void act_hold(struct act *act)
{
    struct agent *a = act->agent;
    Orrery__Hold *hold = act->command->hold;
    faults_hold(&a->faults, hold);
    if (hold->off)
        agent_drop_held(a, hold->from, hold->to);
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_HOLD;
    message.hold = hold;
    for (uint32_t node = 1; node <= a->n_nodes; node++)
        if (hold->from == 0 || hold->from == node)
            say_to(a, node, &message);
}

static bool is_meant(const Orrery__Deliver *d, const struct agent_held *held)
{
    return (d->from == 0 || d->from == held->node) && (d->event == 0 || d->event == held->event) &&
           (d->to == 0 || d->to == held->to);
}

/* What a stream holds goes in its order: those before it with it, or, if it is lost, those behind.
 */
static bool goes_along(const struct agent *a, size_t i, const Orrery__Deliver *d)
{
    const struct agent_held *held = &a->held[i];
    size_t from = d->drop ? 0 : i + 1, to = d->drop ? i : a->n_held;
    for (size_t k = from; held->in_order && k < to; k++)
        if (is_meant(d, &a->held[k]) && a->held[k].node == held->node && a->held[k].to == held->to)
            return true;
    return false;
}

static void forget_held(struct agent *a, const Orrery__Deliver *d)
{
    struct agent_held *still = must_alloc(a->n_held, sizeof *still);
    size_t n = 0;
    for (size_t i = 0; i < a->n_held; i++)
        if (!is_meant(d, &a->held[i]) && !goes_along(a, i, d))
            still[n++] = a->held[i];
    free(a->held);
    a->held = still;
    a->n_held = n;
}

/* The oldest held message that is meant; with an event and no receiver, all copies of it. */
static int act_deliver(struct act *act)
{
    struct agent *a = act->agent;
    const Orrery__Deliver *wanted = act->command->deliver;
    size_t first = 0;
    while (first < a->n_held && !is_meant(wanted, &a->held[first]))
        first++;
    if (first == a->n_held) {
        snprintf(act->why, act->why_size,
                 a->n_held ? "no such message is held back" : "no message is held back");
        return ERROR_NOT_FOUND;
    }
    Orrery__Deliver deliver = *wanted;
    deliver.has_from = deliver.has_event = 1;
    deliver.from = a->held[first].node;
    deliver.event = a->held[first].event;
    if (wanted->event == 0) {
        deliver.has_to = 1;
        deliver.to = a->held[first].to;
    }
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_DELIVER;
    message.deliver = &deliver;
    say_to(a, deliver.from, &message);
    forget_held(a, &deliver);
    return 0;
}

static void keep_setting(struct agent_node *n, uint32_t instance, const char *setting)
{
    n->settings = realloc(n->settings, (n->n_settings + 1) * sizeof *n->settings);
    n->settings_of = realloc(n->settings_of, (n->n_settings + 1) * sizeof *n->settings_of);
    CHECK(n->settings && n->settings_of);
    n->settings_of[n->n_settings] = instance;
    n->settings[n->n_settings] = strdup(setting);
    CHECK(n->settings[n->n_settings]);
    n->n_settings++;
}

static void act_set(struct act *act)
{
    Orrery__Set *set = act->command->set;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_SET;
    message.set = set;
    for (size_t i = 0; i < set->n_nodes; i++) {
        for (size_t k = 0; k < set->n_settings; k++)
            keep_setting(agent_node(act->agent, set->nodes[i]), set->instance ? set->instance : 1,
                         set->settings[k]);
        say_to(act->agent, set->nodes[i], &message);
    }
}

static void act_do(struct act *act)
{
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_DO;
    message.do_ = act->command->do_;
    for (size_t i = 0; i < message.do_->n_nodes; i++)
        say_to(act->agent, message.do_->nodes[i], &message);
}

int agent_command(struct cluster *c, const Orrery__Command *command, uint64_t because, char *why,
                  size_t why_size)
{
    struct agent *a = agent_of(c);
    struct act act = {a, command, because, why, why_size};
    size_t n;
    if (cluster_check(c, command, why, why_size) < 0)
        return ERROR_REFUSED;
    switch (command->verb_case) {
    case ORRERY__COMMAND__VERB_CUT:
        faults_cut(&a->faults, command->cut, tell_link, a);
        return 0;
    case ORRERY__COMMAND__VERB_HEAL:
        faults_heal(&a->faults, command->heal, tell_link, a);
        return 0;
    case ORRERY__COMMAND__VERB_LINK:
        faults_link(&a->faults, command->link, tell_link, a);
        return 0;
    case ORRERY__COMMAND__VERB_DISK:
        act_disk(&act);
        return 0;
    case ORRERY__COMMAND__VERB_CLOCK:
        act_clock(&act);
        return 0;
    case ORRERY__COMMAND__VERB_BREAK:
        return act_break(&act);
    case ORRERY__COMMAND__VERB_PACE:
        act_pace(&act);
        return 0;
    case ORRERY__COMMAND__VERB_HOLD:
        act_hold(&act);
        return 0;
    case ORRERY__COMMAND__VERB_DELIVER:
        return act_deliver(&act);
    case ORRERY__COMMAND__VERB_ADD:
        return agent_add(a, command->add, because, why, why_size);
    case ORRERY__COMMAND__VERB_SET:
        act_set(&act);
        return 0;
    case ORRERY__COMMAND__VERB_DO:
        act_do(&act);
        return 0;
    default: {
        const uint32_t *nodes = command_nodes(command, &n);
        each_node(&act, nodes, n);
        return 0;
    }
    }
}
