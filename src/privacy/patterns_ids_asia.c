/* SPDX-License-Identifier: Apache-2.0 */
/* Identity numbers of Asia and the Pacific: China, Hong Kong, Macao, Taiwan, Japan, Korea,
 * Mongolia, India and its neighbours, South-East Asia, Australia, New Zealand. */
#include "privacy/checks.h"
#include "privacy/patterns_ids.h"

/* ---- China, Hong Kong, Taiwan ---- */

static bool cn_resident_id(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "99999999999999999*", &c) && wf_check_yyyymmdd(c.v + 6) &&
           wf_check_mod11_2(c.v, 18);
}

/* Base 31, the alphabet without I, O, S, V, Z. */
static bool cn_uscc(struct wf_str s)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    static const unsigned weights[] = {1,  3,  9,  27, 19, 26, 16, 17, 20,
                                       29, 25, 13, 8,  24, 10, 30, 28};
    struct wf_code c;
    unsigned sum = 0;

    if (!wf_code_shape(s, "**999999**********", &c))
        return false;
    for (size_t i = 0; i < 17; i++) {
        unsigned x = 0;
        while (x < 31 && !wf_check_letter(c.v[i], alphabet, x))
            x++;
        if (x == 31)
            return false;
        sum += x * weights[i];
    }
    return wf_check_letter(c.v[17], alphabet, (31 - sum % 31) % 31);
}

/* Weights 9 to 1; a single letter has a blank before it, which counts 36. The check character A is
 * ten. */
static bool hk_id(struct wf_str s)
{
    static const uint8_t weights[] = {9, 8, 7, 6, 5, 4, 3, 2, 1};
    struct wf_code c;

    if (wf_code_shape(s, "AA999999*", &c))
        return c.v[8] <= 10 && wf_check_sum(c.v, weights, 9) % 11 == 0;
    return wf_code_shape(s, "A999999*", &c) && c.v[7] <= 10 &&
           (36 * 9 + wf_check_sum(c.v, weights + 1, 8)) % 11 == 0;
}

/* The letter is a number of two digits, in an order of its own. */
static bool tw_id(struct wf_str s)
{
    static const char order[] = "ABCDEFGHJKLMNPQRSTUVXYWZIO"; /* 10, 11, ... 35 */
    static const uint8_t weights[] = {8, 7, 6, 5, 4, 3, 2, 1, 1};
    struct wf_code c;
    unsigned letter = 0;

    if (!wf_code_shape(s, "A999999999", &c))
        return false;
    while (!wf_check_letter(c.v[0], order, letter))
        letter++;
    letter += 10;
    return (letter / 10 + letter % 10 * 9 + wf_check_sum(c.v + 1, weights, 9)) % 10 == 0;
}

/* Where the seventh digit is 7, one more may be missing. */
static bool tw_ubn(struct wf_str s)
{
    static const uint8_t weights[] = {1, 2, 1, 2, 1, 2, 4, 1};
    struct wf_code c;
    unsigned sum;

    if (!wf_code_shape(s, "99999999", &c) || wf_code_is_same(c.v, 8))
        return false;
    sum = wf_check_cross_sum(c.v, weights, 8);
    return sum % 5 == 0 || (c.v[6] == 7 && (sum + 1) % 5 == 0);
}

/* ---- Japan, Korea ---- */

static bool jp_my_number(struct wf_str s)
{
    static const struct wf_weighing w = {11, 11, true, 0, {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2}};

    return wf_code_weighed(s, "999999999999", &w);
}

/* The check digit stands first: what the sum leaves to 9. */
static bool jp_corporate_number(struct wf_str s)
{
    static const uint8_t weights[] = {2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1};
    struct wf_code c;

    return wf_code_shape(s, "9999999999999", &c) && !wf_code_is_same(c.v, 13) &&
           c.v[0] == 9 - wf_check_sum(c.v + 1, weights, 12) % 9;
}

/* Those given since October 2020 have no check digit: the date alone tells. */
static bool kr_rrn(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "9999999999999", &c) && wf_check_yymmdd(c.v);
}

static bool kr_rrn_checked(struct wf_str s)
{
    static const uint8_t weights[] = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
    struct wf_code c;

    return kr_rrn(s) && wf_code_read(s, &c) &&
           c.v[12] == (11 - wf_check_sum(c.v, weights, 12) % 11) % 10;
}

/* The last product's tens are added, too. */
static bool kr_brn(struct wf_str s)
{
    static const uint8_t weights[] = {1, 3, 7, 1, 3, 7, 1, 3, 5};
    struct wf_code c;

    return wf_code_shape(s, "9999999999", &c) && !wf_code_is_same(c.v, 10) &&
           (wf_check_sum(c.v, weights, 9) + c.v[8] * 5u / 10 + c.v[9]) % 10 == 0;
}

/* ---- India, Sri Lanka ---- */

static bool in_aadhaar(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "999999999999", &c) && c.v[0] >= 2 && !wf_code_is_same(c.v, 12) &&
           wf_check_verhoeff(c.v, 12);
}

static bool in_gstin(struct wf_str s)
{
    struct wf_code c;
    uint64_t state;

    if (!wf_code_shape(s, "99AAAAA9999A*Z*", &c) || !wf_check_luhn36(c.v, 15))
        return false;
    state = wf_code_number(c.v, 2);
    return (state >= 1 && state <= 38) || state == 97 || state == 99;
}

/* The day in the year, 500 more for women. */
static bool lk_nic(struct wf_str s)
{
    struct wf_code c;
    uint64_t day;

    if (wf_code_shape(s, "999999999A", &c))
        day = wf_code_number(c.v + 2, 3) % 500;
    else if (wf_code_shape(s, "999999999999", &c))
        day = wf_code_number(c.v + 4, 3) % 500;
    else
        return false;
    return day >= 1 && day <= 366;
}

/* ---- South-East Asia ---- */

/* Those given since 2000 (T, G) add 4, M (since 2022) 3; each kind has letters of its own. */
static bool sg_nric(struct wf_str s)
{
    static const uint8_t weights[] = {2, 7, 6, 5, 4, 3, 2};
    struct wf_code c;
    unsigned sum;

    if (!wf_code_shape(s, "A9999999A", &c))
        return false;
    sum = wf_check_sum(c.v + 1, weights, 7);
    switch (c.v[0]) {
    case 28: /* S */
        return wf_check_letter(c.v[8], "JZIHGFEDCBA", sum % 11);
    case 29: /* T */
        return wf_check_letter(c.v[8], "JZIHGFEDCBA", (sum + 4) % 11);
    case 15: /* F */
        return wf_check_letter(c.v[8], "XWUTRQPNMLK", sum % 11);
    case 16: /* G */
        return wf_check_letter(c.v[8], "XWUTRQPNMLK", (sum + 4) % 11);
    case 22: /* M */
        return wf_check_letter(c.v[8], "XWUTRQPNJLK", (sum + 3) % 11);
    }
    return false;
}

/* Businesses: 8 digits and a letter; companies: year, 5 digits, letter; others: century, year,
 * kind, 4 digits, letter. */
static bool sg_uen(struct wf_str s)
{
    static const uint8_t business[] = {10, 4, 9, 3, 8, 2, 7, 1};
    static const uint8_t company[] = {10, 8, 6, 4, 9, 7, 5, 3, 1};
    static const uint8_t other[] = {4, 3, 5, 3, 10, 2, 2, 5, 7};
    static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWX0123456789";
    struct wf_code c;
    unsigned sum = 0;

    if (wf_code_shape(s, "99999999A", &c))
        return wf_check_letter(c.v[8], "XMKECAWLJDB", wf_check_sum(c.v, business, 8) % 11);
    if (wf_code_shape(s, "999999999A", &c))
        return wf_check_letter(c.v[9], "ZKCMDNERGWH", wf_check_sum(c.v, company, 9) % 11);
    if (!wf_code_shape(s, "A99AA9999A", &c) || c.v[0] < 27 || c.v[0] > 29)
        return false;
    for (size_t i = 0; i < 9; i++) {
        unsigned x = 0;
        while (x < 32 && !wf_check_letter(c.v[i], alphabet, x))
            x++;
        if (x == 32)
            return false;
        sum += x * other[i];
    }
    return wf_check_letter(c.v[9], alphabet, (sum + 11 - 5) % 11);
}

/* Date of birth, then a code for the place of birth. */
static bool my_nric(struct wf_str s)
{
    struct wf_code c;
    uint64_t place;

    if (!wf_code_shape(s, "999999999999", &c) || !wf_check_yymmdd(c.v))
        return false;
    place = wf_code_number(c.v + 6, 2);
    return place != 0 && place != 17 && place != 18 && place != 19 && place != 20 && place != 69 &&
           place != 70 && place != 73 && place != 80 && place != 81 && (place < 94 || place > 97);
}

static bool th_tnin(struct wf_str s)
{
    static const uint8_t weights[] = {13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2};
    struct wf_code c;

    return wf_code_shape(s, "9999999999999", &c) && c.v[0] != 0 && c.v[0] != 9 &&
           !wf_code_is_same(c.v, 13) && c.v[12] == (11 - wf_check_sum(c.v, weights, 12) % 11) % 10;
}

/* Province, place, then date of birth with 40 added to women's days. */
static bool id_nik(struct wf_str s)
{
    struct wf_code c;

    if (!wf_code_shape(s, "9999999999999999", &c) || c.v[0] == 0 || wf_code_number(c.v, 2) > 97 ||
        wf_code_number(c.v + 12, 4) == 0)
        return false;
    if (c.v[6] >= 4)
        c.v[6] = (uint8_t)(c.v[6] - 4);
    return wf_check_ddmmyy(c.v + 6);
}

static bool id_npwp(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "999999999999999", &c) && !wf_code_is_same(c.v, 9) &&
           wf_check_luhn(c.v, 9);
}

/* Province (001 to 096), century and sex. */
static bool vn_cccd(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "999999999999", &c) && wf_code_number(c.v, 3) >= 1 &&
           wf_code_number(c.v, 3) <= 96 && c.v[3] <= 3;
}

static bool vn_mst(struct wf_str s)
{
    static const uint8_t weights[] = {31, 29, 23, 19, 17, 13, 7, 5, 3};
    struct wf_code c;

    return wf_code_read(s, &c) && (c.n == 10 || c.n == 13) && wf_code_is_digits(c.v, c.n) &&
           !wf_code_is_same(c.v, 10) && c.v[9] == 10 - wf_check_sum(c.v, weights, 9) % 11;
}

/* ---- Australia, New Zealand ---- */

static bool au_tfn(struct wf_str s)
{
    static const uint8_t weights[] = {1, 4, 3, 7, 5, 8, 6, 9, 10};
    struct wf_code c;

    return wf_code_read(s, &c) && (c.n == 8 || c.n == 9) && wf_code_is_digits(c.v, c.n) &&
           !wf_code_is_same(c.v, c.n) && wf_check_sum(c.v, weights, c.n) % 11 == 0;
}

static bool au_abn(struct wf_str s)
{
    static const uint8_t weights[] = {10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19};
    struct wf_code c;

    if (!wf_code_shape(s, "99999999999", &c) || c.v[0] == 0 || wf_code_is_same(c.v, 11))
        return false;
    c.v[0] = (uint8_t)(c.v[0] - 1);
    return wf_check_sum(c.v, weights, 11) % 89 == 0;
}

static bool au_acn(struct wf_str s)
{
    static const struct wf_weighing w = {8, 10, true, 0, {8, 7, 6, 5, 4, 3, 2, 1}};

    return wf_code_weighed(s, "999999999", &w);
}

static bool au_medicare(struct wf_str s)
{
    static const struct wf_weighing w = {8, 10, false, 0, {1, 3, 7, 9, 1, 3, 7, 9}};
    struct wf_code c;

    return wf_code_read(s, &c) && (c.n == 10 || c.n == 11) && wf_code_is_digits(c.v, c.n) &&
           !wf_code_is_same(c.v, 9) && c.v[0] >= 2 && c.v[0] <= 6 && wf_check_weighed(c.v, &w);
}

/* Eight digits have a zero in front; other weights where the first give 10. */
static bool nz_ird(struct wf_str s)
{
    static const struct wf_weighing first = {8, 11, true, WF_REFUSED, {3, 2, 7, 6, 5, 4, 3, 2}};
    static const struct wf_weighing second = {8, 11, true, WF_REFUSED, {7, 4, 3, 2, 5, 2, 7, 6}};
    struct wf_code c;
    uint64_t number;

    if (!wf_code_read(s, &c) || (c.n != 8 && c.n != 9) || !wf_code_is_digits(c.v, c.n) ||
        wf_code_is_same(c.v, c.n))
        return false;
    number = wf_code_number(c.v, c.n);
    if (c.n == 8) {
        for (size_t i = 8; i > 0; i--)
            c.v[i] = c.v[i - 1];
        c.v[0] = 0;
    }
    if (number <= 10000000 || number >= 150000000)
        return false;
    if (wf_check_sum(c.v, first.weights, 8) % 11 == 1)
        return wf_check_weighed(c.v, &second);
    return wf_check_weighed(c.v, &first);
}

/* Letters count 1 to 24 (no I, no O); the older form ends with a digit modulo 11, the newer with
 * two letters, the last modulo 23. */
static bool nz_nhi(struct wf_str s)
{
    static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZ";
    struct wf_code c;
    unsigned sum = 0;
    bool newer = wf_code_shape(s, "AAA99AA", &c);

    if (!newer && !wf_code_shape(s, "AAA9999", &c))
        return false;
    for (unsigned i = 0; i < 6; i++) {
        unsigned x = c.v[i];
        if (x > 9) {
            for (x = 0; x < 24 && !wf_check_letter(c.v[i], alphabet, x); x++)
                continue;
            if (x++ == 24)
                return false;
        }
        sum += x * (7 - i);
    }
    if (newer)
        return wf_check_letter(c.v[6], alphabet, 23 - sum % 23 - 1);
    return sum % 11 != 0 && c.v[6] == (11 - sum % 11) % 10;
}

#define PLATES_CN "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
#define PLATES_CN_EACH                                                                             \
    "京|津|沪|渝|冀|豫|云|辽|黑|湘|皖|鲁|新|苏|浙|赣|鄂|桂|甘|晋|蒙|陕|吉|闽|贵|粤|青|藏|川|宁|琼"
#define STATES_IN                                                                                  \
    "(?:A[NPRS]|BR|C[GH]|D[DLN]|G[AJ]|H[PR]|J[HK]|K[AL]|L[AD]|M[HLNPZ]|NL|O[DR]|P[BY]|RJ|SK|"      \
    "T[NRS]|U[KP]|WB)"

static const struct wf_pattern rows[] = {
    WF_ID("CN_RESIDENT_ID", "[1-9]\\d{5}(?:18|19|20)\\d{2}[01]\\d[0-3]\\d{4}[0-9X]", 18, 18,
          cn_resident_id, "身份证|公民身份|身份號碼|身份证号|居民身份|resident id|chinese id",
          0.95F, 0.99F, "date within, ISO 7064 mod 11-2"),
    WF_ID("CN_USCC", "[0-9A-HJ-NP-RTUWXY]{2}\\d{6}[0-9A-HJ-NP-RTUWXY]{10}", 18, 18, cn_uscc,
          "统一社会信用代码|信用代码|税号|纳税人识别号", 0.8F, 0.98F,
          "weighted checksum, modulo 31"),
    WF_ID("CN_PASSPORT", "[DEGHPS][A-HJ-NP-Z]?\\d{7,8}", 8, 10, NULL,
          "护照|護照号|chinese passport", 0.1F, 0.86F, NULL),
    WF_ID("CN_TRAVEL_PERMIT", "[CHMW]\\d{8,10}", 9, 11, NULL, "通行证|回乡证|台胞证", 0.1F, 0.86F,
          NULL),
    {.type = "CN_PLATE",
     .regex = "[" PLATES_CN "][A-HJ-NP-Z][ .·]?(?=[A-Z]{0,4}\\d)[A-HJ-NP-Z0-9]{5,6}",
     .triggers = PLATES_CN_EACH,
     .context = "车牌|車牌|牌照|号牌",
     .score = 0.7F,
     .score_context = 0.92F},
    WF_ID("HK_ID", "[A-Z]{1,2}\\d{6} ?\\([0-9A]\\)", 8, 9, hk_id,
          "hkid|身份證|香港身份|identity card|hong kong id|身份证", 0.9F, 0.98F, WF_WHY_11),
    WF_ID("HK_ID", "[A-Z]{1,2}\\d{6}[0-9A]", 8, 9, hk_id,
          "hkid|身份證|香港身份|identity card|hong kong id|身份证", 0.35F, 0.94F, WF_WHY_11),
    WF_ID("MO_ID", "[1578]\\d{6} ?\\(\\d\\)|[1578]/\\d{6}/\\d", 8, 8, NULL,
          "澳門|澳门|身份證|身份证|macau id", 0.5F, 0.9F, NULL),
    WF_ID("TW_ID", "[A-Z][1289]\\d{8}", 10, 10, tw_id,
          "身分證|身份證|國民身分|居留證|統一證號|taiwan id", 0.5F, 0.97F, WF_WHY_10),
    WF_ID("TW_UBN", "\\d{8}", 8, 8, tw_ubn, "統一編號|統編|公司統", 0.1F, 0.93F,
          "weighted checksum, modulo 5"),
    WF_ID("TW_PASSPORT", "\\d{9}", 9, 9, NULL, "護照", 0.05F, 0.84F, NULL),
    WF_ID("TW_HEALTH_CARD", "\\d{4}[ .-]?\\d{4}[ .-]?\\d{4}", 12, 12, NULL, "健保卡|健保", 0.05F,
          0.86F, NULL),
    WF_ID("TW_PLATE", "[A-Z]{2,3}[ .-]?\\d{4}|\\d{4}[ .-]?[A-Z]{2}", 6, 7, NULL, "車牌|牌照", 0.2F,
          0.85F, NULL),

    WF_ID("JP_MY_NUMBER", "\\d{4}[ .-]?\\d{4}[ .-]?\\d{4}", 12, 12, jp_my_number,
          "マイナンバー|個人番号|my number|mynumber", 0.3F, 0.98F, WF_WHY_11),
    WF_ID("JP_CORPORATE_NUMBER", "[1-9][ .-]?\\d{4}[ .-]?\\d{4}[ .-]?\\d{4}", 13, 13,
          jp_corporate_number, "法人番号|インボイス|登録番号|corporate number", 0.2F, 0.96F,
          "weighted checksum, modulo 9"),
    WF_ID("JP_PASSPORT", "[A-Z]{2}\\d{7}", 9, 9, NULL, "旅券|パスポート|japanese passport", 0.1F,
          0.86F, NULL),
    WF_ID("JP_DRIVER_LICENSE", "\\d{12}", 12, 12, NULL, "運転免許|免許証|免許番号", 0.05F, 0.9F,
          NULL),
    WF_ID("JP_RESIDENCE_CARD", "[A-Z]{2}\\d{8}[A-Z]{2}", 12, 12, NULL,
          "在留カード|在留|residence card", 0.6F, 0.96F, NULL),
    WF_ID("JP_PENSION_NUMBER", "\\d{4}[ .-]?\\d{6}", 10, 10, NULL, "基礎年金番号|年金番号|年金手帳",
          0.2F, 0.93F, NULL),
    WF_ID("JP_HEALTH_INSURANCE", "\\d{6,8}", 6, 8, NULL, "保険者番号|被保険者|保険証", 0.05F, 0.82F,
          NULL),

    WF_ID("KR_RRN", "\\d{6} ?- ?[1-4]\\d{6}", 13, 13, kr_rrn_checked,
          "주민등록번호|주민번호|주민등록|resident registration", 0.88F, 0.99F, WF_WHY_DATE_11),
    WF_ID("KR_RRN", "\\d{6}-[1-4]\\d{6}", 13, 13, kr_rrn,
          "주민등록번호|주민번호|주민등록|resident registration", 0.7F, 0.97F, WF_WHY_DATE),
    WF_ID("KR_RRN", "\\d{6}[ .-]?[1-4]\\d{6}", 13, 13, kr_rrn,
          "주민등록번호|주민번호|주민등록|resident registration", 0.4F, 0.96F, WF_WHY_DATE),
    WF_ID("KR_FRN", "\\d{6}-[5-8]\\d{6}", 13, 13, kr_rrn,
          "외국인등록번호|외국인등록|foreigner registration", 0.7F, 0.97F, WF_WHY_DATE),
    WF_ID("KR_FRN", "\\d{6}[ .-]?[5-8]\\d{6}", 13, 13, kr_rrn,
          "외국인등록번호|외국인등록|foreigner registration", 0.35F, 0.96F, WF_WHY_DATE),
    WF_ID("KR_BRN", "\\d{3}-\\d{2}-\\d{5}", 10, 10, kr_brn, "사업자등록번호|사업자번호|사업자",
          0.6F, 0.97F, WF_WHY_10),
    WF_ID("KR_BRN", "\\d{3}[ .-]?\\d{2}[ .-]?\\d{5}", 10, 10, kr_brn, "사업자등록번호|사업자번호",
          0.15F, 0.94F, WF_WHY_10),
    WF_ID("KR_PASSPORT", "[DMORS]\\d{8}|[DMORS]\\d{3}[A-Z]\\d{4}", 9, 9, NULL,
          "여권|여권번호|korean passport", 0.1F, 0.88F, NULL),
    WF_ID("KR_DRIVER_LICENSE", "(?:1[1-9]|2[0-68])[ -]\\d{2}[ -]\\d{6}[ -]\\d{2}", 12, 12, NULL,
          "운전면허|면허번호|면허증|driver license", 0.6F, 0.96F, NULL),
    WF_ID("KR_DRIVER_LICENSE", "(?:1[1-9]|2[0-68])\\d{10}", 12, 12, NULL,
          "운전면허|면허번호|면허증", 0.05F, 0.9F, NULL),
    WF_ID("KR_PLATE", "\\d{2,3} ?[가-힣] ?\\d{4}", 2, 7, NULL, "차량번호|번호판|차량|자동차", 0.2F,
          0.85F, NULL),
    WF_ID("MN_REGISTER", "(?-i:[А-ЯӨҮЁ]{2} ?\\d{8})|[А-ЯӨҮЁ]{2}\\d{8}", 8, 8, NULL,
          "регистр|регистрийн дугаар", 0.1F, 0.9F, NULL),

    WF_ID("IN_AADHAAR", "[2-9]\\d{3}[ .-]\\d{4}[ .-]\\d{4}", 12, 12, in_aadhaar,
          "aadhaar|aadhar|uidai|आधार|uid|adhaar", 0.45F, 0.98F, "Verhoeff checksum"),
    WF_ID("IN_AADHAAR", "[2-9]\\d{11}", 12, 12, in_aadhaar, "aadhaar|aadhar|uidai|आधार|adhaar",
          0.35F, 0.97F, "Verhoeff checksum"),
    WF_ID("IN_PAN", "[A-Z]{3}[ABCFGHJKLPT][A-Z]\\d{4}[A-Z]", 10, 10, NULL,
          "pan|permanent account|income tax|pan card|पैन", 0.72F, 0.97F, NULL),
    WF_ID("IN_GSTIN", "\\d{2}[A-Z]{5}\\d{4}[A-Z][0-9A-Z]Z[0-9A-Z]", 15, 15, in_gstin,
          "gstin|gst|goods and services", 0.95F, 0.99F, WF_WHY_LUHN),
    WF_ID("IN_VOTER", "[A-Z]{3}[ ./-]?\\d{7}", 10, 10, NULL,
          "voter|epic|election|voter id|मतदाता|elector", 0.25F, 0.92F, NULL),
    WF_ID("IN_PASSPORT", WF_NO_WORD "[A-PR-WY][ .-]?[1-9]\\d{6}", 8, 8, NULL, "passport|पासपोर्ट",
          0.1F, 0.81F, NULL),
    WF_ID("IN_VEHICLE_REGISTRATION", STATES_IN "[ -]?\\d{1,2}[ -]?[A-Z]{1,3}[ -]?\\d{4}", 8, 11,
          NULL, "vehicle|registration|rc number|number plate|car number|bike|वाहन|गाड़ी", 0.4F,
          0.92F, NULL),
    WF_ID("IN_DRIVER_LICENSE", STATES_IN "[ -]?\\d{2}[ -]?(?:19|20)\\d{2}[ -]?\\d{7}", 15, 15, NULL,
          "driving licence|driving license|driver|dl no|ड्राइविंग", 0.65F, 0.97F, NULL),
    WF_ID("IN_ABHA", "\\d{2}-\\d{4}-\\d{4}-\\d{4}", 14, 14, NULL, "abha|health id|ayushman", 0.5F,
          0.95F, NULL),
    WF_ID("IN_ABHA", "\\d{2}[ .-]?\\d{4}[ .-]?\\d{4}[ .-]?\\d{4}", 14, 14, NULL,
          "abha|health id|ayushman", 0.15F, 0.93F, NULL),
    WF_ID("IN_UAN", "10\\d{10}", 12, 12, NULL, "uan|epfo|provident fund", 0.05F, 0.9F, NULL),
    WF_ID("PK_CNIC", "[1-7]\\d{4}-\\d{7}-\\d", 13, 13, NULL, "cnic|nicop|nadra|شناختی کارڈ", 0.78F,
          0.98F, NULL),
    WF_ID("PK_CNIC", "[1-7]\\d{4}[ .-]?\\d{7}[ .-]?\\d", 13, 13, NULL,
          "cnic|nicop|nadra|شناختی کارڈ|شناختی", 0.08F, 0.92F, NULL),
    WF_ID("BD_NID", "\\d{10}|\\d{13}|\\d{17}", 10, 17, NULL,
          "nid|জাতীয় পরিচয়|এনআইডি|পরিচয়পত্র|bangladesh", 0.05F, 0.88F, NULL),
    WF_ID("LK_NIC", "\\d{9}[VX]", 10, 10, lk_nic, "nic|හැඳුනුම්පත|identity card|அடையாள அட்டை", 0.6F,
          0.96F, WF_WHY_DATE),
    WF_ID("LK_NIC", "(?:19|20)\\d{10}", 12, 12, lk_nic, "nic|හැඳුනුම්පත|அடையாள அட்டை", 0.1F, 0.92F,
          WF_WHY_DATE),
    WF_ID("NP_CITIZENSHIP", "\\d{2}[ .-]?\\d{2}[ .-]?\\d{2}[ .-]?\\d{5}", 11, 11, NULL,
          "नागरिकता|citizenship", 0.35F, 0.93F, NULL),

    WF_ID("SG_NRIC_FIN", "[STFGM]\\d{7}[A-Z]", 9, 9, sg_nric,
          "nric|fin|identity card|singapore|work permit", 0.85F, 0.985F, WF_WHY_11),
    WF_ID("SG_UEN", "\\d{8,9}[A-Z]|[RST]\\d{2}[A-Z]{2}\\d{4}[A-Z]", 9, 10, sg_uen,
          "uen|acra|unique entity|business registration", 0.45F, 0.965F, WF_WHY_11),
    WF_ID("SG_PASSPORT", "[EK]\\d{7}[A-Z]", 9, 9, NULL, "passport|singapore passport", 0.25F, 0.84F,
          NULL),
    WF_ID("SG_PLATE", WF_NO_WORD "[SEG][A-Z]{1,2}[ .-]?\\d{1,4}[ .-]?[A-Z]" WF_NO_TAIL, 4, 8, NULL,
          "vehicle|number plate|car plate|licence plate|iu number", 0.15F, 0.76F, NULL),
    WF_ID("MY_NRIC", "\\d{6}-\\d{2}-\\d{4}", 12, 12, my_nric,
          "mykad|kad pengenalan|nric|ic number|no. ic|ic|no kp|no. kp|i/c", 0.82F, 0.98F,
          WF_WHY_DATE),
    WF_ID("MY_NRIC", "\\d{6}[ .-]?\\d{2}[ .-]?\\d{4}", 12, 12, my_nric,
          "mykad|kad pengenalan|nric|ic number|no. ic|ic|no kp|no. kp|i/c", 0.35F, 0.96F,
          WF_WHY_DATE),
    WF_ID("MY_PASSPORT", "[AHK]\\d{8}", 9, 9, NULL, "pasport|malaysian passport", 0.1F, 0.85F,
          NULL),
    WF_ID("TH_TNIN", "[1-8][ -]\\d{4}[ -]\\d{5}[ -]\\d{2}[ -]\\d", 13, 13, th_tnin,
          "บัตรประชาชน|ประจำตัวประชาชน|เลขบัตร|เลขประจำตัว|thai id|citizen id", 0.88F, 0.99F,
          WF_WHY_11),
    WF_ID("TH_TNIN", "[1-8]\\d{12}", 13, 13, th_tnin,
          "บัตรประชาชน|ประจำตัวประชาชน|เลขบัตร|เลขประจำตัว|thai id|citizen id", 0.3F, 0.98F, WF_WHY_11),
    WF_ID("TH_PASSPORT", "[A-Z]{1,2}\\d{6,7}", 7, 9, NULL, "หนังสือเดินทาง|พาสปอร์ต|thai passport",
          0.1F, 0.85F, NULL),
    WF_ID("ID_NIK", "[1-9]\\d{5}[ .-]?\\d{6}[ .-]?\\d{4}", 16, 16, id_nik,
          "nik|ktp|nomor induk|kependudukan|no. ktp", 0.4F, 0.97F, WF_WHY_DATE),
    WF_ID("ID_NPWP", "\\d{2}\\.\\d{3}\\.\\d{3}\\.\\d-\\d{3}\\.\\d{3}", 15, 15, id_npwp,
          "npwp|wajib pajak|pajak", 0.92F, 0.99F, WF_WHY_LUHN),
    WF_ID("ID_NPWP", "\\d{2}[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d[ .-]?\\d{3}[ .-]?\\d{3}", 15, 15,
          id_npwp, "npwp|wajib pajak|pajak", 0.2F, 0.96F, WF_WHY_LUHN),
    WF_ID("ID_PASSPORT", "[A-Z]\\d{7}|[A-Z]{2}\\d{6,7}", 8, 9, NULL, "paspor", 0.1F, 0.85F, NULL),
    WF_ID("ID_PLATE", WF_NO_WORD "[A-Z]{1,2}[ .-]?\\d{1,4}[ .-]?[A-Z]{1,3}" WF_NO_TAIL, 3, 9, NULL,
          "plat nomor|nopol|nomor polisi|pelat|kendaraan", 0.1F, 0.82F, NULL),
    WF_ID("PH_TIN", "\\d{3}[ .-]\\d{3}[ .-]\\d{3}(?:[ .-]\\d{3,5})?", 9, 14, NULL,
          "tin|taxpayer identification|revenue district", 0.2F, 0.9F, NULL),
    WF_ID("PH_TIN", "\\d{9}|\\d{12}", 9, 12, NULL,
          "taxpayer identification|tin number|tin no|tin #|tin id", 0.05F, 0.8F, NULL),
    WF_ID("PH_SSS", "\\d{2}[ .-]?\\d{7}[ .-]?\\d", 10, 10, NULL, "sss|social security|sss number",
          0.4F, 0.96F, NULL),
    WF_ID("PH_PHILHEALTH", "\\d{2}[ .-]\\d{9}[ .-]\\d", 12, 12, NULL, "philhealth|pin|phic", 0.45F,
          0.96F, NULL),
    WF_ID("PH_PHILSYS", "\\d{4}[ .-]?\\d{4}[ .-]?\\d{4}[ .-]?\\d{4}|\\d{4}[ .-]?\\d{7}[ .-]?\\d",
          12, 16, NULL, "philsys|psn|pcn|umid|crn|philid", 0.1F, 0.92F, NULL),
    WF_ID("VN_CCCD", "0\\d{11}", 12, 12, vn_cccd,
          "cccd|căn cước|số định danh|định danh cá nhân|citizen identity", 0.3F, 0.96F,
          WF_WHY_RANGE),
    WF_ID("VN_CMND", "\\d{9}", 9, 9, NULL, "cmnd|chứng minh nhân dân|chứng minh thư", 0.05F, 0.9F,
          NULL),
    WF_ID("VN_MST", "\\d{10}(?:[ .-]?\\d{3})?", 10, 13, vn_mst, "mst|mã số thuế|mã số doanh nghiệp",
          0.2F, 0.96F, WF_WHY_11),
    WF_ID("VN_PASSPORT", "[BCENPK]\\d{7,8}", 8, 9, NULL, "hộ chiếu", 0.1F, 0.88F, NULL),
    WF_ID("VN_PLATE", "\\d{2}[A-Z]\\d?[ .-]?\\d{3}[ .-]?\\d{2}", 8, 9, NULL,
          "biển số|biển kiểm soát|bks", 0.3F, 0.88F, NULL),

    WF_ID("AU_TFN", "\\d{3}[ .-]?\\d{3}[ .-]?\\d{2,3}", 8, 9, au_tfn, "tfn|tax file", 0.2F, 0.97F,
          WF_WHY_11),
    WF_ID("AU_ABN", "\\d{2} ?\\d{3} ?\\d{3} ?\\d{3}", 11, 11, au_abn, "abn|australian business",
          0.5F, 0.975F, "remainder by 89"),
    WF_ID("AU_ABN", "\\d{2}[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 11, 11, au_abn,
          "abn|australian business", 0.3F, 0.955F, "remainder by 89"),
    WF_ID("AU_ACN", "\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 9, 9, au_acn, "acn|australian company|arbn",
          0.2F, 0.96F, WF_WHY_10),
    WF_ID("AU_MEDICARE", "[2-6]\\d{3}[ ./-]?\\d{5}[ ./-]?\\d(?:[ ./-]?\\d)?", 10, 11, au_medicare,
          "medicare|medicare card|irn", 0.3F, 0.965F, WF_WHY_10),
    WF_ID("AU_PASSPORT", "[A-Z]{1,2}\\d{7}", 8, 9, NULL, "australian passport|aussie passport",
          0.1F, 0.86F, NULL),
    WF_ID("AU_BSB", "\\d{3}[ .-]?\\d{3}", 6, 6, NULL, "bsb|bank state branch", 0.05F, 0.92F, NULL),
    WF_ID("NZ_IRD", "\\d{2,3}[ .-]?\\d{3}[ .-]?\\d{3}", 8, 9, nz_ird, "ird|inland revenue", 0.25F,
          0.96F, WF_WHY_11),
    WF_ID("NZ_NHI", WF_NO_WORD "[A-HJ-NP-Z]{3} ?\\d{2}(?:\\d{2}|[A-HJ-NP-Z]{2})", 7, 7, nz_nhi,
          "nhi|national health index", 0.3F, 0.96F, "weighted checksum, modulo 11 or 23"),
    WF_ID("NZ_BANK_ACCOUNT", "\\d{2}[ -]\\d{4}[ -]\\d{7}[ -]\\d{2,3}", 15, 16, NULL,
          "account|bank|westpac|anz", 0.75F, 0.96F, NULL),
    WF_ID("NZ_PASSPORT", "[A-Z]{1,2}\\d{6}", 7, 8, NULL, "new zealand passport|nz passport", 0.1F,
          0.86F, NULL),
};
WF_PATTERN_TABLE(wf_patterns_ids_asia, rows);
