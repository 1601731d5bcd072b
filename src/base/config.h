/* Feature macros and function attributes. The only header every file may assume. */
#ifndef WF_BASE_CONFIG_H
#define WF_BASE_CONFIG_H

#define WF_VERSION "0.1.0"

#define WF_MUST_USE __attribute__((warn_unused_result))
#define WF_PRINTF(fmt_index, first_arg) __attribute__((format(printf, fmt_index, first_arg)))
#define WF_NORETURN __attribute__((noreturn))

#define WF_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define WF_MIN(a, b) ((a) < (b) ? (a) : (b))
#define WF_MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
