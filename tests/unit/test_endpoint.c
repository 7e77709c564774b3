/* Where to call or to listen, as people write it. */
#include "agent/endpoint.h"

#include "unit.h"

#include <string.h>

static void reads(const char *text, const char *host, uint16_t port)
{
    struct endpoint e;
    assert_true(endpoint_read(text, 7500, &e));
    assert_string_equal(e.host, host);
    assert_int_equal(e.port, port);
}

static void hosts_and_ports_are_told_apart(void **state)
{
    (void)state;
    reads("observer", "observer", 7500);
    reads("observer:1", "observer", 1);
    reads("10.0.0.1:65535", "10.0.0.1", 65535);
    reads("[::1]:80", "::1", 80);
    reads("[fe80::1]", "fe80::1", 7500);
    reads("fe80::1", "fe80::1", 7500);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",       ":7500",   "host:",      "host:0",
                                        "host:x", "host:1x", "host:70000", "host:123456",
                                        "[::1",   "[]:80",   "[::1]80",    "[::1]x"};
    struct endpoint e;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(endpoint_read(texts[i], 7500, &e));
    char longer[400];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_false(endpoint_read(longer, 7500, &e));
}

static void loopback_is_what_only_this_machine_reaches(void **state)
{
    (void)state;
    assert_true(endpoint_is_loopback("127.0.0.1"));
    assert_true(endpoint_is_loopback("127.9.9.9"));
    assert_true(endpoint_is_loopback("::1"));
    assert_true(endpoint_is_loopback("LocalHost"));
    assert_false(endpoint_is_loopback("0.0.0.0"));
    assert_false(endpoint_is_loopback("::"));
    assert_false(endpoint_is_loopback("127.0.0.1.example"));
    assert_false(endpoint_is_loopback("observer"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_and_ports_are_told_apart),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(loopback_is_what_only_this_machine_reaches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
