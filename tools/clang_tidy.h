/* For clang-tidy only, which looks at one file at a time: wf_err_set and wf_err_errno return a
 * failure. Without this it follows paths on which an error was set and yet nothing failed. */
#include "base/err.h"

#define wf_err_set(err, code, ...) (wf_err_set(err, code, __VA_ARGS__), (code))
#define wf_err_errno(...) (wf_err_errno(__VA_ARGS__), WF_E_IO)
