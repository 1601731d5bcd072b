/* Pack: numbers and bytes, little-endian and of fixed length, into and out of forms that are signed
 * (mesh/devices.h, mesh/charter.h). It knows no form but that of the versions that went before.
 * Thread rule: any. */
#ifndef WF_MESH_PACK_H
#define WF_MESH_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/devices.h"

/* Writes to p, where there must be room; gives what is behind it. */
uint8_t *wf_pack(uint8_t *p, const void *bytes, size_t n);
/* The same with the lowest n bytes (at most 8) of a number. */
uint8_t *wf_pack_number(uint8_t *p, uint64_t v, size_t n);
/* And with how many versions there were (a byte) and each: number (8) and hash. */
uint8_t *wf_pack_ancestors(uint8_t *p, const struct wf_devices_version *v, size_t n);

/* What is read from: begins with p and left, and is_short false. */
struct wf_unpack {
    const uint8_t *p;
    size_t left;
    bool is_short; /* more was wanted than there was; sticks, and all that is taken is 0 */
};

/* Takes n bytes. */
void wf_unpack(struct wf_unpack *u, void *out, size_t n);
/* Takes a number of n bytes, at most 8. */
uint64_t wf_unpack_number(struct wf_unpack *u, size_t n);
/* Takes the versions before `version`, at most n_max: in order, none twice, each older. False: they
 * are not; *out_n may have been written. */
bool wf_unpack_ancestors(struct wf_unpack *u, uint64_t version, size_t n_max,
                         struct wf_devices_version *out, size_t *out_n);

#endif
