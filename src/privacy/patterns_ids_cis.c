/* SPDX-License-Identifier: Apache-2.0 */
/* Identity numbers of Ukraine, Russia, Belarus, Turkey, the Caucasus and Central Asia. */
#include "privacy/checks.h"
#include "privacy/patterns_ids.h"

/* ---- Ukraine, Belarus ---- */

static bool ua_rnokpp(struct wf_str s)
{
    /* The first weight is -1: 10 modulo 11. */
    static const struct wf_weighing w = {9, 11, false, 0, {10, 5, 7, 9, 4, 6, 10, 5, 7}};

    return wf_code_weighed(s, "9999999999", &w);
}

/* From 3 to 5 as first digit the weights begin with 7; where 10 comes out, each is 2 more. */
static bool ua_edrpou(struct wf_str s)
{
    static const uint8_t usual[] = {1, 2, 3, 4, 5, 6, 7}, other[] = {7, 1, 2, 3, 4, 5, 6};
    static const uint8_t two[] = {2, 2, 2, 2, 2, 2, 2};
    struct wf_code c;
    unsigned sum, check;

    if (!wf_code_shape(s, "99999999", &c) || wf_code_is_same(c.v, 8))
        return false;
    sum = wf_check_sum(c.v, c.v[0] >= 3 && c.v[0] <= 5 ? other : usual, 7);
    check = sum % 11;
    if (check == 10)
        check = (sum + wf_check_sum(c.v, two, 7)) % 11 % 10;
    return c.v[7] == check;
}

static bool ua_unzr(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "9999999999999", &c) && wf_check_yyyymmdd(c.v);
}

static bool by_personal_number(struct wf_str s)
{
    static const struct wf_weighing w = {13, 10, false, 0, {7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1, 7}};
    struct wf_code c;

    return wf_code_shape(s, "9999999A999AA9", &c) && c.v[0] >= 1 && c.v[0] <= 6 &&
           wf_check_ddmmyy(c.v + 1) && wf_check_weighed(c.v, &w);
}

/* Companies: nine digits; persons: two letters first, the second counts its place in the row. */
static bool by_unp(struct wf_str s)
{
    static const char letters[] = "ABCEHKMOPT";
    static const struct wf_weighing w = {8, 11, false, WF_REFUSED, {29, 23, 19, 17, 13, 7, 5, 3}};
    struct wf_code c;
    uint8_t i = 0;

    if (!wf_code_read(s, &c) || c.n != 9 || !wf_code_is_digits(c.v + 2, 7) ||
        wf_code_is_same(c.v, 9))
        return false;
    if (c.v[1] > 9) {
        while (i < 10 && !wf_check_letter(c.v[1], letters, i))
            i++;
        if (i == 10)
            return false;
        c.v[1] = i;
    }
    return wf_check_weighed(c.v, &w);
}

/* ---- Russia ---- */

static bool ru_inn10(struct wf_str s)
{
    static const struct wf_weighing w = {9, 11, false, 0, {2, 4, 10, 3, 5, 9, 4, 6, 8}};

    return wf_code_weighed(s, "9999999999", &w);
}

static bool ru_inn12(struct wf_str s)
{
    static const struct wf_weighing first = {10, 11, false, 0, {7, 2, 4, 10, 3, 5, 9, 4, 6, 8}};
    static const struct wf_weighing second = {11, 11, false, 0, {3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8}};

    return wf_code_weighed(s, "999999999999", &first) &&
           wf_code_weighed(s, "999999999999", &second);
}

static bool ru_snils(struct wf_str s)
{
    static const uint8_t weights[] = {9, 8, 7, 6, 5, 4, 3, 2, 1};
    struct wf_code c;

    return wf_code_shape(s, "99999999999", &c) && !wf_code_is_same(c.v, 9) &&
           wf_code_number(c.v, 9) > 1001998 &&
           wf_check_sum(c.v, weights, 9) % 101 % 100 == wf_code_number(c.v + 9, 2);
}

/* Companies: 13 digits, the remainder by 11; persons in business: 15 digits, by 13. */
static bool ru_ogrn(struct wf_str s)
{
    struct wf_code c;

    if (!wf_code_read(s, &c) || (c.n != 13 && c.n != 15) || !wf_code_is_digits(c.v, c.n) ||
        c.v[0] == 0)
        return false;
    return wf_code_mod(c.v, c.n - 1, c.n == 13 ? 11 : 13) % 10 == c.v[c.n - 1];
}

/* The first two digits are a region's, the next the year of the form. */
static bool ru_passport(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "9999999999", &c) && wf_code_number(c.v, 2) > 0 &&
           !wf_code_is_same(c.v, 10);
}

/* ---- Turkey ---- */

static bool tr_national_id(struct wf_str s)
{
    static const uint8_t weights[] = {7, 9, 7, 9, 7, 9, 7, 9, 7};
    static const uint8_t ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct wf_code c;

    return wf_code_shape(s, "99999999999", &c) && c.v[0] != 0 &&
           wf_check_sum(c.v, weights, 9) % 10 == c.v[9] &&
           wf_check_sum(c.v, ones, 10) % 10 == c.v[10];
}

/* Each digit plus its place counted from the right, times two to that place, modulo 9. */
static bool tr_tax_id(struct wf_str s)
{
    struct wf_code c;
    unsigned sum = 0;

    if (!wf_code_shape(s, "9999999999", &c) || wf_code_is_same(c.v, 10))
        return false;
    for (unsigned i = 1; i <= 9; i++) {
        unsigned x = (c.v[9 - i] + i) % 10, y = (x << i) % 9;
        sum += x != 0 && y == 0 ? 9 : y;
    }
    return (10 - sum % 10) % 10 == c.v[9];
}

/* ---- the Caucasus, Central Asia ---- */

/* The check digit stands ninth; then 1 for a company, 2 for a person. */
static bool az_voen(struct wf_str s)
{
    static const struct wf_weighing w = {8, 11, false, WF_REFUSED, {4, 1, 8, 6, 2, 7, 5, 3}};
    struct wf_code c;

    return wf_code_shape(s, "9999999999", &c) && (c.v[9] == 1 || c.v[9] == 2) &&
           wf_code_weighed(s, "9999999999", &w);
}

/* Date, century and sex, serial; a second row of weights where the first gives 10. */
static bool kz_iin(struct wf_str s)
{
    static const uint8_t first[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const uint8_t second[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2};
    struct wf_code c;
    unsigned check;

    if (!wf_code_shape(s, "999999999999", &c) || !wf_check_yymmdd(c.v) || c.v[6] > 6)
        return false;
    check = wf_check_sum(c.v, first, 11) % 11;
    if (check == 10)
        check = wf_check_sum(c.v, second, 11) % 11;
    return c.v[11] == check;
}

static bool uz_pinfl(struct wf_str s)
{
    static const struct wf_weighing w = {13, 10, false, 0, {7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1, 7}};
    struct wf_code c;

    return wf_code_shape(s, "99999999999999", &c) && c.v[0] >= 1 && c.v[0] <= 6 &&
           wf_check_ddmmyy(c.v + 1) && wf_check_weighed(c.v, &w);
}

#define CARS_RU "госномер|гос. номер|номер машины|номер авто|автомобил|госзнак|регистрационный знак"
/* Plates use the letters that look the same in both scripts. */
#define LETTER_RU "[ABEKMHOPCTYXАВЕКМНОРСТУХ]"
#define LETTER_UA "[ABCEHIKMOPTXАВСЕНІКМОРТХ]"

static const struct wf_pattern rows[] = {
    WF_ID(
        "UA_RNOKPP", "\\d{10}", 10, 10, ua_rnokpp,
        "рнокпп|іпн|ідентифікаційний номер|ідентифікаційний код|ідентифікаційного|податковий номер|"
        "код платника|інн",
        0.2F, 0.96F, WF_WHY_11),
    WF_ID("UA_EDRPOU", "\\d{8}", 8, 8, ua_edrpou, "єдрпоу|код юридичної", 0.15F, 0.95F, WF_WHY_11),
    WF_ID("UA_UNZR", "\\d{8}-\\d{5}", 13, 13, ua_unzr, "унзр|запис у реєстрі|запису", 0.6F, 0.95F,
          WF_WHY_DATE),
    WF_ID("UA_UNZR", "\\d{8}[ .-]?\\d{5}", 13, 13, ua_unzr, "унзр|запис у реєстрі|запису", 0.3F,
          0.93F, WF_WHY_DATE),
    WF_ID("UA_PASSPORT", "(?-i:[А-ЯІЇЄҐA-Z]{2}[ -]?\\d{6})|\\d{9}", 6, 9, NULL,
          "паспорт|паспорта|паспортом|id-картка|серія|закордонний", 0.05F, 0.8F, NULL),
    WF_ID("UA_PLATE",
          "(?-i:" LETTER_UA "{2}[ -]?\\d{4}[ -]?" LETTER_UA "{2})|" LETTER_UA "{2}\\d{4}" LETTER_UA
          "{2}",
          4, 8, NULL, "номерний знак|держномер|номер авто|автомобіл|номерні знаки", 0.15F, 0.83F,
          NULL),

    WF_ID("BY_PERSONAL_NUMBER", "[1-6]\\d{6}[ABCEHKM]\\d{3}[A-Z]{2}\\d", 14, 14, by_personal_number,
          "идентификационный номер|личный номер|асабісты нумар|ідэнтыфікацыйны", 0.9F, 0.985F,
          WF_WHY_DATE_10),
    WF_ID("BY_UNP", "\\d{9}|[ABCEHKM][ABCEHKMOPT]\\d{7}", 9, 9, by_unp, "унп|unp", 0.2F, 0.94F,
          WF_WHY_11),

    WF_ID("RU_INN", "\\d{12}", 12, 12, ru_inn12, "инн|inn|налогоплательщик", 0.45F, 0.98F,
          WF_WHY_11_TWO),
    WF_ID("RU_INN", "\\d{10}", 10, 10, ru_inn10, "инн|inn|налогоплательщик", 0.2F, 0.95F,
          WF_WHY_11),
    WF_ID("RU_SNILS", "\\d{3}-\\d{3}-\\d{3}[ -]\\d{2}", 11, 11, ru_snils,
          "снилс|snils|страховой номер|пенсионн", 0.88F, 0.99F, "weighted checksum, modulo 101"),
    WF_ID("RU_SNILS", "\\d{11}|\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d{2}", 11, 11, ru_snils,
          "снилс|snils|страховой номер|пенсионн", 0.35F, 0.97F, "weighted checksum, modulo 101"),
    WF_ID("RU_PASSPORT", "\\d{2}[ .-]?\\d{2}[ .-]?\\d{6}", 10, 10, ru_passport,
          "паспорт|паспорта|паспортом|серия", 0.1F, 0.88F, NULL),
    WF_ID("RU_INTERNATIONAL_PASSPORT", "\\d{2}[ .-]?\\d{7}", 9, 9, NULL,
          "загранпаспорт|заграничный паспорт|загранпаспорта", 0.05F, 0.88F, NULL),
    WF_ID("RU_OGRN", "[1-9]\\d{12}|[34]\\d{14}", 13, 15, ru_ogrn, "огрн|огрнип|ogrn", 0.25F, 0.96F,
          "remainder by 11 or 13"),
    WF_ID("RU_HEALTH_INSURANCE", "\\d{4}[ .-]?\\d{4}[ .-]?\\d{4}[ .-]?\\d{4}", 16, 16, NULL,
          "омс|полис|полиса|медицинского страхования|енп", 0.05F, 0.87F, NULL),
    WF_ID("RU_DRIVER_LICENSE", "\\d{2}[ .-]?(?:\\d{2}|[А-Я]{2})[ .-]?\\d{6}", 8, 10, NULL,
          "водительское удостоверение|водительского удостоверения|водительские "
          "права|водительск|вод. права",
          0.08F, 0.89F, NULL),
    WF_ID("RU_PLATE",
          "(?-i:" LETTER_RU "[ -]?\\d{3}[ -]?" LETTER_RU "{2}[ -]?\\d{2,3})|" LETTER_RU
          "\\d{3}" LETTER_RU "{2} ?\\d{2,3}",
          3, 9, NULL, CARS_RU, 0.3F, 0.86F, NULL),

    WF_ID("TR_NATIONAL_ID", "[1-9]\\d{10}", 11, 11, tr_national_id,
          "tc kimlik|t.c. kimlik|kimlik no|kimlik numarası|kimlik numaram|tckn|tc no|t.c. no|nüfus",
          0.45F, 0.98F, "two checksums, modulo 10"),
    WF_ID("TR_TAX_ID", "\\d{10}", 10, 10, tr_tax_id,
          "vergi no|vergi numarası|vergi kimlik|vkn|vergi dairesi", 0.2F, 0.95F,
          "checksum over powers of two"),
    WF_ID("TR_PASSPORT", WF_NO_WORD "[A-Z][ .-]?\\d{8}", 9, 9, NULL, "pasaport|pasaportu", 0.1F,
          0.83F, NULL),
    WF_ID("TR_LICENSE_PLATE", "(?:0[1-9]|[1-7]\\d|8[01])[ .-]?[A-PR-VYZ]{1,3}[ .-]?\\d{2,4}", 5, 9,
          NULL, "plaka|plakalı|plakası|plakasi|araç|aracın", 0.2F, 0.83F, NULL),
    WF_ID("TR_DRIVER_LICENSE", "\\d{6}", 6, 6, NULL, "ehliyet|sürücü belgesi|ehliyetim", 0.05F,
          0.78F, NULL),

    WF_ID("GE_PERSONAL_NUMBER", "\\d{11}", 11, 11, NULL, "პირადი ნომერი|პირადი|პირადობის", 0.05F,
          0.88F, NULL),
    WF_ID("AM_SOCIAL_NUMBER", "\\d{10}", 10, 10, NULL, "հծհ|հանրային ծառայությունների|սոցիալական",
          0.05F, 0.86F, NULL),
    WF_ID("AZ_VOEN", "\\d{9}[12]", 10, 10, az_voen, "vöen|voen|vergi ödəyicisi", 0.2F, 0.95F,
          WF_WHY_11),
    WF_ID("AZ_FIN", "(?=[A-Z]{0,3}\\d)[0-9A-HJ-NP-Z]{7}", 7, 7, NULL, "fin kod|fin-kod|fin nömrəsi",
          0.05F, 0.82F, NULL),
    WF_ID("KZ_IIN", "\\d{12}", 12, 12, kz_iin, "иин|жсн|iin|жеке сәйкестендіру", 0.55F, 0.98F,
          WF_WHY_DATE_11),
    WF_ID("UZ_PINFL", "[1-6]\\d{13}", 14, 14, uz_pinfl,
          "pinfl|jshshir|пинфл|жшшир|жшшбпин|shaxsiy raqam", 0.6F, 0.98F, WF_WHY_DATE_10),
    WF_ID("KG_PERSONAL_NUMBER", "[12](?:0[1-9]|[12]\\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)\\d{7}", 14,
          14, NULL, "пин|жеке номер|персональный идентификационный|инн", 0.5F, 0.93F, WF_WHY_DATE),
};
WF_PATTERN_TABLE(wf_patterns_ids_cis, rows);
