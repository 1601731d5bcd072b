/* What the words of a time mean: the table of when_words.c. Only when*.c include this.
 * Thread rule: any. */
#ifndef WF_TEXT_WHEN_INTERNAL_H
#define WF_TEXT_WHEN_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

/* What a word or group of words can be; several rows of the table may have the same words. */
enum wf_when_kind {
    WF_WHEN_FILL,    /* stands between parts of a time and says nothing */
    WF_WHEN_AT,      /* before a time of day */
    WF_WHEN_AT_HOUR, /* likewise, but only where the hour is called one: "à neuf heures" */
    WF_WHEN_IN,      /* before a length of time: "in", "dans", "dentro de" */
    WF_WHEN_NEXT,    /* before or behind a weekday, week, month */
    WF_WHEN_THIS,
    WF_WHEN_EVERY,
    WF_WHEN_BEFORE,
    WF_WHEN_DAY,     /* value: days from today */
    WF_WHEN_WEEKDAY, /* value: 0 is Monday */
    WF_WHEN_MONTH,   /* value: 1 is January */
    WF_WHEN_NUMBER,
    WF_WHEN_ONE,     /* an article: one, before a unit only */
    WF_WHEN_ORDINAL, /* value: its number */
    WF_WHEN_TH,      /* what stands behind an ordinal's digits */
    WF_WHEN_UNIT,    /* value: enum wf_when_unit */
    WF_WHEN_CLOCK,   /* behind an hour: "Uhr", "o'clock" */
    WF_WHEN_HOUR,    /* behind an hour or a number of hours: "heures", "h" */
    WF_WHEN_AM,
    WF_WHEN_PM,
    WF_WHEN_PART,         /* value: enum wf_when_part_of_day */
    WF_WHEN_POINT,        /* value: the hour: noon 12, midnight 24 */
    WF_WHEN_HALF_TO,      /* "halb neun": half an hour before */
    WF_WHEN_PAST_NUMBER,  /* before the hour; value: minutes past it: "half past" */
    WF_WHEN_NUMBER_TO,    /* before the hour; value: minutes that are missing: "quarter to" */
    WF_WHEN_PAST,         /* between minutes and the hour: "past" */
    WF_WHEN_TO,           /* between missing minutes and the hour: "to" */
    WF_WHEN_MORE_MINUTES, /* behind the hour; value: "et demie" 30, "menos cuarto" -15 */
    WF_WHEN_HALF,         /* half of the unit that follows */
    WF_WHEN_AND_HALF,     /* behind a unit */
    WF_WHEN_WEEKEND,
    WF_WHEN_FROM_NOW, /* behind a length of time */
    WF_WHEN_FROM,     /* between a length of time and what it is counted from */
    WF_WHEN_LAST,     /* what is gone by */
};

enum wf_when_unit {
    WF_WHEN_MINUTES,
    WF_WHEN_HOURS,
    WF_WHEN_DAYS,
    WF_WHEN_WEEKS,
    WF_WHEN_MONTHS,
    WF_WHEN_YEARS,
};

enum wf_when_part_of_day {
    WF_WHEN_MORNING,
    WF_WHEN_FORENOON,
    WF_WHEN_AFTERNOON,
    WF_WHEN_EVENING,
    WF_WHEN_NIGHT,
};

struct wf_when_row {
    const char *words; /* folded, in small letters, one blank between */
    enum wf_when_kind kind;
    int value;
};

/* The table, in no order. Static storage. */
const struct wf_when_row *wf_when__rows(size_t *out_n);

#endif
