/* SPDX-License-Identifier: Apache-2.0 */
/* Words that stand for digits, letters and signs, and words that tell how a text is written. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <string.h>

#include "base/alloc.h"
#include "privacy/detect_internal.h"
#include "text/utf8.h"

/* Zero to nine, '|' between; '/' between words for the same. */
static const char *const digits[] = {
    "zero/nought|one|two|three|four|five|six|seven|eight|nine/niner",
    "null|eins/ein/eine|zwei/zwo|drei|vier|fünf/fuenf|sechs|sieben|acht|neun",
    "zéro|un/une|deux|trois|quatre|cinq|six|sept|huit|neuf",
    "cero|uno/una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve",
    "zero|uno|due|tre|quattro|cinque|sei|sette|otto|nove",
    "zero|um/uma|dois/duas|três|quatro|cinco|seis/meia|sete|oito|nove",
    "nul|een/één|twee|drie|vier|vijf|zes|zeven|acht|negen",
    "zero|jeden|dwa|trzy|cztery|pięć|sześć|siedem|osiem|dziewięć",
    "nula|jedna/jeden|dva/dvě|tři|čtyři|pět|šest|sedm|osm|devět",
    "nula|jeden|dva|tri|štyri|päť|šesť|sedem|osem|deväť",
    "noll|ett/en|två|tre|fyra|fem|sex|sju|åtta|nio",
    "nul|en/et|to|tre|fire|fem|seks|syv|otte|ni",
    "null|en/ett|to|tre|fire|fem|seks|sju/syv|åtte|ni",
    "nolla|yksi|kaksi|kolme|neljä|viisi|kuusi|seitsemän|kahdeksan|yhdeksän",
    "null|üks|kaks|kolm|neli|viis|kuus|seitse|kaheksa|üheksa",
    "nulle|viens|divi|trīs|četri|pieci|seši|septiņi|astoņi|deviņi",
    "nulis|vienas|du|trys|keturi|penki|šeši|septyni|aštuoni|devyni",
    "nulla|egy|kettő/két|három|négy|öt|hat|hét|nyolc|kilenc",
    "zero|unu|doi|trei|patru|cinci|șase/şase|șapte/şapte|opt|nouă",
    "нула|едно/един|две/два|три|четири|пет|шест|седем|осем|девет",
    "нула|један|два|три|четири|пет|шест|седам|осам|девет",
    "nula|jedan|dva|tri|četiri|pet|šest|sedam|osam|devet",
    "nič|ena|dva|tri|štiri|pet|šest|sedem|osem|devet",
    "ноль/нуль|один|два|три|четыре|пять|шесть|семь|восемь|девять",
    "нуль|один|два|три|чотири|п'ять|шість|сім|вісім|дев'ять",
    "μηδέν|ένα|δύο|τρία|τέσσερα|πέντε|έξι|επτά/εφτά|οκτώ/οχτώ|εννέα/εννιά",
    "sıfır|bir|iki|üç|dört|beş|altı|yedi|sekiz|dokuz",
    "صفر|واحد|اثنان/اثنين|ثلاثة|أربعة|خمسة|ستة|سبعة|ثمانية|تسعة",
    "صفر|یک|دو|سه|چهار|پنج|شش|هفت|هشت|نه",
    "אפס|אחת/אחד|שתיים/שניים|שלוש|ארבע|חמש|שש|שבע|שמונה|תשע",
    "शून्य|एक|दो|तीन|चार|पाँच/पांच|छह/छः|सात|आठ|नौ",
    "শূন্য|এক|দুই|তিন|চার|পাঁচ|ছয়|সাত|আট|নয়",
    "ศูนย์|หนึ่ง|สอง|สาม|สี่|ห้า|หก|เจ็ด|แปด|เก้า",
    "không|một|hai|ba|bốn|năm|sáu|bảy|tám|chín",
    "nol|satu|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan",
    "sifar/kosong|satu|dua|tiga|empat|lima|enam|tujuh|lapan|sembilan",
    "sifuri|moja|mbili|tatu|nne|tano|sita|saba|nane|tisa",
    "零/〇|一/壹|二/贰/贳|三/叁|四/肆|五/伍|六/陆|七/柒|八/捌|九/玖",
    "ゼロ/れい|いち|に|さん|よん|ご|ろく|なな|はち|きゅう",
    "ゼロ|イチ|ニ|サン|ヨン|ゴ|ロク|ナナ|ハチ|キュウ",
    "영/공|일|이|삼|사|오|육|칠|팔|구",
    "zero|bat|bi|hiru|lau|bost|sei|zazpi|zortzi|bederatzi",
    "zero|un|dos|tres|quatre|cinc|sis|set|vuit|nou",
    "dim|un|dau|tri|pedwar|pump|chwech|saith|wyth|naw",
    "núll|einn|tveir|þrír|fjórir|fimm|sex|sjö|átta|níu",
};

/* Words for letters and signs: what each stands for stands before it. */
static const char letters[] =
    "Aalpha|Aalfa|Bbravo|Ccharlie|Ddelta|Eecho|Ffoxtrot|Ggolf|Hhotel|Iindia|Jjuliett|Jjuliet|"
    "Kkilo|Llima|Mmike|Nnovember|Ooscar|Ppapa|Qquebec|Rromeo|Ssierra|Ttango|Uuniform|Vvictor|"
    "Wwhiskey|Xx-ray|Xxray|Yyankee|Zzulu|Aanton|Bberta|Ccäsar|Ddora|Eemil|Ffriedrich|Ggustav|"
    "Hheinrich|Iida|Jjulius|Kkaufmann|Lludwig|Mmartha|Nnordpol|Ootto|Ppaula|Qquelle|Rrichard|"
    "Ssamuel|Ttheodor|Uulrich|Vviktor|Wwilhelm|Xxanthippe|Yypsilon|Zzacharias|"
    "-dash|-minus|-hyphen|-bindestrich|-tiret|-guion|-guión|-trattino|-hífen|-дефис|"
    "_underscore|_unterstrich|/slash|/schrägstrich|/barre oblique|/barra|:colon|:doppelpunkt";

/* Tens and teens: "forty", then maybe "one". */
static const char numbers[] =
    "10ten|11eleven|12twelve|13thirteen|14fourteen|15fifteen|16sixteen|17seventeen|18eighteen|"
    "19nineteen|20twenty|30thirty|40forty|50fifty|60sixty|70seventy|80eighty|90ninety|"
    "10zehn|11elf|12zwölf|13dreizehn|14vierzehn|15fünfzehn|16sechzehn|17siebzehn|18achtzehn|"
    "19neunzehn|20zwanzig|30dreißig|40vierzig|50fünfzig|60sechzig|70siebzig|80achtzig|90neunzig|"
    "10diez|11once|12doce|13trece|14catorce|15quince|16dieciséis|17diecisiete|18dieciocho|"
    "19diecinueve|20veinte|30treinta|40cuarenta|50cincuenta|60sesenta|70setenta|80ochenta|"
    "90noventa|10dix|11onze|12douze|13treize|14quatorze|15quinze|16seize|20vingt|30trente|"
    "40quarante|50cinquante|60soixante|10dieci|11undici|12dodici|13tredici|14quattordici|"
    "15quindici|16sedici|17diciassette|18diciotto|19diciannove|20venti|30trenta|40quaranta|"
    "50cinquanta|60sessanta|70settanta|80ottanta|90novanta";

/* How often what follows is said: "double seven". */
static const char times[] =
    "*2double|*3triple|*3treble|*2dubbel|*2dobbelt|*2doble|*3triplo|*2doppel";

/* Words of secrets, and of what tells them, rotated by thirteen letters. */
static const char rotated[] =
    "cnffjbeq|cnffcuenfr|cnffjq|cnffcbeg|frperg|perqragvny|perqvg pneq|pneq ahzore|pneq vf|zl pneq|"
    "ncv xrl|ncv_xrl|ncvxrl|npprff xrl|cevingr xrl|npprff_xrl|fbpvny frphevgl|ffa vf|zl ffa|vona|"
    "cubar ahzore|zl ahzore|rznvy "
    "vf|@tznvy.pbz|@rknzcyr|uggcf://|tuc_|nxvn|tycng-|fx_yvir_|fx-nag-|"
    "fx-cebw-|kbko-|nvmn|ortva cevingr|ortva efn|cnffjbeg|xraajbeg|cneby|pbagenfrñn|zbg qr "
    "cnffr|fraun|"
    "jnpugjbbeq|ebg13|rot13|rot-13|rot 13|caesar cipher|caesar";

/* The same and their like from behind, and words for it. */
static const char reversed[] =
    "drowssap|esarhpssap|tropssap|terces|nekot|rebmun|drac tiderc|yek ipa|yek_ipa|moc.liamg|"
    "moc.|gro.|ten.|vog.|ude.|_phg|-talpg|_evil_ks|-jorp-ks|-tna-ks|-bxox|nigeb-----|"
    "//:sptth|trowssap|trownnek|ahnes|eñesartnoc|ʇɹodssɐd|backwards|backward|reversed|in reverse|"
    "reverse|rückwärts|à l'envers|al revés|al reves|alla rovescia|ao contrário|achterstevoren|"
    "baklänges|baglæns|wspak|pozpátku|takaperin|visszafelé|invers|наоборот|задом наперёд|навпаки|"
    "отзад "
    "напред|ανάποδα|tersten|بالعكس|معكوس|הפוך|उल्टा|倒着|倒過來|反过来|逆から|逆順|거꾸로|ย้อนกลับ|"
    "ngược|terbalik";

/* Where capitals stand at the end of other letters: keys from behind. */
static const char capitals[] = "Kaika|Kaisa|Kazia";

static int add(struct wf_detector *d, struct wf_str word, struct wf_str says, enum wf_hiding how)
{
    size_t at = 0;
    const uint32_t first = wf_utf8_next(word, &at);
    struct wf_detect_telling t = {.how = (uint8_t)how};

    if (d->n_tellings >= WF_DETECT_DIGIT - WF_DETECT_TELLING)
        return WF_E_LIMIT;
    if (wf_reserve(&d->tellings, &d->cap_tellings, d->n_tellings + 1, sizeof(t)) != 0)
        return WF_E_NOMEM;
    memcpy(t.says, says.ptr, WF_MIN(says.len, sizeof(t.says) - 1));
    t.is_ended = how == WF_HIDING_SPELLED && first < 0x2e80 && !(first >= 0xe00 && first < 0xe80);
    d->tellings[d->n_tellings] = t;
    return wf_literals_add_folded(&d->triggers, word,
                                  (uint16_t)(WF_DETECT_TELLING + d->n_tellings++));
}

static int add_digits(struct wf_detector *d, const char *list)
{
    struct wf_str rest = wf_str_from(list), words, word;
    char digit = '0';
    int rc = 0;

    for (; rc == 0 && wf_str_split(&rest, '|', &words); digit++)
        while (rc == 0 && wf_str_split(&words, '/', &word))
            rc = add(d, word, wf_str_n(&digit, 1), WF_HIDING_SPELLED);
    return rc;
}

/* Words before each of which stand n bytes that say what it stands for. */
static int add_list(struct wf_detector *d, const char *list, size_t n, enum wf_hiding how)
{
    struct wf_str rest = wf_str_from(list), word;
    int rc = 0;

    while (rc == 0 && wf_str_split(&rest, '|', &word))
        rc = add(d, wf_str_sub(word, n, word.len), wf_str_sub(word, 0, n), how);
    return rc;
}

int wf_detect__add_tellings(struct wf_detector *d)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < WF_ARRAY_LEN(digits); i++)
        rc = add_digits(d, digits[i]);
    if (rc == 0)
        rc = add_list(d, letters, 1, WF_HIDING_SPELLED);
    if (rc == 0)
        rc = add_list(d, numbers, 2, WF_HIDING_SPELLED);
    if (rc == 0)
        rc = add_list(d, times, 2, WF_HIDING_SPELLED);
    if (rc == 0)
        rc = add_list(d, rotated, 0, WF_HIDING_ROTATED);
    if (rc == 0)
        rc = add_list(d, capitals, 1, WF_HIDING_REVERSED);
    return rc != 0 ? rc : add_list(d, reversed, 0, WF_HIDING_REVERSED);
}
