/* Raft's invariants over tales of three nodes: what keeps them, and each way to break one. */
#include "check_tale.h"
#include "raft.pb-c.h"

enum { VOTE_LOG, ENTRY_LOG };
enum { ELECTED, STEPPED_DOWN, BALLOT, MEMBERSHIP, COMMITTED, APPLIED, COMPACTED, RAFT_TYPES };

static void born_at(struct tale *t, uint32_t node, Orrery__Level level)
{
    static char *types[RAFT_TYPES] = {
        (char *)"raft.Elected",    (char *)"raft.SteppedDown", (char *)"raft.Ballot",
        (char *)"raft.Membership", (char *)"raft.Committed",   (char *)"raft.Applied",
        (char *)"raft.Compacted",
    };
    uint32_t members[] = {1, 2, 3};
    char *logs[] = {(char *)"vote", (char *)"log"};
    Orrery__Instance instance = ORRERY__INSTANCE__INIT;
    instance.number = 1;
    instance.protocol = (char *)"raft";
    instance.logs = logs;
    instance.n_logs = 2;
    Orrery__Instance *instances[] = {&instance};
    Orrery__Start start = ORRERY__START__INIT;
    start.types = types;
    start.n_types = RAFT_TYPES;
    start.instances = instances;
    start.n_instances = 1;
    start.members = members;
    start.n_members = 3;
    start.level = level;
    begin_life(t, node, &start);
}

static void born(struct tale *t, uint32_t node)
{
    born_at(t, node, ORRERY__LEVEL__LEVEL_FULL);
}

static struct tale three(void)
{
    struct tale t = begin();
    for (uint32_t node = 1; node <= 3; node++)
        born(&t, node);
    return t;
}

static ProtobufCBinaryData entry(uint64_t term, const char *what, uint8_t room[64])
{
    Raft__Entry m = RAFT__ENTRY__INIT;
    m.term = term;
    m.command = binary(what);
    return (ProtobufCBinaryData){raft__entry__pack(&m, room), room};
}

static void append(struct tale *t, uint32_t node, uint64_t index, uint64_t term, const char *what)
{
    uint8_t room[64];
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Append m = ORRERY__APPEND__INIT;
    m.log = ENTRY_LOG;
    m.lsn = index;
    m.body = entry(term, what, room);
    e.instance = 1;
    e.body_case = ORRERY__EVENT__BODY_APPEND;
    e.append = &m;
    tell(t, node, &e);
}

static void durable(struct tale *t, uint32_t node, uint64_t index)
{
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Durable m = ORRERY__DURABLE__INIT;
    m.log = ENTRY_LOG;
    m.lsn = index;
    e.instance = 1;
    e.body_case = ORRERY__EVENT__BODY_DURABLE;
    e.durable = &m;
    tell(t, node, &e);
}

static void stored(struct tale *t, uint32_t node, uint64_t index, uint64_t term, const char *what)
{
    append(t, node, index, term, what);
    durable(t, node, index);
}

static void cut(struct tale *t, uint32_t node, uint64_t from)
{
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Truncate m = ORRERY__TRUNCATE__INIT;
    m.log = ENTRY_LOG;
    m.lsn = from;
    m.suffix = true;
    e.instance = 1;
    e.body_case = ORRERY__EVENT__BODY_TRUNCATE;
    e.truncate = &m;
    tell(t, node, &e);
}

/* One record read back, or (index 0) the end of that, which the node tells as a whole. */
static void recovered(struct tale *t, uint32_t node, uint64_t index, uint64_t term,
                      const char *what)
{
    uint8_t room[64];
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Recovered m = ORRERY__RECOVERED__INIT;
    m.log = ENTRY_LOG;
    m.lsn = index;
    m.last = index == 0;
    if (index > 0)
        m.body = entry(term, what, room);
    e.instance = index > 0;
    e.body_case = ORRERY__EVENT__BODY_RECOVERED;
    e.recovered = &m;
    tell(t, node, &e);
}

static void elected(struct tale *t, uint32_t node, uint64_t term)
{
    Raft__Elected m = RAFT__ELECTED__INIT;
    m.term = term;
    trace(t, node, ELECTED, &m.base);
}

static void stepped_down(struct tale *t, uint32_t node)
{
    Raft__SteppedDown m = RAFT__STEPPED_DOWN__INIT;
    trace(t, node, STEPPED_DOWN, &m.base);
}

static void ballot(struct tale *t, uint32_t node, uint64_t term, uint32_t candidate)
{
    Raft__Ballot m = RAFT__BALLOT__INIT;
    m.term = term;
    m.candidate = candidate;
    m.granted = true;
    trace(t, node, BALLOT, &m.base);
}

static void committed(struct tale *t, uint32_t node, uint64_t index, bool counted)
{
    Raft__Committed m = RAFT__COMMITTED__INIT;
    m.index = index;
    m.counted = counted;
    trace(t, node, COMMITTED, &m.base);
}

static void applied(struct tale *t, uint32_t node, uint64_t index)
{
    Raft__Applied m = RAFT__APPLIED__INIT;
    m.index = index;
    trace(t, node, APPLIED, &m.base);
}

static void compacted(struct tale *t, uint32_t node, uint64_t index, uint64_t digest, uint32_t from)
{
    Raft__Compacted m = RAFT__COMPACTED__INIT;
    m.index = index;
    m.digest = digest;
    m.from = from;
    trace(t, node, COMPACTED, &m.base);
}

/* n1 leads term 1, and entry 1 is on n1 and n2, and committed. */
static struct tale one_committed(void)
{
    struct tale t = three();
    elected(&t, 1, 1);
    stored(&t, 1, 1, 1, "a");
    stored(&t, 2, 1, 1, "a");
    committed(&t, 1, 1, true);
    applied(&t, 1, 1);
    return t;
}

static const char *const invariants[] = {
    "election-safety",     "leader-append-only",   "log-matching",
    "leader-completeness", "state-machine-safety", "one-vote",
    "commit-majority",     "commit-own-term",      "durable-log",
};
enum { INVARIANTS = sizeof invariants / sizeof invariants[0] };

/* A leader falls, the next one has its entries, a third node's others are replaced, one is sent the
 * snapshot, one starts again. */
static void succeed(struct tale *t)
{
    append(t, 1, 2, 1, "lost");
    ballot(t, 3, 2, 2);
    ballot(t, 2, 2, 2);
    elected(t, 2, 2);
    stored(t, 2, 2, 2, "b");
    stepped_down(t, 1);
    cut(t, 1, 2);
    stored(t, 1, 2, 2, "b");
    committed(t, 2, 2, true);
    applied(t, 2, 2);
    committed(t, 1, 2, false);
    applied(t, 1, 2);
    compacted(t, 2, 2, 77, 0);
    compacted(t, 3, 2, 77, 2);
    stored(t, 3, 3, 2, "c");
    stored(t, 2, 3, 2, "c");
    leave(t, 1, 9, 0, 1);
    born(t, 1);
    recovered(t, 1, 1, 1, "a");
    recovered(t, 1, 2, 2, "b");
    recovered(t, 1, 0, 0, NULL);
    stored(t, 1, 3, 2, "c");
}

static void all_is_well(void **state)
{
    (void)state;
    for (size_t i = 0; i < INVARIANTS; i++) {
        struct tale t = one_committed();
        succeed(&t);
        assert_int_equal(end(&t, invariants[i], VERDICT_PROVEN), VERDICT_PROVEN);
    }
}

/* Whichever event is missing: that all was well is not proven then, and it is not refuted. */
static void what_is_missing_proves_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < INVARIANTS; i++)
        for (uint64_t lose = 1, left = 0; left == 0; lose++) {
            struct tale t = one_committed();
            t.lose = lose;
            succeed(&t);
            left = t.lose;
            end(&t, invariants[i], left ? VERDICT_PROVEN : VERDICT_UNKNOWN);
        }
}

static void two_leaders(void **state)
{
    (void)state;
    struct tale t = one_committed();
    elected(&t, 3, 1);
    end(&t, "election-safety", VERDICT_REFUTED);
}

static void leader_cuts_its_log(void **state)
{
    (void)state;
    struct tale t = one_committed();
    append(&t, 1, 2, 1, "b");
    cut(&t, 1, 2);
    end(&t, "leader-append-only", VERDICT_REFUTED);
}

/* The same entry behind others. */
static void logs_that_differ_before(void **state)
{
    (void)state;
    struct tale t = three();
    append(&t, 1, 1, 1, "a");
    append(&t, 1, 2, 2, "same");
    append(&t, 2, 1, 1, "other");
    append(&t, 2, 2, 2, "same");
    end(&t, "log-matching", VERDICT_REFUTED);
    t = three();
    append(&t, 1, 1, 1, "a");
    append(&t, 1, 2, 3, "b");
    append(&t, 2, 1, 1, "a");
    append(&t, 2, 2, 2, "c"); /* Another term: as yet nothing says that they are alike. */
    end(&t, "log-matching", VERDICT_PROVEN);
}

static void leader_lacks_what_was_committed(void **state)
{
    (void)state;
    struct tale t = one_committed();
    elected(&t, 3, 2);
    end(&t, "leader-completeness", VERDICT_REFUTED);
    /* It was elected before the older leader heard that a majority has the entry. */
    t = three();
    elected(&t, 1, 1);
    stored(&t, 1, 1, 1, "a");
    stored(&t, 2, 1, 1, "a");
    elected(&t, 3, 2);
    committed(&t, 1, 1, true);
    end(&t, "leader-completeness", VERDICT_REFUTED);
}

static void another_is_applied(void **state)
{
    (void)state;
    struct tale t = one_committed();
    stored(&t, 3, 1, 2, "z");
    committed(&t, 3, 1, false);
    end(&t, "state-machine-safety", VERDICT_REFUTED);
    t = one_committed();
    stored(&t, 3, 1, 2, "z");
    applied(&t, 3, 1);
    end(&t, "state-machine-safety", VERDICT_REFUTED);
}

static void machines_differ(void **state)
{
    (void)state;
    struct tale t = one_committed();
    compacted(&t, 1, 1, 5, 0);
    compacted(&t, 3, 1, 6, 1);
    end(&t, "state-machine-safety", VERDICT_REFUTED);
}

static void voted_twice(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) {
        struct tale t = three();
        ballot(&t, 3, 4, 1);
        leave(&t, 3, 9, 0, 1);
        born(&t, 3);
        recovered(&t, 3, 0, 0, NULL);
        ballot(&t, 3, 4, again ? 1 : 2);
        end(&t, "one-vote", again ? VERDICT_PROVEN : VERDICT_REFUTED);
    }
    struct tale t = three();
    ballot(&t, 3, 4, 1);
    ballot(&t, 3, 3, 1);
    end(&t, "one-vote", VERDICT_REFUTED);
}

static void counted_too_early(void **state)
{
    (void)state;
    struct tale t = three();
    elected(&t, 1, 1);
    stored(&t, 1, 1, 1, "a");
    append(&t, 2, 1, 1, "a"); /* It has it, and not on disk. */
    committed(&t, 1, 1, true);
    end(&t, "commit-majority", VERDICT_REFUTED);
}

/* The paper's figure 8, (c): a majority has it, and it is of an older term. */
static void counted_in_another_term(void **state)
{
    (void)state;
    struct tale t = one_committed();
    stored(&t, 2, 2, 1, "b");
    elected(&t, 2, 2);
    stored(&t, 3, 1, 1, "a");
    stored(&t, 3, 2, 1, "b");
    committed(&t, 2, 2, true);
    end(&t, "commit-own-term", VERDICT_REFUTED);
}

/* In joint consensus each side needs a majority of its own. */
static void counted_by_one_side(void **state)
{
    (void)state;
    for (int both = 0; both < 2; both++) {
        struct tale t = three();
        uint32_t voters[] = {1, 2};
        uint32_t outgoing[] = {3};
        Raft__Members members = RAFT__MEMBERS__INIT;
        Raft__Membership m = RAFT__MEMBERSHIP__INIT;
        members.voters = voters;
        members.n_voters = 2;
        members.outgoing = outgoing;
        members.n_outgoing = 1;
        m.members = &members;
        elected(&t, 1, 1);
        trace(&t, 1, MEMBERSHIP, &m.base);
        stored(&t, 1, 1, 1, "a");
        stored(&t, 2, 1, 1, "a");
        if (both)
            stored(&t, 3, 1, 1, "a");
        committed(&t, 1, 1, true);
        end(&t, "commit-majority", both ? VERDICT_PROVEN : VERDICT_REFUTED);
    }
}

static void disk_forgets(void **state)
{
    (void)state;
    struct tale t = one_committed();
    leave(&t, 2, 9, 0, 1);
    born(&t, 2);
    recovered(&t, 2, 0, 0, NULL);
    end(&t, "durable-log", VERDICT_REFUTED);
}

static void holes_leave_it_open(void **state)
{
    (void)state;
    struct tale t = one_committed();
    hole(&t, 2);
    end(&t, "log-matching", VERDICT_UNKNOWN);
    t = three();
    elected(&t, 1, 1);
    stored(&t, 1, 1, 1, "a");
    hole(&t, 2); /* What n2 had on disk is not known. */
    committed(&t, 1, 1, true);
    end(&t, "commit-majority", VERDICT_UNKNOWN);
    t = one_committed();
    hole(&t, 2);
    elected(&t, 3, 1); /* This is wrong whatever is missing. */
    end(&t, "election-safety", VERDICT_REFUTED);
}

/* Who tells only a summary tells of no entries. */
static void without_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < INVARIANTS; i++) {
        struct tale t = begin();
        for (uint32_t node = 1; node <= 3; node++)
            born_at(&t, node, ORRERY__LEVEL__LEVEL_SUMMARY);
        elected(&t, 1, 1);
        ballot(&t, 2, 1, 1);
        bool told =
            strcmp(invariants[i], "election-safety") == 0 || strcmp(invariants[i], "one-vote") == 0;
        end(&t, invariants[i], told ? VERDICT_PROVEN : VERDICT_UNKNOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_well),
        cmocka_unit_test(what_is_missing_proves_nothing),
        cmocka_unit_test(two_leaders),
        cmocka_unit_test(leader_cuts_its_log),
        cmocka_unit_test(logs_that_differ_before),
        cmocka_unit_test(leader_lacks_what_was_committed),
        cmocka_unit_test(another_is_applied),
        cmocka_unit_test(machines_differ),
        cmocka_unit_test(voted_twice),
        cmocka_unit_test(counted_too_early),
        cmocka_unit_test(counted_in_another_term),
        cmocka_unit_test(counted_by_one_side),
        cmocka_unit_test(disk_forgets),
        cmocka_unit_test(holes_leave_it_open),
        cmocka_unit_test(without_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
