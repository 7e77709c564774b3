#include "agent/agent.h"

#include "base/check.h"
#include "cluster/frame.h"
#include "cluster/units.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FROM_NODE_MAX = 1 << 16 };

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *into)
{
    static char memory[4096];
    (void)handle;
    (void)suggested;
    *into = uv_buf_init(memory, sizeof memory);
}

static void is_ready(struct life *l, const Orrery__Ready *ready)
{
    struct agent_node *n = l->node;
    struct agent *a = n->agent;
    if (l->ready || l->reaped)
        return;
    bool moved = n->known && (n->udp_port != ready->udp_port || n->tcp_port != ready->tcp_port);
    bool fresh = !n->known;
    l->ready = true;
    a->starting--;
    n->udp_port = (uint16_t)ready->udp_port;
    n->tcp_port = (uint16_t)ready->tcp_port;
    n->client_port = (uint16_t)ready->client_port;
    n->known = n->fixed_ports = true;
    n->state = l->stopped ? NODE_PAUSED : NODE_RUNNING;
    if (a->begun)
        agent_send_members(a, fresh || moved ? NULL : n);
    agent_changed(a, n);
    agent_begin_if_ready(a);
}

static void has_failed(struct life *l, const Orrery__Failed *failed)
{
    char words[400];
    text_clean(words, sizeof words, bytes_str(failed->why));
    agent_words(l->node, words);
    l->failed = true;
}

static void heard(struct life *l, struct bytes body)
{
    Orrery__FromNode *message = orrery__from_node__unpack(NULL, body.len, body.base);
    if (message && message->kind_case == ORRERY__FROM_NODE__KIND_READY)
        is_ready(l, message->ready);
    else if (message && message->kind_case == ORRERY__FROM_NODE__KIND_FAILED)
        has_failed(l, message->failed);
    if (message)
        orrery__from_node__free_unpacked(message, NULL);
}

static void take_frames(struct life *l)
{
    struct bytes body;
    size_t size;
    int got;
    while ((got = frame_next(buf_bytes(&l->in), FROM_NODE_MAX, &body, &size)) > 0) {
        heard(l, body);
        buf_consume(&l->in, size);
    }
    if (got < 0) {
        agent_words(l->node, "its answers make no sense, so it was killed");
        uv_read_stop((uv_stream_t *)&l->control);
        if (!l->reaped)
            kill(l->pid, SIGKILL);
    }
}

static void read_some(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct life *l = stream->data;
    if (n < 0) {
        uv_read_stop(stream);
        return;
    }
    buf_append(&l->in, bytes_of(buf->base, (size_t)n));
    take_frames(l);
}

void control_open(struct life *l, int fd)
{
    struct agent *a = l->node->agent;
    CHECK(uv_pipe_init(a->loop, &l->control, 0) == 0);
    CHECK(uv_pipe_open(&l->control, fd) == 0);
    l->control.data = l;
    l->open++;
    a->handles++;
    CHECK(uv_read_start((uv_stream_t *)&l->control, allocate, read_some) == 0);
}

void control_last_words(struct life *l)
{
    uv_os_fd_t fd;
    char memory[4096];
    uv_read_stop((uv_stream_t *)&l->control);
    if (uv_fileno((uv_handle_t *)&l->control, &fd) != 0)
        return;
    for (int i = 0; i < 64; i++) {
        ssize_t n = read(fd, memory, sizeof memory);
        if (n <= 0)
            break;
        buf_append(&l->in, bytes_of(memory, (size_t)n));
        take_frames(l);
    }
}

struct said {
    uv_write_t request;
    struct buf frame;
};

static void wrote(uv_write_t *request, int status)
{
    struct said *said = (struct said *)request;
    (void)status; /* A node that is gone is told of by its exit. */
    buf_free(&said->frame);
    free(said);
}

void control_say(struct life *l, const Orrery__ToNode *message)
{
    if (l->reaped || !uv_is_writable((uv_stream_t *)&l->control))
        return;
    struct said *said = calloc(1, sizeof *said);
    CHECK(said);
    frame_put(&said->frame, &message->base);
    uv_buf_t out = uv_buf_init((char *)said->frame.base, (unsigned)said->frame.len);
    if (uv_write(&said->request, (uv_stream_t *)&l->control, &out, 1, wrote) != 0)
        wrote(&said->request, -1);
}

/* What one node is told of the others: of those that are its members. */
struct told {
    Orrery__Members all;
    Orrery__Member *members;
    Orrery__Member **list;
    uint32_t *removed;
};

static void fill_members(const struct agent_node *to, struct told *told)
{
    static char loopback[] = "127.0.0.1";
    const struct agent *a = to->agent;
    orrery__members__init(&told->all);
    told->all.members = told->list;
    told->all.removed = told->removed;
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        struct agent_node *node = a->nodes[i];
        if (!groups_together(&a->groups, to->group, node->group))
            continue;
        if (node->removed)
            told->removed[told->all.n_removed++] = node->node;
        if (node->removed || !node->known)
            continue;
        Orrery__Member *m = &told->members[told->all.n_members];
        orrery__member__init(m);
        m->node = node->node;
        m->name = node->name;
        m->address = loopback;
        m->udp_port = node->udp_port;
        m->tcp_port = node->tcp_port;
        told->list[told->all.n_members++] = m;
    }
}

void agent_send_members(struct agent *a, struct agent_node *to)
{
    struct told told = {.members = calloc(a->n_nodes, sizeof *told.members),
                        .list = calloc(a->n_nodes, sizeof *told.list),
                        .removed = calloc(a->n_nodes, sizeof *told.removed)};
    CHECK(told.members && told.list && told.removed);
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_MEMBERS;
    message.members = &told.all;
    size_t filled = a->groups.n; /* For nodes of this group. */
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        struct agent_node *node = a->nodes[i];
        if ((to && node != to) || !node->life || !node->life->ready)
            continue;
        if (node->group != filled)
            fill_members(node, &told);
        filled = node->group;
        control_say(node->life, &message);
    }
    free(told.removed);
    free(told.list);
    free(told.members);
}

void agent_begin_if_ready(struct agent *a)
{
    bool waiting = a->starting > 0;
    for (uint32_t i = 0; i < a->n_nodes && !waiting; i++)
        waiting = a->nodes[i]->spawn_wanted;
    if (a->begun || waiting || a->ending)
        return;
    a->begun = true;
    agent_send_members(a, NULL);
}
