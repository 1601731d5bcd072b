/* SPDX-License-Identifier: Apache-2.0 */
/* Identity numbers of Western Europe: Germany, Austria, Switzerland, France, Belgium, the
 * Netherlands, Luxembourg, Ireland, the United Kingdom, Spain, Portugal, Italy. Numbers for VAT
 * with their country's letters are in patterns_ids_vat.c. */
#include "privacy/checks.h"
#include "privacy/patterns_ids.h"

/* ---- Germany ---- */

/* The first ten digits hold exactly one digit twice or three times. */
static bool de_tax_id(struct wf_str s)
{
    struct wf_code c;
    unsigned seen[10] = {0}, repeated = 0;

    if (!wf_code_shape(s, "99999999999", &c) || c.v[0] == 0)
        return false;
    for (size_t i = 0; i < 10; i++)
        seen[c.v[i]]++;
    for (size_t i = 0; i < 10; i++) {
        if (seen[i] > 3)
            return false;
        repeated += seen[i] > 1;
    }
    return repeated == 1 && wf_check_mod11_10(c.v, 11);
}

static bool de_tax_number(struct wf_str s)
{
    struct wf_code c;

    return wf_code_read(s, &c) && wf_code_is_digits(c.v, c.n) && !wf_code_is_same(c.v, c.n) &&
           (c.n != 13 || c.v[4] == 0);
}

/* Nine characters; where a tenth follows, it is ICAO's check digit with the weights 7 3 1. */
static bool de_document(struct wf_str s)
{
    static const struct wf_weighing icao = {9, 10, false, 0, {7, 3, 1, 7, 3, 1, 7, 3, 1}};
    struct wf_code c;
    unsigned digits = 0;

    if (!wf_code_read(s, &c) || c.n < 9 || c.n > 10 || (c.n == 10 && !wf_check_weighed(c.v, &icao)))
        return false;
    for (size_t i = 0; i < 9; i++)
        digits += c.v[i] < 10;
    return digits >= 4;
}

static bool de_social_security(struct wf_str s)
{
    static const uint8_t weights[] = {2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1};
    struct wf_code c;
    uint8_t v[12];
    unsigned day, month;

    if (!wf_code_shape(s, "99999999A999", &c))
        return false;
    for (size_t i = 0; i < 8; i++)
        v[i] = c.v[i];
    v[8] = (uint8_t)((c.v[8] - 9) / 10); /* A is 01 */
    v[9] = (uint8_t)((c.v[8] - 9) % 10);
    v[10] = c.v[9];
    v[11] = c.v[10];
    day = v[2] * 10u + v[3];
    month = v[4] * 10u + v[5];
    return ((day >= 1 && day <= 31) || (day >= 51 && day <= 81)) && month >= 1 && month <= 12 &&
           wf_check_cross_sum(v, weights, 12) % 10 == c.v[11];
}

static bool de_health_insurance(struct wf_str s)
{
    static const uint8_t weights[] = {1, 2, 1, 2, 1, 2, 1, 2, 1, 2};
    struct wf_code c;
    uint8_t v[10];

    if (!wf_code_shape(s, "A999999999", &c))
        return false;
    v[0] = (uint8_t)((c.v[0] - 9) / 10);
    v[1] = (uint8_t)((c.v[0] - 9) % 10);
    for (size_t i = 2; i < 10; i++)
        v[i] = c.v[i - 1];
    return wf_check_cross_sum(v, weights, 10) % 10 == c.v[9];
}

static bool de_lanr(struct wf_str s)
{
    static const struct wf_weighing w = {6, 10, true, 0, {4, 9, 4, 9, 4, 9}};

    return wf_code_weighed(s, "999999999", &w);
}

/* ---- Austria, Switzerland ---- */

/* The check digit stands fourth; months above 12 are used where a day is full. */
static bool at_social_security(struct wf_str s)
{
    static const uint8_t weights[] = {3, 7, 9, 0, 5, 8, 4, 2, 1, 6};
    struct wf_code c;
    unsigned day, month;

    if (!wf_code_shape(s, "9999999999", &c) || c.v[0] == 0)
        return false;
    day = c.v[4] * 10u + c.v[5];
    month = c.v[6] * 10u + c.v[7];
    return day >= 1 && day <= 31 && month >= 1 && month <= 15 &&
           wf_check_sum(c.v, weights, 10) % 11 == c.v[3];
}

static bool luhn9(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "999999999", &c) && !wf_code_is_same(c.v, 9) && wf_check_luhn(c.v, 9);
}

static bool ch_ahv(struct wf_str s)
{
    static const struct wf_weighing ean = {12, 10, true, 0, {1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3}};

    return wf_code_weighed(s, "7569999999999", &ean);
}

static bool ch_uid(struct wf_str s)
{
    static const struct wf_weighing w = {8, 11, true, WF_REFUSED, {5, 4, 3, 2, 7, 6, 5, 4}};
    struct wf_code c;

    return wf_code_after(s, "CHE", &c) && c.n >= 9 && wf_code_is_digits(c.v, 9) &&
           wf_check_weighed(c.v, &w);
}

/* ---- France ---- */

/* The key is what 13 digits lack to a multiple of 97; Corsica's 2A counts 19, 2B 18. */
static bool fr_nir(struct wf_str s)
{
    struct wf_code c;
    unsigned month;

    if (!wf_code_shape(s, "999999*99999999", &c) || c.v[0] == 0)
        return false;
    if (c.v[6] > 9) {
        if (c.v[5] != 2 || c.v[6] > 11)
            return false;
        c.v[5] = 1;
        c.v[6] = c.v[6] == 10 ? 9 : 8;
    }
    month = c.v[3] * 10u + c.v[4];
    return ((month >= 1 && month <= 12) || month >= 20) &&
           97 - wf_code_mod(c.v, 13, 97) == wf_code_number(c.v + 13, 2);
}

static bool fr_tax_id(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "9999999999999", &c) && c.v[0] <= 3 && !wf_code_is_same(c.v, 13) &&
           wf_code_mod(c.v, 10, 511) == wf_code_number(c.v + 10, 3);
}

static bool fr_siret(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "99999999999999", &c) && !wf_code_is_same(c.v, 14) &&
           wf_check_luhn(c.v, 14) && wf_check_luhn(c.v, 9);
}

/* ---- Belgium, the Netherlands, Luxembourg, Ireland ---- */

/* Born from 2000 on, a 2 stands before the nine digits; months above 12: 20 or 40 added. */
static bool be_national_id(struct wf_str s)
{
    struct wf_code c;
    unsigned month, rest, key;

    if (!wf_code_shape(s, "99999999999", &c))
        return false;
    month = (c.v[2] * 10u + c.v[3]) % 20;
    rest = wf_code_mod(c.v, 9, 97);
    key = (unsigned)wf_code_number(c.v + 9, 2);
    /* 10^9 leaves 34 modulo 97. */
    return month <= 12 && c.v[2] < 6 && c.v[4] * 10 + c.v[5] <= 31 && !wf_code_is_same(c.v, 9) &&
           (key == 97 - rest || key == 97 - (rest + 2 * 34) % 97);
}

static bool be_id_card(struct wf_str s)
{
    struct wf_code c;
    unsigned rest;

    if (!wf_code_shape(s, "999999999999", &c) || wf_code_is_same(c.v, 12))
        return false;
    rest = wf_code_mod(c.v, 10, 97);
    return wf_code_number(c.v + 10, 2) == (rest == 0 ? 97 : rest);
}

static bool nl_bsn(struct wf_str s)
{
    struct wf_code c;
    static const uint8_t weights[] = {9, 8, 7, 6, 5, 4, 3, 2};

    return wf_code_shape(s, "999999999", &c) && !wf_code_is_same(c.v, 9) &&
           wf_check_sum(c.v, weights, 8) % 11 == c.v[8];
}

/* Two check digits over the same eleven: Luhn's, then Verhoeff's. */
static bool lu_national_id(struct wf_str s)
{
    struct wf_code c;

    if (!wf_code_shape(s, "9999999999999", &c) || !wf_check_yyyymmdd(c.v) ||
        !wf_check_luhn(c.v, 12))
        return false;
    c.v[11] = c.v[12];
    return wf_check_verhoeff(c.v, 12);
}

/* A second letter counts nine times; W counts nothing. */
static bool ie_pps(struct wf_str s)
{
    static const uint8_t weights[] = {8, 7, 6, 5, 4, 3, 2};
    struct wf_code c;
    unsigned sum;

    if (!wf_code_read(s, &c) || c.n < 8 || c.n > 9 || !wf_code_is_digits(c.v, 7) || c.v[7] < 10 ||
        c.v[c.n - 1] < 10)
        return false;
    sum = wf_check_sum(c.v, weights, 7);
    if (c.n == 9 && c.v[8] - 9 <= 9) /* A..I; the W and T of older cards do not count */
        sum += 9u * (c.v[8] - 9u);
    return wf_check_letter(c.v[7], "WABCDEFGHIJKLMNOPQRSTUV", sum % 23);
}

/* ---- the United Kingdom ---- */

static bool uk_nhs(struct wf_str s)
{
    static const struct wf_weighing w = {9, 11, true, WF_REFUSED, {10, 9, 8, 7, 6, 5, 4, 3, 2}};

    return wf_code_weighed(s, "9999999999", &w);
}

static bool uk_chi(struct wf_str s)
{
    struct wf_code c;

    return wf_code_read(s, &c) && c.n == 10 && wf_check_ddmmyy(c.v) && uk_nhs(s);
}

static bool uk_nino(struct wf_str s)
{
    static const char refused[] = "BGGBKNNKNTTNZZ";
    struct wf_code c;

    if (!wf_code_shape(s, "AA999999A", &c) || c.v[8] > 13)
        return false;
    for (size_t i = 0; i + 1 < sizeof(refused); i += 2) {
        if (wf_check_letter(c.v[0], refused, i) && wf_check_letter(c.v[1], refused, i + 1))
            return false;
    }
    return true;
}

/* The check digit stands first. */
static bool uk_utr(struct wf_str s)
{
    static const uint8_t weights[] = {6, 7, 8, 9, 10, 5, 4, 3, 2};
    struct wf_code c;

    return wf_code_shape(s, "9999999999", &c) && !wf_code_is_same(c.v, 10) &&
           wf_check_letter(c.v[0], "21987654321", wf_check_sum(c.v + 1, weights, 9) % 11);
}

/* Surname (filled up with 9), year's tens, month (50 added for women), day, year's ones. */
static bool uk_driving_licence(struct wf_str s)
{
    struct wf_code c;
    unsigned month, day;

    if (!wf_code_shape(s, "*****999999****A", &c) || c.v[0] < 10)
        return false;
    for (size_t i = 1; i < 5; i++) {
        if (c.v[i] < 10 && c.v[i] != 9)
            return false;
        if (c.v[i] >= 10 && c.v[i - 1] == 9)
            return false;
    }
    month = (c.v[6] * 10u + c.v[7]) % 50;
    day = c.v[8] * 10u + c.v[9];
    return month >= 1 && month <= 12 && c.v[6] < 7 && day >= 1 && day <= 31;
}

/* ---- Spain, Portugal, Italy ---- */

#define DNI_LETTERS "TRWAGMYFPDXBNJZSQVHLCKE"

static bool es_nif(struct wf_str s)
{
    struct wf_code c;

    if (wf_code_shape(s, "99999999A", &c))
        return wf_check_letter(c.v[8], DNI_LETTERS, wf_code_number(c.v, 8) % 23);
    return wf_code_shape(s, "A9999999A", &c) && c.v[0] >= 20 && c.v[0] <= 22 && /* K, L, M */
           wf_check_letter(c.v[8], DNI_LETTERS, wf_code_number(c.v + 1, 7) % 23);
}

static bool es_nie(struct wf_str s)
{
    struct wf_code c;

    if (!wf_code_shape(s, "A9999999A", &c) || c.v[0] < 33)
        return false;
    c.v[0] = (uint8_t)(c.v[0] - 33); /* X, Y, Z count 0, 1, 2 */
    return wf_check_letter(c.v[8], DNI_LETTERS, wf_code_number(c.v, 8) % 23);
}

/* Luhn over seven digits; the check character may be the digit or its letter of JABCDEFGHI. */
static bool es_cif(struct wf_str s)
{
    struct wf_code c;
    uint8_t v[8];
    unsigned check;

    if (!wf_code_shape(s, "A9999999*", &c))
        return false;
    for (size_t i = 0; i < 7; i++)
        v[i] = c.v[i + 1];
    v[7] = 0;
    check = (10 - wf_check_luhn_sum(v, 8) % 10) % 10;
    return c.v[8] == check || wf_check_letter(c.v[8], "JABCDEFGHI", check);
}

static bool es_social_security(struct wf_str s)
{
    struct wf_code c;
    uint64_t province, number, whole;

    if (!wf_code_shape(s, "999999999999", &c) || wf_code_is_same(c.v, 12))
        return false;
    province = wf_code_number(c.v, 2);
    number = wf_code_number(c.v + 2, 8);
    whole = number < 10000000 ? number + province * 10000000 : wf_code_number(c.v, 10);
    return province >= 1 && province <= 66 && whole % 97 == wf_code_number(c.v + 10, 2);
}

static bool es_bank_account(struct wf_str s)
{
    static const uint8_t weights[] = {1, 2, 4, 8, 5, 10, 9, 7, 3, 6};
    struct wf_code c;
    unsigned bank, account;

    if (!wf_code_shape(s, "99999999999999999999", &c) || wf_code_is_same(c.v, 20))
        return false;
    bank = 11 - wf_check_sum(c.v, weights + 2, 8) % 11;
    account = 11 - wf_check_sum(c.v + 10, weights, 10) % 11;
    return c.v[8] == (bank > 9 ? 11 - bank : bank) &&
           c.v[9] == (account > 9 ? 11 - account : account);
}

static bool pt_nif(struct wf_str s)
{
    static const struct wf_weighing w = {8, 11, true, 0, {9, 8, 7, 6, 5, 4, 3, 2}};

    return wf_code_weighed(s, "999999999", &w);
}

/* Luhn's scheme over values up to 35, of which a doubled one loses 9 as a digit would. */
static bool pt_citizen_card(struct wf_str s)
{
    struct wf_code c;
    unsigned sum = 0;

    if (!wf_code_shape(s, "999999999**9", &c))
        return false;
    for (size_t i = 0; i < 12; i++) {
        unsigned x = c.v[i];
        if (i % 2 == 0)
            x = 2 * x > 9 ? 2 * x - 9 : 2 * x;
        sum += x;
    }
    return sum % 10 == 0;
}

static bool pt_social_security(struct wf_str s)
{
    static const uint8_t weights[] = {29, 23, 19, 17, 13, 11, 7, 5, 3, 2};
    struct wf_code c;

    return wf_code_shape(s, "99999999999", &c) && !wf_code_is_same(c.v, 11) &&
           9 - wf_check_sum(c.v, weights, 10) % 10 == c.v[10];
}

/* At odd places a character counts by a table of its own; digits may be written as letters. */
static bool it_fiscal_code(struct wf_str s)
{
    static const uint8_t odd[] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                                  20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
    struct wf_code c;
    unsigned sum = 0;

    if (!wf_code_shape(s, "AAAAAA**A**A***A", &c))
        return false;
    for (size_t i = 0; i < 15; i++) {
        unsigned x = c.v[i] > 9 ? c.v[i] - 10u : c.v[i];
        sum += i % 2 == 0 ? odd[x] : x;
    }
    return c.v[15] == 10 + sum % 26;
}

/* Behind seven digits the office that gave it, by province. */
static bool it_vat(struct wf_str s)
{
    struct wf_code c;
    uint64_t office;

    if (!wf_code_after(s, "IT", &c) || c.n != 11 || wf_code_is_same(c.v, 7) ||
        !wf_check_luhn(c.v, 11))
        return false;
    office = wf_code_number(c.v + 7, 3);
    return (office >= 1 && office <= 100) || office == 120 || office == 121 || office == 888 ||
           office == 999;
}

/* ---- the table ---- */

static const struct wf_pattern rows[] = {
    WF_ID("DE_TAX_ID", "[1-9]\\d[ .]?\\d{3}[ .]?\\d{3}[ .]?\\d{3}", 11, 11, de_tax_id,
          "steuer-id|steuerid|steueridentifikationsnummer|steuerliche identifikationsnummer|"
          "identifikationsnummer|idnr|steuer-idnr|steuer-identifikationsnummer|german tax id",
          0.6F, 0.97F, WF_WHY_11_10),
    WF_ID("DE_TAX_ID", "[1-9]\\d[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 11, 11, de_tax_id,
          "steuer-id|steuerid|steueridentifikationsnummer|steuerliche identifikationsnummer|"
          "identifikationsnummer|idnr|steuer-idnr|steuer-identifikationsnummer|german tax id",
          0.3F, 0.95F, WF_WHY_11_10),
    WF_ID("DE_TAX_NUMBER", "\\d{2,3}[ ./-]?\\d{3,4}[ ./-]?\\d{4,5}", 10, 11, de_tax_number,
          "steuernummer|steuer-nr|steuernr|st.-nr|st.nr|stnr|finanzamt", 0.3F, 0.88F, NULL),
    WF_ID("DE_TAX_NUMBER", "\\d{10,13}", 10, 13, de_tax_number,
          "steuernummer|steuer-nr|steuernr|st.-nr|st.nr|stnr", 0.05F, 0.75F, NULL),
    WF_ID(
        "DE_ID_CARD", "[CFGHJ-NPRTV-Z][CFGHJ-NPRTV-Z0-9]{8}(?:[ -]?\\d)?|T\\d{8}", 9, 10,
        de_document,
        "personalausweis|ausweisnummer|ausweis-nr|ausweisnr|ausweis nr|perso|personalausweisnummer",
        0.15F, 0.85F, WF_WHY_10),
    WF_ID("DE_PASSPORT", "[CFGHJK][CFGHJ-NPRTV-Z0-9]{8}(?:[ -]?\\d)?", 9, 10, de_document,
          "reisepass|passnummer|pass-nr|passnr|pass nr|passport", 0.15F, 0.82F, WF_WHY_10),
    WF_ID(
        "DE_SOCIAL_SECURITY", "\\d{2}[ .]?\\d{6}[ .]?[A-Z][ .]?\\d{3}", 12, 12, de_social_security,
        "rentenversicherung|sozialversicherung|versicherungsnummer|rvnr|svnr|sv-nummer|sv-nr|vsnr",
        0.85F, 0.98F, WF_WHY_DATE_10),
    WF_ID(
        "DE_SOCIAL_SECURITY", "\\d{2}[ .-]?\\d{6}[ .-]?[A-Z][ .-]?\\d{3}", 12, 12,
        de_social_security,
        "rentenversicherung|sozialversicherung|versicherungsnummer|rvnr|svnr|sv-nummer|sv-nr|vsnr",
        0.3F, 0.96F, WF_WHY_DATE_10),
    WF_ID("DE_HEALTH_INSURANCE", "[A-Z]\\d{9}", 10, 10, de_health_insurance,
          "krankenversicher|versichertennummer|versicherten-nr|kvnr|krankenkasse|gesundheitskarte|"
          "egk|"
          "versichertenkarte|kv-nummer",
          0.4F, 0.95F, WF_WHY_10),
    WF_ID("DE_LANR", "\\d{9}", 9, 9, de_lanr, "lanr|arztnummer|arzt-nr", 0.05F, 0.9F, WF_WHY_10),
    WF_ID("DE_BSNR", "\\d{9}", 9, 9, NULL, "bsnr|betriebsstättennummer|betriebsstätten-nr", 0.05F,
          0.8F, NULL),
    WF_ID("DE_FUEHRERSCHEIN", "[A-Z0-9]\\d{2}[A-Z0-9]{6}\\d[A-Z0-9]|[A-Z]{2}\\d{8}[A-Z0-9]", 11, 11,
          NULL, "führerschein|fahrerlaubnis|fuehrerschein|fuehrerschein-nr", 0.1F, 0.85F, NULL),
    WF_ID("DE_KFZ", WF_NO_WORD "[A-ZÄÖÜ]{1,3}[ .-][A-Z]{1,2}[ .-]?\\d{1,4}[EH]?" WF_NO_TAIL, 4, 9,
          NULL, "kennzeichen|kfz|nummernschild|zugelassen|zulassung|license plate", 0.1F, 0.75F,
          NULL),
    WF_ID("DE_HANDELSREGISTER", "HR[AB][ -]?\\d{4,6}(?: ?[A-Z]{1,2})?", 7, 11, NULL,
          "handelsregister|amtsgericht|registergericht|registernummer", 0.6F, 0.9F, NULL),

    WF_ID("AT_SOCIAL_SECURITY", "[1-9]\\d{3}[ -]?\\d{6}", 10, 10, at_social_security,
          "svnr|sv-nummer|sv-nr|sozialversicherungsnummer|versicherungsnummer|vsnr|e-card|ecard",
          0.5F, 0.96F, WF_WHY_DATE_11),
    WF_ID("AT_SOCIAL_SECURITY", "[1-9]\\d{3}[ .-]?\\d{6}", 10, 10, at_social_security,
          "svnr|sv-nummer|sv-nr|sozialversicherungsnummer|versicherungsnummer|vsnr|e-card|ecard",
          0.3F, 0.94F, WF_WHY_DATE_11),
    WF_ID("AT_TAX_ID", "\\d{2}[ ./-]?\\d{3}[ ./-]?\\d{4}", 9, 9, luhn9,
          "abgabenkontonummer|steuernummer|abgabenkonto|st.nr|finanzamt", 0.2F, 0.9F, WF_WHY_LUHN),
    WF_ID("AT_PASSPORT", WF_NO_WORD "[A-Z]{1,2}[ .-]?\\d{7}", 8, 9, NULL,
          "reisepass|passnummer|pass-nr", 0.1F, 0.78F, NULL),
    WF_ID("AT_DRIVER_LICENSE", "\\d{8}", 8, 8, NULL, "führerschein|fahrerlaubnis", 0.05F, 0.7F,
          NULL),
    WF_ID("AT_PLATE", WF_NO_WORD "[A-Z]{1,2}[ .-]?\\d{1,5}[ .-]?[A-Z]{1,2}" WF_NO_TAIL, 4, 9, NULL,
          "kennzeichen|kfz|nummerntafel|zugelassen", 0.1F, 0.74F, NULL),

    WF_ID("CH_AHV", "756[. ]?\\d{4}[. ]?\\d{4}[. ]?\\d{2}", 13, 13, ch_ahv,
          "ahv|avs|sozialversicherungsnummer|numéro avs|numero avs|nss|ahv-nr|liechtenstein", 0.85F,
          0.99F, WF_WHY_10),
    WF_ID("CH_AHV", "756[ .-]?\\d{4}[ .-]?\\d{4}[ .-]?\\d{2}", 13, 13, ch_ahv,
          "ahv|avs|sozialversicherungsnummer|numéro avs|numero avs|nss|ahv-nr|liechtenstein", 0.3F,
          0.97F, WF_WHY_10),
    WF_ID("CH_UID", "CHE[- ]?\\d{3}[. ]?\\d{3}[. ]?\\d{3}(?:[ -]?(?:MWST|TVA|IVA|HR))?", 12, 16,
          ch_uid, "uid|mwst|mehrwertsteuer|tva|iva|vat|unternehmens-identifikationsnummer", 0.85F,
          0.97F, WF_WHY_11),
    WF_ID("CH_UID", "CHE[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}(?:[ .-]?(?:MWST|TVA|IVA|HR))?", 12, 16,
          ch_uid, "uid|mwst|mehrwertsteuer|tva|iva|vat|unternehmens-identifikationsnummer", 0.3F,
          0.95F, WF_WHY_11),
    WF_ID("CH_HEALTH_INSURANCE", "80756[ ]?\\d{5}[ ]?\\d{5}[ ]?\\d{5}", 20, 20, NULL,
          "versichertenkarte|krankenkasse|carte d'assuré|kartennummer|tessera", 0.6F, 0.9F, NULL),
    WF_ID("CH_HEALTH_INSURANCE", "80756[ .-]?\\d{5}[ .-]?\\d{5}[ .-]?\\d{5}", 20, 20, NULL,
          "versichertenkarte|krankenkasse|carte d'assuré|kartennummer|tessera", 0.15F, 0.88F, NULL),
    WF_ID("CH_PASSPORT", "[A-Z]\\d{7}|[A-Z]\\d[A-Z0-9]{5}\\d", 8, 8, NULL,
          "schweizer pass|passeport suisse|passaporto svizzero|swiss passport", 0.1F, 0.85F, NULL),
    WF_ID("CH_PLATE",
          "(?:A[GIR]|B[ELS]|FR|G[ELR]|JU|LU|N[EW]|OW|S[GHOZ]|T[GI]|UR|V[DS]|Z[GH])[ .-]?\\d{1,6}",
          4, 8, NULL, "kontrollschild|autonummer|kennzeichen|plaque|targa", 0.1F, 0.72F, NULL),

    WF_ID("FR_NIR", "[1-478][ .]?\\d{2}[ .]?\\d{2}[ .]?\\d[0-9AB][ .]?\\d{3}[ .]?\\d{3}[ .]?\\d{2}",
          15, 15, fr_nir,
          "sécurité sociale|sécu|nir|numéro de sécu|carte vitale|assuré|insee|n° ss", 0.9F, 0.99F,
          WF_WHY_97),
    WF_ID("FR_NIR",
          "[1-478][ .-]?\\d{2}[ .-]?\\d{2}[ .-]?\\d[0-9AB][ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d{2}", 15,
          15, fr_nir, "sécurité sociale|sécu|nir|numéro de sécu|carte vitale|assuré|insee|n° ss",
          0.3F, 0.97F, WF_WHY_97),
    WF_ID("FR_TAX_ID", "[0-3]\\d ?\\d{2} ?\\d{3} ?\\d{3} ?\\d{3}", 13, 13, fr_tax_id,
          "numéro fiscal|n° fiscal|identifiant fiscal|spi|référence fiscale|impôt|impots.gouv",
          0.6F, 0.97F, "remainder by 511"),
    WF_ID("FR_TAX_ID", "[0-3]\\d[ .-]?\\d{2}[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 13, 13,
          fr_tax_id,
          "numéro fiscal|n° fiscal|identifiant fiscal|spi|référence fiscale|impôt|impots.gouv",
          0.3F, 0.95F, "remainder by 511"),
    WF_ID("FR_SIRET", "\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d{5}", 14, 14, fr_siret, "siret",
          0.45F, 0.96F, WF_WHY_LUHN),
    WF_ID("FR_SIREN", "\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 9, 9, luhn9, "siren|rcs", 0.2F, 0.92F,
          WF_WHY_LUHN),
    WF_ID("FR_ID_CARD", "\\d{12}|[A-Z0-9]{4}\\d[A-Z0-9]{4}", 9, 12, NULL,
          "carte nationale d'identité|carte d'identité|carte nationale|cni|pièce d'identité", 0.05F,
          0.75F, NULL),
    WF_ID("FR_PASSPORT", "\\d{2}[ .-]?[A-Z]{2}[ .-]?\\d{5}", 9, 9, NULL, "passeport|passport",
          0.15F, 0.85F, NULL),
    WF_ID("FR_DRIVER_LICENSE", "\\d{12}|\\d{2}[A-Z]{2}\\d{5}", 9, 12, NULL,
          "permis de conduire|permis n°|numéro de permis|permis", 0.05F, 0.78F, NULL),
    WF_ID("FR_PLATE", "[A-HJ-NP-TV-Z]{2}[ .-]?\\d{3}[ .-]?[A-HJ-NP-TV-Z]{2}", 7, 7, NULL,
          "immatriculation|immatriculé|plaque|véhicule|carte grise", 0.25F, 0.82F, NULL),

    WF_ID("BE_NATIONAL_ID", "\\d{2}[. ]\\d{2}[. ]\\d{2}[- ]\\d{3}[. ]\\d{2}", 11, 11,
          be_national_id,
          "rijksregister|registre national|numéro national|nationalregister|insz|niss|nrn", 0.9F,
          0.99F, "date within, remainder by 97"),
    WF_ID("BE_NATIONAL_ID", "\\d{2}[ .-]?\\d{2}[ .-]?\\d{2}[ .-]?\\d{3}[ .-]?\\d{2}", 11, 11,
          be_national_id,
          "rijksregister|registre national|numéro national|nationalregister|insz|niss|nrn", 0.5F,
          0.98F, "date within, remainder by 97"),
    WF_ID("BE_NATIONAL_ID", "\\d{6}[ .-]?\\d{3}[ .-]?\\d{2}", 11, 11, be_national_id,
          "rijksregister|registre national|numéro national|nationalregister|insz|niss|nrn", 0.3F,
          0.96F, "date within, remainder by 97"),
    WF_ID("BE_ID_CARD", "\\d{3}-\\d{7}-\\d{2}", 12, 12, be_id_card,
          "identiteitskaart|carte d'identité|eid|personalausweis|kaartnummer", 0.85F, 0.95F,
          WF_WHY_97),
    WF_ID("BE_ID_CARD", "\\d{3}[ .-]?\\d{7}[ .-]?\\d{2}", 12, 12, be_id_card,
          "identiteitskaart|eid|kaartnummer", 0.3F, 0.9F, WF_WHY_97),
    WF_ID("BE_PASSPORT", "[A-Z]{2}\\d{6}", 8, 8, NULL, "paspoort|passeport|reispas|reisepass", 0.1F,
          0.76F, NULL),
    WF_ID("BE_PLATE", "[1-9][ .-]?[A-Z]{3}[ .-]?\\d{3}", 7, 7, NULL,
          "nummerplaat|kenteken|plaque|immatriculation|kennzeichen", 0.3F, 0.85F, NULL),

    WF_ID("NL_BSN", "\\d{9}|\\d{4}[ .-]?\\d{2}[ .-]?\\d{3}|\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 9, 9,
          nl_bsn,
          "bsn|burgerservicenummer|burger service|sofinummer|sofi-nummer|sofi|persoonsnummer",
          0.25F, 0.96F, WF_WHY_11),
    WF_ID("NL_PASSPORT", "[A-NP-Z]{2}[A-NP-Z0-9]{6}\\d", 9, 9, NULL,
          "paspoort|documentnummer|identiteitskaart|id-kaart|reisdocument", 0.1F, 0.8F, NULL),
    WF_ID("NL_DRIVER_LICENSE", "\\d{10}", 10, 10, NULL, "rijbewijs", 0.05F, 0.82F, NULL),
    WF_ID("NL_PLATE", "(?=[A-Z-]{0,6}\\d)[A-Z0-9]{1,3}-[A-Z0-9]{2,3}-[A-Z0-9]{1,2}", 6, 6, NULL,
          "kenteken|nummerplaat|kentekenplaat", 0.15F, 0.82F, NULL),

    WF_ID("LU_NATIONAL_ID", "(?:18|19|20)\\d{2} ?\\d{4} ?\\d{5}", 13, 13, lu_national_id,
          "matricule|cns|numéro d'identification|luxembourg|sozialversicherungsnummer", 0.92F,
          0.99F, "date within, Luhn and Verhoeff checksums"),
    WF_ID("LU_NATIONAL_ID", "(?:18|19|20)\\d{2}[ .-]?\\d{4}[ .-]?\\d{5}", 13, 13, lu_national_id,
          "matricule|cns|numéro d'identification|luxembourg|sozialversicherungsnummer", 0.3F, 0.97F,
          "date within, Luhn and Verhoeff checksums"),

    WF_ID("IE_PPS", "\\d{7} ?[A-W][ABHWTX]?" WF_NO_TAIL, 8, 9, ie_pps,
          "pps|ppsn|pps number|personal public service|uimhir psp", 0.5F, 0.96F,
          "weighted checksum, modulo 23"),
    WF_ID("IE_PASSPORT", "[A-Z]{1,2}\\d{7}", 8, 9, NULL, "irish passport|passport card", 0.1F,
          0.86F, NULL),
    WF_ID("IE_DRIVER_LICENSE", "\\d{9}|\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 9, 9, NULL,
          "irish driving licence|irish licence|ndls", 0.05F, 0.75F, NULL),
    WF_ID("IE_PLATE",
          "\\d{2,3}[ .-]?(?:C[ENW]?|D[L]?|G|K[EKY]|L[DHKMSXY]?|M[HNO]|OY|RN|SO|T[NS]?|W[DHWX]?)[ "
          ".-]?\\d{1,6}",
          4, 11, NULL, "registration|number plate|car reg|vehicle", 0.2F, 0.8F, NULL),

    WF_ID("UK_NHS", "\\d{3}[ .-]?\\d{3}[ .-]?\\d{4}", 10, 10, uk_nhs,
          "nhs|national health|health service|patient|hospital number", 0.4F, 0.96F, WF_WHY_11),
    WF_ID("UK_CHI", "\\d{6}[ .-]?\\d{4}", 10, 10, uk_chi, "chi|chi number|community health index",
          0.45F, 0.97F, WF_WHY_DATE_11),
    WF_ID(
        "UK_NINO",
        WF_NO_WORD
        "[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\\d{2}[ -]?\\d{2}[ -]?\\d{2}[ -]?[A-D]" WF_NO_TAIL,
        9, 9, uk_nino, "national insurance|nino|ni number|ni no|insurance number|hmrc", 0.75F,
        0.97F, WF_WHY_RANGE),
    WF_ID("UK_NINO",

          "[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] \\d{2} \\d{2} \\d{2} [A-D]", 9, 9, uk_nino,
          "national insurance|nino|ni number|ni no|insurance number|hmrc", 0.75F, 0.97F,
          WF_WHY_RANGE),
    WF_ID("UK_UTR", "\\d{5}[ .-]?\\d{5}", 10, 10, uk_utr,
          "utr|unique taxpayer|taxpayer reference|self assessment|hmrc", 0.2F, 0.93F, WF_WHY_11),
    WF_ID("UK_PASSPORT", WF_NO_WORD "[A-Z]{2}[ .-]?\\d{7}", 9, 9, NULL, "passport|travel document",
          0.1F, 0.83F, NULL),
    WF_ID("UK_PASSPORT", "\\d{9}", 9, 9, NULL, "british passport|uk passport|hm passport", 0.05F,
          0.87F, NULL),
    WF_ID("UK_DRIVING_LICENCE",
          "[A-Z][A-Z9]{4} ?\\d{6} ?[A-Z][A-Z9][ ]?[A-Z0-9][A-Z]{2}" WF_NO_TAIL, 16, 16,
          uk_driving_licence, "driving licence|driving license|licence number|dvla|driver", 0.75F,
          0.97F, WF_WHY_DATE),
    WF_ID("UK_VEHICLE_REGISTRATION",
          "(?:[A-Z]{2}\\d{2}[ -]?[A-Z]{3}|[A-Z]\\d{1,3} ?(?-i:[A-Z]{3})|[A-Z]\\d{1,3}[A-Z]{3})", 5,
          7, NULL,
          "number plate|registration|vehicle|reg plate|car reg|licence plate|reg number|reg", 0.15F,
          0.75F, NULL),
    WF_ID("UK_SORT_CODE", "\\d{2}[ .-]?\\d{2}[ .-]?\\d{2}", 6, 6, NULL,
          "sort code|sort-code|sortcode", 0.05F, 0.9F, NULL),

    WF_ID("ES_NIF",
          "(?:\\d{8}[ -]?[A-Z]|\\d{2}\\.\\d{3}\\.\\d{3}[ -]?[A-Z]|[KLM]-?\\d{7}-?[A-Z])" WF_NO_TAIL,
          9, 9, es_nif,
          "dni|nif|documento nacional|identificación fiscal|d.n.i|documento de identidad", 0.65F,
          0.97F, "remainder by 23"),
    WF_ID("ES_NIF",
          "(?:\\d{8}[ .-]?[A-Z]|\\d{2}[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?[A-Z]|[KLM][ .-]?\\d{7}[ "
          ".-]?[A-Z])" WF_NO_TAIL,
          9, 9, es_nif,
          "dni|nif|documento nacional|identificación fiscal|d.n.i|documento de identidad", 0.3F,
          0.95F, "remainder by 23"),
    WF_ID("ES_NIE", WF_NO_WORD "[XYZ][ -]?\\d{7}[ -]?[A-Z]" WF_NO_TAIL, 9, 9, es_nie,
          "nie|extranjero|identificación de extranjero|residencia", 0.8F, 0.98F, "remainder by 23"),
    WF_ID("ES_NIE", WF_NO_WORD "[XYZ][ .-]?\\d{7}[ .-]?[A-Z]" WF_NO_TAIL, 9, 9, es_nie,
          "nie|extranjero|identificación de extranjero|residencia", 0.3F, 0.96F, "remainder by 23"),
    WF_ID("ES_CIF", WF_NO_WORD "[A-HJNP-SUVW][ .-]?\\d{7}[ .-]?[0-9A-J]", 9, 9, es_cif,
          "cif|nif|identificación fiscal|c.i.f|empresa|sociedad", 0.4F, 0.93F, WF_WHY_LUHN),
    WF_ID("ES_PASSPORT", "[A-Z]{3}\\d{6}|[A-Z]{2}\\d{6}", 8, 9, NULL, "pasaporte|passport", 0.1F,
          0.78F, NULL),
    WF_ID("ES_SOCIAL_SECURITY", "\\d{2}[ ./-]?\\d{8}[ ./-]?\\d{2}", 12, 12, es_social_security,
          "seguridad social|nuss|naf|afiliación|n.º ss|núm. ss", 0.4F, 0.96F, WF_WHY_97),
    WF_ID("ES_BANK_ACCOUNT", "\\d{4}[ -]?\\d{4}[ -]?\\d{2}[ -]?\\d{10}", 20, 20, es_bank_account,
          "cuenta|ccc|banco|entidad", 0.6F, 0.96F, WF_WHY_11_TWO),
    WF_ID("ES_BANK_ACCOUNT", "\\d{4}[ .-]?\\d{4}[ .-]?\\d{2}[ .-]?\\d{10}", 20, 20, es_bank_account,
          "cuenta|ccc|banco|entidad", 0.3F, 0.94F, WF_WHY_11_TWO),
    WF_ID("ES_PLATE", "\\d{4}[ .-]?[BCDFGHJ-NPR-TV-Z]{3}", 7, 7, NULL,
          "matrícula|matricula|placa|vehículo|coche", 0.15F, 0.82F, NULL),

    WF_ID("PT_NIF", "[1-35689]\\d{2}[ .-]?\\d{3}[ .-]?\\d{3}", 9, 9, pt_nif,
          "nif|contribuinte|nipc|número fiscal|identificação fiscal", 0.25F, 0.95F, WF_WHY_11),
    WF_ID("PT_CITIZEN_CARD", "\\d{8}[ .-]?\\d[ .-]?[A-Z0-9]{2}\\d", 12, 12, pt_citizen_card,
          "cartão de cidadão|cartão do cidadão|bilhete de identidade|cc|documento de identificação",
          0.4F, 0.96F, WF_WHY_LUHN),
    WF_ID("PT_SOCIAL_SECURITY", "[12]\\d{10}", 11, 11, pt_social_security, "niss|segurança social",
          0.2F, 0.95F, WF_WHY_10),
    WF_ID("PT_HEALTH", "\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 9, 9, NULL,
          "utente|número de utente|sns|cartão de saúde", 0.05F, 0.82F, NULL),
    WF_ID("PT_PASSPORT", "[A-Z]{1,2}\\d{6}", 7, 8, NULL, "passaporte", 0.1F, 0.76F, NULL),
    WF_ID("PT_PLATE", "(?=[A-Z-]{0,6}\\d)[A-Z0-9]{2}-[A-Z0-9]{2}-[A-Z0-9]{2}", 6, 6, NULL,
          "matrícula|matricula|viatura", 0.1F, 0.8F, NULL),

    WF_ID(
        "IT_FISCAL_CODE",
        "[A-Z]{3} ?[A-Z]{3} ?[0-9LMNP-V]{2}[A-EHLMPR-T][0-9LMNP-V]{2} ?[A-Z][0-9LMNP-V]{3} ?[A-Z]",
        16, 16, it_fiscal_code, "codice fiscale|c.f.|cod. fisc|cf|tessera sanitaria", 0.95F, 0.99F,
        "checksum over tables, modulo 26"),
    WF_ID("IT_VAT_CODE", "\\d{11}", 11, 11, it_vat, "partita iva|p.iva|p. iva|piva|iva|vat", 0.25F,
          0.95F, WF_WHY_LUHN),
    WF_ID("IT_VAT_CODE", "IT[ -]?\\d{11}", 13, 13, it_vat, "partita iva|p.iva|p. iva|piva|iva|vat",
          0.7F, 0.97F, WF_WHY_LUHN),
    WF_ID("IT_IDENTITY_CARD",
          WF_NO_WORD "(?:C[A-Z]\\d{5}[A-Z]{2}|[A-Z]{2}[ .-]?\\d{7}|\\d{7}[A-Z]{2})", 9, 9, NULL,
          "carta d'identità|carta di identità|carta identità|documento d'identità|cie", 0.15F,
          0.86F, NULL),
    WF_ID("IT_PASSPORT", WF_NO_WORD "[A-Z]{2}[ .-]?\\d{7}", 9, 9, NULL, "passaporto", 0.1F, 0.84F,
          NULL),
    WF_ID("IT_DRIVER_LICENSE",
          WF_NO_WORD "(?:[A-Z]{2}[ .-]?\\d{7}[ .-]?[A-Z]|U1[A-Z0-9]\\d{6}[A-Z])" WF_NO_TAIL, 10, 10,
          NULL, "patente|licenza di guida|patente di guida", 0.2F, 0.86F, NULL),
    WF_ID("IT_HEALTH_CARD", "80380\\d{15}", 20, 20, NULL, "tessera sanitaria|team|tessera europea",
          0.6F, 0.92F, NULL),
    WF_ID("IT_PLATE",
          WF_NO_WORD "[A-HJ-NPR-TV-Z]{2}[ .-]?\\d{3}[ .-]?[A-HJ-NPR-TV-Z]{2}" WF_NO_TAIL, 7, 7,
          NULL, "targa|targata|targato|veicolo", 0.15F, 0.8F, NULL),
};
WF_PATTERN_TABLE(wf_patterns_ids_west, rows);
