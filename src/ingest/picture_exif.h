/* EXIF: which way up a camera held the picture. Thread rule: any. */
#ifndef WF_INGEST_PICTURE_EXIF_H
#define WF_INGEST_PICTURE_EXIF_H

#include "base/str.h"

/* By how many degrees (0, 90, 180, 270) the JPEG in `bytes` must be turned clockwise to be upright;
 * 0 when it does not say, or is no JPEG. Mirrored pictures count as not mirrored. */
unsigned wf_picture_exif_turn(struct wf_str bytes);

#endif
