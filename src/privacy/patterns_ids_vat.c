/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for value added tax with their country's letters in front, as the European Union's VIES
 * takes them; and those of the United Kingdom, Northern Ireland and Norway. */
#include "privacy/checks.h"
#include "privacy/patterns_ids.h"

/* Reads what stands behind the country's letters: exactly n digits. */
static bool digits_after(struct wf_str s, const char *country, size_t n, struct wf_code *c)
{
    return wf_code_after(s, country, c) && c->n == n && wf_code_is_digits(c->v, n) &&
           !wf_code_is_same(c->v, n);
}

static bool weighed(struct wf_str s, const char *country, size_t n, const struct wf_weighing *w)
{
    struct wf_code c;

    return digits_after(s, country, n, &c) && wf_check_weighed(c.v, w);
}

/* Every second digit doubled, its digits added up, 4 more. */
static bool at_vat(struct wf_str s)
{
    static const uint8_t weights[] = {1, 2, 1, 2, 1, 2, 1};
    struct wf_code c;

    return wf_code_after(s, "ATU", &c) && c.n == 8 && wf_code_is_digits(c.v, 8) &&
           (wf_check_cross_sum(c.v, weights, 7) + 4 + c.v[7]) % 10 == 0;
}

static bool be_vat(struct wf_str s)
{
    struct wf_code c;

    return digits_after(s, "BE", 10, &c) && c.v[0] <= 1 &&
           97 - wf_code_mod(c.v, 8, 97) == wf_code_number(c.v + 8, 2);
}

/* Nine digits: companies; ten: persons (their EGN), foreigners, others. */
static bool bg_vat(struct wf_str s)
{
    static const uint8_t first[] = {1, 2, 3, 4, 5, 6, 7, 8}, second[] = {3, 4, 5, 6, 7, 8, 9, 10};
    static const struct wf_weighing egn = {9, 11, false, 0, {2, 4, 8, 5, 10, 9, 7, 3, 6}};
    static const struct wf_weighing foreigner = {9, 10, false, 0, {21, 19, 17, 13, 11, 9, 7, 3, 1}};
    static const struct wf_weighing other = {9, 11, true, WF_REFUSED, {4, 3, 2, 7, 6, 5, 4, 3, 2}};
    struct wf_code c;
    unsigned check;

    if (digits_after(s, "BG", 10, &c))
        return wf_check_weighed(c.v, &egn) || wf_check_weighed(c.v, &foreigner) ||
               wf_check_weighed(c.v, &other);
    if (!digits_after(s, "BG", 9, &c))
        return false;
    check = wf_check_sum(c.v, first, 8) % 11;
    if (check == 10)
        check = wf_check_sum(c.v, second, 8) % 11 % 10;
    return c.v[8] == check;
}

static bool cy_vat(struct wf_str s)
{
    static const uint8_t odd[] = {1, 0, 5, 7, 9, 13, 15, 17, 19, 21};
    struct wf_code c;
    unsigned sum = 0;

    if (!wf_code_after(s, "CY", &c) || c.n != 9 || !wf_code_is_digits(c.v, 8))
        return false;
    for (size_t i = 0; i < 8; i++)
        sum += i % 2 == 0 ? odd[c.v[i]] : c.v[i];
    return c.v[8] == 10 + sum % 26;
}

/* Eight digits: companies; nine or ten: persons. */
static bool cz_vat(struct wf_str s)
{
    static const uint8_t weights[] = {8, 7, 6, 5, 4, 3, 2};
    struct wf_code c;
    unsigned rest;

    if (digits_after(s, "CZ", 8, &c)) {
        rest = wf_check_sum(c.v, weights, 7) % 11;
        return c.v[0] != 9 && c.v[7] == (rest == 0 ? 1 : rest == 1 ? 0 : 11 - rest);
    }
    if (digits_after(s, "CZ", 10, &c))
        return wf_code_mod(c.v, 9, 11) % 10 == c.v[9];
    return digits_after(s, "CZ", 9, &c) && (c.v[0] == 6 || wf_code_number(c.v, 2) < 54);
}

static bool de_vat(struct wf_str s)
{
    struct wf_code c;

    return digits_after(s, "DE", 9, &c) && c.v[0] != 0 && wf_check_mod11_10(c.v, 9);
}

static bool dk_vat(struct wf_str s)
{
    static const struct wf_weighing w = {7, 11, true, WF_REFUSED, {2, 7, 6, 5, 4, 3, 2}};

    return weighed(s, "DK", 8, &w);
}

static bool ee_vat(struct wf_str s)
{
    static const struct wf_weighing w = {8, 10, true, 0, {3, 7, 1, 3, 7, 1, 3, 7}};

    return weighed(s, "EE", 9, &w);
}

/* Powers of two; 256 counts 3 modulo 11. */
static bool el_vat(struct wf_str s)
{
    static const struct wf_weighing w = {8, 11, false, 0, {3, 128, 64, 32, 16, 8, 4, 2}};

    return weighed(s, "EL", 9, &w);
}

static bool es_vat(struct wf_str s)
{
    static const char letters[] = "TRWAGMYFPDXBNJZSQVHLCKE";
    struct wf_code c;
    uint8_t v[8];
    unsigned check;

    if (!wf_code_after(s, "ES", &c) || c.n != 9 || !wf_code_is_digits(c.v + 1, 7))
        return false;
    if (c.v[0] < 10)
        return wf_check_letter(c.v[8], letters, wf_code_number(c.v, 8) % 23);
    if (c.v[0] >= 33) {
        c.v[0] = (uint8_t)(c.v[0] - 33);
        return wf_check_letter(c.v[8], letters, wf_code_number(c.v, 8) % 23);
    }
    for (size_t i = 0; i < 7; i++)
        v[i] = c.v[i + 1];
    v[7] = 0;
    check = (10 - wf_check_luhn_sum(v, 8) % 10) % 10;
    return c.v[8] == check || wf_check_letter(c.v[8], "JABCDEFGHI", check);
}

static bool fi_vat(struct wf_str s)
{
    static const struct wf_weighing w = {7, 11, true, WF_REFUSED, {7, 9, 10, 5, 8, 4, 2}};

    return weighed(s, "FI", 8, &w);
}

/* Two digits, computed from the SIREN; the newer keys with letters by another formula. */
static bool fr_vat(struct wf_str s)
{
    struct wf_code c;
    unsigned key, rest;

    if (!wf_code_after(s, "FR", &c) || c.n != 11 || !wf_check_luhn(c.v + 2, 9))
        return false;
    if (wf_code_is_digits(c.v, 2))
        return (wf_code_mod(c.v + 2, 9, 97) * 3 + 12) % 97 == wf_code_number(c.v, 2);
    for (size_t i = 0; i < 2; i++) {
        if (c.v[i] == 18 || c.v[i] == 24) /* no I, no O */
            return false;
        c.v[i] = (uint8_t)(c.v[i] - (c.v[i] > 24) - (c.v[i] > 18));
    }
    key = c.v[0] < 10 ? c.v[0] * 24u + c.v[1] - 10 : c.v[0] * 34u + c.v[1] - 100;
    rest = (wf_code_mod(c.v + 2, 9, 11) + 1 + key / 11) % 11;
    return rest == key % 11;
}

static bool hr_vat(struct wf_str s)
{
    struct wf_code c;

    return digits_after(s, "HR", 11, &c) && wf_check_mod11_10(c.v, 11);
}

static bool hu_vat(struct wf_str s)
{
    static const struct wf_weighing w = {7, 10, true, 0, {9, 7, 3, 1, 9, 7, 3}};

    return weighed(s, "HU", 8, &w);
}

/* Seven digits, a check letter, perhaps a second; the older ones have a letter at second place. */
static bool ie_vat(struct wf_str s)
{
    static const char letters[] = "WABCDEFGHIJKLMNOPQRSTUV";
    static const uint8_t weights[] = {8, 7, 6, 5, 4, 3, 2};
    struct wf_code c;
    unsigned sum;

    if (!wf_code_after(s, "IE", &c) || c.n < 8 || c.n > 9)
        return false;
    if (c.v[1] >= 10) {
        uint8_t old[7] = {0, c.v[2], c.v[3], c.v[4], c.v[5], c.v[6], c.v[0]};
        return c.n == 8 && wf_code_is_digits(old, 7) &&
               wf_check_letter(c.v[7], letters, wf_check_sum(old, weights, 7) % 23);
    }
    if (!wf_code_is_digits(c.v, 7))
        return false;
    sum = wf_check_sum(c.v, weights, 7);
    if (c.n == 9 && c.v[8] != 32)
        sum += 9u * (c.v[8] - 9u);
    return c.v[c.n - 1] >= 10 && wf_check_letter(c.v[7], letters, sum % 23);
}

/* Lithuania: nine digits, or twelve for those registered for a time. */
static bool lt_vat(struct wf_str s)
{
    struct wf_code c;
    unsigned first = 0, second = 0;

    if (!wf_code_after(s, "LT", &c) || (c.n != 9 && c.n != 12) || !wf_code_is_digits(c.v, c.n) ||
        c.v[c.n - 2] != 1)
        return false;
    for (unsigned i = 0; i + 1 < c.n; i++) {
        first += c.v[i] * (1 + i % 9);
        second += c.v[i] * (1 + (i + 2) % 9);
    }
    return c.v[c.n - 1] == (first % 11 == 10 ? second : first) % 11 % 10;
}

static bool lu_vat(struct wf_str s)
{
    struct wf_code c;

    return digits_after(s, "LU", 8, &c) && wf_code_mod(c.v, 6, 89) == wf_code_number(c.v + 6, 2);
}

/* Companies begin with 4 to 9; persons have their personal code. */
static bool lv_vat(struct wf_str s)
{
    static const uint8_t company[] = {9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1};
    static const uint8_t person[] = {10, 5, 8, 4, 2, 1, 6, 3, 7, 9};
    struct wf_code c;

    if (!digits_after(s, "LV", 11, &c))
        return false;
    if (c.v[0] > 3)
        return wf_check_sum(c.v, company, 11) % 11 == 3;
    return c.v[10] == (1 + wf_check_sum(c.v, person, 10)) % 11 % 10;
}

static bool mt_vat(struct wf_str s)
{
    static const uint8_t weights[] = {3, 4, 6, 7, 8, 9, 10, 1};
    struct wf_code c;

    return digits_after(s, "MT", 8, &c) && c.v[0] != 0 && wf_check_sum(c.v, weights, 8) % 37 == 0;
}

/* Nine digits, B, two digits: the BSN's checksum, or the whole modulo 97 for persons since 2020. */
static bool nl_vat(struct wf_str s)
{
    static const uint8_t weights[] = {9, 8, 7, 6, 5, 4, 3, 2};
    struct wf_code c;

    if (!wf_code_shape(s, "NL999999999B99", &c))
        return false;
    return wf_check_sum(c.v + 2, weights, 8) % 11 == c.v[10] || wf_check_mod97_10(c.v, 14);
}

static bool pl_vat(struct wf_str s)
{
    static const struct wf_weighing w = {9, 11, false, WF_REFUSED, {6, 5, 7, 2, 3, 4, 5, 6, 7}};

    return weighed(s, "PL", 10, &w);
}

static bool pt_vat(struct wf_str s)
{
    static const struct wf_weighing w = {8, 11, true, 0, {9, 8, 7, 6, 5, 4, 3, 2}};

    return weighed(s, "PT", 9, &w);
}

/* Two to ten digits, the weights count from the right. */
static bool ro_vat(struct wf_str s)
{
    static const uint8_t weights[] = {7, 5, 3, 2, 1, 7, 5, 3, 2};
    struct wf_code c;

    if (!wf_code_after(s, "RO", &c) || c.n < 4 || c.n > 10 || !wf_code_is_digits(c.v, c.n))
        return false;
    return c.v[c.n - 1] == wf_check_sum(c.v, weights + (10 - c.n), c.n - 1) * 10 % 11 % 10;
}

static bool se_vat(struct wf_str s)
{
    struct wf_code c;

    return digits_after(s, "SE", 12, &c) && wf_check_luhn(c.v, 10) && c.v[11] != 0;
}

static bool si_vat(struct wf_str s)
{
    static const uint8_t weights[] = {8, 7, 6, 5, 4, 3, 2};
    struct wf_code c;
    unsigned check;

    if (!digits_after(s, "SI", 8, &c) || c.v[0] == 0)
        return false;
    check = 11 - wf_check_sum(c.v, weights, 7) % 11; /* 11 is given to nobody */
    return c.v[7] == (check == 10 ? 0 : check);
}

static bool sk_vat(struct wf_str s)
{
    struct wf_code c;

    return digits_after(s, "SK", 10, &c) && c.v[0] != 0 && c.v[2] > 1 &&
           wf_code_mod(c.v, 10, 11) == 0;
}

/* Weighted sum and the two check digits together: a multiple of 97, or 55 more in newer ones. */
static bool uk_vat(struct wf_str s)
{
    static const uint8_t weights[] = {8, 7, 6, 5, 4, 3, 2, 10, 1};
    struct wf_code c;
    unsigned rest;

    if (!wf_code_after(s, s.len > 0 && (s.ptr[0] | 32) == 'x' ? "XI" : "GB", &c) ||
        (c.n != 9 && c.n != 12) || !wf_code_is_digits(c.v, c.n) || wf_code_is_same(c.v, c.n))
        return false;
    rest = wf_check_sum(c.v, weights, 9) % 97;
    return rest == 0 || rest == 42;
}

static bool no_vat(struct wf_str s)
{
    static const struct wf_weighing w = {8, 11, true, WF_REFUSED, {3, 2, 7, 6, 5, 4, 3, 2}};
    struct wf_code c;

    return wf_code_after(s, "NO", &c) && c.n == 12 && wf_code_is_digits(c.v, 9) &&
           wf_check_weighed(c.v, &w);
}

#define VAT "vat|vat id|tax id|tax number|"

static const struct wf_pattern rows[] = {
    WF_ID("AT_VAT_ID", "(?-i:AT)U ?\\d{8}", 11, 11, at_vat, VAT "uid|umsatzsteuer|mwst|ust-id",
          0.75F, 0.97F, WF_WHY_LUHN),
    WF_ID("AT_VAT_ID", "(?-i:AT)U[ .-]?\\d{8}", 11, 11, at_vat, VAT "uid|umsatzsteuer|mwst|ust-id",
          0.3F, 0.95F, WF_WHY_LUHN),
    WF_ID("BE_VAT_ID", "BE[ .-]?[01]\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 12, 12, be_vat,
          VAT "btw|tva|ondernemingsnummer|numéro d'entreprise|kbo|bce", 0.85F, 0.98F, WF_WHY_97),
    WF_ID("BE_VAT_ID", "[01]\\d{3}\\.\\d{3}\\.\\d{3}", 10, 10, be_vat,
          VAT "btw|tva|ondernemingsnummer|numéro d'entreprise|kbo|bce", 0.7F, 0.97F, WF_WHY_97),
    WF_ID("BE_VAT_ID", "[01]\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 10, 10, be_vat,
          VAT "btw|tva|ondernemingsnummer|numéro d'entreprise|kbo|bce", 0.3F, 0.95F, WF_WHY_97),
    WF_ID("BG_VAT_ID", "BG ?\\d{9,10}", 11, 12, bg_vat, VAT "ддс|еик|булстат", 0.65F, 0.97F,
          WF_WHY_11),
    WF_ID("BG_VAT_ID", "BG[ .-]?\\d{9,10}", 11, 12, bg_vat, VAT "ддс|еик|булстат", 0.3F, 0.95F,
          WF_WHY_11),
    WF_ID("CY_VAT_ID", "CY ?\\d{8} ?[A-Z]" WF_NO_TAIL, 11, 11, cy_vat, VAT "φπα|αφμ|φ.π.α|kdv",
          0.8F, 0.97F, "checksum over tables, modulo 26"),
    WF_ID("CY_VAT_ID", "\\d{8}[A-Z]", 9, 9, cy_vat, "cyprus|κύπρ|tic|αφτ|φπα|φ.π.α", 0.25F, 0.88F,
          "checksum over tables, modulo 26"),
    WF_ID("CZ_VAT_ID", "CZ ?\\d{8,10}", 10, 12, cz_vat, VAT "dič|dph|ičo", 0.65F, 0.97F, WF_WHY_11),
    WF_ID("CZ_VAT_ID", "CZ[ .-]?\\d{8,10}", 10, 12, cz_vat, VAT "dič|dph|ičo", 0.3F, 0.95F,
          WF_WHY_11),
    WF_ID("DE_VAT_ID", "(?-i:DE)[ .-]?\\d{3}[ .]?\\d{3}[ .]?\\d{3}", 11, 11, de_vat,
          VAT "ust-idnr|ust-id|ustid|umsatzsteuer|ust.-id|mwst|mehrwertsteuer|uid", 0.7F, 0.98F,
          WF_WHY_11_10),
    WF_ID("DE_VAT_ID", "(?-i:DE)[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 11, 11, de_vat,
          VAT "ust-idnr|ust-id|ustid|umsatzsteuer|ust.-id|mwst|mehrwertsteuer|uid", 0.3F, 0.96F,
          WF_WHY_11_10),
    WF_ID("DK_VAT_ID", "DK ?\\d{2} ?\\d{2} ?\\d{2} ?\\d{2}", 10, 10, dk_vat, VAT "moms|cvr", 0.7F,
          0.97F, WF_WHY_11),
    WF_ID("DK_VAT_ID", "DK[ .-]?\\d{2}[ .-]?\\d{2}[ .-]?\\d{2}[ .-]?\\d{2}", 10, 10, dk_vat,
          VAT "moms|cvr", 0.3F, 0.95F, WF_WHY_11),
    WF_ID("EE_VAT_ID", "EE ?\\d{9}", 11, 11, ee_vat, VAT "kmkr|käibemaks", 0.65F, 0.97F, WF_WHY_10),
    WF_ID("EE_VAT_ID", "EE[ .-]?\\d{9}", 11, 11, ee_vat, VAT "kmkr|käibemaks", 0.3F, 0.95F,
          WF_WHY_10),
    WF_ID("EL_VAT_ID", "(?-i:EL) ?\\d{9}", 11, 11, el_vat, VAT "αφμ|φπα|α.φ.μ|φ.π.α", 0.65F, 0.97F,
          WF_WHY_11),
    WF_ID("EL_VAT_ID", "(?-i:EL)[ .-]?\\d{9}", 11, 11, el_vat, VAT "αφμ|φπα|α.φ.μ|φ.π.α", 0.3F,
          0.95F, WF_WHY_11),
    WF_ID("ES_VAT_ID", "(?-i:ES)[ -]?[A-Z0-9]\\d{7}[A-Z0-9]", 11, 11, es_vat,
          VAT "iva|nif|cif|nif-iva", 0.7F, 0.97F, "Luhn checksum or remainder by 23"),
    WF_ID("ES_VAT_ID", "(?-i:ES)[ .-]?[A-Z0-9]\\d{7}[A-Z0-9]", 11, 11, es_vat,
          VAT "iva|nif|cif|nif-iva", 0.3F, 0.95F, "Luhn checksum or remainder by 23"),
    WF_ID("FI_VAT_ID", "FI ?\\d{8}", 10, 10, fi_vat, VAT "alv|moms|y-tunnus|alv-tunniste", 0.7F,
          0.97F, WF_WHY_11),
    WF_ID("FI_VAT_ID", "FI[ .-]?\\d{8}", 10, 10, fi_vat, VAT "alv|moms|y-tunnus|alv-tunniste", 0.3F,
          0.95F, WF_WHY_11),
    WF_ID("FR_VAT_ID", "FR ?[0-9A-HJ-NP-Z]{2} ?\\d{3} ?\\d{3} ?\\d{3}", 13, 13, fr_vat,
          VAT "tva|intracommunautaire|siren", 0.85F, 0.98F, "Luhn checksum, remainder by 97"),
    WF_ID("FR_VAT_ID", "FR[ .-]?[0-9A-HJ-NP-Z]{2}[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 13, 13,
          fr_vat, VAT "tva|intracommunautaire|siren", 0.3F, 0.96F,
          "Luhn checksum, remainder by 97"),
    WF_ID("HR_VAT_ID", "HR ?\\d{11}", 13, 13, hr_vat, VAT "pdv|oib", 0.7F, 0.97F, WF_WHY_11_10),
    WF_ID("HR_VAT_ID", "HR[ .-]?\\d{11}", 13, 13, hr_vat, VAT "pdv|oib", 0.3F, 0.95F, WF_WHY_11_10),
    WF_ID("HU_VAT_ID", "HU ?\\d{8}", 10, 10, hu_vat, VAT "áfa|adószám|közösségi adószám", 0.65F,
          0.97F, WF_WHY_10),
    WF_ID("HU_VAT_ID", "HU[ .-]?\\d{8}", 10, 10, hu_vat, VAT "áfa|adószám|közösségi adószám", 0.3F,
          0.95F, WF_WHY_10),
    WF_ID("IE_VAT_ID", "IE ?\\d[0-9A-Z]\\d{5}[A-W][A-IW]?", 10, 11, ie_vat, VAT "cbl|pps", 0.8F,
          0.97F, "weighted checksum, modulo 23"),
    WF_ID("IE_VAT_ID", "IE[ .-]?\\d[0-9A-Z]\\d{5}[A-W][A-IW]?", 10, 11, ie_vat, VAT "cbl|pps", 0.3F,
          0.95F, "weighted checksum, modulo 23"),
    WF_ID("LT_VAT_ID", "LT ?\\d{9}(?:\\d{3})?", 11, 14, lt_vat, VAT "pvm|pvm kodas", 0.7F, 0.97F,
          WF_WHY_11),
    WF_ID("LT_VAT_ID", "LT[ .-]?\\d{9}(?:\\d{3})?", 11, 14, lt_vat, VAT "pvm|pvm kodas", 0.3F,
          0.95F, WF_WHY_11),
    WF_ID("LU_VAT_ID", "LU ?\\d{8}", 10, 10, lu_vat, VAT "tva|mwst", 0.85F, 0.98F,
          "remainder by 89"),
    WF_ID("LU_VAT_ID", "LU[ .-]?\\d{8}", 10, 10, lu_vat, VAT "tva|mwst", 0.3F, 0.96F,
          "remainder by 89"),
    WF_ID("LV_VAT_ID", "LV ?\\d{11}", 13, 13, lv_vat, VAT "pvn|pvn reģ", 0.7F, 0.97F, WF_WHY_11),
    WF_ID("LV_VAT_ID", "LV[ .-]?\\d{11}", 13, 13, lv_vat, VAT "pvn|pvn reģ", 0.3F, 0.95F,
          WF_WHY_11),
    WF_ID("MT_VAT_ID", "MT ?\\d{4}[ -]?\\d{4}", 10, 10, mt_vat, VAT "vat malta|taxxa", 0.8F, 0.97F,
          "weighted checksum, modulo 37"),
    WF_ID("MT_VAT_ID", "MT[ .-]?\\d{4}[ .-]?\\d{4}", 10, 10, mt_vat, VAT "vat malta|taxxa", 0.3F,
          0.95F, "weighted checksum, modulo 37"),
    WF_ID("NL_VAT_ID", "NL ?\\d{3}[. ]?\\d{3}[. ]?\\d{3} ?B ?\\d{2}", 14, 14, nl_vat,
          VAT "btw|btw-nummer|btw-id|omzetbelasting", 0.88F, 0.98F,
          "weighted checksum or mod 97-10"),
    WF_ID("NL_VAT_ID", "NL[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?B[ .-]?\\d{2}", 14, 14, nl_vat,
          VAT "btw|btw-nummer|btw-id|omzetbelasting", 0.3F, 0.96F,
          "weighted checksum or mod 97-10"),
    WF_ID("PL_VAT_ID", "PL ?\\d{3}[- ]?\\d{3}[- ]?\\d{2}[- ]?\\d{2}", 12, 12, pl_vat,
          VAT "nip|podatk", 0.7F, 0.975F, WF_WHY_11),
    WF_ID("PL_VAT_ID", "PL[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d{2}[ .-]?\\d{2}", 12, 12, pl_vat,
          VAT "nip|podatk", 0.3F, 0.955F, WF_WHY_11),
    WF_ID("PT_VAT_ID", "PT ?\\d{9}", 11, 11, pt_vat, VAT "iva|nif|contribuinte", 0.7F, 0.97F,
          WF_WHY_11),
    WF_ID("PT_VAT_ID", "PT[ .-]?\\d{9}", 11, 11, pt_vat, VAT "iva|nif|contribuinte", 0.3F, 0.95F,
          WF_WHY_11),
    WF_ID("RO_VAT_ID", "RO ?\\d{4,10}", 6, 12, ro_vat, VAT "tva|cif|cui|cod fiscal", 0.55F, 0.97F,
          WF_WHY_11),
    WF_ID("RO_VAT_ID", "RO[ .-]?\\d{4,10}", 6, 12, ro_vat, VAT "tva|cif|cui|cod fiscal", 0.3F,
          0.95F, WF_WHY_11),
    WF_ID("SE_VAT_ID", "(?-i:SE) ?\\d{6}-?\\d{4} ?\\d{2}", 14, 14, se_vat,
          VAT "moms|momsreg|vat-nummer", 0.75F, 0.97F, WF_WHY_LUHN),
    WF_ID("SE_VAT_ID", "(?-i:SE)[ .-]?\\d{6}[ .-]?\\d{4}[ .-]?\\d{2}", 14, 14, se_vat,
          VAT "moms|momsreg|vat-nummer", 0.3F, 0.95F, WF_WHY_LUHN),
    WF_ID("SI_VAT_ID", "(?-i:SI) ?\\d{8}", 10, 10, si_vat, VAT "ddv|davčna|id za ddv", 0.65F, 0.97F,
          WF_WHY_11),
    WF_ID("SI_VAT_ID", "(?-i:SI)[ .-]?\\d{8}", 10, 10, si_vat, VAT "ddv|davčna|id za ddv", 0.3F,
          0.95F, WF_WHY_11),
    WF_ID("SK_VAT_ID", "SK ?\\d{10}", 12, 12, sk_vat, VAT "ič dph|dič|dph|ičo", 0.7F, 0.97F,
          "remainder by 11"),
    WF_ID("SK_VAT_ID", "SK[ .-]?\\d{10}", 12, 12, sk_vat, VAT "ič dph|dič|dph|ičo", 0.3F, 0.95F,
          "remainder by 11"),
    WF_ID("UK_VAT_ID", "(?:GB|XI) ?\\d{3} ?\\d{4} ?\\d{2}(?: ?\\d{3})?", 11, 14, uk_vat,
          VAT "vat registration|hmrc", 0.85F, 0.98F, WF_WHY_97),
    WF_ID("UK_VAT_ID", "(?:GB|XI)[ .-]?\\d{3}[ .-]?\\d{4}[ .-]?\\d{2}(?:[ .-]?\\d{3})?", 11, 14,
          uk_vat, VAT "vat registration|hmrc", 0.3F, 0.96F, WF_WHY_97),
    WF_ID("NO_VAT_ID", "(?:NO ?)?\\d{3} ?\\d{3} ?\\d{3} ?MVA", 12, 14, no_vat,
          VAT "mva|organisasjonsnummer|merverdiavgift", 0.8F, 0.97F, WF_WHY_11),
    WF_ID("NO_VAT_ID", "(?:NO[ .-]?)?\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?MVA", 12, 14, no_vat,
          VAT "mva|organisasjonsnummer|merverdiavgift", 0.3F, 0.95F, WF_WHY_11),
};
WF_PATTERN_TABLE(wf_patterns_ids_vat, rows);
