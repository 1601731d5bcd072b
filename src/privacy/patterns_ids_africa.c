/* SPDX-License-Identifier: Apache-2.0 */
/* Identity numbers of Africa and the Middle East. */
#include "privacy/checks.h"
#include "privacy/patterns_ids.h"

/* ---- the Middle East ---- */

static bool il_id(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "999999999", &c) && !wf_code_is_same(c.v, 9) && wf_check_luhn(c.v, 9);
}

/* The form tells enough: not all that are in use keep the check digit. */
static bool ae_emirates_id(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "784999999999999", &c) && wf_check_luhn(c.v, 15);
}

/* 1 for citizens, 2 for residents. */
static bool sa_national_id(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "9999999999", &c) && (c.v[0] == 1 || c.v[0] == 2) &&
           !wf_code_is_same(c.v + 1, 9) && wf_check_luhn(c.v, 10);
}

static bool kw_civil_id(struct wf_str s)
{
    static const struct wf_weighing w = {
        11, 11, true, WF_REFUSED, {2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}};
    struct wf_code c;

    return wf_code_shape(s, "999999999999", &c) && (c.v[0] == 2 || c.v[0] == 3) &&
           wf_check_yymmdd(c.v + 1) && wf_check_weighed(c.v, &w);
}

/* Century, year of birth, country. */
static bool qa_qid(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "99999999999", &c) && (c.v[0] == 2 || c.v[0] == 3) &&
           wf_code_number(c.v + 3, 3) > 0 && wf_code_number(c.v + 3, 3) < 900;
}

/* Year and month of birth, serial, check digit. */
static bool bh_cpr(struct wf_str s)
{
    struct wf_code c;
    uint64_t month;

    if (!wf_code_shape(s, "999999999", &c))
        return false;
    month = wf_code_number(c.v + 2, 2);
    return month >= 1 && month <= 12;
}

/* Remainders 0 and 1 stand as they are, others as what lacks to 11. */
static bool ir_national_id(struct wf_str s)
{
    static const uint8_t weights[] = {10, 9, 8, 7, 6, 5, 4, 3, 2};
    struct wf_code c;
    unsigned rest;

    if (!wf_code_shape(s, "9999999999", &c) || wf_code_is_same(c.v, 10))
        return false;
    rest = wf_check_sum(c.v, weights, 9) % 11;
    return c.v[9] == (rest < 2 ? rest : 11 - rest);
}

/* ---- Africa ---- */

/* Century, date of birth, governorate. */
static bool eg_national_id(struct wf_str s)
{
    struct wf_code c;
    uint64_t place;

    if (!wf_code_shape(s, "99999999999999", &c) || (c.v[0] != 2 && c.v[0] != 3) ||
        !wf_check_yymmdd(c.v + 1))
        return false;
    place = wf_code_number(c.v + 7, 2);
    return (place >= 1 && place <= 35) || place == 88;
}

static bool za_id(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "9999999999999", &c) && c.v[10] <= 2 && wf_check_yymmdd(c.v) &&
           wf_check_luhn(c.v, 13);
}

static bool za_tax(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "9999999999", &c) && !wf_code_is_same(c.v, 10) &&
           wf_check_luhn(c.v, 10);
}

static bool ma_ice(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "999999999999999", &c) && !wf_code_is_same(c.v, 15) &&
           wf_code_mod(c.v, 15, 97) == 0;
}

static bool gh_tin(struct wf_str s)
{
    static const uint8_t weights[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct wf_code c;
    unsigned rest;

    if (!wf_code_shape(s, "A999999999*", &c))
        return false;
    rest = wf_check_sum(c.v + 1, weights, 9) % 11;
    return c.v[10] == (rest == 10 ? 'X' - 'A' + 10 : rest);
}

static bool tz_nida(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "99999999999999999999", &c) && wf_check_yyyymmdd(c.v);
}

/* A letter of the surname, date of birth, serial; the check character is base 17. */
static bool mu_nid(struct wf_str s)
{
    static const uint8_t weights[] = {14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2};
    struct wf_code c;

    return wf_code_shape(s, "A999999999999*", &c) && wf_check_ddmmyy(c.v + 1) &&
           c.v[13] == (17 - wf_check_sum(c.v, weights, 13) % 17) % 17;
}

/* What would be 10 is 1. */
static bool mz_nuit(struct wf_str s)
{
    static const struct wf_weighing w = {8, 11, false, 1, {8, 9, 4, 5, 6, 7, 8, 9}};

    return wf_code_weighed(s, "999999999", &w);
}

#define NATIONAL_AR "الهوية الوطنية|رقم الهوية|بطاقة الهوية|هويتي"

static const struct wf_pattern rows[] = {
    WF_ID("IL_ID", "\\d{9}|\\d{8}[ .-]?\\d|\\d[ .-]?\\d{7}[ .-]?\\d", 9, 9, il_id,
          "תעודת זהות|ת.ז|ת״ז|ת\"ז|מספר זהות|teudat zehut|israeli id|זהות", 0.2F, 0.97F,
          WF_WHY_LUHN),
    WF_ID("IL_PASSPORT", "\\d{7,8}", 7, 8, NULL, "דרכון|israeli passport", 0.05F, 0.86F, NULL),
    WF_ID("IL_PLATE", "\\d{2,3}[ .-]?\\d{2,3}[ .-]?\\d{2,3}", 7, 8, NULL,
          "לוחית|מספר רכב|רישוי|הרכב", 0.1F, 0.83F, NULL),
    WF_ID("AE_EMIRATES_ID", "784[ -]?(?:19|20)\\d{2}[ -]?\\d{7}[ -]?\\d", 15, 15, ae_emirates_id,
          "emirates id|eid|الهوية الإماراتية|" NATIONAL_AR, 0.93F, 0.99F, WF_WHY_LUHN),
    WF_ID("AE_EMIRATES_ID", "784[ -]?(?:19|20)\\d{2}[ -]?\\d{7}[ -]?\\d", 15, 15, NULL,
          "emirates id|eid|الهوية الإماراتية|" NATIONAL_AR, 0.82F, 0.97F, NULL),
    WF_ID("SA_NATIONAL_ID", "[12]\\d{9}", 10, 10, sa_national_id,
          "iqama|إقامة|الإقامة|absher|saudi id|السجل المدني|" NATIONAL_AR, 0.25F, 0.96F,
          WF_WHY_LUHN),
    WF_ID("KW_CIVIL_ID", "[23]\\d{11}", 12, 12, kw_civil_id,
          "civil id|الرقم المدني|البطاقة المدنية|kuwait", 0.75F, 0.98F, WF_WHY_DATE_11),
    WF_ID("QA_QID", "[23]\\d{10}", 11, 11, qa_qid,
          "qid|qatar id|الرقم الشخصي|البطاقة القطرية|qatari", 0.1F, 0.92F, WF_WHY_RANGE),
    WF_ID("BH_CPR", "\\d{9}", 9, 9, bh_cpr, "cpr|الرقم السكاني|bahrain|البحرين", 0.05F, 0.89F,
          WF_WHY_RANGE),
    WF_ID("OM_CIVIL_ID", "\\d{7,9}", 7, 9, NULL, "oman|عمان|البطاقة الشخصية|resident card", 0.05F,
          0.83F, NULL),
    WF_ID("JO_NATIONAL_ID", "[29]\\d{9}", 10, 10, NULL, "الرقم الوطني|jordan|الأردن", 0.05F, 0.9F,
          NULL),
    WF_ID("IQ_NATIONAL_ID", "(?:19|20)\\d{10}", 12, 12, NULL,
          "البطاقة الوطنية|البطاقة الموحدة|iraq|العراق", 0.08F, 0.9F, NULL),
    WF_ID("IR_NATIONAL_ID", "\\d{10}|\\d{3}[ .-]?\\d{6}[ .-]?\\d", 10, 10, ir_national_id,
          "کد ملی|کدملی|شماره ملی|code melli|کد ملي|ملی", 0.25F, 0.97F, WF_WHY_11),

    WF_ID("EG_NATIONAL_ID", "[23]\\d{13}|[23] \\d{6} \\d{2} \\d{5}", 14, 14, eg_national_id,
          "الرقم القومي|رقم قومي|رقمي القومي|البطاقة|egypt|egyptian|national id", 0.72F, 0.98F,
          "date within, place"),
    WF_ID("EG_NATIONAL_ID", "[23]\\d{13}|[23][ .-]?\\d{6}[ .-]?\\d{2}[ .-]?\\d{5}", 14, 14,
          eg_national_id, "الرقم القومي|رقم قومي|رقمي القومي|البطاقة|egypt|egyptian|national id",
          0.3F, 0.96F, "date within, place"),
    WF_ID("EG_TAX_ID", "\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}|\\d{9}", 9, 9, NULL,
          "التسجيل الضريبي|البطاقة الضريبية|الضريبي|الضرائب", 0.05F, 0.88F, NULL),
    WF_ID("MA_CIN", WF_NO_WORD "[A-Z]{1,2}[ .-]?\\d{5,6}", 6, 8, NULL,
          "cin|cnie|carte nationale|البطاقة الوطنية|بطاقة التعريف", 0.1F, 0.86F, NULL),
    WF_ID("MA_ICE", "\\d{15}", 15, 15, ma_ice, "ice|identifiant commun", 0.5F, 0.97F, WF_WHY_97),
    WF_ID("DZ_NIN", "\\d{18}", 18, 18, NULL,
          "nin|identification national|التعريف الوطني|algérie|رقم التعريف", 0.1F, 0.92F, NULL),
    WF_ID("DZ_NIF", "\\d{15}|\\d{20}", 15, 20, NULL, "nif|التعريف الجبائي|identification fiscale",
          0.1F, 0.9F, NULL),
    WF_ID("TN_CIN", "[01]\\d{7}", 8, 8, NULL,
          "cin|carte d'identité|بطاقة التعريف|carte d'identité nationale", 0.05F, 0.84F, NULL),
    WF_ID("TN_MF", "\\d{7} ?/? ?[A-HJ-NP-TV-Z]/?[ABDNP]/?[CEMNP]/?\\d{3}", 13, 13, NULL,
          "matricule fiscal|المعرف الجبائي|matricule", 0.78F, 0.97F, NULL),
    WF_ID("TN_MF", "\\d{7}[ ./-]?[A-HJ-NP-TV-Z][ ./-]?[ABDNP][ ./-]?[CEMNP][ ./-]?\\d{3}", 13, 13,
          NULL, "matricule fiscal|المعرف الجبائي|matricule", 0.15F, 0.95F, NULL),
    WF_ID("ZA_ID_NUMBER", "\\d{6} ?\\d{4} ?\\d{2} ?\\d", 13, 13, za_id,
          "id number|identity number|south african id|id no|id "
          "nommer|identiteitsnommer|isazisi|inombolo",
          0.75F, 0.985F, WF_WHY_DATE_LUHN),
    WF_ID("ZA_ID_NUMBER", "\\d{6}[ .-]?\\d{4}[ .-]?\\d{2}[ .-]?\\d", 13, 13, za_id,
          "id number|identity number|south african id|id no|id "
          "nommer|identiteitsnommer|isazisi|inombolo",
          0.3F, 0.965F, WF_WHY_DATE_LUHN),
    WF_ID("ZA_TAX_NUMBER", "[01239]\\d{9}|[01239]\\d{3}[ ./-]?\\d{3}[ ./-]?\\d{3}", 10, 10, za_tax,
          "sars|tax reference|income tax|belasting|tax number", 0.2F, 0.93F, WF_WHY_LUHN),
    WF_ID("ZA_PASSPORT", "[ADMT]\\d{8}", 9, 9, NULL, "south african passport|sa passport|paspoort",
          0.1F, 0.86F, NULL),
    WF_ID("NG_NIN", "\\d{11}|\\d{4}[ .-]?\\d{3}[ .-]?\\d{4}", 11, 11, NULL,
          "nin|nimc|national identification number|national identity", 0.05F, 0.9F, NULL),
    WF_ID("NG_BVN", "22\\d{9}", 11, 11, NULL, "bvn|bank verification", 0.1F, 0.94F, NULL),
    WF_ID("NG_TIN", "\\d{8}[ .-]\\d{4}", 12, 12, NULL, "tin|firs|tax identification|jtb", 0.35F,
          0.93F, NULL),
    WF_ID("NG_VEHICLE_REGISTRATION", WF_NO_WORD "[A-Z]{3}[ .-]?\\d{3}[ .-]?[A-Z]{2}" WF_NO_TAIL, 8,
          8, NULL, "plate number|vehicle|number plate|registration|frsc", 0.2F, 0.85F, NULL),
    WF_ID("KE_NATIONAL_ID", "\\d{7,8}", 7, 8, NULL,
          "kitambulisho|huduma|kenyan id|kenya id|national id", 0.05F, 0.82F, NULL),
    WF_ID("KE_TAX_ID", "[AP]\\d{9}[A-Z]", 11, 11, NULL, "kra|kra pin|itax|pin", 0.6F, 0.97F, NULL),
    WF_ID("KE_PLATE", "K[A-Z]{2}[ .-]?\\d{3}[A-Z]", 7, 7, NULL,
          "gari|plate|vehicle|registration|usajili", 0.3F, 0.88F, NULL),
    WF_ID("GH_CARD", "GHA[ -]?\\d{9}[ -]?\\d", 13, 13, NULL, "ghana card|ghanacard|nia|national id",
          0.9F, 0.98F, NULL),
    WF_ID("GH_CARD", "GHA[ .-]?\\d{9}[ .-]?\\d", 13, 13, NULL,
          "ghana card|ghanacard|nia|national id", 0.15F, 0.96F, NULL),
    WF_ID("GH_TIN", "[PCGQV]00\\d{7}[0-9X]", 11, 11, gh_tin, "tin|gra|ghana revenue", 0.8F, 0.97F,
          WF_WHY_11),
    WF_ID("UG_NIN", "C[MF]\\d{5}[0-9A-Z]{7}", 14, 14, NULL, "nin|nira|uganda|national id", 0.65F,
          0.95F, NULL),
    WF_ID("TZ_NIDA", "(?:19|20)\\d{6}-?\\d{5}-?\\d{5}-?\\d{2}", 20, 20, tz_nida,
          "nida|namba ya nida|kitambulisho cha taifa|tanzania", 0.75F, 0.98F, WF_WHY_DATE),
    WF_ID("TZ_NIDA", "(?:19|20)\\d{6}[ .-]?\\d{5}[ .-]?\\d{5}[ .-]?\\d{2}", 20, 20, tz_nida,
          "nida|namba ya nida|kitambulisho cha taifa|tanzania", 0.3F, 0.96F, WF_WHY_DATE),
    WF_ID("RW_NID", "[1-3][ .-]?(?:19|20)\\d{2}[ .-]?[78][ .-]?\\d{7}[ .-]?\\d[ .-]?\\d{2}", 16, 16,
          NULL, "indangamuntu|rwanda|national id|irangamuntu", 0.35F, 0.95F, WF_WHY_RANGE),
    WF_ID("SN_NIN", "[12][ .-]?\\d{3}[ .-]?(?:19|20)\\d{2}[ .-]?\\d{5}", 13, 13, NULL,
          "nin|sénégal|carte d'identité", 0.15F, 0.9F, NULL),
    WF_ID("ZW_ID", "\\d{2}-\\d{6,7} ?[A-Z] ?\\d{2}", 11, 12, NULL,
          "zimbabwe|national id|id number|chitupa", 0.55F, 0.94F, NULL),
    WF_ID("ZW_ID", "\\d{2}[ .-]?\\d{6,7}[ .-]?[A-Z][ .-]?\\d{2}", 11, 12, NULL,
          "zimbabwe|national id|id number|chitupa", 0.15F, 0.92F, NULL),
    WF_ID("ZM_NRC", "\\d{6}/\\d{2}/[1-3]", 9, 9, NULL, "nrc|zambia|registration card", 0.55F, 0.96F,
          NULL),
    WF_ID("ZM_NRC", "\\d{6}[ ./-]?\\d{2}[ ./-]?[1-3]", 9, 9, NULL, "nrc|zambia|registration card",
          0.15F, 0.94F, NULL),
    WF_ID("MU_NID", "[A-Z]\\d{12}[0-9A-G]", 14, 14, mu_nid, "nid|mauritius|nic|national identity",
          0.88F, 0.98F, "date within, weighted checksum, modulo 17"),
    WF_ID("MZ_NUIT", "\\d{9}", 9, 9, mz_nuit, "nuit|moçambique", 0.2F, 0.95F, WF_WHY_11),
    WF_ID("AO_BI", "\\d{9}[A-Z]{2}\\d{3}", 14, 14, NULL, "bilhete de identidade|angola|bi", 0.65F,
          0.96F, NULL),
    WF_ID("BW_OMANG", "\\d{4}[12]\\d{4}", 9, 9, NULL, "omang|botswana", 0.05F, 0.93F, NULL),
    WF_ID("ET_FIN", "\\d{12}|\\d{4}[ .-]?\\d{4}[ .-]?\\d{4}", 12, 12, NULL, "fayda|ፋይዳ|fcn|fan",
          0.05F, 0.89F, NULL),
};
WF_PATTERN_TABLE(wf_patterns_ids_africa, rows);
