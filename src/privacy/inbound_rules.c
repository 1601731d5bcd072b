/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of what is flagged in answers. Expressions of PCRE2, Unicode, upper or lower case. GAP
 * is some words between; every repetition is bounded, and the effort of a match besides. */
#include "base/config.h"
#include "privacy/inbound_internal.h"

#define GAP(n) "(?:\\W{1,3}\\w+){0," #n "}?\\W{1,3}"
#define REMOTE "(?:https?:)?//"
#define TO_MODEL "instructions to a model"
/* Browsers read over white space within; "JavaScript: ..." in prose is none. */
#define RUNS                                                                                       \
    "(?:j\\s{0,2}a\\s{0,2}v\\s{0,2}a\\s{0,2}s\\s{0,2}c\\s{0,2}r\\s{0,2}i\\s{0,2}p\\s{0,2}t|"       \
    "vbscript|livescript)\\s{0,2}(?::|&colon;|&#0{0,5}58;|&#x0{0,5}3a;)"
#define MARK "the mark of a turn in a chat"

const struct wf_inbound_override wf_inbound_overrides[] = {
    {"ignore|disregard|forget|override|bypass|neglect|(?:do not|don't|stop) follow(?:ing)?",
     "instructions?|prompts?|rules|guidelines|directions|commands|directives|programming|"
     "guardrails",
     "previous|prior|above|earlier|preceding|foregoing|original|initial|system|your|all"},
    {"ignorier\\w*|vergiss|vergesst|vergessen|missachte\\w*|übergeh\\w*|umgeh\\w*|verwirf",
     "anweisung\\w*|instruktion\\w*|regeln?|vorgaben?|befehle?n?|richtlinien?|systemprompt\\w*",
     "vorherig\\w*|bisherig\\w*|obig\\w*|vorangegangen\\w*|vorig\\w*|frühere\\w*|alle\\w*|deine?"
     "\\w*"},
    {"ignor\\w+|oubli\\w+|contourn\\w+|désobéis\\w*|ne tiens pas compte|ne tenez pas compte",
     "instructions?|consignes?|règles?|directives?|ordres?",
     "précédent\\w*|antérieur\\w*|ci-dessus|toutes|tous|tes|vos|initial\\w*"},
    {"ignora\\w*|ignore|olvid\\w+|omite|omita|haz caso omiso|haga caso omiso|desobedec\\w+",
     "instrucci\\w+|reglas|órdenes|indicaciones|directrices",
     "anterior\\w*|previ\\w+|todas|tus|sus|iniciales"},
    {"ignor\\w+|dimentic\\w+|trascur\\w+|scorda\\w*",
     "istruzion\\w+|regol[ea]|indicazion\\w+|direttiv\\w+",
     "precedent\\w+|tutt[ei]|tue|sopra|iniziali"},
    {"ignor\\w+|esque[cç]\\w+|desconsider\\w+|desobede\\w+",
     "instruç\\w+|regras|orientações|ordens|diretrizes",
     "anterior\\w*|prévi\\w+|todas|suas|acima|iniciais"},
    {"negeer\\w*|vergeet|omzeil\\w*",
     "instructies?|regels|opdracht\\w*|aanwijzing\\w*|richtlijn\\w*",
     "vorige|eerdere|voorgaande|bovenstaande|alle|je|jouw|uw"},
    {"zignoruj\\w*|ignoruj\\w*|zapomnij\\w*|pomiń",
     "instrukcj\\w+|polece\\w+|zasad\\w*|wytyczn\\w+|reguł\\w*",
     "poprzedni\\w*|wcześniejsz\\w+|powyższ\\w+|wszystki\\w+|swoj\\w+"},
    {"(?:про)?игнорир\\w+|забудь\\w*|отмени\\w*|не обращай\\w* внимания",
     "инструкци\\w+|указани\\w+|правил\\w*|команд\\w*|распоряжени\\w+",
     "предыдущ\\w+|прежни\\w+|все\\w*|выше\\w*|свои\\w*"},
    {"проігнору\\w+|ігнору\\w+|забудь\\w*", "інструкці\\w+|вказівк\\w+|правил\\w*|команд\\w*",
     "попередн\\w+|всі\\w*|усі\\w*|вище\\w*"},
    {"yok say\\w*|görmezden gel\\w*|unut\\w*", "talimat\\w*|yönerge\\w*|kural\\w*|komut\\w*",
     "önceki|yukarıdaki|tüm|bütün"},
    {"ignorera|glöm|bortse från|strunta i", "instruktion\\w*|regler\\w*|anvisning\\w*|direktiv\\w*",
     "tidigare|föregående|ovanstående|alla|dina"},
};
const size_t wf_inbound_overrides_n = WF_ARRAY_LEN(wf_inbound_overrides);

const struct wf_inbound_rule wf_inbound_rules[] = {
    /* words to a model; Chinese, Japanese, Korean and Arabic put them in another order */
    {WF_INBOUND_INSTRUCTION, 0.9F, TO_MODEL,
     "(?:忽略|无视|無視|忘记|忘記|忽視)[^。\\n]{0,14}(?:指令|指示|提示|规则|規則)"},
    {WF_INBOUND_INSTRUCTION, 0.9F, TO_MODEL,
     "(?:以前|これまで|上記|前|すべて)[^。\\n]{0,10}(?:指示|命令|ルール|プロンプト)[^。\\n]{0,6}"
     "(?:無視|忘れ)"},
    {WF_INBOUND_INSTRUCTION, 0.9F, TO_MODEL,
     "(?:이전|위의|모든)[^.\\n]{0,10}(?:지시|명령|규칙|프롬프트)[^.\\n]{0,8}(?:무시|잊)"},
    {WF_INBOUND_INSTRUCTION, 0.9F, TO_MODEL, /* Turkish and German: the verb at the end */
     "\\b(?:önceki|yukarıdaki|tüm|bütün)" GAP(2) "(?:talimat|yönerge|kural|komut)\\w*" GAP(
         2) "(?:yok say|görmezden gel|unut|dikkate alma)\\w*"},
    {WF_INBOUND_INSTRUCTION, 0.9F, TO_MODEL,
     "\\b(?:vorherige|bisherige|obige|frühere)\\w*" GAP(
         1) "(?:anweisung|instruktion|regel|vorgabe|befehl)\\w*" GAP(4) "(?:ignorier|vergess|"
                                                                        "missacht|verw[eo]rf)\\w*"},
    {WF_INBOUND_INSTRUCTION, 0.9F, TO_MODEL,
     "(?:تجاهل|انس)" GAP(4) "(?:التعليمات|الأوامر|القواعد)"},
    {WF_INBOUND_INSTRUCTION, 0.9F, TO_MODEL,
     "(?:पिछले|सभी|उपरोक्त)[^।\\n]{0,12}(?:निर्देश|नियम)[^।\\n]{0,16}(?:अनदेखा|नज़रअंदाज़|भूल)"},
    {WF_INBOUND_INSTRUCTION, 0.8F, TO_MODEL,
     "\\b(?:reveal|print|show|repeat|output|leak|send|disclose)" GAP(
         3) "(?:system|initial|hidden|developer)" GAP(1) "(?:prompt|message|instructions?)\\b"},
    {WF_INBOUND_INSTRUCTION, 0.8F, TO_MODEL,
     "\\byou are now (?:(?:in )?(?:developer|debug|god|admin|dan|jailbreak|unrestricted)\\b|"
     "(?:no longer|not) (?:bound|restricted|an? (?:ai|assistant)))"},
    {WF_INBOUND_INSTRUCTION, 0.8F, TO_MODEL,
     "\\b(?:do not|don't|never|without) (?:tell|telling|inform|informing|mention|alert|alerting|"
     "notify|notifying|show|warn)" GAP(4) "(?:the user|the human|the person|the owner)\\b"},
    {WF_INBOUND_INSTRUCTION, 0.8F, TO_MODEL,
     "\\b(?:new|updated|real|actual|revised) (?:system )?(?:instructions?|prompt|task) ?:"},
    {WF_INBOUND_INSTRUCTION, 0.8F, TO_MODEL,
     "\\b(?:attention|note|message|instructions?|important)" GAP(
         2) "(?:ai|llm|language model|assistant|agent|chatbot)s?\\b ?(?:[:!]|model)"},
    {WF_INBOUND_INSTRUCTION, 0.8F, TO_MODEL,
     "\\b(?:send|post|forward|upload|e-?mail|transmit|exfiltrate)" GAP(
         6) "(?:conversation|chat history|passwords?|credentials|api keys?|secrets?|personal data|"
            "files?|inbox|mails?)" GAP(5) "(?:https?://|\\S{1,64}@)"},
    {WF_INBOUND_INSTRUCTION, 0.9F, MARK,
     "<\\|(?:im_start|im_end|system|user|assistant|endoftext|end|start_header_id|end_header_id|"
     "eot_id|eom_id|start|channel|message|call|return)\\|>"},
    {WF_INBOUND_INSTRUCTION, 0.9F, MARK,
     "\\[/?INST\\]|<</?SYS>>|<(?:start|end)_of_turn>|</?(?:tool_call|function_call|tool_response|"
     "function_results|system_prompt)>"},
    {WF_INBOUND_INSTRUCTION, 0.6F, MARK,
     "(?m)^[#\\s*]{0,6}(?:system|assistant|human)(?: prompt| message)?\\s?\\**:"},

    /* what runs */
    {WF_INBOUND_SCRIPT, 0.95F, "HTML that runs or loads",
     "<(?:script|iframe|object|embed|applet|frame|base|meta|link|form|style|foreignObject)\\b"
     "[^>]{0,300}>?"},
    {WF_INBOUND_SCRIPT, 0.95F, "a handler of events in HTML",
     "<\\w[^>]{0,300}?[\\s/\"']on[a-z]{3,20}\\s{0,5}=[^>]{0,200}>?"},
    {WF_INBOUND_SCRIPT, 0.95F, "an address that runs", "\\b" RUNS "[^\\s)\"'<>]{1,200}"},
    {WF_INBOUND_SCRIPT, 0.95F, "an address that runs",
     "(?:\\]\\(|[=\\]:])[\\s<\"']{0,5}(" RUNS "\\s{0,5}[^\\s)\"'<>]{1,200})"},
    {WF_INBOUND_SCRIPT, 0.95F, "an address that runs",
     "\\bdata:(?:text/html|text/javascript|application/(?:javascript|xhtml\\+xml)|image/svg\\+xml)"
     "[^\\s)\"'<>]{0,200}"},

    /* what is loaded by showing it */
    {WF_INBOUND_IMAGE, 0.9F, "a picture from elsewhere",
     "!\\[[^\\]\\n]{0,300}\\]\\(\\s{0,5}<?(" REMOTE "[^\\s)>]{1,2000})"},
    {WF_INBOUND_IMAGE, 0.9F, "a picture from elsewhere",
     "!\\[[^\\]\\n]{0,300}\\]\\s?\\[[^\\]\\n]{0,100}\\]"},
    {WF_INBOUND_IMAGE, 0.9F, "something from elsewhere in HTML",
     "<(?:img|image|picture|video|audio|source|track|svg|use|input|body|table|td)\\b[^>]{0,300}?"
     "(?:src|srcset|href|poster|background)\\s{0,5}=\\s{0,5}[\"']?\\s{0,5}(" REMOTE
     "[^\\s\"'>]{1,2000})"},
    {WF_INBOUND_IMAGE, 0.8F, "something from elsewhere in CSS",
     "(?:url\\(|@import)\\s{0,5}[\"']?\\s{0,5}(" REMOTE "[^\\s\"')>]{1,2000})"},

    /* what leads elsewhere */
    {WF_INBOUND_LINK, 0.5F, "a link",
     "(?<![\\w/])((?:https?|ftp|wss?)://[^\\s<>\"'`\\])}]{1,2000})"},
    {WF_INBOUND_LINK, 0.5F, "a link",
     "(?<!!)\\[[^\\]\\n]{0,300}\\]\\(\\s{0,5}<?(//[^\\s)>]{1,2000})"},
    {WF_INBOUND_LINK, 0.5F, "a link", "(?<![\\w/@.:-])(www\\.[^\\s<>\"'`\\])}]{1,2000})"},
    {WF_INBOUND_LINK, 0.5F, "a link that acts",
     "(?<![\\w/"
     "])((?:mailto|tel|sms|file|smb|ssh|intent|ms-[a-z]+|vscode|slack|tg):[^\\s<>\"'`\\])}]"
     "{3,500})"},

    /* what nobody sees */
    {WF_INBOUND_UNSEEN, 0.9F, "tag characters", "[\\x{E0000}-\\x{E007F}]{2,}+"},
    {WF_INBOUND_UNSEEN, 0.7F, "characters that turn the direction of text",
     "[\\x{202A}-\\x{202E}\\x{2066}-\\x{2069}]++"},
    {WF_INBOUND_UNSEEN, 0.7F, "many characters without width",
     "[\\x{200B}\\x{200C}\\x{200D}\\x{2060}-\\x{2064}\\x{FEFF}]{4,}+"},
    {WF_INBOUND_UNSEEN, 0.7F, "variation selectors that carry data",
     "[\\x{FE00}-\\x{FE0F}\\x{E0100}-\\x{E01EF}]{3,}+"},
};
const size_t wf_inbound_rules_n = WF_ARRAY_LEN(wf_inbound_rules);
