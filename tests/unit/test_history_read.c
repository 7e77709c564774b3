/* Histories as files: the formats, what is wrong with some, the tree's own with their verdicts, and
 * those of the folder that ORRERY_HISTORIES names. REWRITE=1 makes the tree's own anew. */
#include "unit/unit.h"

#include "base/bytes.h"
#include "check/consistency.h"
#include "check/history_read.h"
#include "toy/histories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { VERDICT_LINE_MAX = 256 };

static bool reads(const char *text, enum history_model *model, struct history *h, char why[300])
{
    history_init(h, false);
    why[0] = 0;
    return history_read(h, bytes_str(text), model, why, 300);
}

static void refused(const char *text, const char *because)
{
    char why[300];
    struct history h;
    enum history_model model = MODEL_UNKNOWN;
    if (reads(text, &model, &h, why) || strcmp(why, because) != 0)
        fail_msg("'%s' was read with '%s', not '%s'", text, why, because);
    history_free(&h);
}

static void what_is_malformed_is_named_with_its_line(void **state)
{
    (void)state;
    refused("", "line 1: there is no operation in it");
    refused("\n\n; nothing\n", "line 1: there is no operation in it");
    refused("hello", "line 1: a map like {:process 0, :type :invoke, :f :read, :value nil} is "
                     "expected");
    refused("{:process 0 :type :invoke :f :read :value nil}\n\n{:process 0 :type",
            "line 3: a bracket is not closed");
    refused("{:process 0 :type :invoke :f :read :value}",
            "line 1: a map has a key without a value");
    refused("{:process 0 :type :invoke :f :read :value \"abc", "line 1: a string does not end");
    refused("{:process 0 :type :invoke :f :write :value \"\\q\"}",
            "line 1: a string has an escape that is none");
    refused("[{:process 0 :type :invoke :f :write :value 1}", "line 1: the vector is not closed");
    refused("}", "line 1: a bracket closes what was not opened");
    refused("{:process 0 :type :invoke :value 1}", "line 1: it needs :process, :type and :f");
    refused("{:process 0 :type :maybe :f :read :value 1}",
            "line 1: a :type is :invoke, :ok, :fail or :info, not 'maybe'");
    refused("\n{:process 0 :type :ok :f :read :value 1}",
            "line 2: an answer to nothing that this process asked");
    refused("{:process 0 :type :invoke :f :read :value nil}\n"
            "{:process 0 :type :invoke :f :read :value nil}",
            "line 2: a process asks while line 1 of it is not answered");
    refused("{:process 0 :type :invoke :f :read :value nil}\n"
            "{:process 0 :type :ok :f :write :value 1}",
            "line 2: the answer is of another kind than the question");
    refused("{:process 0 :type :invoke :f :get :value nil}", "line 1: :get needs a :key");
    refused("{:process 0 :type :invoke :f :cas :value 3}", "line 1: :cas needs [old new]");
    refused("{:process 0 :type :invoke :f :write :value {}}",
            "line 1: a value is a number, a string or nil here");
    refused("{:process 0 :type :invoke :f :write :value [1 2 3]}",
            "line 1: a vector of two is expected: [key value]");
    refused("{:process 0 :type :invoke :f :incr :key 1 :value \"x\"}",
            "line 1: a whole number is missing");
    refused("{:process 0 :type :invoke :f :txn :value [[:read 1 nil]]}",
            "line 1: a txn has no 'read': expected [:get \"k\" nil], [:set \"k\" \"v\"] and such");
    refused("{:process 0 :type :invoke :f :enqueue :value 1}\n"
            "{:process 1 :type :invoke :f :read :value nil}",
            "line 2: one history is of a queue or of something else, not of both");
    refused("{:process 0 :type :invoke :f :drain :value nil}",
            "line 1: ':drain' is not known here: read, write, cas, get, put, set, append, del, "
            "incr, exists, length, enqueue, dequeue and txn are");
    refused("INFO  jepsen.util - 0\t:invoke\t:read\tnil\nWARN x",
            "line 2: expected 'INFO  jepsen.util - 0 :invoke :read nil', with tabs");
    refused("INFO  jepsen.util - 0\t:invoke\t:read\n\n", "line 3: a value is missing");
}

static void brackets_are_not_followed_forever(void **state)
{
    char text[2000];
    (void)state;
    memset(text, '[', sizeof text);
    memcpy(text, "{:a ", 4);
    text[sizeof text - 1] = 0;
    refused(text, "line 1: brackets are nested too deeply");
}

static enum verdict judged(struct history *h, enum consistency c)
{
    struct judgement j;
    const struct patience patience = {NULL, NULL};
    consistency_judge(h, c, &patience, &j);
    enum verdict v = j.verdict;
    assert_int_equal(v == VERDICT_REFUTED, j.example.n > 0);
    judgement_free(&j);
    return v;
}

static void expect(const char *text, enum consistency c, enum verdict expected)
{
    char why[300];
    struct history h;
    enum history_model model = MODEL_UNKNOWN;
    if (!reads(text, &model, &h, why))
        fail_msg("%s\n%s", why, text);
    enum verdict v = judged(&h, c);
    if (v != expected)
        fail_msg("%s: %s, not %s\n%s", consistency_name(c), verdict_name(v), verdict_name(expected),
                 text);
    history_free(&h);
}

#define ASK(p, f, v) "{:process " p " :type :invoke :f " f " :value " v "}\n"
#define OK(p, f, v)  "{:process " p " :type :ok :f " f " :value " v "}\n"
#define DID(p, f, v) ASK(p, f, v) OK(p, f, v)
#define READ(p, v)   ASK(p, ":read", "nil") OK(p, ":read", v)

static void shapes_of_values_are_understood(void **state)
{
    static const enum consistency l = CONSISTENCY_LINEARIZABLE;
    (void)state;
    expect("[" DID("0", ":write", "1") READ("0", "1") "]", l, VERDICT_PROVEN);
    expect(DID("0", ":write", "[a 1]") READ("1", "[a 1]") READ("1", "[b nil]"), l, VERDICT_PROVEN);
    expect(DID("0", ":write", "[1 1]") READ("1", "[2 1]"), l, VERDICT_REFUTED);
    expect(DID("0", ":write", "1") DID("0", ":cas", "[1 2]") READ("0", "2"), l, VERDICT_PROVEN);
    expect(DID("0", ":write", "1") DID("0", ":cas", "[2 3]"), l, VERDICT_REFUTED);
    expect(DID("0", ":write", "[7 1]") DID("0", ":cas", "[7 [1 2]]") READ("0", "[7 2]"), l,
           VERDICT_PROVEN);
    expect("#jepsen.history.Op" DID(":nemesis", ":kill", "nil") DID("0", ":write", "-1"), l,
           VERDICT_PROVEN);
    expect(ASK("0", ":write", "1") "{:process 0 :type :fail :f :write :value 1}" READ("0", "1"), l,
           VERDICT_REFUTED);
    expect(ASK("0", ":write", "1") "{:process 0 :type :info :f :write :value 1}" READ("1", "1"), l,
           VERDICT_PROVEN);
    expect(DID("0", ":enqueue", "1") DID("0", ":enqueue", "2") ASK("1", ":dequeue", "nil")
               OK("1", ":dequeue", "2"),
           l, VERDICT_REFUTED);
    /* A string that nobody wrote: nothing. */
    expect("{:process 0 :type :invoke :f :get :key 1 :value nil}"
           "{:process 0 :type :ok :f :get :key 1 :value \"\"}",
           l, VERDICT_PROVEN);
}

static void what_is_weaker_is_judged_too(void **state)
{
    (void)state;
    const char *stale = DID("0", ":write", "1") DID("0", ":write", "2") READ("1", "1");
    expect(stale, CONSISTENCY_LINEARIZABLE, VERDICT_REFUTED);
    expect(stale, CONSISTENCY_SEQUENTIAL, VERDICT_PROVEN);
    const char *back =
        DID("0", ":write", "1") DID("0", ":write", "2") READ("1", "2") READ("1", "1");
    expect(back, CONSISTENCY_SEQUENTIAL, VERDICT_REFUTED);
    expect(back, CONSISTENCY_MONOTONIC_READS, VERDICT_REFUTED);
    expect(back, CONSISTENCY_READ_YOUR_WRITES, VERDICT_NOTHING);
    const char *own = DID("0", ":write", "1") DID("0", ":write", "2") READ("0", "1");
    expect(own, CONSISTENCY_READ_YOUR_WRITES, VERDICT_REFUTED);
    expect(own, CONSISTENCY_MONOTONIC_READS, VERDICT_NOTHING);
    const char *lost = DID("0", ":write", "1") READ("0", "nil");
    expect(lost, CONSISTENCY_READ_YOUR_WRITES, VERDICT_REFUTED);
    /* 0 made 5 into 1 and then wrote 2, but 5 was made of 2. */
    const char *order =
        DID("0", ":cas", "[5 1]") DID("0", ":cas", "[0 2]") DID("1", ":cas", "[2 5]");
    expect(order, CONSISTENCY_MONOTONIC_WRITES, VERDICT_REFUTED);
    const char *kept =
        DID("0", ":cas", "[0 1]") DID("0", ":cas", "[1 2]") DID("1", ":cas", "[2 3]");
    expect(kept, CONSISTENCY_MONOTONIC_WRITES, VERDICT_PROVEN);
    /* 1 read 3 and wrote 4, but 3 was made of 4. */
    const char *follows =
        DID("0", ":write", "2") READ("1", "3") DID("1", ":write", "4") DID("2", ":cas", "[4 3]");
    expect(follows, CONSISTENCY_WRITES_FOLLOW_READS, VERDICT_REFUTED);
}

/* Two keys, each sequential by itself, and not together (Attiya and Welch). */
static void sequential_is_not_local(void **state)
{
    (void)state;
    const char *both = DID("0", ":write", "[x 1]") DID("1", ":write", "[y 1]") READ("0", "[y nil]")
        READ("1", "[x nil]");
    expect(both, CONSISTENCY_SEQUENTIAL, VERDICT_REFUTED);
    const char *one = DID("0", ":write", "[x 1]") READ("1", "[x nil]");
    expect(one, CONSISTENCY_SEQUENTIAL, VERDICT_PROVEN);
}

static void models_are_found_and_held(void **state)
{
    char why[300];
    struct history h;
    (void)state;
    enum history_model model = MODEL_UNKNOWN;
    assert_true(reads(READ("0", "nil"), &model, &h, why));
    assert_int_equal(model, MODEL_REGISTER);
    history_free(&h);
    model = MODEL_REGISTER;
    assert_false(reads(DID("0", ":cas", "[1 2]"), &model, &h, why));
    assert_string_equal(
        why, "line 2: a register has not all of these operations: it is a history of a cas");
    history_free(&h);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct toy_history t = {.seed = seed,
                                .kind = (enum toy_kind)(seed % TOY_KINDS),
                                .mutant = (enum toy_mutant)(seed % TOY_MUTANTS),
                                .operations = 120,
                                .clients = 3,
                                .unknown = 0.02,
                                .several = 0.2};
        t.keys = t.kind == TOY_KV ? 5 : 0;
        struct buf text = {0}, once = {0}, twice = {0};
        struct history h, again;
        char why[300];
        enum history_model model = MODEL_UNKNOWN, same = MODEL_UNKNOWN;
        (void)toy_history(&t, &text);
        history_init(&h, false);
        history_init(&again, false);
        assert_true(history_read(&h, buf_bytes(&text), &model, why, sizeof why));
        (void)history_write(&h, &once);
        if (!history_read(&again, buf_bytes(&once), &same, why, sizeof why))
            fail_msg("%s\n%.*s", why, (int)once.len, (const char *)once.base);
        (void)history_write(&again, &twice);
        assert_int_equal(model, same);
        assert_int_equal(once.len, twice.len);
        assert_memory_equal(once.base, twice.base, once.len);
        assert_int_equal(judged(&h, CONSISTENCY_LINEARIZABLE),
                         judged(&again, CONSISTENCY_LINEARIZABLE));
        history_free(&h);
        history_free(&again);
        buf_free(&text);
        buf_free(&once);
        buf_free(&twice);
    }
}

/* Bytes that are no text, and what would end a string. */
static void any_bytes_come_back(void **state)
{
    static const char odd[] = "a\"\\\n\t\x01\xff\xc3\xa4\xf0\x9f\x98\x80";
    struct history h, again;
    struct buf text = {0};
    char why[300];
    enum history_model model = MODEL_UNKNOWN;
    (void)state;
    history_init(&h, false);
    history_init(&again, false);
    struct operation *o = operation_new(1);
    o->client = words_add(&h.clients, bytes_str("c"));
    o->invoked = 1;
    o->fate = FATE_OK;
    o->completed = 2;
    o->actions[0] =
        (struct action){.kind = ACTION_WRITE,
                        .key = words_add(&h.keys, bytes_str("k")),
                        .value = words_add(&h.datatype.words, bytes_of(odd, sizeof odd - 1))};
    operations_add(&h.operations, o);
    assert_int_equal(history_write(&h, &text), 1);
    assert_true(history_read(&again, buf_bytes(&text), &model, why, sizeof why));
    struct bytes back = again.datatype.words.all[again.operations.all[0]->actions[0].value];
    struct bytes mine = bytes_str("a\"\\\n\t\x01\xef\x9f\xbf\xc3\xa4\xf0\x9f\x98\x80");
    assert_true(bytes_equal(back, mine));
    history_free(&h);
    history_free(&again);
    buf_free(&text);
}

/* --- files with verdicts --- */

static bool load(const char *path, struct buf *into)
{
    FILE *f = fopen(path, "rb");
    size_t n = 1;
    while (f && n > 0) {
        n = fread(buf_extend(into, 65536), 1, 65536, f);
        into->len -= 65536 - n;
    }
    if (f)
        (void)fclose(f);
    return f != NULL;
}

/* Each line of expected.tsv: a file, "linearizable" or else, and what nobody here needs. */
static uint32_t agrees_with(const char *folder)
{
    char path[600], line[VERDICT_LINE_MAX], name[120], verdict[40];
    (void)snprintf(path, sizeof path, "%s/expected.tsv", folder);
    FILE *list = fopen(path, "r");
    if (!list)
        fail_msg("there is no %s", path);
    uint32_t n = 0;
    while (fgets(line, sizeof line, list)) {
        struct buf text = {0};
        struct history h;
        char why[300];
        enum history_model model = MODEL_UNKNOWN;
        if (sscanf(line, "%119s %39s", name, verdict) != 2 || strcmp(name, "file") == 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        history_init(&h, false);
        if (!load(path, &text) || !history_read(&h, buf_bytes(&text), &model, why, sizeof why))
            fail_msg("%s: %s", path, why);
        enum verdict expected =
            strcmp(verdict, "linearizable") == 0 ? VERDICT_PROVEN : VERDICT_REFUTED;
        enum verdict v = judged(&h, CONSISTENCY_LINEARIZABLE);
        if (v != expected)
            fail_msg("%s: %s, not %s", path, verdict_name(v), verdict_name(expected));
        n++;
        history_free(&h);
        buf_free(&text);
    }
    (void)fclose(list);
    return n;
}

static void others_verdicts_are_ours(void **state)
{
    const char *folder = getenv("ORRERY_HISTORIES");
    (void)state;
    if (!folder)
        skip();
    assert_true(agrees_with(folder) > 0);
}

static const struct tale {
    const char *file;
    struct toy_history toy;
    bool linearizable;
} tales[] = {
    {"register.log", {.kind = TOY_REGISTER, .log = true}, true},
    {"register-stale.log", {.kind = TOY_REGISTER, .log = true, .mutant = TOY_STALE_READ}, false},
    {"cas.log", {.kind = TOY_CAS, .log = true, .values = 5, .unknown = 0.1}, true},
    {"cas-lost.log", {.kind = TOY_CAS, .log = true, .mutant = TOY_LOST_WRITE}, false},
    {"cas.edn", {.kind = TOY_CAS, .values = 5, .unknown = 0.1}, true},
    {"kv.edn", {.kind = TOY_KV, .keys = 6, .several = 0.05, .unknown = 0.02}, true},
    {"kv-dirty.edn", {.kind = TOY_KV, .keys = 4, .mutant = TOY_DIRTY_READ}, false},
    {"kv-lost.edn", {.kind = TOY_KV, .keys = 4, .several = 0.05, .mutant = TOY_LOST_WRITE}, false},
    {"kv-stale.edn", {.kind = TOY_KV, .keys = 4, .mutant = TOY_STALE_READ}, false},
    {"queue.edn", {.kind = TOY_QUEUE}, true},
    {"queue-twice.edn", {.kind = TOY_QUEUE, .mutant = TOY_STALE_READ}, false},
};
enum { TALES = sizeof tales / sizeof tales[0] };

static void rewrite(const char *folder)
{
    char path[600];
    (void)mkdir(folder, 0777);
    (void)snprintf(path, sizeof path, "%s/expected.tsv", folder);
    FILE *list = fopen(path, "w");
    assert_non_null(list);
    for (size_t i = 0; i < TALES; i++) {
        struct toy_history t = tales[i].toy;
        struct buf text = {0};
        t.seed = 1000 + i;
        t.operations = 150;
        t.clients = t.kind == TOY_QUEUE ? 3 : 5;
        (void)toy_history(&t, &text);
        (void)snprintf(path, sizeof path, "%s/%s", folder, tales[i].file);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(text.base, 1, text.len, f), text.len);
        (void)fclose(f);
        (void)fprintf(list, "%s\t%s\n", tales[i].file,
                      tales[i].linearizable ? "linearizable" : "NOT-linearizable");
        buf_free(&text);
    }
    (void)fclose(list);
}

static void our_histories_are_judged_as_they_were_made(void **state)
{
    const char *folder = ORRERY_SOURCE "/tests/histories";
    (void)state;
    if (getenv("REWRITE"))
        rewrite(folder);
    assert_int_equal(agrees_with(folder), TALES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_malformed_is_named_with_its_line),
        cmocka_unit_test(brackets_are_not_followed_forever),
        cmocka_unit_test(shapes_of_values_are_understood),
        cmocka_unit_test(what_is_weaker_is_judged_too),
        cmocka_unit_test(sequential_is_not_local),
        cmocka_unit_test(models_are_found_and_held),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(any_bytes_come_back),
        cmocka_unit_test(others_verdicts_are_ours),
        cmocka_unit_test(our_histories_are_judged_as_they_were_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
