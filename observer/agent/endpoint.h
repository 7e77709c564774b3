/* Where to call or to listen, as people write it: HOST, HOST:PORT, [V6] or [V6]:PORT. */
#ifndef ORRERY_AGENT_ENDPOINT_H
#define ORRERY_AGENT_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ENDPOINT_HOST = 256 };

struct endpoint {
    char host[ENDPOINT_HOST];
    uint16_t port;
};

bool endpoint_read(const char *text, uint16_t usual_port, struct endpoint *into);
/* An address that only this machine reaches, or localhost. */
bool endpoint_is_loopback(const char *host);
/* Of an address, which is no name; its size, 0 when it is none. */
socklen_t endpoint_address(const char *address, uint16_t port, struct sockaddr_storage *into);
/* A listening socket at an address, which is no name; or -errno. */
int endpoint_listen(const char *address, uint16_t port);
uint16_t endpoint_port(int fd); /* That a socket is bound to. */

#endif
