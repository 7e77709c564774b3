/* A line is a command, optionally behind a time: "@1000ms wake n1", "@+50ms deliver n2 n1".
 *
 *   cluster N PROTOCOL [key=value | flaw:NAME]...   begins a world; nothing runs yet
 *   hide KIND...  show KIND...      which events are written down; a trace by its name: Gap
 *   start NODE [SEED]               a life begins, on the disk that the last one left
 *   kill NODE   power NODE          it ends; with power, what was not synced is lost
 *   boot NODE N                     which life forged messages of NODE are from
 *   wake NODE                       at its deadline, if that is still to come
 *   run TIME                        messages (after `latency`) and wakes by themselves, up to TIME
 *   latency TIME
 *   deliver FROM TO [CASE k=v ...]  the oldest message on its way, or one that nobody sent
 *   among NODE NODE...              all that is on its way between these, and what comes of it
 *   lose FROM TO                    the oldest
 *   drop                            all that is on its way
 *   garble FROM TO TEXT             a message of these bytes
 *   link NODE PEER up|down [REASON]
 *   wall NODE TIME                  its wall clock jumps by so much
 *   set NODE k=v ...
 *   do NODE VERB WORD...            an order of the lab
 *   client NODE cN WORD...          a request to its client port
 *   record NODE LOG k=v ...    onto the disk of a node that is down
 *   sync NODE [LOG]   autosync      makes durable what was appended; after every command
 *   view NODE   deadline NODE
 */
#include "commands.h"

#include "base/check.h"
#include "cluster/units.h"
#include "core/registry.h"
#include "core/settings.h"
#include "print.h"
#include "raft.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
    struct world *w;
    const char **words; /* Behind the verb. */
    size_t n;
    struct world_node *node; /* The first word's, where the verb wants one. */
    char *why;
    size_t why_size;
};

static bool refuse(struct call *c, const char *text, const char *word)
{
    (void)snprintf(c->why, c->why_size, "%s: %s", word ? word : "?", text);
    return false;
}

static struct world_node *find_node(struct call *c, const char *word)
{
    uint32_t id;
    if (!word || !node_parse(word, &id) || id == 0 || id > c->w->n_nodes) {
        (void)refuse(c, "is no node of the cluster", word);
        return NULL;
    }
    return &c->w->nodes[id - 1];
}

static bool find_time(struct call *c, const char *word, nsec *ns)
{
    double value;
    if (!word || !duration_parse(word, &value))
        return refuse(c, "is no time", word);
    *ns = (nsec)value;
    return true;
}

static bool do_cluster(struct call *c)
{
    struct world *w = c->w;
    uint64_t n;
    if (c->n < 2 || !whole_parse(c->words[0], &n) || n == 0 || n > WORLD_NODES_MAX)
        return refuse(c, "how many nodes, and of which protocol?", "cluster");
    world_free(w);
    world_init(w, w->text);
    w->ops = registry_find(c->words[1]);
    if (!w->ops)
        return refuse(c, "is no protocol", c->words[1]);
    w->n_nodes = (uint32_t)n;
    for (uint32_t i = 0; i < n; i++) {
        w->members[i] = i + 1;
        w->nodes[i] = (struct world_node){.world = w, .id = i + 1};
    }
    for (size_t i = 2; i < c->n; i++) {
        const char *equals = strchr(c->words[i], '=');
        if (strncmp(c->words[i], "flaw:", 5) == 0) {
            w->flaws[w->n_flaws++] = strdup(c->words[i] + 5);
        } else if (equals) {
            Orrery__KeyValue *kv = malloc(sizeof *kv);
            CHECK(kv);
            orrery__key_value__init(kv);
            kv->key = strndup(c->words[i], (size_t)(equals - c->words[i]));
            kv->value = strdup(equals + 1);
            w->settings[w->n_settings++] = kv;
        } else {
            return refuse(c, "is neither key=value nor flaw:NAME", c->words[i]);
        }
    }
    return true;
}

static bool do_hide(struct call *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->w->n_hidden == WORLD_WORDS_MAX)
            return refuse(c, "is one too many", c->words[i]);
        c->w->hidden[c->w->n_hidden++] = strdup(c->words[i]);
    }
    return true;
}

static bool do_show(struct call *c)
{
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = c->w->n_hidden; k-- > 0;)
            if (strcmp(c->w->hidden[k], c->words[i]) == 0) {
                free(c->w->hidden[k]);
                c->w->hidden[k] = c->w->hidden[--c->w->n_hidden];
            }
    return true;
}

static bool do_start(struct call *c)
{
    uint64_t seed = 1;
    if (c->node->host)
        return refuse(c, "runs already", c->words[0]);
    if (c->n > 1 && !whole_parse(c->words[1], &seed))
        return refuse(c, "is no seed", c->words[1]);
    return world_start(c->node, seed, c->why, c->why_size);
}

static bool do_kill(struct call *c)
{
    world_down(c->node, false);
    return true;
}

static bool do_power(struct call *c)
{
    world_down(c->node, true);
    return true;
}

static bool do_boot(struct call *c)
{
    uint64_t boot;
    if (c->n < 2 || !whole_parse(c->words[1], &boot) || boot == 0 || boot > UINT32_MAX)
        return refuse(c, "which life?", "boot");
    c->node->boot = (uint32_t)boot;
    return true;
}

static bool do_wake(struct call *c)
{
    nsec deadline = host_deadline(c->node->host);
    if (deadline == NSEC_NEVER)
        return refuse(c, "has no deadline", c->words[0]);
    if (deadline > c->w->now)
        c->w->now = deadline;
    host_wake(c->node->host, world_moment(c->node));
    return true;
}

static bool do_run(struct call *c)
{
    nsec until;
    if (!find_time(c, c->words[0], &until))
        return false;
    world_run(c->w, until);
    return true;
}

static bool do_latency(struct call *c)
{
    return find_time(c, c->words[0], &c->w->latency);
}

static bool set_fields(struct call *c, ProtobufCMessage *m, size_t from, struct arena *arena)
{
    for (size_t i = from; i < c->n; i++) {
        const char *equals = strchr(c->words[i], '=');
        if (!equals)
            return refuse(c, "is no key=value", c->words[i]);
        struct bytes key = bytes_of(c->words[i], (size_t)(equals - c->words[i]));
        if (!settings_set(m, key, bytes_str(equals + 1), arena, c->why, c->why_size))
            return false;
    }
    return true;
}

/* Packs a message of the protocol with its oneof set to the case that words[2] names. */
static bool forge(struct call *c, node_id from, node_id to, struct arena *arena)
{
    const ProtobufCMessageDescriptor *d = c->w->ops->message;
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(d, c->words[2]);
    if (!f || f->type != PROTOBUF_C_TYPE_MESSAGE)
        return refuse(c, "is no message of this protocol", c->words[2]);
    const ProtobufCMessageDescriptor *inner = f->descriptor;
    ProtobufCMessage *m = arena_alloc(arena, d->sizeof_message);
    ProtobufCMessage *body = arena_alloc(arena, inner->sizeof_message);
    CHECK(m && body);
    protobuf_c_message_init(d, m);
    protobuf_c_message_init(inner, body);
    if (!set_fields(c, body, 3, arena))
        return false;
    memcpy((uint8_t *)m + f->offset, &body, sizeof body);
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        memcpy((uint8_t *)m + f->quantifier_offset, &f->id, sizeof f->id);
    uint8_t *packed = arena_alloc(arena, protobuf_c_message_get_packed_size(m) + 1);
    CHECK(packed);
    world_forge(c->w, from, to, bytes_of(packed, protobuf_c_message_pack(m, packed)));
    return true;
}

static bool find_message(struct call *c, node_id from, node_id to, size_t *at)
{
    for (*at = 0; *at < c->w->n_messages; ++*at)
        if (c->w->messages[*at].from == from && c->w->messages[*at].to == to)
            return true;
    return refuse(c, "nothing is on its way", c->words[0]);
}

static bool do_deliver(struct call *c)
{
    struct world_node *to = find_node(c, c->n > 1 ? c->words[1] : NULL);
    if (!to)
        return false;
    size_t at;
    if (c->n == 2) {
        if (!find_message(c, c->node->id, to->id, &at))
            return false;
        world_deliver(c->w, at);
        return true;
    }
    struct arena arena;
    arena_init(&arena, 1 << 16);
    bool done = forge(c, c->node->id, to->id, &arena);
    arena_free(&arena);
    return done;
}

static void sync_all(struct world *w)
{
    for (uint32_t i = 0; w->autosync && i < w->n_nodes; i++)
        world_sync(&w->nodes[i], NULL);
}

static bool do_among(struct call *c)
{
    enum { DELIVERED_MAX = 10000 };
    bool named[WORLD_NODES_MAX + 1] = {false};
    struct world *w = c->w;
    for (size_t i = 0; i < c->n; i++) {
        const struct world_node *n = find_node(c, c->words[i]);
        if (!n)
            return false;
        named[n->id] = true;
    }
    size_t at = 0;
    for (int i = 0; i < DELIVERED_MAX; i++) {
        sync_all(w);
        for (at = 0; at < w->n_messages; at++)
            if (named[w->messages[at].from] && named[w->messages[at].to])
                break;
        if (at == w->n_messages)
            return true;
        world_deliver(w, at);
    }
    return refuse(c, "they talk for ever", "among");
}

static bool do_drop(struct call *c)
{
    while (c->w->n_messages > 0)
        world_lose(c->w, 0);
    return true;
}

static bool do_lose(struct call *c)
{
    struct world_node *to = find_node(c, c->n > 1 ? c->words[1] : NULL);
    size_t at;
    if (!to || !find_message(c, c->node->id, to->id, &at))
        return false;
    world_lose(c->w, at);
    return true;
}

static bool do_garble(struct call *c)
{
    struct world_node *to = find_node(c, c->n > 1 ? c->words[1] : NULL);
    if (!to || c->n != 3)
        return refuse(c, "from, to, and which bytes?", "garble");
    world_forge(c->w, c->node->id, to->id, bytes_str(c->words[2]));
    return true;
}

static bool do_link(struct call *c)
{
    static const char *const reasons[] = {"ok", "refused", "reset", "silent", "closed", "removed"};
    struct world_node *peer = find_node(c, c->n > 1 ? c->words[1] : NULL);
    if (!peer || c->n < 3)
        return refuse(c, "node, peer, and up or down?", "link");
    enum link_reason reason = LINK_OK;
    for (unsigned i = 0; c->n > 3 && i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(c->words[3], reasons[i]) == 0)
            reason = (enum link_reason)i;
    host_link(c->node->host, world_moment(c->node), peer->id, strcmp(c->words[2], "up") == 0,
              reason);
    return true;
}

static bool do_wall(struct call *c)
{
    const char *word = c->n > 1 ? c->words[1] : "";
    bool back = word[0] == '-';
    nsec by;
    if (!find_time(c, word + back, &by))
        return false;
    c->node->skew_ns += back ? -(int64_t)by : (int64_t)by;
    return true;
}

static bool do_set(struct call *c)
{
    return host_settings(c->node->host, world_moment(c->node), 1, c->words + 1, c->n - 1, c->why,
                         c->why_size) == 0;
}

static bool do_order(struct call *c)
{
    if (c->n < 2)
        return refuse(c, "node, and which order?", "do");
    host_order(c->node->host, world_moment(c->node), 1, c->words[1], c->words + 2, c->n - 2);
    return true;
}

static bool do_client(struct call *c)
{
    uint64_t client;
    if (c->n < 3 || c->words[1][0] != 'c' || !whole_parse(c->words[1] + 1, &client) ||
        client >= WORLD_WORDS_MAX)
        return refuse(c, "node, c1, and the words of a command?", "client");
    struct buf request = {0};
    buf_printf(&request, "*%zu\r\n", c->n - 2);
    for (size_t i = 2; i < c->n; i++)
        buf_printf(&request, "$%zu\r\n%s\r\n", strlen(c->words[i]), c->words[i]);
    host_request(c->node->host, world_moment(c->node), 1, client, ++c->node->requests[client],
                 buf_bytes(&request));
    buf_free(&request);
    /* What it put off until the end of the turn. */
    if (host_deadline(c->node->host) <= c->w->now)
        host_wake(c->node->host, world_moment(c->node));
    return true;
}

/* Of those logs that transcripts write themselves: what their records are. */
static const ProtobufCMessageDescriptor *record_type(const struct core_ops *ops, uint32_t log)
{
    if (strcmp(ops->name, "raft") == 0)
        return log == 0 ? &raft__term__descriptor : &raft__entry__descriptor;
    return NULL;
}

static bool do_record(struct call *c)
{
    uint32_t log = 0;
    const char *const *logs = c->w->ops->logs;
    if (c->n < 3 || c->node->host || !logs)
        return refuse(c, "a node that is down, a log, and key=value", "record");
    while (logs[log] && strcmp(logs[log], c->words[1]) != 0)
        log++;
    const ProtobufCMessageDescriptor *d = logs[log] ? record_type(c->w->ops, log) : NULL;
    if (!d)
        return refuse(c, "is no log that can be written here", c->words[1]);
    struct arena arena;
    arena_init(&arena, 1 << 16);
    ProtobufCMessage *m = arena_alloc(&arena, d->sizeof_message);
    CHECK(m);
    protobuf_c_message_init(d, m);
    bool done = set_fields(c, m, 2, &arena);
    if (done) {
        struct buf packed = {0};
        (void)protobuf_c_message_pack(m,
                                      buf_extend(&packed, protobuf_c_message_get_packed_size(m)));
        world_record(c->node, log, 1, buf_bytes(&packed));
        buf_free(&packed);
    }
    arena_free(&arena);
    return done;
}

static bool do_sync(struct call *c)
{
    world_sync(c->node, c->n > 1 ? c->words[1] : NULL);
    return true;
}

static bool do_autosync(struct call *c)
{
    c->w->autosync = true;
    return true;
}

static bool do_view(struct call *c)
{
    host_view(c->node->host, world_moment(c->node));
    return true;
}

static bool do_deadline(struct call *c)
{
    nsec deadline = host_deadline(c->node->host);
    if (deadline == NSEC_NEVER)
        buf_printf(c->w->text, "    never\n");
    else
        buf_printf(c->w->text, "    %.3f ms\n", (double)deadline / 1e6);
    return true;
}

/* What the first word must be. */
enum wants { ANYTHING, A_WORD, A_NODE, A_LIVE_NODE };

static const struct {
    const char *verb;
    enum wants wants;
    bool (*run)(struct call *c);
} commands[] = {
    {"cluster", A_WORD, do_cluster},
    {"hide", A_WORD, do_hide},
    {"show", A_WORD, do_show},
    {"start", A_NODE, do_start},
    {"kill", A_LIVE_NODE, do_kill},
    {"power", A_LIVE_NODE, do_power},
    {"boot", A_NODE, do_boot},
    {"wake", A_LIVE_NODE, do_wake},
    {"run", A_WORD, do_run},
    {"latency", A_WORD, do_latency},
    {"deliver", A_NODE, do_deliver},
    {"lose", A_NODE, do_lose},
    {"record", A_NODE, do_record},
    {"among", A_WORD, do_among},
    {"drop", ANYTHING, do_drop},
    {"garble", A_NODE, do_garble},
    {"link", A_LIVE_NODE, do_link},
    {"wall", A_NODE, do_wall},
    {"set", A_LIVE_NODE, do_set},
    {"do", A_LIVE_NODE, do_order},
    {"client", A_LIVE_NODE, do_client},
    {"sync", A_LIVE_NODE, do_sync},
    {"autosync", ANYTHING, do_autosync},
    {"view", A_LIVE_NODE, do_view},
    {"deadline", A_LIVE_NODE, do_deadline},
};

/* "@1000ms" is a time, "@+50ms" so much later. */
static bool set_time(struct call *c, const char *word)
{
    bool later = word[1] == '+';
    nsec at;
    if (!find_time(c, word + 1 + later, &at))
        return false;
    at += later ? c->w->now : 0;
    if (at < c->w->now)
        return refuse(c, "lies in the past", word);
    c->w->now = at;
    return true;
}

static bool dispatch(struct call *c, const char *verb)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(verb, commands[i].verb) != 0)
            continue;
        if (commands[i].wants >= A_WORD && c->n == 0)
            return refuse(c, "wants more words", verb);
        if (commands[i].wants >= A_NODE && !(c->node = find_node(c, c->words[0])))
            return false;
        if (commands[i].wants == A_LIVE_NODE && !c->node->host)
            return refuse(c, "is down", c->words[0]);
        return commands[i].run(c);
    }
    return refuse(c, "is no command; tests/script/commands.c lists them", verb);
}

bool command_do(struct world *w, const char *line, char *why, size_t why_size)
{
    const char *words[WORLD_WORDS_MAX];
    struct buf memory = {0};
    int n = words_split(line, &memory, words, WORLD_WORDS_MAX);
    struct call c = {.w = w, .why = why, .why_size = why_size};
    bool done = n > 0 || refuse(&c, "cannot be read", line);
    const char **at = words;
    if (done && at[0][0] == '@') {
        done = set_time(&c, at[0]);
        at++;
        n--;
    }
    if (done && n > 0) {
        c.words = at + 1;
        c.n = (size_t)n - 1;
        done = dispatch(&c, at[0]);
    }
    if (done)
        sync_all(w);
    buf_free(&memory);
    return done;
}
