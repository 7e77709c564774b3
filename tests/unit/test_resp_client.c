#include "clients/resp_client.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void feed(struct resp_client *c, const char *text)
{
    resp_client_feed(c, bytes_str(text));
}

static void expect_output(struct resp_client *c, const char *text)
{
    struct bytes out = resp_client_output(c);
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(out.base, text, out.len);
    resp_client_sent(c, out.len);
}

static void replies_leave_in_the_order_of_requests(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 3);
    for (int round = 0; round < 300; round++) {
        struct resp_client c;
        resp_client_init(&c);
        uint64_t n = 1 + random_below(&random, 40);
        for (uint64_t i = 0; i < n; i++)
            feed(&c, i % 3 ? "PING\r\n" : "*1\r\n$4\r\nPING\r\n");
        uint64_t request;
        struct bytes frame;
        for (uint64_t i = 1; i <= n; i++) {
            assert_true(resp_client_next(&c, &request, &frame));
            assert_int_equal(request, i);
            assert_true(bytes_equal(frame, bytes_str("*1\r\n$4\r\nPING\r\n")));
        }
        assert_false(resp_client_next(&c, &request, &frame));
        uint64_t order[40];
        for (uint64_t i = 0; i < n; i++) {
            uint64_t k = random_below(&random, i + 1);
            order[i] = order[k];
            order[k] = i + 1;
        }
        for (uint64_t i = 0; i < n; i++) {
            char text[16];
            snprintf(text, sizeof text, ":%u\r\n", (unsigned)order[i]);
            resp_client_reply(&c, order[i], bytes_str(text), order[i] % 2);
            if (order[i] % 2)
                resp_client_reply(&c, order[i], bytes_str("+part\r\n"), false);
        }
        struct buf expected = {0};
        for (unsigned i = 1; i <= n; i++)
            buf_printf(&expected, ":%u\r\n%s", i, i % 2 ? "+part\r\n" : "");
        assert_true(bytes_equal(resp_client_output(&c), buf_bytes(&expected)));
        buf_free(&expected);
        resp_client_free(&c);
    }
}

static void any_pieces_give_the_same_requests(void **state)
{
    (void)state;
    const char *text =
        "*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n\r\n*0\r\nSET \"a b\" c\r\n*1\r\n$1\r\nx\r\n";
    for (size_t piece = 1; piece < strlen(text); piece++) {
        struct resp_client c;
        struct buf all = {0};
        uint64_t request = 0;
        struct bytes frame;
        resp_client_init(&c);
        for (size_t at = 0; at < strlen(text); at += piece) {
            size_t left = strlen(text) - at;
            resp_client_feed(&c, bytes_of(text + at, left < piece ? left : piece));
            while (resp_client_next(&c, &request, &frame))
                buf_append(&all, frame);
        }
        assert_int_equal(request, 3);
        assert_true(
            bytes_equal(buf_bytes(&all),
                        bytes_str("*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n*3\r\n$3\r\nSET\r\n$3\r\na "
                                  "b\r\n$1\r\nc\r\n*1\r\n$1\r\nx\r\n")));
        buf_free(&all);
        resp_client_free(&c);
    }
}

static void an_error_is_answered_in_its_turn_and_ends_it(void **state)
{
    (void)state;
    struct resp_client c;
    uint64_t request;
    struct bytes frame;
    resp_client_init(&c);
    feed(&c, "PING\r\n*1\r\n!\r\nPING\r\n");
    assert_true(resp_client_next(&c, &request, &frame));
    assert_false(resp_client_next(&c, &request, &frame));
    assert_false(resp_client_reading(&c));
    assert_false(resp_client_finished(&c));
    expect_output(&c, "");
    resp_client_reply(&c, request, bytes_str("+PONG\r\n"), false);
    expect_output(&c, "+PONG\r\n-ERR Protocol error: expected '$', got '!'\r\n");
    assert_true(resp_client_finished(&c));
    feed(&c, "PING\r\n");
    assert_false(resp_client_next(&c, &request, &frame));
    resp_client_free(&c);
}

static void quit_is_answered_and_ends_it(void **state)
{
    (void)state;
    struct resp_client c;
    uint64_t request;
    struct bytes frame;
    resp_client_init(&c);
    feed(&c, "*1\r\n$4\r\nquIT\r\n*1\r\n$4\r\nPING\r\n");
    assert_true(resp_client_next(&c, &request, &frame));
    assert_false(resp_client_next(&c, &request, &frame));
    assert_false(resp_client_finished(&c));
    resp_client_reply(&c, 1, bytes_str("+OK\r\n"), false);
    assert_false(resp_client_finished(&c));
    expect_output(&c, "+OK\r\n");
    assert_true(resp_client_finished(&c));
    resp_client_free(&c);
}

static void http_ends_it_without_a_word(void **state)
{
    (void)state;
    struct resp_client c;
    uint64_t request;
    struct bytes frame;
    resp_client_init(&c);
    feed(&c, "POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a b\r\n");
    assert_false(resp_client_next(&c, &request, &frame));
    assert_true(resp_client_finished(&c));
    assert_int_equal(resp_client_output(&c).len, 0);
    resp_client_free(&c);
}

static void unbalanced_quotes_end_it(void **state)
{
    (void)state;
    struct resp_client c;
    uint64_t request;
    struct bytes frame;
    resp_client_init(&c);
    feed(&c, "SET a \"b\r\n");
    assert_false(resp_client_next(&c, &request, &frame));
    expect_output(&c, "-ERR Protocol error: unbalanced quotes in request\r\n");
    assert_true(resp_client_finished(&c));
    resp_client_free(&c);
}

static void a_slow_client_is_not_read_until_it_has_credit(void **state)
{
    (void)state;
    struct resp_client c;
    uint64_t request;
    struct bytes frame;
    struct buf large = {0};
    memset(buf_extend(&large, 700000), 'x', 700000);
    resp_client_init(&c);
    feed(&c, "PING\r\nPING\r\nPING\r\n");
    assert_true(resp_client_next(&c, &request, &frame));
    assert_true(resp_client_next(&c, &request, &frame));
    resp_client_reply(&c, 2, buf_bytes(&large), false);
    assert_true(resp_client_reading(&c));
    resp_client_reply(&c, 1, buf_bytes(&large), false);
    assert_false(resp_client_reading(&c));
    assert_false(resp_client_next(&c, &request, &frame));
    assert_int_equal(resp_client_output(&c).len, 1400000);
    for (int i = 0; i < 11; i++) {
        assert_false(resp_client_credit(&c));
        resp_client_sent(&c, 100000);
    }
    assert_false(resp_client_reading(&c));
    resp_client_sent(&c, 100000);
    assert_true(resp_client_reading(&c));
    assert_true(resp_client_credit(&c));
    assert_false(resp_client_credit(&c));
    assert_true(resp_client_next(&c, &request, &frame));
    buf_free(&large);
    resp_client_free(&c);
}

static void requests_in_flight_are_bounded(void **state)
{
    (void)state;
    struct resp_client c;
    uint64_t request;
    struct bytes frame;
    resp_client_init(&c);
    for (int i = 0; i < RESP_CLIENT_FLIGHT_MAX + 5; i++)
        feed(&c, "PING\r\n");
    for (int i = 0; i < RESP_CLIENT_FLIGHT_MAX; i++)
        assert_true(resp_client_next(&c, &request, &frame));
    assert_false(resp_client_next(&c, &request, &frame));
    assert_false(resp_client_reading(&c));
    resp_client_reply(&c, 2, bytes_str("+PONG\r\n"), false);
    assert_false(resp_client_next(&c, &request, &frame));
    resp_client_reply(&c, 1, bytes_str("+PONG\r\n"), false);
    assert_true(resp_client_next(&c, &request, &frame));
    assert_int_equal(request, RESP_CLIENT_FLIGHT_MAX + 1);
    resp_client_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_leave_in_the_order_of_requests),
        cmocka_unit_test(any_pieces_give_the_same_requests),
        cmocka_unit_test(an_error_is_answered_in_its_turn_and_ends_it),
        cmocka_unit_test(quit_is_answered_and_ends_it),
        cmocka_unit_test(http_ends_it_without_a_word),
        cmocka_unit_test(unbalanced_quotes_end_it),
        cmocka_unit_test(a_slow_client_is_not_read_until_it_has_credit),
        cmocka_unit_test(requests_in_flight_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
