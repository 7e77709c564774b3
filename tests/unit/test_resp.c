#include "codec/resp.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Scans `text` as it would come in pieces of `piece` bytes; *size is where the request ended. */
static int scan(const char *text, size_t piece, size_t *size, struct resp_scan *s)
{
    struct bytes all = bytes_str(text);
    *s = (struct resp_scan){0};
    for (size_t n = piece < all.len ? piece : all.len;;
         n = n + piece < all.len ? n + piece : all.len) {
        /* An exact copy, so that the sanitizer sees a look past what has come. */
        uint8_t *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, all.base, n);
        int got = resp_scan(s, bytes_of(copy, n));
        free(copy);
        *size = s->at;
        if (got != 0 || n == all.len)
            return got;
    }
}

static void whole_requests_end_where_they_end(void **state)
{
    (void)state;
    const char *const whole[] = {
        "*1\r\n$4\r\nPING\r\n",
        "*2\r\n$3\r\nGET\r\n$0\r\n\r\n",
        "*0\r\n",
        "*-1\r\n",
        "PING\r\n",
        "SET a b\n",
        "\r\n",
        "\n",
        "*2\r\n$3\r\nGET\r\n$4\r\n\r\n\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "%sNEXT", whole[i]);
        for (size_t piece = 1; piece < 40; piece++) {
            struct resp_scan s;
            size_t size;
            assert_int_equal(scan(text, piece, &size, &s), 1);
            assert_int_equal(size, strlen(whole[i]));
        }
        for (size_t n = 0; n < strlen(whole[i]); n++) {
            struct resp_scan s = {0};
            assert_int_equal(resp_scan(&s, bytes_of(whole[i], n)), 0);
        }
    }
}

static void protocol_errors_are_worded_as_redis_does(void **state)
{
    (void)state;
    const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"*x\r\n", "Protocol error: invalid multibulk length"},
        {"*1048577\r\n", "Protocol error: invalid multibulk length"},
        {"*99999999999999999999999999999", "Protocol error: invalid multibulk length"},
        {"*1\r\nPING\r\n", "Protocol error: expected '$', got 'P'"},
        {"*1\r\n\x01", "Protocol error: expected '$', got '?'"},
        {"*1\r\n$-1\r\n", "Protocol error: invalid bulk length"},
        {"*1\r\n$67108865\r\n", "Protocol error: invalid bulk length"},
        {"*1\r\n$18446744073709551616\r\n", "Protocol error: invalid bulk length"},
        {"*1\r\n$4x\r\nPING\r\n", "Protocol error: invalid bulk length"},
        {"*1\n$4\nPING\n", "Protocol error: invalid multibulk length"},
        {"*1\r\n$4\r\nPINGS\r\n", "Protocol error: a string is longer than it said"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t piece = 1; piece < 40; piece += 3) {
            struct resp_scan s;
            size_t size;
            assert_int_equal(scan(cases[i].text, piece, &size, &s), ERROR_MALFORMED);
            assert_string_equal(s.error, cases[i].error);
        }
}

static void a_request_is_bounded(void **state)
{
    (void)state;
    struct buf b = {0};
    memset(buf_extend(&b, RESP_INLINE_MAX + 1), 'a', RESP_INLINE_MAX + 1);
    struct resp_scan s = {0};
    assert_int_equal(resp_scan(&s, buf_bytes(&b)), ERROR_MALFORMED);
    assert_string_equal(s.error, "Protocol error: too big inline request");
    /* Two strings, each allowed, together too large: refused before the second arrives. */
    buf_clear(&b);
    buf_printf(&b, "*2\r\n$%d\r\n", RESP_REQUEST_MAX / 2);
    memset(buf_extend(&b, RESP_REQUEST_MAX / 2), 'a', RESP_REQUEST_MAX / 2);
    buf_printf(&b, "\r\n$%d\r\n", RESP_REQUEST_MAX / 2);
    s = (struct resp_scan){0};
    assert_int_equal(resp_scan(&s, buf_bytes(&b)), ERROR_MALFORMED);
    buf_free(&b);
}

static void http_is_refused(void **state)
{
    (void)state;
    const char *const http[] = {"POST / HTTP/1.1\r\n", "GET /x HTTP/1.1\r\n", "HEAD / HTTP/1.0\r\n",
                                "Host: localhost\r\n", "host: x\r\n"};
    const char *const not [] = {"GET key\r\n", "GET HTTP\r\n", "POSTS\r\n",
                                "SET HTTP/ HTTP/1.1\r\n"};
    struct resp_scan s;
    size_t size;
    for (size_t i = 0; i < sizeof http / sizeof http[0]; i++)
        assert_int_equal(scan(http[i], 3, &size, &s), ERROR_REFUSED);
    for (size_t i = 0; i < sizeof not / sizeof not [0]; i++)
        assert_int_equal(scan(not [i], 3, &size, &s), 1);
}

static void parsing_points_at_the_words(void **state)
{
    (void)state;
    struct bytes args[3];
    struct bytes b = bytes_str("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\n");
    assert_int_equal(resp_parse(b, NULL, 0), 3);
    assert_int_equal(resp_parse(b, args, 3), 3);
    assert_true(bytes_equal(args[0], bytes_str("SET")));
    assert_true(bytes_equal(args[2], bytes_str("\r\n")));
    assert_int_equal(resp_parse(b, args, 2), ERROR_TOO_LARGE);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(resp_parse(bytes_of(b.base, n), args, 3), ERROR_MALFORMED);
    assert_int_equal(resp_parse(bytes_str("*1\r\n$1\r\nk\r\nx"), args, 3), ERROR_MALFORMED);
    assert_int_equal(resp_parse(bytes_str("PING\r\n"), args, 3), ERROR_MALFORMED);
    assert_int_equal(resp_parse(bytes_str("*-1\r\n"), args, 3), 0);
}

static void inline_commands_become_arrays(void **state)
{
    (void)state;
    const struct {
        const char *line;
        const char *array; /* NULL: refused. */
    } cases[] = {
        {"PING\r\n", "*1\r\n$4\r\nPING\r\n"},
        {"  SET a  b \r\n", "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"},
        {"\r\n", "*0\r\n"},
        {"ECHO \"a\\x41\\n\\\"\"\r\n", "*2\r\n$4\r\nECHO\r\n$4\r\naA\n\"\r\n"},
        {"ECHO 'a\\'b\\n'\r\n", "*2\r\n$4\r\nECHO\r\n$5\r\na'b\\n\r\n"},
        {"ECHO \"\"\r\n", "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n"},
        {"ECHO \"a\r\n", NULL},
        {"ECHO \"a\"b\r\n", NULL},
        {"ECHO 'a\\'\r\n", NULL},
        {"ECHO \"a\\", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes line = bytes_str(cases[i].line);
        struct resp_writer w = {.cap = resp_inline_size(line.len)};
        w.base = malloc(w.cap);
        int words = resp_inline(line, &w);
        if (!cases[i].array)
            assert_int_equal(words, ERROR_MALFORMED);
        else
            assert_true(bytes_equal(bytes_of(w.base, w.len), bytes_str(cases[i].array)));
        free(w.base);
    }
}

static void inline_fits_its_bound(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7);
    static const char letters[] = "ab \"'\\x4\n";
    for (int round = 0; round < 20000; round++) {
        uint8_t line[40];
        size_t n = (size_t)random_below(&random, sizeof line);
        for (size_t i = 0; i < n; i++)
            line[i] = (uint8_t)letters[random_below(&random, sizeof letters - 1)];
        struct resp_writer w = {.cap = resp_inline_size(n)};
        w.base = malloc(w.cap);
        int words = resp_inline(bytes_of(line, n), &w);
        if (words >= 0)
            assert_int_equal(resp_parse(bytes_of(w.base, w.len), NULL, 0), words);
        free(w.base);
    }
}

static void replies_are_written(void **state)
{
    (void)state;
    uint8_t memory[256];
    struct resp_writer w = {memory, 0, sizeof memory, false};
    resp_simple(&w, "OK");
    resp_error(&w, "ERR no");
    resp_integer(&w, INT64_MIN);
    resp_integer(&w, 0);
    resp_bulk(&w, bytes_str("x"));
    resp_null(&w);
    resp_null_array(&w);
    resp_array(&w, 2);
    assert_true(bytes_equal(bytes_of(w.base, w.len),
                            bytes_str("+OK\r\n-ERR no\r\n:-9223372036854775808\r\n:0\r\n$1\r\nx\r\n"
                                      "$-1\r\n*-1\r\n*2\r\n")));
    assert_false(w.full);
    for (size_t cap = 0; cap < 7; cap++) {
        struct resp_writer tight = {memory, 0, cap, false};
        resp_bulk(&tight, bytes_str("x"));
        assert_true(tight.full);
        assert_int_equal(tight.len, 0);
    }
}

static void numbers_are_strict(void **state)
{
    (void)state;
    int64_t n = 0;
    assert_true(resp_number(bytes_str("0"), &n) && n == 0);
    assert_true(resp_number(bytes_str("-9223372036854775808"), &n) && n == INT64_MIN);
    assert_true(resp_number(bytes_str("9223372036854775807"), &n) && n == INT64_MAX);
    const char *const bad[] = {"",
                               "-",
                               "+1",
                               "01",
                               "-0",
                               " 1",
                               "1 ",
                               "1x",
                               "9223372036854775808",
                               "-9223372036854775809",
                               "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(resp_number(bytes_str(bad[i]), &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_requests_end_where_they_end),
        cmocka_unit_test(protocol_errors_are_worded_as_redis_does),
        cmocka_unit_test(a_request_is_bounded),
        cmocka_unit_test(http_is_refused),
        cmocka_unit_test(parsing_points_at_the_words),
        cmocka_unit_test(inline_commands_become_arrays),
        cmocka_unit_test(inline_fits_its_bound),
        cmocka_unit_test(replies_are_written),
        cmocka_unit_test(numbers_are_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
