/* Sealing: what opens, what does not, and that nothing opens twice. */
#include "seal/seal.h"

#include "base/errors.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

enum { MAX = 1 << 16 };

static void key_of(uint8_t key[SEAL_KEY], const char *text)
{
    seal_key_of_text(bytes_str(text), key);
}

static void put(struct sealer *s, const char *text, struct buf *into)
{
    sealer_put(s, bytes_str(text), into);
}

static void expect(struct sealer *s, struct buf *in, const char *text)
{
    struct buf plain = {0};
    size_t size;
    assert_int_equal(sealer_next(s, buf_bytes(in), MAX, &plain, &size), 1);
    assert_true(bytes_equal(buf_bytes(&plain), bytes_str(text)));
    buf_consume(in, size);
    buf_free(&plain);
}

static int next(struct sealer *s, struct bytes in, size_t max)
{
    struct buf plain = {0};
    size_t size;
    int got = sealer_next(s, in, max, &plain, &size);
    buf_free(&plain);
    return got;
}

static void records_come_back_in_order_and_only_so(void **state)
{
    (void)state;
    struct sealer out = {.number = 0}, in = {.number = 0};
    key_of(out.key, "a stream");
    key_of(in.key, "a stream");
    struct buf wire = {0}, first = {0}, second = {0};
    put(&out, "one", &first);
    put(&out, "", &second);
    buf_append(&wire, buf_bytes(&first));
    buf_append(&wire, buf_bytes(&second));
    put(&out, "three", &wire);
    assert_null(memmem(wire.base, wire.len, "three", 5));
    /* The second cannot be the first, and the first cannot come again. */
    assert_int_equal(next(&in, buf_bytes(&second), MAX), ERROR_REFUSED);
    expect(&in, &wire, "one");
    assert_int_equal(next(&in, buf_bytes(&first), MAX), ERROR_REFUSED);
    expect(&in, &wire, "");
    expect(&in, &wire, "three");
    assert_int_equal(wire.len, 0);
    buf_free(&wire);
    buf_free(&first);
    buf_free(&second);
}

static void a_record_with_any_bit_changed_does_not_open(void **state)
{
    (void)state;
    struct sealer out = {.number = 0}, in = {.number = 0};
    struct buf wire = {0};
    put(&out, "a message", &wire);
    for (size_t bit = 0; bit < wire.len * 8; bit++) {
        wire.base[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_true(next(&in, buf_bytes(&wire), MAX) != 1);
        wire.base[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < wire.len; n++)
        assert_int_equal(next(&in, bytes_of(wire.base, n), MAX), 0);
    expect(&in, &wire, "a message");
    buf_free(&wire);
}

static void lengths_are_bounded_before_anything_is_kept(void **state)
{
    (void)state;
    struct sealer in = {.number = 0};
    uint8_t head[SEAL_LENGTH];
    put_u32(head, MAX + SEAL_TAG + 1);
    assert_int_equal(next(&in, bytes_of(head, sizeof head), MAX), ERROR_TOO_LARGE);
    put_u32(head, UINT32_MAX);
    assert_int_equal(next(&in, bytes_of(head, sizeof head), MAX), ERROR_TOO_LARGE);
    put_u32(head, SEAL_TAG - 1);
    assert_int_equal(next(&in, bytes_of(head, sizeof head), MAX), ERROR_REFUSED);
    put_u32(head, MAX + SEAL_TAG);
    assert_int_equal(next(&in, bytes_of(head, sizeof head), MAX), 0);
}

struct ends {
    struct handshake caller, other;
    struct sealer caller_out, caller_in, other_out, other_in;
};

/* False: one of them refused the other. */
static bool shake(struct ends *e, const char *caller_key, const char *other_key)
{
    uint8_t key[SEAL_KEY];
    key_of(key, caller_key);
    handshake_begin(&e->caller, key, true);
    key_of(key, other_key);
    handshake_begin(&e->other, key, false);
    return handshake_hear(&e->other, handshake_call(&e->caller).base, &e->other_out,
                          &e->other_in) &&
           handshake_hear(&e->caller, handshake_answer(&e->other).base, &e->caller_out,
                          &e->caller_in);
}

static void two_with_one_key_agree_on_fresh_ones(void **state)
{
    (void)state;
    struct ends a, b;
    struct buf wire = {0};
    assert_true(shake(&a, "a cluster's key", "a cluster's key"));
    put(&a.caller_out, "to you", &wire);
    expect(&a.other_in, &wire, "to you");
    put(&a.other_out, "to me", &wire);
    expect(&a.caller_in, &wire, "to me");
    assert_memory_not_equal(a.caller_out.key, a.caller_in.key, SEAL_KEY);
    assert_true(shake(&b, "a cluster's key", "a cluster's key"));
    assert_memory_not_equal(a.caller_out.key, b.caller_out.key, SEAL_KEY);
    /* What the one stream carried is nothing to the other. */
    put(&a.caller_out, "again", &wire);
    b.other_in.number = a.caller_out.number - 1;
    assert_int_equal(next(&b.other_in, buf_bytes(&wire), MAX), ERROR_REFUSED);
    assert_false(shake(&b, "a cluster's key", "another's"));
    buf_free(&wire);
}

static void recorded_and_changed_hellos_are_worth_nothing(void **state)
{
    (void)state;
    struct ends a, b;
    uint8_t call[SEAL_HELLO];
    uint8_t key[SEAL_KEY];
    struct buf wire = {0};
    assert_true(shake(&a, "a cluster's key", "a cluster's key"));
    put(&a.caller_out, "do it", &wire);
    memcpy(call, handshake_call(&a.caller).base, SEAL_HELLO);
    /* Who plays back the whole call is answered, and cannot go on. */
    key_of(key, "a cluster's key");
    handshake_begin(&b.other, key, false);
    assert_true(handshake_hear(&b.other, call, &b.other_out, &b.other_in));
    assert_int_equal(next(&b.other_in, buf_bytes(&wire), MAX), ERROR_REFUSED);
    for (size_t i = 0; i < SEAL_HELLO; i++) {
        call[i] ^= 1;
        handshake_begin(&b.other, key, false);
        assert_false(handshake_hear(&b.other, call, &b.other_out, &b.other_in));
        call[i] ^= 1;
    }
    /* An answer that is a call, turned round. */
    handshake_begin(&b.caller, key, true);
    assert_false(
        handshake_hear(&b.caller, handshake_call(&b.caller).base, &b.caller_out, &b.caller_in));
    buf_free(&wire);
}

struct post {
    uint8_t bytes[64 + SEAL_DATAGRAM];
    size_t size;
};

static struct post posted(struct datagrams *d, const char *text)
{
    struct post p = {.size = strlen(text) + SEAL_DATAGRAM};
    datagrams_seal(d, bytes_str(text), p.bytes);
    return p;
}

/* The copy is opened, since that is done in place. */
static int arrives(struct datagrams *d, struct post p, const char *text)
{
    struct bytes plain;
    uint32_t from = 0;
    int error = datagrams_unseal(d, p.bytes, p.size, &plain, &from);
    if (error == 0 && text)
        assert_true(bytes_equal(plain, bytes_str(text)));
    return error;
}

static void datagrams_open_once_in_any_order(void **state)
{
    (void)state;
    uint8_t key[SEAL_KEY];
    struct datagrams a, b;
    struct post posts[8];
    char text[16];
    key_of(key, "a run's");
    datagrams_open(&a, key, 3, 1);
    datagrams_open(&b, key, 4, 1);
    for (int i = 0; i < 8; i++) {
        snprintf(text, sizeof text, "beat %d", i);
        posts[i] = posted(&a, text);
    }
    static const int order[8] = {2, 0, 1, 7, 3, 6, 5, 4};
    for (int i = 0; i < 8; i++) {
        snprintf(text, sizeof text, "beat %d", order[i]);
        assert_int_equal(arrives(&b, posts[order[i]], text), 0);
        assert_int_equal(arrives(&b, posts[order[i]], NULL), ERROR_IN_USE);
    }
    datagrams_close(&a);
    datagrams_close(&b);
}

static void what_is_too_old_to_tell_is_refused(void **state)
{
    (void)state;
    uint8_t key[SEAL_KEY];
    struct datagrams a, b, again;
    key_of(key, "a run's");
    datagrams_open(&a, key, 3, 1);
    datagrams_open(&b, key, 4, 1);
    struct post old = posted(&a, "old"), newest = old;
    for (int i = 0; i < 3 * SEAL_WINDOW; i++)
        newest = posted(&a, "new");
    assert_int_equal(arrives(&b, newest, "new"), 0);
    assert_int_equal(arrives(&b, old, NULL), ERROR_IN_USE);
    /* A new life of the sender counts anew, and its old one is over. */
    datagrams_open(&again, key, 3, 2);
    assert_int_equal(arrives(&b, posted(&again, "reborn"), "reborn"), 0);
    assert_int_equal(arrives(&b, posted(&a, "late"), NULL), ERROR_IN_USE);
    datagrams_close(&a);
    datagrams_close(&b);
    datagrams_close(&again);
}

/* Against the plainest definition: a set of those that were here. */
static void the_window_agrees_with_a_set(void **state)
{
    (void)state;
    enum { POSTS = 4000 };
    static struct post posts[POSTS];
    static bool here[POSTS];
    uint8_t key[SEAL_KEY];
    struct datagrams a, b;
    key_of(key, "a run's");
    datagrams_open(&a, key, 3, 1);
    datagrams_open(&b, key, 4, 1);
    for (int i = 0; i < POSTS; i++)
        posts[i] = posted(&a, "x");
    uint32_t seed = 7;
    int newest = -1, opened = 0;
    for (int i = 0; i < 4 * POSTS; i++) {
        seed = seed * 1664525 + 1013904223;
        int at = i / 4 - 600 + (int)(seed >> 16) % 1200;
        if (at < 0 || at >= POSTS)
            continue;
        int got = arrives(&b, posts[at], NULL);
        if (here[at] || newest - at >= SEAL_WINDOW)
            assert_int_equal(got, ERROR_IN_USE);
        else if (newest - at < SEAL_WINDOW - 64)
            assert_int_equal(got, 0);
        here[at] = here[at] || got == 0;
        opened += got == 0;
        newest = got == 0 && at > newest ? at : newest;
    }
    assert_true(opened > POSTS / 2);
    datagrams_close(&a);
    datagrams_close(&b);
}

static void strangers_datagrams_do_not_open(void **state)
{
    (void)state;
    uint8_t key[SEAL_KEY];
    struct datagrams a, b;
    key_of(key, "a run's");
    datagrams_open(&a, key, 3, 1);
    key_of(key, "another's");
    datagrams_open(&b, key, 4, 1);
    struct post p = posted(&a, "beat");
    assert_int_equal(arrives(&b, p, NULL), ERROR_REFUSED);
    key_of(key, "a run's");
    datagrams_close(&b);
    datagrams_open(&b, key, 4, 1);
    for (size_t i = 0; i < p.size * 8; i++) {
        struct post changed = p;
        changed.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(arrives(&b, changed, NULL), ERROR_REFUSED);
    }
    for (size_t n = 0; n < p.size; n++) {
        struct post shorter = p;
        shorter.size = n;
        assert_int_equal(arrives(&b, shorter, NULL), ERROR_REFUSED);
    }
    assert_int_equal(arrives(&b, p, "beat"), 0);
    datagrams_close(&a);
    datagrams_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_in_order_and_only_so),
        cmocka_unit_test(a_record_with_any_bit_changed_does_not_open),
        cmocka_unit_test(lengths_are_bounded_before_anything_is_kept),
        cmocka_unit_test(two_with_one_key_agree_on_fresh_ones),
        cmocka_unit_test(recorded_and_changed_hellos_are_worth_nothing),
        cmocka_unit_test(datagrams_open_once_in_any_order),
        cmocka_unit_test(what_is_too_old_to_tell_is_refused),
        cmocka_unit_test(the_window_agrees_with_a_set),
        cmocka_unit_test(strangers_datagrams_do_not_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
