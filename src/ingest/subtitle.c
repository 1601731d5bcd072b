/* SPDX-License-Identifier: Apache-2.0 */
/* Subtitles (WebVTT, SubRip): a transcript in paragraphs, each with the time it begins at.
 *
 * Cues cut sentences in pieces of two lines; a reader and a search want the sentences. So cues are
 * joined with spaces, and a new paragraph "[00:01:05] Anna: ..." begins when the speaker changes,
 * after a pause, or once a paragraph has gone on for a while and a sentence ends. Styles, notes,
 * positions, counters and tags are left out; a line that repeats the line before (rolling
 * captions) is dropped. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "ingest/compose.h"
#include "ingest/format.h"
#include "ingest/parse.h"
#include "ingest/textin.h"

#define PAUSE_MS 4000
#define PARAGRAPH_MS 45000
#define SPEAKER_BYTES_MAX 64
#define LINE_BYTES_MAX 2048

struct transcript {
    struct wf_compose c;
    struct wf_stream_writer *w;
    bool in_cue;
    bool in_note;      /* a block that is no cue */
    uint64_t start_ms; /* of the cue under way */
    uint64_t end_ms;
    uint64_t pause_ms; /* before it */
    bool went_back;    /* it begins before the one before it: another recording */
    uint64_t par_ms;   /* start of the paragraph under way */
    bool any;
    char speaker[SPEAKER_BYTES_MAX + 1]; /* of the paragraph under way */
    char next_speaker[SPEAKER_BYTES_MAX + 1];
    char last_byte; /* of the text so far */
    char last_line[LINE_BYTES_MAX];
    size_t last_line_bytes;
    bool is_new_cue;
};

/* "01:02:03.004", "02:03,004" at the front of s; false when there is none. */
static bool take_time(struct wf_str *s, uint64_t *out_ms)
{
    uint64_t part = 0;
    uint64_t total = 0;
    size_t i = 0;
    unsigned n_parts = 0;
    unsigned n_digits = 0;
    for (; i < s->len; i++) {
        char c = s->ptr[i];
        if (c >= '0' && c <= '9' && n_digits < 9) {
            part = part * 10 + (uint64_t)(c - '0');
            n_digits++;
        } else if (c == ':' && n_digits > 0) {
            total = (total + part) * 60;
            part = 0;
            n_digits = 0;
            n_parts++;
        } else {
            break;
        }
    }
    if (n_parts == 0 || n_parts > 2 || n_digits == 0 || i >= s->len ||
        (s->ptr[i] != '.' && s->ptr[i] != ',')) {
        return false;
    }
    uint64_t ms = (total + part) * 1000;
    uint64_t unit = 100;
    for (i++; i < s->len && isdigit((unsigned char)s->ptr[i]); i++, unit /= 10) {
        ms += unit * (uint64_t)(s->ptr[i] - '0');
    }
    *out_ms = ms;
    *s = wf_str_trim(wf_str_sub(*s, i, s->len));
    return true;
}

static bool is_timing(struct wf_str line, uint64_t *out_start, uint64_t *out_end)
{
    struct wf_str s = wf_str_trim(line);
    if (!take_time(&s, out_start) || !wf_str_starts(s, WF_STR("-->"))) {
        return false;
    }
    s = wf_str_trim(wf_str_sub(s, 3, s.len));
    return take_time(&s, out_end);
}

static bool ends_sentence(char c)
{
    return c == '.' || c == '?' || c == '!' || c == '"' || c == '\x82'; /* last byte of U+3002 */
}

static void begin_paragraph(struct transcript *t)
{
    char mark[SPEAKER_BYTES_MAX + 32];
    uint64_t s = t->start_ms / 1000;
    (void)snprintf(mark, sizeof(mark), "[%02u:%02u:%02u] ", (unsigned)(s / 3600 % 1000),
                   (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    wf_compose_paragraph(&t->c);
    wf_compose_flow(&t->c, wf_str_from(mark));
    if (t->next_speaker[0] != '\0') {
        wf_compose_flow(&t->c, wf_str_from(t->next_speaker));
        wf_compose_flow(&t->c, WF_STR(": "));
    }
    memcpy(t->speaker, t->next_speaker, sizeof(t->speaker));
    t->par_ms = t->start_ms;
    t->any = true;
}

static bool wants_paragraph(const struct transcript *t)
{
    bool other = t->next_speaker[0] != '\0' && strcmp(t->speaker, t->next_speaker) != 0;
    bool long_enough = t->start_ms > t->par_ms + PARAGRAPH_MS;
    bool too_long = t->start_ms > t->par_ms + 3 * PARAGRAPH_MS;
    return !t->any || other || t->pause_ms > PAUSE_MS || t->went_back || too_long ||
           (long_enough && ends_sentence(t->last_byte));
}

static void put(struct transcript *t, struct wf_str s)
{
    s = wf_str_trim(s);
    if (s.len == 0) {
        return;
    }
    if (t->is_new_cue && wants_paragraph(t)) {
        begin_paragraph(t);
    }
    if (!t->is_new_cue && wf_str_starts(s, WF_STR("- "))) {
        wf_compose_line(&t->c); /* another person speaks in the same cue */
    }
    t->is_new_cue = false;
    wf_compose_flow(&t->c, s);
    t->last_byte = s.ptr[s.len - 1];
}

static void take_tag(struct transcript *t, struct wf_str tag)
{
    if (!wf_str_starts(tag, WF_STR("v ")) && !wf_str_starts(tag, WF_STR("v."))) {
        return;
    }
    size_t space = wf_str_find_byte(tag, ' ', 0);
    struct wf_str name = wf_str_trim(wf_str_sub(tag, space, tag.len));
    size_t n = WF_MIN(name.len, (size_t)SPEAKER_BYTES_MAX);
    memcpy(t->next_speaker, name.ptr, n);
    t->next_speaker[n] = '\0';
}

static void put_entity(struct wf_buf *out, struct wf_str s)
{
    static const struct {
        const char *name;
        const char *text;
    } entities[] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"},    {"&nbsp;", " "},
                    {"&lrm;", ""},  {"&rlm;", ""}, {"&quot;", "\""}, {"&#39;", "'"}};
    for (size_t i = 0; i < WF_ARRAY_LEN(entities); i++) {
        if (wf_str_eq(s, wf_str_from(entities[i].name))) {
            (void)wf_buf_append_cstr(out, entities[i].text); /* cut at its maximum is fine */
            return;
        }
    }
    (void)wf_buf_append_str(out, s); /* likewise */
}

/* The line without tags and entities, into out. */
static void strip(struct transcript *t, struct wf_str line, struct wf_buf *out)
{
    for (size_t i = 0; i < line.len;) {
        char c = line.ptr[i];
        size_t end = SIZE_MAX;
        if (c == '<') {
            end = wf_str_find_byte(line, '>', i);
        } else if (c == '{' && i + 1 < line.len && line.ptr[i + 1] == '\\') {
            end = wf_str_find_byte(line, '}', i);
        } else if (c == '&') {
            end = wf_str_find_byte(wf_str_sub(line, 0, i + 8), ';', i);
        }
        if (end == SIZE_MAX) {
            (void)wf_buf_append_byte(out, c); /* cut at its maximum is fine */
            i++;
            continue;
        }
        struct wf_str part = wf_str_sub(line, i, end + 1);
        if (c == '<') {
            take_tag(t, wf_str_sub(part, 1, part.len - 1));
        } else if (c == '&') {
            put_entity(out, part);
        }
        i = end + 1;
    }
}

static void take_text(struct transcript *t, struct wf_str line)
{
    struct wf_buf b;
    wf_buf_init(&b, LINE_BYTES_MAX);
    strip(t, wf_str_sub(line, 0, LINE_BYTES_MAX), &b);
    struct wf_str s = wf_str_trim(wf_buf_str(&b));
    if (!wf_str_eq(s, wf_str_n(t->last_line, t->last_line_bytes))) {
        put(t, s);
        wf_compose_space(&t->c);
    }
    memcpy(t->last_line, s.len > 0 ? s.ptr : "", s.len);
    t->last_line_bytes = s.len;
    wf_buf_deinit(&b);
}

static bool begins_note(struct wf_str line)
{
    static const char *const words[] = {"WEBVTT", "NOTE", "STYLE", "REGION"};
    for (size_t i = 0; i < WF_ARRAY_LEN(words); i++) {
        struct wf_str word = wf_str_from(words[i]);
        if (wf_str_starts(line, word) &&
            (line.len == word.len || isspace((unsigned char)line.ptr[word.len]))) {
            return true;
        }
    }
    return false;
}

static void take_line(struct transcript *t, struct wf_str line)
{
    uint64_t start = 0;
    uint64_t end = 0;
    if (is_timing(line, &start, &end)) {
        t->pause_ms = start > t->end_ms ? start - t->end_ms : 0;
        t->went_back = start + PAUSE_MS < t->start_ms;
        t->start_ms = start;
        t->end_ms = end;
        t->in_cue = true;
        t->in_note = false;
        t->is_new_cue = true;
    } else if (wf_str_trim(line).len == 0) {
        t->in_cue = false;
        t->in_note = false;
    } else if (t->in_cue) {
        take_text(t, line);
    } else if (begins_note(line)) {
        t->in_note = true;
    }
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    static struct transcript t; /* a worker parses one document at a time */
    struct wf_line_in lines;
    struct wf_str line;
    bool more = true;
    int rc = 0;
    memset(&t, 0, sizeof(t));
    t.w = w;
    wf_compose_init(&t.c, w);
    wf_line_in_init(&lines, in);
    while (rc == 0 && (rc = wf_line_in_next(&lines, &line, &more, err)) == 0 && more) {
        take_line(&t, line);
        rc = wf_stream_status(w);
    }
    wf_line_in_deinit(&lines);
    return rc == 0 && !wf_compose_any(&t.c) ? wf_parse_no_text(err) : rc;
}

static int score_vtt(const struct wf_format *f, const struct wf_format_hint *h)
{
    (void)f;
    return wf_str_starts(h->text, WF_STR("WEBVTT")) ? WF_SCORE_MAGIC : WF_SCORE_NO;
}

static int score_srt(const struct wf_format *f, const struct wf_format_hint *h)
{
    bool timed = wf_str_find(wf_str_sub(h->text, 0, 4096), WF_STR(" --> "), 0) != SIZE_MAX;
    return timed && wf_format_has_extension(f, h) ? WF_SCORE_BOTH : WF_SCORE_NO;
}

const struct wf_format wf_format_vtt = {
    .id = "vtt",
    .title = "WebVTT subtitles",
    .media_type = "text/vtt",
    .extensions = "vtt",
    .score = score_vtt,
    .parse = parse,
    .kind = WF_PARSE_SHARED,
};

const struct wf_format wf_format_srt = {
    .id = "srt",
    .title = "SubRip subtitles",
    .media_type = "application/x-subrip",
    .extensions = "srt vtt sbv",
    .score = score_srt,
    .parse = parse,
    .kind = WF_PARSE_SHARED,
};
