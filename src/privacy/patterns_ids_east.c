/* SPDX-License-Identifier: Apache-2.0 */
/* Identity numbers of Central Europe: Poland, Czechia and Slovakia, Hungary, Romania and Moldova,
 * and of the south-east: Bulgaria, Greece, Cyprus, Malta, Croatia, Slovenia, Serbia, Bosnia,
 * Montenegro, North Macedonia, Albania, Andorra. */
#include "privacy/checks.h"
#include "privacy/patterns_ids.h"

/* ---- Poland ---- */

/* The month carries the century: 20 more for each after 1900, 80 more for the 19th. */
static bool pl_pesel(struct wf_str s)
{
    static const struct wf_weighing w = {10, 10, true, 0, {1, 3, 7, 9, 1, 3, 7, 9, 1, 3}};
    struct wf_code c;

    if (!wf_code_shape(s, "99999999999", &c) || !wf_check_weighed(c.v, &w))
        return false;
    c.v[2] %= 2;
    return wf_check_yymmdd(c.v);
}

static bool pl_nip(struct wf_str s)
{
    static const struct wf_weighing w = {9, 11, false, WF_REFUSED, {6, 5, 7, 2, 3, 4, 5, 6, 7}};

    return wf_code_weighed(s, "9999999999", &w);
}

static bool pl_regon(struct wf_str s)
{
    static const struct wf_weighing w9 = {8, 11, false, 0, {8, 9, 2, 3, 4, 5, 6, 7}};
    static const struct wf_weighing w14 = {
        13, 11, false, 0, {2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8}};

    return wf_code_weighed(s, "999999999", &w9) || (wf_code_weighed(s, "99999999999999", &w14) &&
                                                    wf_code_weighed(s, "99999999999999", &w9));
}

/* The check digit stands behind the letters and is part of the sum. */
static bool pl_id_card(struct wf_str s)
{
    static const uint8_t weights[] = {7, 3, 1, 9, 7, 3, 1, 7, 3};
    struct wf_code c;

    return wf_code_shape(s, "AAA999999", &c) && wf_check_sum(c.v, weights, 9) % 10 == 0;
}

static bool pl_passport(struct wf_str s)
{
    static const uint8_t weights[] = {7, 3, 9, 1, 7, 3, 1, 7, 3};
    struct wf_code c;

    return wf_code_shape(s, "AA9999999", &c) && wf_check_sum(c.v, weights, 9) % 10 == 0;
}

/* ---- Czechia, Slovakia ---- */

/* Women's months have 50 added, 20 more where a day is full; ten digits (since 1954) are a multiple
 * of 11, but for those whose first nine leave 10. */
static bool cz_birth_number(struct wf_str s)
{
    struct wf_code c;
    unsigned month;

    if (!wf_code_read(s, &c) || (c.n != 9 && c.n != 10) || !wf_code_is_digits(c.v, c.n))
        return false;
    month = (c.v[2] * 10u + c.v[3]) % 50 % 20;
    c.v[2] = (uint8_t)(month / 10);
    c.v[3] = (uint8_t)(month % 10);
    if (!wf_check_yymmdd(c.v))
        return false;
    if (c.n == 9)
        return wf_code_number(c.v, 2) < 54;
    (void)wf_code_read(s, &c);
    return wf_code_mod(c.v, 9, 11) % 10 == c.v[9];
}

static bool cz_ico(struct wf_str s)
{
    static const uint8_t weights[] = {8, 7, 6, 5, 4, 3, 2};
    struct wf_code c;

    return wf_code_shape(s, "99999999", &c) && !wf_code_is_same(c.v, 8) &&
           c.v[7] == (11 - wf_check_sum(c.v, weights, 7) % 11) % 10;
}

/* "prefix-number/bank": both parts weighed from the right. */
static bool cz_bank_account(struct wf_str s)
{
    static const uint8_t weights[] = {6, 3, 7, 9, 10, 5, 8, 4, 2, 1};
    struct wf_code c;
    size_t slash = wf_str_find_byte(s, '/', 0), dash = wf_str_find_byte(s, '-', 0);
    struct wf_str number = wf_str_sub(s, dash == SIZE_MAX ? 0 : dash + 1, slash);

    if (slash == SIZE_MAX || (dash != SIZE_MAX && dash > slash))
        return false;
    if (!wf_code_read(number, &c) || c.n < 2 || c.n > 10 || !wf_code_is_digits(c.v, c.n) ||
        wf_code_is_same(c.v, c.n) || wf_check_sum(c.v, weights + (10 - c.n), c.n) % 11 != 0)
        return false;
    if (dash == SIZE_MAX)
        return true;
    return wf_code_read(wf_str_sub(s, 0, dash), &c) && c.n <= 6 && wf_code_is_digits(c.v, c.n) &&
           wf_check_sum(c.v, weights + (10 - c.n), c.n) % 11 == 0;
}

/* ---- Hungary ---- */

static bool hu_tax_id(struct wf_str s)
{
    static const struct wf_weighing w = {9, 11, false, WF_REFUSED, {1, 2, 3, 4, 5, 6, 7, 8, 9}};

    return wf_code_weighed(s, "8999999999", &w);
}

/* Born since 1997 the weights run down. */
static bool hu_personal_id(struct wf_str s)
{
    static const struct wf_weighing up = {
        10, 11, false, WF_REFUSED, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};
    static const struct wf_weighing down = {
        10, 11, false, WF_REFUSED, {10, 9, 8, 7, 6, 5, 4, 3, 2, 1}};
    struct wf_code c;
    unsigned year;

    if (!wf_code_shape(s, "99999999999", &c) || c.v[0] == 0 || !wf_check_yymmdd(c.v + 1))
        return false;
    year = (unsigned)wf_code_number(c.v + 1, 2);
    if (c.v[0] == 3 || c.v[0] == 4 || (c.v[0] <= 2 && year > 96))
        return wf_check_weighed(c.v, &down);
    return wf_check_weighed(c.v, &up);
}

static bool hu_taj(struct wf_str s)
{
    static const struct wf_weighing w = {8, 10, false, 0, {3, 7, 3, 7, 3, 7, 3, 7}};

    return wf_code_weighed(s, "999999999", &w);
}

#define HU_WEIGHTS 9, 7, 3, 1, 9, 7, 3

static bool hu_tax_number(struct wf_str s)
{
    static const struct wf_weighing w = {7, 10, true, 0, {HU_WEIGHTS}};
    struct wf_code c;

    return wf_code_shape(s, "99999999999", &c) && wf_check_weighed(c.v, &w) && c.v[8] >= 1 &&
           c.v[8] <= 5;
}

/* 16 or 24 digits: bank and branch with a check digit, the account with another. */
static bool hu_bank_account(struct wf_str s)
{
    static const struct wf_weighing bank = {7, 10, true, 0, {HU_WEIGHTS}};
    static const struct wf_weighing account = {15, 10, true, 0, {HU_WEIGHTS, 1, HU_WEIGHTS}};
    struct wf_code c;
    unsigned sum;

    if (!wf_code_read(s, &c) || (c.n != 16 && c.n != 24) || !wf_code_is_digits(c.v, c.n) ||
        wf_code_is_same(c.v, c.n) || !wf_check_weighed(c.v, &bank))
        return false;
    if (c.n == 16)
        return wf_check_weighed(c.v + 8, &(struct wf_weighing){7, 10, true, 0, {HU_WEIGHTS}});
    sum = wf_check_sum(c.v + 8, account.weights, account.n);
    return (sum + c.v[23]) % 10 == 0;
}

/* ---- Romania, Moldova ---- */

static bool ro_cnp(struct wf_str s)
{
    static const struct wf_weighing w = {12, 11, false, 1, {2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9}};
    struct wf_code c;
    unsigned county;

    if (!wf_code_shape(s, "9999999999999", &c) || c.v[0] == 0 || !wf_check_yymmdd(c.v + 1))
        return false;
    county = c.v[7] * 10u + c.v[8];
    return county >= 1 && (county <= 52 || county == 70 || (county >= 80 && county <= 83)) &&
           wf_check_weighed(c.v, &w);
}

static bool ro_cui(struct wf_str s)
{
    static const uint8_t weights[] = {7, 5, 3, 2, 1, 7, 5, 3, 2};
    struct wf_code c;

    return wf_code_read(s, &c) && c.n >= 4 && c.n <= 10 && wf_code_is_digits(c.v, c.n) &&
           c.v[c.n - 1] == wf_check_sum(c.v, weights + (10 - c.n), c.n - 1) * 10 % 11 % 10;
}

static bool md_idnp(struct wf_str s)
{
    static const struct wf_weighing w = {12, 10, false, 0, {7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1}};

    return wf_code_weighed(s, "9999999999999", &w);
}

/* ---- Bulgaria, Greece, Cyprus ---- */

/* Months: 20 added for the 19th century, 40 for the 21st. */
static bool bg_egn(struct wf_str s)
{
    static const struct wf_weighing w = {9, 11, false, 0, {2, 4, 8, 5, 10, 9, 7, 3, 6}};
    struct wf_code c;

    if (!wf_code_shape(s, "9999999999", &c) || !wf_check_weighed(c.v, &w) || c.v[2] > 5)
        return false;
    c.v[2] %= 2;
    return wf_check_yymmdd(c.v);
}

static bool bg_lnch(struct wf_str s)
{
    static const struct wf_weighing w = {9, 10, false, 0, {21, 19, 17, 13, 11, 9, 7, 3, 1}};

    return wf_code_weighed(s, "9999999999", &w);
}

static bool bg_eik(struct wf_str s)
{
    static const uint8_t first[] = {1, 2, 3, 4, 5, 6, 7, 8}, second[] = {3, 4, 5, 6, 7, 8, 9, 10};
    struct wf_code c;
    unsigned check;

    if (!wf_code_shape(s, "999999999", &c) || wf_code_is_same(c.v, 9))
        return false;
    check = wf_check_sum(c.v, first, 8) % 11;
    if (check == 10)
        check = wf_check_sum(c.v, second, 8) % 11 % 10;
    return c.v[8] == check;
}

/* The weights are powers of two; 256 counts 3 modulo 11. */
static bool gr_afm(struct wf_str s)
{
    static const struct wf_weighing w = {8, 11, false, 0, {3, 128, 64, 32, 16, 8, 4, 2}};

    return wf_code_weighed(s, "999999999", &w);
}

static bool gr_amka(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "99999999999", &c) && wf_check_ddmmyy(c.v) && wf_check_luhn(c.v, 11);
}

/* ---- what was Yugoslavia, Albania ---- */

static bool hr_oib(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "99999999999", &c) && !wf_code_is_same(c.v, 11) &&
           wf_check_mod11_10(c.v, 11);
}

/* Day, month, three digits of the year, two of the region (the expressions ask for them), serial.
 */
static bool jmbg(struct wf_str s)
{
    static const struct wf_weighing w = {
        12, 11, true, WF_REFUSED, {7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2}};
    struct wf_code c;
    unsigned year;

    if (!wf_code_shape(s, "9999999999999", &c) || !wf_check_weighed(c.v, &w))
        return false;
    year = (unsigned)wf_code_number(c.v + 4, 3);
    return (year >= 880 || year < 100) &&
           wf_check_date(year >= 880 ? 1000 + year : 2000 + year, c.v[2] * 10u + c.v[3],
                         c.v[0] * 10u + c.v[1]);
}

static bool si_tax(struct wf_str s)
{
    static const struct wf_weighing w = {7, 11, true, 0, {8, 7, 6, 5, 4, 3, 2}};
    struct wf_code c;

    /* Where nothing is lacking, no number is given. */
    return wf_code_shape(s, "99999999", &c) && c.v[0] != 0 && wf_check_weighed(c.v, &w) &&
           wf_check_sum(c.v, w.weights, 7) % 11 != 0;
}

static bool rs_pib(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "999999999", &c) && !wf_code_is_same(c.v, 9) &&
           wf_check_mod11_10(c.v, 9);
}

static bool me_pib(struct wf_str s)
{
    static const struct wf_weighing w = {7, 11, true, 0, {8, 7, 6, 5, 4, 3, 2}};

    return wf_code_weighed(s, "99999999", &w);
}

static bool mk_edb(struct wf_str s)
{
    static const struct wf_weighing w = {12, 11, true, 0, {7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2}};

    return wf_code_weighed(s, "9999999999999", &w);
}

/* Women's months have 50 added. */
static bool al_nid(struct wf_str s)
{
    struct wf_code c;
    unsigned month, day;

    if (!wf_code_shape(s, "A99999999A", &c))
        return false;
    month = (c.v[2] * 10u + c.v[3]) % 50;
    day = c.v[4] * 10u + c.v[5];
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

#define JMBG_WORDS "jmbg|matični broj|матични број|јмбг|maticni broj|jedinstveni matični"

static const struct wf_pattern rows[] = {
    WF_ID("PL_PESEL", "\\d{11}|\\d{6}[ .-]?\\d{5}", 11, 11, pl_pesel,
          "pesel|numer ewidencyjny|nr pesel", 0.42F, 0.98F, WF_WHY_DATE_10),
    WF_ID("PL_NIP", "\\d{3}-\\d{3}-\\d{2}-\\d{2}|\\d{3}-\\d{2}-\\d{2}-\\d{3}", 10, 10, pl_nip,
          "nip|podatk|numer identyfikacji podatkowej", 0.65F, 0.97F, WF_WHY_11),
    WF_ID("PL_NIP",
          "\\d{3}[ .-]?\\d{3}[ .-]?\\d{2}[ .-]?\\d{2}|\\d{3}[ .-]?\\d{2}[ .-]?\\d{2}[ .-]?\\d{3}",
          10, 10, pl_nip, "nip|podatk|numer identyfikacji podatkowej", 0.2F, 0.96F, WF_WHY_11),
    WF_ID("PL_REGON", "\\d{9}|\\d{14}", 9, 14, pl_regon, "regon", 0.2F, 0.95F, WF_WHY_11),
    WF_ID("PL_ID_CARD", WF_NO_WORD "[A-Z]{3}[ .-]?\\d{6}", 9, 9, pl_id_card,
          "dowód osobisty|dowodu osobistego|dowodem|nr dowodu|seria i numer|numer dowodu|dowód",
          0.4F, 0.95F, WF_WHY_10),
    WF_ID("PL_PASSPORT", WF_NO_WORD "[A-Z]{2}[ .-]?\\d{7}", 9, 9, pl_passport, "paszport|paszportu",
          0.35F, 0.93F, WF_WHY_10),
    WF_ID("PL_DRIVER_LICENSE", "\\d{5}[ ./-]\\d{2}[ ./-]\\d{4}", 11, 11, NULL,
          "prawo jazdy|prawa jazdy|kierowc", 0.3F, 0.92F, NULL),
    WF_ID("PL_PLATE", WF_NO_WORD "[A-Z]{2,3}[ .-]?\\d[A-Z0-9]{3,4}", 6, 8, NULL,
          "rejestracyjn|tablica|tablice|nr rej", 0.1F, 0.78F, NULL),

    WF_ID("CZ_BIRTH_NUMBER", "\\d{2}[0-35-8]\\d[0-3]\\d ?/ ?\\d{3,4}", 9, 10, cz_birth_number,
          "rodné číslo|rodného čísla|rodným číslem|r.č|rč|r. č|nar", 0.7F, 0.98F,
          "date within, remainder by 11"),
    WF_ID("CZ_BIRTH_NUMBER", "\\d{2}[0-35-8]\\d[0-3]\\d[ .-]?\\d{4}", 10, 10, cz_birth_number,
          "rodné číslo|rodného čísla|rodným číslem|r.č|rč|r. č", 0.4F, 0.96F,
          "date within, remainder by 11"),
    WF_ID("CZ_ICO", "\\d{8}|\\d{2}[ .-]?\\d{3}[ .-]?\\d{3}", 8, 8, cz_ico,
          "ičo|ič|identifikační číslo", 0.15F, 0.94F, WF_WHY_11),
    WF_ID("CZ_BANK_ACCOUNT", "(?:\\d{2,6}-)?\\d{6,10}/\\d{4}", 10, 20, cz_bank_account,
          "účet|účtu|bankovní spojení|č. ú", 0.5F, 0.95F, WF_WHY_11),
    WF_ID("CZ_ID_CARD", "\\d{9}", 9, 9, NULL,
          "občanský průkaz|občanského průkazu|občanky|č. op|číslo op", 0.05F, 0.82F, NULL),
    WF_ID("CZ_PASSPORT", "\\d{8}", 8, 8, NULL, "cestovní pas|číslo pasu|cestovního pasu", 0.05F,
          0.82F, NULL),
    WF_ID("CZ_DRIVER_LICENSE", WF_NO_WORD "[A-Z]{2}[ .-]?\\d{6}", 8, 8, NULL,
          "řidičský průkaz|řidičského průkazu|řidičák", 0.1F, 0.83F, NULL),
    WF_ID("CZ_PLATE", "\\d[A-Z][A-Z0-9][ .-]?\\d{4}", 7, 7, NULL,
          "spz|rz|registrační značka|značka|značky", 0.12F, 0.8F, NULL),
    WF_ID("SK_ID_CARD", WF_NO_WORD "[A-Z]{2}[ .-]?\\d{6}", 8, 8, NULL,
          "občiansky preukaz|občianskeho preukazu|číslo op", 0.1F, 0.83F, NULL),
    WF_ID("SK_PASSPORT", "[A-Z]{2}\\d{7}|P\\d{7}", 8, 9, NULL, "cestovný pas|cestovného pasu", 0.1F,
          0.82F, NULL),
    WF_ID("SK_PLATE", WF_NO_WORD "[A-Z]{2}[ .-]?\\d{3}[ .-]?[A-Z]{2}" WF_NO_TAIL, 7, 7, NULL,
          "ečv|špz|evidenčné číslo", 0.12F, 0.8F, NULL),

    WF_ID("HU_TAX_ID", "8\\d{9}", 10, 10, hu_tax_id, "adóazonosító|adójel|adóazonosító jel", 0.3F,
          0.97F, WF_WHY_11),
    WF_ID("HU_PERSONAL_ID", "[1-8][ -]\\d{6}[ -]\\d{4}", 11, 11, hu_personal_id,
          "személyi azonosító|személyi szám|személyazonosító", 0.8F, 0.98F, WF_WHY_DATE_11),
    WF_ID("HU_PERSONAL_ID", "[1-8]\\d{10}", 11, 11, hu_personal_id,
          "személyi azonosító|személyi szám|személyazonosító", 0.4F, 0.97F, WF_WHY_DATE_11),
    WF_ID("HU_TAJ", "\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 9, 9, hu_taj,
          "taj|taj szám|taj-szám|társadalombiztosítási", 0.2F, 0.96F, WF_WHY_10),
    WF_ID("HU_TAX_NUMBER", "\\d{8}-[1-5]-\\d{2}", 11, 11, hu_tax_number, "adószám|adószáma", 0.75F,
          0.97F, WF_WHY_10),
    WF_ID("HU_TAX_NUMBER", "\\d{8}[ .-]?[1-5][ .-]?\\d{2}", 11, 11, hu_tax_number,
          "adószám|adószáma", 0.3F, 0.95F, WF_WHY_10),
    WF_ID("HU_BANK_ACCOUNT", "\\d{8}[ .-]?\\d{8}(?:[ .-]?\\d{8})?", 16, 24, hu_bank_account,
          "bankszámla|számlaszám|számla", 0.45F, 0.96F, WF_WHY_10),
    WF_ID("HU_ID_CARD", "\\d{6}[ .-]?[A-Z]{2}" WF_NO_TAIL, 8, 8, NULL,
          "személyi igazolvány|személyazonosító igazolvány|igazolványszám|okmány", 0.1F, 0.83F,
          NULL),
    WF_ID("HU_PASSPORT", WF_NO_WORD "[A-Z]{2}[ .-]?\\d{6,7}", 8, 9, NULL, "útlevél|útlevélszám",
          0.1F, 0.83F, NULL),
    WF_ID("HU_DRIVER_LICENSE", WF_NO_WORD "[A-Z]{2}[ .-]?\\d{6}", 8, 8, NULL,
          "jogosítvány|vezetői engedély", 0.1F, 0.83F, NULL),
    WF_ID("HU_PLATE",
          WF_NO_WORD "(?:[A-Z]{3}[ .-]?\\d{3}|[A-Z]{2}[ .-]?[A-Z]{2}[ .-]?\\d{3})" WF_NO_TAIL, 6, 7,
          NULL, "rendszám|rendszámú|forgalmi", 0.12F, 0.82F, NULL),

    WF_ID("RO_CNP", "[1-9]\\d{12}", 13, 13, ro_cnp, "cnp|cod numeric personal|c.n.p", 0.6F, 0.985F,
          WF_WHY_DATE_11),
    WF_ID("RO_CUI", "\\d{4,10}", 4, 10, ro_cui, "cui|cif|cod fiscal|cod unic|c.u.i", 0.05F, 0.88F,
          WF_WHY_11),
    WF_ID("RO_ID_CARD", WF_NO_WORD "[A-Z]{2}[ .-]?\\d{6}", 8, 8, NULL,
          "carte de identitate|cartea de identitate|buletin|seria|ci", 0.1F, 0.82F, NULL),
    WF_ID("RO_PASSPORT", "\\d{8,9}", 8, 9, NULL, "pașaport|pașaportul|pasaportului", 0.05F, 0.8F,
          NULL),
    WF_ID("RO_PLATE",
          WF_NO_WORD "(?:B[ .-]?\\d{2,3}|[A-Z]{2}[ .-]?\\d{2})[ .-]?[A-Z]{3}" WF_NO_TAIL, 6, 7,
          NULL, "înmatriculare|înmatriculat|plăcuț|numărul mașinii", 0.15F, 0.82F, NULL),
    WF_ID("MD_IDNP", "[02]\\d{12}", 13, 13, md_idnp, "idnp|cod personal|codul personal", 0.25F,
          0.97F, WF_WHY_10),

    WF_ID("BG_EGN", "\\d{10}", 10, 10, bg_egn, "егн|egn|единен граждански номер|е.г.н", 0.35F,
          0.98F, WF_WHY_DATE_11),
    WF_ID("BG_LNCH", "\\d{10}", 10, 10, bg_lnch, "лнч|lnch|личен номер на чужденец", 0.2F, 0.95F,
          WF_WHY_10),
    WF_ID("BG_EIK", "\\d{9}", 9, 9, bg_eik, "еик|булстат|bulstat", 0.2F, 0.95F, WF_WHY_11),
    WF_ID("BG_ID_CARD", "\\d{9}|[A-Z]{2}\\d{7}", 9, 9, NULL,
          "лична карта|личната карта|л.к|документ за самоличност", 0.05F, 0.82F, NULL),
    WF_ID("BG_PLATE",
          WF_NO_WORD "(?:(?-i:[A-ZА-Я]{1,2}[ .-]?\\d{4}[ "
                     ".-]?[A-ZА-Я]{2})|[A-ZА-Я]{1,2}\\d{4}[A-ZА-Я]{2})" WF_NO_TAIL,
          4, 8, NULL, "регистрационен номер|рег. номер|рег. №|номер на автомобила", 0.15F, 0.82F,
          NULL),

    WF_ID("GR_AFM", "\\d{9}", 9, 9, gr_afm, "αφμ|α.φ.μ|afm|φορολογικού μητρώου", 0.2F, 0.96F,
          WF_WHY_11),
    WF_ID("GR_AMKA", "\\d{11}|\\d{6} \\d{5}", 11, 11, gr_amka, "αμκα|α.μ.κ.α|amka", 0.5F, 0.98F,
          WF_WHY_DATE_LUHN),
    WF_ID("GR_AMKA", "\\d{11}|\\d{6}[ .-]?\\d{5}", 11, 11, gr_amka, "αμκα|α.μ.κ.α|amka", 0.3F,
          0.96F, WF_WHY_DATE_LUHN),
    WF_ID("GR_ID_CARD", WF_NO_WORD "(?:(?-i:[Α-Ω]{1,2})[ .-]?\\d{6}|[A-Z]{1,2}[ .-]?\\d{6})", 6, 8,
          NULL, "ταυτότητα|ταυτότητας|αδτ|α.δ.τ|δελτίο ταυτότητας", 0.1F, 0.84F, NULL),
    WF_ID("GR_PASSPORT", "[A-ZΑ-Ω]{2}\\d{7}", 7, 9, NULL, "διαβατήριο|διαβατηρίου", 0.1F, 0.84F,
          NULL),
    WF_ID("GR_PLATE", WF_NO_WORD "(?:(?-i:[Α-Ω]{3})[ .-]?\\d{4}|[A-Z]{3}[ .-]?\\d{4})", 4, 7, NULL,
          "πινακίδα|πινακίδας|πινακίδες|κυκλοφορίας", 0.12F, 0.82F, NULL),
    WF_ID("CY_ID_CARD", "\\d{6,8}", 6, 8, NULL,
          "ταυτότητα|ταυτότητας|δελτίο ταυτότητας|cyprus id|kimlik kartı", 0.05F, 0.76F, NULL),
    WF_ID("MT_ID_CARD", "\\d{4,7}[MGAPLHBZ]", 5, 8, NULL,
          "karta tal-identità|karta tal-identita|maltese|malta|identity card|id card", 0.1F, 0.8F,
          NULL),

    WF_ID("HR_OIB", "\\d{11}", 11, 11, hr_oib, "oib|osobni identifikacijski", 0.25F, 0.97F,
          WF_WHY_11_10),
    WF_ID("HR_JMBG", "\\d{7}3\\d{5}", 13, 13, jmbg, JMBG_WORDS, 0.7F, 0.96F, WF_WHY_DATE_11),
    WF_ID("HR_ID_CARD", "\\d{9}", 9, 9, NULL, "osobna iskaznica|osobne iskaznice|osobnu", 0.05F,
          0.8F, NULL),
    WF_ID("HR_PASSPORT", "\\d{9}", 9, 9, NULL, "putovnica|putovnice|putovnicu", 0.05F, 0.82F, NULL),
    WF_ID("HR_PLATE",
          "(?:B[JM]|ČK|D[AEJU]|GS|IM|K[ACRTŽ]|MA|N[AG]|OG|OS|P[UŽ]|RI|S[BIKLT]|ŠI|V[KTUŽ]|Z[DG]|ŽU)"
          "[ .-]?\\d{3,4}[ .-]?[A-ZČŠŽĐ]{1,2}" WF_NO_TAIL,
          5, 8, NULL, "registarska|registarske|registracija|tablice|tablica", 0.12F, 0.83F, NULL),
    WF_ID("SI_EMSO", "\\d{7}5\\d{5}", 13, 13, jmbg, "emšo|emso|enotna matična", 0.7F, 0.985F,
          WF_WHY_DATE_11),
    WF_ID("SI_TAX_ID", "[1-9]\\d{7}", 8, 8, si_tax, "davčna številka|davčna|davčne", 0.15F, 0.95F,
          WF_WHY_11),
    WF_ID("SI_PASSPORT", "P[A-Z]\\d{7}", 9, 9, NULL, "potni list|potnega lista", 0.15F, 0.84F,
          NULL),
    WF_ID("RS_JMBG", "\\d{7}[7-9]\\d{5}", 13, 13, jmbg, JMBG_WORDS, 0.7F, 0.985F, WF_WHY_DATE_11),
    WF_ID("RS_PIB", "\\d{9}", 9, 9, rs_pib, "pib|пиб|poreski identifikacioni|poreski broj", 0.2F,
          0.95F, WF_WHY_11_10),
    WF_ID("RS_ID_CARD", "\\d{9}", 9, 9, NULL,
          "lična karta|lične karte|ličnu kartu|лична карта|личне карте", 0.05F, 0.8F, NULL),
    WF_ID("RS_PASSPORT", "\\d{9}", 9, 9, NULL, "pasoš|pasoša|пасош|пасоша", 0.05F, 0.8F, NULL),
    WF_ID("RS_PLATE", WF_NO_WORD "[A-ZČĆŠĐŽ]{2}[ .-]?\\d{3,4}[ .-]?[A-ZČĆŠĐŽ]{2}" WF_NO_TAIL, 5, 8,
          NULL, "регистарска|таблице|registarska|tablice|tablica", 0.12F, 0.82F, NULL),
    WF_ID("BA_JMBG", "\\d{7}1\\d{5}", 13, 13, jmbg, JMBG_WORDS, 0.7F, 0.985F, WF_WHY_DATE_11),
    WF_ID("ME_JMBG", "\\d{7}2\\d{5}", 13, 13, jmbg, JMBG_WORDS, 0.7F, 0.985F, WF_WHY_DATE_11),
    WF_ID("ME_PIB", "\\d{8}", 8, 8, me_pib, "pib|пиб|poreski broj", 0.15F, 0.93F, WF_WHY_11),
    WF_ID("MK_EMBG", "\\d{7}4\\d{5}", 13, 13, jmbg, "ембг|embg|матичен број|единствен матичен",
          0.7F, 0.985F, WF_WHY_DATE_11),
    WF_ID("MK_EDB", "[45]\\d{12}", 13, 13, mk_edb, "едб|edb|даночен број", 0.2F, 0.95F, WF_WHY_11),
    WF_ID("AL_NID", "[A-T]\\d{8}[A-W]", 10, 10, al_nid,
          "nid|numri personal|numri i identitetit|letërnjoftim|letërnjoftimi", 0.4F, 0.92F,
          WF_WHY_DATE),
    WF_ID("AL_NIPT", "[J-M]\\d{8}[A-Z]", 10, 10, NULL, "nipt|nuis|numri tatimor", 0.2F, 0.93F,
          NULL),
    WF_ID("AD_NRT", "[ACDEFGLOPU][ .-]?\\d{6}[ .-]?[A-Z]", 8, 8, NULL,
          "nrt|registre tributari|andorra", 0.2F, 0.88F, NULL),
};
WF_PATTERN_TABLE(wf_patterns_ids_east, rows);
