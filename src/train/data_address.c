/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of usaddress: <AddressString> with an element for each token. Its text is what stands
 * between the tags, white space folded; the address is all of it but who lives there. The files
 * are simple XML without attributes or comments, so that a few lines read them: an element is a
 * name, a text, the same name. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "text/utf8.h"
#include "train/data_tagged_internal.h"

/* An address as XML: the longest known has 2 kB. */
#define ADDRESS_BYTES_MAX ((size_t)64 << 10)

/* "&amp;", "&#163;" at the begin of s: the code point, and how long it is; 0: none. */
static size_t read_entity(struct wf_str s, uint32_t *out)
{
    static const struct {
        const char *name;
        uint32_t point;
    } named[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    size_t end = wf_str_find_byte(s, ';', 0);
    uint64_t n;

    for (size_t i = 0; i < WF_ARRAY_LEN(named); i++) {
        if (wf_str_starts(s, wf_str_from(named[i].name))) {
            *out = named[i].point;
            return strlen(named[i].name);
        }
    }
    if (!wf_str_starts(s, wf_str_from("&#")) || end > 10 ||
        !wf_str_to_u64(wf_str_sub(s, 2, end), &n) || n == 0 || n > 0x10ffff ||
        (n >= 0xd800 && n <= 0xdfff))
        return 0;
    *out = (uint32_t)n;
    return end + 1;
}

static void append_point(struct wf_buf *out, uint32_t point)
{
    char bytes[4];

    (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, point)); /* the caller asks */
}

/* Appends what stands between tags, entities read, white space folded; none in front of all. */
static int append_text(struct wf_buf *out, struct wf_str s)
{
    uint32_t point;
    size_t n;

    for (size_t i = 0; i < s.len; i += n) {
        n = s.ptr[i] == '&' ? read_entity(wf_str_sub(s, i, s.len), &point) : 0;
        if (n > 0) {
            append_point(out, point);
            continue;
        }
        n = 1;
        if (s.ptr[i] != ' ' && s.ptr[i] != '\n' && s.ptr[i] != '\t' && s.ptr[i] != '\r')
            (void)wf_buf_append_byte(out, s.ptr[i]);
        else if (out->len > 0 && out->ptr[out->len - 1] != ' ')
            (void)wf_buf_append_byte(out, ' ');
    }
    return wf_buf_status(out);
}

static bool is_part(struct wf_str label)
{
    return !wf_str_eq(label, wf_str_from("Recipient")) &&
           !wf_str_eq(label, wf_str_from("NotAddress"));
}

/* One token [from, to) of the text: the span goes on, or a new one begins. */
static int add_part(struct wf_data__tagged *r, size_t from, bool *io_goes_on, bool is_in)
{
    size_t to = r->text.len;
    bool goes_on = *io_goes_on;

    while (to > from && r->text.ptr[to - 1] == ' ')
        to--;
    while (from < to && r->text.ptr[from] == ' ')
        from++;
    *io_goes_on = is_in;
    if (!is_in || to == from)
        return 0;
    if (goes_on && r->spans.n > 0) {
        r->spans.ptr[r->spans.n - 1].to = to;
        return 0;
    }
    return wf_data__add_span(&r->spans, (struct wf_data_span){from, to, WF_ENTITY_ADDRESS});
}

/* What stands within <AddressString>. FORMAT where it is not as it should be. */
static int read_address(struct wf_data__tagged *r, struct wf_str xml)
{
    bool goes_on = false;
    size_t i = 0;
    int rc = 0;

    wf_buf_reset(&r->text);
    r->spans.n = 0;
    while (rc == 0 && i < xml.len) {
        size_t open = WF_MIN(wf_str_find_byte(xml, '<', i), xml.len);
        size_t close = wf_str_find_byte(xml, '>', open), end, from;
        struct wf_str label;
        rc = append_text(&r->text, wf_str_sub(xml, i, open));
        if (rc != 0 || open == xml.len)
            break;
        end = close < xml.len ? wf_str_find(xml, wf_str_from("</"), close) : xml.len;
        label = wf_str_sub(xml, open + 1, close);
        if (end >= xml.len || label.len == 0 ||
            !wf_str_starts(wf_str_sub(xml, end + 2, xml.len), label) ||
            wf_str_find_byte(xml, '>', end) != end + 2 + label.len)
            return wf_lines_fail(r->l, WF_E_FORMAT, r->err, "an element that does not end");
        from = r->text.len;
        rc = append_text(&r->text, wf_str_sub(xml, close + 1, end));
        if (rc == 0)
            rc = add_part(r, from, &goes_on, is_part(label));
        i = end + 3 + label.len;
    }
    if (rc != 0)
        return wf_data__no_memory(r->l, r->err);
    while (r->text.len > 0 && r->text.ptr[r->text.len - 1] == ' ')
        wf_buf_truncate(&r->text, r->text.len - 1);
    return wf_data__give_tagged(r, wf_buf_str(&r->text),
                                r->o->known != 0 ? r->o->known : WF_ENTITY_BIT(WF_ENTITY_ADDRESS),
                                wf_str_n(NULL, 0));
}

/* Gives out the addresses that are whole, keeps what is not yet. */
static int take_addresses(struct wf_data__tagged *r, struct wf_buf *xml)
{
    struct wf_str open = wf_str_from("<AddressString>"), close = wf_str_from("</AddressString>");
    int rc = 0;

    while (rc == 0) {
        struct wf_str all = wf_buf_str(xml);
        size_t from = wf_str_find(all, open, 0), to;
        if (from >= all.len) {
            wf_buf_reset(xml);
            return 0;
        }
        to = wf_str_find(all, close, from);
        if (to >= all.len)
            return 0;
        rc = read_address(r, wf_str_sub(all, from + open.len, to));
        wf_buf_consume(xml, to + close.len);
    }
    return rc;
}

int wf_data__read_addresses(struct wf_data__tagged *r)
{
    struct wf_buf xml;
    struct wf_str line;
    bool is_end = false;
    int rc;

    wf_buf_init(&xml, ADDRESS_BYTES_MAX);
    rc = wf_lines_next(r->l, &line, &is_end, r->err);
    while (rc == 0 && !is_end) {
        (void)wf_buf_append_str(&xml, line);
        rc = wf_buf_append_byte(&xml, '\n');
        if (rc != 0)
            rc = wf_lines_fail(r->l, rc, r->err, "an address that is too long");
        else
            rc = take_addresses(r, &xml);
        if (rc == 0)
            rc = wf_lines_next(r->l, &line, &is_end, r->err);
    }
    if (rc == 0 && xml.len > 0)
        rc = wf_lines_fail(r->l, WF_E_FORMAT, r->err, "an address that does not end");
    wf_buf_deinit(&xml);
    return rc;
}
