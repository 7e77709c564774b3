/* Who may come in. */
#include "unit/unit.h"

#include "page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct observed observer;
static char host[32], origin[48];

static int begin(void **state)
{
    (void)state;
    observed_begin(&observer, &(struct observed_options){.hail_ms = PAGE_DEADLINE_MS});
    snprintf(host, sizeof host, "127.0.0.1:%u", observer.port);
    snprintf(origin, sizeof origin, "http://%s", host);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return observed_end(&observer);
}

static void shown_out(struct page_client *c, unsigned code)
{
    Orrery__Tell *tell;
    while ((tell = page_hear(c))) {
        assert_int_equal(tell->kind_case, ORRERY__TELL__KIND_REFUSED);
        orrery__tell__free_unpacked(tell, NULL);
    }
    assert_int_equal(c->closed_with, code);
    page_leave(c);
}

static uint64_t hail(struct page_client *c, const char *token)
{
    Orrery__Hail h = ORRERY__HAIL__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    h.token = (char *)(uintptr_t)token;
    ask.kind_case = ORRERY__ASK__KIND_HAIL;
    ask.hail = &h;
    return page_ask(c, &ask);
}

static void who_knows_the_token_comes_in(void **state)
{
    struct page_client c;
    (void)state;
    page_enter(&c, &observer, "");
    page_leave(&c);
}

static void who_brings_no_token_is_not_answered(void **state)
{
    struct page_client c;
    (void)state;
    assert_int_equal(page_shake(&c, observer.port, "/ws", host, origin), 101);
    Orrery__StatusAsk status = ORRERY__STATUS_ASK__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    ask.kind_case = ORRERY__ASK__KIND_STATUS;
    ask.status = &status;
    page_ask(&c, &ask);
    shown_out(&c, 1008);
}

static void wrong_tokens_are_refused(void **state)
{
    char nearly[80];
    (void)state;
    snprintf(nearly, sizeof nearly, "%s", observer.token);
    nearly[31] = nearly[31] == '0' ? '1' : '0';
    const char *const wrong[] = {"", "0", nearly, "00000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct page_client c;
        assert_int_equal(page_shake(&c, observer.port, "/ws", host, origin), 101);
        hail(&c, wrong[i]);
        shown_out(&c, 1008);
    }
}

static void who_has_been_refused_is_not_answered_any_more(void **state)
{
    struct page_client c;
    (void)state;
    assert_int_equal(page_shake(&c, observer.port, "/ws", host, origin), 101);
    hail(&c, "wrong");
    hail(&c, observer.token);
    shown_out(&c, 1008);
}

static void a_late_token_is_too_late(void **state)
{
    struct observed impatient;
    struct page_client c;
    char of_host[32], of_origin[48];
    (void)state;
    observed_begin(&impatient, &(struct observed_options){.hail_ms = 100});
    snprintf(of_host, sizeof of_host, "127.0.0.1:%u", impatient.port);
    snprintf(of_origin, sizeof of_origin, "http://%s", of_host);
    assert_int_equal(page_shake(&c, impatient.port, "/ws", of_host, of_origin), 101);
    assert_null(page_hear(&c));
    assert_int_equal(c.closed_with, 1008);
    assert_string_equal(c.reason, "The token did not come in time.");
    page_leave(&c);
    assert_int_equal(observed_end(&impatient), 0);
}

static void refused(const char *path, const char *of_host, const char *of_origin, int status)
{
    struct page_client c;
    assert_int_equal(page_shake(&c, observer.port, path, of_host, of_origin), status);
    page_leave(&c);
}

static void pages_of_others_are_refused(void **state)
{
    char other[64];
    (void)state;
    refused("/ws", host, NULL, 403);
    refused("/ws", host, "null", 403);
    refused("/ws", host, "http://evil.example", 403);
    refused("/ws", host, "https://127.0.0.1", 403);
    snprintf(other, sizeof other, "http://127.0.0.1:%u", observer.port + 1);
    refused("/ws", host, other, 403);
    snprintf(other, sizeof other, "%s.evil.example", origin);
    refused("/ws", host, other, 403);
    snprintf(other, sizeof other, "https://%s", host);
    refused("/ws", host, other, 403);
}

/* A name that somebody owns may point at us: then Host and Origin agree, and are still not ours. */
static void names_of_others_are_refused(void **state)
{
    char name[64], page[80], answer[4096], request[200];
    (void)state;
    snprintf(name, sizeof name, "evil.example:%u", observer.port);
    snprintf(page, sizeof page, "http://%s", name);
    refused("/ws", name, page, 403);
    refused("/ws", NULL, origin, 403);
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", name);
    assert_int_equal(page_http(observer.port, request, answer, sizeof answer), 403);
    assert_null(strstr(answer, "a page"));
}

static void localhost_is_here_too(void **state)
{
    char name[64], page[80];
    struct page_client c;
    (void)state;
    snprintf(name, sizeof name, "localhost:%u", observer.port);
    snprintf(page, sizeof page, "http://%s", name);
    assert_int_equal(page_shake(&c, observer.port, "/ws", name, page), 101);
    page_leave(&c);
    refused("/ws", host, page, 403); /* But both must say the same. */
}

static void there_is_one_websocket(void **state)
{
    (void)state;
    refused("/", host, origin, 404);
    refused("/wss", host, origin, 404);
    refused("/ws/../ws2", host, origin, 404);
}

static void frames_have_a_bound(void **state)
{
    struct page_client c;
    static uint8_t large[(1 << 20) + 4096];
    (void)state;
    assert_int_equal(page_shake(&c, observer.port, "/ws", host, origin), 101);
    page_frame(&c, 2, true, bytes_of(large, 8192)); /* Less room before the token. */
    shown_out(&c, 1009);
    page_enter(&c, &observer, "");
    page_frame(&c, 2, true, bytes_of(large, sizeof large));
    assert_null(page_hear(&c));
    assert_true(c.closed_with == 1009 || c.closed_with == 1006);
    page_leave(&c);
    page_enter(&c, &observer, ""); /* Also in pieces. */
    bool open = page_frame(&c, 2, false, bytes_of(large, 65536));
    for (int i = 0; i < 40 && open; i++)
        open = page_frame(&c, 0, false, bytes_of(large, 65536));
    assert_null(page_hear(&c));
    assert_true(c.closed_with == 1009 || c.closed_with == 1006);
    page_leave(&c);
}

static void nonsense_ends_it(void **state)
{
    struct page_client c;
    static const uint8_t nonsense[] = {0xff, 0xff, 0xff, 0xff, 1, 2, 3};
    (void)state;
    page_enter(&c, &observer, "");
    page_frame(&c, 2, true, bytes_of(nonsense, sizeof nonsense));
    assert_null(page_hear(&c));
    assert_int_equal(c.closed_with, 1007);
    page_leave(&c);
    page_enter(&c, &observer, "");
    page_frame(&c, 1, true, bytes_str("text"));
    assert_null(page_hear(&c));
    assert_int_equal(c.closed_with, 1003);
    page_leave(&c);
}

static int http(const char *line, const char *more, char *answer, size_t size)
{
    char request[400];
    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n",
             line, host, more);
    return page_http(observer.port, request, answer, size);
}

static void has(const char *answer, const char *header)
{
    if (!strstr(answer, header))
        fail_msg("no '%s' in: %s", header, answer);
}

static void files_are_served(void **state)
{
    char answer[8192], more[200];
    (void)state;
    assert_int_equal(http("GET /", "", answer, sizeof answer), 200);
    has(answer, "<!doctype html><title>a page</title>");
    has(answer, "content-security-policy: default-src 'none'; script-src 'self';");
    has(answer, "x-content-type-options: nosniff\r\n");
    has(answer, "referrer-policy: no-referrer\r\n");
    has(answer, "cache-control: no-cache\r\n");
    assert_null(strstr(answer, "set-cookie"));
    const char *etag = strstr(answer, "etag: ");
    assert_non_null(etag);
    snprintf(more, sizeof more, "If-None-Match: %.34s\r\n", etag + 6);
    assert_int_equal(http("GET /index.html", more, answer, sizeof answer), 304);
    assert_null(strstr(answer, "a page"));
    assert_int_equal(http("HEAD /", "", answer, sizeof answer), 200);
    assert_null(strstr(answer, "a page"));
    assert_int_equal(
        http("GET /assets/a-12345678.js", "Accept-Encoding: gzip, br\r\n", answer, sizeof answer),
        200);
    has(answer, "content-encoding: gzip\r\n");
    has(answer, "cache-control: private, max-age=31536000, immutable\r\n");
    assert_int_equal(
        http("GET /assets/a-12345678.js", "Accept-Encoding: identity\r\n", answer, sizeof answer),
        406);
}

static void nothing_else_is(void **state)
{
    static const char *const nowhere[] = {"GET /nothing", "GET /../../../etc/passwd",
                                          "GET /assets/", "GET /index.html%00", "GET /Index.html"};
    char answer[8192];
    (void)state;
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        int status = http(nowhere[i], "", answer, sizeof answer);
        assert_true(status == 404 || status == 403 || status == 400 || status == 0);
        assert_null(strstr(answer, "root:"));
    }
    assert_int_equal(http("GET /nothing", "", answer, sizeof answer), 404);
    has(answer, "There is no such file. The page is at /.\n");
    assert_int_equal(http("POST /", "Content-Length: 0\r\n", answer, sizeof answer), 405);
    has(answer, "allow: GET, HEAD\r\n");
    has(answer, "Files can be read here, and nothing else.\n");
    assert_int_equal(http("GET /ws", "", answer, sizeof answer), 426);
}

static void half_requests_keep_nobody_out(void **state)
{
    int fds[60];
    char answer[4096];
    (void)state;
    for (size_t i = 0; i < 60; i++) {
        fds[i] = page_connect(observer.port);
        assert_int_equal(write(fds[i], "GET / HT", 8), 8);
    }
    assert_int_equal(http("GET /", "", answer, sizeof answer), 200);
    for (size_t i = 0; i < 60; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_knows_the_token_comes_in),
        cmocka_unit_test(who_brings_no_token_is_not_answered),
        cmocka_unit_test(wrong_tokens_are_refused),
        cmocka_unit_test(who_has_been_refused_is_not_answered_any_more),
        cmocka_unit_test(a_late_token_is_too_late),
        cmocka_unit_test(pages_of_others_are_refused),
        cmocka_unit_test(names_of_others_are_refused),
        cmocka_unit_test(localhost_is_here_too),
        cmocka_unit_test(there_is_one_websocket),
        cmocka_unit_test(frames_have_a_bound),
        cmocka_unit_test(nonsense_ends_it),
        cmocka_unit_test(files_are_served),
        cmocka_unit_test(nothing_else_is),
        cmocka_unit_test(half_requests_keep_nobody_out),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
