/* CRC32C: the checksum of iSCSI, ext4 and SQLite's neighbours (Castagnoli's polynomial), by the
 * processor's instruction where it has one. It finds damage, no forgery. Thread rule: any. */
#ifndef WF_BASE_CRC32C_H
#define WF_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of n bytes behind those whose checksum is `crc` (0 = none). */
uint32_t wf_crc32c(uint32_t crc, const void *p, size_t n);

/* The same without the processor's instruction: what the other one is compared with. */
uint32_t wf_crc32c_plain(uint32_t crc, const void *p, size_t n);

#endif
