/* Notify: tells the service manager how far we are (sd_notify's protocol: one datagram to the
 * socket named by NOTIFY_SOCKET). */
#ifndef WF_DAEMON_NOTIFY_H
#define WF_DAEMON_NOTIFY_H

/* Sends `state` ("READY=1", "STOPPING=1"). Without a service manager, and on any failure, nothing
 * happens. `address` is NOTIFY_SOCKET's value or NULL. Thread: any. Source: sd_notify(3). */
void wf_notify(const char *address, const char *state);

#endif
