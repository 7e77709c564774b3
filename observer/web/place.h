/* Where we are, and whether a request means us: a page of somebody else's that a browser was made
 * to send here says so in its Host or Origin. */
#ifndef ORRERY_WEB_PLACE_H
#define ORRERY_WEB_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place {
    char host[64]; /* The address that we listen at. */
    uint16_t port;
    bool anywhere; /* 0.0.0.0 or ::, where we may be reached by any address, and through others'
                      ports. */
};

/* False when it is no address of IPv4 or IPv6; "localhost" is 127.0.0.1. */
bool place_read(struct place *p, const char *host, uint16_t port);
void place_url(const struct place *p, char *into, size_t size); /* "http://127.0.0.1:7400" */

/* The header's text, "127.0.0.1:7400", and "http://127.0.0.1:7400". Names are never right but
 * localhost: whoever owns a name can point it at us. */
bool place_is_host(const struct place *p, const char *host);
bool place_is_origin(const char *host, const char *origin);

#endif
