#include "agent/agent.h"

#include "base/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static enum node_state state_after(const struct life *l)
{
    int status = l->status;
    if (l->vanished)
        return NODE_FAILED;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return NODE_KILLED;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && l->asked)
        return NODE_STOPPED;
    return NODE_FAILED;
}

static void tell_exit(struct life *l, uint64_t lost_bytes)
{
    int status = l->status;
    struct agent *a = l->node->agent;
    char *lines[WORDS_LINES];
    Orrery__Exit exit = ORRERY__EXIT__INIT;
    exit.node = l->node->node;
    exit.boot = l->boot;
    exit.pid = l->pid;
    exit.unseen = l->vanished;
    exit.code = l->vanished ? EXIT_UNKNOWN_CODE : WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    exit.signal = !l->vanished && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
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
static void keep_words(struct life *l)
{
    struct agent_node *n = l->node;
    int status = l->status;
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

void life_ended(struct life *l, int status)
{
    l->ended = true;
    l->status = status;
    if (!l->ready)
        l->node->agent->starting--;
    life_drain(l);
    l->ops->settle(l);
}

/* The last that is told of a node is why nobody can tell. */
void life_vanished(struct life *l, const char *why)
{
    struct buf line = {0};
    buf_printf(&line, "%s\n", why);
    life_worded(l, buf_bytes(&line));
    buf_free(&line);
    if (!l->ended) { /* Else it is known, and only what its disk lost is not. */
        l->ended = l->vanished = true;
        if (!l->ready)
            l->node->agent->starting--;
    }
    life_settled(l, 0);
}

void life_settled(struct life *l, uint64_t lost_bytes)
{
    struct agent_node *n = l->node;
    struct agent *a = n->agent;
    bool was_ready = l->ready;
    n->state = state_after(l);
    keep_words(l);
    tell_exit(l, lost_bytes);
    a->cluster.sink.stream_end(a->cluster.sink_ctx, n->node, l->boot);
    agent_drop_held(a, n->node, 0);
    n->lost += l->ops->lost(l);
    n->life = NULL;
    life_close(l);
    what_next(n, was_ready);
}

void life_stopped(struct life *l, bool stopped)
{
    struct agent_node *n = l->node;
    l->stopped = stopped;
    if (!l->ready || l->ended)
        return;
    n->state = stopped ? NODE_PAUSED : NODE_RUNNING;
    agent_changed(n->agent, n);
}
