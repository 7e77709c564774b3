/* CRC-32C (Castagnoli), as in iSCSI (RFC 3720, B.4). In hardware where the processor has it. */
#ifndef ORRERY_BASE_CRC32C_H
#define ORRERY_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of n more bytes after `crc`; start with 0. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t n);

/* The same by tables, as on processors without the instruction. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t n);

#endif
