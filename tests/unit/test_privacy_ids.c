/* SPDX-License-Identifier: Apache-2.0 */
/* National numbers: every row of the tables meets numbers made for it (tests/support/pii_kinds.c,
 * whose check characters are computed apart from the product), refuses them damaged, and the
 * detector names them by their type beside a word of their own; what only looks like them is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"
#include "base/rng.h"
#include "os/file.h"
#include "privacy/checks.h"
#include "privacy/detect.h"
#include "privacy/pattern.h"
#include "support/pii_make.h"

#define ROUNDS 40
#define ROWS_MOST 600

struct row {
    const struct wf_pattern *p;
    pcre2_code *code; /* matches whole texts */
    bool met;
};

static struct row rows[ROWS_MOST];
static size_t n_rows;
static struct wf_detector *detector;
static struct wf_detect_run *run;

static void add(const struct wf_pattern_table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        int error = 0;
        PCRE2_SIZE at = 0;
        const struct wf_pattern *p = &t->rows[i];
        assert_true(n_rows < ROWS_MOST);
        rows[n_rows].p = p;
        rows[n_rows].code = pcre2_compile(
            (PCRE2_SPTR)p->regex, PCRE2_ZERO_TERMINATED,
            PCRE2_UTF | PCRE2_CASELESS | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &error, &at, NULL);
        if (rows[n_rows].code == NULL)
            fail_msg("%s: error %d at %zu of %s", p->type, error, at, p->regex);
        n_rows++;
    }
}

static int open_all(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    const struct wf_pattern_table *tables[] = {
        &wf_patterns_ids_vat,  &wf_patterns_ids_west,   &wf_patterns_ids_north,
        &wf_patterns_ids_east, &wf_patterns_ids_cis,    &wf_patterns_ids_americas,
        &wf_patterns_ids_asia, &wf_patterns_ids_africa, &wf_patterns_ids_general,
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(tables); i++)
        add(tables[i]);
    if (wf_detector_open(&(struct wf_detect_options){0}, &detector, &err) != 0) {
        print_message("%s\n", err.msg);
        return -1;
    }
    return wf_detect_run_new(detector, &run, &err);
}

static int close_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_rows; i++)
        pcre2_code_free(rows[i].code);
    wf_detect_run_free(run);
    wf_detector_free(detector);
    return 0;
}

static void test_ids__rows_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_rows; i++) {
        const struct wf_pattern *p = rows[i].p;
        bool sound = p->score > 0 && p->score <= p->score_context && p->score_context < 1 &&
                     p->context != NULL && p->context[0] != 0 && p->score_context >= 0.5F;
        if (p->triggers == NULL)
            sound = sound && p->letters_digits_least >= 2 &&
                    p->letters_digits_least <= p->letters_digits_most &&
                    p->letters_digits_most <= WF_CODE_MOST;
        for (const char *c = p->type; *c != 0; c++)
            sound = sound && ((*c >= 'A' && *c <= 'Z') || *c == '_');
        /* What nothing but its digits tells stays below what is reported. */
        if (p->valid == NULL && strncmp(p->regex, "\\d{", 3) == 0 && strchr(p->regex, '-') == NULL)
            sound = sound && p->score < 0.5F;
        if (!sound)
            fail_msg("%s %s", p->type, p->regex);
        for (const char *c = p->context; *c != 0; c++) {
            if (*c >= 'A' && *c <= 'Z')
                fail_msg("%s: a capital in %s", p->type, p->context);
        }
    }
}

static bool fits(const struct row *r, const char *number)
{
    pcre2_match_data *m = pcre2_match_data_create_from_pattern(r->code, NULL);
    int rc = pcre2_match(r->code, (PCRE2_SPTR)number, strlen(number), 0, 0, m, NULL);

    pcre2_match_data_free(m);
    return rc > 0;
}

static size_t letters_digits(const char *s)
{
    size_t n = 0;

    for (; *s != 0; s++)
        n += (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z');
    return n;
}

static bool accepts(const struct row *r, const char *number)
{
    return fits(r, number) && (r->p->valid == NULL || r->p->valid(wf_str_from(number)));
}

/* Changes one digit before the end of what is checked: nothing watches what stands behind it. */
static void damage(const struct pii_kind *k, char *number, const struct wf_rng *rng)
{
    char behind[PII_MADE_MOST] = "";
    size_t n = strlen(number);

    pii_make(&(struct pii_kind){k->type, strrchr(k->shape, '?') + 1, NULL}, rng, behind);
    n -= strlen(behind);

    for (;;) {
        size_t i = wf_rng_below(rng, n);
        char c = (char)('0' + wf_rng_below(rng, 10));
        if (number[i] < '0' || number[i] > '9' || number[i] == c)
            continue;
        number[i] = c;
        return;
    }
}

static bool has_checksum(const struct wf_pattern *p)
{
    return p->why != NULL &&
           (strstr(p->why, "checksum") != NULL || strstr(p->why, "remainder") != NULL ||
            strstr(p->why, "ISO 7064") != NULL);
}

/* A row that the number is meant for: of its type, and of several the one with a checksum. */
static bool meet(const struct pii_kind *k, const struct wf_rng *rng)
{
    unsigned met = 0, damaged = 0, refused = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        char number[PII_MADE_MOST], broken[PII_MADE_MOST];
        bool found = false;
        pii_make(k, rng, number);
        for (size_t i = 0; i < n_rows; i++) {
            struct row *r = &rows[i];
            if (strcmp(r->p->type, k->type) != 0 || !accepts(r, number))
                continue;
            found = r->met = true;
            if (r->p->triggers == NULL && (letters_digits(number) < r->p->letters_digits_least ||
                                           letters_digits(number) > r->p->letters_digits_most))
                fail_msg("%s: %s has %zu letters and digits", k->type, number,
                         letters_digits(number));
            if (!has_checksum(r->p) || k->rule == NULL)
                continue;
            strcpy(broken, number);
            damage(k, broken, rng);
            damaged++;
            refused += !accepts(r, broken);
        }
        met += found;
        if (!found && met == round)
            print_message("%s: %s (%s) is not met\n", k->type, number, k->shape);
    }
    if (refused * 100 < damaged * 75)
        print_message("%s (%s): %u of %u damaged are refused\n", k->type, k->shape, refused,
                      damaged);
    return met == ROUNDS && refused * 100 >= damaged * 75;
}

static void test_ids__every_row_meets_its_numbers_and_refuses_damaged_ones(void **state)
{
    struct wf_rng_seeded seeded;
    unsigned bad = 0;

    (void)state;
    wf_rng_seeded_init(&seeded, 7);
    for (size_t i = 0; i < pii_kinds_n; i++)
        bad += !meet(&pii_kinds[i], &seeded.rng);
    for (size_t i = 0; i < n_rows; i++) {
        uint32_t groups = 0;
        (void)pcre2_pattern_info(rows[i].code, PCRE2_INFO_CAPTURECOUNT, &groups);
        rows[i].met |= groups > 0; /* the sentences below meet what stands behind a word */
        if (!rows[i].met)
            print_message("no number was made for %s %s\n", rows[i].p->type, rows[i].p->regex);
        bad += !rows[i].met;
    }
    assert_int_equal(bad, 0);
}

/* No byte makes a validator read too far or loop: random bytes and random cuts of numbers. */
static void test_ids__validators_take_any_bytes(void **state)
{
    struct wf_rng_seeded seeded;

    (void)state;
    wf_rng_seeded_init(&seeded, 8);
    for (unsigned round = 0; round < 300; round++) {
        char bytes[64], number[PII_MADE_MOST];
        size_t n = wf_rng_below(&seeded.rng, sizeof(bytes));
        static const char likely[] = "0123456789ABCXYZ-./ ";
        for (size_t i = 0; i < n; i++)
            bytes[i] = round % 2 ? likely[wf_rng_below(&seeded.rng, sizeof(likely) - 1)]
                                 : (char)wf_rng_below(&seeded.rng, 256);
        pii_make(&pii_kinds[wf_rng_below(&seeded.rng, pii_kinds_n)], &seeded.rng, number);
        for (size_t i = 0; i < n_rows; i++) {
            if (rows[i].p->valid == NULL)
                continue;
            (void)rows[i].p->valid(wf_str_n(bytes, n));
            (void)rows[i].p->valid(wf_str_n(number, wf_rng_below(&seeded.rng, strlen(number) + 1)));
            (void)rows[i].p->valid((struct wf_str){NULL, 0});
        }
    }
}

/* Published examples of the authorities or of well-known descriptions. */
static const struct {
    const char *type, *number;
} published[] = {
    {"HK_ID", "A123456(3)"},
    {"TW_ID", "A123456789"},
    {"US_NPI", "1234567893"},
    {"AU_MEDICARE", "2123 45670 1"},
    {"IR_NATIONAL_ID", "0499370899"},
    {"LU_NATIONAL_ID", "1893120105732"},
    {"PT_CITIZEN_CARD", "00000000 0 ZZ4"},
    {"RU_SNILS", "112-233-445 95"},
    {"SV_DUI", "00016297-5"},
    {"MX_CLABE", "032180000118359719"},
    {"NZ_NHI", "ZZZ0016"},
    {"NZ_NHI", "ZBN77VL"},
    {"DE_SOCIAL_SECURITY", "15070649C103"},
    {"DE_HEALTH_INSURANCE", "A123456780"},
    {"DE_TAX_ID", "36 574 261 809"},
    {"CH_AHV", "756.9217.0769.85"},
    {"NO_FODSELSNUMMER", "15108695088"},
    {"SE_PERSONNUMMER", "880320-0016"},
    {"FI_PERSONAL_IDENTITY_CODE", "131052-308T"},
    {"SG_NRIC_FIN", "S1234567D"},
    {"CN_RESIDENT_ID", "11010519491231002X"},
    {"AU_ABN", "51 824 753 556"},
    {"AU_TFN", "123 456 782"},
    {"UK_UTR", "1955839661"},
    {"UK_NHS", "943 476 5919"},
    {"FR_NIR", "2 95 10 99 126 111 93"},
    {"ZA_ID_NUMBER", "8001015009087"},
    {"EE_ISIKUKOOD", "36805280109"},
    {"LV_PERSONAL_CODE", "161175-19997"},
    {"UY_CI", "1.234.567-2"},
    {"AT_SOCIAL_SECURITY", "1237 010180"},
    {"PL_ID_CARD", "ABA300000"},
    {"PL_PASSPORT", "ZS0000177"},
    {"HU_TAX_ID", "8071592153"},
    {"HU_TAJ", "037687210"},
    {"JP_MY_NUMBER", "1234 5678 9018"},
    {"MT_VAT_ID", "MT11679112"},
    {"IS_KENNITALA", "450401-3150"},
    {"PE_RUC", "20512333797"},
    {"BR_CNPJ", "12.ABC.345/01DE-35"},
    {"BR_CPF", "390.533.447-05"},
    {"BE_NATIONAL_ID", "85.07.30-033.28"},
    {"ES_NIF", "54362315K"},
    {"ES_NIE", "X2482300W"},
    {"IE_PPS", "6433435F"},
    {"AT_VAT_ID", "ATU13585627"},
};

static void test_ids__published_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(published); i++) {
        bool taken = false;
        for (size_t r = 0; r < n_rows; r++)
            taken |= strcmp(rows[r].p->type, published[i].type) == 0 && rows[r].p->valid != NULL &&
                     accepts(&rows[r], published[i].number);
        if (!taken)
            fail_msg("%s %s", published[i].type, published[i].number);
    }
}

/* ---- the manual ---- */

/* docs/privacy.md says of each type how it is checked: by its first row that checks anything. */
static void test_ids__are_in_the_documentation(void **state)
{
    struct wf_buf doc;
    unsigned bad = 0, types = 0;
    char count[40];

    (void)state;
    wf_buf_init(&doc, 1u << 20);
    assert_int_equal(wf_file_read("docs/privacy.md", &doc, NULL), 0);
    for (size_t i = 0; i < n_rows; i++) {
        const char *why = NULL;
        char line[200];
        bool first = true;
        for (size_t k = 0; k < n_rows; k++) {
            if (strcmp(rows[k].p->type, rows[i].p->type) != 0)
                continue;
            first = first && k >= i;
            why = why == NULL ? rows[k].p->why : why;
        }
        types += first;
        snprintf(line, sizeof(line), "`%s` %s", rows[i].p->type, why != NULL ? why : "form");
        if (wf_str_find((struct wf_str){doc.ptr, doc.len}, wf_str_from(line), 0) == SIZE_MAX) {
            print_message("not in docs/privacy.md: %s\n", line);
            bad++;
        }
    }
    snprintf(count, sizeof(count), "%u types.", types);
    assert_int_not_equal(wf_str_find((struct wf_str){doc.ptr, doc.len}, wf_str_from(count), 0),
                         SIZE_MAX);
    wf_buf_deinit(&doc);
    assert_int_equal(bad, 0);
}

/* ---- with the detector ---- */

/* The first word of the row that takes the number, with the highest score. */
static struct wf_str word_of(const char *type, const char *number)
{
    const struct wf_pattern *best = NULL;
    struct wf_str words, word;

    for (size_t i = 0; i < n_rows; i++) {
        const struct wf_pattern *p = rows[i].p;
        if (strcmp(p->type, type) == 0 && accepts(&rows[i], number) &&
            (best == NULL || p->score_context > best->score_context))
            best = p;
    }
    assert_non_null(best);
    words = wf_str_from(best->context);
    (void)wf_str_split(&words, '|', &word);
    return word;
}

static const char *type_at(const char *text, const char *number)
{
    struct wf_pii_list list;
    size_t start = wf_str_find(wf_str_from(text), wf_str_from(number), 0);

    assert_int_equal(
        wf_detect_scan(run, wf_str_from(text), (struct wf_pii_list){.n = 0}, &list, NULL), 0);
    for (size_t i = 0; i < list.n; i++) {
        if (list.items[i].start <= start && list.items[i].end >= start + strlen(number))
            return list.items[i].type;
    }
    return "nothing";
}

static void test_ids__a_word_near_names_the_type(void **state)
{
    struct wf_rng_seeded seeded;
    unsigned all = 0, right = 0, bad_kinds = 0;

    (void)state;
    wf_rng_seeded_init(&seeded, 9);
    for (size_t i = 0; i < pii_kinds_n; i++) {
        const struct pii_kind *k = &pii_kinds[i];
        unsigned good = 0;
        char example[PII_MADE_MOST] = "";
        const char *instead = "";
        for (unsigned round = 0; round < 10; round++) {
            char number[PII_MADE_MOST], text[256];
            struct wf_str word;
            const char *type;
            pii_make(k, &seeded.rng, number);
            word = word_of(k->type, number);
            snprintf(text, sizeof(text), "%.*s: %s, ok.", WF_STR_ARG(word), number);
            type = type_at(text, number);
            all++;
            good += strcmp(type, k->type) == 0;
            if (strcmp(type, k->type) != 0) {
                strcpy(example, text);
                instead = type;
            }
        }
        right += good;
        if (good < 8) {
            bad_kinds++;
            print_message("%s: %u of 10; \"%s\" is %s\n", k->type, good, example, instead);
        }
    }
    print_message("%u of %u named right\n", right, all);
    assert_int_equal(bad_kinds, 0);
    assert_true(right * 100 >= all * 97);
}

/* Sentences, and "TYPE:number" of all that is to be found. */
static const char *const sentences[][2] = {
    {"Meine Steuer-ID lautet 36 574 261 809, bitte eintragen.", "DE_TAX_ID:36 574 261 809"},
    {"Die Krankenkasse schrieb an A123456780.", "DE_HEALTH_INSURANCE:A123456780"},
    {"Kennzeichen M-AB 1234, blauer Kombi", "DE_KFZ:M-AB 1234"},
    {"Mon numéro de sécu : 1 84 12 76 451 089 46", "FR_NIR:1 84 12 76 451 089 46"},
    {"Il mio codice fiscale e RSSMRA85T10A562S.", "IT_FISCAL_CODE:RSSMRA85T10A562S"},
    {"El DNI 12345678Z es del titular.", "ES_NIF:12345678Z"},
    {"My SSN is 219-09-4123.", "US_SSN:219-09-4123"},
    {"SSN: 219094123", "US_SSN:219094123"},
    {"NHS no. 943 476 5919 was on the letter", "UK_NHS:943 476 5919"},
    {"her NI number, QQ 12 34 56 C, is not one", ""},
    {"her NI number, AB 12 34 56 C, is one", "UK_NINO:AB 12 34 56 C"},
    {"o CPF dele: 529.982.247-25", "BR_CPF:529.982.247-25"},
    {"身份证号码：11010519491231002X。", "CN_RESIDENT_ID:11010519491231002X"},
    {"他的车牌是京A12345。", "CN_PLATE:京A12345"},
    {"주민등록번호는 880101-1234568입니다", "KR_RRN:880101-1234568"},
    {"マイナンバーは1234 5678 9018です", "JP_MY_NUMBER:1234 5678 9018"},
    {"เลขบัตรประชาชน 1-1020-03456-78-1", "TH_TNIN:1-1020-03456-78-1"},
    {"henkilötunnus 131052-308T", "FI_PERSONAL_IDENTITY_CODE:131052-308T"},
    {"ИНН 500100732259 у заявителя", "RU_INN:500100732259"},
    {"Паспорт АА 317934 видано", "UA_PASSPORT:АА 317934"},
    {"Регистрийн дугаар: ЧК94082401", "MN_REGISTER:ЧК94082401"},
    {"Αριθμός ταυτότητας: ΑΦ 123456", "GR_ID_CARD:ΑΦ 123456"},
    {"TC kimlik no 10000000146", "TR_NATIONAL_ID:10000000146"},
    {"Aadhaar 2341 2341 2346", "IN_AADHAAR:2341 2341 2346"},
    {"S1234567D is his NRIC", "SG_NRIC_FIN:S1234567D"},
    {"تم تسجيل الرقم القومي 29001011234567", "EG_NATIONAL_ID:29001011234567"},
    {"תעודת זהות 123456782", "IL_ID:123456782"},
    {"VAT DE136695976 and BE0403019261", "DE_VAT_ID:DE136695976|BE_VAT_ID:BE0403019261"},
    {"driver_license=D1234567;plate_number=ABC1234",
     "US_DRIVER_LICENSE:D1234567|VEHICLE_REGISTRATION:ABC1234"},
    {"{\"social_security_number\": \"219094123\"}", "US_SSN:219094123"},
    {"{\"nationalId\": \"29001011234567\", \"taxId\": 36574261809}",
     "EG_NATIONAL_ID:29001011234567|DE_TAX_ID:36574261809"},
    {"routing-number: 021000021", "ABA_ROUTING_NUMBER:021000021"},
    {"48291355 हमारे पास दर्ज medical record है", "MEDICAL_RECORD:48291355"},
};

static void test_ids__sentences(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(sentences); i++) {
        char got[512] = "";
        struct wf_pii_list list;
        const char *text = sentences[i][0];
        assert_int_equal(
            wf_detect_scan(run, wf_str_from(text), (struct wf_pii_list){.n = 0}, &list, NULL), 0);
        for (size_t k = 0; k < list.n; k++)
            snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s:%.*s", k > 0 ? "|" : "",
                     list.items[k].type, (int)(list.items[k].end - list.items[k].start),
                     text + list.items[k].start);
        if (strcmp(got, sentences[i][1]) != 0)
            print_message("in: %s\n", text);
        assert_string_equal(got, sentences[i][1]);
    }
}

/* What has the shape of a number of somebody's and is none. */
static const char *const decoys[] = {
    "The order 4512-887-2291 of 12.05.2024 came to 1,249.00 EUR.",
    "Invoice 2024-000123, due 2024-06-30, total 12 345,67.",
    "ISBN 978-3-16-148410-0 and ISBN 0-306-40615-2 are on the shelf.",
    "Version 10.4.2-rc1 replaces 9.12.0; build 20240512.3 is out.",
    "The server answered in 1532 ms at 2024-05-12T10:15:30Z, status 200.",
    "Unix time 1715508930 is 1715508930123 in milliseconds.",
    "She scored 98 of 100 in 1999, 2004 and 2016.",
    "Page 123-145, volume 12, no. 3, doi 10.1000/182.",
    "Commit a1b2c3d4e5f60718293a4b5c6d7e8f9012345678 fixed 1024 bytes.",
    "Tracking 1Z999AA10123456784 left the depot at 08:45.",
    "The part AB-1234-X costs 45.90 and weighs 2.5 kg.",
    "Room 1204, floor 12, seats 10-14; gate B22 at 17:35.",
    "In 2023 there were 1234567 visitors, 12% more than the 1102345 before.",
    "The 3-2-1 rule: 3 copies, 2 media, 1 elsewhere.",
    "Coordinates 52.5200, 13.4050 and heights of 1234.5678 m.",
    "A bitmap of 1920x1080 at 60 Hz needs 124416000 pixels a second.",
    "Flight LH1234 on 12 MAY seat 14C, booking XK4T2P.",
    "Die Bestellung 12345678 vom 03.04.2024 kostet 1.234,56 EUR.",
    "Artikelnummer 4006381333931, Charge 20240815, haltbar bis 12.2026.",
    "Am 31.12.2023 um 23:59 waren 123 456 789 Punkte vergeben.",
    "La commande 778812345 du 14/07/2024 est de 89,90 euros.",
    "Le tome 3, pages 112 à 134, de 1987 à 1992.",
    "El pedido 55123498 del 02/03/2024 suma 1.299,00 euros.",
    "La fattura 2024/1187 del 15/06/2024 ammonta a 350,00 euro.",
    "Encomenda 9988776655 entregue em 10/11/2024 às 14h30.",
    "De bestelling 1029384756 van 5-6-2024 kost 49,95 euro.",
    "Zamówienie 7654321098 z dnia 2024-09-01 na kwotę 199,99 zł.",
    "Заказ 1234567890 от 05.06.2024 на сумму 15 990 рублей.",
    "Objednávka 2024051201 ze dne 12. 5. 2024 za 1 299 Kč.",
    "Sipariş 5551234567 tutarı 1.250,75 TL, tarih 01.02.2024.",
    "订单号2024051212345678于2024年5月12日发货，共计128.50元。",
    "注文番号 1234567890 は2024年5月12日に発送、合計3,980円です。",
    "주문번호 20240512123456는 3만 5천원, 2024-05-12 배송.",
    "الطلب رقم 1234567890 بتاريخ 12/05/2024 بمبلغ 350 ريال.",
    "הזמנה 7788123 מיום 12.5.2024 בסך 349.90.",
    "ऑर्डर 1234567890 दिनांक 12-05-2024 को भेजा गया।",
    "คำสั่งซื้อ 2024051200123 วันที่ 12/05/2567 ราคา 1,290 บาท",
    "Đơn hàng 2405121234 ngày 12/05/2024 trị giá 350.000 đồng.",
    "Pesanan 1234567890123 tanggal 12-05-2024 senilai Rp150.000.",
    "Order 55 66 77 88 99 has 10 20 30 40 50 in its table.",
    "The passport office handled 120000 cases in 2023 and 135000 in 2024.",
    "Registration opens on 12/05/2024 with 1200 seats; vehicle access by gate 4.",
    "uid 234123412346 logged in at 10:15.",
    "Personalausweis gültig bis 03.04.2029, ausgestellt am 04.04.2019.",
    "Passport expires 12/05/2029, issued 2019-05-12.",
    "Tax id form due 04/15/2024 at 10:30, bank account opened 12 05 2020.",
    "Carte d'identité délivrée le 14/07/2018, permis valable jusqu'au 19.01.2033.",
    "Паспорт выдан 12.05.2014, код подразделения 770-001.",
    "La cédula vence el 12-05-2031.",
    "Medical record from 12.05.2024, 3 pages, 98.6 F, 120/80.",
    "Run 20240101-3 of the set 12345-6 failed after 1200 s.",
    "NHS England employs 1400000 people in 2023.",
    "Health insurance covers 92000000 people and costs 7739 dollars.",
    "Ein Satz mit 12345678 Zeichen und ein Buch von 1987.",
    "Das Kennzeichen der Epoche von 1890 bis 1914 ist der Stahl.",
    "La placa RTX 3080 cuesta 799 euros y llega en 2024.",
    "La patente americana 6,285,999 es de 2001.",
    "La plaque tournante du trafic compte 12000 voitures.",
    "Bir kutuda 123456789 tane var, bir 100200300 daha.",
};

static bool is_national(const char *type)
{
    for (size_t i = 0; i < n_rows; i++) {
        if (strcmp(rows[i].p->type, type) == 0)
            return true;
    }
    return false;
}

static void test_ids__common_numbers_are_none(void **state)
{
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(decoys); i++) {
        struct wf_pii_list list;
        assert_int_equal(
            wf_detect_scan(run, wf_str_from(decoys[i]), (struct wf_pii_list){.n = 0}, &list, NULL),
            0);
        for (size_t k = 0; k < list.n; k++) {
            if (!is_national(list.items[k].type))
                continue;
            print_message("%s: %.*s (%s)\n", decoys[i],
                          (int)(list.items[k].end - list.items[k].start),
                          decoys[i] + list.items[k].start, list.items[k].type);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* Of random numbers in the shapes that orders and accounts have, few are taken for an id without a
 * word near. */
static void test_ids__random_numbers_are_few(void **state)
{
    static const char *const shapes[] = {
        "pnnnnnn",      "pnnnnnnn",      "pnnnnnnnn",      "pnnnnnnnnn",     "pnnnnnnnnnn",
        "pnnnnnnnnnnn", "pnnnnnnnnnnnn", "pnnnnnnnnnnnnn", "pnnn-nnnn-nnnn", "pnn-nnn-nnnn",
        "aannnnnn",     "annnnnnnn",     "aaannnn",        "pnnnnna",        "AB-pnnnnn",
    };
    struct wf_rng_seeded seeded;
    unsigned wrong = 0, all = 0;

    (void)state;
    wf_rng_seeded_init(&seeded, 10);
    for (size_t s = 0; s < WF_ARRAY_LEN(shapes); s++) {
        unsigned here = 0;
        for (unsigned round = 0; round < 200; round++, all++) {
            char number[PII_MADE_MOST], text[200];
            pii_make(&(struct pii_kind){"DECOY", shapes[s], NULL}, &seeded.rng, number);
            snprintf(text, sizeof(text), "It was shipped as %s on Monday.", number);
            here += is_national(type_at(text, number));
        }
        wrong += here;
    }
    print_message("%u of %u random numbers\n", wrong, all);
    assert_true(wrong * 100 <= all * 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids__rows_are_sound),
        cmocka_unit_test(test_ids__every_row_meets_its_numbers_and_refuses_damaged_ones),
        cmocka_unit_test(test_ids__validators_take_any_bytes),
        cmocka_unit_test(test_ids__published_examples),
        cmocka_unit_test(test_ids__are_in_the_documentation),
        cmocka_unit_test(test_ids__a_word_near_names_the_type),
        cmocka_unit_test(test_ids__sentences),
        cmocka_unit_test(test_ids__common_numbers_are_none),
        cmocka_unit_test(test_ids__random_numbers_are_few),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
