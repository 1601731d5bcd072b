/* The form of letters with spaces, which sharing_grant.c writes and sharing_letter.c reads. Only
 * these two include this. */
#ifndef WF_MESH_SHARING_GRANT_H
#define WF_MESH_SHARING_GRANT_H

#define WF_SHARING_GRANT_MAGIC "weft grant 2\n"
#define WF_SHARING_GRANT_PURPOSE WF_STR("grant 2")
#define WF_SHARING_GRANT_IS_ME 1u

#endif
