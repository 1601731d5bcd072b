/* SPDX-License-Identifier: Apache-2.0 */
/* What weft does not take in: named as exactly as the first bytes allow, with what to do.
 *
 * A refusal is an answer: the person learns that the file is a film, an old Word document or an
 * encrypted workbook, rather than that "parsing failed". Nothing is parsed here beyond signatures;
 * in OLE2 files the directory's names (UTF-16) are looked for where they lie. */
#include <ctype.h>
#include <string.h>

#include "ingest/format.h"
#include "ingest/parse.h"

/* ---- OLE2: the container of Word, Excel, PowerPoint and Outlook before 2007 ---- */

#define OLE2_MAGIC "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
/* Directory entries stand anywhere in the file; in real ones within the first megabytes. */
#define OLE2_SCAN_BYTES (64u << 20)
#define OLE2_PIECE_BYTES (256u << 10)

static const struct {
    const char *name; /* of a stream in the directory, in lower case */
    int code;
    const char *sentence;
} ole2_kinds[] = {
    {"encryptedpackage", WF_E_ENCRYPTED,
     "the Office document is encrypted: save it without a password and add it again"},
    {"worddocument", WF_E_UNSUPPORTED,
     "the old Word format (DOC) is not read: save it as DOCX and add that"},
    {"workbook", WF_E_UNSUPPORTED,
     "the old Excel format (XLS) is not read: save it as XLSX and add that"},
    {"book", WF_E_UNSUPPORTED,
     "the old Excel format (XLS) is not read: save it as XLSX and add that"},
    {"powerpoint document", WF_E_UNSUPPORTED,
     "the old PowerPoint format (PPT) is not read: save it as PPTX and add that"},
    {"__properties_version1.0", WF_E_UNSUPPORTED,
     "the Outlook format (MSG) is not read: save the message as EML and add that"},
    {"visiodocument", WF_E_UNSUPPORTED,
     "the old Visio format (VSD) is not read: save it as PDF and add that"},
    {"quill", WF_E_UNSUPPORTED,
     "the Publisher format (PUB) is not read: save it as PDF and add "
     "that"},
    {"perfectoffice_main", WF_E_UNSUPPORTED,
     "the WordPerfect format is not read: save it as DOCX and add that"},
};

/* "Book" as it stands in an OLE2 directory: UTF-16LE with its final zero. */
static struct wf_str utf16_name(const char *name, char out[64])
{
    size_t n = 0;
    for (; name[n / 2] != 0 && n < 60; n += 2) {
        out[n] = name[n / 2];
        out[n + 1] = 0;
    }
    out[n] = 0;
    out[n + 1] = 0;
    return wf_str_n(out, n + 2);
}

/* Names compare without case: some writers store them in lower case. */
static void lower(struct wf_buf *b)
{
    for (size_t i = 0; i < b->len; i++) {
        b->ptr[i] = (char)tolower((unsigned char)b->ptr[i]);
    }
}

static size_t ole2_kind_in(struct wf_str s, size_t best)
{
    for (size_t k = 0; k < best; k++) {
        char room[64];
        if (wf_str_find(s, utf16_name(ole2_kinds[k].name, room), 0) != SIZE_MAX) {
            return k;
        }
    }
    return best;
}

static int parse_ole2(const struct wf_parse_input *in, struct wf_stream_writer *w,
                      struct wf_err *err)
{
    (void)w;
    struct wf_buf piece;
    size_t best = WF_ARRAY_LEN(ole2_kinds);
    int rc = 0;
    wf_buf_init(&piece, OLE2_PIECE_BYTES);
    rc = wf_buf_reserve(&piece, OLE2_PIECE_BYTES);
    uint64_t end = WF_MIN(in->n_bytes, (uint64_t)OLE2_SCAN_BYTES);
    for (uint64_t at = 0; rc == 0 && at < end; at += OLE2_PIECE_BYTES / 2) {
        size_t n = 0;
        rc = wf_parse_read_at(in, at, piece.ptr, OLE2_PIECE_BYTES, &n, err);
        wf_buf_commit(&piece, n);
        lower(&piece);
        best = ole2_kind_in(wf_buf_str(&piece), best);
        wf_buf_reset(&piece);
    }
    wf_buf_deinit(&piece);
    if (rc != 0) {
        return rc;
    }
    if (best < WF_ARRAY_LEN(ole2_kinds)) {
        return wf_err_set(err, ole2_kinds[best].code, "%s", ole2_kinds[best].sentence);
    }
    return wf_err_set(err, WF_E_UNSUPPORTED,
                      "an old Microsoft container (OLE2) of unknown kind is not read: save it in a "
                      "newer format and add that");
}

const struct wf_format wf_format_ole2 = {
    .id = "ole2",
    .title = "old Office document",
    .media_type = "application/x-ole-storage",
    .extensions = "doc xls ppt msg pub vsd dot xlt pps",
    .magic = OLE2_MAGIC,
    .magic_bytes = sizeof(OLE2_MAGIC) - 1,
    .parse = parse_ole2,
    .kind = WF_PARSE_SHARED,
    .refuses = true,
};

/* ---- everything else, by its first bytes ---- */

#define KEEP_TEXT "unpack it and add the files in it"

static const struct {
    const char *magic;
    unsigned char n_bytes;
    unsigned char at;
    const char *what;
} kinds[] = {
    {"PK\x03\x04", 4, 0, "a ZIP archive is not read: " KEEP_TEXT},
    {"PK\x05\x06", 4, 0, "an empty ZIP archive"},
    {"Rar!\x1a\x07", 6, 0, "a RAR archive is not read: " KEEP_TEXT},
    {"7z\xbc\xaf\x27\x1c", 6, 0, "a 7-Zip archive is not read: " KEEP_TEXT},
    {"\x1f\x8b", 2, 0, "a gzip file is not read: " KEEP_TEXT},
    {"BZh", 3, 0, "a bzip2 file is not read: " KEEP_TEXT},
    {"\xfd"
     "7zXZ",
     6, 0, "an xz file is not read: " KEEP_TEXT},
    {"\x28\xb5\x2f\xfd", 4, 0, "a Zstandard file is not read: " KEEP_TEXT},
    {"ustar", 5, 255, "a TAR archive is not read: " KEEP_TEXT},
    {"!<arch>\n", 8, 0, "a library or package archive, which holds no document"},
    {"\x7f"
     "ELF",
     4, 0, "a program, which holds no document"},
    {"MZ", 2, 0, "a Windows program, which holds no document"},
    {"\xca\xfe\xba\xbe", 4, 0, "a compiled program, which holds no document"},
    {"\xcf\xfa\xed\xfe", 4, 0, "a program, which holds no document"},
    {"\xfe\xed\xfa\xcf", 4, 0, "a program, which holds no document"},
    {"\0asm", 4, 0, "a WebAssembly program, which holds no document"},
    {"SQLite format 3", 16, 0, "an SQLite database is not read: export its tables as CSV"},
    {"\x00\x01\x00\x00Standard Jet", 16, 0,
     "an Access database is not read: export its tables as CSV"},
    {"ID3", 3, 0, "an audio file (MP3) is not read"},
    {"\xff\xfb", 2, 0, "an audio file (MP3) is not read"},
    {"fLaC", 4, 0, "an audio file (FLAC) is not read"},
    {"OggS", 4, 0, "an Ogg audio or video file is not read"},
    {"WAVE", 4, 8, "an audio file (WAV) is not read"},
    {"AVI ", 4, 8, "a video file (AVI) is not read"},
    {"MThd", 4, 0, "a MIDI file, which holds no text"},
    {"ftypM4A", 7, 4, "an audio file (M4A) is not read"},
    {"ftyp", 4, 4, "an audio or video file (MP4) is not read"},
    {"\x1a\x45\xdf\xa3", 4, 0, "a video file (Matroska, WebM) is not read"},
    {"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 8, 0, "a Windows media file is not read"},
    {"\xff"
     "WPC",
     4, 0, "the WordPerfect format is not read: save it as DOCX and add that"},
    {"\x09\x04\x06\x00", 4, 0,
     "an Excel sheet of before 1997 is not read: save it as XLSX and add that"},
    {"\x09\x02\x06\x00", 4, 0,
     "an Excel sheet of before 1997 is not read: save it as XLSX and add that"},
    {"\x09\x00\x04\x00", 4, 0,
     "an Excel sheet of before 1997 is not read: save it as XLSX and add that"},
    {"\x31\xbe\x00\x00", 4, 0,
     "a Write document of before 1992 is not read: save it as DOCX and add that"},
    {"\xdb\xa5", 2, 0, "the Word 2 format is not read: save it as DOCX and add that"},
    {"%!PS", 4, 0, "PostScript is not read: convert it to PDF and add that"},
    {"\x00\x01\x00\x00", 4, 0, "a font, which holds no document"},
    {"OTTO", 4, 0, "a font, which holds no document"},
    {"wOFF", 4, 0, "a font, which holds no document"},
    {"wOF2", 4, 0, "a font, which holds no document"},
    {"SIMPLE  =", 9, 0, "a FITS data file is not read"},
    {"\x89HDF", 4, 0, "an HDF5 data file is not read"},
    {"PAR1", 4, 0, "a Parquet data file is not read: export it as CSV"},
    {"!BDN", 4, 0, "an Outlook mailbox (PST) is not read: export it as MBOX or EML"},
    {"ITSF", 4, 0, "a compiled help file (CHM) is not read"},
    {"-----BEGIN PGP MESSAGE", 22, 0, "the file is encrypted (PGP): decrypt it and add the result"},
    {"LUKS\xba\xbe", 6, 0, "an encrypted disk image"},
};

static const char *kind_of(struct wf_str head)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        struct wf_str at = wf_str_sub(head, kinds[i].at, head.len);
        if (wf_str_starts(at, wf_str_n(kinds[i].magic, kinds[i].n_bytes))) {
            return kinds[i].what;
        }
    }
    return NULL;
}

static int parse_binary(const struct wf_parse_input *in, struct wf_stream_writer *w,
                        struct wf_err *err)
{
    (void)w;
    char head[512];
    size_t n = 0;
    if (in->n_bytes == 0) {
        return wf_err_set(err, WF_E_FORMAT, "the file is empty");
    }
    int rc = wf_parse_read_at(in, 0, head, sizeof(head), &n, err);
    if (rc != 0) {
        return rc;
    }
    const char *what = kind_of(wf_str_n(head, n));
    if (what != NULL) {
        bool encrypted = strstr(what, "encrypted") != NULL;
        return wf_err_set(err, encrypted ? WF_E_ENCRYPTED : WF_E_UNSUPPORTED, "%s", what);
    }
    return wf_err_set(err, WF_E_UNSUPPORTED,
                      "the file holds binary data of no kind that is known here");
}

/* The last resort for what is no text, and sure of itself where the signature is one that text
 * could not begin with by chance (a PGP message is text). */
static int score_binary(const struct wf_format *f, const struct wf_format_hint *h)
{
    (void)f;
    bool known = kind_of(h->head) != NULL;
    if (known && (h->is_binary || wf_str_starts(h->head, WF_STR("-----BEGIN PGP M")) ||
                  wf_str_starts(h->head, WF_STR("%!PS")))) {
        return WF_SCORE_BOTH;
    }
    return 1;
}

const struct wf_format wf_format_binary = {
    .id = "binary",
    .title = "binary file",
    .media_type = "application/octet-stream",
    .extensions = "",
    .score = score_binary,
    .parse = parse_binary,
    .kind = WF_PARSE_SHARED,
    .refuses = true,
};
