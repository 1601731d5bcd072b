/* Engines, within route/: how a setting is read and written, and what a URL may be. */
#ifndef WF_ROUTE_ENGINES_INTERNAL_H
#define WF_ROUTE_ENGINES_INTERNAL_H

#include "route/engines.h"

/* What one line of a section says. */
struct wf_engine_setting {
    const char *name;
    enum wf_engine_setting_kind {
        WF_SETTING_PROTOCOL,
        WF_SETTING_LABEL,
        WF_SETTING_TIER,
        WF_SETTING_TEXT,
        WF_SETTING_MODEL, /* may stand several times */
        WF_SETTING_LACKS, /* names of abilities, by blanks */
        WF_SETTING_FLAG,  /* yes or no */
        WF_SETTING_COUNT, /* whole number from 1 */
        WF_SETTING_MONEY, /* decimal number, at most six places */
    } kind;
    size_t offset; /* in struct wf_engine_entry */
    bool must;     /* each section has it */
};

extern const struct wf_engine_setting wf_engine__settings[];
extern const size_t wf_engine__n_settings;
extern const char *const wf_engine__abilities[6]; /* by bit */

/* The most that a price or a budget may be: a billion. */
#define WF_ENGINE_MONEY_MAX (INT64_C(1000000000) * 1000000)
#define WF_ENGINE_COUNT_MAX INT64_C(1000000000000000)

/* A URL's host (with its brackets), and whether it is this machine. */
struct wf_engine_url {
    struct wf_str host;
    bool is_https, is_loopback;
};
/* Errors: INVAL. Views into `url`. */
int wf_engine__url(struct wf_str url, struct wf_engine_url *out, struct wf_err *err) WF_MUST_USE;

/* As policies call who is behind a host: "openai", or the host itself. */
struct wf_str wf_engine__provider(struct wf_str host);

#endif
