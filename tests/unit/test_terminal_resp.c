/* RESP in words: what a reader of the diagram sees of clients. */
#include "terminal/resp.h"
#include "unit/unit.h"

#include <string.h>

static void assert_says(const char *bytes, const char *words)
{
    struct buf text = {0};
    assert_true(resp_say(bytes_str(bytes), &text));
    buf_append(&text, bytes_of("", 1));
    assert_string_equal((const char *)text.base, words);
    buf_free(&text);
}

static void assert_silent(const char *bytes, size_t len)
{
    struct buf text = {0};
    assert_false(resp_say(bytes_of(bytes, len), &text));
    assert_int_equal(text.len, 0);
    buf_free(&text);
}

static void says_what_is_said(void **state)
{
    (void)state;
    assert_says("*3\r\n$3\r\nset\r\n$2\r\na1\r\n$2\r\nv1\r\n", "set a1 v1");
    assert_says("+OK\r\n", "OK");
    assert_says("$-1\r\n", "(nil)");
    assert_says("$5\r\nhe\x1blo\r\n", "he.lo");
    assert_says("$0\r\n\r\n", "\"\"");
    assert_says(":42\r\n", "42");
    assert_says("-ERR no\r\n", "ERR no");
    assert_says("*0\r\n", "(nothing)");
    assert_says("*2\r\n:1\r\n*1\r\n:2\r\n", "1 [\xe2\x80\xa6]");
    assert_says("*2\r\n$3\r\nGET\r\n$40\r\nabcdefghijklmnopqrstuvwxyzabcdefghijklmn\r\n",
                "GET abcdefghijklmnopqrstuvwxyzabcdef\xe2\x80\xa6");
}

static void says_nothing_of_other_bytes(void **state)
{
    (void)state;
    assert_silent("", 0);
    assert_silent("\r\n", 2);
    assert_silent("set a 1", 7);
    assert_silent("$x\r\n", 4);
    assert_silent("$99999999999999999\r\n", 20);
    assert_silent("\x08\x01\x12", 3);
    /* Cut anywhere, it stays inside. */
    const char whole[] = "*3\r\n$3\r\nset\r\n$2\r\na1\r\n$2\r\nv1\r\n";
    for (size_t n = 0; n < sizeof whole; n++) {
        struct buf text = {0};
        resp_say(bytes_of(whole, n), &text);
        buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_said),
        cmocka_unit_test(says_nothing_of_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
