#include "unit.h"

#include "base/random.h"
#include "machine.pb-c.h"
#include "machine_rig.h"

enum { KEYS = 40 };

#define say(g, line, now, reply) assert_string_equal(rig_say((g), 1, (line), (now)), (reply))

static void keys_expire_by_the_time_of_commands(void **state)
{
    (void)state;
    struct rig g;
    rig_begin(&g, true);
    say(&g, "SET a 1 PX 100", 1000, "+OK\r\n");
    say(&g, "SET b 1 EXAT 2", 1000, "+OK\r\n");
    say(&g, "SET c 1", 1000, "+OK\r\n");
    assert_int_equal(machine_due_ms(&g.m), 1100);
    say(&g, "PTTL a", 1040, ":60\r\n");
    say(&g, "TTL b", 1040, ":1\r\n");
    say(&g, "TTL c", 1040, ":-1\r\n");
    say(&g, "TTL d", 1040, ":-2\r\n");
    say(&g, "GET a", 1099, "$1\r\n1\r\n");
    say(&g, "GET a", 1100, "$-1\r\n");
    assert_int_equal(g.m.table.keys, 3); /* A query changes nothing. */
    say(&g, "PERSIST b", 1100, ":1\r\n");
    assert_int_equal(g.m.table.keys, 2);
    assert_int_equal(g.result.n_changes, 2);
    assert_true(g.result.changes->deleted);
    say(&g, "GET b", 5000, "$1\r\n1\r\n");
    say(&g, "SET a 2 PX 100", 50, "+OK\r\n"); /* An older time is the newest one. */
    say(&g, "PTTL a", 0, ":100\r\n");
    say(&g, "INCR a", 1150, ":3\r\n");
    say(&g, "PTTL a", 1150, ":50\r\n");
    say(&g, "SET a 2 KEEPTTL", 1150, "+OK\r\n");
    say(&g, "SET a 2 XX GET", 1150, "$1\r\n2\r\n");
    say(&g, "PTTL a", 1150, ":-1\r\n");
    say(&g, "EXPIRE a -1", 1150, ":1\r\n");
    say(&g, "EXISTS a", 1150, ":0\r\n");
    assert_int_equal(machine_due_ms(&g.m), MACHINE_NEVER);
    rig_end(&g);
}

static void copy_machine(struct rig *from, struct rig *to)
{
    struct saving saving;
    struct loading loading;
    struct bytes chunk;
    machine_load(&to->m, &loading, from->at);
    assert_true(machine_save(&from->m, &saving));
    while (machine_save_chunk(&saving, 100, &from->arena, &chunk) == 1)
        assert_true(machine_load_chunk(&loading, chunk) >= 0);
    machine_save_end(&saving);
    to->at = from->at;
}

/* Some at a time, and on a replica that got its keys in another order the same. */
static void time_passes_by_empty_commands(void **state)
{
    (void)state;
    struct rig g;
    struct rig other;
    char line[64];
    const struct machine_command nothing = {0};
    rig_begin(&g, true);
    rig_begin(&other, true);
    for (int i = 0; i < 3 * MACHINE_SWEEP; i++) {
        snprintf(line, sizeof line, "SET k%d x PXAT %d", i, 1000 + i % 7);
        rig_say(&g, 1, line, 10);
    }
    copy_machine(&g, &other);
    for (int i = 1; i <= 3; i++) {
        rig_apply(&g, &nothing, 2000);
        rig_apply(&other, &nothing, 2000);
        assert_int_equal(g.m.table.keys, (3 - i) * MACHINE_SWEEP);
        assert_true(machine_digest(&g.m) == machine_digest(&other.m));
    }
    rig_end(&g);
    rig_end(&other);
}

static void cas_swaps_what_is_there(void **state)
{
    (void)state;
    struct rig g;
    rig_begin(&g, false);
    say(&g, "CAS a 1 2", 1, ":0\r\n");
    say(&g, "SET a 1 PX 9", 1, "+OK\r\n");
    say(&g, "CAS a 2 3", 1, ":0\r\n");
    assert_int_equal(g.result.n_changes, 0);
    say(&g, "CAS a 1 2", 1, ":1\r\n");
    say(&g, "GET a", 1, "$1\r\n2\r\n");
    say(&g, "PTTL a", 1, ":9\r\n");
    say(&g, "CAS a 2", 1, "-ERR wrong number of arguments for 'cas' command\r\n");
    rig_end(&g);
}

/* What was asked before another's write is applied after it. */
static void exec_is_judged_when_it_is_applied(void **state)
{
    (void)state;
    struct rig g;
    const char *const meanwhile[] = {"GET w", "SET other 1", "SET w 2", "DEL w", "PEXPIREAT w 1"};
    for (size_t i = 0; i < sizeof meanwhile / sizeof meanwhile[0]; i++) {
        struct machine_command early;
        rig_begin(&g, true);
        rig_say(&g, 1, "SET w 1", 5);
        rig_say(&g, 1, "WATCH w", 5);
        rig_say(&g, 1, "MULTI", 5);
        rig_say(&g, 1, "PING", 5);
        rig_say(&g, 1, "SET x 1", 5);
        assert_int_equal(rig_ask(&g, 1, "EXEC", 5), ASKED_WRITE);
        struct bytes packed = machine_pack(&g.asked.command, &g.arena);
        struct buf kept = {0};
        buf_append(&kept, packed);
        rig_say(&g, 2, meanwhile[i], 5);
        arena_clear(&g.arena);
        assert_int_equal(machine_unpack(buf_bytes(&kept), &g.arena, &early), 0);
        bool broken = i >= 2;
        assert_string_equal(rig_apply(&g, &early, 5),
                            broken ? "*-1\r\n" : "*2\r\n+PONG\r\n+OK\r\n");
        assert_int_equal(g.result.n_ops, 1);
        assert_int_equal(g.result.ops[0].failed, broken);
        buf_free(&kept);
        rig_end(&g);
    }
}

static void version_3_has_nulls_and_maps_of_its_own(void **state)
{
    (void)state;
    struct rig g;
    rig_begin(&g, false);
    assert_memory_equal(rig_say(&g, 1, "HELLO 3 SETNAME me", 1), "%7\r\n$6\r\nserver", 14);
    say(&g, "GET a", 1, "_\r\n");
    say(&g, "CLIENT GETNAME", 1, "$2\r\nme\r\n");
    say(&g, "WATCH a", 1, "+OK\r\n");
    assert_string_equal(rig_say(&g, 2, "GET a", 1), "$-1\r\n");
    rig_say(&g, 2, "SET a 1", 1);
    say(&g, "MULTI", 1, "+OK\r\n");
    say(&g, "EXEC", 1, "_\r\n");
    say(&g, "CONFIG GET x", 1, "%0\r\n");
    assert_int_equal(rig_say(&g, 1, "INFO", 1)[0], '=');
    say(&g, "RESET", 1, "+RESET\r\n");
    say(&g, "GET b", 1, "$-1\r\n");
    rig_end(&g);
}

static void info_gives_the_sections_asked_for(void **state)
{
    (void)state;
    struct rig g;
    rig_begin(&g, false);
    rig_say(&g, 1, "SET a 1 EX 100", 1);
    say(&g, "INFO keyspace", 1, "$44\r\n# Keyspace\r\ndb0:keys=1,expires=1,avg_ttl=0\r\n\r\n");
    say(&g, "INFO nothing", 1, "$0\r\n\r\n");
    assert_non_null(strstr(rig_say(&g, 1, "INFO", 1), "# Memory\r\nused_memory:2\r\n"));
    rig_end(&g);
}

static struct session_ticket ticket(lsn session, uint64_t sequence, uint64_t answered)
{
    return (struct session_ticket){.session = session, .sequence = sequence, .answered = answered};
}

static const char *once(struct rig *g, const char *line, struct session_ticket t)
{
    assert_int_equal(rig_ask(g, 1, line, 1), ASKED_WRITE);
    g->asked.command.ticket = t;
    return rig_apply(g, &g->asked.command, 1);
}

static lsn open_session(struct rig *g)
{
    const struct machine_command c = {.ticket = {.open = true}};
    char expected[32];
    snprintf(expected, sizeof expected, ":%d\r\n", (int)g->at + 1);
    assert_string_equal(rig_apply(g, &c, 1), expected);
    return g->at;
}

static void a_repeated_command_applies_once(void **state)
{
    (void)state;
    struct rig g;
    rig_begin(&g, true);
    lsn s = open_session(&g);
    assert_string_equal(once(&g, "INCR n", ticket(s, 1, 0)), ":1\r\n");
    assert_string_equal(once(&g, "INCR n", ticket(s, 2, 0)), ":2\r\n");
    assert_int_equal(g.result.outcome, MACHINE_DONE);
    assert_string_equal(once(&g, "INCR n", ticket(s, 1, 0)), ":1\r\n");
    assert_int_equal(g.result.outcome, MACHINE_REPEATED);
    assert_int_equal(g.result.n_changes, 0);
    assert_string_equal(once(&g, "INCR n", ticket(s, 2, 1)), ":2\r\n");
    once(&g, "INCR n", ticket(s, 1, 1));
    assert_int_equal(g.result.outcome, MACHINE_UNKNOWN);
    once(&g, "INCR n", ticket(s + 1000, 1, 0));
    assert_int_equal(g.result.outcome, MACHINE_UNKNOWN);
    say(&g, "GET n", 1, "$1\r\n2\r\n");
    assert_string_equal(once(&g, "INCR n", ticket(s, 9, 2)), ":3\r\n"); /* Holes are no matter. */
    assert_string_equal(once(&g, "INCR n", ticket(s, 5, 2)), ":4\r\n");
    assert_string_equal(once(&g, "INCR n", ticket(s, 9, 2)), ":3\r\n");
    rig_end(&g);
}

static void sessions_are_bounded_alike(void **state)
{
    (void)state;
    struct rig g;
    rig_begin(&g, true);
    lsn first = open_session(&g);
    lsn second = open_session(&g);
    once(&g, "INCR n", ticket(first, 1, 0)); /* So the second was used longest ago. */
    for (int i = 0; i < SESSIONS_MAX - 1; i++)
        open_session(&g);
    assert_int_equal(g.m.sessions.n, SESSIONS_MAX);
    once(&g, "INCR n", ticket(first, 1, 0));
    assert_int_equal(g.result.outcome, MACHINE_REPEATED);
    once(&g, "INCR n", ticket(second, 1, 0));
    assert_int_equal(g.result.outcome, MACHINE_UNKNOWN);
    /* Replies of a MiB each. */
    struct buf line = {0};
    buf_printf(&line, "SET big ");
    memset(buf_extend(&line, 1 << 20), 'x', 1 << 20);
    buf_append(&line, bytes_of("", 1));
    rig_say(&g, 1, (const char *)line.base, 1);
    for (uint64_t i = 2; i < 12; i++) {
        once(&g, "SET big x GET", ticket(first, i, 0));
        rig_say(&g, 1, (const char *)line.base, 1);
    }
    assert_true(g.m.sessions.last->bytes <= SESSION_BYTES_MAX);
    once(&g, "SET big x GET", ticket(first, 2, 0));
    assert_int_equal(g.result.outcome, MACHINE_UNKNOWN);
    buf_free(&line);
    rig_end(&g);
}

/* A random command line. */
static void draw(struct random *r, char *line, size_t size)
{
    static const char *const patterns[] = {
        "SET %s %d",      "SET %s %d PX 50", "INCR %s",       "APPEND %s %d",
        "DEL %s",         "GET %s",          "PEXPIRE %s 30", "PERSIST %s",
        "CAS %s %d 1",    "GETEX %s PX %d",  "MULTI",         "EXEC",
        "WATCH %s",       "PTTL %s",         "SETNX %s %d",   "SET %s %d NX GET EX 100",
        "MSET %s %d x 1", "GETDEL %s",       "DISCARD",
    };
    char key[16];
    snprintf(key, sizeof key, "k%d", (int)random_below(r, KEYS));
    if (random_chance(r, 0.003)) {
        snprintf(line, size, "FLUSHALL");
        return;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(line, size, patterns[random_below(r, sizeof patterns / sizeof patterns[0])], key,
             (int)random_below(r, 3));
#pragma GCC diagnostic pop
}

/* A leader that takes requests, and a log of what it ordered. */
struct entry_of_log {
    struct buf bytes;
    int64_t now_ms;
};

struct story {
    struct rig leader;
    struct random random;
    int64_t now_ms;
    lsn session;
    uint64_t sequence;
    struct entry_of_log log[4096];
    size_t n;
};

static void append(struct story *s, const struct machine_command *c)
{
    struct bytes b = machine_pack(c, &s->leader.arena);
    assert_non_null(b.base);
    buf_append(&s->log[s->n].bytes, b);
    s->log[s->n++].now_ms = s->now_ms;
}

/* One request more; true when the log grew. */
static bool go_on(struct story *s)
{
    char line[128];
    struct rig *g = &s->leader;
    /* Clocks jump: those of leaders differ. */
    s->now_ms += (int64_t)random_below(&s->random, 40) - 10;
    draw(&s->random, line, sizeof line);
    if (rig_ask(g, 1 + random_below(&s->random, 3), line, s->now_ms) != ASKED_WRITE)
        return false;
    if (random_chance(&s->random, 0.5)) {
        bool again = random_chance(&s->random, 0.2) && s->sequence > 0;
        s->sequence += !again;
        g->asked.command.ticket = ticket(s->session, s->sequence, s->sequence / 8 * 4);
    }
    append(s, &g->asked.command);
    rig_apply(g, &g->asked.command, s->now_ms);
    return true;
}

static struct story *story_begin(uint64_t seed)
{
    struct story *s = calloc(1, sizeof *s);
    assert_non_null(s);
    rig_begin(&s->leader, false);
    random_seed(&s->random, seed);
    s->now_ms = 1000000;
    const struct machine_command c = {.ticket = {.open = true}};
    append(s, &c);
    rig_apply(&s->leader, &c, s->now_ms);
    s->session = s->leader.at;
    return s;
}

static void story_end(struct story *s)
{
    rig_end(&s->leader);
    for (size_t i = 0; i < s->n; i++)
        buf_free(&s->log[i].bytes);
    free(s);
}

static const char *follow(struct rig *g, const struct entry_of_log *e)
{
    struct machine_command c;
    arena_clear(&g->arena);
    assert_int_equal(machine_unpack(buf_bytes(&e->bytes), &g->arena, &c), 0);
    return rig_apply(g, &c, e->now_ms);
}

static void replicas_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct story *s = story_begin(seed);
        struct rig replica;
        rig_begin(&replica, true);
        follow(&replica, &s->log[0]);
        for (int i = 0; i < 2000; i++) {
            if (!go_on(s))
                continue;
            const char *reply = follow(&replica, &s->log[s->n - 1]);
            assert_string_equal(reply, (const char *)s->leader.reply.base);
            assert_true(machine_digest(&replica.m) == machine_digest(&s->leader.m));
        }
        assert_true(s->n > 500);
        rig_end(&replica);
        story_end(s);
    }
}

/* Whether the digest sees each thing that a replica could have otherwise. */
static void digests_tell_states_apart(void **state)
{
    (void)state;
    const char *const other[] = {"SET a 2", "SET a 1 PX 90", "SET b 1", "DEL a", "APPEND a x"};
    struct rig g;
    uint64_t seen[8];
    size_t n = 0;
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        rig_begin(&g, true);
        rig_say(&g, 1, "SET a 1", 1);
        if (i == 0)
            seen[n++] = machine_digest(&g.m);
        rig_say(&g, 1, other[i], 1);
        seen[n++] = machine_digest(&g.m);
        rig_end(&g);
    }
    rig_begin(&g, true);
    rig_say(&g, 1, "SET a 1", 2); /* At another time. */
    seen[n++] = machine_digest(&g.m);
    open_session(&g);
    seen[n++] = machine_digest(&g.m);
    rig_end(&g);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(seen[i] != seen[j]);
}

/* A follower from the snapshot and the log behind it; the state is as it was when saving began,
 * whatever happens meanwhile. */
static void a_snapshot_is_of_one_instant(void **state)
{
    (void)state;
    int chunks = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct story *s = story_begin(seed);
        struct rig follower;
        struct saving saving;
        struct loading loading;
        rig_begin(&follower, true);
        for (int i = 0; i < 300; i++)
            go_on(s);
        uint64_t then = machine_digest(&s->leader.m);
        size_t from = s->n;
        lsn at = s->leader.at;
        assert_true(machine_save(&s->leader.m, &saving));
        machine_load(&follower.m, &loading, at);
        struct bytes chunk;
        int more;
        int done = 0;
        while ((more = machine_save_chunk(&saving, 1 + seed * 8, &s->leader.arena, &chunk)) == 1) {
            assert_int_equal(done, 0);
            done = machine_load_chunk(&loading, chunk);
            assert_true(done >= 0);
            chunks++;
            for (uint64_t i = random_below(&s->random, 6); i > 0; i--)
                go_on(s);
        }
        assert_int_equal(more, 0);
        assert_int_equal(done, 1);
        machine_save_end(&saving);
        machine_check(&follower.m);
        assert_true(machine_digest(&follower.m) == then);
        follower.at = at;
        for (size_t i = from; i < s->n; i++)
            follow(&follower, &s->log[i]);
        assert_true(machine_digest(&follower.m) == machine_digest(&s->leader.m));
        rig_end(&follower);
        story_end(s);
    }
    assert_true(chunks > 150);
}

/* All chunks of a story in one buffer, which is one Chunk as well. */
static void whole_snapshot(struct story *s, struct buf *to)
{
    struct saving saving;
    struct bytes chunk;
    assert_true(machine_save(&s->leader.m, &saving));
    while (machine_save_chunk(&saving, 100, &s->leader.arena, &chunk) == 1)
        buf_append(to, chunk);
    machine_save_end(&saving);
}

static void a_damaged_snapshot_is_refused(void **state)
{
    (void)state;
    struct story *s = story_begin(7);
    struct rig g;
    struct buf whole = {0};
    for (int i = 0; i < 200; i++)
        go_on(s);
    whole_snapshot(s, &whole);
    rig_begin(&g, true);
    struct loading l;
    machine_load(&g.m, &l, s->leader.at);
    assert_int_equal(machine_load_chunk(&l, buf_bytes(&whole)), 1);
    assert_true(machine_digest(&g.m) == machine_digest(&s->leader.m));
    for (size_t n = 0; n < whole.len; n++) {
        machine_load(&g.m, &l, s->leader.at);
        assert_true(machine_load_chunk(&l, bytes_of(whole.base, n)) <= 0);
    }
    for (size_t i = 0; i < whole.len * 8; i++) {
        whole.base[i / 8] ^= (uint8_t)(1 << i % 8);
        machine_load(&g.m, &l, s->leader.at);
        (void)machine_load_chunk(&l, buf_bytes(&whole));
        machine_check(&g.m);
        whole.base[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    rig_end(&g);
    buf_free(&whole);
    story_end(s);
}

static void a_damaged_command_is_refused(void **state)
{
    (void)state;
    struct rig g;
    struct machine_command c;
    rig_begin(&g, true);
    const char *const lines[] = {"SET w 1", "WATCH w v", "MULTI", "SET x 1", "PING", "GET x"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        rig_say(&g, 1, lines[i], 5);
    rig_ask(&g, 1, "EXEC", 5);
    struct bytes packed = machine_pack(&g.asked.command, &g.arena);
    struct buf kept = {0};
    buf_append(&kept, packed);
    for (size_t i = 0; i < kept.len * 8; i++) {
        kept.base[i / 8] ^= (uint8_t)(1 << i % 8);
        arena_clear(&g.arena);
        if (machine_unpack(buf_bytes(&kept), &g.arena, &c) == 0)
            rig_apply(&g, &c, 6);
        kept.base[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    const char *const wrong[] = {"*1\r\n$4\r\nPING\r\n", "*1\r\n$3\r\nGET\r\n", "*0\r\n", "x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct machine_call call = {.frame = bytes_str(wrong[i])};
        c = (struct machine_command){.calls = &call, .n_calls = 1};
        packed = machine_pack(&c, &g.arena);
        assert_int_equal(machine_unpack(packed, &g.arena, &c), ERROR_MALFORMED);
    }
    buf_free(&kept);
    rig_end(&g);
}

static void bytes_are_those_of_the_schema(void **state)
{
    (void)state;
    struct rig g;
    rig_begin(&g, true);
    rig_say(&g, 1, "HELLO 3", 5);
    rig_say(&g, 1, "SET w 1 PX 7", 5);
    rig_say(&g, 1, "WATCH w", 5);
    rig_say(&g, 1, "MULTI", 5);
    rig_say(&g, 1, "PING", 5);
    rig_say(&g, 1, "GET w", 5);
    rig_ask(&g, 1, "EXEC", 5);
    g.asked.command.ticket = ticket(3, 5, 4);
    struct bytes b = machine_pack(&g.asked.command, &g.arena);
    Machine__Command *m = machine__command__unpack(NULL, b.len, b.base);
    assert_non_null(m);
    assert_true(m->exec && m->resp3 && m->n_calls == 2 && m->n_watches == 1);
    assert_true(m->ticket->session == 3 && m->ticket->sequence == 5 && m->ticket->answered == 4);
    assert_memory_equal(m->calls[0]->reply.data, "+PONG\r\n", 7);
    assert_memory_equal(m->calls[1]->frame.data, "*2\r\n$3\r\nGET\r\n", 13);
    assert_true(m->watches[0]->at == 1 && m->watches[0]->key.data[0] == 'w');
    machine__command__free_unpacked(m, NULL);
    lsn session = open_session(&g);
    once(&g, "INCR n", ticket(session, 1, 0));
    struct story s = {.leader = g};
    struct buf whole = {0};
    whole_snapshot(&s, &whole);
    Machine__Chunk *chunk = machine__chunk__unpack(NULL, whole.len, whole.base);
    assert_non_null(chunk);
    assert_true(chunk->head->now_ms == 5 && chunk->head->pages == RIG_PAGES);
    assert_true(chunk->n_entries == 2 && chunk->end->keys == 2 && chunk->n_sessions == 1);
    assert_true(chunk->n_replies == 1 && chunk->replies[0]->session == session);
    machine__chunk__free_unpacked(chunk, NULL);
    buf_free(&whole);
    rig_end(&s.leader);
}

/* What is told when a command is asked for is what is told when it is done. */
static void invocations_are_known_before(void **state)
{
    (void)state;
    struct rig g;
    const char *const lines[] = {"SET a 1 GET PX 10", "INCRBY a 7", "MSET a 1 b 2",
                                 "CAS a 1 2",         "DEL a b",    "GETEX a EX 5",
                                 "FLUSHALL",          "GETSET a 1", "DECR a",
                                 "APPEND a x",        "PERSIST a",  "GETDEL a"};
    rig_begin(&g, true);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        static struct machine_result before;
        assert_int_equal(rig_ask(&g, 1, lines[i], 5), ASKED_WRITE);
        machine_invoke(&g.asked.command, &g.arena, &before);
        rig_apply(&g, &g.asked.command, 5);
        assert_true(before.n_ops > 0 && before.n_ops == g.result.n_ops);
        for (uint32_t j = 0; j < before.n_ops; j++) {
            const struct history_op *x = &before.ops[j];
            const struct history_op *y = &g.result.ops[j];
            assert_string_equal(x->f, y->f);
            assert_true(bytes_equal(x->key, y->key) && x->by == y->by);
            assert_true(y->reads || bytes_equal(x->value, y->value));
            assert_true(bytes_equal(x->expected, y->expected));
        }
    }
    rig_end(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_expire_by_the_time_of_commands),
        cmocka_unit_test(time_passes_by_empty_commands),
        cmocka_unit_test(cas_swaps_what_is_there),
        cmocka_unit_test(exec_is_judged_when_it_is_applied),
        cmocka_unit_test(version_3_has_nulls_and_maps_of_its_own),
        cmocka_unit_test(info_gives_the_sections_asked_for),
        cmocka_unit_test(a_repeated_command_applies_once),
        cmocka_unit_test(sessions_are_bounded_alike),
        cmocka_unit_test(replicas_agree),
        cmocka_unit_test(digests_tell_states_apart),
        cmocka_unit_test(a_snapshot_is_of_one_instant),
        cmocka_unit_test(a_damaged_snapshot_is_refused),
        cmocka_unit_test(a_damaged_command_is_refused),
        cmocka_unit_test(bytes_are_those_of_the_schema),
        cmocka_unit_test(invocations_are_known_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
