/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns that are the same everywhere: payment, networks, devices, wallets, positions. What
 * people write about themselves (phones, addresses, dates) is in patterns_person.c. */
#include <arpa/inet.h>
#include <sodium.h>
#include <string.h>

#include "privacy/checks.h"
#include "privacy/pattern.h"

#define CARD_WORDS_1                                                                               \
    "card|credit|debit|visa|mastercard|amex|american express|maestro|discover|jcb|diners|cc|pan|"
#define CARD_WORDS_2                                                                               \
    "cvv|cvc|karte|kreditkarte|kartennummer|carte|carte bleue|tarjeta|carta di|cartão|cartao|"
#define CARD_WORDS_3                                                                               \
    "kaart|kort|karta|kortti|kártya|kart|карта|карты|картой|κάρτα|信用卡|银行卡|卡号|カード|카드|"
#define CARD_WORDS_4 "بطاقة|कार्ड|บัตร|thẻ|kartu"
#define CARD_WORDS CARD_WORDS_1 CARD_WORDS_2 CARD_WORDS_3 CARD_WORDS_4
#define BANK_WORDS_1                                                                               \
    "iban|bank|account|konto|bankverbindung|compte|cuenta|conto|conta|rekening|tili|číslo účtu|"
#define BANK_WORDS_2 "rachunek|számla|счёт|счет|λογαριασμός|transfer|überweisung|virement|wire"
#define BANK_WORDS BANK_WORDS_1 BANK_WORDS_2

/* ---- payment ---- */

/* The first digits that issuers have: Visa, Mastercard, American Express, Diners, Discover, JCB,
 * UnionPay, Maestro, Mir, Verve, RuPay. */
static bool is_issued(const uint8_t *v, size_t n)
{
    const unsigned two = v[0] * 10u + v[1], four = two * 100 + v[2] * 10u + v[3];

    if (v[0] == 4)
        return n == 13 || n == 16 || n == 19;
    if ((two >= 51 && two <= 55) || (four >= 2200 && four <= 2204) ||
        (four >= 2221 && four <= 2720))
        return n == 16;
    if (two == 34 || two == 37 || four == 2014 || four == 2149)
        return n == 15;
    if (four == 2131 || four == 1800)
        return n == 15 || n == 16;
    if (two == 36 || two == 38 || two == 39 || (four >= 3000 && four <= 3059))
        return n >= 14;
    if (two == 35)
        return n >= 16;
    return (two == 50 || four == 604 || (two >= 56 && two <= 58) || v[0] == 6) && n >= 12;
}

static bool card_valid(struct wf_str s)
{
    struct wf_code c;

    return wf_code_read(s, &c) && wf_code_is_digits(c.v, c.n) && c.n >= 12 && c.n <= 19 &&
           is_issued(c.v, c.n) && wf_check_luhn(c.v, c.n);
}

/* The number with its first four characters behind the rest leaves 1 by 97. */
static bool iban_valid(struct wf_str s)
{
    struct wf_code c, turned;

    if (!wf_code_read(s, &c) || c.n < 15 || c.n > 34)
        return false;
    turned.n = c.n;
    memcpy(turned.v, c.v + 4, c.n - 4);
    memcpy(turned.v + c.n - 4, c.v, 4);
    return wf_code_mod(turned.v, turned.n, 97) == 1;
}

/* Countries by how many letters and digits follow the two check digits, in groups. */
#define DD "\\d\\d"
#define X "(?:[ -]?[a-z0-9])"
static const char iban_form[] = "(?:no)" DD X "{11}"
                                "|(?:be)" DD X "{12}"
                                "|(?:dk|fi|fo|gl|nl|sd|fk)" DD X "{14}"
                                "|(?:mk|si)" DD X "{15}"
                                "|(?:at|ba|ee|kz|lt|lu|xk|mn)" DD X "{16}"
                                "|(?:ch|hr|li|lv)" DD X "{17}"
                                "|(?:bg|bh|cr|de|gb|ge|ie|me|rs|va)" DD X "{18}"
                                "|(?:ae|gi|il|iq|tl|om|so)" DD X "{19}"
                                "|(?:ad|cz|es|md|pk|ro|sa|se|sk|tn|vg)" DD X "{20}"
                                "|(?:pt|st|ly)" DD X "{21}"
                                "|(?:is|tr)" DD X "{22}"
                                "|(?:fr|gr|it|mc|mr|sm|bi|dj)" DD X "{23}"
                                "|(?:al|az|by|cy|do|gt|hu|lb|pl|sv|ni|hn)" DD X "{24}"
                                "|(?:br|eg|ps|qa|ua)" DD X "{25}"
                                "|(?:jo|kw|mu|ye)" DD X "{26}"
                                "|(?:mt|sc)" DD X "{27}"
                                "|(?:lc)" DD X "{28}"
                                "|(?:ru)" DD X "{29}";

/* The country of a bank's code. */
static bool bic_valid(struct wf_str s)
{
    static const char countries[] =
        "AD AE AF AG AI AL AM AO AR AT AU AW AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BW BY "
        "BZ CA CD CF CG CH CI CK CL CM CN CO CR CU CV CW CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET "
        "FI FJ FK FO FR GA GB GD GE GG GH GI GL GM GN GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM "
        "IN IQ IR IS IT JE JM JO JP KE KG KH KM KN KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA "
        "MC MD ME MG MK ML MM MN MO MR MT MU MV MW MX MY MZ NA NC NE NG NI NL NO NP NZ OM PA PE PF "
        "PG PH PK PL PS PT PY QA RO RS RU RW SA SB SC SD SE SG SI SK SL SM SN SO SR SS ST SV SY SZ "
        "TC TD TG TH TJ TL TM TN TO TR TT TW TZ UA UG US UY UZ VA VC VE VG VN VU WS XK YE ZA ZM "
        "ZW";
    const struct wf_str list = wf_str_n(countries, sizeof(countries) - 1);

    if (s.len < 8)
        return false;
    for (size_t i = 0; i < list.len; i += 3)
        if (wf_str_eq_nocase(wf_str_sub(list, i, i + 2), wf_str_sub(s, 4, 6)))
            return true;
    return false;
}

/* ---- networks and devices ---- */

static bool ip6_valid(struct wf_str s)
{
    struct in6_addr a;
    size_t digits = 0;
    char text[INET6_ADDRSTRLEN + 1];

    if (s.len > INET6_ADDRSTRLEN || s.len < 4)
        return false;
    for (size_t i = 0; i < s.len; i++)
        digits += s.ptr[i] >= '0' && s.ptr[i] <= '9';
    if (digits == 0)
        return false; /* "abc::def" is a name in a program */
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET6, text, &a) == 1;
}

static bool imei_valid(struct wf_str s)
{
    struct wf_code c;

    return wf_code_read(s, &c) && c.n == 15 && wf_code_is_digits(c.v, c.n) &&
           !wf_code_is_same(c.v, c.n) && wf_check_luhn(c.v, c.n);
}

/* ISO 3779 as North America and China check it: letters count by their place in the alphabet's
 * thirds, the ninth character is the sum modulo 11. */
static bool vin_valid(struct wf_str s)
{
    static const char values[] = "12345678012345070923456789"; /* A..Z; I, O, Q do not occur */
    static const uint8_t weights[] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
    unsigned sum = 0, digits = 0;
    struct wf_code c;

    if (!wf_code_read(s, &c) || c.n != 17)
        return false;
    for (size_t i = 0; i < 17; i++) {
        digits += c.v[i] < 10;
        sum += weights[i] * (c.v[i] < 10 ? c.v[i] : (unsigned)(values[c.v[i] - 10] - '0'));
    }
    return digits >= 5 && digits < 17 && c.v[8] == (sum % 11 == 10 ? 33 : sum % 11);
}

/* ---- wallets ---- */

/* Base 58: 25 bytes of which the last four are the beginning of the others' hash, twice. */
static bool base58_valid(struct wf_str s)
{
    static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    uint8_t bytes[25] = {0}, hash[crypto_hash_sha256_BYTES];

    for (size_t i = 0; i < s.len; i++) {
        const char *at = s.ptr[i] == '\0' ? NULL : strchr(alphabet, s.ptr[i]);
        unsigned carry;
        if (at == NULL)
            return false;
        carry = (unsigned)(at - alphabet);
        for (size_t k = sizeof(bytes); k-- > 0; carry >>= 8) {
            carry += bytes[k] * 58u;
            bytes[k] = (uint8_t)carry;
        }
        if (carry != 0)
            return false;
    }
    crypto_hash_sha256(hash, bytes, 21);
    crypto_hash_sha256(hash, hash, sizeof(hash));
    return memcmp(hash, bytes + 21, 4) == 0;
}

static uint32_t bech32_step(uint32_t sum, uint32_t v)
{
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                         0x2a1462b3};
    const uint32_t top = sum >> 25;

    sum = (sum & 0x1ffffff) << 5 ^ v;
    for (size_t k = 0; k < 5; k++)
        sum ^= (top >> k & 1) != 0 ? generator[k] : 0;
    return sum;
}

/* Bech32 and Bech32m (BIP 173, BIP 350): the upper bits of what stands before the 1, the lower
 * ones, and the data. */
static bool bech32_valid(struct wf_str s)
{
    static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const size_t one = wf_str_find_byte(s, '1', 0);
    uint32_t sum = 1;

    if (one == SIZE_MAX)
        return false;
    for (size_t i = 0; i < one; i++)
        sum = bech32_step(sum, (uint32_t)((uint8_t)s.ptr[i] | 32) >> 5);
    sum = bech32_step(sum, 0);
    for (size_t i = 0; i < one; i++)
        sum = bech32_step(sum, (uint32_t)s.ptr[i] & 31);
    for (size_t i = one + 1; i < s.len; i++) {
        const char *at = strchr(alphabet, (uint8_t)s.ptr[i] < '0' ? ' ' : s.ptr[i] | 32);
        if (at == NULL || *at == '\0')
            return false;
        sum = bech32_step(sum, (uint32_t)(at - alphabet));
    }
    return sum == 1 || sum == 0x2bc830a3;
}

/* ---- the rows ---- */

#define BYTE "(?:25[0-5]|2[0-4]\\d|[01]?\\d?\\d)"
#define LABEL "[a-z0-9\\x{c0}-\\x{24f}](?:[a-z0-9\\x{c0}-\\x{24f}-]{0,62}[a-z0-9\\x{c0}-\\x{24f}])?"
/* What may follow a host: printable ASCII; not what ends a sentence or closes a bracket. */
#define PATH "(?:[/?#](?:[!#$%&'()*+,./0-9:;=?@a-z~_-]{0,1000}[#$%&*+/0-9=@a-z~_-])?)?"
/* Bare hosts: not the endings that are words ("it", "is") or files ("md", "py"), but for those that
 * everybody knows. */
#define TLDS_1 "com|org|net|edu|gov|mil|int|info|biz|name|io|ai|app|dev|co|me|tv|cloud|online|site"
#define TLDS_2 "shop|store|xyz|academy|agency|blog|club|design|digital|email|events|live|media|news"
#define TLDS_3 "page|social|space|studio|team|tech|tools|top|vip|website|wiki|work|world|zone|aws"
#define TLDS_4 "eu|de|ch|fr|it|es|pt|nl|lu|dk|se|fi|ie|uk|pl|cz|sk|hu|ro|bg|gr|hr|si|ba|al|mk"
#define TLDS_5 "ee|lv|lt|ua|ru|by|tr|il|ir|in|cn|jp|kr|tw|hk|sg|th|vn|id|ph|au|nz|za|eg|ma|ng|ke"
#define TLDS_6 "br|ar|mx|cl|pe|uy|ve|ca|us|cy|mt|li|mc|ly|ms|gl|gg|fm|cc|ws|sa|ae|qa|kw|jo|lb|pk"
#define TLDS_7 "bd|lk|np|kz|uz|ge|am|az|md|rs|at|be|no|is|to|su|pr|do|cr|gt|hn|pa|ec|bo|py"
#define TLDS TLDS_1 "|" TLDS_2 "|" TLDS_3 "|" TLDS_4 "|" TLDS_5 "|" TLDS_6 "|" TLDS_7

static const struct wf_pattern rows[] = {
    {.type = "CREDIT_CARD",
     .regex = "[1-6](?:[ -]?\\d){12,18}",
     .letters_digits_least = 13,
     .letters_digits_most = 19,
     .valid = card_valid,
     .context = CARD_WORDS,
     .score = 0.85F,
     .score_context = 1,
     .why = "Luhn checksum, issuer"},
    {.type = "CREDIT_CARD",
     .regex = "[056]\\d{11}",
     .letters_digits_least = 12,
     .letters_digits_most = 12,
     .valid = card_valid,
     .context = CARD_WORDS,
     .score = 0.4F,
     .score_context = 0.96F,
     .why = "Luhn checksum, issuer"},
    {.type = "IBAN_CODE",
     .regex = iban_form,
     .letters_digits_least = 15,
     .letters_digits_most = 33,
     .valid = iban_valid,
     .context = BANK_WORDS,
     .score = 0.98F,
     .score_context = 1,
     .why = "mod 97 checksum, country's length"},
    {.type = "SWIFT_CODE",
     .regex = "(?:swift|bic)(?:[ /-](?:bic|swift|code|nr\\.?|number)){0,2}[ :#=]{1,3}"
              "((?-i:[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?))",
     .triggers = "swift|bic",
     .valid = bic_valid,
     .score = 0.9F,
     .why = "form, country, word before"},
    {.type = "EMAIL_ADDRESS",
     .regex = "[a-z0-9_\\x{c0}-\\x{24f}](?:[a-z0-9._%+'\\x{c0}-\\x{24f}-]{0,63})@(?:" LABEL
              "\\.){1,8}(?:[a-z]{2,24}|xn--[a-z0-9-]{2,24})",
     .triggers = "@",
     .back = 64,
     .score = 0.95F},
    {.type = "URL",
     .regex = "(?:https?|ftps?|sftp|wss?|file)://(?:[!#$%&'*+,.0-9:;=a-z~_-]{1,80}@)?(?:(?:" LABEL
              "\\.){1,8}[a-z]{2,24}|localhost|" BYTE "(?:\\." BYTE "){3})(?::\\d{1,5})?" PATH,
     .triggers = "http|ftp://|ftps://|sftp://|ws://|wss://|file://",
     .score = 0.8F},
    {.type = "URL",
     .regex = "www\\.(?:" LABEL "\\.){1,6}[a-z]{2,24}(?::\\d{1,5})?" PATH,
     .triggers = "www.",
     .score = 0.8F},
    {.type = "DOMAIN_NAME",
     .regex = "(?:" LABEL
              "\\.){1,6}(?-i:(?!(?:it|in|is|me|no|at|be|us|do|to|am|as)(?![a-z]))|(?=(?:it|in|is|"
              "me|no|at|be|us|do|to|am|as)/)|(?<=[a-z0-9]{4}\\.))(?:" TLDS ")(?::\\d{1,5})?" PATH
              "(?!\\.[a-z])",
     .triggers = ".com|.org|.net|.edu|.gov|.info|.biz|.io|.ai|.app|.dev|.eu|.de|.fr|.es|"
                 ".it|.nl|.uk|.ch|.se|.dk|.pl|.ru|.cn|.jp|.br|.in|.ca|.au|.us|.co|.me|"
                 ".tv|.xyz|.shop|.site|.online|.academy|.blog|.cloud|.tech|.si|.ly|.ms|"
                 ".gl|.gg|.fm|.aws|.sa|.ae|.tr|.il|.kr|.tw|.hk|.sg|.mx|.ar|.cl|.za|.nz|"
                 ".cz|.hu|.ro|.gr|.ie|.fi|.pt|.ua|.kz|.no|.at|.be",
     .back = 80,
     .score = 0.5F},
    {.type = "IP_ADDRESS",
     .regex = BYTE "(?:\\." BYTE "){3}(?:/\\d{1,2})?",
     .letters_digits_least = 4,
     .letters_digits_most = 14,
     .context = "ip|ipv4|address|host|server|client|dns|gateway|adresse|dirección|indirizzo|"
                "endereço|地址|アドレス|адрес",
     .score = 0.7F,
     .score_context = 0.95F,
     .why = "four bytes"},
    {.type = "IP_ADDRESS",
     .regex = "[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){7}",
     .letters_digits_least = 8,
     .letters_digits_most = 32,
     .valid = ip6_valid,
     .score = 0.9F,
     .few_digits = true,
     .why = "eight groups"},
    {.type = "IP_ADDRESS",
     .regex = "(?<![:0-9a-z])(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?::"
              "(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?(?:%[a-z0-9]{1,15})?(?![:])",
     .triggers = "::",
     .back = 40,
     .valid = ip6_valid,
     .context = "ip|ipv6|address|host|server|client|dns|adresse|dirección|地址|アドレス",
     .score = 0.6F,
     .score_context = 0.95F,
     .why = "groups of IPv6"},
    {.type = "IP_ADDRESS",
     .regex = "(?<![:0-9a-z])[0-9a-f]{0,4}::[0-9a-f]{0,4}(?![:])",
     .triggers = "::",
     .back = 4,
     .context = "ip|ipv6|localhost|loopback|listen|bind",
     .score = 0.1F,
     .score_context = 0.7F,
     .why = "groups of IPv6"},
    {.type = "MAC_ADDRESS",
     .regex = "[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})|"
              "[0-9a-f]{4}(?:\\.[0-9a-f]{4}){2}",
     .letters_digits_least = 12,
     .letters_digits_most = 12,
     .context = "mac|ethernet|hardware|wlan|wifi|bluetooth",
     .score = 0.8F,
     .score_context = 0.95F,
     .few_digits = true},
    {.type = "IMEI",
     .regex = "\\d{2}[ -]?\\d{6}[ -]?\\d{6}[ -]?\\d",
     .letters_digits_least = 15,
     .letters_digits_most = 15,
     .valid = imei_valid,
     .context = "imei|handset|device|gerät|dispositivo|appareil|手机|手機|设备",
     .score = 0.3F,
     .score_context = 0.95F,
     .why = "Luhn checksum"},
    {.type = "VIN",
     .regex = "[a-hj-npr-z0-9]{17}",
     .letters_digits_least = 17,
     .letters_digits_most = 17,
     .valid = vin_valid,
     .context = "vin|vehicle|chassis|fahrgestellnummer|fahrzeug|fin|bastidor|telaio|châssis|car",
     .score = 0.6F,
     .score_context = 0.98F,
     .why = "check digit"},
    {.type = "VIN",
     .regex = "(?=[a-z0-9]{0,10}[a-z])[a-hj-npr-z0-9]{13}\\d{4}",
     .letters_digits_least = 17,
     .letters_digits_most = 17,
     .context = "vin|vehicle identification|chassis|fahrgestellnummer|fahrzeug|bastidor|telaio|"
                "châssis|numéro de série|chasis|vozidla|车架号",
     .score = 0.1F,
     .score_context = 0.8F},
    {.type = "CRYPTO",
     .regex = "(?-i)[13][1-9A-HJ-NP-Za-km-z]{25,34}",
     .letters_digits_least = 26,
     .letters_digits_most = 35,
     .valid = base58_valid,
     .score = 0.98F,
     .few_digits = true,
     .why = "base 58 checksum"},
    {.type = "CRYPTO",
     .regex = "(?-i)[LMDAT2mn][1-9A-HJ-NP-Za-km-z]{25,34}",
     .letters_digits_least = 26,
     .letters_digits_most = 35,
     .valid = base58_valid,
     .score = 0.98F,
     .few_digits = true,
     .why = "base 58 checksum"},
    {.type = "CRYPTO",
     .regex = "(?:bc|tb|ltc)1[ac-hj-np-z02-9]{11,87}",
     .triggers = "bc1|tb1|ltc1",
     .valid = bech32_valid,
     .score = 0.98F,
     .why = "bech32 checksum"},
    {.type = "CRYPTO",
     .regex = "0x[0-9a-f]{40}",
     .triggers = "0x",
     .context = "wallet|eth|ethereum|address|crypto|adresse|token|usdt|contract",
     .score = 0.7F,
     .score_context = 0.95F},
    {.type = "CRYPTO",
     .regex = "(?:monero|xmr)[a-z :=]{1,20}((?-i)[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93})",
     .triggers = "monero|xmr",
     .score = 0.95F},
    {.type = "GEO_POSITION",
     .regex = "(?:[1-8]?\\d|90)\\.\\d{3,9}[,;][ ]?-?(?:1[0-7]\\d|[1-9]?\\d|180)\\.\\d{3,9}",
     .letters_digits_least = 4,
     .letters_digits_most = 11,
     .context = "lat|latitude|lon|longitude|gps|geo|coordinates|position|location|koordinaten|"
                "standort|coordonnées|coordenadas|coordinate|ubicación|坐标|座標|координаты",
     .score = 0.6F,
     .score_context = 0.95F},
    {.type = "GEO_POSITION",
     .regex = "lat(?:itude)?[\"' :=]{1,4}(-?(?:[1-8]?\\d|90)\\.\\d{2,15}[\"' ,;]{1,4}"
              "(?:lon|lng|long|longitude)[\"' :=]{1,4}-?(?:1[0-7]\\d|[1-9]?\\d|180)\\.\\d{2,15})",
     .triggers = "lat",
     .score = 0.95F},
    {.type = "GEO_POSITION",
     .regex = "(?:[1-8]?\\d|90)°[ ]?[0-9.]{1,8}['′’][ ]?(?:[0-9.]{1,8}[\"″”][ ]?)?[NS][ ,]{1,3}"
              "(?:1[0-7]\\d|[1-9]?\\d|180)°[ ]?[0-9.]{1,8}['′’][ ]?(?:[0-9.]{1,8}[\"″”][ ]?)?[EWO]",
     .triggers = "°",
     .back = 4,
     .score = 0.95F},
    {.type = "GEO_POSITION",
     .regex = "geo:(-?\\d{1,2}\\.\\d{2,12},-?\\d{1,3}\\.\\d{2,12})",
     .triggers = "geo:",
     .score = 0.95F},
};

WF_PATTERN_TABLE(wf_patterns_common, rows);
