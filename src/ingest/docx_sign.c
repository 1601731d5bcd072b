/* SPDX-License-Identifier: Apache-2.0 */
/* DOCX signs: characters that come as a number in a font of signs.
 *
 * Word writes <w:sym w:font="Symbol" w:char="F061"/> for an alpha: the number is a place in that
 * font, often with F000 added. Two such fonts are common, and the places listed here are those that
 * carry meaning in a text (letters, operators, arrows, ticked boxes); others are decoration. */
#include "ingest/docx_internal.h"

static const struct {
    uint16_t sign; /* without the F000 that marks such fonts */
    const char *utf8;
} wingdings[] = {
    {0x6c, "\xe2\x97\x8f"}, {0x6e, "\xe2\x96\xa0"}, {0x6f, "\xe2\x98\x90"}, {0x71, "\xe2\x9d\x91"},
    {0x76, "\xe2\x9d\x96"}, {0x9f, "\xe2\x80\xa2"}, {0xa7, "\xe2\x96\xaa"}, {0xa8, "\xe2\x98\x90"},
    {0xd8, "\xe2\x9e\xa2"}, {0xdf, "\xe2\x86\x90"}, {0xe0, "\xe2\x86\x92"}, {0xe1, "\xe2\x86\x91"},
    {0xe2, "\xe2\x86\x93"}, {0xe8, "\xe2\x9e\x94"}, {0xf0, "\xe2\x87\xa8"}, {0xfb, "\xe2\x9c\x97"},
    {0xfc, "\xe2\x9c\x93"}, {0xfd, "\xe2\x98\x92"}, {0xfe, "\xe2\x98\x91"},
};

/* The Greek of Adobe's Symbol font, from 'A' and from 'a'. */
static const char *const symbol_upper[26] = {"Α", "Β", "Χ", "Δ", "Ε", "Φ", "Γ", "Η", "Ι",
                                             "ϑ", "Κ", "Λ", "Μ", "Ν", "Ο", "Π", "Θ", "Ρ",
                                             "Σ", "Τ", "Υ", "ς", "Ω", "Ξ", "Ψ", "Ζ"};
static const char *const symbol_lower[26] = {"α", "β", "χ", "δ", "ε", "φ", "γ", "η", "ι",
                                             "ϕ", "κ", "λ", "μ", "ν", "ο", "π", "θ", "ρ",
                                             "σ", "τ", "υ", "ϖ", "ω", "ξ", "ψ", "ζ"};
static const struct {
    uint16_t sign;
    const char *utf8;
} symbol[] = {
    {0xa3, "≤"}, {0xa5, "∞"}, {0xab, "↔"}, {0xac, "←"}, {0xad, "↑"}, {0xae, "→"}, {0xaf, "↓"},
    {0xb0, "°"}, {0xb1, "±"}, {0xb3, "≥"}, {0xb4, "×"}, {0xb6, "∂"}, {0xb7, "•"}, {0xb8, "÷"},
    {0xb9, "≠"}, {0xba, "≡"}, {0xbb, "≈"}, {0xbc, "…"}, {0xc5, "⊕"}, {0xc6, "∅"}, {0xc7, "∩"},
    {0xc8, "∪"}, {0xc9, "⊃"}, {0xca, "⊇"}, {0xcc, "⊂"}, {0xcd, "⊆"}, {0xce, "∈"}, {0xcf, "∉"},
    {0xd0, "∠"}, {0xd1, "∇"}, {0xd2, "®"}, {0xd3, "©"}, {0xd4, "™"}, {0xd5, "∏"}, {0xd6, "√"},
    {0xd9, "∧"}, {0xda, "∨"}, {0xdb, "⇔"}, {0xdc, "⇐"}, {0xde, "⇒"}, {0xe5, "∑"}, {0xf2, "∫"},
};

static const char *symbol_sign(unsigned sign)
{
    if (sign >= 'A' && sign <= 'Z') {
        return symbol_upper[sign - 'A'];
    }
    if (sign >= 'a' && sign <= 'z') {
        return symbol_lower[sign - 'a'];
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(symbol); i++) {
        if (symbol[i].sign == sign) {
            return symbol[i].utf8;
        }
    }
    return NULL;
}

static const char *wingdings_sign(unsigned sign)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(wingdings); i++) {
        if (wingdings[i].sign == sign) {
            return wingdings[i].utf8;
        }
    }
    return NULL;
}

static unsigned parse_hex(struct wf_str s)
{
    unsigned v = 0;
    for (size_t i = 0; i < s.len && i < 6; i++) {
        char c = s.ptr[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 0;
        v = v * 16 + digit;
    }
    return v;
}

const char *wf_docx__sign(struct wf_str font, struct wf_str number)
{
    unsigned sign = parse_hex(number) & 0xff;
    if (wf_str_eq_nocase(font, WF_STR("Symbol"))) {
        return symbol_sign(sign);
    }
    return wf_str_eq_nocase(font, WF_STR("Wingdings")) ? wingdings_sign(sign) : NULL;
}
