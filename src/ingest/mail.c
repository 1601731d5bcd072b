/* SPDX-License-Identifier: Apache-2.0 */
/* Mail: one message as a person reads it.
 *
 * Heading: the subject. Then From, To, Cc, Date, a line each. Then the body: of alternatives the
 * plain one (unless it is a stub beside a real HTML one), HTML through the HTML parser, flowed text
 * unfolded. Then attachments: each named, and read in place where that needs neither programs nor
 * folders (office documents, text, calendars, forwarded messages; not PDF, not pictures), else the
 * person is told. What is encrypted is said to be.
 *
 * GMime takes apart, decoding of characters is ours (encoding.h). Nesting of parts and of messages
 * is bounded; everything else that is odd in a message is a warning and the rest goes on. */
#include "ingest/mail.h"

#include <assert.h>
#include <string.h>

#include <gmime/gmime.h>

#include "base/limits.h"
#include "ingest/encoding.h"
#include "ingest/format.h"
#include "ingest/html.h"

/* Of one decoded part; a mail of more is a file in disguise. */
#define PART_BYTES_MAX ((size_t)64 << 20)
#define PARTS_MAX 1000

struct mail {
    const struct wf_parse_input *in;
    struct wf_compose *c;
    struct wf_stream_writer *w;
    unsigned level;   /* of the message's heading */
    unsigned depth;   /* parts inside parts */
    unsigned n_parts; /* seen so far */
    unsigned n_messages_deep;
};

static void put_part(struct mail *m, GMimeObject *part);
static void put_message(struct mail *m, GMimeMessage *message, bool meta);

void wf_mail_warm(void)
{
    g_mime_init();
}

/* ---- header ---- */

static void put_field(struct mail *m, const char *name, struct wf_str value)
{
    value = wf_str_trim(value);
    if (value.len == 0) {
        return;
    }
    wf_compose_line(m->c);
    wf_compose_flow(m->c, wf_str_from(name));
    wf_compose_flow(m->c, WF_STR(": "));
    wf_compose_flow(m->c, value);
}

static void put_people(struct mail *m, GMimeMessage *message, const char *name,
                       InternetAddressList *list)
{
    char *text = list != NULL ? internet_address_list_to_string(list, NULL, FALSE) : NULL;
    if (text == NULL || text[0] == '\0') {
        put_field(m, name, wf_str_from(g_mime_object_get_header(GMIME_OBJECT(message), name)));
    } else {
        put_field(m, name, wf_str_from(text));
    }
    g_free(text);
}

static void put_date(struct mail *m, GMimeMessage *message, bool meta)
{
    GDateTime *date = g_mime_message_get_date(message);
    if (date == NULL) {
        put_field(m, "Date", wf_str_from(g_mime_object_get_header(GMIME_OBJECT(message), "Date")));
        return;
    }
    char *text = g_date_time_format(date, "%A, %-d %B %Y, %H:%M (UTC%:z)");
    char *iso = g_date_time_format(date, "%Y-%m-%dT%H:%M:%S%:z");
    put_field(m, "Date", wf_str_from(text));
    if (meta && iso != NULL) {
        (void)wf_stream_meta(m->w, "date", wf_str_from(iso)); /* failures stick in the stream */
    }
    g_free(text);
    g_free(iso);
}

static void put_header(struct mail *m, GMimeMessage *message, bool meta)
{
    const char *subject = g_mime_message_get_subject(message);
    struct wf_str title = wf_str_trim(wf_str_from(subject));
    wf_compose_heading(m->c, m->level);
    wf_compose_flow(m->c, title.len > 0 ? title : WF_STR("(no subject)"));
    wf_compose_heading_end(m->c);
    InternetAddressList *from = g_mime_message_get_from(message);
    put_people(m, message, "From", from);
    put_people(m, message, "To", g_mime_message_get_to(message));
    put_people(m, message, "Cc", g_mime_message_get_cc(message));
    put_date(m, message, meta);
    wf_compose_paragraph(m->c);
    if (meta) {
        char *author = from != NULL ? internet_address_list_to_string(from, NULL, FALSE) : NULL;
        (void)wf_stream_meta(m->w, "title", title); /* failures stick in the stream */
        (void)wf_stream_meta(m->w, "author", wf_str_from(author)); /* likewise */
        g_free(author);
    }
}

/* ---- parts ---- */

/* The part's bytes, transfer encoding undone; NULL when there are none or too many. */
static GByteArray *content_of(struct mail *m, GMimePart *part)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    if (content == NULL) {
        return NULL;
    }
    GMimeStream *raw = g_mime_data_wrapper_get_stream(content);
    if (raw != NULL && g_mime_stream_length(raw) > (gint64)PART_BYTES_MAX) {
        (void)wf_stream_warning(m->w, "a part of %u MB is left out",
                                (unsigned)(g_mime_stream_length(raw) >> 20));
        return NULL;
    }
    GMimeStream *out = g_mime_stream_mem_new();
    GByteArray *bytes = g_byte_array_new();
    g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(out), bytes);
    (void)g_mime_data_wrapper_write_to_stream(content, out); /* what could be decoded is there */
    g_object_unref(out);
    return bytes;
}

static struct wf_str bytes_of(const GByteArray *a)
{
    return wf_str_n((const char *)a->data, a->len);
}

static struct wf_str charset_of(GMimeObject *part)
{
    return wf_str_from(g_mime_object_get_content_type_parameter(part, "charset"));
}

static bool is_type(GMimeObject *part, const char *type, const char *subtype)
{
    GMimeContentType *t = g_mime_object_get_content_type(part);
    return t != NULL && g_mime_content_type_is_type(t, type, subtype);
}

static const char *name_of(GMimeObject *part)
{
    return GMIME_IS_PART(part) ? g_mime_part_get_filename(GMIME_PART(part)) : NULL;
}

static bool is_attachment(GMimeObject *part)
{
    const char *disposition = g_mime_object_get_disposition(part);
    return disposition != NULL && g_ascii_strcasecmp(disposition, "attachment") == 0;
}

/* "format=flowed" (RFC 3676): a line that ends in a space goes on in the next. */
static void unfold(struct wf_str s, bool drop_space, struct wf_buf *out)
{
    struct wf_str line;
    while (wf_str_line(&s, &line)) {
        bool goes_on = line.len > 0 && line.ptr[line.len - 1] == ' ' &&
                       !wf_str_eq(line, WF_STR("-- ")) && line.ptr[0] != '>';
        if (line.len > 0 && line.ptr[0] == ' ') {
            line = wf_str_sub(line, 1, line.len); /* stuffed */
        }
        if (goes_on && drop_space) {
            line = wf_str_sub(line, 0, line.len - 1);
        }
        (void)wf_buf_append_str(out, line); /* the caller checks */
        if (!goes_on) {
            (void)wf_buf_append_byte(out, '\n'); /* likewise */
        }
    }
}

static void put_plain(struct mail *m, GMimeObject *part, struct wf_str bytes)
{
    struct wf_buf text;
    struct wf_buf flowed;
    const char *format = g_mime_object_get_content_type_parameter(part, "format");
    const char *delsp = g_mime_object_get_content_type_parameter(part, "delsp");
    wf_buf_init(&text, 4 * PART_BYTES_MAX);
    wf_buf_init(&flowed, 4 * PART_BYTES_MAX);
    int rc = wf_encoding_to_utf8(bytes, charset_of(part), &text);
    struct wf_str s = wf_buf_str(&text);
    if (rc == 0 && format != NULL && g_ascii_strcasecmp(format, "flowed") == 0) {
        unfold(s, delsp != NULL && g_ascii_strcasecmp(delsp, "yes") == 0, &flowed);
        rc = wf_buf_status(&flowed);
        s = wf_buf_str(&flowed);
    }
    if (rc == 0) {
        wf_compose_paragraph(m->c);
        wf_compose_paragraphs(m->c, s);
        wf_compose_paragraph(m->c);
    } else {
        (void)wf_stream_warning(m->w, "a part of the message needs too much memory");
    }
    wf_buf_deinit(&flowed);
    wf_buf_deinit(&text);
}

static void put_html(struct mail *m, GMimeObject *part, struct wf_str bytes)
{
    struct wf_html_options o = {
        .charset = charset_of(part), .no_meta = true, .heading_add = m->level};
    wf_compose_paragraph(m->c);
    if (wf_html_text(bytes, &o, m->c, m->w, NULL) != 0) {
        (void)wf_stream_warning(m->w, "the HTML part of the message could not be read");
    }
    wf_compose_paragraph(m->c);
}

/* An attachment's name, and its text when it is of a kind that is read here. */
static void put_attachment(struct mail *m, GMimeObject *part, struct wf_str bytes)
{
    struct wf_err err = WF_ERR_INIT;
    const char *name = name_of(part);
    char *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(part));
    wf_compose_paragraph(m->c);
    put_field(m, "Attachment", wf_str_from(name != NULL ? name : type));
    wf_compose_paragraph(m->c);
    bool silent = is_type(part, "image", "*") || is_type(part, "audio", "*") ||
                  is_type(part, "video", "*") || is_type(part, "application", "pgp-signature") ||
                  is_type(part, "application", "pkcs7-signature") ||
                  is_type(part, "application", "x-pkcs7-signature");
    const struct wf_format *format = NULL;
    if (!silent && bytes.len > 0) {
        int rc = wf_parse_nested_format(m->in, bytes, wf_str_from(name), wf_str_from(type), &format,
                                        &err);
        if (rc == 0) {
            wf_compose_settle(m->c);
            rc = wf_parse_nested(m->in, format, bytes, wf_str_from(name), charset_of(part), m->w,
                                 &err);
            wf_compose_paragraph(m->c);
        }
        if (rc != 0 && wf_stream_status(m->w) == 0) {
            (void)wf_stream_warning(m->w, "attachment %s: %s", name != NULL ? name : type, err.msg);
        }
    }
    g_free(type);
}

static bool is_encrypted(GMimeObject *part)
{
    const char *kind = g_mime_object_get_content_type_parameter(part, "smime-type");
    bool smime =
        is_type(part, "application", "pkcs7-mime") || is_type(part, "application", "x-pkcs7-mime");
    return GMIME_IS_MULTIPART_ENCRYPTED(part) ||
           (smime && (kind == NULL || g_ascii_strcasecmp(kind, "signed-data") != 0));
}

static void put_leaf(struct mail *m, GMimeObject *part)
{
    if (is_encrypted(part)) {
        (void)wf_stream_warning(m->w, "the message, or a part of it, is encrypted");
        return;
    }
    bool text = is_type(part, "text", "*") && !is_attachment(part);
    bool named = name_of(part) != NULL;
    GByteArray *bytes = content_of(m, GMIME_PART(part));
    struct wf_str s = bytes != NULL ? bytes_of(bytes) : wf_str_n("", 0);
    if (text && is_type(part, "text", "html")) {
        put_html(m, part, s);
    } else if (text && !named &&
               (is_type(part, "text", "plain") || is_type(part, "text", "enriched"))) {
        put_plain(m, part, s);
    } else if (named || is_attachment(part) || text) {
        put_attachment(m, part, s);
    } else if (is_type(part, "message", "*")) {
        put_plain(m, part, s); /* delivery reports */
    }
    if (bytes != NULL) {
        g_byte_array_unref(bytes);
    }
}

/* ---- parts made of parts ---- */

static size_t size_of(GMimeObject *part)
{
    GMimeDataWrapper *content =
        GMIME_IS_PART(part) ? g_mime_part_get_content(GMIME_PART(part)) : NULL;
    GMimeStream *s = content != NULL ? g_mime_data_wrapper_get_stream(content) : NULL;
    gint64 n = s != NULL ? g_mime_stream_length(s) : 0;
    return n > 0 ? (size_t)n : 0;
}

/* Of several versions of the same: the plain one; a richer one when that is missing or a stub
 * ("your program cannot show HTML"). */
static void put_alternative(struct mail *m, GMimeMultipart *all)
{
    GMimeObject *plain = NULL;
    GMimeObject *rich = NULL;
    int n = g_mime_multipart_get_count(all);
    for (int i = 0; i < n; i++) {
        GMimeObject *part = g_mime_multipart_get_part(all, i);
        if (is_type(part, "text", "plain")) {
            plain = plain == NULL ? part : plain;
        } else if (is_type(part, "text", "calendar")) {
            put_part(m, part); /* an invitation says more than its text */
        } else {
            rich = part;
        }
    }
    size_t n_plain = plain != NULL ? size_of(plain) : 0;
    bool stub = n_plain < 4 || (n_plain < 200 && rich != NULL && size_of(rich) > 10 * n_plain);
    if (plain != NULL && !(stub && rich != NULL)) {
        put_part(m, plain);
    } else if (rich != NULL) {
        put_part(m, rich);
    }
}

static void put_multipart(struct mail *m, GMimeMultipart *all)
{
    GMimeObject *object = GMIME_OBJECT(all);
    int n = g_mime_multipart_get_count(all);
    if (is_encrypted(object)) {
        (void)wf_stream_warning(m->w, "the message, or a part of it, is encrypted");
        return;
    }
    if (is_type(object, "multipart", "alternative")) {
        put_alternative(m, all);
        return;
    }
    if (is_type(object, "multipart", "signed")) {
        n = WF_MIN(n, 1); /* the rest is the signature */
    }
    for (int i = 0; i < n; i++) {
        put_part(m, g_mime_multipart_get_part(all, i));
    }
}

static void put_forwarded(struct mail *m, GMimeMessage *message)
{
    if (message == NULL || m->n_messages_deep >= WF_LIMIT_NESTING_DOCUMENTS) {
        (void)wf_stream_warning(m->w, "a message inside the message is left out");
        return;
    }
    m->n_messages_deep++;
    m->level++;
    put_message(m, message, false);
    m->level--;
    m->n_messages_deep--;
}

static void put_part(struct mail *m, GMimeObject *part)
{
    if (part == NULL || wf_stream_status(m->w) != 0) {
        return;
    }
    if (m->depth >= WF_LIMIT_NESTING || m->n_parts >= PARTS_MAX) {
        (void)wf_stream_warning(m->w, "the message has too many parts: the rest is left out");
        return;
    }
    m->depth++;
    m->n_parts++;
    if (GMIME_IS_MESSAGE_PART(part)) {
        put_forwarded(m, g_mime_message_part_get_message(GMIME_MESSAGE_PART(part)));
    } else if (GMIME_IS_MULTIPART(part)) {
        put_multipart(m, GMIME_MULTIPART(part));
    } else if (GMIME_IS_PART(part)) {
        put_leaf(m, part);
    }
    m->depth--;
}

static void put_message(struct mail *m, GMimeMessage *message, bool meta)
{
    put_header(m, message, meta);
    put_part(m, g_mime_message_get_mime_part(message));
    wf_compose_paragraph(m->c);
}

int wf_mail_put(const struct wf_parse_input *in, struct wf_str bytes, unsigned level, bool meta,
                struct wf_compose *c, struct wf_stream_writer *w, struct wf_err *err)
{
    struct mail m = {.in = in, .c = c, .w = w, .level = level, .n_messages_deep = in->depth};
    if (bytes.len > G_MAXUINT / 2) {
        return wf_err_set(err, WF_E_LIMIT, "the message is too large");
    }
    g_mime_init();
    GByteArray *array = g_byte_array_sized_new((guint)bytes.len);
    g_byte_array_append(array, (const guint8 *)bytes.ptr, (guint)bytes.len);
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(array);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    g_mime_parser_set_persist_stream(parser, TRUE); /* parts stay where they are until asked for */
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    int rc = 0;
    if (message != NULL) {
        put_message(&m, message, meta);
        g_object_unref(message);
        rc = wf_stream_status(w);
    } else {
        rc = wf_err_set(err, WF_E_FORMAT, "it is no mail message: its header cannot be read");
    }
    g_object_unref(parser);
    g_object_unref(stream);
    return rc;
}

/* ---- recognition ---- */

static bool is_known_field(struct wf_str name)
{
    static const char *const names[] = {"from",
                                        "to",
                                        "subject",
                                        "date",
                                        "received",
                                        "message-id",
                                        "mime-version",
                                        "return-path",
                                        "delivered-to",
                                        "content-type",
                                        "cc",
                                        "reply-to",
                                        "sender",
                                        "newsgroups",
                                        "path",
                                        "x-mailer",
                                        "x-originating-ip"};
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        if (wf_str_eq_nocase(name, wf_str_from(names[i]))) {
            return true;
        }
    }
    return wf_str_eq_nocase(wf_str_sub(name, 0, 2), WF_STR("x-"));
}

bool wf_mail_begins(struct wf_str text)
{
    struct wf_str line;
    unsigned n_known = 0;
    bool who = false;
    for (int i = 0; i < 60 && wf_str_line(&text, &line) && line.len > 0; i++) {
        size_t colon = wf_str_find_byte(line, ':', 0);
        struct wf_str name = wf_str_sub(line, 0, colon);
        if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
            if (i == 0) {
                return false;
            }
            continue;
        }
        if (colon == SIZE_MAX || wf_str_find_byte(name, ' ', 0) != SIZE_MAX) {
            return n_known >= 3 && who;
        }
        n_known += is_known_field(name);
        who = who || wf_str_eq_nocase(name, WF_STR("from")) ||
              wf_str_eq_nocase(name, WF_STR("received")) ||
              wf_str_eq_nocase(name, WF_STR("message-id"));
    }
    return n_known >= 3 && who;
}

/* ---- the format ---- */

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct wf_compose c;
    struct wf_str bytes;
    int rc = wf_parse_map(in, &bytes, err);
    if (rc != 0) {
        return rc;
    }
    wf_compose_init(&c, w);
    rc = wf_mail_put(in, bytes, in->depth + 1, in->depth == 0, &c, w, err);
    if (rc == 0 && !wf_compose_any(&c)) {
        rc = wf_parse_no_text(err);
    }
    wf_parse_unmap(in, bytes);
    return rc;
}

static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    bool named = wf_format_has_extension(f, h);
    if (h->is_binary) {
        return WF_SCORE_NO;
    }
    if (wf_mail_begins(h->text)) {
        return named ? WF_SCORE_BOTH : WF_SCORE_CONTENT;
    }
    return named ? WF_SCORE_NAME : WF_SCORE_NO;
}

const struct wf_format wf_format_eml = {
    .id = "eml",
    .title = "mail message",
    .media_type = "message/rfc822",
    .extensions = "eml mht mhtml nws",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
    .warm = wf_mail_warm,
};
