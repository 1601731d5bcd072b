/* SPDX-License-Identifier: Apache-2.0 */
/* What people say of themselves in 37 languages, with ASCII's digits and with their own: each is
 * private at least. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "op/label.h"
#include "text/utf8.h"

enum {
    PHONE,
    PASSWORD,
    ACCOUNT,
    BIRTH,
    PASSPORT,
    N_KINDS
};

/* Of each kind, in the order above: {} is where the datum stands. */
static const char *const data[N_KINDS] = {"01012345678", "hunter27x", "1234567890", "12.03.1985",
                                          "A1234567"};

static const struct {
    const char *lang;
    uint32_t zero; /* of the language's own digits; 0: ASCII's */
    const char *phrases[N_KINDS];
} table[] = {
    {"ar",
     0x660,
     {"رقم الهاتف {}", "كلمة المرور: {}", "رقم الحساب {}", "تاريخ الميلاد {}",
      "رقم جواز السفر {}"}},
    {"fa",
     0x6f0,
     {"شماره تلفن من {} است", "رمز عبور: {}", "شماره حساب {}", "تاریخ تولد {}",
      "شماره گذرنامه {}"}},
    {"ur",
     0x6f0,
     {"میرا فون نمبر {} ہے", "پاس ورڈ: {}", "اکاؤنٹ نمبر {}", "تاریخ پیدائش {}",
      "پاسپورٹ نمبر {}"}},
    {"he",
     0,
     {"מספר הטלפון שלי {}", "הסיסמה: {}", "מספר החשבון {}", "תאריך לידה {}", "מספר דרכון {}"}},
    {"hi", 0x966, {"मेरा नंबर {} है", "पासवर्ड: {}", "खाता संख्या {}", "जन्म तिथि {}", "पासपोर्ट संख्या {}"}},
    {"bn",
     0x9e6,
     {"আমার ফোন নম্বর {}", "পাসওয়ার্ড: {}", "অ্যাকাউন্ট নম্বর {}", "জন্ম তারিখ {}", "পাসপোর্ট নম্বর {}"}},
    {"ta",
     0xbe6,
     {"என் தொலைபேசி எண் {}", "கடவுச்சொல்: {}", "கணக்கு எண் {}", "பிறந்த தேதி {}", "பாஸ்போர்ட் எண் {}"}},
    {"th", 0xe50, {"เบอร์โทร {}", "รหัสผ่าน: {}", "เลขที่บัญชี {}", "วันเกิด {}", "หมายเลขหนังสือเดินทาง {}"}},
    {"vi",
     0,
     {"số điện thoại của tôi là {}", "mật khẩu: {}", "số tài khoản {}", "ngày sinh {}",
      "số hộ chiếu {}"}},
    {"id",
     0,
     {"nomor telepon saya {}", "kata sandi: {}", "nomor rekening {}", "tanggal lahir {}",
      "nomor paspor {}"}},
    {"ms",
     0,
     {"nombor telefon saya {}", "kata laluan: {}", "nombor akaun {}", "tarikh lahir {}",
      "nombor pasport {}"}},
    {"tr",
     0,
     {"telefon numaram {}", "parola: {}", "hesap numarası {}", "doğum tarihi {}",
      "pasaport numarası {}"}},
    {"ru",
     0,
     {"мой телефон {}", "пароль: {}", "номер счёта {}", "дата рождения {}", "номер паспорта {}"}},
    {"uk",
     0,
     {"мій телефон {}", "пароль: {}", "номер рахунку {}", "дата народження {}",
      "номер паспорта {}"}},
    {"bg",
     0,
     {"телефонът ми е {}", "парола: {}", "номер на сметка {}", "дата на раждане {}",
      "номер на паспорт {}"}},
    {"sr",
     0,
     {"мој телефон је {}", "лозинка: {}", "број рачуна {}", "датум рођења {}", "број пасоша {}"}},
    {"el",
     0,
     {"το τηλέφωνό μου είναι {}", "κωδικός πρόσβασης: {}", "αριθμός λογαριασμού {}",
      "ημερομηνία γέννησης {}", "αριθμός διαβατηρίου {}"}},
    {"ko",
     0xff10,
     {"제 전화번호는 {} 입니다", "비밀번호: {}", "계좌번호 {}", "생년월일 {}", "여권번호 {}"}},
    {"ja",
     0xff10,
     {"電話番号は {} です", "パスワード: {}", "口座番号 {}", "生年月日 {}", "パスポート番号 {}"}},
    {"zh", 0xff10, {"我的电话是 {}", "密码: {}", "账号 {}", "出生日期 {}", "护照号 {}"}},
    {"sw",
     0,
     {"namba yangu ya simu ni {}", "nenosiri: {}", "namba ya akaunti {}", "tarehe ya kuzaliwa {}",
      "namba ya pasipoti {}"}},
    {"pl",
     0,
     {"mój numer telefonu to {}", "hasło: {}", "numer konta {}", "data urodzenia {}",
      "numer paszportu {}"}},
    {"cs",
     0,
     {"moje telefonní číslo je {}", "heslo: {}", "číslo účtu {}", "datum narození {}",
      "číslo pasu {}"}},
    {"hu",
     0,
     {"a telefonszámom {}", "jelszó: {}", "számlaszám {}", "születési dátum {}", "útlevélszám {}"}},
    {"ro",
     0,
     {"numărul meu de telefon este {}", "parola: {}", "număr de cont {}", "data nașterii {}",
      "număr pașaport {}"}},
    {"fi",
     0,
     {"puhelinnumeroni on {}", "salasana: {}", "tilinumero {}", "syntymäaika {}",
      "passin numero {}"}},
    {"sv",
     0,
     {"mitt telefonnummer är {}", "lösenord: {}", "kontonummer {}", "födelsedatum {}",
      "passnummer {}"}},
    {"da",
     0,
     {"mit telefonnummer er {}", "adgangskode: {}", "kontonummer {}", "fødselsdato {}",
      "pasnummer {}"}},
    {"nb",
     0,
     {"telefonnummeret mitt er {}", "passord: {}", "kontonummer {}", "fødselsdato {}",
      "passnummer {}"}},
    {"nl",
     0,
     {"mijn telefoonnummer is {}", "wachtwoord: {}", "rekeningnummer {}", "geboortedatum {}",
      "paspoortnummer {}"}},
    {"de",
     0,
     {"meine Telefonnummer ist {}", "Passwort: {}", "Kontonummer {}", "Geburtsdatum {}",
      "Passnummer {}"}},
    {"fr",
     0,
     {"mon numéro de téléphone est le {}", "mot de passe : {}", "numéro de compte {}",
      "date de naissance {}", "numéro de passeport {}"}},
    {"es",
     0,
     {"mi teléfono es {}", "contraseña: {}", "número de cuenta {}", "fecha de nacimiento {}",
      "número de pasaporte {}"}},
    {"it",
     0,
     {"il mio telefono è {}", "parola d'ordine: {}", "numero di conto {}", "data di nascita {}",
      "numero di passaporto {}"}},
    {"pt",
     0,
     {"meu telefone é {}", "senha: {}", "número da conta {}", "data de nascimento {}",
      "número do passaporte {}"}},
    {"ca",
     0,
     {"el meu telèfon és {}", "contrasenya: {}", "número de compte {}", "data de naixement {}",
      "número de passaport {}"}},
    {"en",
     0,
     {"my phone number is {}", "password: {}", "account number {}", "date of birth {}",
      "passport number {}"}},
};

static struct wf_detector *detector;
static struct wf_policy *policy;
static struct wf_labeler *labeler;

static int begin(void **state)
{
    const struct wf_detect_options o = {.plain_only = false};
    struct wf_labeler_options lo = {.lens = NULL};

    (void)state;
    if (wf_detector_open(&o, &detector, NULL) != 0 || wf_policy_built_in(&policy, NULL) != 0)
        return -1;
    lo.detector = detector;
    lo.policy = policy;
    return wf_labeler_new(&lo, &labeler, NULL);
}

static int end(void **state)
{
    (void)state;
    wf_labeler_free(labeler);
    wf_policy_free(policy);
    wf_detector_free(detector);
    return 0;
}

static void put(struct wf_buf *out, const char *datum, uint32_t zero)
{
    char bytes[4];

    for (const char *p = datum; *p != '\0'; p++)
        if (zero != 0 && *p >= '0' && *p <= '9')
            (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, zero + (uint32_t)(*p - '0')));
        else
            (void)wf_buf_append_byte(out, *p);
}

static void check(const char *lang, const char *phrase, const char *datum, uint32_t zero)
{
    const char *at = strstr(phrase, "{}"), *label;
    struct wf_buf b;
    json_t *v = NULL;

    assert_non_null(at);
    wf_buf_init(&b, 1u << 12);
    (void)wf_buf_append(&b, phrase, (size_t)(at - phrase));
    put(&b, datum, zero);
    assert_int_equal(wf_buf_append_cstr(&b, at + 2), 0);
    assert_int_equal(wf_labeler_run(labeler, wf_buf_str(&b), &v, NULL), 0);
    label = json_string_value(json_object_get(v, "label"));
    if (strcmp(label, "private") != 0 && strcmp(label, "secret") != 0)
        fail_msg("%s: %.*s is %s", lang, WF_STR_ARG(wf_buf_str(&b)), label);
    json_decref(v);
    wf_buf_deinit(&b);
}

static void test_languages__private_in_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(table); i++)
        for (size_t k = 0; k < N_KINDS; k++) {
            check(table[i].lang, table[i].phrases[k], data[k], 0);
            if (table[i].zero != 0 && k != PASSWORD)
                check(table[i].lang, table[i].phrases[k], data[k], table[i].zero);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_languages__private_in_each),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
