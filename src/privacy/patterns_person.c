/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of what people write about themselves: phones, addresses, dates, ages, records.
 *
 * Their forms differ by country and are loose, so that most of them count only with a word near. */
#include "privacy/checks.h"
#include "privacy/pattern.h"

#define PHONE_WORDS_1                                                                              \
    "phone|telephone|tel|mobile|cell|cellphone|call|fax|dial|desk|office|whatsapp|sms|signal|"
#define PHONE_WORDS_2                                                                              \
    "text me|texting|area code|messages|hotline|pager|ring "                                       \
    "me|reach|contact|telefon|handy|mobil|rufnummer|"
#define PHONE_WORDS_3                                                                              \
    "anrufen|ruf|fon|téléphone|portable|appel|appeler|teléfono|móvil|celular|llamar|llame|"
#define PHONE_WORDS_4                                                                              \
    "telefono|cellulare|chiamare|telefone|telemóvel|ligar|telefoon|mobiel|gsm|bellen|puhelin|"
#define PHONE_WORDS_5                                                                              \
    "puh|tlf|telefonnummer|komórka|numer telefonu|zadzwoń|sími|телефон|тел|моб|звоните|звони|"
#define PHONE_WORDS_6                                                                              \
    "номер|τηλέφωνο|κινητό|טלפון|נייד|هاتف|جوال|موبايل|اتصل|फ़ोन|फोन|मोबाइल|电话|電話|手机|手機|"
#define PHONE_WORDS_7                                                                              \
    "联系|拨打|携帯|연락처|전화|휴대폰|핸드폰|โทร|điện thoại|sđt|telepon|nomor hp|simu|"
#define PHONE_WORDS_8                                                                              \
    "رقمي|رقم الجوال|تلفن|شماره|همراه|موبایل|تماس|فون|موبائل|نمبر|फ़ोन|नंबर|नम्बर|संपर्क|सम्पर्क|"
#define PHONE_WORDS_9 "दूरध्वनी|कॉल|ফোন|মোবাইল|নম্বর|নাম্বার|"
#define PHONE_WORDS_9_1 "தொலைபேசி|கைபேசி|போன்|ఫోన్|మొబైల్|నంబర్|ફોન|"
#define PHONE_WORDS_9_2 "મોબાઇલ|ಫೋನ್|ಮೊಬೈಲ್|"
#define PHONE_WORDS_10 "ഫോൺ|മൊബൈൽ|ਫੋਨ|ਮੋਬਾਈਲ|දුරකථන|ဖုန်း|ទូរស័ព្ទ|"
#define PHONE_WORDS_10_1 "ໂທລະສັບ|ເບີ|เบอร์|มือถือ|ስልክ|հեռախոս|"
#define PHONE_WORDS_10_2 "ტელეფონ|"
#define PHONE_WORDS_11                                                                             \
    "მობილური|утас|нөмір|nömrə|raqam|numaram|cep no|gọi|liên hệ|hubungi|telp|зателефон|мобільн|"
#define PHONE_WORDS_12 "τηλέφων|τηλεφων|τηλ|κιν|καλέστε|פלאפון|"
#define PHONE_WORDS_12_1 "התקשר|번호|連絡先|ケータイ|namba|nambari|rununu|"
#define PHONE_WORDS_12_2 "číslo|"
#define PHONE_WORDS_13                                                                             \
    "telefonszám|număr|sunați|soita|helista|tālrun|skambin|обади|позови|nazovi|pokličite|telèfon|"
#define PHONE_WORDS_14 "mòbil|truca|ffôn|fón|numero ko|tawagan|mobitel|kontakt"
#define PHONE_WORDS                                                                                \
    PHONE_WORDS_1 PHONE_WORDS_2 PHONE_WORDS_3 PHONE_WORDS_4 PHONE_WORDS_5 PHONE_WORDS_6            \
        PHONE_WORDS_7 PHONE_WORDS_8 PHONE_WORDS_9 PHONE_WORDS_9_1 PHONE_WORDS_9_2 PHONE_WORDS_10   \
            PHONE_WORDS_10_1 PHONE_WORDS_10_2 PHONE_WORDS_11 PHONE_WORDS_12 PHONE_WORDS_12_1       \
                PHONE_WORDS_12_2 PHONE_WORDS_13 PHONE_WORDS_14
#define ZIP_WORDS_1                                                                                \
    "zip|zipcode|zip code|postal|postcode|post code|plz|postleitzahl|code postal|codigo postal|"
#define ZIP_WORDS_2                                                                                \
    "código postal|cap|cep|postnummer|postinumero|kod pocztowy|psč|irányítószám|индекс|邮编|"
#define ZIP_WORDS_3 "郵便番号|우편번호|〒"
#define ZIP_WORDS ZIP_WORDS_1 ZIP_WORDS_2 ZIP_WORDS_3
#define BIRTH_WORDS_1                                                                              \
    "born|birth|birthdate|birthday|dob|d.o.b|geboren|geburtsdatum|geburtstag|geb|né le|née le|"
#define BIRTH_WORDS_2                                                                              \
    "naissance|nacido|nacida|nacimiento|nac|nato|nata|nascita|nascido|nascida|nascimento|"
#define BIRTH_WORDS_3                                                                              \
    "geboortedatum|født|född|fødselsdato|födelsedatum|syntynyt|syntymäaika|urodzony|urodzona|"
#define BIRTH_WORDS_4                                                                              \
    "data urodzenia|narozen|született|născut|doğum|рожден|родился|родилась|дата рождения|"
#define BIRTH_WORDS_5                                                                              \
    "γέννησης|נולד|תאריך לידה|الميلاد|مواليد|जन्म|出生|生日|生年月日|誕生日|생년월일|เกิด|ngày "
#define BIRTH_WORDS_6                                                                              \
    "sinh|lahir|تولد|پیدائش|متولد|জন্ম|பிறந்த|பிறப்பு|జన్మ|જન્મ|народжен|народився|народилася|"
#define BIRTH_WORDS_7 "раждане|роден|родена|рођен|рођењ|rođen|"
#define BIRTH_WORDS_7_1 "rojstva|rojen|kuzaliwa|születési|született|"
#define BIRTH_WORDS_7_2 "nașterii|naixement|"
#define BIRTH_WORDS_8                                                                              \
    "nascut|jaio|γεννήθηκ|ծննդյան|დაბადების|туған|tug'ilgan|doğulub|sündinud|dzim|gimęs|gimim"
#define BIRTH_WORDS                                                                                \
    BIRTH_WORDS_1 BIRTH_WORDS_2 BIRTH_WORDS_3 BIRTH_WORDS_4 BIRTH_WORDS_5 BIRTH_WORDS_6            \
        BIRTH_WORDS_7 BIRTH_WORDS_7_1 BIRTH_WORDS_7_2 BIRTH_WORDS_8

/* ---- checks ---- */

/* As many digits as numbers of the world have, and not all the same. */
static bool phone_valid(struct wf_str s)
{
    size_t digits = 0, same = 0;
    char first = '\0';

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == 'x' || s.ptr[i] == 'X' || s.ptr[i] == 'e' || s.ptr[i] == '#')
            break; /* an extension */
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            continue;
        if (digits++ == 0)
            first = s.ptr[i];
        same += s.ptr[i] == first;
    }
    return digits >= 6 && digits <= 15 && same < digits;
}

/* The numbers of a date, in any order of year, month and day. */
static bool date_valid(struct wf_str s)
{
    unsigned v[3] = {0};
    size_t n = 0;
    bool within = false;

    for (size_t i = 0; i < s.len && n <= 3; i++) {
        const bool digit = s.ptr[i] >= '0' && s.ptr[i] <= '9';
        if (digit && !within && n == 3)
            break; /* a time of day */
        if (digit && !within)
            n++;
        within = digit;
        if (digit)
            v[n - 1] = v[n - 1] * 10 + (unsigned)(s.ptr[i] - '0');
    }
    if (n != 3 || v[1] == 0)
        return false;
    if (v[0] > 31)
        return v[0] >= 1000 && v[0] < 2200 && wf_check_date(v[0], v[1], v[2]);
    const unsigned year = v[2] < 100 ? 2000 + v[2] - v[2] % 4 : v[2];
    return year >= 1000 && year < 2200 &&
           (wf_check_date(year, v[1], v[0]) || wf_check_date(year, v[0], v[1]));
}

/* Any digits beside a word: a date is none, nor a choice ("850/900", "27/2013"). */
static bool number_valid(struct wf_str s)
{
    const size_t slash = wf_str_find_byte(s, '/', 0);

    if (slash != SIZE_MAX && s.ptr[0] != '0' && (slash < 5 && s.len - slash < 6))
        return false;
    if (slash != SIZE_MAX && wf_str_find_byte(s, '/', slash + 1) != SIZE_MAX)
        return false;
    return phone_valid(s) && !date_valid(s);
}

/* ---- pieces of expressions ---- */

#define SEP "[ .\\-/\\x{a0}]"
#define EXTENSION "(?:[ ,]{0,2}(?:x|ext\\.?|extension|#)[ .]?\\d{1,6})?(?![-.]?[0-9])"

#define MONTH_1                                                                                    \
    "(?:jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|f[eé]vrier|m(?:ar(?:ch)?|ärz|ars)|a(?:pr(?:il)?|"
#define MONTH_2                                                                                    \
    "vril)|ma[iy]|jun[ei]?|juin|jul[yi]?|juillet|aug(?:ust)?|août|sep(?:t(?:ember|embre)?)?|"
#define MONTH_3                                                                                    \
    "o[ck]t(?:ober|obre)?|nov(?:ember|embre)?|de[cz](?:ember)?|décembre|enero|febrero|marzo|"
#define MONTH_4                                                                                    \
    "abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre|diciembre|gennaio|febbraio|"
#define MONTH_5                                                                                    \
    "aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|janeiro|fevereiro|março|maio|junho|"
#define MONTH_6 "julho|setembro|outubro|novembro|dezembro)"
#define MONTH MONTH_1 MONTH_2 MONTH_3 MONTH_4 MONTH_5 MONTH_6
#define MONTHS_1                                                                                   \
    "january|february|march|april|june|july|august|september|october|november|december|jan |feb |"
#define MONTHS_2                                                                                   \
    "mar |apr |may |jun |jul |aug |sep |sept |oct |nov |dec |jan.|feb.|aug.|sept.|oct.|nov.|dec.|"
#define MONTHS_3                                                                                   \
    "januar|februar|märz|mai |juni|juli|oktober|dezember|janvier|février|mars|avril|juin|juillet|"
#define MONTHS_4                                                                                   \
    "août|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|"
#define MONTHS_5                                                                                   \
    "septiembre|octubre|noviembre|diciembre|gennaio|febbraio|aprile|maggio|giugno|luglio|"
#define MONTHS_6                                                                                   \
    "settembre|ottobre|dicembre|janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|"
#define MONTHS_7 "novembro|dezembro"
#define MONTHS MONTHS_1 MONTHS_2 MONTHS_3 MONTHS_4 MONTHS_5 MONTHS_6 MONTHS_7
#define TIME                                                                                       \
    "(?:[ T,]{1,2}\\d{1,2}:\\d{2}(?::\\d{2}(?:[.,]\\d{1,6})?)?"                                    \
    "(?: ?[ap]\\.?m\\.?| ?Z|[+-]\\d\\d:?\\d\\d)?)?"
#define YMD(s) "\\d{4}" s "\\d{1,2}" s "\\d{1,2}"
#define DMY(s) "\\d{1,2}" s "\\d{1,2}" s "(?:\\d{4}|\\d{2})"
#define DATE "(?:" YMD("-") "|" YMD("/") "|" YMD("\\.") "|" DMY("\\.") "|" DMY("/") "|" DMY("-") ")"
#define ORDINAL "(?:st|nd|rd|th|\\.|er|º)?"

#define NATIONS_1 "afghan|albanian|algerian|american|andorran|angolan|argentine|argentinian|"
#define NATIONS_2 "armenian|australian|austrian|azerbaijani|bahamian|bahraini|bangladeshi|"
#define NATIONS_3 "barbadian|belarusian|belgian|belizean|beninese|bhutanese|bolivian|bosnian|"
#define NATIONS_4 "botswanan|brazilian|british|bruneian|bulgarian|burkinabe|burmese|burundian|"
#define NATIONS_5 "cambodian|cameroonian|canadian|chadian|chilean|chinese|colombian|congolese|"
#define NATIONS_6 "croatian|cuban|cypriot|czech|danish|djiboutian|dominican|dutch|ecuadorian|"
#define NATIONS_7 "ecuadorean|egyptian|emirati|english|eritrean|estonian|ethiopian|fijian|"
#define NATIONS_8 "filipino|finnish|french|gabonese|gambian|georgian|german|ghanaian|greek|"
#define NATIONS_9 "greenlander|greenlandic|grenadian|guatemalan|guinean|guyanese|haitian|"
#define NATIONS_10 "honduran|hungarian|icelander|icelandic|indian|indonesian|iranian|iraqi|"
#define NATIONS_11 "irish|israeli|italian|ivorian|jamaican|japanese|jordanian|kazakh|kenyan|"
#define NATIONS_12 "korean|kosovar|kuwaiti|kyrgyz|laotian|latvian|lebanese|liberian|libyan|"
#define NATIONS_13 "liechtensteiner|lithuanian|luxembourger|macedonian|malagasy|malawian|"
#define NATIONS_14 "malaysian|maldivian|malian|maltese|mauritanian|mauritian|mexican|"
#define NATIONS_15 "micronesian|moldovan|monegasque|mongolian|montenegrin|moroccan|mozambican|"
#define NATIONS_16 "namibian|nepalese|nepali|nicaraguan|nigerian|nigerien|norwegian|omani|"
#define NATIONS_17 "pakistani|palestinian|panamanian|paraguayan|persian|peruvian|polish|"
#define NATIONS_18 "portuguese|puerto rican|qatari|romanian|russian|rwandan|salvadoran|samoan|"
#define NATIONS_19 "saudi|scottish|senegalese|serbian|seychellois|singaporean|slovak|slovakian|"
#define NATIONS_20 "slovene|slovenian|somali|sudanese|surinamese|swazi|swedish|swiss|syrian|"
#define NATIONS_21 "taiwanese|tajik|tanzanian|thai|tibetan|togolese|tongan|tunisian|turkish|"
#define NATIONS_22 "turkmen|ugandan|ukrainian|uruguayan|uzbek|venezuelan|vietnamese|welsh|"
#define NATIONS_23 "yemeni|zambian|zimbabwean|briton|englishman|englishwoman|frenchman|"
#define NATIONS_24 "frenchwoman|dutchman|dutchwoman|irishman|irishwoman|scotsman|scotswoman|"
#define NATIONS_25 "welshman|welshwoman|dane|finn|pole|spaniard|spanish|swede|turk|arab|kurd|"
#define NATIONS_26 "kurdish|serb|croat|bosniak|hispanic|latino|latina|chicano|caucasian|"
#define NATIONS_27 "aboriginal|maori|inuit|roma|sinti"
#define NATIONS                                                                                    \
    NATIONS_1 NATIONS_2 NATIONS_3 NATIONS_4 NATIONS_5 NATIONS_6 NATIONS_7 NATIONS_8 NATIONS_9      \
        NATIONS_10 NATIONS_11 NATIONS_12 NATIONS_13 NATIONS_14 NATIONS_15 NATIONS_16 NATIONS_17    \
            NATIONS_18 NATIONS_19 NATIONS_20 NATIONS_21 NATIONS_22 NATIONS_23 NATIONS_24           \
                NATIONS_25 NATIONS_26 NATIONS_27
#define BELIEFS_1 "christian|catholic|protestant|orthodox|lutheran|methodist|baptist|anglican|"
#define BELIEFS_2 "evangelical|mormon|quaker|muslim|sunni|shia|shiite|shii|sufi|jew|jewish|"
#define BELIEFS_3 "hindu|sikh|buddhist|jain|taoist|bahai|zoroastrian|atheist|agnostic|pagan|"
#define BELIEFS_4 "rastafarian"
#define BELIEFS BELIEFS_1 BELIEFS_2 BELIEFS_3 BELIEFS_4

static const struct wf_pattern rows[] = {
    /* Phones: from telling forms to any digits beside a word. */
    {.type = "PHONE_NUMBER",
     .regex =
         "\\+\\d{1,4}\\)?(?:" SEP "{0,2}\\(0?\\d{0,4}\\))?(?:" SEP "{0,2}\\d{1,12}){1,6}" EXTENSION,
     .triggers = "+",
     .valid = phone_valid,
     .context = PHONE_WORDS,
     .score = 0.8F,
     .score_context = 0.97F,
     .why = "international form"},
    {.type = "PHONE_NUMBER",
     .regex = "\\((?:\\+|00)?\\d{1,6}\\)(?:" SEP "{0,2}\\d{1,10}){1,5}" EXTENSION,
     .triggers = "(",
     .valid = phone_valid,
     .context = PHONE_WORDS,
     .score = 0.6F,
     .score_context = 0.95F,
     .why = "area code in brackets"},
    {.type = "PHONE_NUMBER",
     .regex = "00[1-9]\\d{0,3}(?:" SEP "{0,2}\\(0\\))?(?:" SEP "{0,2}\\d{1,12}){1,6}" EXTENSION,
     .letters_digits_least = 9,
     .letters_digits_most = 24,
     .valid = phone_valid,
     .context = PHONE_WORDS,
     .score = 0.5F,
     .score_context = 0.95F,
     .why = "international form"},
    {.type = "PHONE_NUMBER",
     .regex = "(?:1[ .-])?[2-9]\\d\\d[.-][2-9]\\d\\d[.-]\\d{4}" EXTENSION,
     .letters_digits_least = 10,
     .letters_digits_most = 18,
     .context = PHONE_WORDS,
     .score = 0.65F,
     .score_context = 0.95F,
     .why = "North American form"},
    {.type = "PHONE_NUMBER",
     .regex = "(?<![0-9a-f]{2} )0[1-9](?: \\d\\d){4}(?! "
              "[0-9a-f]{2}(?!\\w))|0[1-9](?:\\.\\d\\d){4}|0[789]0-\\d{4}-\\d{4}|"
              "0\\d{1,3}-\\d{2,4}-\\d{4}|07\\d{3} \\d{6}|07\\d{3} \\d{3} \\d{3}|"
              "0\\d{3} \\d{3} \\d{4}|0\\d{2} \\d{4} \\d{4}|01[5-7]\\d[ /-]\\d{7,8}",
     .letters_digits_least = 9,
     .letters_digits_most = 12,
     .context = PHONE_WORDS,
     .score = 0.6F,
     .score_context = 0.95F,
     .why = "national form"},
    {.type = "PHONE_NUMBER",
     .regex = "1[3-9]\\d{9}|1[3-9]\\d[ -]\\d{4}[ -]\\d{4}",
     .letters_digits_least = 11,
     .letters_digits_most = 11,
     .context = PHONE_WORDS,
     .score = 0.4F,
     .score_context = 0.95F,
     .why = "Chinese mobile form"},
    {.type = "PHONE_NUMBER",
     .regex = "(?!(?:19|20)\\d\\d[-/"
              "](?:\\d\\d-\\d\\d|(?:19|20)\\d\\d(?!\\d)))(?!\\d{1,6}\\.\\d+(?![.\\d]))"
              "\\d{2,8}(?:" SEP "{1,2}(?:\\(0?\\d{1,4}\\)" SEP "{0,2})?\\d{1,11}){1,6}" EXTENSION,
     .letters_digits_least = 6,
     .letters_digits_most = 22,
     .valid = number_valid,
     .context = PHONE_WORDS,
     .score = 0.1F,
     .score_context = 0.75F},
    {.type = "PHONE_NUMBER",
     .regex = "\\d{7,14}" EXTENSION,
     .letters_digits_least = 7,
     .letters_digits_most = 20,
     .valid = phone_valid,
     .context = PHONE_WORDS,
     .score = 0.05F,
     .score_context = 0.7F},

    /* Dates, and those of birth. */
    {.type = "DATE_TIME",
     .regex = DATE TIME,
     .letters_digits_least = 4,
     .letters_digits_most = 20,
     .valid = date_valid,
     .score = 0.6F,
     .score_context = 0.6F,
     .why = "a day of the calendar"},
    {.type = "DATE_TIME",
     .regex = MONTH "\\.? \\d{1,2}" ORDINAL "(?:,? \\d{4})?" TIME,
     .triggers = MONTHS,
     .score = 0.6F,
     .score_context = 0.6F,
     .why = "a day of the calendar"},
    {.type = "DATE_TIME",
     .regex =
         "\\d{1,2}" ORDINAL "[ -](?:de |of )?" MONTH "(?:\\.?,?[ -](?:de |del )?\\d{2,4})?" TIME,
     .triggers = MONTHS,
     .back = 9,
     .score = 0.6F,
     .score_context = 0.6F,
     .why = "a day of the calendar"},
    {.type = "DATE_TIME",
     .regex = "\\d{2,4} ?[年년] ?\\d{1,2} ?[月월](?: ?\\d{1,2} ?[日号일])?",
     .triggers = "年|년",
     .back = 5,
     .score = 0.6F,
     .score_context = 0.6F,
     .why = "a day of the calendar"},
    {.type = "DATE_OF_BIRTH",
     .regex = DATE,
     .letters_digits_least = 4,
     .letters_digits_most = 8,
     .valid = date_valid,
     .context = BIRTH_WORDS,
     .score = 0.1F,
     .score_context = 0.95F,
     .why = "a day of the calendar"},
    {.type = "DATE_OF_BIRTH",
     .regex = MONTH "\\.? \\d{1,2}" ORDINAL ",? \\d{4}",
     .triggers = MONTHS,
     .context = BIRTH_WORDS,
     .score = 0.1F,
     .score_context = 0.95F,
     .why = "a day of the calendar"},
    {.type = "DATE_OF_BIRTH",
     .regex = "\\d{1,2}" ORDINAL "[ -](?:de |of )?" MONTH "\\.?,?[ -](?:de |del )?\\d{2,4}",
     .triggers = MONTHS,
     .back = 9,
     .context = BIRTH_WORDS,
     .score = 0.1F,
     .score_context = 0.95F,
     .why = "a day of the calendar"},
    {.type = "DATE_OF_BIRTH",
     .regex = "\\d{2,4} ?[年년] ?\\d{1,2} ?[月월] ?\\d{1,2} ?[日号일]",
     .triggers = "年|년",
     .back = 5,
     .context = BIRTH_WORDS,
     .score = 0.1F,
     .score_context = 0.95F,
     .why = "a day of the calendar"},

    /* Origin and belief; how people are called. */
    {.type = "NRP",
     .regex = "(?=(?-i:[A-Z]))(?:" NATIONS ")s?|(?<=am |are )(?:" NATIONS ")|(?:" NATIONS
              ")s(?!\\w)|(?:" BELIEFS ")(?:i?es|s)?",
     .triggers = NATIONS "|" BELIEFS,
     .score = 0.5F,
     .score_context = 0.5F,
     .why = "a name of people"},
    {.type = "TITLE",
     .regex =
         "(?-i:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Rev|Sir|Madam|Herr|Frau|Mme|Mlle|Señora?|Sra?|Srta|Doña|"
         "Sig|Dott|Mevrouw|Pan|Pani)\\.?(?= (?-i:[A-Z\\x{c0}-\\x{17f}]))",
     .triggers = "mr|ms|miss|mx|dr|prof|rev|sir|madam|herr|frau|mme|mlle|señor|sr|doña|sig|dott|"
                 "mevrouw|pan",
     .score = 0.5F,
     .score_context = 0.5F,
     .why = "a form of address"},

    /* Ages. */
    {.type = "AGE",
     .regex = "(1[01]\\d|[1-9]?\\d)(?:[ -]?(?:years?|yrs?\\.?)[ -]?old|[ -]?y[./]?o\\.?|"
              "[ -]?yrs?\\.? of age| years of age| Jahre alt|[ -]jährige[rns]?| ans(?! [aà])|"
              " años(?: de edad)?| anni(?! fa)| anos de idade| лет(?! назад)|-летн\\w{1,4})",
     .triggers = "year|yr|yo|y/o|y.o|jahre alt|jährig| ans| años| anni|anos de| лет|-летн",
     .back = 5,
     .score = 0.8F},
    {.type = "AGE",
     .regex = "(?:1[01]\\d|[1-9]?\\d) ?(?:歳|岁|歲|세|살)",
     .triggers = "歳|岁|歲|세|살",
     .back = 4,
     .score = 0.8F},
    {.type = "AGE",
     .regex = "(?:aged?|turn(?:ed|s|ing)?|age is|wh?en (?:s?he|I|they) (?:was|were)|alter:?|edad:?|"
              "âgée? de)[ :=]{1,3}(1[01]\\d|[1-9]\\d|[1-9])(?![0-9.,:/%-][0-9]|%| ?(?:km|kg|m|cm|"
              "degrees|minutes|hours|days|weeks|months))",
     .triggers = "age|turn|when |alter|edad|âgé",
     .score = 0.7F},

    /* Addresses: streets by their words, numbers and postcodes. */
    {.type = "ZIP_CODE",
     .regex = "\\d{4,6}(?:[ -]\\d{2,4})?|\\d{3} \\d\\d|\\d\\d-\\d{3}|[a-z]{1,2}\\d[a-z0-9]? "
              "?\\d[a-z]{2}|[a-z]\\d[a-z][ -]?\\d"
              "[a-z]\\d|[a-z]{2}-\\d{4,5}",
     .letters_digits_least = 3,
     .letters_digits_most = 9,
     .context = ZIP_WORDS,
     .score = 0.05F,
     .score_context = 0.8F},
    {.type = "ZIP_CODE",
     .regex =
         "(?:zip(?: ?code)?|post(?:al )?code|plz|postleitzahl|code postal)(?: is|:| ist| est)?:? "
         "(\\d{3}(?: \\d\\d)?)",
     .triggers = "zip|postcode|postal code|plz|postleitzahl|code postal",
     .score = 0.8F,
     .score_context = 0.8F,
     .why = "word before"},
    {.type = "ZIP_CODE",
     .regex = "(?-i:[A-Z]{1,2}\\d[A-Z0-9]? \\d[ABD-HJLNP-UW-Z]{2}|[ABCEGHJ-NPRSTVXY]\\d[A-Z] "
              "\\d[A-Z]\\d)",
     .letters_digits_least = 5,
     .letters_digits_most = 7,
     .context = ZIP_WORDS,
     .score = 0.6F,
     .score_context = 0.95F,
     .few_digits = true,
     .why = "form of a postcode"},
};

WF_PATTERN_TABLE(wf_patterns_person, rows);
