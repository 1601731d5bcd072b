/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of postal addresses: a street's word with its house number, what stands within a house,
 * and a city with its state or postcode. What follows each other is made one by the detector. */
#include "privacy/pattern.h"

/* A name of one to four words with a capital. */
#define CAPS "(?-i:[A-Z\\x{c0}-\\x{17f}][\\w.'’\\x{c0}-\\x{17f}-]{0,30})"
#define NAME CAPS "(?: (?:of|the|de|la|du|des|del|van|der|den|am|an|im|zum|zur|" CAPS ")){0,4}"
#define HOUSE "\\d{1,5}(?: ?[a-z](?![a-z]))?(?:[-/]\\d{1,4}[a-z]?)?"
/* "Apt. 5", then "Springfield, IL 62704", where they follow. */
#define WITHIN "(?:,?\\s{1,3}(?:apt|suite|ste|unit|#|fl|rm|lot)[. #]{0,3}[a-z0-9-]{1,6})?"
#define STATES_1 "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]"
#define STATES_2 "PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]|PR(?= 00[679])"
#define ZIP "(?-i:" STATES_1 "|" STATES_2 ") {1,2}\\d{5}(?:-\\d{4})?"
#define CITY_US "(?:,?\\s{1,3}" CAPS "(?: " CAPS "){0,3},?\\s{1,3}" ZIP ")?"
/* "10115 Berlin", "F-75001 Paris", "114 32 Stockholm". */
#define CITY                                                                                       \
    "(?:,?\\s{1,3}(?:[a-z]{1,2}-)?(?:\\d{4,5}|\\d{3} \\d\\d) " CAPS "(?:[ -]" CAPS "){0,2})?"

static const struct wf_pattern rows[] = {
    /* "12 High Street", "6750 N. MAIN ST APT 3" */
    {.type = "STREET_ADDRESS",
     .regex =
         "\\d{1,6}[a-z]?(?:[-/]\\d{1,4})? (?:[NSEW]{1,2}\\.? )?(?:(?-i:[A-Z0-9])[\\w.'’-]{0,25} "
         "){1,4}(?=(?-i:[A-Z]))(?:Street|St\\.?|Avenue|Ave\\.?|Road|Rd\\.?|Boulevard|Blvd\\.?|"
         "Lane|Ln\\.?|Drive|Dr\\.?|Court|Ct\\.?|Place|Pl\\.?|Square|Sq\\.?|Terrace|Ter\\.?|Way|"
         "Highway|Hwy\\.?|Parkway|Pkwy\\.?|Crescent|Close|Grove|Circle|Cir\\.?|Trail|Trl\\.?|Row|"
         "Mews|Hill|Walk|Plaza|Loop|Alley|Pike|Route|Run|Ridge|Gardens|Park|Green|Heights|"
         "Crossing)(?: [NSEW]{1,2}(?![a-z]))?" WITHIN CITY_US,
     .letters_digits_least = 4,
     .letters_digits_most = 40,
     .score = 0.75F,
     .score_context = 0.75F,
     .few_digits = true,
     .why = "house number and street"},
    /* "103 West Main, Ute, IA 51060": whatever the street is called. */
    {.type = "STREET_ADDRESS",
     .regex = "\\d{1,6}[a-z]?(?:-\\d{1,5})? (?:[\\w.#'’&-]{1,25},?\\s{1,2}){1,10}?" ZIP,
     .letters_digits_least = 4,
     .letters_digits_most = 40,
     .score = 0.8F,
     .score_context = 0.8F,
     .few_digits = true,
     .why = "house number, state and zip code"},
    /* "12 rue de la Paix, 75002 Paris", "5 via Roma" */
    {.type = "STREET_ADDRESS",
     .regex = HOUSE
     ",? (?:bis |ter )?(?:rue|avenue|av\\.|boulevard|bd|chemin|place|quai|impasse|"
     "allée|cours|route|rte|via|viale|corso|piazza|calle|avenida|rua|travessa|praça|"
     "ulica|ul\\.) (?:(?:de|du|des|la|le|les|l'|d'|della|dei|del|do|da|dos|das|sur) ?){0,3}" NAME
         CITY,
     .letters_digits_least = 6,
     .letters_digits_most = 40,
     .score = 0.8F,
     .score_context = 0.8F,
     .few_digits = true,
     .why = "house number and street"},
    /* "Hauptstraße 12, 10115 Berlin", "Storgatan 5", "Kerkstraat 7", "Mannerheimintie 3" */
    {.type = "STREET_ADDRESS",
     .regex = "(?:" CAPS "[ -]){0,3}(?-i:[A-Z\\x{c0}-\\x{17f}])[\\w.\\x{c0}-\\x{17f}-]{0,25}"
              "(?-i:straße|strasse|STRASSE|str\\.?|gasse|weg|allee|platz|ring|damm|ufer|gatan|gata|"
              "vägen|väg|gränd|gränden|vej|veien|vegen|gade|straat|laan|plein|gracht|kade|dreef|"
              "steenweg|katu|ntie|kuja|polku|utca|út|tér)[ ,]{1,2}" HOUSE CITY,
     .triggers =
         "straße|strasse|str. |gasse |weg |allee |platz |ring |damm |ufer |gatan |gata |"
         "vägen |väg |gränd |gränden |vej |veien |vegen |gade |straat |laan |plein |gracht |"
         "kade |dreef |steenweg |katu |ntie |kuja |polku |utca |út |tér ",
     .back = 60,
     .score = 0.8F,
     .score_context = 0.8F,
     .why = "street and house number"},
    /* "Calle Mayor, 5", "Via Roma 12, 00184 Roma", "ul. Długa 7", "Rua Augusta, 100" */
    {.type = "STREET_ADDRESS",
     .regex =
         "(?:calle|c/|avenida|avda\\.?|av\\.|paseo|plaza|carrer|(?-i:Via)|viale|corso|piazza|largo|"
         "strada|rua|travessa|praça|alameda|ulica|ul\\.|aleja|al\\.|улица|ул\\.|проспект|"
         "пр\\.|пер\\.) ?(?:(?:de|la|las|los|el|del|della|dei|do|da|dos|das) ){0,3}"
         "(?:" NAME "|(?-i:\\p{Lu})\\p{L}{1,30}(?: \\p{L}{1,30}){0,3})"
         "(?:,? (?:n[º°.]{1,2} ?|д\\. ?)?" HOUSE ")" CITY,
     .triggers =
         "calle |c/|avenida |avda|av. |paseo |plaza |carrer |via |viale |corso |piazza |"
         "largo |strada |rua |travessa |praça |alameda |ulica |ul. |aleja |al. |улица |ул. |"
         "ул.|проспект |пр. |пер. ",
     .score = 0.75F,
     .score_context = 0.75F,
     .why = "street and house number"},
    /* What stands within a house. */
    {.type = "STREET_ADDRESS",
     .regex = "(?:apt|apartment|suite|ste|unit|flat|room|rm|floor|appt|appartement|wohnung|piso)"
              "[ .#:]{1,3}(?:no\\.? )?(?:\\d{1,5}[a-z]?|[a-z]\\d{1,4})",
     .triggers = "apt|apartment|suite|ste |ste.|unit |flat |room |rm.|floor |appt|appartement|"
                 "wohnung|piso ",
     .score = 0.5F,
     .score_context = 0.5F,
     .why = "within a house"},
    {.type = "STREET_ADDRESS",
     .regex = "(?:p\\.? ?o\\.? box|postfach|apartado(?: de correos)?|casella postale|caixa postal)"
              "[ .#:]{1,3}(?:no\\.? )?\\d{1,7}[a-z]?" CITY_US,
     .triggers = "box |box#|postfach|apartado|casella postale|caixa postal",
     .back = 8,
     .score = 0.7F,
     .score_context = 0.7F,
     .why = "a box at the post"},
    /* Mail of the United States' forces: "PSC 0725, Box 6031", "APO AP 99241". */
    {.type = "STREET_ADDRESS",
     .regex = "(?:PSC|CMR|Unit|OMC) \\d{1,5},? Box \\d{1,5}",
     .triggers = "psc |cmr |unit |omc ",
     .score = 0.85F,
     .score_context = 0.85F,
     .why = "military mail"},
    {.type = "STREET_ADDRESS",
     .regex = "(?:(?:USS|USNS|USNV|USCGC) [a-z]{2,20}\\s{1,3})?(?:[AFD]PO),? A[AEP]\\s{1,3}\\d{5}"
              "(?:-\\d{4})?",
     .triggers = "apo |apo,|fpo |fpo,|dpo |dpo,",
     .back = 30,
     .score = 0.85F,
     .score_context = 0.85F,
     .why = "military mail"},
    /* "IL 62704" */
    {.type = "STREET_ADDRESS",
     .regex = ZIP,
     .letters_digits_least = 7,
     .letters_digits_most = 11,
     .score = 0.8F,
     .score_context = 0.8F,
     .why = "state and zip code"},
};

WF_PATTERN_TABLE(wf_patterns_street, rows);
