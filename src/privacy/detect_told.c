/* SPDX-License-Identifier: Apache-2.0 */
/* Looks through what is told in another way than as it is: digits and letters as words, texts
 * rotated by thirteen letters, numbers from behind or with letters for digits.
 *
 * The pass over a text notes words that tell it, and numbers that were nothing (detect_scan.c);
 * here they are written anew, with the words around them, and looked through again. What is found
 * so may be a chance: it counts only beside a word, or as what tells itself (wf_hiding GUESSED). */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <string.h>

#include "privacy/detect_internal.h"
#include "text/utf8.h"

/* Words one behind the other that are no chance; signs between two. */
#define SAID_LEAST 4
#define GAP_MOST 3
/* Bytes of the text around. */
#define BEFORE 100
#define BEHIND 60
/* Letters and digits of a number that may be another; so many bytes at most. */
#define UNIT_LEAST 5
#define LIKE_LEAST 4
#define LIKE_CORE 2 /* of them in groups with digits */
#define UNIT_MOST 120
/* Groups of letters alone beside a number. */
#define GROUPS_MOST 3
/* Bytes of a text that is written anew as a whole. */
#define WHOLE_MOST 65536
/* Bytes of a text whose numbers are also read in other ways, with so many around. */
#define SHORT_MOST 8192
#define AROUND 100
/* Letters by which a rotated text is known. */
#define ROTATED_LETTERS 48
#define ROTATED_LEAST 16

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static size_t whole(struct wf_str t, size_t i)
{
    i = WF_MIN(i, t.len);
    while (i > 0 && i < t.len && ((uint8_t)t.ptr[i] & 0xc0) == 0x80)
        i--;
    return i;
}

static bool is_retold(const struct wf_detect_run *r)
{
    return r->view != NULL && (r->view == &r->said || r->view == &r->retold);
}

void wf_detect__begin_told(struct wf_detect_run *r)
{
    if (is_retold(r))
        return;
    r->told.n = r->told.n_units = r->told.n_spots = 0;
    r->told.how = 0;
    wf_buf_reset(&r->said.text);
}

/* ---- words ---- */

static bool is_letter_at(struct wf_str t, size_t i)
{
    if (i >= t.len)
        return false;
    if ((uint8_t)t.ptr[i] < 0x80)
        return is_alnum(t.ptr[i]);
    const uint32_t cp = wf_utf8_next(t, &i);
    return cp >= 0xc0 && cp < 0x2000;
}

static bool is_letter_before(struct wf_str t, size_t i)
{
    return i > 0 && is_letter_at(t, whole(t, i - 1));
}

static int put(struct wf_detect_run *r, struct wf_view *v, size_t from, size_t to)
{
    return to > from ? wf_view_add(v, wf_str_sub(r->text, from, to), from, to - from,
                                   WF_HIDING_NONE, r->view)
                     : 0;
}

/* "forty" before "one" is a 4. */
static bool is_tens_before_one(const struct wf_detect_run *r, size_t i)
{
    const struct wf_detect_said *s = r->told.said;
    const char *says = r->d->tellings[s[i].telling].says;

    return says[0] >= '2' && says[1] == '0' && i + 1 < r->told.n &&
           s[i + 1].start - s[i].end <= 1 && r->d->tellings[s[i + 1].telling].says[1] == 0 &&
           r->d->tellings[s[i + 1].telling].says[0] >= '1' &&
           r->d->tellings[s[i + 1].telling].says[0] <= '9';
}

/* Writes a row of words as what it says, from one of them on, with the text around it. */
static int put_row(struct wf_detect_run *r, size_t first)
{
    const struct wf_detect_said *s = r->told.said;
    const size_t n = r->told.n, at = s[first].start;
    int rc = put(r, &r->said, whole(r->text, at > BEFORE ? at - BEFORE : 0), at);

    for (size_t i = first, times = 1; rc == 0 && i < n; i++) {
        const struct wf_str says = wf_str_from(r->d->tellings[s[i].telling].says);
        if (says.ptr[0] == '*') { /* "double" */
            times = (size_t)(says.ptr[1] - '0');
            continue;
        }
        const size_t start = times > 1 ? s[i - 1].start : s[i].start;
        for (; rc == 0 && times > 0; times--)
            rc = wf_view_add(&r->said, wf_str_sub(says, 0, is_tens_before_one(r, i) ? 1 : says.len),
                             start, s[i].end - start, WF_HIDING_SPELLED, r->view);
        times = 1;
    }
    if (rc == 0)
        rc = put(r, &r->said, s[n - 1].end, whole(r->text, s[n - 1].end + BEHIND));
    return rc == 0 ? wf_view_add(&r->said, WF_STR("\n\x1a\n"), at, 1, WF_HIDING_NONE, r->view) : rc;
}

/* The last row; also without its first word where that is a short one, of some other meaning
 * ("my number is to four one one one", "en", "un"). */
static int end_row(struct wf_detect_run *r)
{
    const struct wf_detect_said *s = r->told.said;
    int rc = 0;

    if (r->told.n >= SAID_LEAST)
        rc = put_row(r, 0);
    if (rc == 0 && r->told.n > SAID_LEAST && s[0].end - s[0].start <= 3)
        rc = put_row(r, 1);
    r->told.n = 0;
    return rc;
}

/* Whether only signs stand between two words of a row. */
static bool is_gap(struct wf_str gap)
{
    if (gap.len > GAP_MOST)
        return false;
    for (size_t i = 0; i < gap.len; i++)
        if (strchr(" ,-.;\n\t/|_+", gap.ptr[i]) == NULL && (uint8_t)gap.ptr[i] < 0x80)
            return false;
    return true;
}

static bool is_capitals(struct wf_str t, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (t.ptr[i] < 'A' || t.ptr[i] > 'Z')
            return false;
    return true;
}

int wf_detect__tell(struct wf_detect_run *r, struct wf_literal hit, size_t end)
{
    const uint16_t i = (uint16_t)(hit.id - WF_DETECT_TELLING);
    const struct wf_detect_telling *t = &r->d->tellings[i];
    struct wf_detect_told *told = &r->told;
    const size_t start = end - hit.bytes;
    int rc = 0;

    if (is_retold(r) ||
        (t->is_ended && (is_letter_at(r->text, end) || is_letter_before(r->text, start))))
        return 0;
    if (t->how != WF_HIDING_SPELLED && t->says[0] != '\0' &&
        !(start > 0 && is_alnum(r->text.ptr[start - 1]) && is_capitals(r->text, start, end)))
        return 0; /* "Aika" */
    if (t->how != WF_HIDING_SPELLED) {
        told->how |= 1u << t->how;
        return 0;
    }
    /* The longest of those that end here comes first; one that ends later holds those before. */
    if (told->n > 0 && told->said[told->n - 1].end > start) {
        if (told->said[told->n - 1].end == end)
            return 0;
        if (told->said[told->n - 1].start >= start)
            told->n--;
    }
    if (told->n > 0 && (told->said[told->n - 1].end > start || told->n == WF_DETECT_SAID ||
                        !is_gap(wf_str_sub(r->text, told->said[told->n - 1].end, start))))
        rc = end_row(r);
    told->said[told->n++] = (struct wf_detect_said){start, end, i};
    return rc;
}

/* ---- numbers ---- */

/* What a digit is written as by who hides it. */
static char digit_like(char c)
{
    static const char from[] = "OoQlIi|ZzEASsGbTtBgq", to[] = "00011112234556677899";
    const char *at = c == '\0' ? NULL : strchr(from, c);

    return at != NULL ? to[at - from] : '\0';
}

/* Whether a group is written for digits by letters alone. */
static bool is_all_like(struct wf_str t, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (!is_digit(t.ptr[i]) && strchr("OoQlIi|ZzSsB", t.ptr[i]) == NULL)
            return false;
    return to > from;
}

/* Whether a group belongs to a number: it has a digit, or what is written for one alone. */
static bool is_of_unit(struct wf_str t, size_t from, size_t to)
{
    bool all_like = to - from >= 2;

    for (size_t i = from; i < to; i++) {
        if (is_digit(t.ptr[i]))
            return true;
        all_like = all_like && digit_like(t.ptr[i]) != '\0';
    }
    return all_like;
}

void wf_detect__note_spot(struct wf_detect_run *r, size_t start, size_t end)
{
    struct wf_detect_told *told = &r->told;
    const size_t from = start > AROUND ? start - AROUND : 0, to = end + AROUND;

    if (is_retold(r) || r->text.len > SHORT_MOST)
        return;
    if (told->n_spots > 0 && from <= told->spots[told->n_spots - 1].end) {
        told->spots[told->n_spots - 1].end = to;
    } else if (told->n_spots < WF_DETECT_UNITS) {
        told->spots[told->n_spots].start = from;
        told->spots[told->n_spots++].end = to;
    }
}

void wf_detect__note_unit(struct wf_detect_run *r, size_t start)
{
    const struct wf_str t = r->text;
    struct wf_detect_told *told = &r->told;
    size_t end = start, n = 0, n_like = 0;

    if (is_retold(r) || told->n_units == WF_DETECT_UNITS ||
        (told->n_units > 0 && start < told->units[told->n_units - 1].end))
        return;
    for (size_t i = start; i < t.len && i - start < UNIT_MOST;) {
        size_t to = i;
        while (to < t.len && is_alnum(t.ptr[to]))
            to++;
        if (!is_of_unit(t, i, to))
            break;
        n += to - i;
        end = i = to;
        if (i < t.len && strchr(" -./", t.ptr[i]) != NULL)
            i++;
    }
    for (size_t i = start; i < end; i++)
        n_like += digit_like(t.ptr[i]) != '\0';
    if (n < (n_like > 0 ? LIKE_CORE : UNIT_LEAST) || end - start > UNIT_MOST)
        return;
    told->units[told->n_units].start = start;
    told->units[told->n_units++].end = end;
}

/* A number from behind. */
static int put_reversed(struct wf_detect_run *r, size_t start, size_t end)
{
    int rc = 0;

    for (size_t i = end; rc == 0 && i > start;) {
        const size_t at = whole(r->text, i - 1);
        rc = wf_view_add(&r->retold, wf_str_sub(r->text, at, i), at, i - at, WF_HIDING_REVERSED,
                         r->view);
        i = at;
    }
    return rc;
}

/* Whether a number has letters for digits, and no other. */
static bool has_likes(struct wf_str t, size_t start, size_t end)
{
    bool any = false;

    for (size_t i = start; i < end; i++) {
        const bool like = digit_like(t.ptr[i]) != '\0';
        if (is_alnum(t.ptr[i]) && !is_digit(t.ptr[i]) && !like)
            return false;
        any = any || like;
    }
    return any;
}

static int put_digits(struct wf_detect_run *r, size_t start, size_t end)
{
    int rc = 0;

    for (size_t i = start; rc == 0 && i < end; i++) {
        const char like = digit_like(r->text.ptr[i]), c = like != '\0' ? like : r->text.ptr[i];
        rc = wf_view_add(&r->retold, wf_str_n(&c, 1), i, 1, WF_HIDING_LETTERS, r->view);
    }
    return rc;
}

/* A number as it may be meant, with the text around. */
static int put_unit(struct wf_detect_run *r, size_t start, size_t end, bool is_reversed)
{
    int rc = 0;

    if (!is_reversed && !has_likes(r->text, start, end))
        return 0;
    rc = put(r, &r->retold, whole(r->text, start > BEFORE ? start - BEFORE : 0), start);
    if (rc == 0)
        rc = is_reversed ? put_reversed(r, start, end) : put_digits(r, start, end);
    if (rc == 0)
        rc = put(r, &r->retold, end, whole(r->text, end + BEHIND));
    return rc != 0 ? rc
                   : wf_view_add(&r->retold, WF_STR("\n\x1a\n"), start, 1, WF_HIDING_NONE, r->view);
}

/* Where the group before one begins that is letters for digits alone; `start`: there is none. */
static size_t group_before(struct wf_str t, size_t start)
{
    size_t end = start, from;

    if (start > 0 && strchr(" -./", t.ptr[start - 1]) != NULL)
        end = start - 1;
    for (from = end; from > 0 && is_alnum(t.ptr[from - 1]); from--)
        continue;
    return end < start && is_all_like(t, from, end) ? from : start;
}

static size_t group_behind(struct wf_str t, size_t end)
{
    size_t from = end, to;

    if (end < t.len && strchr(" -./", t.ptr[end]) != NULL)
        from = end + 1;
    for (to = from; to < t.len && is_alnum(t.ptr[to]); to++)
        continue;
    return from > end && is_all_like(t, from, to) ? to : end;
}

/* A number with letters for digits, also with up to so many groups before and behind it that are
 * letters alone: each may be a word, or belong to it. */
static int put_groups(struct wf_detect_run *r, size_t start, size_t end)
{
    int rc = 0;

    for (unsigned n = 0; rc == 0 && n <= GROUPS_MOST; n++) {
        const size_t before = n == 0 ? start : group_before(r->text, start);
        size_t to = end;
        if (n > 0 && before == start)
            break;
        start = before;
        for (unsigned k = 0; rc == 0 && k <= GROUPS_MOST; k++) {
            const size_t behind = k == 0 ? end : group_behind(r->text, to);
            if (k > 0 && behind == to)
                break;
            to = behind;
            if (to - start >= LIKE_LEAST)
                rc = put_unit(r, start, to, false);
        }
    }
    return rc;
}

/* Each number as it may be meant. */
static int put_units(struct wf_detect_run *r)
{
    const struct wf_detect_told *told = &r->told;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < told->n_units; i++) {
        if (told->units[i].end - told->units[i].start >= UNIT_LEAST)
            rc = put_unit(r, told->units[i].start, told->units[i].end, true);
        if (rc == 0)
            rc = put_groups(r, told->units[i].start, told->units[i].end);
    }
    return rc;
}

/* ---- whole texts ---- */

static int put_rotated(struct wf_detect_run *r, size_t start, size_t end)
{
    const struct wf_str t = wf_str_sub(r->text, 0, end);
    int rc = 0;

    for (size_t i = start, n = 1; rc == 0 && i < t.len; i += n) {
        char c = t.ptr[i];
        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            c = (char)((c & 0x20) | ((((c | 0x20) - 'a' + 13) % 26 + 'A') & 0x5f));
        for (n = 1; i + n < t.len && ((uint8_t)t.ptr[i + n] & 0xc0) == 0x80;)
            n++;
        rc = n == 1 ? wf_view_add(&r->retold, wf_str_n(&c, 1), i, 1, WF_HIDING_ROTATED, r->view)
                    : wf_view_add(&r->retold, wf_str_sub(t, i, i + n), i, n, WF_HIDING_ROTATED,
                                  r->view);
    }
    return rc;
}

/* Whether letters of the text are rotated ones: vowels are rare, and what they become is not. */
static bool looks_rotated(struct wf_str t)
{
    static const uint8_t kinds[32] = {[1] = 1,  [5] = 1,  [9] = 1,  [15] = 1, [21] = 1,
                                      [14] = 2, [18] = 2, [22] = 2, [2] = 2,  [8] = 2};
    unsigned n = 0, counts[3] = {0};

    for (size_t i = 0; i < t.len; i++) {
        if (!is_alnum(t.ptr[i]) || is_digit(t.ptr[i]))
            continue;
        counts[kinds[t.ptr[i] & 0x1f]]++;
        if (++n == ROTATED_LETTERS || (i + 1 == t.len && n >= ROTATED_LEAST)) {
            if (counts[1] * 100 < n * 28 && counts[2] * 100 > n * 32)
                return true;
            n = counts[1] = counts[2] = 0;
        }
    }
    return n >= ROTATED_LEAST && counts[1] * 100 < n * 28 && counts[2] * 100 > n * 32;
}

static int look_retold(struct wf_detect_run *r)
{
    const struct wf_str text = r->text;
    const struct wf_view *below = r->view;
    int rc = 0;

    if (r->retold.text.len > 0) {
        r->text = wf_buf_str(&r->retold.text);
        r->view = &r->retold;
        rc = wf_detect__look(r);
    }
    r->text = text;
    r->view = below;
    wf_buf_reset(&r->retold.text);
    return rc;
}

/* The text as it is when it is rotated, or written backwards: all of it where a word tells so, else
 * what is near its numbers. */
static int put_whole(struct wf_detect_run *r, enum wf_hiding how)
{
    int (*const put_as)(struct wf_detect_run *, size_t, size_t) =
        how == WF_HIDING_ROTATED ? put_rotated : put_reversed;
    const struct wf_detect_told *told = &r->told;
    int rc = 0;

    if ((told->how & 1u << how) != 0)
        return put_as(r, 0, whole(r->text, WHOLE_MOST));
    for (size_t i = 0; rc == 0 && i < told->n_spots; i++) {
        const size_t start = whole(r->text, told->spots[i].start);
        rc = put_as(r, start, whole(r->text, told->spots[i].end));
        if (rc == 0)
            rc = wf_view_add(&r->retold, WF_STR("\n\x1a\n"), start, 1, WF_HIDING_NONE, r->view);
    }
    return rc;
}

int wf_detect__look_told(struct wf_detect_run *r)
{
    const struct wf_str text = r->text;
    const struct wf_view *below = r->view;
    int rc = end_row(r);

    if (rc == 0 && r->said.text.len > 0) {
        r->text = wf_buf_str(&r->said.text);
        r->view = &r->said;
        rc = wf_detect__look(r);
        r->text = text;
        r->view = below;
    }
    wf_buf_reset(&r->retold.text);
    if (below == NULL && text.len <= WHOLE_MOST && looks_rotated(text))
        r->told.how |= 1u << WF_HIDING_ROTATED;
    if (rc == 0)
        rc = put_units(r);
    if (rc == 0)
        rc = put_whole(r, WF_HIDING_ROTATED);
    if (rc == 0)
        rc = put_whole(r, WF_HIDING_REVERSED);
    return rc != 0 ? rc : look_retold(r);
}
