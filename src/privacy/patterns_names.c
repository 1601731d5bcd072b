/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of names that say themselves what they are: behind "my name is", a title, a greeting, at
 * the end of a letter; companies by what they end with. What is left is for lens (names.c). */
#include "privacy/pattern.h"

#define CAPS "(?-i:[A-Z\\x{c0}-\\x{17f}](?:['’][A-Z])?[\\w\\x{c0}-\\x{17f}-]{0,30})"
#define LINK "(?-i:de|del|da|di|van|von|der|den|la|le|bin|ibn|al|el|y|e|zu|ter|dos|du)"
#define PLACE "(?!(?:apt|suite|unit|flat|box|floor|room|street|st|road)(?![\\w-]))"
#define PERSON CAPS "(?:[ -](?:" LINK " ){0,2}(?:(?-i:[A-Z])\\.|" PLACE CAPS ")){0,3}"
/* What is greeted, too, and is nobody. */
#define NOBODY                                                                                     \
    "(?!(?:sir|madam|all|team|there|everyone|everybody|customer|colleagues?|friends?|members?|"    \
    "folks|guys|world|again|and|or|the|this|that|if|i|we|you|is|not|please|thanks|mr|mrs|ms|dr)"   \
    "(?![\\w-]))"
#define COMPANY                                                                                    \
    "Inc\\.?|LLC|L\\.L\\.C\\.|Ltd\\.?|PLC|LLP|GmbH(?: & Co\\.? KG)?|AG|KG|e\\.V\\.|S\\.A\\.|SARL|" \
    "S\\.L\\.|S\\.p\\.A\\.|S\\.r\\.l\\.|B\\.V\\.|N\\.V\\.|AB(?![ "                                 \
    "-]?[\\p{Nd}&%\\\\])|A/S|Oy|Corp\\.?|Corporation|"                                             \
    "Holdings?|Group|Bank|University|Foundation|Institute|Hospital|and Sons|& Sons|& Co\\.?"

static const struct wf_pattern rows[] = {
    {.type = "PERSON",
     .regex =
         "(?:(?:first|last|full|given|family|maiden|middle|customer|patient|contact|client|"
         "applicant|employee|holder|user|my|her|his|your|their|real|sur|nick)['’s]{0,2} ?"
         "name(?:[ ]?[:=]| is| was| ist)|(?<=\\n)name:|^name:|(?<=[>*-] )name:|nom(?: est| ?:)|"
         "nombre(?: es|:)|me llamo|m['’]appelle|heiße|heisse|mi chiamo|me chamo|nome(?: è| é|:)|"
         "naam is|heter|directed by:?|signed by:?)[ \\t]{1,10}" NOBODY "(" PERSON ")",
     .triggers =
         "name:|name :|name=|name is |name was |name ist |nom est|nom:|nom :|nombre es|"
         "nombre:|llamo |appelle |heiße |heisse |chiamo |chamo |nome è|nome é|nome:|naam is |"
         "heter |directed by|signed by",
     .back = 14,
     .score = 0.7F,
     .score_context = 0.7F,
     .why = "said to be a name"},
    {.type = "PERSON",
     .regex = "(?:我叫|姓名[：:]|名字叫|名前は|氏名[：:]|이름은|성명:)[ ]?"
              "([\\p{Han}\\p{Hiragana}\\p{Katakana}\\p{Hangul}]{2,6})",
     .triggers = "我叫|姓名|名字叫|名前は|氏名|이름은|성명",
     .score = 0.7F,
     .score_context = 0.7F,
     .why = "said to be a name"},
    {.type = "PERSON",
     .regex =
         "(?:меня зовут|зовут|имя:|фамилия:|ім'я:)[ ]((?-i:\\p{Lu})\\p{L}{1,30}(?: (?-i:\\p{Lu})"
         "\\p{L}{1,30}){0,2})",
     .triggers = "зовут |имя:|фамилия:|ім'я:",
     .back = 12,
     .score = 0.7F,
     .score_context = 0.7F,
     .why = "said to be a name"},
    {.type = "PERSON",
     .regex = "(?-i:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Rev|Herrn?|Frau|Mme|Mlle|Monsieur|Madame|"
              "Señora?|Sra?|Srta|Don|Doña|Sig|Signora?|Dott|Mevrouw|Meneer)\\.? (" PERSON ")",
     .triggers =
         "mr. |mr |mrs. |mrs |ms. |ms |miss |mx. |dr. |dr |prof. |prof |professor |rev. |herr |"
         "herrn |frau |mme |mlle |monsieur |madame |señor |señora |sr. |sra. |srta. |don |"
         "doña |sig. |signor |signora |dott. |mevrouw |meneer ",
     .score = 0.75F,
     .score_context = 0.75F,
     .why = "behind a title"},
    {.type = "PERSON",
     .regex =
         "(?-i:Dear|Hi|Hello|Hey|Liebe|Lieber|Hallo|Bonjour|Cher|Chère|Hola|Querid[oa]|Ciao|Cara|"
         "Caro|Olá|Beste|Hej) " NOBODY "(" CAPS "(?: " CAPS "){0,2})(?=[,!.:?]|\\s{0,2}\\n)",
     .triggers = "dear |hi |hello |hey |liebe |lieber |hallo |bonjour |cher |chère |hola |querido |"
                 "querida |ciao |cara |caro |olá |beste |hej ",
     .score = 0.6F,
     .score_context = 0.6F,
     .why = "greeted"},
    {.type = "PERSON",
     .regex = "(?:regards|sincerely|faithfully|cheers|gr(?:ü|ue)(?:ß|ss)en?|cordialement|saludos|"
              "saluti|cumprimentos|groet(?:en)?|hälsningar),?[ ]{0,3}\\r?\\n\\s{0,8}(" PERSON ")"
              "(?=\\s|$)",
     .triggers =
         "regards|sincerely|faithfully|cheers|grüße|grüßen|gruesse|cordialement|saludos|saluti|"
         "cumprimentos|groet|hälsningar",
     .score = 0.7F,
     .score_context = 0.7F,
     .why = "signed"},
    {.type = "ORGANIZATION",
     .regex = CAPS "(?:(?:[ -]| & )" CAPS "){0,4},? (?-i:" COMPANY ")",
     .triggers =
         " inc| llc| l.l.c| ltd| plc| llp| gmbh| ag| kg| e.v.| s.a.| sarl| s.l.| s.p.a.| s.r.l.|"
         " b.v.| n.v.| ab| a/s| oy| corp| holding| group| bank| university| foundation|"
         " institute| hospital| and sons| & sons| & co",
     .back = 70,
     .score = 0.85F,
     .score_context = 0.85F,
     .why = "what companies end with"},
};

WF_PATTERN_TABLE(wf_patterns_names, rows);
