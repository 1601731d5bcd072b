/* The part of weft spaces that is about people: who is in a space, somebody is invited, or joins.
 * Each prints what came of it and returns the exit status. Thread: owner (main). */
#ifndef WF_CLI_MEMBERS_H
#define WF_CLI_MEMBERS_H

#include "cli/cli.h"

/* Who is in it; says so. */
int wf_members_list(struct wf_cli *cli, const char *space);
/* Shows a code and waits until it has ended; with --json it counts on in the daemon. role, level:
 * NULL: write, private. */
int wf_members_invite(struct wf_cli *cli, const char *space, const char *role, const char *level);
/* Joins by such a code: "CODE@HOST:PORT", or what was scanned. */
int wf_members_join(struct wf_cli *cli, const char *target);
/* Says anew what a member may; takes him out; goes oneself. */
int wf_members_role(struct wf_cli *cli, const char *space, const char *member, const char *role);
int wf_members_remove(struct wf_cli *cli, const char *space, const char *member);
int wf_members_leave(struct wf_cli *cli, const char *space);

#endif
