/* Addresses of sockets: numbers only, no names are looked up. */
#ifndef ORRERY_RUNTIME_ADDRESS_H
#define ORRERY_RUNTIME_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

bool address_parse(union address *at, const char *text, uint16_t port);
socklen_t address_size(const union address *at);
bool address_equal(const union address *a, const union address *b);
uint16_t address_port_of(int fd); /* That a socket is bound to. */

/* A listening stream socket, at `port` or at any where that one is 0 or taken. -errno. */
int address_listen(const char *address, uint16_t port, uint16_t *bound);

#endif
