/* SPDX-License-Identifier: Apache-2.0 */
/* Identity numbers of Northern Europe: Denmark, Norway, Sweden, Finland, Iceland, Estonia, Latvia,
 * Lithuania. Most hold a date of birth, so that few numbers pass by chance. */
#include "privacy/checks.h"
#include "privacy/patterns_ids.h"

/* Since 2007 the check digit is not kept any more: the date alone tells. */
static bool dk_cpr(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "9999999999", &c) && wf_check_ddmmyy(c.v);
}

static bool dk_cpr_checked(struct wf_str s)
{
    static const uint8_t weights[] = {4, 3, 2, 7, 6, 5, 4, 3, 2, 1};
    struct wf_code c;

    return dk_cpr(s) && wf_code_read(s, &c) && wf_check_sum(c.v, weights, 10) % 11 == 0;
}

static bool dk_cvr(struct wf_str s)
{
    static const struct wf_weighing w = {7, 11, true, WF_REFUSED, {2, 7, 6, 5, 4, 3, 2}};

    return wf_code_weighed(s, "99999999", &w);
}

/* D-numbers add 40 to the day, H-numbers 40 to the month. */
static bool no_fodselsnummer(struct wf_str s)
{
    static const struct wf_weighing first = {9, 11, true, WF_REFUSED, {3, 7, 6, 1, 8, 9, 4, 5, 2}};
    static const struct wf_weighing second = {
        10, 11, true, WF_REFUSED, {5, 4, 3, 2, 7, 6, 5, 4, 3, 2}};
    struct wf_code c;
    uint8_t date[6];

    if (!wf_code_shape(s, "99999999999", &c) || !wf_check_weighed(c.v, &first) ||
        !wf_check_weighed(c.v, &second))
        return false;
    for (size_t i = 0; i < 6; i++)
        date[i] = c.v[i];
    if (date[0] >= 4 && date[0] < 8)
        date[0] = (uint8_t)(date[0] - 4);
    if (date[2] >= 4 && date[2] < 6)
        date[2] = (uint8_t)(date[2] - 4);
    return wf_check_ddmmyy(date);
}

static bool no_orgnr(struct wf_str s)
{
    static const struct wf_weighing w = {8, 11, true, WF_REFUSED, {3, 2, 7, 6, 5, 4, 3, 2}};

    return wf_code_weighed(s, "999999999", &w);
}

static bool no_bank_account(struct wf_str s)
{
    static const struct wf_weighing w = {10, 11, true, WF_REFUSED, {5, 4, 3, 2, 7, 6, 5, 4, 3, 2}};

    return wf_code_weighed(s, "99999999999", &w);
}

/* Ten digits or twelve with the century; Luhn over the last ten. Coordination numbers add 60. */
static bool se_personnummer(struct wf_str s)
{
    struct wf_code c;
    uint8_t *v = c.v;

    if (!wf_code_read(s, &c) || (c.n != 10 && c.n != 12) || !wf_code_is_digits(c.v, c.n))
        return false;
    if (c.n == 12) {
        unsigned century = v[0] * 10u + v[1];
        if (century < 18 || century > 20)
            return false;
        v += 2;
    }
    if (!wf_check_luhn(v, 10))
        return false;
    if (v[4] >= 6)
        v[4] = (uint8_t)(v[4] - 6);
    return wf_check_yymmdd(v);
}

/* The third digit is 2 at least, so that no person's number is one. */
static bool se_orgnr(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "9999999999", &c) && c.v[2] >= 2 && wf_check_luhn(c.v, 10);
}

/* The check character: the nine digits modulo 31. The sign between tells the century. */
static bool fi_hetu(struct wf_str s)
{
    struct wf_code c;
    uint8_t v[9];
    size_t n = 0, last;
    char sign;

    if (s.len != 11 || !wf_code_read(wf_str_sub(s, 0, 6), &c) || c.n != 6)
        return false;
    sign = s.ptr[6];
    for (size_t i = 0; i < 6; i++)
        v[n++] = c.v[i];
    if (!wf_code_shape(wf_str_sub(s, 7, 11), "999*", &c) || !wf_check_ddmmyy(v) || sign == ' ')
        return false;
    for (size_t i = 0; i < 3; i++)
        v[n++] = c.v[i];
    last = wf_code_number(v, 9) % 31;
    return wf_code_number(v + 6, 3) >= 2 &&
           wf_check_letter(c.v[3], "0123456789ABCDEFHJKLMNPRSTUVWXY", last);
}

static bool fi_business_id(struct wf_str s)
{
    static const struct wf_weighing w = {7, 11, true, WF_REFUSED, {7, 9, 10, 5, 8, 4, 2}};

    return wf_code_weighed(s, "99999999", &w);
}

/* Companies add 40 to the day; the last digit is the century. */
static bool is_kennitala(struct wf_str s)
{
    static const struct wf_weighing w = {8, 11, true, WF_REFUSED, {3, 2, 7, 6, 5, 4, 3, 2}};
    struct wf_code c;

    if (!wf_code_shape(s, "9999999999", &c) || !wf_check_weighed(c.v, &w) ||
        (c.v[9] != 0 && c.v[9] < 8))
        return false;
    if (c.v[0] >= 4)
        c.v[0] = (uint8_t)(c.v[0] - 4);
    return wf_check_ddmmyy(c.v);
}

/* Estonia's and Lithuania's: sex and century, date, serial; a second row of weights where the first
 * gives 10. */
static bool baltic(struct wf_str s)
{
    static const uint8_t first[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1};
    static const uint8_t second[] = {3, 4, 5, 6, 7, 8, 9, 1, 2, 3};
    struct wf_code c;
    unsigned check;

    if (!wf_code_shape(s, "99999999999", &c) || c.v[0] < 1 || c.v[0] > 6 ||
        !wf_check_yymmdd(c.v + 1))
        return false;
    check = wf_check_sum(c.v, first, 10) % 11;
    if (check == 10)
        check = wf_check_sum(c.v, second, 10) % 11 % 10;
    return c.v[10] == check;
}

/* Since 2017 those that begin with 32 hold no date. */
static bool lv_personal_code(struct wf_str s)
{
    static const uint8_t weights[] = {10, 5, 8, 4, 2, 1, 6, 3, 7, 9};
    struct wf_code c;

    return wf_code_shape(s, "99999999999", &c) &&
           ((c.v[0] == 3 && c.v[1] == 2) || (wf_check_ddmmyy(c.v) && c.v[6] <= 2)) &&
           c.v[10] == (1 + wf_check_sum(c.v, weights, 10)) % 11 % 10;
}

#define CPR_WORDS "cpr|cpr-nr|cpr-nummer|personnummer|cpr nummer"
#define FODSEL_WORDS                                                                               \
    "fødselsnummer|fodselsnummer|personnummer|fnr|d-nummer|f.nr|norwegian id|nasjonalt id"
#define PERSON_SE_WORDS                                                                            \
    "personnummer|personnr|pers.nr|samordningsnummer|personbeteckning|p.nr|swedish id"

static const struct wf_pattern rows[] = {
    WF_ID("DK_CPR", "\\d{6}-?\\d{4}", 10, 10, dk_cpr_checked, CPR_WORDS, 0.5F, 0.97F,
          WF_WHY_DATE_11),
    WF_ID("DK_CPR", "\\d{6}[ .-]?\\d{4}", 10, 10, dk_cpr, CPR_WORDS, 0.45F, 0.92F, WF_WHY_DATE),
    WF_ID("DK_CPR", "\\d{10}", 10, 10, dk_cpr, CPR_WORDS, 0.2F, 0.9F, WF_WHY_DATE),
    WF_ID("DK_CVR", "\\d{8}|\\d{2}[ .-]?\\d{2}[ .-]?\\d{2}[ .-]?\\d{2}", 8, 8, dk_cvr,
          "cvr|cvr-nr|moms|se-nummer|momsnummer", 0.15F, 0.92F, WF_WHY_11),
    WF_ID("DK_PASSPORT", "\\d{9}", 9, 9, NULL, "pasnummer|pas nr|pasnr|dansk pas", 0.05F, 0.8F,
          NULL),
    WF_ID("DK_DRIVER_LICENSE", "\\d{8}", 8, 8, NULL, "kørekort|kørekortnummer", 0.05F, 0.82F, NULL),
    WF_ID("DK_PLATE", WF_NO_WORD "[A-ZÆØÅ]{2}[ .-]?\\d{2}[ .-]?\\d{3}", 5, 7, NULL,
          "nummerplade|registreringsnummer|indregistreret", 0.15F, 0.82F, NULL),

    WF_ID("NO_FODSELSNUMMER", "\\d{6}[ -]?\\d{5}", 11, 11, no_fodselsnummer, FODSEL_WORDS, 0.88F,
          0.99F, "date within, two weighted checksums, modulo 11"),
    WF_ID("NO_FODSELSNUMMER", "\\d{6}[ .-]?\\d{5}", 11, 11, no_fodselsnummer, FODSEL_WORDS, 0.3F,
          0.97F, "date within, two weighted checksums, modulo 11"),
    WF_ID("NO_ORGNR", "[89]\\d{2}[ .-]?\\d{3}[ .-]?\\d{3}(?:[ .-]?MVA)?", 9, 12, no_orgnr,
          "organisasjonsnummer|org.nr|orgnr|org nr|foretaksregisteret", 0.2F, 0.93F, WF_WHY_11),
    WF_ID("NO_BANK_ACCOUNT", "\\d{4}[ .-]?\\d{2}[ .-]?\\d{5}|\\d{11}", 11, 11, no_bank_account,
          "kontonummer|kontonr|konto|bankkonto", 0.3F, 0.93F, WF_WHY_11),
    WF_ID("NO_PASSPORT", "[A-Z]{2}\\d{7}", 9, 9, NULL, "passnummer|pass nr|norsk pass", 0.08F,
          0.83F, NULL),
    WF_ID("NO_DRIVER_LICENSE", "\\d{2}[ .-]?\\d{2}[ .-]?\\d{6}[ .-]?\\d", 11, 11, NULL,
          "førerkort|førerkortnummer", 0.05F, 0.8F, NULL),
    WF_ID("NO_PLATE", WF_NO_WORD "[A-Z]{2}[ .-]?\\d{5}", 7, 7, NULL,
          "registreringsnummer|bilskilt|kjennemerke|skiltnummer|regnr", 0.12F, 0.83F, NULL),

    WF_ID("SE_PERSONNUMMER", "(?:18|19|20)?\\d{6}[-+]\\d{4}", 10, 12, se_personnummer,
          PERSON_SE_WORDS, 0.8F, 0.98F, WF_WHY_DATE_LUHN),
    WF_ID("SE_PERSONNUMMER", "(?:18|19|20)?\\d{6} ?\\d{4}", 10, 12, se_personnummer,
          PERSON_SE_WORDS, 0.5F, 0.97F, WF_WHY_DATE_LUHN),
    WF_ID("SE_PERSONNUMMER", "(?:18|19|20)?\\d{6}[ .-]?\\d{4}", 10, 12, se_personnummer,
          PERSON_SE_WORDS, 0.3F, 0.95F, WF_WHY_DATE_LUHN),
    WF_ID("SE_ORGANISATIONSNUMMER", "[1-9]\\d{5}[ .-]?\\d{4}", 10, 10, se_orgnr,
          "organisationsnummer|org.nr|orgnr|org nr|bolagsverket", 0.35F, 0.95F, WF_WHY_LUHN),
    WF_ID("SE_PASSPORT", "\\d{8}|[A-Z]{2}\\d{6}", 8, 8, NULL,
          "passnummer|pass nr|svenskt pass|passets nummer", 0.05F, 0.77F, NULL),
    WF_ID("SE_PLATE", WF_NO_WORD "[A-HJ-PR-UW-Z]{3}[ .-]?\\d{2}[0-9A-Z]", 6, 6, NULL,
          "registreringsnummer|regnr|reg.nr|bilnummer|registreringsskylt", 0.12F, 0.82F, NULL),

    WF_ID("FI_PERSONAL_IDENTITY_CODE", "\\d{6}[-+A-FU-Y]\\d{3}[0-9A-Y]", 10, 11, fi_hetu,
          "hetu|henkilötunnus|personbeteckning|sosiaaliturvatunnus|sotu|henkilötunnuksesi", 0.88F,
          0.99F, "date within, remainder by 31"),
    WF_ID("FI_BUSINESS_ID", "\\d{7}-\\d", 8, 8, fi_business_id,
          "y-tunnus|ytunnus|fo-nummer|yritystunnus|business id|alv", 0.5F, 0.96F, WF_WHY_11),
    WF_ID("FI_BUSINESS_ID", "\\d{7}[ .-]?\\d", 8, 8, fi_business_id,
          "y-tunnus|ytunnus|fo-nummer|yritystunnus|business id|alv", 0.3F, 0.94F, WF_WHY_11),
    WF_ID("FI_PASSPORT", "[A-Z]{2}\\d{7}|[A-Z]{2}\\d{6}[A-Z]", 9, 9, NULL,
          "passi|passin|passinumero|passin numero", 0.1F, 0.8F, NULL),
    WF_ID("FI_HEALTH_INSURANCE", "80246\\d{15}", 20, 20, NULL, "kela|sairausvakuutus|kortin", 0.6F,
          0.9F, NULL),
    WF_ID("FI_PLATE", "[A-ZÄÖÅ]{2,3}[ .-]?\\d{1,3}", 4, 6, NULL,
          "rekisterinumero|rekisteritunnus|rekisterikilpi|rekkari", 0.1F, 0.78F, NULL),

    WF_ID("IS_KENNITALA", "\\d{6}[- ]?\\d{4}", 10, 10, is_kennitala, "kennitala|kennitölu|kt|kt.",
          0.6F, 0.98F, WF_WHY_DATE_11),
    WF_ID("IS_KENNITALA", "\\d{6}[ .-]?\\d{4}", 10, 10, is_kennitala, "kennitala|kennitölu|kt|kt.",
          0.3F, 0.96F, WF_WHY_DATE_11),
    WF_ID("IS_VSK", "\\d{5,6}", 5, 6, NULL, "vsk|vsk-númer|vsk númer|virðisaukaskattsnúmer", 0.05F,
          0.8F, NULL),
    WF_ID("IS_PASSPORT", "A\\d{7}", 8, 8, NULL, "vegabréf|vegabréfs", 0.1F, 0.82F, NULL),

    WF_ID("EE_ISIKUKOOD", "[1-6]\\d{2}[01]\\d[0-3]\\d{5}", 11, 11, baltic,
          "isikukood|isikukoodi|personal identification code|id-kaart", 0.55F, 0.98F,
          WF_WHY_DATE_11),
    WF_ID("EE_PASSPORT", "K[A-Z]?\\d{7}", 8, 9, NULL, "passi number|eesti pass|passi nr", 0.1F,
          0.86F, NULL),
    WF_ID("EE_PLATE", "\\d{3}[ .-]?[A-Z]{3}" WF_NO_TAIL, 6, 6, NULL,
          "numbrimärk|registreerimismärk", 0.1F, 0.8F, NULL),
    WF_ID("LV_PERSONAL_CODE", "\\d{6}[ .-]?\\d{5}", 11, 11, lv_personal_code,
          "personas kods|personas kodu|personas koda|pers. kods|personal code", 0.45F, 0.97F,
          WF_WHY_DATE_11),
    WF_ID("LV_PASSPORT", "L[VZ]?\\d{7}", 8, 9, NULL, "pase|pases|pases numurs", 0.15F, 0.82F, NULL),
    WF_ID("LT_ASMENS_KODAS", "[3-6]\\d{2}[01]\\d[0-3]\\d{5}", 11, 11, baltic,
          "asmens kodas|asmens kodo|asmens kodą|a.k", 0.55F, 0.985F, WF_WHY_DATE_11),
    WF_ID("LT_PASSPORT", "\\d{8}", 8, 8, NULL, "paso numeris|pasas|paso nr", 0.05F, 0.8F, NULL),
    WF_ID("LT_PLATE", WF_NO_WORD "[A-Z]{3}[ .-]?\\d{3}", 6, 6, NULL,
          "valstybinis numeris|valst. nr", 0.1F, 0.8F, NULL),
};
WF_PATTERN_TABLE(wf_patterns_ids_north, rows);
