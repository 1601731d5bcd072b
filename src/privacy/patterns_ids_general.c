/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of documents of no certain country: nothing but a word near tells, so the words are in
 * many languages. What a country's own table knows has a higher score and wins. */
#include "privacy/checks.h"
#include "privacy/patterns_ids.h"

/* Eight digits in groups that are a day of this or the last century. */
static bool is_day(struct wf_str s, const struct wf_code *c)
{
    uint8_t turned[8];

    if (c->n != 8 || s.len == 8)
        return false;
    for (size_t i = 0; i < 8; i++)
        turned[i] = c->v[(i + 4) % 8]; /* DDMM2024: 2024DDMM */
    if (wf_check_yyyymmdd(c->v) || wf_check_yyyymmdd(turned))
        return true;
    for (size_t i = 0; i < 2; i++) {
        turned[4 + i] = c->v[2 + i];
        turned[6 + i] = c->v[i];
    }
    return wf_check_yyyymmdd(turned);
}

/* Whether it may be somebody's: a number of digits alone has five at least, and is no round one
 * ("the passport office handled 120000 cases") and no day. */
static bool is_no_count(struct wf_str s)
{
    struct wf_code c;

    if (!wf_code_read(s, &c) || !wf_code_is_digits(c.v, c.n))
        return true;
    return c.n >= 5 && !is_day(s, &c) && (c.n > 9 || wf_code_number(c.v, c.n) % 1000 != 0);
}

static const char passport[] =
    "passport|passnummer|pass-nr|passnr|passeport|pasaporte|passaporto|passaporte|paspoort|"
    "pasnummer|paszport|cestovní pas|cestovný pas|útlevél|pașaport|паспорт|διαβατήριο|pasaport|"
    "pasoš|putovnica|potni list|passinumero|passi number|vegabréf|pase nr|paso nr|جواز|جواز سفر|"
    "پاسپورت|گذرنامه|דרכון|पासपोर्ट|পাসপোর্ট|கடவுச்சீட்டு|护照|護照|旅券|パスポート|여권|หนังสือเดินทาง|hộ "
    "chiếu|"
    "paspor|pasport|pasaporti|պասպորտ|passaport|paspoortnommer|pasipoti|پاسپورٹ|"
    "διαβατηρί|passin|passi nr|пасош|пасоша|паспорт|pas nr|"
    "பாஸ்போர்ட்|పాస్‌పోర్ట్|પાસપોર્ટ|"
    "പാസ്പോർട്ട്|"
    "პასპორტი|លិខិតឆ្លងដែន|ໜັງສືຜ່ານແດນ|ፓስፖርት";

static const char identity[] =
    "identity card|id card|national id|identity number|identification number|"
    "ausweisnummer|ausweis|carte d'identité|pièce d'identité|documento de "
    "identidad|"
    "carnet de identidad|número de identidad|carta d'identità|documento d'identità|cartão de "
    "identidade|identiteitskaart|identiteitsbewijs|dowód|občanský|személyi|buletin|удостоверение|"
    "лична карта|ταυτότητα|kimlik|osobna iskaznica|lična karta|osebna izkaznica|id-kort|"
    "legitimation|henkilökortti|nafnskírteini|بطاقة|رقم الهوية|شناسنامه|תעודה|पहचान|身份证|身分證|"
    "身分証|신분증|บัตรประจำตัว|giấy tờ tùy thân|kartu identitas|kad pengenalan|kitambulisho|"
    "শনাক্তকরণ|পরিচয়পত্র|شناختی کارڈ|کد ملی|அடையாள அட்டை|ταυτότητας|посвідчення|особна карта|"
    "document d'identitat|nortasun agiri|асабісты|מספר זהות|ת.ז|पहचान पत्र|आधार|kimlik no|matricule";

static const char tax[] =
    "tax id|tax number|tax identification|taxpayer|steuernummer|numéro fiscal|número fiscal|"
    "identificación tributaria|codice fiscale|belastingnummer|skattenummer|numer podatkowy|"
    "daňové číslo|adószám|cod fiscal|налоговый номер|данъчен номер|αφμ|vergi no|porezni broj|"
    "poreski broj|davčna številka|verotunnus|الرقم الضريبي|מספר מס|कर संख्या|税号|稅號|納税者番号|"
    "납세자번호|เลขประจำตัวผู้เสียภาษี|mã số thuế|nomor pajak|cukai";

static const char driver[] =
    "driver license|driver's license|drivers license|driver licence|driving licence|"
    "driving license|führerschein|permis de conduire|permiso de conducir|"
    "licencia de conducir|carnet de conducir|licencia de conducción|brevete|patente di guida|"
    "carta de condução|carteira de motorista|rijbewijs|körkort|førerkort|kørekort|ajokortti|"
    "ökuskírteini|juhiluba|vadītāja apliecība|vairuotojo pažymėjim|prawo jazdy|řidičský průkaz|"
    "vodičský preukaz|jogosítvány|permis auto|vozačka dozvola|vozniško dovoljenje|шофьорска|"
    "водительск|водійськ|посвідчення водія|δίπλωμα οδήγησης|άδεια οδήγησης|ehliyet|sürücü belgesi|"
    "رخصة القيادة|رخصة قيادة|רישיון נהיגה|گواهینامه|ड्राइविंग लाइसेंस|驾驶证|駕照|運転免許|"
    "운전면허|ใบขับขี่|bằng lái|giấy phép lái xe|surat izin mengemudi|nomor sim|lesen memandu|leseni "
    "ya "
    "udereva";

static const char plate[] =
    "license plate|licence plate|number plate|plate number|plate no|vehicle registration|"
    "registration number|kennzeichen|nummernschild|plaque d'immatriculation|immatriculation|"
    "matrícula|placa|placas|patente|targa|kenteken|nummerplaat|registreringsnummer|nummerplåt|"
    "nummerplade|bilskilt|rekisterinumero|númeraplata|tablica rejestracyjna|rejestracyjn|spz|"
    "registrační značka|rendszám|înmatriculare|registarska|регистрационен|госномер|номерний знак|"
    "πινακίδα|plaka|لوحة|رقم اللوحة|پلاک|לוחית|नंबर प्लेट|车牌|車牌|ナンバープレート|번호판|ทะเบียนรถ|"
    "biển số|plat nomor|nombor pendaftaran|numeri ya gari";

static const char record[] =
    "mrn|medical record|patient id|patient number|patient no|chart number|hospital number|"
    "patientennummer|patienten-nr|fallnummer|fall-nr|numéro de dossier|"
    "dossier médical|dossier patient|ipp|historia clínica|nhc|número de historia|"
    "cartella clinica|prontuário|processo clínico|patiëntnummer|patientnummer|journalnummer|"
    "potilasnumero|sjúklinganúmer|numer pacjenta|karta pacjenta|číslo pacienta|chorobopis|"
    "betegszám|kórlapszám|törzsszám|fișa pacientului|foaie de observație|медицинской карты|"
    "медкарта|история болезни|медичної картки|история на заболяване|αριθμός ασθενούς|hasta no|"
    "protokol no|رقم الملف|ملف المريض|شماره پرونده|מספר תיק רפואי|病历号|病歷號|住院号|カルテ番号|"
    "診察券番号|환자번호|차트번호|เลขที่ผู้ป่วย|mã bệnh nhân|số bệnh án|nomor rekam medis|no. rekam "
    "medis";

static const char insurance[] =
    "health insurance|insurance number|insurance no|member id|member number|subscriber id|"
    "policy number|group number|insurance id|versicherungsnummer|versichertennummer|"
    "krankenversicherung|numéro d'assuré|mutuelle|numéro adhérent|número de afiliado|"
    "seguro médico|póliza|tessera sanitaria|numero polizza|polizza|apólice|número do utente|"
    "polisnummer|zorgverzekering|försäkringsnummer|forsikringsnummer|vakuutusnumero|"
    "numer polisy|polisa|číslo pojištěnce|pojistka|biztosítási szám|asigurare|полис|"
    "страхов|застраховк|αριθμός ασφάλισης|sigorta no|sigorta|رقم التأمين|بیمه|ביטוח|बीमा|保险号|"
    "醫療保險|医保|保険証|건강보험|ประกันสังคม|bảo hiểm y tế|bhyt|bpjs|insurans|bima";

static const char account[] =
    "kontonummer|konto-nr|account number|account no|bank account|kontonr|numéro de compte|"
    "compte bancaire|número de cuenta|cuenta bancaria|numero di conto|conto corrente|"
    "número da conta|conta bancária|conta corrente|rekeningnummer|bankkonto|bankkonto|tilinumero|"
    "reikningsnúmer|numer konta|numer rachunku|číslo účtu|bankszámlaszám|număr de cont|"
    "номер счета|расчетный счет|номер рахунку|банкова сметка|αριθμός λογαριασμού|hesap no|"
    "hesap numarası|رقم الحساب|شماره حساب|מספר חשבון|खाता "
    "संख्या|银行账号|账号|帳號|口座番号|계좌번호|"
    "เลขที่บัญชี|số tài khoản|nomor rekening|no. rekening|nombor akaun|nambari ya akaunti|"
    "מספר החשבון|اکاؤنٹ نمبر|بینک اکاؤنٹ|অ্যাকাউন্ট নম্বর|একাউন্ট নম্বর|হিসাব নম্বর|கணக்கு எண்|"
    "వాతా సంఖ్య|ખાતા નંબર|बैंक खाता|खाता नंबर|број рачуна|broj računa|številka računa|номер счёта|"
    "р/с|namba ya akaunti|nambari ya akaunti|akaunti|számlaszám|bankszámla|número de compte|"
    "compte corrent|kontonummeret|broj tekućeg|номер на сметка|номер на сметката|nombor akaun|"
    "nomor rekening|số tài khoản|เลขที่บัญชี|เลขบัญชี|tài khoản|αριθμός του λογαριασμού|hesabım";

static const struct wf_pattern rows[] = {
    WF_ID("PASSPORT", WF_NO_WORD "(?:[A-Z]{0,3} ?\\d{5,9}[A-Z]?|[A-Z0-9]{1,2}\\d[A-Z0-9]{5,6}\\d)",
          6, 12, is_no_count, passport, 0.03F, 0.68F, NULL),
    WF_ID("NATIONAL_ID",
          WF_NO_WORD "(?:[A-Z]{0,3}[ -]?\\d{5,14}[A-Z]?|\\d{2,6}[ /.-]\\d{2,8}(?:[ /.-]\\d{1,6})?)",
          6, 16, is_no_count, identity, 0.02F, 0.6F, NULL),
    WF_ID("TAX_ID",
          WF_NO_WORD "(?:[A-Z]{0,3}[ -]?\\d{7,14}[A-Z]?|\\d{2,4}[ /.-]\\d{2,4}[ /.-]\\d{2,6})", 7,
          16, is_no_count, tax, 0.02F, 0.58F, NULL),
    WF_ID("DRIVER_LICENSE",
          WF_NO_WORD "(?:[A-Z]{0,3}[ -]?\\d{5,12}[A-Z]{0,2}|\\d{2}[ /-]\\d{2}[ /-]\\d{5,6})", 5, 15,
          is_no_count, driver, 0.02F, 0.68F, NULL),
    WF_ID("VEHICLE_REGISTRATION",
          WF_NO_WORD "(?![RG]TX)(?:[A-Z]{1,3}[ -]?\\d{1,4}[ -]?[A-Z]{0,3}|\\d{1,4}[ "
                     "-]?(?-i:[A-Z]{1,3})[ -]?\\d{1,4}|\\d[A-Z]{3}\\d{3})" WF_NO_TAIL,
          4, 10, NULL, plate, 0.02F, 0.64F, NULL),
    WF_ID("MEDICAL_RECORD", WF_NO_WORD "[A-Z]{0,4}[ -]?\\d{4,12}(?:[-/]\\d{1,4})?", 4, 18,
          is_no_count, record, 0.03F, 0.78F, NULL),
    WF_ID("HEALTH_INSURANCE_NUMBER",
          WF_NO_WORD "(?:[A-Z]{0,4}[ -]?\\d{6,14}(?:-\\d{1,3})?|[A-Z]{3}\\d{3}[A-Z]\\d{5,8})", 6,
          18, is_no_count, insurance, 0.03F, 0.66F, NULL),
    WF_ID(
        "EU_HEALTH_INSURANCE_CARD",
        "80(?:040|056|100|191|196|203|208|233|246|250|276|300|348|352|372|380|428|438|440|442|470|"
        "528|578|616|620|642|703|705|724|752|756|826)\\d{15}",
        20, 20, NULL,
        "health insurance card|ehic|ghic|european health|versichertenkarte|carte européenne|"
        "tarjeta sanitaria|tessera europea|cartão europeu|europese gezondheidskaart|karta ekuz|"
        "ekuz|evropský průkaz|eu-kortti|europeiska sjukförsäkringskortet|eukort|kartennummer",
        0.6F, 0.9F, NULL),
    WF_ID("BANK_ACCOUNT_NUMBER", "\\d{6,20}|\\d{2,5}[ -]\\d{2,8}[ -]\\d{2,10}(?:[ -]\\d{1,4})?", 6,
          22, is_no_count, account, 0.03F, 0.66F, NULL),
};
WF_PATTERN_TABLE(wf_patterns_ids_general, rows);
