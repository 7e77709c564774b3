/* The linearizability checker against its definition: every order of small histories is tried, by
 * code that shares nothing with the search; large ones are sound by construction, or mutants. */
#include "unit/unit.h"

#include "base/random.h"
#include "check/consistency.h"
#include "check/history_read.h"
#include "check/linear.h"
#include "toy/histories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_MAX = 9, TEXT = 128 };

/* --- the definition --- */

struct plain {
    char keys[8][TEXT]; /* "": nothing. A queue is a text of elements, each behind a blank. */
    bool going[8];      /* It may go by itself. */
};

static const char *text_of(const struct history *h, uint32_t word, char into[TEXT])
{
    struct bytes b = h->datatype.words.all[word];
    (void)snprintf(into, TEXT, "%.*s", word ? (int)b.len : 0, word ? (const char *)b.base : "");
    return into;
}

/* A state of the search: a queue's is the numbers of its elements. */
static void plain_value(const struct history *h, uint32_t word, char into[TEXT])
{
    char value[TEXT];
    struct bytes b = word ? h->datatype.words.all[word] : bytes_str("");
    bool queue = h->operations.all[0]->actions[0].kind >= ACTION_ENQUEUE;
    if (!queue) {
        (void)text_of(h, word, into);
        return;
    }
    *into = 0;
    for (size_t i = 0; i + 4 <= b.len; i += 4) {
        strcat(into, " ");
        strcat(into, text_of(h, get_u32(b.base + i), value));
    }
}

static bool plain_queue(const struct history *h, const struct action *a, char *state)
{
    char value[TEXT];
    char element[TEXT + 1];
    (void)snprintf(element, sizeof element, " %s", text_of(h, a->value, value));
    if (a->kind == ACTION_ENQUEUE) {
        strcat(state, element);
        return true;
    }
    size_t n = *state ? 1 + strcspn(state + 1, " ") : 0;
    if (a->told &&
        (a->value == VALUE_ABSENT ? n > 0
                                  : n != strlen(element) || strncmp(state, element, n) != 0))
        return false;
    memmove(state, state + n, strlen(state + n) + 1);
    return true;
}

static bool plain_change(const struct history *h, const struct action *a, struct plain *p)
{
    char value[TEXT];
    char expected[TEXT];
    char *state = p->keys[a->key];
    (void)text_of(h, a->value, value);
    switch (a->kind) {
    case ACTION_READ:
        return !a->told || strcmp(state, value) == 0;
    case ACTION_WRITE:
        strcpy(state, value);
        return true;
    case ACTION_CAS:
        if (strcmp(state, text_of(h, a->expected, expected)) != 0)
            return !a->told || a->number == 0;
        if (a->told && a->number == 0)
            return false;
        strcpy(state, value);
        return true;
    case ACTION_APPEND:
        strcat(state, value);
        return !a->told || strlen(state) == (size_t)a->number;
    case ACTION_ADD:
        (void)snprintf(state, TEXT, "%lld", atoll(state) + (long long)a->by);
        return !a->told || atoll(state) == a->number;
    case ACTION_DELETE: {
        bool there = *state != 0;
        *state = 0;
        return !a->told || there == (a->number == 1);
    }
    case ACTION_EXISTS:
        return !a->told || (*state != 0) == (a->number == 1);
    case ACTION_LENGTH:
        return !a->told || strlen(state) == (size_t)a->number;
    case ACTION_EXPIRE:
        p->going[a->key] = true;
        return true;
    default:
        return plain_queue(h, a, state);
    }
}

static bool plain_act(const struct history *h, const struct action *a, struct plain *p)
{
    bool can = plain_change(h, a, p);
    if (a->kind == ACTION_WRITE || !*p->keys[a->key])
        p->going[a->key] = false;
    return can;
}

static bool explained(const struct history *h, struct operation *const *all, uint32_t n,
                      uint32_t left, const struct plain *p);

/* The actions of all[i] from k on, and then what is left: each finds its key, or finds it gone. */
static bool acted(const struct history *h, struct operation *const *all, uint32_t n, uint32_t left,
                  uint32_t i, uint32_t k, const struct plain *p)
{
    if (k == all[i]->n)
        return explained(h, all, n, left & ~(1U << i), p);
    const struct action *a = &all[i]->actions[k];
    struct plain next = *p;
    if (plain_act(h, a, &next) && acted(h, all, n, left, i, k + 1, &next))
        return true;
    if (!p->going[a->key])
        return false;
    next = *p;
    next.keys[a->key][0] = 0;
    next.going[a->key] = false;
    return plain_act(h, a, &next) && acted(h, all, n, left, i, k + 1, &next);
}

/* Some order of what is left is legal: each goes before what was invoked after its completion. */
static bool explained(const struct history *h, struct operation *const *all, uint32_t n,
                      uint32_t left, const struct plain *p)
{
    bool done = true;
    for (uint32_t i = 0; i < n; i++)
        done &= !(left >> i & 1) || all[i]->fate != FATE_OK;
    if (done)
        return true; /* What is left may never have happened. */
    for (uint32_t i = 0; i < n; i++) {
        bool first = left >> i & 1;
        for (uint32_t k = 0; k < n; k++)
            first &= !(left >> k & 1) || k == i || all[k]->completed >= all[i]->invoked;
        if (first && acted(h, all, n, left, i, 0, p))
            return true;
    }
    return false;
}

/* `base`: each key's value before it all; NULL: nothing. */
static bool by_definition(const struct history *h, const uint32_t *base, const struct operations *l)
{
    struct plain p = {0};
    for (uint32_t key = 1; base && key < h->keys.n; key++)
        plain_value(h, datatype_held(base[key], &p.going[key]), p.keys[key]);
    struct operation *all[SMALL_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++)
        if (l->all[i]->fate != FATE_DROPPED) {
            assert_true(n < SMALL_MAX);
            all[n++] = l->all[i];
        }
    return explained(h, all, n, (1U << n) - 1, &p);
}

/* --- the search --- */

static void read_text(struct history *h, struct bytes text)
{
    char why[300];
    enum history_model model = MODEL_UNKNOWN;
    history_init(h, false);
    if (!history_read(h, text, &model, why, sizeof why))
        fail_msg("%s\n%.*s", why, (int)text.len, (const char *)text.base);
}

static enum progress judge_rows(struct history *h, struct linear *l, uint64_t slice, uint32_t rows)
{
    enum progress p;
    linear_init(l, h, false);
    l->rows_max = rows;
    linear_tell(l);
    do {
        uint64_t steps = slice;
        p = linear_run(l, &steps);
    } while (p == PROGRESS_MORE);
    return p;
}

static enum progress judge(struct history *h, struct linear *l, uint64_t slice)
{
    return judge_rows(h, l, slice, CONFIGURATIONS_MAX);
}

/* What it did not follow all of it may not refute. True if it came to nothing. */
static bool narrow_search_gives_up(struct history *h, uint32_t rows, bool expected)
{
    struct linear l;
    enum progress p = judge_rows(h, &l, 1000000, rows);
    linear_free(&l);
    if (p != PROGRESS_TOO_MANY && p != (expected ? PROGRESS_DONE : PROGRESS_REFUTED))
        fail_msg("%u rows: judged %d, but by definition %d", rows, p, expected);
    return p == PROGRESS_TOO_MANY;
}

static void counter_example_is_small(struct history *h, struct linear *l, const struct buf *text)
{
    struct operations least;
    uint32_t *base = linear_smallest(l, 1000000, &least);
    assert_in_range(least.n, 1, SMALL_MAX);
    if (by_definition(h, base, &least))
        fail_msg("a counter-example of %u is none, of\n%.*s", least.n, (int)text->len,
                 (const char *)text->base);
    free(base);
    operations_free(&least);
}

/* Where the outcome of an operation is not known that depends on whether a key was there still, the
 * judge follows neither: then it may explain more than there is. */
static bool may_be_lenient(const struct toy_history *t)
{
    return t->expiring > 0 && t->unknown > 0;
}

static void small_histories_are_judged_as_defined(void **state)
{
    uint32_t refuted = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 12000; seed++) {
        struct toy_history t = {
            .seed = seed,
            .kind = (enum toy_kind)(seed % TOY_KINDS),
            .mutant = (enum toy_mutant)(seed / TOY_KINDS % TOY_MUTANTS),
            .operations = 4 + seed % 5,
            .clients = 2 + seed % 3,
            .values = seed % 3 ? 2 : 0,
            .unknown = seed % 2 ? 0.25 : 0,
            .several = 0.3,
        };
        t.keys = t.kind == TOY_KV ? 3 : 0;
        t.expiring = t.kind == TOY_KV && seed % 5 < 2 ? 0.2 : 0;
        t.log = t.kind <= TOY_CAS && seed % 7 < 3;
        struct buf text = {0};
        struct history h;
        struct linear l;
        (void)toy_history(&t, &text);
        read_text(&h, buf_bytes(&text));
        bool expected = by_definition(&h, NULL, &h.operations);
        enum progress p = judge(&h, &l, seed % 2 ? 3 : 1000000);
        if (p != (expected ? PROGRESS_DONE : PROGRESS_REFUTED) && (expected || !may_be_lenient(&t)))
            fail_msg("seed %llu: judged %d, but by definition it is %s:\n%.*s",
                     (unsigned long long)seed, p, expected ? "linearizable" : "not linearizable",
                     (int)text.len, (const char *)text.base);
        assert_true(expected || t.mutant != TOY_SOUND);
        if (p == PROGRESS_REFUTED)
            counter_example_is_small(&h, &l, &text);
        refuted += !expected;
        linear_free(&l);
        history_free(&h);
        buf_free(&text);
    }
    assert_in_range(refuted, 500, 9000);
}

/* Random results: refuted more often than not, and for reasons that no mutant has. */
static void shuffle_results(struct history *h, uint64_t seed)
{
    struct random r = random_split(seed, 77);
    for (uint32_t i = 0; i < h->operations.n; i++) {
        struct operation *o = h->operations.all[i];
        struct operation *other = h->operations.all[random_below(&r, h->operations.n)];
        struct action *a = &o->actions[0];
        const struct action *b = &other->actions[0];
        if (!random_chance(&r, 0.3) || o->fate != FATE_OK || !a->told)
            continue;
        if (a->kind == ACTION_READ || a->kind == ACTION_DEQUEUE)
            a->value = b->value;
        else if (a->kind == b->kind && b->told)
            a->number = b->number;
        operation_settle(o);
    }
}

static void wild_histories_are_judged_as_defined(void **state)
{
    uint32_t given_up = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 6000; seed++) {
        struct toy_history t = {.seed = seed,
                                .kind = (enum toy_kind)(seed % TOY_KINDS),
                                .operations = 8,
                                .clients = 4,
                                .values = 2,
                                .unknown = 0.2};
        t.keys = t.kind == TOY_KV ? 1 + seed % 3 : 0;
        t.log = t.kind == TOY_CAS;
        t.expiring = t.kind == TOY_KV && seed % 5 < 2 ? 0.2 : 0;
        t.unknown = t.expiring > 0 && seed % 2 ? 0 : t.unknown;
        struct buf text = {0};
        struct history h;
        struct linear l;
        (void)toy_history(&t, &text);
        read_text(&h, buf_bytes(&text));
        shuffle_results(&h, seed);
        bool expected = by_definition(&h, NULL, &h.operations);
        enum progress p = judge(&h, &l, 100000);
        if (p != (expected ? PROGRESS_DONE : PROGRESS_REFUTED) && (expected || !may_be_lenient(&t)))
            fail_msg("seed %llu: judged %d, but by definition %d:\n%.*s", (unsigned long long)seed,
                     p, expected, (int)text.len, (const char *)text.base);
        if (p == PROGRESS_REFUTED)
            counter_example_is_small(&h, &l, &text);
        given_up += narrow_search_gives_up(&h, 1 + seed % 3, p == PROGRESS_DONE);
        linear_free(&l);
        history_free(&h);
        buf_free(&text);
    }
    assert_in_range(given_up, 30, 3000);
}

/* --- large ones --- */

static enum progress judge_toy(const struct toy_history *t, uint32_t *mutations)
{
    struct buf text = {0};
    struct history h;
    struct linear l;
    *mutations = toy_history(t, &text);
    read_text(&h, buf_bytes(&text));
    enum progress p = judge(&h, &l, 10000000);
    if (p == PROGRESS_REFUTED) {
        struct operations least;
        free(linear_smallest(&l, 10000000, &least));
        assert_in_range(least.n, 1, 40);
        operations_free(&least);
    }
    linear_free(&l);
    history_free(&h);
    buf_free(&text);
    return p;
}

static void large_sound_histories_are_proven(void **state)
{
    uint32_t mutations;
    (void)state;
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct toy_history t = {.seed = seed,
                                .kind = (enum toy_kind)(seed % TOY_KINDS),
                                .operations = 400,
                                .clients = 8,
                                .values = seed % 5 ? 0 : 5,
                                .unknown = seed % 4 ? 0 : 0.02,
                                .several = seed % 3 ? 0 : 0.05};
        t.keys = t.kind == TOY_KV ? 8 : 0;
        t.expiring = t.kind == TOY_KV && seed % 3 ? 0.05 : 0;
        if (t.kind == TOY_QUEUE) { /* Orders of what is in a queue at once are many. */
            t.clients = 3;
            t.unknown = 0;
        }
        enum progress p = judge_toy(&t, &mutations);
        if (p != PROGRESS_DONE)
            fail_msg("seed %llu: %d", (unsigned long long)seed, p);
    }
}

static bool one_less(void *ctx)
{
    uint32_t *left = ctx;
    if (*left == 0)
        return true;
    --*left;
    return false;
}

/* Many transactions that nobody knows the fate of: their orders are far too many to try all. */
static void of_many_explanations_one_is_found(void **state)
{
    (void)state;
    for (uint64_t seed = 3; seed <= 5; seed++) {
        const struct toy_history t = {.seed = seed,
                                      .kind = TOY_KV,
                                      .operations = 300,
                                      .clients = 6,
                                      .keys = 6,
                                      .unknown = 0.15,
                                      .several = 0.4};
        struct buf text = {0};
        struct history h;
        struct linear l;
        struct judgement j;
        uint64_t steps = 200000;
        uint32_t slices = 60;
        const struct patience patience = {one_less, &slices};
        (void)toy_history(&t, &text);
        read_text(&h, buf_bytes(&text));
        linear_init(&l, &h, false);
        linear_tell(&l);
        assert_int_equal(linear_run(&l, &steps), PROGRESS_MORE);
        linear_free(&l);
        consistency_judge(&h, CONSISTENCY_LINEARIZABLE, &patience, &j);
        assert_int_equal(j.verdict, VERDICT_PROVEN);
        judgement_free(&j);
        history_free(&h);
        buf_free(&text);
    }
}

/* A store that breaks its promise now and then, and whose values can be told apart. */
static void mutants_are_caught(void **state)
{
    (void)state;
    for (enum toy_mutant m = TOY_STALE_READ; m < TOY_MUTANTS; m++) {
        uint32_t broken = 0, caught = 0;
        for (uint64_t seed = 1; seed <= 60; seed++) {
            struct toy_history t = {.seed = seed,
                                    .kind = seed % 2 ? TOY_REGISTER : TOY_KV,
                                    .mutant = m,
                                    .operations = 200,
                                    .clients = 4,
                                    .unknown = 0.01};
            t.keys = t.kind == TOY_KV ? 4 : 0;
            uint32_t mutations;
            enum progress p = judge_toy(&t, &mutations);
            assert_true(p == PROGRESS_DONE || p == PROGRESS_REFUTED);
            broken += mutations > 0;
            caught += p == PROGRESS_REFUTED;
        }
        if (caught * 10 < broken * 9 || broken < 50)
            fail_msg("mutant %d: %u of %u were caught", m, caught, broken);
    }
}

/* Keys that a transaction ties together, and the end of that. */
static void keys_are_joined_and_parted(void **state)
{
    static const char text[] =
        "{:process 0, :type :invoke, :f :set, :key \"a\", :value \"1\"}\n"
        "{:process 0, :type :ok, :f :set, :key \"a\", :value \"1\"}\n"
        "{:process 0, :type :invoke, :f :txn, :value [[:set \"a\" \"2\"] [:set \"b\" \"2\"]]}\n"
        "{:process 1, :type :invoke, :f :get, :key \"a\", :value nil}\n"
        "{:process 1, :type :ok, :f :get, :key \"a\", :value \"2\"}\n"
        "{:process 1, :type :invoke, :f :get, :key \"b\", :value nil}\n"
        "{:process 1, :type :ok, :f :get, :key \"b\", :value nil}\n"
        "{:process 0, :type :ok, :f :txn, :value [[:set \"a\" \"2\"] [:set \"b\" \"2\"]]}\n";
    struct history h;
    struct linear l;
    (void)state;
    read_text(&h, bytes_str(text));
    assert_int_equal(judge(&h, &l, 1000), PROGRESS_REFUTED);
    struct operations least;
    free(linear_smallest(&l, 1000, &least));
    assert_int_equal(least.n, 3);
    operations_free(&least);
    linear_free(&l);
    history_free(&h);
}

static void proven(const char *text)
{
    struct history h;
    struct linear l;
    read_text(&h, bytes_str(text));
    assert_true(by_definition(&h, NULL, &h.operations));
    assert_int_equal(judge(&h, &l, 1000), PROGRESS_DONE);
    linear_free(&l);
    history_free(&h);
}

/* Two that nobody was told of, on a key each, and one that found both. */
static void several_are_seen_at_once(void **state)
{
    (void)state;
    proven("{:process 0, :type :invoke, :f :incr, :key \"a\", :value 1}\n"
           "{:process 1, :type :invoke, :f :incr, :key \"b\", :value 1}\n"
           "{:process 2, :type :invoke, :f :incr, :key \"c\", :value 1}\n"
           "{:process 3, :type :invoke, :f :txn, :value [[:incr \"b\" 1] [:incr \"c\" 1]]}\n"
           "{:process 4, :type :invoke, :f :txn, :value [[:incr \"a\" 1] [:incr \"b\" 1]]}\n"
           "{:process 4, :type :ok, :f :txn, :value [[:incr \"a\" 2] [:incr \"b\" 3]]}\n"
           "{:process 4, :type :invoke, :f :get, :key \"c\", :value nil}\n"
           "{:process 4, :type :ok, :f :get, :key \"c\", :value \"2\"}\n");
}

/* A client that was told that nobody knows asks on, and its write happens after that. */
static void who_was_told_nothing_asks_on(void **state)
{
    static const char text[] = "{:process 0, :type :invoke, :f :set, :key \"a\", :value \"1\"}\n"
                               "{:process 1, :type :invoke, :f :get, :key \"a\", :value nil}\n"
                               "{:process 1, :type :ok, :f :get, :key \"a\", :value nil}\n"
                               "{:process 2, :type :invoke, :f :get, :key \"a\", :value nil}\n"
                               "{:process 2, :type :ok, :f :get, :key \"a\", :value \"1\"}\n";
    struct history h;
    struct linear l;
    (void)state;
    read_text(&h, bytes_str(text));
    h.operations.all[1]->client = h.operations.all[0]->client;
    assert_int_equal(judge(&h, &l, 1000), PROGRESS_DONE);
    linear_free(&l);
    history_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_histories_are_judged_as_defined),
        cmocka_unit_test(wild_histories_are_judged_as_defined),
        cmocka_unit_test(large_sound_histories_are_proven),
        cmocka_unit_test(of_many_explanations_one_is_found),
        cmocka_unit_test(mutants_are_caught),
        cmocka_unit_test(keys_are_joined_and_parted),
        cmocka_unit_test(several_are_seen_at_once),
        cmocka_unit_test(who_was_told_nothing_asks_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
