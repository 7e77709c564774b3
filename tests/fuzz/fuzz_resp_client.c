/* A connection that is fed anything, with replies in an order that the bytes choose. */
#include "clients/resp_client.h"

#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resp_client c;
    uint64_t open[8];
    size_t n = 0;
    resp_client_init(&c);
    for (size_t at = 0; at < size;) {
        size_t piece = data[at] % 32;
        at++;
        piece = piece < size - at ? piece : size - at;
        resp_client_feed(&c, bytes_of(data + at, piece));
        at += piece;
        uint64_t request;
        struct bytes frame;
        while (resp_client_next(&c, &request, &frame)) {
            CHECK(resp_parse(frame, NULL, 0) > 0);
            open[n++] = request;
            if (n < 8)
                continue;
            for (size_t left = n; left > 0; left--) {
                size_t k = piece % left;
                resp_client_reply(&c, open[k], bytes_str("+OK\r\n"), false);
                open[k] = open[left - 1];
            }
            n = 0;
        }
        resp_client_sent(&c, resp_client_output(&c).len);
        (void)resp_client_credit(&c);
    }
    while (n > 0)
        resp_client_reply(&c, open[--n], bytes_str("+OK\r\n"), false);
    resp_client_sent(&c, resp_client_output(&c).len);
    resp_client_free(&c);
    return 0;
}
