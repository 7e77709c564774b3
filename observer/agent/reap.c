#include "agent/agent.h"

#include "base/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct life *life_of(struct agent *a, pid_t pid)
{
    for (uint32_t i = 0; i < a->n_nodes; i++)
        if (a->nodes[i]->life && a->nodes[i]->life->pid == pid)
            return a->nodes[i]->life;
    return NULL;
}

static enum node_state state_after(const struct life *l, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return NODE_KILLED;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && l->asked)
        return NODE_STOPPED;
    return NODE_FAILED;
}

static void tell_exit(struct life *l, int status, uint64_t lost_bytes)
{
    struct agent *a = l->node->agent;
    char *lines[WORDS_LINES];
    Orrery__Exit exit = ORRERY__EXIT__INIT;
    exit.node = l->node->node;
    exit.boot = l->boot;
    exit.pid = l->pid;
    exit.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    exit.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    exit.because = l->because;
    exit.lost_bytes = lost_bytes;
    exit.n_words = stderr_lines(&l->words, lines);
    exit.words = lines;
    Orrery__Event event = ORRERY__EVENT__INIT;
    agent_now(a, &event.mono_ns, &event.wall_ns);
    event.body_case = ORRERY__EVENT__BODY_EXIT;
    event.exit = &exit;
    a->cluster.sink.outside(a->cluster.sink_ctx, &event);
    stderr_lines_free(lines, exit.n_words);
}

/* Why it failed: a sentence of its own, or what it said last, or the bare fact. */
static void keep_words(struct life *l, int status)
{
    struct agent_node *n = l->node;
    char words[120];
    life_tell_words(l);
    if (*n->words || n->state != NODE_FAILED)
        return;
    if (WIFSIGNALED(status))
        snprintf(words, sizeof words, "ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(words, sizeof words, "ended with code %d and no word", WEXITSTATUS(status));
    agent_words(n, words);
}

static void what_next(struct agent_node *n, bool was_ready)
{
    struct agent *a = n->agent;
    if (n->removed)
        n->state = NODE_REMOVED;
    /* Its old ports may have been taken meanwhile: try once more with others. */
    if (!was_ready && n->state == NODE_FAILED && n->fixed_ports && !a->ending) {
        n->fixed_ports = false;
        agent_want(n, n->spawn_because);
    }
    agent_changed(a, n);
    if (n->spawn_wanted && !a->ending)
        agent_want(n, n->spawn_because);
    agent_begin_if_ready(a);
    agent_finish_if_empty(a);
}

static void ended(struct life *l, int status)
{
    struct agent_node *n = l->node;
    struct agent *a = n->agent;
    bool was_ready = l->ready;
    l->reaped = true;
    if (!was_ready)
        a->starting--;
    life_drain(l);
    control_last_words(l);
    life_read_words(l);
    uint64_t lost = l->power || l->halted_power ? life_power_cut(l) : 0;
    n->state = state_after(l, status);
    keep_words(l, status);
    tell_exit(l, status, lost);
    a->cluster.sink.stream_end(a->cluster.sink_ctx, n->node, l->boot);
    agent_drop_held(a, n->node, 0);
    if (!l->ring_broken)
        n->lost += ring_lost(&l->ring);
    n->life = NULL;
    life_close(l);
    what_next(n, was_ready);
}

static void stopped_or_went_on(struct life *l, bool stopped)
{
    struct agent_node *n = l->node;
    l->stopped = stopped;
    if (!l->ready || l->reaped)
        return;
    n->state = stopped ? NODE_PAUSED : NODE_RUNNING;
    agent_changed(n->agent, n);
}

/* One change of state of a child that is a node; false when there is none. Looked at before it is
 * taken, so that children that others started are left to them. */
static bool take_one(struct agent *a, struct life *only)
{
    siginfo_t info = {0};
    int what = WEXITED | WSTOPPED | WCONTINUED | WNOHANG;
    if (waitid(only ? P_PID : P_ALL, only ? (id_t)only->pid : 0, &info, what | WNOWAIT) < 0 ||
        info.si_pid == 0)
        return false;
    struct life *l = only ? only : life_of(a, info.si_pid);
    if (!l)
        return false;
    if (info.si_code == CLD_STOPPED || info.si_code == CLD_CONTINUED) {
        waitid(P_PID, (id_t)l->pid, &info, (what & ~WEXITED));
        stopped_or_went_on(l, info.si_code == CLD_STOPPED);
        return true;
    }
    int status;
    if (waitpid(l->pid, &status, WNOHANG) != l->pid)
        return false;
    ended(l, status);
    return true;
}

void agent_reap(struct agent *a)
{
    while (take_one(a, NULL))
        ;
    /* A stranger's child at the head of the queue hides ours. */
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) < 0 ||
        info.si_pid == 0)
        return;
    for (uint32_t i = 0; i < a->n_nodes; i++)
        if (a->nodes[i]->life)
            take_one(a, a->nodes[i]->life);
}

void agent_child(uv_signal_t *signal, int number)
{
    (void)number;
    agent_reap(signal->data);
}
