/* SPDX-License-Identifier: Apache-2.0 */
/* MBOX: many messages in one file, each begun by a line "From ... year".
 *
 * Streams: only one message is held at a time. A "From " line counts when the line before it is
 * blank and it carries a time, so that a sentence that begins with "From" does not split a mail.
 * Lines that were quoted for the format (">From ") get their first ">" taken off. A message of over
 * MESSAGE_BYTES_MAX is cut there, with a warning; a broken one is a warning. */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "ingest/compose.h"
#include "ingest/format.h"
#include "ingest/mail.h"
#include "ingest/parse.h"

#define BLOCK_BYTES (256u << 10)
#define LINE_BYTES_MAX (1u << 20)
#define MESSAGE_BYTES_MAX ((size_t)64 << 20)

struct mbox {
    const struct wf_parse_input *in;
    struct wf_stream_writer *w;
    struct wf_compose c;
    struct wf_buf raw; /* bytes read and not yet used */
    uint64_t offset;
    struct wf_buf message;
    bool cut; /* the message is too long */
    bool in_message;
    bool blank; /* the line before was */
    uint64_t n_messages;
};

/* "From someone Sat Jan  3 01:05:34 1996": a clock and a year behind the address. */
static bool is_from_line(struct wf_str line)
{
    if (!wf_str_starts(line, WF_STR("From ")) || line.len > 512) {
        return false;
    }
    bool clock = false;
    bool year = false;
    for (size_t i = 5; i + 4 <= line.len; i++) {
        const char *p = line.ptr + i;
        bool d0 = isdigit((unsigned char)p[0]) && isdigit((unsigned char)p[1]);
        bool d1 = isdigit((unsigned char)p[2]) && isdigit((unsigned char)p[3]);
        clock = clock || (d0 && p[2] == ':' && isdigit((unsigned char)p[3]));
        year = year || (d0 && d1);
    }
    return clock && year;
}

static int end_message(struct mbox *m)
{
    struct wf_err err = WF_ERR_INIT;
    int rc = 0;
    if (!m->in_message) {
        return 0;
    }
    m->n_messages++;
    if (m->cut || wf_buf_status(&m->message) != 0) {
        (void)wf_stream_warning(m->w, "message %llu is longer than %u MB and was cut",
                                (unsigned long long)m->n_messages,
                                (unsigned)(MESSAGE_BYTES_MAX >> 20));
    }
    rc = wf_mail_put(m->in, wf_buf_str(&m->message), m->in->depth + 1, false, &m->c, m->w, &err);
    if (rc != 0 && wf_stream_status(m->w) == 0) {
        (void)wf_stream_warning(m->w, "message %llu: %s", (unsigned long long)m->n_messages,
                                err.msg);
        rc = 0;
    }
    wf_buf_reset(&m->message);
    m->cut = false;
    return rc;
}

/* One line with its end. */
static int take_line(struct mbox *m, struct wf_str line)
{
    struct wf_str bare = wf_str_trim(line);
    int rc = 0;
    if ((m->blank || !m->in_message) && is_from_line(bare)) {
        rc = end_message(m);
        m->in_message = true;
    } else if (m->in_message) {
        size_t n_quotes = 0;
        while (n_quotes < line.len && line.ptr[n_quotes] == '>') {
            n_quotes++;
        }
        if (n_quotes > 0 && wf_str_starts(wf_str_sub(line, n_quotes, line.len), WF_STR("From "))) {
            line = wf_str_sub(line, 1, line.len);
        }
        m->cut = m->cut || wf_buf_append_str(&m->message, line) != 0;
    }
    m->blank = bare.len == 0;
    return rc;
}

/* Bytes of the first line in s, 0 when it is not whole yet. */
static size_t whole_line(struct wf_str s, bool eof)
{
    size_t at = wf_str_find_byte(s, '\n', 0);
    if (at != SIZE_MAX) {
        return at + 1;
    }
    return eof ? s.len : s.len >= LINE_BYTES_MAX ? LINE_BYTES_MAX : 0;
}

static int read_block(struct mbox *m, bool *out_eof, struct wf_err *err)
{
    size_t n = 0;
    if (wf_buf_reserve(&m->raw, BLOCK_BYTES) != 0) {
        return wf_err_set(err, WF_E_NOMEM, "no memory to read the mailbox");
    }
    int rc = wf_parse_read_at(m->in, m->offset, m->raw.ptr + m->raw.len, BLOCK_BYTES, &n, err);
    if (rc == 0) {
        wf_buf_commit(&m->raw, n);
        m->offset += n;
        *out_eof = n < BLOCK_BYTES;
    }
    return rc;
}

static int read_all(struct mbox *m, struct wf_err *err)
{
    bool eof = false;
    int rc = 0;
    while (rc == 0 && !eof) {
        rc = read_block(m, &eof, err);
        struct wf_str rest = wf_buf_str(&m->raw);
        for (size_t n; rc == 0 && rest.len > 0 && (n = whole_line(rest, eof)) > 0;) {
            rc = take_line(m, wf_str_sub(rest, 0, n));
            rest = wf_str_sub(rest, n, rest.len);
        }
        wf_buf_consume(&m->raw, m->raw.len - rest.len);
    }
    return rc == 0 ? end_message(m) : rc;
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct mbox m = {.in = in, .w = w};
    wf_compose_init(&m.c, w);
    wf_buf_init(&m.raw, LINE_BYTES_MAX + 2 * BLOCK_BYTES);
    wf_buf_init(&m.message, MESSAGE_BYTES_MAX);
    int rc = read_all(&m, err);
    if (rc == 0 && !wf_compose_any(&m.c)) {
        rc = wf_parse_no_text(err);
    }
    wf_buf_deinit(&m.raw);
    wf_buf_deinit(&m.message);
    return rc;
}

static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    struct wf_str rest = h->text;
    struct wf_str line;
    bool begins = wf_str_line(&rest, &line) && is_from_line(wf_str_trim(line));
    (void)f;
    return begins && !h->is_binary ? WF_SCORE_MAGIC : WF_SCORE_NO;
}

const struct wf_format wf_format_mbox = {
    .id = "mbox",
    .title = "mailbox",
    .media_type = "application/mbox",
    .extensions = "mbox mbx",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
    .warm = wf_mail_warm,
};
