/* A picture of four by four points as base64: a PNG file with nothing more in it, and the same one
 * with a comment that tells where it was taken. */
#ifndef SUPPORT_PICTURES_H
#define SUPPORT_PICTURES_H

/* clang-format off */
#define PICTURE_CLEAN \
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAKUlEQVR42g3HMQEAAAzCMIShpEoqDIFbviShwbCQ" \
    "lBbL+pGKMj+jw7FxbAMQ4fc+zgkAAAAASUVORK5CYII="
#define PICTURE_TELLING \
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAH3RFWHRDb21tZW50AHRha2VuIGJ5IEFubmEsIE4g" \
    "NDguMTM314yGfwAAAClJREFUeNoNxzEBAAAMwjCEoaRKKgyBW74kocGwkJQWy/qRijI/o8OxcWwDEOH3Ps4JAAAA" \
    "AElFTkSuQmCC"
/* clang-format on */

#endif
