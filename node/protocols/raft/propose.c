/* Requests of this node's clients. A write waits here until its entry is applied, and is sent again
 * for as long as that is not the case: its session sees to it that it happens once (dissertation,
 * 6.3). */
#include "base/check.h"
#include "raft_impl.h"

#include <stdio.h>
#include <string.h>

enum { INFO_MAX = 512, CONFIG_MAX = 8, NUMBER_MAX = 24, ERROR_MAX = 160 };

static void reply_text(client_id client, uint64_t request, const char *text, struct out *out)
{
    out_reply_now(out, client, request, out_bytes(out, bytes_str(text)));
}

void fail_request(client_id client, uint64_t request, struct bytes command, const char *error,
                  struct out *out)
{
    struct machine_command c;
    struct machine_result *did = out_alloc(out, sizeof *did);
    if (did && machine_unpack(command, out->arena, &c) == 0) {
        machine_invoke(&c, out->arena, did);
        for (uint32_t i = 0; i < did->n_ops; i++)
            did->ops[i].failed = true;
        const struct history h = {client, request, did->ops, did->n_ops, did->partial};
        if (h.n > 0)
            history_complete(out, &h, false);
    }
    reply_text(client, request, error, out);
}

void propose(struct raft *r, client_id client, uint64_t request, struct bytes command)
{
    struct proposals *all = &r->proposals;
    struct proposal *p = memory_alloc(r->memory, sizeof *p + command.len);
    CHECK(p); /* Their number and bytes are bounded. */
    p->client = client;
    p->request = request;
    p->asked_at = r->now;
    p->len = (uint32_t)command.len;
    memcpy(p->command, command.base, command.len);
    if (!all->first)
        all->end = &all->first;
    *all->end = p;
    all->end = &p->next;
    if (!all->unsent)
        all->unsent = p;
    all->n++;
    all->bytes += p->len;
    lane_add(r, client, 1, 0);
}

static void take_out(struct raft *r, struct proposal **at)
{
    struct proposals *all = &r->proposals;
    struct proposal *p = *at;
    *at = p->next;
    if (all->end == &p->next)
        all->end = at;
    if (all->unsent == p)
        all->unsent = p->next;
    all->n--;
    all->bytes -= p->len;
    lane_add(r, p->client, -1, 0);
    memory_free(r->memory, p);
}

void proposals_restart(struct raft *r)
{
    r->proposals.unsent = r->proposals.first;
    r->proposals.opener_sent = false;
}

static void open_session(struct raft *r, struct out *out)
{
    struct proposals *all = &r->proposals;
    if (all->opener_sent)
        return;
    while (all->opener == 0)
        all->opener = out_random(out, UINT64_MAX);
    all->opener_sent = true;
    all->sent_at = r->now;
    const struct session_ticket open = {.open = true};
    if (r->role == ROLE_LEADER)
        take_command(r, &open, all->opener, bytes_of(NULL, 0), out);
    else
        forward_opener(r, out);
}

static void take_own(struct raft *r, struct out *out)
{
    struct proposals *all = &r->proposals;
    for (; all->unsent && out->n < EFFECTS_MAX / 2; all->unsent = all->unsent->next) {
        struct proposal *p = all->unsent;
        if (p->sequence == 0)
            p->sequence = ++all->sequence;
        const struct session_ticket t = {
            .session = all->session, .sequence = p->sequence, .answered = all->first->sequence - 1};
        take_command(r, &t, 0, bytes_of(p->command, p->len), out);
    }
    if (all->unsent)
        r->flush_at = r->now;
}

void proposals_send(struct raft *r, struct out *out)
{
    struct proposals *all = &r->proposals;
    bool hands_over = r->role == ROLE_LEADER && r->transfer_to != NODE_NONE;
    if (!all->unsent || r->leader == NODE_NONE || hands_over || !is_known(r, r->leader) ||
        r->now < r->ask_after)
        return;
    if (all->session == LSN_NONE) {
        open_session(r, out);
        return;
    }
    all->sent_at = r->now;
    if (r->role == ROLE_LEADER) {
        take_own(r, out);
    } else {
        while (all->unsent)
            all->unsent = forward_commands(r, all->unsent, out);
    }
}

static void unknown(struct raft *r, struct proposal **at, struct out *out)
{
    static const char text[] =
        "-ERR no leader answered in time: nobody knows whether this happened\r\n";
    reply_text((*at)->client, (*at)->request, text, out);
    take_out(r, at);
}

/* The log forgot our session, as others were used since: of what was sent nobody knows. */
static void session_lost(struct raft *r, struct out *out)
{
    struct proposals *all = &r->proposals;
    while (all->first && all->first->sequence > 0 && out->n < EFFECTS_MAX / 2)
        unknown(r, &all->first, out);
    for (struct proposal *p = all->first; p; p = p->next)
        p->sequence = 0;
    all->session = LSN_NONE;
    all->sequence = 0;
    proposals_restart(r);
}

static void session_opened(struct raft *r, lsn index)
{
    struct proposals *all = &r->proposals;
    all->session = index;
    all->opener = 0;
    all->sequence = 0;
    proposals_restart(r);
}

void proposal_applied(struct raft *r, const struct entry_parts *e, lsn index,
                      const struct machine_result *did, struct out *out)
{
    struct proposals *all = &r->proposals;
    if (e->opener != 0 && e->opener == all->opener)
        session_opened(r, index);
    if (all->session == LSN_NONE || e->ticket.session != all->session)
        return;
    struct proposal **at = &all->first;
    while (*at && (*at)->sequence != 0 && (*at)->sequence < e->ticket.sequence)
        at = &(*at)->next;
    struct proposal *p = *at;
    if (!p || p->sequence != e->ticket.sequence)
        return; /* It was answered before. */
    if (did->outcome == MACHINE_UNKNOWN) {
        session_lost(r, out);
        return;
    }
    const struct history h = {p->client, p->request, did->ops, did->n_ops, did->partial};
    out_reply(out, p->client, p->request, did->reply);
    if (h.n > 0)
        history_complete(out, &h, true);
    take_out(r, at);
}

static nsec resend_after(const struct raft *r)
{
    return 2 * ms(r->settings->election_ms_max);
}

static bool resends(const struct raft *r)
{
    return r->proposals.n > 0 && r->leader != NODE_NONE && r->leader != r->self &&
           (r->proposals.unsent != r->proposals.first || r->proposals.opener_sent);
}

nsec proposals_deadline(const struct raft *r)
{
    const struct proposals *all = &r->proposals;
    if (!all->first)
        return NSEC_NEVER;
    nsec due = all->first->asked_at + ms(r->settings->patience_ms);
    nsec again = all->sent_at + resend_after(r);
    if (all->unsent && r->now < r->ask_after && r->ask_after < due)
        due = r->ask_after;
    return resends(r) && again < due ? again : due;
}

/* Whatever was sent may have been lost with a link or a leader. */
void proposals_due(struct raft *r, struct out *out)
{
    struct proposals *all = &r->proposals;
    char text[ERROR_MAX];
    nsec patience = ms(r->settings->patience_ms);
    (void)snprintf(text, sizeof text,
                   "-CLUSTERDOWN no leader was found within %u ms: this did not happen, ask "
                   "again\r\n",
                   (unsigned)r->settings->patience_ms);
    while (all->first && r->now - all->first->asked_at >= patience && out->n < EFFECTS_MAX / 2) {
        struct proposal *p = all->first;
        if (p->sequence > 0) {
            unknown(r, &all->first, out);
            continue;
        }
        fail_request(p->client, p->request, bytes_of(p->command, p->len), text, out);
        take_out(r, &all->first);
    }
    if (resends(r) && r->now - all->sent_at >= resend_after(r)) {
        all->sent_at = r->now;
        proposals_restart(r);
    }
}

static bool is_full(const struct raft *r)
{
    if (r->entries.bytes > LOG_BYTES_MAX)
        return true;
    return r->proposals.n + r->reads.n >= WAITING_MAX || r->proposals.bytes > WAITING_BYTES_MAX;
}

static void serve(struct raft *r, const struct input *in, const struct asked *asked,
                  struct out *out)
{
    client_id client = in->request.client;
    uint64_t request = in->request.id;
    struct machine_result *did = out_alloc(out, sizeof *did);
    struct bytes command = machine_pack(&asked->command, out->arena);
    if (!did || !command.base) {
        reply_text(client, request, "-ERR the command is larger than the log takes\r\n", out);
        return;
    }
    if (is_full(r)) {
        reply_text(client, request, "-ERR too many requests wait, try again\r\n", out);
        return;
    }
    machine_invoke(&asked->command, out->arena, did);
    const struct history h = {client, request, did->ops, did->n_ops, did->partial};
    if (h.n > 0)
        history_invoke(out, &h);
    const struct lane *lane = lane_of(r, client);
    if (asked->kind == ASKED_WRITE) {
        if (lane && lane->reads > 0)
            reads_to_log(r, client);
        propose(r, client, request, command);
    } else if (r->flaw_reads) {
        read_now(r, client, request, &asked->command, out);
    } else if (lane && lane->writes > 0) {
        propose(r, client, request, command);
    } else {
        read_add(r, client, request, command);
    }
}

void raft_request(struct raft *r, const struct input *in, struct out *out)
{
    struct asked asked;
    connections_ask(&r->connections, &r->machine, in->request.client, in->request.body,
                    r->machine.now_ms, out->arena, &asked);
    if (asked.malformed)
        out_violation(out, NODE_NONE, "a client's request is not an array of strings",
                      in->request.body);
    if (asked.kind == ASKED_NOTHING)
        out_reply_now(out, in->request.client, in->request.id, asked.reply);
    else
        serve(r, in, &asked, out);
}

/* Static words and a few numbers in the arena; without room for those it says less. */
void raft_about(const void *ctx, struct arena *a, struct about *about)
{
    static const char *const roles[] = {"follower", "pre-candidate", "candidate", "leader"};
    const struct raft *r = ctx;
    about->role = r->role == ROLE_LEADER ? "master" : "slave";
    char *info = arena_alloc(a, INFO_MAX);
    char *memory = arena_alloc(a, NUMBER_MAX);
    const char *(*config)[2] = arena_alloc(a, CONFIG_MAX * sizeof *config);
    if (!info || !memory || !config)
        return;
    (void)snprintf(memory, NUMBER_MAX, "%llu", (unsigned long long)r->settings->memory_bytes);
    const char *const values[CONFIG_MAX][2] = {
        {"save", ""},          {"appendonly", "yes"}, {"appendfsync", "always"},
        {"maxmemory", memory}, {"databases", "1"},
    };
    memcpy(config, values, sizeof values);
    int n = snprintf(info, INFO_MAX,
                     "# Raft\r\nraft_role:%s\r\nraft_node:n%u\r\nraft_leader:n%u\r\nraft_term:%llu"
                     "\r\nraft_last:%llu\r\nraft_commit:%llu\r\nraft_applied:%llu\r\n",
                     roles[r->role], (unsigned)r->self, (unsigned)r->leader,
                     (unsigned long long)r->term, (unsigned long long)entries_last(&r->entries),
                     (unsigned long long)r->commit, (unsigned long long)r->applied);
    about->info = bytes_of(info, (size_t)n);
    about->config = (const char *const(*)[2])config;
}
