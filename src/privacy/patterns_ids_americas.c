/* SPDX-License-Identifier: Apache-2.0 */
/* Identity numbers of the Americas: the United States, Canada, Mexico, Brazil, and the countries of
 * Central and South America and the Caribbean. */
#include "privacy/checks.h"
#include "privacy/patterns_ids.h"

/* ---- the United States ---- */

/* Areas 000, 666 and from 900 on, group 00 and serial 0000 are never given. */
static bool us_ssn(struct wf_str s)
{
    struct wf_code c;
    uint64_t area;

    if (!wf_code_shape(s, "999999999", &c) || wf_code_is_same(c.v, 9))
        return false;
    area = wf_code_number(c.v, 3);
    return area > 0 && area != 666 && area < 900 && wf_code_number(c.v + 3, 2) > 0 &&
           wf_code_number(c.v + 5, 4) > 0 && wf_code_number(c.v, 9) != 123456789;
}

static bool us_itin(struct wf_str s)
{
    struct wf_code c;
    uint64_t group;

    if (!wf_code_shape(s, "999999999", &c) || c.v[0] != 9)
        return false;
    group = wf_code_number(c.v + 3, 2);
    return (group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
           (group >= 90 && group <= 92) || group >= 94;
}

/* The first two digits name the campus that gave it. */
static bool us_ein(struct wf_str s)
{
    static const uint8_t none[] = {0, 7, 8, 9, 17, 18, 19, 28, 29, 49, 69, 70, 78, 79, 89, 96, 97};
    struct wf_code c;

    if (!wf_code_shape(s, "999999999", &c) || wf_code_is_same(c.v, 9))
        return false;
    for (size_t i = 0; i < sizeof(none); i++) {
        if (wf_code_number(c.v, 2) == none[i])
            return false;
    }
    return true;
}

/* Luhn over the number with 80840 in front, which adds 24. */
static bool us_npi(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "9999999999", &c) && (c.v[0] == 1 || c.v[0] == 2) &&
           (wf_check_luhn_sum(c.v, 10) + 24) % 10 == 0;
}

static bool us_dea(struct wf_str s)
{
    static const struct wf_weighing w = {6, 10, false, 0, {1, 2, 1, 2, 1, 2}};
    struct wf_code c;

    return wf_code_read(s, &c) && c.n == 9 && wf_code_is_digits(c.v + 2, 7) &&
           !wf_code_is_same(c.v + 2, 7) && wf_check_weighed(c.v + 2, &w);
}

static bool aba_routing(struct wf_str s)
{
    static const struct wf_weighing w = {8, 10, true, 0, {3, 7, 1, 3, 7, 1, 3, 7}};
    struct wf_code c;
    uint64_t first;

    if (!wf_code_shape(s, "999999999", &c) || !wf_code_weighed(s, "999999999", &w))
        return false;
    first = wf_code_number(c.v, 2);
    return first <= 12 || (first >= 21 && first <= 32) || (first >= 61 && first <= 72) ||
           first == 80;
}

/* ---- Canada ---- */

static bool ca_sin(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "999999999", &c) && c.v[0] != 0 && c.v[0] != 8 &&
           !wf_code_is_same(c.v, 9) && wf_check_luhn(c.v, 9);
}

/* Ontario: Luhn over ten digits, two letters may follow. British Columbia: begins with 9. */
static bool ca_health(struct wf_str s)
{
    static const uint8_t weights[] = {2, 4, 8, 5, 10, 9, 7, 3};
    struct wf_code c;

    if (!wf_code_read(s, &c) || (c.n != 10 && c.n != 12) || !wf_code_is_digits(c.v, 10) ||
        wf_code_is_same(c.v, 10))
        return false;
    if (wf_check_luhn(c.v, 10))
        return true;
    return c.n == 10 && c.v[0] == 9 && (11 - wf_check_sum(c.v + 1, weights, 8) % 11) % 11 == c.v[9];
}

/* Quebec: four letters of the name, year, month (50 added for women), day, two digits. */
static bool ca_quebec_health(struct wf_str s)
{
    struct wf_code c;

    if (!wf_code_shape(s, "AAAA99999999", &c))
        return false;
    if (c.v[6] >= 5)
        c.v[6] = (uint8_t)(c.v[6] - 5);
    return wf_check_yymmdd(c.v + 4);
}

/* ---- Mexico ---- */

/* The letters count as in an alphabet with N-tilde behind N. */
static bool mx_curp(struct wf_str s)
{
    struct wf_code c;
    unsigned sum = 0;

    if (!wf_code_shape(s, "AAAA999999AAAAAA*9", &c) || !wf_check_yymmdd(c.v + 4) ||
        (c.v[10] != 17 && c.v[10] != 22)) /* H, M */
        return false;
    for (unsigned i = 0; i < 17; i++)
        sum += (c.v[i] + (c.v[i] > 23 ? 1u : 0u)) * (18 - i);
    return (10 - sum % 10) % 10 == c.v[17];
}

/* Letters (of which some are not ASCII), then a date and three characters. */
static bool mx_rfc(struct wf_str s)
{
    struct wf_code c;
    size_t i = 0;

    while (i < s.len && !(s.ptr[i] >= '0' && s.ptr[i] <= '9'))
        i++;
    return wf_code_shape(wf_str_sub(s, i, s.len), "999999***", &c) && wf_check_yymmdd(c.v);
}

static bool luhn11(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "99999999999", &c) && !wf_code_is_same(c.v, 11) &&
           wf_check_luhn(c.v, 11);
}

/* Each product counts modulo 10, which the sum's remainder does, too. */
static bool mx_clabe(struct wf_str s)
{
    static const struct wf_weighing w = {
        17, 10, true, 0, {3, 7, 1, 3, 7, 1, 3, 7, 1, 3, 7, 1, 3, 7, 1, 3, 7}};

    return wf_code_weighed(s, "999999999999999999", &w);
}

/* ---- Brazil ---- */

static bool br_cpf(struct wf_str s)
{
    static const struct wf_weighing first = {9, 11, true, 0, {10, 9, 8, 7, 6, 5, 4, 3, 2}};
    static const struct wf_weighing second = {10, 11, true, 0, {11, 10, 9, 8, 7, 6, 5, 4, 3, 2}};

    return wf_code_weighed(s, "99999999999", &first) && wf_code_weighed(s, "99999999999", &second);
}

/* Since 2026 with letters, which count by their ASCII place: A is 17. */
static bool br_cnpj(struct wf_str s)
{
    static const struct wf_weighing first = {12, 11, true, 0, {5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2}};
    static const struct wf_weighing second = {
        13, 11, true, 0, {6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2}};
    struct wf_code c;

    if (!wf_code_shape(s, "************99", &c) || wf_code_is_same(c.v, 12))
        return false;
    for (size_t i = 0; i < 12; i++)
        c.v[i] = (uint8_t)(c.v[i] + (c.v[i] > 9 ? 7 : 0));
    return wf_check_weighed(c.v, &first) && wf_check_weighed(c.v, &second);
}

static bool br_pis(struct wf_str s)
{
    static const struct wf_weighing w = {10, 11, true, 0, {3, 2, 9, 8, 7, 6, 5, 4, 3, 2}};

    return wf_code_weighed(s, "99999999999", &w);
}

/* Eight digits, two of the state, two check digits; Sao Paulo and Minas Gerais have 1 for 0. */
static bool br_voter_id(struct wf_str s)
{
    static const uint8_t weights[] = {2, 3, 4, 5, 6, 7, 8, 9};
    struct wf_code c;
    unsigned first, second, state;

    if (!wf_code_shape(s, "999999999999", &c))
        return false;
    state = c.v[8] * 10u + c.v[9];
    first = wf_check_sum(c.v, weights, 8) % 11 % 10;
    second = (c.v[8] * 7u + c.v[9] * 8u + c.v[10] * 9u) % 11 % 10;
    if (state <= 2)
        return state > 0 && (c.v[10] == first || (first == 0 && c.v[10] == 1)) &&
               (c.v[11] == second || (second == 0 && c.v[11] == 1));
    return state <= 28 && c.v[10] == first && c.v[11] == second;
}

static bool br_cns(struct wf_str s)
{
    static const uint8_t weights[] = {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1};
    struct wf_code c;

    return wf_code_shape(s, "999999999999999", &c) && !wf_code_is_same(c.v, 15) &&
           wf_check_sum(c.v, weights, 15) % 11 == 0;
}

/* ---- Argentina, Chile, Colombia, Peru ---- */

static bool ar_cuit(struct wf_str s)
{
    static const struct wf_weighing w = {10, 11, true, 9, {5, 4, 3, 2, 7, 6, 5, 4, 3, 2}};

    return wf_code_weighed(s, "99999999999", &w);
}

static bool ar_cbu(struct wf_str s)
{
    static const struct wf_weighing bank = {7, 10, true, 0, {7, 1, 3, 9, 7, 1, 3}};
    static const struct wf_weighing account = {
        13, 10, true, 0, {3, 9, 7, 1, 3, 9, 7, 1, 3, 9, 7, 1, 3}};
    struct wf_code c;

    return wf_code_shape(s, "9999999999999999999999", &c) && !wf_code_is_same(c.v, 22) &&
           wf_check_weighed(c.v, &bank) && wf_check_weighed(c.v + 8, &account);
}

/* Weights 2 to 7 from the right, again and again; ten is K. */
static bool cl_rut(struct wf_str s)
{
    struct wf_code c;
    unsigned sum = 0, check;

    if (!wf_code_read(s, &c) || c.n < 8 || c.n > 9 || !wf_code_is_digits(c.v, c.n - 1) ||
        wf_code_is_same(c.v, c.n - 1))
        return false;
    for (unsigned i = 0; i + 1 < c.n; i++)
        sum += c.v[c.n - 2 - i] * (2 + i % 6);
    check = (11 - sum % 11) % 11;
    return c.v[c.n - 1] == (check == 10 ? 'K' - 'A' + 10 : check);
}

static bool co_nit(struct wf_str s)
{
    static const uint8_t weights[] = {3, 7, 13, 17, 19, 23, 29, 37, 41, 43};
    struct wf_code c;
    unsigned sum = 0;

    if (!wf_code_read(s, &c) || c.n < 9 || c.n > 11 || !wf_code_is_digits(c.v, c.n) ||
        wf_code_is_same(c.v, c.n))
        return false;
    for (size_t i = 0; i + 1 < c.n; i++)
        sum += (unsigned)c.v[c.n - 2 - i] * weights[i];
    return c.v[c.n - 1] == (sum % 11 > 1 ? 11 - sum % 11 : sum % 11);
}

static bool pe_ruc(struct wf_str s)
{
    static const uint8_t weights[] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
    struct wf_code c;

    return wf_code_shape(s, "99999999999", &c) &&
           c.v[10] == (11 - wf_check_sum(c.v, weights, 10) % 11) % 10;
}

/* ---- Ecuador, Uruguay, Venezuela, Paraguay ---- */

static bool ec_province(const uint8_t *v)
{
    uint64_t province = wf_code_number(v, 2);

    return (province >= 1 && province <= 24) || province == 30;
}

static bool ec_cedula(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "9999999999", &c) && ec_province(c.v) && c.v[2] <= 6 &&
           wf_check_luhn(c.v, 10);
}

/* A person's is the cedula and 001; public bodies and companies have weights of their own. */
static bool ec_ruc(struct wf_str s)
{
    static const struct wf_weighing public = {8, 11, true, WF_REFUSED, {3, 2, 7, 6, 5, 4, 3, 2}};
    static const struct wf_weighing company = {
        9, 11, true, WF_REFUSED, {4, 3, 2, 7, 6, 5, 4, 3, 2}};
    struct wf_code c;

    if (!wf_code_shape(s, "9999999999999", &c) || !ec_province(c.v) ||
        wf_code_number(c.v + 10, 3) == 0)
        return false;
    if (c.v[2] == 9)
        return wf_check_weighed(c.v, &company);
    return (c.v[2] <= 6 && wf_check_luhn(c.v, 10)) ||
           (c.v[2] == 6 && wf_check_weighed(c.v, &public));
}

static bool uy_ci(struct wf_str s)
{
    static const struct wf_weighing w = {7, 10, true, 0, {2, 9, 8, 7, 6, 3, 4}};

    return wf_code_weighed(s, "99999999", &w);
}

static bool uy_rut(struct wf_str s)
{
    static const struct wf_weighing w = {
        11, 11, true, WF_REFUSED, {4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2}};
    struct wf_code c;
    uint64_t first;

    if (!wf_code_shape(s, "999999999999", &c) || !wf_check_weighed(c.v, &w))
        return false;
    first = wf_code_number(c.v, 2);
    return first >= 1 && first <= 22 && wf_code_number(c.v + 8, 3) == 1;
}

/* The letter counts 4 (V), 8 (E), 12 (J), 16 (P) or 20 (G). */
static bool ve_rif(struct wf_str s)
{
    static const uint8_t weights[] = {3, 2, 7, 6, 5, 4, 3, 2};
    static const char letters[] = "VEJPG";
    struct wf_code c;

    if (!wf_code_shape(s, "A999999999", &c))
        return false;
    for (unsigned i = 0; i < 5; i++) {
        unsigned rest = (4 * (i + 1) + wf_check_sum(c.v + 1, weights, 8)) % 11;
        if (wf_check_letter(c.v[0], letters, i))
            return c.v[9] == (rest < 2 ? 0 : 11 - rest);
    }
    return false;
}

static bool py_ruc(struct wf_str s)
{
    struct wf_code c;
    unsigned sum = 0;

    if (!wf_code_read(s, &c) || c.n < 6 || c.n > 9 || !wf_code_is_digits(c.v, c.n) ||
        wf_code_is_same(c.v, c.n))
        return false;
    for (unsigned i = 0; i + 1 < c.n; i++)
        sum += c.v[c.n - 2 - i] * (2 + i);
    return c.v[c.n - 1] == (11 - sum % 11) % 11 % 10;
}

/* ---- Central America, the Caribbean ---- */

static bool do_rnc(struct wf_str s)
{
    static const uint8_t weights[] = {7, 9, 8, 6, 5, 4, 3, 2};
    struct wf_code c;

    return wf_code_shape(s, "999999999", &c) && !wf_code_is_same(c.v, 9) &&
           c.v[8] == (10 - wf_check_sum(c.v, weights, 8) % 11 + 9) % 9 + 1;
}

static bool gt_nit(struct wf_str s)
{
    struct wf_code c;
    unsigned sum = 0, check;

    if (!wf_code_read(s, &c) || c.n < 6 || c.n > 9 || !wf_code_is_digits(c.v, c.n - 1) ||
        wf_code_is_same(c.v, c.n))
        return false;
    for (unsigned i = 0; i + 1 < c.n; i++)
        sum += c.v[c.n - 2 - i] * (2 + i);
    check = (11 - sum % 11) % 11;
    return c.v[c.n - 1] == (check == 10 ? 'K' - 'A' + 10 : check);
}

/* Eight digits and a check digit, then department and municipality. */
static bool gt_cui(struct wf_str s)
{
    static const struct wf_weighing w = {8, 11, false, WF_REFUSED, {2, 3, 4, 5, 6, 7, 8, 9}};
    struct wf_code c;
    uint64_t department;

    if (!wf_code_shape(s, "9999999999999", &c) || !wf_check_weighed(c.v, &w))
        return false;
    department = wf_code_number(c.v + 9, 2);
    return department >= 1 && department <= 22 && wf_code_number(c.v + 11, 2) > 0;
}

static bool sv_dui(struct wf_str s)
{
    static const struct wf_weighing w = {8, 10, true, 0, {9, 8, 7, 6, 5, 4, 3, 2}};

    return wf_code_weighed(s, "999999999", &w);
}

/* Serials up to 100 are checked by the older rule. */
static bool sv_nit(struct wf_str s)
{
    static const struct wf_weighing old = {
        13, 11, false, 0, {14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2}};
    static const struct wf_weighing new = {
        13, 11, true, 0, {2, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2}};
    struct wf_code c;

    return wf_code_shape(s, "99999999999999", &c) && (c.v[0] < 2 || c.v[0] == 9) &&
           wf_check_weighed(c.v, wf_code_number(c.v + 10, 3) <= 100 ? &old : &new);
}

static bool ni_cedula(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "9999999999999A", &c) && wf_check_ddmmyy(c.v + 3);
}

static bool cu_ni(struct wf_str s)
{
    struct wf_code c;

    return wf_code_shape(s, "99999999999", &c) && wf_check_yymmdd(c.v);
}

#define SSN_WORDS                                                                                  \
    "ssn|social security|social sec|ss#|soc sec|socialsecurity|seguro social|ssns|ss number"
#define DRIVER_WORDS                                                                               \
    "driver license|driver's license|drivers license|driver’s license|driver's licence|"         \
    "driver licence|driving license|license number|license no|dl|dl#|dln|state id|dmv"
#define CEDULA "cédula|cedula|cédula de identidad|cédula de ciudadanía|c.i"
#define MBI_LETTER "[AC-HJKMNP-RT-Y]"
#define MBI_ANY "[AC-HJKMNP-RT-Y0-9]"

static const struct wf_pattern rows[] = {
    WF_ID("US_SSN", "\\d{3}-\\d{2}-\\d{4}", 9, 9, us_ssn, SSN_WORDS, 0.85F, 0.98F, WF_WHY_RANGE),
    WF_ID("US_SSN", "\\d{3}[ .]\\d{2}[ .]\\d{4}", 9, 9, us_ssn, SSN_WORDS, 0.55F, 0.96F,
          WF_WHY_RANGE),
    WF_ID("US_SSN", "\\d{9}", 9, 9, us_ssn, SSN_WORDS, 0.05F, 0.9F, WF_WHY_RANGE),
    WF_ID("US_ITIN", "9\\d{2}[ -][5-9]\\d[ -]\\d{4}", 9, 9, us_itin,
          "itin|individual taxpayer|taxpayer id|tax id|irs", 0.8F, 0.97F, WF_WHY_RANGE),
    WF_ID("US_ITIN", "9\\d{2}[5-9]\\d{5}", 9, 9, us_itin, "itin|individual taxpayer", 0.1F, 0.92F,
          WF_WHY_RANGE),
    WF_ID("US_EIN", "\\d{2}[ -]\\d{7}", 9, 9, us_ein,
          "ein|fein|employer identification|employer id|federal tax id|tax id|irs", 0.3F, 0.93F,
          WF_WHY_RANGE),
    WF_ID("US_EIN", "\\d{2}\\d{7}", 9, 9, us_ein,
          "ein number|ein no|fein|employer identification|employer id|federal tax id", 0.05F, 0.88F,
          WF_WHY_RANGE),
    WF_ID("US_NPI", "[12]\\d{9}|[12]\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 10, 10, us_npi,
          "npi|national provider|provider identifier|provider number", 0.3F, 0.95F, WF_WHY_LUHN),
    WF_ID("MEDICAL_LICENSE", "[A-HJ-MPR-UX][A-Z9]\\d{7}", 9, 9, us_dea,
          "dea|dea number|dea registration|medical license|prescriber|physician|doctor", 0.5F,
          0.95F, WF_WHY_10),
    WF_ID("US_MBI",
          "[1-9]" MBI_LETTER MBI_ANY "\\d-?" MBI_LETTER MBI_ANY "\\d-?" MBI_LETTER "{2}\\d{2}", 11,
          11, NULL, "medicare|mbi|beneficiary|cms|medicaid", 0.7F, 0.97F, NULL),
    WF_ID("ABA_ROUTING_NUMBER", "[0-3678]\\d{3}-?\\d{4}-?\\d", 9, 9, aba_routing,
          "routing|aba|rtn|transit|routing number|wire transfer", 0.2F, 0.95F, WF_WHY_10),
    WF_ID("US_BANK_NUMBER", "\\d{8,17}|\\d{3,6}-\\d{5,10}", 8, 17, NULL,
          "bank account|account number|account no|acct|checking account|savings account|account #|"
          "bank number|direct deposit",
          0.05F, 0.7F, NULL),
    WF_ID("US_PASSPORT", "[A-Z]\\d{8}|\\d{9}", 9, 9, NULL, "passport|travel document", 0.1F, 0.83F,
          NULL),
    WF_ID(
        "US_DRIVER_LICENSE",
        "[A-Z]{1,2}\\d{5,14}|[A-Z]\\d{18}|[A-Z]\\d{6}R|[A-Z]{7,11}\\d{1,5}|[A-Z]\\d[A-Z]\\d[A-Z]|"
        "\\d{2}[A-Z]{3}\\d{5}|\\d{3}[A-Z]{2}\\d{4}|\\d{7,9}[A-Z]{"
        "1,2}"
        "|"
        "[A-Z]{3,7}\\d{3}[A-Z0-9]{2}|[A-Z][ -]?\\d{3}[ -]\\d{3}[ -]\\d{2,3}[ -]\\d{3}(?:[ -]\\d)?|"
        "[A-Z]\\d{3}[ -]\\d{4}[ -]\\d{4}(?:[ -]\\d{2})?|[A-Z]\\d{4}[ -]\\d{5}[ -]\\d{5}",
        5, 19, NULL, DRIVER_WORDS, 0.1F, 0.76F, NULL),
    WF_ID("US_DRIVER_LICENSE", "\\d{6,14}|\\d{16}|\\d{3}[ -]\\d{3}[ -]\\d{3}", 6, 16, NULL,
          DRIVER_WORDS, 0.03F, 0.72F, NULL),

    WF_ID("CA_SIN", "[1-79]\\d{2}[ .-]\\d{3}[ .-]\\d{3}", 9, 9, ca_sin,
          "sin|social insurance|assurance sociale|nas|numéro d'assurance", 0.45F, 0.97F,
          WF_WHY_LUHN),
    WF_ID("CA_SIN", "[1-79]\\d{8}", 9, 9, ca_sin,
          "social insurance|sin number|sin no|sin #|my sin|s.i.n|assurance sociale|numéro "
          "d'assurance|nas|sin",
          0.2F, 0.96F, WF_WHY_LUHN),
    WF_ID("CA_HEALTH_NUMBER", "\\d{4}[ .-]?\\d{3}[ .-]?\\d{3}(?:[ .-]?[A-Z]{2})?", 10, 12,
          ca_health, "ohip|health card|health number|phn|personal health|carte santé", 0.3F, 0.95F,
          WF_WHY_LUHN),
    WF_ID("CA_HEALTH_NUMBER", WF_NO_WORD "[A-Z]{4}[ .-]?\\d{4}[ .-]?\\d{4}", 12, 12,
          ca_quebec_health, "ramq|assurance maladie|carte soleil|health insurance", 0.6F, 0.96F,
          WF_WHY_DATE),
    WF_ID("CA_PASSPORT", WF_NO_WORD "(?:[A-Z]{2}[ .-]?\\d{6}|[A-Z]\\d{6}[A-Z]{2})", 8, 9, NULL,
          "canadian passport|passeport canadien|passport", 0.1F, 0.79F, NULL),
    WF_ID("CA_DRIVER_LICENSE",
          "[A-Z]\\d{4}[ .-]\\d{5}[ .-]\\d{5}|[A-Z]\\d{4}[ .-]\\d{6}[ .-]\\d{2}", 13, 15, NULL,
          "driver|licence|license|permis de conduire|ontario|quebec|québec", 0.6F, 0.94F, NULL),
    WF_ID("MX_CURP", "[A-Z]{4}\\d{6}[HM][A-Z]{5}[A-Z0-9]\\d", 18, 18, mx_curp,
          "curp|clave única|registro de población", 0.95F, 0.99F, WF_WHY_DATE_10),
    WF_ID("MX_RFC", WF_NO_WORD "[A-ZÑ&]{3,4}[ -]?\\d{6}[ -]?[A-Z0-9]{3}", 11, 13, mx_rfc,
          "rfc|contribuyente|sat|registro federal", 0.6F, 0.97F, WF_WHY_DATE),
    WF_ID("MX_RFC", WF_NO_WORD "[A-ZÑ&]{3,4}[ .-]?\\d{6}[ .-]?[A-Z0-9]{3}", 11, 13, mx_rfc,
          "rfc|contribuyente|sat|registro federal", 0.3F, 0.95F, WF_WHY_DATE),
    WF_ID("MX_NSS", "\\d{2}[ .-]?\\d{2}[ .-]?\\d{2}[ .-]?\\d{5}|\\d{11}", 11, 11, luhn11,
          "nss|imss|seguro social|seguridad social", 0.25F, 0.95F, WF_WHY_LUHN),
    WF_ID("MX_CLABE", "\\d{3}[ .-]?\\d{3}[ .-]?\\d{11}[ .-]?\\d", 18, 18, mx_clabe,
          "clabe|interbancaria|cuenta|transferencia", 0.4F, 0.97F, WF_WHY_10),
    WF_ID("MX_VOTER_ID", "[A-Z]{6}\\d{8}[HM]\\d{3}", 18, 18, NULL,
          "clave de elector|ine|ife|credencial|elector", 0.85F, 0.97F, NULL),
    WF_ID("MX_PASSPORT", "[A-Z]\\d{8}", 9, 9, NULL, "pasaporte", 0.1F, 0.86F, NULL),

    WF_ID("BR_CPF", "\\d{3}\\.\\d{3}\\.\\d{3}-\\d{2}", 11, 11, br_cpf,
          "cpf|cadastro de pessoas|pessoa física|c.p.f", 0.92F, 0.99F, WF_WHY_11_TWO),
    WF_ID("BR_CPF", "\\d{11}|\\d{9}[ .-]?\\d{2}|\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d{2}", 11, 11,
          br_cpf, "cpf|cadastro de pessoas|pessoa física|c.p.f", 0.42F, 0.98F, WF_WHY_11_TWO),
    WF_ID("BR_CNPJ", "[0-9A-Z]{2}\\.[0-9A-Z]{3}\\.[0-9A-Z]{3}/[0-9A-Z]{4}-\\d{2}", 14, 14, br_cnpj,
          "cnpj|pessoa jurídica|empresa", 0.95F, 0.99F, WF_WHY_11_TWO),
    WF_ID("BR_CNPJ",
          "[0-9A-Z]{2}[ ./-]?[0-9A-Z]{3}[ ./-]?[0-9A-Z]{3}[ ./-]?[0-9A-Z]{4}[ ./-]?\\d{2}", 14, 14,
          br_cnpj, "cnpj|pessoa jurídica|empresa", 0.48F, 0.98F, WF_WHY_11_TWO),
    WF_ID("BR_RG", "\\d{1,2}[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?[0-9X]|\\d{8,9}", 8, 9, NULL,
          "rg|registro geral|carteira de identidade|identidade", 0.2F, 0.86F, NULL),
    WF_ID("BR_CNH", "\\d{11}", 11, 11, NULL,
          "cnh|habilitação|carteira de motorista|carteira nacional", 0.05F, 0.88F, NULL),
    WF_ID("BR_PIS", "\\d{3}\\.\\d{5}\\.\\d{2}-\\d", 11, 11, br_pis, "pis|pasep|nis|nit|pis/pasep",
          0.7F, 0.97F, WF_WHY_11),
    WF_ID("BR_PIS", "\\d{3}[ .-]?\\d{5}[ .-]?\\d{2}[ .-]?\\d", 11, 11, br_pis,
          "pis|pasep|nis|nit|pis/pasep", 0.2F, 0.95F, WF_WHY_11),
    WF_ID("BR_VOTER_ID", "\\d{4}[ .-]?\\d{4}[ .-]?\\d{4}", 12, 12, br_voter_id,
          "título de eleitor|título eleitoral|titulo de eleitor|título", 0.35F, 0.97F,
          WF_WHY_11_TWO),
    WF_ID("BR_CNS", "[12789]\\d{2}[ .-]?\\d{4}[ .-]?\\d{4}[ .-]?\\d{4}", 15, 15, br_cns,
          "cns|cartão sus|sus|cartão nacional de saúde|cartão de saúde", 0.35F, 0.97F, WF_WHY_11),
    WF_ID("BR_PASSPORT", "[A-Z]{2}\\d{6}", 8, 8, NULL, "passaporte", 0.1F, 0.79F, NULL),
    WF_ID("BR_PLATE", WF_NO_WORD "(?![RG]TX)[A-Z]{3}[ .-]?\\d[A-Z0-9]\\d{2}", 7, 7, NULL,
          "placa|placas|veículo|carro|renavam", 0.15F, 0.82F, NULL),

    WF_ID("AR_CUIT", "(?:2[0347]|3[034]|5[015])-\\d{8}-\\d", 11, 11, ar_cuit, "cuit|cuil|afip",
          0.8F, 0.98F, WF_WHY_11),
    WF_ID("AR_CUIT", "(?:2[0347]|3[034]|5[015])[ .-]?\\d{8}[ .-]?\\d", 11, 11, ar_cuit,
          "cuit|cuil|afip", 0.3F, 0.97F, WF_WHY_11),
    WF_ID("AR_DNI", "\\d{1,2}[ .-]\\d{3}[ .-]\\d{3}", 7, 8, NULL,
          "dni|documento nacional|documento|d.n.i", 0.08F, 0.84F, NULL),
    WF_ID("AR_DNI", "\\d{7,8}", 7, 8, NULL, "dni|documento nacional|documento|d.n.i", 0.05F, 0.8F,
          NULL),
    WF_ID("AR_CBU", "\\d{22}|\\d{8}[ -]\\d{14}", 22, 22, ar_cbu, "cbu|cvu|cuenta|transferencia",
          0.6F, 0.98F, WF_WHY_10),
    WF_ID("AR_CBU", "\\d{22}|\\d{8}[ .-]?\\d{14}", 22, 22, ar_cbu, "cbu|cvu|cuenta|transferencia",
          0.3F, 0.96F, WF_WHY_10),
    WF_ID("AR_PASSPORT", "[A-Z]{3}\\d{6}", 9, 9, NULL, "pasaporte argentino|argentina", 0.1F, 0.8F,
          NULL),
    WF_ID("CL_RUT", "\\d{1,2}\\.\\d{3}\\.\\d{3}-[0-9K]", 8, 9, cl_rut,
          "rut|run|rol único|r.u.t|chile", 0.75F, 0.985F, WF_WHY_11),
    WF_ID("CL_RUT", "\\d{1,2}[ .-]?\\d{3}[ .-]?\\d{3}[ -]?[0-9K]", 8, 9, cl_rut,
          "rut|rol único|r.u.t", 0.35F, 0.97F, WF_WHY_11),
    WF_ID("CO_NIT", "\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d|\\d{10}", 10, 10, co_nit,
          "nit|dian|identificación tributaria", 0.4F, 0.96F, WF_WHY_11),
    WF_ID("CO_CEDULA", "\\d{1,3}(?:[ .-]\\d{3}){2,3}", 7, 12, NULL,
          "cédula de ciudadanía|cédula|cedula|c.c|cc|ciudadanía|colombia", 0.1F, 0.8F, NULL),
    WF_ID("CO_CEDULA", "\\d{6,10}", 6, 10, NULL,
          "cédula de ciudadanía|cédula|cedula|ciudadanía|colombia", 0.05F, 0.79F, NULL),
    WF_ID("PE_DNI", "\\d{8}(?:-[0-9A-K])?", 8, 9, NULL, "reniec|dni|documento nacional|perú", 0.05F,
          0.82F, NULL),
    WF_ID("PE_RUC", "(?:10|15|16|17|20)\\d{9}", 11, 11, pe_ruc, "ruc|sunat|r.u.c", 0.3F, 0.97F,
          WF_WHY_11),
    WF_ID("EC_CEDULA", "\\d{9}[ .-]?\\d", 10, 10, ec_cedula, CEDULA "|ecuador", 0.3F, 0.95F,
          WF_WHY_LUHN),
    WF_ID("EC_RUC", "\\d{10}00\\d", 13, 13, ec_ruc, "ruc|sri|r.u.c|ecuador", 0.5F, 0.96F,
          WF_WHY_LUHN),
    WF_ID("UY_CI", "\\d\\.\\d{3}\\.\\d{3}-\\d", 8, 8, uy_ci, CEDULA "|uruguay", 0.7F, 0.97F,
          WF_WHY_10),
    WF_ID("UY_CI", "\\d[ .-]?\\d{3}[ .-]?\\d{3}[ .-]?\\d", 8, 8, uy_ci, CEDULA "|uruguay", 0.2F,
          0.93F, WF_WHY_10),
    WF_ID("UY_RUT", "\\d{12}|\\d{2} ?\\d{6} ?\\d{4}", 12, 12, uy_rut, "rut|dgi|uruguay", 0.5F,
          0.96F, WF_WHY_11),
    WF_ID("UY_RUT", "\\d{12}|\\d{2}[ .-]?\\d{6}[ .-]?\\d{4}", 12, 12, uy_rut, "rut|dgi|uruguay",
          0.3F, 0.94F, WF_WHY_11),
    WF_ID("VE_RIF", WF_NO_WORD "[VEJPG][ -]?\\d{8}-?\\d", 10, 10, ve_rif, "rif|seniat|r.i.f", 0.5F,
          0.97F, WF_WHY_11),
    WF_ID("VE_RIF", WF_NO_WORD "[VEJPG][ .-]?\\d{8}[ .-]?\\d", 10, 10, ve_rif, "rif|seniat|r.i.f",
          0.3F, 0.95F, WF_WHY_11),
    WF_ID("VE_CEDULA", WF_NO_WORD "[VE][ .-]?\\d{1,2}[ .-]?\\d{3}[ .-]?\\d{3}", 8, 9, NULL,
          CEDULA "|venezuela", 0.25F, 0.88F, NULL),
    WF_ID("PY_RUC", "\\d{5,8}[ .-]?\\d", 6, 9, py_ruc, "ruc|paraguay|r.u.c", 0.25F, 0.94F,
          WF_WHY_11),
    WF_ID("PY_CI", "\\d\\.\\d{3}\\.\\d{3}", 7, 7, NULL, "paraguay|" CEDULA, 0.05F, 0.81F, NULL),
    WF_ID("PY_CI", "\\d{1,2}[ .-]?\\d{3}[ .-]?\\d{3}", 6, 8, NULL, "paraguay|" CEDULA, 0.05F, 0.78F,
          NULL),
    WF_ID("BO_CI", "\\d{6,8}(?:[ .-]?\\d[A-Z])?(?:[ .-]?(?:LP|CB|SC|OR|PT|CH|TJ|BE|PD))?", 6, 12,
          NULL, "carnet de identidad|cédula de identidad|bolivia", 0.05F, 0.8F, NULL),

    WF_ID("CR_CEDULA", "[1-9][ .-]?\\d{4}[ .-]?\\d{4}|[1-9]\\d{8}", 9, 9, NULL,
          "cédula|cedula|costa rica|identificación", 0.1F, 0.85F, NULL),
    WF_ID("DO_CEDULA", "\\d{3}-\\d{7}-\\d", 11, 11, luhn11, "cédula|cedula|dominicana", 0.7F, 0.97F,
          WF_WHY_LUHN),
    WF_ID("DO_CEDULA", "\\d{3}[ .-]?\\d{7}[ .-]?\\d", 11, 11, luhn11, "cédula|cedula|dominicana",
          0.2F, 0.94F, WF_WHY_LUHN),
    WF_ID("DO_RNC", "\\d{9}|\\d[ .-]?\\d{2}[ .-]?\\d{5}[ .-]?\\d", 9, 9, do_rnc, "rnc|dgii", 0.2F,
          0.95F, WF_WHY_11),
    WF_ID("GT_NIT", "\\d{5,8}[ .-]?[0-9K]", 6, 9, gt_nit, "nit|guatemala", 0.2F, 0.93F, WF_WHY_11),
    WF_ID("GT_CUI", "\\d{4}[ .-]?\\d{5}[ .-]?\\d{4}", 13, 13, gt_cui, "dpi|cui|código único|renap",
          0.35F, 0.96F, WF_WHY_11),
    WF_ID("SV_DUI", "\\d{8}[ .-]?\\d", 9, 9, sv_dui, "dui|documento único|el salvador", 0.45F,
          0.96F, WF_WHY_10),
    WF_ID("SV_NIT", "\\d{4}-\\d{6}-\\d{3}-\\d", 14, 14, sv_nit, "nit|el salvador", 0.8F, 0.97F,
          WF_WHY_11),
    WF_ID("SV_NIT", "\\d{4}[ .-]?\\d{6}[ .-]?\\d{3}[ .-]?\\d", 14, 14, sv_nit, "nit|el salvador",
          0.3F, 0.95F, WF_WHY_11),
    WF_ID("HN_DNI", "[01]\\d{3}-(?:19|20)\\d{2}-\\d{5}", 13, 13, NULL, "dni|identidad|rnp|honduras",
          0.65F, 0.95F, NULL),
    WF_ID("HN_DNI", "[01]\\d{3}[ .-]?(?:19|20)\\d{2}[ .-]?\\d{5}", 13, 13, NULL,
          "dni|identidad|rnp|honduras", 0.15F, 0.93F, NULL),
    WF_ID("NI_CEDULA", "\\d{3}-\\d{6}-\\d{4}[A-Z]", 14, 14, ni_cedula, "cédula|cedula|nicaragua",
          0.85F, 0.97F, WF_WHY_DATE),
    WF_ID("NI_CEDULA", "\\d{3}[ .-]?\\d{6}[ .-]?\\d{4}[A-Z]", 14, 14, ni_cedula,
          "cédula|cedula|nicaragua", 0.3F, 0.95F, WF_WHY_DATE),
    WF_ID("PA_CEDULA",
          "(?!\\d{1,2}[ -]\\d{1,2}[ -](?:19|20)\\d{2}(?!\\d))(?:1[0-3]|[1-9]|E|N|PE)[ -]\\d{1,4}[ "
          "-]\\d{2,6}",
          5, 12, NULL, "cédula|cedula|panamá|panama|cip", 0.1F, 0.83F, NULL),
    WF_ID("CU_NI", "\\d{11}", 11, 11, cu_ni, "carné de identidad|carnet de identidad|cuba", 0.1F,
          0.92F, WF_WHY_DATE),
    WF_ID("JM_TRN", "\\d{3}[ .-]?\\d{3}[ .-]?\\d{3}", 9, 9, NULL, "trn|taxpayer registration",
          0.05F, 0.85F, NULL),
};
WF_PATTERN_TABLE(wf_patterns_ids_americas, rows);
