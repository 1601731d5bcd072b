/* The instruction, for crc32c.c only. "State" is a checksum without its inversions. Thread rule:
 * any. */
#ifndef WF_BASE_CRC32C_INTERNAL_H
#define WF_BASE_CRC32C_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

/* The state behind n bytes. */
uint32_t wf_crc32c__bytes(uint32_t state, const uint8_t *p, size_t n);

/* Three runs of n_words words of 8 bytes that stand behind each other, at once: an instruction
 * takes three cycles, and one can begin in each. */
void wf_crc32c__lanes(const uint8_t *p, size_t n_words, uint32_t io_states[3]);

#endif
