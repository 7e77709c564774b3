/* Whether a request means us. */
#include "unit/unit.h"

#include "web/place.h"

#include <string.h>

static struct place at(const char *host, uint16_t port)
{
    struct place p;
    assert_true(place_read(&p, host, port));
    return p;
}

static void addresses_are_read(void **state)
{
    struct place p;
    char url[80];
    (void)state;
    assert_false(place_read(&p, "example.org", 1));
    assert_false(place_read(&p, "", 1));
    assert_false(place_read(&p, "127.0.0.1:80", 1));
    assert_false(
        place_read(&p, "1234567890123456789012345678901234567890123456789012345678901234", 1));
    p = at("localhost", 7400);
    place_url(&p, url, sizeof url);
    assert_string_equal(url, "http://127.0.0.1:7400");
    p = at("::1", 7400);
    place_url(&p, url, sizeof url);
    assert_string_equal(url, "http://[::1]:7400");
    p = at("0.0.0.0", 7400);
    place_url(&p, url, sizeof url);
    assert_string_equal(url, "http://127.0.0.1:7400");
}

static void on_this_machine_only_we_are_meant(void **state)
{
    static const char *const good[] = {"127.0.0.1:7400", "localhost:7400", "LOCALHOST:7400"};
    static const char *const bad[] = {
        "",
        ":",
        ":7400",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:7401",
        "127.0.0.1:07400x",
        "127.0.0.1:74000",
        "127.0.0.1:-7400",
        "127.0.0.1:+7400",
        "127.0.0.1 :7400",
        "127.0.0.1:7400, 127.0.0.1:7400",
        "127.0.0.2:7400",
        "[::1]:7400",
        "[::1",
        "evil.example:7400",
        "localhost.evil.example:7400",
        "127.0.0.1.evil.example:7400",
        "user@127.0.0.1:7400",
    };
    (void)state;
    struct place p = at("127.0.0.1", 7400);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(place_is_host(&p, good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (place_is_host(&p, bad[i]))
            fail_msg("%s", bad[i]);
    p = at("::1", 7400);
    assert_true(place_is_host(&p, "[::1]:7400"));
    assert_true(place_is_host(&p, "localhost:7400"));
    assert_false(place_is_host(&p, "127.0.0.1:7400"));
    p = at("127.0.0.1", 80);
    assert_true(place_is_host(&p, "127.0.0.1"));
}

/* By any address, also through somebody's ports; by a name never. */
static void beyond_this_machine_names_stay_out(void **state)
{
    (void)state;
    struct place p = at("0.0.0.0", 7400);
    assert_true(place_is_host(&p, "192.168.1.7:7400"));
    assert_true(place_is_host(&p, "192.168.1.7:8080"));
    assert_true(place_is_host(&p, "[fe80::1]:7400"));
    assert_true(place_is_host(&p, "localhost:8080"));
    assert_false(place_is_host(&p, "evil.example:7400"));
    assert_false(place_is_host(&p, "1.2.3.4.evil.example"));
    p = at("192.168.1.7", 7400);
    assert_true(place_is_host(&p, "192.168.1.7:7400"));
    assert_false(place_is_host(&p, "localhost:7400"));
    assert_false(place_is_host(&p, "192.168.1.8:7400"));
}

static void origins_are_hosts(void **state)
{
    (void)state;
    assert_true(place_is_origin("127.0.0.1:7400", "http://127.0.0.1:7400"));
    assert_true(place_is_origin("localhost:7400", "http://LocalHost:7400"));
    assert_false(place_is_origin("127.0.0.1:7400", "http://localhost:7400"));
    assert_false(place_is_origin("127.0.0.1:7400", "https://127.0.0.1:7400"));
    assert_false(place_is_origin("127.0.0.1:7400", "http://127.0.0.1:7400/"));
    assert_false(place_is_origin("127.0.0.1:7400", "http://127.0.0.1"));
    assert_false(place_is_origin("127.0.0.1:7400", "null"));
    assert_false(place_is_origin("127.0.0.1:7400", ""));
    assert_false(place_is_origin("127.0.0.1:7400", "http://a@127.0.0.1:7400"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(on_this_machine_only_we_are_meant),
        cmocka_unit_test(beyond_this_machine_names_stay_out),
        cmocka_unit_test(origins_are_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
