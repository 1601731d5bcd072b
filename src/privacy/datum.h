/* Datum: the kinds of data that a policy can speak of, and what people call them.
 *
 * Detectors name what they find by some hundred types (CREDIT_CARD, BR_CPF, TOPIC_HEALTH); a policy
 * speaks of a few dozen kinds (card numbers, tax numbers) and of groups of them (money, official
 * numbers). A type that is in no table is told by the words of its name (XX_PASSPORT); what even
 * that does not tell is WF_DATUM_UNKNOWN, which policies hold for secret. Thread rule: any. */
#ifndef WF_PRIVACY_DATUM_H
#define WF_PRIVACY_DATUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* name, types ('|' between them), words of types' names that tell the kind, what people say (the
 * first is shown) */
#define WF_DATUM_MAP(X)                                                                            \
    X(UNKNOWN, "", "", "unknown data")                                                             \
    X(PERSON, "PERSON|PER|NAME", "PERSON", "names|name|names of people|people's names")            \
    X(ORGANIZATION, "ORGANIZATION|ORGANISATION|ORG|COMPANY", "",                                   \
      "organisations|organizations|names of organisations|company names")                          \
    X(USERNAME, "USERNAME|USER_NAME|LOGIN", "", "user names|user name|usernames")                  \
    X(EMAIL, "EMAIL_ADDRESS|EMAIL", "EMAIL",                                                       \
      "e-mail addresses|e-mail address|email addresses|email address|e-mails|emails")              \
    X(PHONE, "PHONE_NUMBER|PHONE|FAX_NUMBER", "PHONE",                                             \
      "phone numbers|phone number|telephone numbers|phones")                                       \
    X(ADDRESS, "ADDRESS|STREET_ADDRESS|ZIP_CODE|POSTCODE|UK_POSTCODE|STREET", "POSTCODE|ADDRESS",  \
      "addresses|address|postal addresses|home addresses|street addresses")                        \
    X(PLACE, "LOCATION|LOC|GPE|PLACE|CITY|COUNTRY|FACILITY", "", "places|place|locations")         \
    X(POSITION, "GEO_POSITION|COORDINATES|GEO|LATITUDE|LONGITUDE", "GEO|COORDINATE|COORDINATES",   \
      "positions|geo positions|coordinates")                                                       \
    X(DATE, "DATE_TIME|DATE|TIME|DATETIME", "", "dates and times|dates|times")                     \
    X(BIRTH, "DATE_OF_BIRTH|BIRTH_DATE|DOB|BIRTHDAY", "BIRTH",                                     \
      "dates of birth|date of birth|birthdays|birth dates")                                        \
    X(AGE, "AGE", "", "ages|age")                                                                  \
    X(ORIGIN, "NRP|NATIONALITY|RELIGION|ETHNICITY|POLITICS|NORP", "",                              \
      "nationalities and beliefs|nationalities|beliefs|religions")                                 \
    X(TITLE, "TITLE|PREFIX|JOB|PROFESSION", "", "titles|job titles")                               \
    X(CARD, "CREDIT_CARD|CARD_NUMBER|CVV|CARD_EXPIRY", "CARD",                                     \
      "card numbers|card number|credit cards|credit card|credit card numbers|cards")               \
    X(BANK,                                                                                        \
      "IBAN_CODE|US_BANK_NUMBER|IBAN|BIC|SWIFT_CODE|BANK_ACCOUNT|AR_CBU|MX_CLABE|"                 \
      "AU_BSB|BANK_ACCOUNT_NUMBER",                                                                \
      "BANK|IBAN|ACCOUNT|ROUTING|BIC|SWIFT|ABA|SORT",                                              \
      "bank accounts|bank account|account numbers|bank account numbers|IBANs|IBAN")                \
    X(WALLET, "CRYPTO|CRYPTO_WALLET", "CRYPTO|WALLET|BITCOIN|ETHEREUM",                            \
      "crypto wallets|wallets|crypto addresses")                                                   \
    X(AMOUNT, "MONEY|AMOUNT|SALARY|PRICE|CARDINAL", "", "amounts|amounts of money|salaries")       \
    X(NATIONAL, "US_SSN|ID|ID_NUMBER|GH_CARD",                                                     \
      "SSN|NATIONAL|RESIDENT|IDENTITY|CITIZEN|VOTER|ID|RESIDENCE",                                 \
      "national ids|national id|identity numbers|identity cards|social security numbers")          \
    X(TAX,                                                                                         \
      "US_ITIN|AU_TFN|IN_PAN|IT_FISCAL_CODE|PL_NIP|PT_NIF|RU_INN|UA_RNOKPP|UK_UTR|"                \
      "GR_AFM|CO_NIT|PE_RUC|EC_RUC|PY_RUC|UY_RUT|MX_RFC|VE_RIF|GT_NIT|SV_NIT|"                     \
      "ID_NPWP|VN_MST|NZ_IRD|RS_PIB|ME_PIB|MK_EDB|BY_UNP|AZ_VOEN|TN_MF|DZ_NIF|"                    \
      "MZ_NUIT|AL_NIPT|AD_NRT|JM_TRN",                                                             \
      "TAX|TIN|ITIN|TFN|FISCAL|TAXPAYER", "tax numbers|tax number|tax ids")                        \
    X(PASSPORT, "PASSPORT", "PASSPORT", "passport numbers|passport number|passports|passport")     \
    X(LICENCE, "DRIVER_LICENSE|DRIVING_LICENCE|DE_FUEHRERSCHEIN",                                  \
      "DRIVER|DRIVERS|DRIVING|LICENCE|LICENSE",                                                    \
      "driving licences|driving licence|driver licenses|driver's licenses|driving licenses")       \
    X(VEHICLE, "VIN|LICENSE_PLATE|VEHICLE_PLATE|DE_KFZ", "VEHICLE|PLATE|VIN",                      \
      "vehicle plates|number plates|licence plates|license plates|vehicle numbers")                \
    X(MEDICAL,                                                                                     \
      "UK_NHS|MEDICAL_LICENSE|AU_MEDICARE|US_MBI|US_NPI|MRN|DE_LANR|DE_BSNR|UK_CHI|"               \
      "NZ_NHI|HU_TAJ|BR_CNS|IN_ABHA",                                                              \
      "MEDICAL|NHS|MEDICARE|PATIENT|MRN|NPI|MBI|DEA",                                              \
      "medical numbers|medical number|medical record numbers|patient numbers")                     \
    X(INSURANCE, "INSURANCE_NUMBER|HEALTH_INSURANCE", "INSURANCE|HEALTH|POLICY",                   \
      "insurance numbers|insurance number|health insurance numbers")                               \
    X(COMPANY_ID,                                                                                  \
      "SG_UEN|AU_ABN|AU_ACN|ES_CIF|IN_GSTIN|US_EIN|LEI|CH_UID|FR_SIREN|FR_SIRET|DK_CVR|"           \
      "NO_ORGNR|SE_ORGANISATIONSNUMMER|FI_BUSINESS_ID|PL_REGON|CZ_ICO|BG_EIK|"                     \
      "BR_CNPJ|KR_BRN|CN_USCC|TW_UBN|JP_CORPORATE_NUMBER|RU_OGRN|UA_EDRPOU|"                       \
      "DE_HANDELSREGISTER|MA_ICE",                                                                 \
      "VAT|COMPANY|BUSINESS|EIN|SIREN|SIRET|CNPJ|LEI|UEN|ABN|ACN|GSTIN",                           \
      "company numbers|company number|VAT numbers|business numbers")                               \
    X(ILLNESS, "DISEASE|MEDICAL_CONDITION|DRUG|MEDICATION|DIAGNOSIS|SYMPTOM", "",                  \
      "diagnoses|diagnosis|illnesses|diseases|medicines|medication")                               \
    X(IP, "IP_ADDRESS|IP", "IP|IPV4|IPV6", "IP addresses|IP address|IPs")                          \
    X(MAC, "MAC_ADDRESS", "MAC", "MAC addresses|MAC address")                                      \
    X(DEVICE, "IMEI|IMSI|DEVICE_ID|UUID|SERIAL_NUMBER", "IMEI|IMSI|ICCID|DEVICE|SERIAL",           \
      "device numbers|device number|device ids|serial numbers")                                    \
    X(URL, "URL|DOMAIN_NAME|HOST_NAME", "URL|DOMAIN", "web addresses|web address|links|URLs")      \
    X(PASSWORD, "PASSWORD|PASSPHRASE|PIN", "PASSWORD|PASSWD|PASSPHRASE|PIN",                       \
      "passwords|password|passphrases|PINs")                                                       \
    X(PRIVATE_KEY, "PRIVATE_KEY|SSH_PRIVATE_KEY|PGP_PRIVATE_KEY", "PRIVATE",                       \
      "private keys|private key")                                                                  \
    X(API_KEY, "API_KEY|AWS_ACCESS_KEY", "KEY|APIKEY", "API keys|API key|access keys|cloud keys")  \
    X(TOKEN, "JWT|TOKEN|ACCESS_TOKEN", "TOKEN|JWT|COOKIE|SESSION|PAT|WEBHOOK",                     \
      "tokens|token|access tokens|session tokens")                                                 \
    X(CONNECTION, "CONNECTION_STRING", "CONNECTION|DSN|CONNSTRING",                                \
      "connection strings|connection string")                                                      \
    X(ENTROPY, "SECRET|HIGH_ENTROPY|CREDENTIALS", "SECRET|ENTROPY|CREDENTIAL|CREDENTIALS|AUTH",    \
      "random strings|random string|high-entropy strings")                                         \
    X(TOPIC_HEALTH, "TOPIC_HEALTH", "", "talk about health")                                       \
    X(TOPIC_MONEY, "TOPIC_MONEY", "", "talk about money")                                          \
    X(TOPIC_LAW, "TOPIC_LAW", "", "talk about law|talk about lawsuits")                            \
    X(TOPIC_STAFF, "TOPIC_HR", "", "talk about staff|talk about employees")                        \
    X(TOPIC_CREDENTIALS, "TOPIC_CREDENTIALS", "", "talk about credentials|talk about passwords")   \
    X(TOPIC_CHILDREN, "TOPIC_CHILDREN", "", "talk about children")                                 \
    X(TOPIC_IDENTITY, "TOPIC_IDENTITY", "", "talk about identity papers")                          \
    X(TOPIC_BELIEF, "TOPIC_BELIEF", "", "talk about belief|talk about religion")                   \
    X(TOPIC_INTIMATE, "TOPIC_INTIMATE", "", "talk about intimate matters|talk about sex")          \
    X(TOPIC_CRIME, "TOPIC_CRIME", "", "talk about crime")                                          \
    X(TOPIC_BUSINESS, "TOPIC_BUSINESS", "", "talk about business")

enum wf_datum {
#define WF_DATUM_ENUM(name, types, words, said) WF_DATUM_##name,
    WF_DATUM_MAP(WF_DATUM_ENUM)
#undef WF_DATUM_ENUM
    WF_DATUM_COUNT
};

/* A set of kinds, a bit each. */
#define WF_DATUM_BIT(kind) (UINT64_C(1) << (kind))
#define WF_DATUM_ALL (WF_DATUM_BIT(WF_DATUM_COUNT) - 1)
/* What is said of a whole text and so has no place in it that could be replaced. */
#define WF_DATUM_TOPICS (WF_DATUM_ALL & ~(WF_DATUM_BIT(WF_DATUM_TOPIC_HEALTH) - 1))
_Static_assert(WF_DATUM_COUNT < 64, "a set of kinds is one word");

/* The kind of a detector's type; some microseconds for one that is told by words of its name. */
enum wf_datum wf_datum_of(struct wf_str name);

/* A walk over tables, from zeroes. */
struct wf_datum_walk {
    size_t _i;
    struct wf_str _rest;
};

/* The next type of the table and its kind; false at the end. *out_type lives for ever. */
bool wf_datum_next_type(struct wf_datum_walk *w, struct wf_str *out_type, enum wf_datum *out_kind);

/* How people call the kind, in the plural: "card numbers". Lives for ever. */
struct wf_str wf_datum_name(enum wf_datum kind);

/* The next thing that people can say and the kinds that it means ("credentials": six of them);
 * false at the end. *out_said lives for ever. */
bool wf_datum_next_said(struct wf_datum_walk *w, struct wf_str *out_said, uint64_t *out_kinds);

#endif
