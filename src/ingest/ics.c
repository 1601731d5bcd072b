/* SPDX-License-Identifier: Apache-2.0 */
/* iCalendar: every event, task and note as a person would write it down.
 *
 *     Weekly review
 *     When: Monday, 4 March 2024, 10:00 to 11:00 (Europe/Berlin)
 *     Repeats: every week on Monday, 10 times
 *     Location: Room 2
 *     Attendees: Ada Lovelace <ada@example.com>, ...
 *
 * libical takes the file apart; lines it cannot read are a warning that quotes them, the rest of
 * the entry is kept. Times stand as written, with the name of their zone: nothing is converted, no
 * zone data is read. Alarms and zone definitions are left out. Calendars in calendars and entries
 * in components of unknown name are found by walking down. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <libical/ical.h>

#include "base/limits.h"
#include "ingest/compose.h"
#include "ingest/format.h"
#include "ingest/parse.h"
#include "ingest/textin.h"
#include "text/utf8.h"

#define TEXT_BYTES_MAX ((size_t)48 << 20)
#define ATTENDEES_MAX 200
#define DATES_MAX 50

struct calendar {
    struct wf_compose c;
    struct wf_stream_writer *w;
    unsigned n_entries;
    bool titled;
    struct wf_str first_title; /* borrowed from the first entry */
};

static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};

/* ---- values ---- */

static const char *text_of(icalproperty *p)
{
    const icalvalue *v = p != NULL ? icalproperty_get_value(p) : NULL;
    if (v == NULL) {
        return "";
    }
    const char *s = icalvalue_isa(v) == ICAL_TEXT_VALUE ? icalvalue_get_text(v) : NULL;
    s = s != NULL ? s : icalproperty_get_value_as_string(p);
    return s != NULL ? s : "";
}

static const char *parameter(icalproperty *p, const char *name)
{
    const char *s = p != NULL ? icalproperty_get_parameter_as_string(p, name) : NULL;
    return s != NULL ? s : "";
}

static const char *zone_of(icalproperty *p, struct icaltimetype t)
{
    return icaltime_is_utc(t) ? "UTC" : parameter(p, "TZID");
}

/* "Monday, 4 March 2024", with the clock when the time has one. */
static void append_time(struct wf_buf *b, struct icaltimetype t, bool with_date)
{
    if (t.month < 1 || t.month > 12 || t.day < 1 || t.day > 31) {
        return;
    }
    if (with_date) {
        int day = icaltime_day_of_week(t);
        (void)wf_buf_appendf(b, "%s, %d %s %04d", days[(day + 6) % 7], t.day, months[t.month - 1],
                             t.year); /* cut at its maximum is fine, here and below */
    }
    if (!t.is_date) {
        (void)wf_buf_appendf(b, "%s%02d:%02d", with_date ? ", " : "", t.hour, t.minute);
        if (t.second != 0) {
            (void)wf_buf_appendf(b, ":%02d", t.second);
        }
    }
}

/* ---- fields ---- */

static void put_field(struct calendar *k, const char *name, struct wf_str value)
{
    if (wf_str_trim(value).len == 0) {
        return;
    }
    wf_compose_line(&k->c);
    wf_compose_flow(&k->c, wf_str_from(name));
    wf_compose_flow(&k->c, WF_STR(": "));
    wf_compose_flow(&k->c, value);
}

static bool same_day(struct icaltimetype a, struct icaltimetype b)
{
    return a.year == b.year && a.month == b.month && a.day == b.day;
}

static struct icaltimetype time_at(icalcomponent *e, icalproperty_kind kind, icalproperty **out_p)
{
    icalproperty *p = icalcomponent_get_first_property(e, kind);
    const icalvalue *v = p != NULL ? icalproperty_get_value(p) : NULL;
    *out_p = p;
    if (v == NULL) {
        return icaltime_null_time();
    }
    if (icalvalue_isa(v) == ICAL_DATE_VALUE) {
        return icalvalue_get_date(v);
    }
    return icalvalue_isa(v) == ICAL_DATETIME_VALUE ? icalvalue_get_datetime(v)
                                                   : icaltime_null_time();
}

static struct icaltimetype end_of(icalcomponent *e, struct icaltimetype start, icalproperty **out_p)
{
    struct icaltimetype end = time_at(e, ICAL_DTEND_PROPERTY, out_p);
    icalproperty *p = icalcomponent_get_first_property(e, ICAL_DURATION_PROPERTY);
    const icalvalue *v = p != NULL ? icalproperty_get_value(p) : NULL;
    if (icaltime_is_null_time(end) && v != NULL && icalvalue_isa(v) == ICAL_DURATION_VALUE) {
        struct icaldurationtype d = icalvalue_get_duration(v);
        *out_p = NULL;
        if (!icaldurationtype_is_bad_duration(d) && !icaldurationtype_is_null_duration(d)) {
            end = icaltime_add(start, d);
        }
    }
    return end;
}

static void put_when(struct calendar *k, icalcomponent *e)
{
    icalproperty *p_start = NULL;
    icalproperty *p_end = NULL;
    struct icaltimetype start = time_at(e, ICAL_DTSTART_PROPERTY, &p_start);
    struct wf_buf b;
    if (icaltime_is_null_time(start)) {
        return;
    }
    struct icaltimetype end = end_of(e, start, &p_end);
    struct icaltimetype last = end;
    wf_buf_init(&b, 1024);
    append_time(&b, start, true);
    if (!icaltime_is_null_time(end) && start.is_date && end.is_date) {
        icaltime_adjust(&last, -1, 0, 0, 0); /* a day's end is the next day's beginning */
    }
    if (!icaltime_is_null_time(end) && icaltime_compare(last, start) > 0) {
        (void)wf_buf_append_cstr(&b, " to "); /* cut at its maximum is fine, here and below */
        append_time(&b, last, start.is_date || !same_day(start, last));
    }
    const char *zone = zone_of(p_start, start);
    if (start.is_date) {
        (void)wf_buf_append_cstr(&b, " (all day)");
    } else if (zone[0] != '\0') {
        (void)wf_buf_appendf(&b, " (%s)", zone);
    }
    put_field(k, "When", wf_buf_str(&b));
    wf_buf_deinit(&b);
}

static void put_time(struct calendar *k, icalcomponent *e, icalproperty_kind kind, const char *name)
{
    icalproperty *p = NULL;
    struct icaltimetype t = time_at(e, kind, &p);
    struct wf_buf b;
    wf_buf_init(&b, 1024);
    if (!icaltime_is_null_time(t)) {
        append_time(&b, t, true);
        const char *zone = zone_of(p, t);
        if (zone[0] != '\0' && !t.is_date) {
            (void)wf_buf_appendf(&b, " (%s)", zone); /* cut at its maximum is fine */
        }
        put_field(k, name, wf_buf_str(&b));
    }
    wf_buf_deinit(&b);
}

/* ---- recurrence in words ---- */

static size_t n_by(const short *list, size_t max)
{
    size_t n = 0;
    while (n < max && list[n] != ICAL_RECURRENCE_ARRAY_MAX) {
        n++;
    }
    return n;
}

/* Rules with parts that have no short wording. */
static bool is_intricate(const struct icalrecurrencetype *r)
{
    return n_by(r->by_set_pos, ICAL_BY_SETPOS_SIZE) > 0 ||
           n_by(r->by_week_no, ICAL_BY_WEEKNO_SIZE) > 0 ||
           n_by(r->by_year_day, ICAL_BY_YEARDAY_SIZE) > 0 ||
           n_by(r->by_hour, ICAL_BY_HOUR_SIZE) > 0 || n_by(r->by_minute, ICAL_BY_MINUTE_SIZE) > 0 ||
           n_by(r->by_second, ICAL_BY_SECOND_SIZE) > 0 || r->rscale != NULL ||
           r->freq < ICAL_SECONDLY_RECURRENCE || r->freq > ICAL_YEARLY_RECURRENCE;
}

static void append_days(struct wf_buf *b, const struct icalrecurrencetype *r)
{
    static const char *const nth[] = {"", "first ", "second ", "third ", "fourth ", "fifth "};
    size_t n = n_by(r->by_day, ICAL_BY_DAY_SIZE);
    for (size_t i = 0; i < n; i++) {
        int day = (int)icalrecurrencetype_day_day_of_week(r->by_day[i]);
        int pos = icalrecurrencetype_day_position(r->by_day[i]);
        const char *sep = i == 0 ? " on " : ", ";
        const char *name = day >= 1 && day <= 7 ? days[day - 1] : "?";
        if (pos == 0) {
            (void)wf_buf_appendf(b, "%s%s", sep, name); /* cut at its maximum is fine */
        } else if (pos == -1) {
            (void)wf_buf_appendf(b, "%sthe last %s", sep, name);
        } else if (pos > 0 && pos < 6) {
            (void)wf_buf_appendf(b, "%sthe %s%s", sep, nth[pos], name);
        } else {
            (void)wf_buf_appendf(b, "%s%s number %d", sep, name, pos);
        }
    }
}

static void append_rule(struct wf_buf *b, const struct icalrecurrencetype *r)
{
    static const char *const units[] = {"second", "minute", "hour", "day", "week", "month", "year"};
    const char *unit = units[r->freq];
    if (r->interval > 1) {
        (void)wf_buf_appendf(b, "every %d %ss", r->interval, unit); /* cut is fine, as below */
    } else {
        (void)wf_buf_appendf(b, "every %s", unit);
    }
    append_days(b, r);
    size_t n = n_by(r->by_month_day, ICAL_BY_MONTHDAY_SIZE);
    for (size_t i = 0; i < n; i++) {
        int day = r->by_month_day[i];
        if (day == -1) {
            (void)wf_buf_append_cstr(b, i == 0 ? " on the last day" : ", the last day");
        } else {
            (void)wf_buf_appendf(b, "%s%d", i == 0 ? " on day " : ", ", day);
        }
    }
    n = n_by(r->by_month, ICAL_BY_MONTH_SIZE);
    for (size_t i = 0; i < n; i++) {
        int month = r->by_month[i];
        const char *name = month >= 1 && month <= 12 ? months[month - 1] : "?";
        (void)wf_buf_appendf(b, "%s%s", i == 0 ? " in " : ", ", name);
    }
    if (r->count > 0) {
        (void)wf_buf_appendf(b, ", %d times", r->count);
    } else if (!icaltime_is_null_time(r->until)) {
        struct icaltimetype day = r->until;
        day.is_date = 1;
        (void)wf_buf_append_cstr(b, ", until ");
        append_time(b, day, true);
    }
}

static void put_repeats(struct calendar *k, icalcomponent *e)
{
    icalproperty *p = icalcomponent_get_first_property(e, ICAL_RRULE_PROPERTY);
    for (int i = 0; p != NULL && i < 8;
         i++, p = icalcomponent_get_next_property(e, ICAL_RRULE_PROPERTY)) {
        struct wf_buf b;
        const icalvalue *v = icalproperty_get_value(p);
        if (v == NULL || icalvalue_isa(v) != ICAL_RECUR_VALUE) {
            continue;
        }
        struct icalrecurrencetype r = icalvalue_get_recur(v);
        wf_buf_init(&b, 2048);
        if (is_intricate(&r)) {
            (void)wf_buf_append_cstr(&b, text_of(p)); /* cut at its maximum is fine */
        } else {
            append_rule(&b, &r);
        }
        put_field(k, "Repeats", wf_buf_str(&b));
        wf_buf_deinit(&b);
    }
}

static void put_dates(struct calendar *k, icalcomponent *e, icalproperty_kind kind,
                      const char *name)
{
    struct wf_buf b;
    icalproperty *p = icalcomponent_get_first_property(e, kind);
    wf_buf_init(&b, 8192);
    for (int i = 0; p != NULL && i < DATES_MAX; i++, p = icalcomponent_get_next_property(e, kind)) {
        const icalvalue *v = icalproperty_get_value(p);
        struct icaltimetype t = icaltime_null_time();
        if (v != NULL && icalvalue_isa(v) == ICAL_DATE_VALUE) {
            t = icalvalue_get_date(v);
        } else if (v != NULL && icalvalue_isa(v) == ICAL_DATETIME_VALUE) {
            t = icalvalue_get_datetime(v);
        } else if (v != NULL && icalvalue_isa(v) == ICAL_DATETIMEPERIOD_VALUE) {
            struct icaldatetimeperiodtype d = icalvalue_get_datetimeperiod(v);
            t = icaltime_is_null_time(d.time) ? d.period.start : d.time;
        }
        if (!icaltime_is_null_time(t)) {
            (void)wf_buf_append_cstr(&b, b.len > 0 ? "; " : ""); /* cut is fine */
            append_time(&b, t, true);
        }
    }
    put_field(k, name, wf_buf_str(&b));
    wf_buf_deinit(&b);
}

/* ---- people ---- */

/* "Ada Lovelace <ada@example.com> (accepted)". */
static void append_person(struct wf_buf *b, icalproperty *p)
{
    const char *name = parameter(p, "CN");
    const char *status = parameter(p, "PARTSTAT");
    struct wf_str who = wf_str_from(text_of(p));
    if (wf_str_eq_nocase(wf_str_sub(who, 0, 7), WF_STR("mailto:"))) {
        who = wf_str_sub(who, 7, who.len);
    }
    (void)wf_buf_append_cstr(b, b->len > 0 ? ", " : ""); /* cut at its maximum is fine, as below */
    if (name[0] != '\0' && !wf_str_eq_nocase(wf_str_from(name), who)) {
        (void)wf_buf_appendf(b, "%s <%.*s>", name, WF_STR_ARG(who));
    } else {
        (void)wf_buf_append_str(b, who);
    }
    if (strcmp(status, "ACCEPTED") == 0 || strcmp(status, "DECLINED") == 0 ||
        strcmp(status, "TENTATIVE") == 0) {
        (void)wf_buf_append_cstr(b, status[0] == 'A'   ? " (accepted)"
                                    : status[0] == 'D' ? " (declined)"
                                                       : " (tentative)");
    }
}

static void put_people(struct calendar *k, icalcomponent *e, icalproperty_kind kind,
                       const char *name)
{
    struct wf_buf b;
    icalproperty *p = icalcomponent_get_first_property(e, kind);
    wf_buf_init(&b, 65536);
    for (int i = 0; p != NULL && i < ATTENDEES_MAX;
         i++, p = icalcomponent_get_next_property(e, kind)) {
        append_person(&b, p);
    }
    put_field(k, name, wf_buf_str(&b));
    wf_buf_deinit(&b);
}

/* ---- entries ---- */

/* All values of a kind, each a line. */
static void put_all(struct calendar *k, icalcomponent *e, icalproperty_kind kind, const char *name)
{
    icalproperty *p = icalcomponent_get_first_property(e, kind);
    for (int i = 0; p != NULL && i < DATES_MAX; i++, p = icalcomponent_get_next_property(e, kind)) {
        put_field(k, name, wf_str_from(text_of(p)));
    }
}

static void put_prose(struct calendar *k, icalcomponent *e, icalproperty_kind kind)
{
    icalproperty *p = icalcomponent_get_first_property(e, kind);
    for (int i = 0; p != NULL && i < DATES_MAX; i++, p = icalcomponent_get_next_property(e, kind)) {
        wf_compose_paragraph(&k->c);
        wf_compose_paragraphs(&k->c, wf_str_from(text_of(p)));
    }
    wf_compose_paragraph(&k->c);
}

/* Lines that libical could not read, once an entry. */
static void warn_errors(struct calendar *k, icalcomponent *e, struct wf_str title)
{
    icalproperty *p = icalcomponent_get_first_property(e, ICAL_XLICERROR_PROPERTY);
    if (p != NULL) {
        (void)wf_stream_warning(k->w, "a part of \"%.*s\" cannot be read: %.120s",
                                (int)WF_MIN(title.len, (size_t)60), title.len ? title.ptr : "",
                                text_of(p));
    }
}

static const char *kind_name(icalcomponent_kind kind)
{
    return kind == ICAL_VTODO_COMPONENT       ? "Task"
           : kind == ICAL_VJOURNAL_COMPONENT  ? "Note"
           : kind == ICAL_VFREEBUSY_COMPONENT ? "Free or busy"
           : kind == ICAL_VEVENT_COMPONENT    ? "Event"
           : kind == ICAL_VALARM_COMPONENT    ? "Reminder"
                                              : "Entry";
}

static void put_entry(struct calendar *k, icalcomponent *e, icalcomponent_kind kind)
{
    icalproperty *summary = icalcomponent_get_first_property(e, ICAL_SUMMARY_PROPERTY);
    struct wf_str title = wf_str_trim(wf_str_from(text_of(summary)));
    if (title.len == 0) {
        title = wf_str_from(kind_name(kind));
    }
    if (k->n_entries++ == 0 && !k->titled) {
        (void)wf_stream_meta(k->w, "title", title); /* failures stick in the stream */
    }
    wf_compose_heading(&k->c, 2);
    wf_compose_flow(&k->c, title);
    wf_compose_heading_end(&k->c);
    put_when(k, e);
    put_repeats(k, e);
    put_dates(k, e, ICAL_RDATE_PROPERTY, "Also on");
    put_dates(k, e, ICAL_EXDATE_PROPERTY, "Not on");
    put_time(k, e, ICAL_DUE_PROPERTY, "Due");
    put_time(k, e, ICAL_COMPLETED_PROPERTY, "Completed");
    put_all(k, e, ICAL_LOCATION_PROPERTY, "Location");
    put_people(k, e, ICAL_ORGANIZER_PROPERTY, "Organizer");
    put_people(k, e, ICAL_ATTENDEE_PROPERTY, "Attendees");
    put_all(k, e, ICAL_STATUS_PROPERTY, "Status");
    put_all(k, e, ICAL_CATEGORIES_PROPERTY, "Categories");
    put_all(k, e, ICAL_CONTACT_PROPERTY, "Contact");
    put_all(k, e, ICAL_RESOURCES_PROPERTY, "Resources");
    put_all(k, e, ICAL_URL_PROPERTY, "Link");
    put_all(k, e, ICAL_FREEBUSY_PROPERTY, "Busy");
    put_prose(k, e, ICAL_DESCRIPTION_PROPERTY);
    put_prose(k, e, ICAL_COMMENT_PROPERTY);
    warn_errors(k, e, title);
}

static void put_calendar_title(struct calendar *k, icalcomponent *e)
{
    icalproperty *p = icalcomponent_get_first_property(e, ICAL_ANY_PROPERTY);
    for (; p != NULL; p = icalcomponent_get_next_property(e, ICAL_ANY_PROPERTY)) {
        const char *name = icalproperty_get_property_name(p);
        bool is_name =
            name != NULL && (strcmp(name, "X-WR-CALNAME") == 0 || strcmp(name, "NAME") == 0);
        if (is_name && !k->titled) {
            struct wf_str title = wf_str_from(text_of(p));
            (void)wf_stream_meta(k->w, "title", title); /* failures stick in the stream */
            wf_compose_heading(&k->c, 1);
            wf_compose_flow(&k->c, title);
            wf_compose_heading_end(&k->c);
            k->titled = true;
        }
    }
    warn_errors(k, e, WF_STR("the calendar"));
    put_prose(k, e, ICAL_DESCRIPTION_PROPERTY);
}

/* An alarm repeats its entry's words, unless the entry has none. */
static bool is_left_out(icalcomponent *e, icalcomponent_kind kind, unsigned depth)
{
    icalcomponent *parent = icalcomponent_get_parent(e);
    bool spoken = parent != NULL && icalcomponent_get_first_property(parent, ICAL_ANY_PROPERTY);
    return kind == ICAL_VTIMEZONE_COMPONENT ||
           (kind == ICAL_VALARM_COMPONENT && depth > 0 && spoken);
}

static void walk(struct calendar *k, icalcomponent *e, unsigned depth)
{
    if (e == NULL || depth > WF_LIMIT_NESTING || wf_stream_status(k->w) != 0) {
        return;
    }
    icalcomponent_kind kind = icalcomponent_isa(e);
    if (is_left_out(e, kind, depth)) {
        return;
    }
    if (kind == ICAL_VCALENDAR_COMPONENT) {
        put_calendar_title(k, e);
    } else if (kind != ICAL_XROOT_COMPONENT &&
               icalcomponent_get_first_property(e, ICAL_ANY_PROPERTY) != NULL) {
        put_entry(k, e, kind);
    }
    /* The iterator of a component is one; the child's own walk does not touch it. */
    icalcompiter it = icalcomponent_begin_component(e, ICAL_ANY_COMPONENT);
    for (icalcomponent *child; (child = icalcompiter_deref(&it)) != NULL;
         (void)icalcompiter_next(&it)) {
        walk(k, child, depth + 1);
    }
}

/* ---- the format ---- */

/* libical gives nothing at all of a calendar that is cut off: what is open at the end is closed.
 */
static void close_open(struct calendar *k, struct wf_buf *text)
{
    struct wf_str names[WF_LIMIT_NESTING];
    struct wf_str rest = wf_buf_str(text);
    struct wf_str line;
    struct wf_buf ends;
    size_t n = 0;
    while (wf_str_line(&rest, &line)) {
        bool begins = wf_str_eq_nocase(wf_str_sub(line, 0, 6), WF_STR("BEGIN:"));
        bool closes = wf_str_eq_nocase(wf_str_sub(line, 0, 4), WF_STR("END:"));
        if (begins && n < WF_LIMIT_NESTING) {
            names[n++] = wf_str_trim(wf_str_sub(line, 6, line.len));
        } else if (closes && n > 0) {
            n--;
        }
    }
    wf_buf_init(&ends, 65536);
    if (n > 0) {
        (void)wf_stream_warning(k->w, "the calendar is cut off at its end");
    }
    while (n > 0) {
        n--;
        (void)wf_buf_appendf(&ends, "\nEND:%.*s", WF_STR_ARG(names[n])); /* cut: less is closed */
    }
    (void)wf_buf_append_str(&ends, WF_STR("\n"));     /* likewise */
    (void)wf_buf_append_str(text, wf_buf_str(&ends)); /* likewise */
    wf_buf_deinit(&ends);
}

static int parse_text(struct calendar *k, struct wf_buf *text, struct wf_err *err)
{
    icalerror_set_errors_are_fatal(false);
    close_open(k, text);
    icalcomponent *root = icalparser_parse_string(text->ptr);
    if (root == NULL) {
        return wf_err_set(err, WF_E_FORMAT, "the calendar is broken: no component in it is whole");
    }
    walk(k, root, 0);
    icalcomponent_free(root);
    int rc = wf_stream_status(k->w);
    if (rc == 0 && k->n_entries == 0 && !wf_compose_any(&k->c)) {
        return wf_err_set(err, WF_E_FORMAT, "the calendar holds no entries");
    }
    return rc;
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct calendar k = {.w = w, .titled = in->depth > 0};
    struct wf_text_in text_in;
    struct wf_buf text;
    struct wf_str block;
    int rc = 0;
    wf_compose_init(&k.c, w);
    wf_text_in_init(&text_in, in);
    wf_buf_init(&text, TEXT_BYTES_MAX + 65536);
    while (rc == 0 && (rc = wf_text_in_next(&text_in, &block, err)) == 0 && block.len > 0) {
        if (wf_utf8_append_repaired(&text, block) != 0) {
            rc = wf_err_set(err, WF_E_LIMIT, "the calendar is larger than %u MB",
                            (unsigned)(TEXT_BYTES_MAX >> 20));
        }
    }
    if (rc == 0) {
        rc = parse_text(&k, &text, err);
    }
    wf_buf_deinit(&text);
    wf_text_in_deinit(&text_in);
    return rc;
}

static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    struct wf_str begin = WF_STR("BEGIN:V");
    struct wf_str s = wf_str_trim(wf_str_sub(h->text, 0, 4096));
    bool begins = wf_str_eq_nocase(wf_str_sub(s, 0, begin.len), begin) &&
                  !wf_str_eq_nocase(wf_str_sub(s, 0, 11), WF_STR("BEGIN:VCARD"));
    if (begins && (!h->is_binary || wf_format_has_extension(f, h))) {
        return WF_SCORE_MAGIC;
    }
    return wf_format_has_extension(f, h) && !h->is_binary ? WF_SCORE_NAME : WF_SCORE_NO;
}

const struct wf_format wf_format_ics = {
    .id = "ics",
    .title = "calendar",
    .media_type = "text/calendar",
    .extensions = "ics ifb ical icalendar vcs",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
};
