/* Cut: a blob in pieces whose borders its content decides, so that of a blob that has changed only
 * the pieces around the change are others. FastCDC (Xia et al., "The Design of Fast Content-Defined
 * Chunking for Data Deduplication Based Storage Systems", 2020): a gear hash over the last 64
 * bytes, none of it below the least length, and two masks, the stricter below the normal length, so
 * that lengths gather around it.
 *
 * Where borders lie is the same on every device, or nothing would be found again: lengths, masks
 * and the table of the hash are version 1, and stay. The table's 256 numbers are those of
 * splitmix64 (Steele et al., 2014) from the state 0x77656674206769FF ("weft gi" and 0xFF) on.
 * Thread rule: any. */
#ifndef WF_MESH_BLOBS_CUT_H
#define WF_MESH_BLOBS_CUT_H

#include <stddef.h>
#include <stdint.h>

/* Lengths of a piece; only a blob's last may be shorter than the least. */
#define WF_PIECE_BYTES_MIN ((size_t)64 << 10)
#define WF_PIECE_BYTES_NORMAL ((size_t)256 << 10)
#define WF_PIECE_BYTES_MAX ((size_t)1 << 20)
#define WF_PIECE_HASH_BYTES 32

/* One piece of a blob. */
struct wf_piece {
    uint32_t bytes;
    uint8_t hash[WF_PIECE_HASH_BYTES]; /* SHA-256 of its content: processors have it */
};

/* How long the first piece of p[0..n) is, n > 0: where n is below WF_PIECE_BYTES_MAX the blob ends
 * behind it. */
size_t wf_piece_cut(const uint8_t *p, size_t n);

/* The piece p[0..n) with its hash. */
void wf_piece_make(const uint8_t *p, size_t n, struct wf_piece *out);

#endif
