/* The catalogue: every text a person reads goes through _() or N_() (marked, translated later). */
#ifndef WF_CLI_I18N_H
#define WF_CLI_I18N_H

#include <libintl.h>

#define _(text) gettext(text)
#define N_(text) text

#endif
