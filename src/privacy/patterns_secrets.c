/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of secrets: keys and tokens by the prefixes that their issuers publish, private keys,
 * signed tokens, passwords as people and programs write them, and random strings beside a word that
 * says what they are. */
#include <math.h>
#include <string.h>

#include "privacy/pattern.h"

/* ---- checks ---- */

/* The value of a base64url digit; 64: it is none. */
static unsigned digit64(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    return c == '-' || c == '+' ? 62 : c == '_' || c == '/' ? 63 : 64;
}

/* The header is an object that names its algorithm. */
static bool jwt_valid(struct wf_str s)
{
    char header[256];
    size_t n = 0;
    unsigned bits = 0, held = 0;

    for (size_t i = 0; i < s.len && s.ptr[i] != '.' && n < sizeof(header); i++) {
        bits = bits << 6 | digit64(s.ptr[i]);
        held += 6;
        if (held >= 8) {
            held -= 8;
            header[n++] = (char)(uint8_t)(bits >> held);
        }
        bits &= (1u << held) - 1;
    }
    return n > 0 && header[0] == '{' &&
           wf_str_find(wf_str_n(header, n), WF_STR("\"alg\""), 0) != SIZE_MAX;
}

enum {
    LOWER = 1,
    UPPER = 2,
    DIGIT = 4,
    OTHER = 8
};

static unsigned kind_of(char c)
{
    if (c >= 'a' && c <= 'z')
        return LOWER;
    if (c >= 'A' && c <= 'Z')
        return UPPER;
    return c >= '0' && c <= '9' ? DIGIT : OTHER;
}

/* Bits a character, by how often each occurs. */
static float entropy(struct wf_str s)
{
    unsigned counts[256] = {0};
    float sum = 0;

    for (size_t i = 0; i < s.len; i++)
        counts[(uint8_t)s.ptr[i]]++;
    for (size_t b = 0; b < 256; b++) {
        const float p = (float)counts[b] / (float)s.len;
        if (counts[b] > 0)
            sum -= p * log2f(p);
    }
    return sum;
}

/* Letters other than vowels, one behind the other: a word has hardly ever so many. */
#define CONSONANTS_LEAST 6

static size_t consonants(struct wf_str s)
{
    size_t n = 0, most = 0;

    for (size_t i = 0; i < s.len; i++) {
        n = strchr("aeiouyAEIOUY", s.ptr[i]) == NULL && (kind_of(s.ptr[i]) & (LOWER | UPPER)) != 0
                ? n + 1
                : 0;
        most = WF_MAX(most, n);
    }
    return most;
}

/* Random: letters and digits that change often, and hardly any that is there often. Names in
 * programs (max_tokens_per_minute) and words have long runs of small letters. */
static bool secret_valid(struct wf_str s)
{
    size_t changes = 0, digits = 0, capitals = 0;
    unsigned kinds = 0;

    for (size_t i = 0; i < s.len; i++) {
        const unsigned kind = kind_of(s.ptr[i]);
        kinds |= kind;
        digits += kind == DIGIT;
        capitals += kind == UPPER;
        changes += i > 0 && kind != kind_of(s.ptr[i - 1]);
    }
    if (s.len < 12 || (kinds & (LOWER | UPPER)) == 0)
        return false;
    if (digits == 0)
        return s.len >= 20 && (kinds & (LOWER | UPPER)) == (LOWER | UPPER) &&
               (changes * 5 >= s.len * 2 ||
                (changes * 4 >= s.len && capitals * 10 >= s.len * 3 &&
                 capitals * 10 <= s.len * 7) ||
                (changes * 5 >= s.len && consonants(s) >= CONSONANTS_LEAST)) &&
               entropy(s) >= 3.5F;
    return changes * 5 >= s.len && entropy(s) >= (s.len < 20 ? 2.8F : 3.0F);
}

/* Placeholders and what forms say in place of a password. */
static bool is_blank(struct wf_str s)
{
    static const char *const blanks[] = {
        "required",  "optional", "null",      "none",     "string",  "true",    "false",
        "incorrect", "wrong",    "invalid",   "hidden",   "reset",   "here",    "changed",
        "expired",   "correct",  "protected", "weak",     "strong",  "missing", "empty",
        "undefined", "password", "passwort",  "redacted", "and",     "the",     "your",
        "text",      "field",    "input",     "value",    "input()", "getpass", "self",
        "request",   "click",    "see",       "siehe",    "enter",   "must",    "should",
        "will",      "not",      "never"};
    size_t same = 0;

    for (size_t i = 0; i < WF_ARRAY_LEN(blanks); i++)
        if (wf_str_eq_nocase(s, wf_str_from(blanks[i])))
            return true;
    for (size_t i = 1; i < s.len; i++)
        same += s.ptr[i] == s.ptr[0];
    return s.len < 3 || same + 1 == s.len || strchr("<{$%[(", s.ptr[0]) != NULL;
}

/* Behind ":" or "=" anything is one that is no placeholder. */
static bool password_valid(struct wf_str s)
{
    return !is_blank(s);
}

/* Behind "is" most words are no passwords: it has a digit or a sign, or capitals within. */
static bool password_said_valid(struct wf_str s)
{
    unsigned kinds = 0;

    for (size_t i = 1; i < s.len; i++)
        kinds |= kind_of(s.ptr[i]);
    return s.len >= 4 && !is_blank(s) &&
           ((kinds & (DIGIT | OTHER)) != 0 || kinds == (LOWER | UPPER));
}

/* ---- the rows ---- */

#define PASSWORD_WORDS_1 "password|passwort|passwd|passphrase|pwd|kennwort|contraseña|"
#define PASSWORD_WORDS_2 "contrasena|mot de passe|senha|palavra-passe|wachtwoord|parol"
#define PASSWORD_WORDS_3                                                                           \
    "a|пароль|парол|密码|密碼|口令|パスワード|비밀번호|암호|hasło|lösenord|adgangs"
#define PASSWORD_WORDS_4 "kode|passord|salasana|heslo|jelszó|şifre|κωδικός|סיסמה|كلمة "
#define PASSWORD_WORDS_5 "المرور|كلمة السر|पासवर्ड|รหัสผ่าน|mật khẩu|kata sandi|"
#define PASSWORD_WORDS_6 "رمز عبور|گذرواژه|پسورد|پاس ورڈ|পাসওয়ার্ড|"
#define PASSWORD_WORDS_6_1                                                                         \
    "পাসওয়ার্ড|கடவுச்சொல்|"                               \
    "પાસવર્ડ|"
#define PASSWORD_WORDS_6_2 "kata laluan|"
#define PASSWORD_WORDS_7 "парола|лозинка|lozinka|geslo|"
#define PASSWORD_WORDS_7_1 "κωδικός πρόσβασης|κωδικος|nenosiri|"
#define PASSWORD_WORDS_7_2 "neno la siri|parola d'ordine|"
#define PASSWORD_WORDS_8 "parola|contrasenya|pasahitz|cyfrinair|"
#define PASSWORD_WORDS_8_1 "lykilorð|parool|slaptažod|parole|գաղտնաբառ|"
#define PASSWORD_WORDS_8_2 "პაროლ|құпия "
#define PASSWORD_WORDS_9 "сөз|нууц үг|лозинката|p4ssw0rd|passw0rd|p@ssword|p@ssw0rd|pa55word"
#define PASSWORD_WORDS                                                                             \
    PASSWORD_WORDS_1 PASSWORD_WORDS_2 PASSWORD_WORDS_3 PASSWORD_WORDS_4 PASSWORD_WORDS_5           \
        PASSWORD_WORDS_6 PASSWORD_WORDS_6_1 PASSWORD_WORDS_6_2 PASSWORD_WORDS_7 PASSWORD_WORDS_7_1 \
            PASSWORD_WORDS_7_2 PASSWORD_WORDS_8 PASSWORD_WORDS_8_1 PASSWORD_WORDS_8_2              \
                PASSWORD_WORDS_9

#define SECRET_WORDS_1                                                                             \
    "secret|token|apikey|api_key|api-key|api key|access_key|access-key|access key|private_key|"
#define SECRET_WORDS_2                                                                             \
    "private key|client_secret|credential|signature|auth_key|authkey|encryption key|"
#define SECRET_WORDS_3                                                                             \
    "encryption_key|signing key|signing_key|license key|clé secrète|clé api|schlüssel|clave|"
#define SECRET_WORDS_4 "chave|ключ|токен|密钥|令牌|秘密鍵|トークン|비밀키|토큰"
#define SECRET_WORDS SECRET_WORDS_1 SECRET_WORDS_2 SECRET_WORDS_3 SECRET_WORDS_4

/* What a password may have, when it stands without quotes. */
#define SIGN "[^\\s\"'`,;<>”“»。，、]"

/* From a cell of an HTML table to the next. */
#define CELL "</t[dh]>\\s{0,9}<t[dh][^>\\n]{0,40}>(?:<[a-z]{1,6}>)?"

static const struct wf_pattern rows[] = {
    {.type = "AWS_ACCESS_KEY",
     .regex = "(?-i)A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}",
     .triggers = "akia|asia|abia|acca",
     .score = 0.98F,
     .score_context = 0.98F,
     .why = "AWS access key"},
    {.type = "API_KEY",
     .regex = "(?-i)gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}",
     .triggers = "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
     .score = 0.99F,
     .score_context = 0.99F,
     .why = "GitHub token"},
    {.type = "API_KEY",
     .regex = "(?-i)gl(?:pat|dt|rt|ptt|ft|soat|cbt|agent)-[A-Za-z0-9_.-]{20,300}",
     .triggers = "glpat-|gldt-|glrt-|glptt-|glft-|glsoat-|glcbt-|glagent-",
     .score = 0.98F,
     .score_context = 0.98F,
     .why = "GitLab token"},
    {.type = "API_KEY",
     .regex = "(?-i)xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-\\d-[A-Za-z0-9-]{20,250}",
     .triggers = "xox|xapp-",
     .score = 0.98F,
     .score_context = 0.98F,
     .why = "Slack token"},
    {.type = "API_KEY",
     .regex = "hooks\\.slack\\.com/services/T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/[A-Za-z0-9]{20,30"
              "}",
     .triggers = "hooks.slack.com",
     .score = 0.98F,
     .score_context = 0.98F,
     .why = "Slack webhook"},
    {.type = "API_KEY",
     .regex = "(?-i)AIza[0-9A-Za-z_-]{35}|GOCSPX-[0-9A-Za-z_-]{28}|ya29\\.[0-9A-Za-z_.-]{20,2"
              "000}",
     .triggers = "aiza|gocspx-|ya29.",
     .score = 0.98F,
     .score_context = 0.98F,
     .why = "Google key"},
    {.type = "API_KEY",
     .regex = "(?-i)(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9+/=]{24,80"
              "}",
     .triggers = "sk_live_|sk_test_|rk_live_|rk_test_|pk_live_|pk_test_|whsec_",
     .score = 0.98F,
     .score_context = 0.98F,
     .why = "Stripe key"},
    {.type = "API_KEY",
     .regex = "(?-i)sk-ant-[A-Za-z0-9_-]{20,200}",
     .triggers = "sk-ant-",
     .score = 0.99F,
     .score_context = 0.99F,
     .why = "Anthropic key"},
    {.type = "API_KEY",
     .regex = "(?-i)sk-(?:proj-|svcacct-|admin-|or-v1-)?(?=[A-Za-z_-]{0,60}[0-9])[A-Za-z0-9_-"
              "]{20,300}",
     .triggers = "sk-",
     .score = 0.95F,
     .score_context = 0.95F,
     .why = "OpenAI key"},
    {.type = "API_KEY",
     .regex = "(?-i)hf_[A-Za-z0-9]{30,40}|gsk_[A-Za-z0-9]{40,60}|r8_[A-Za-z0-9]{37}|xai-[A-Za"
              "-z0-9]{60,100}|pplx-[A-Za-z0-9]{40,60}|tvly-[A-Za-z0-9-]{20,60}|fw_[A-Za-z0-9]"
              "{20,30}|nvapi-[A-Za-z0-9_-]{60,70}",
     .triggers = "hf_|gsk_|r8_|xai-|pplx-|tvly-|fw_|nvapi-",
     .score = 0.97F,
     .score_context = 0.97F,
     .why = "key of a model provider"},
    {.type = "API_KEY",
     .regex = "(?-i)npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,250}|rubygems_[0-9a-f]{48}|dckr"
              "_pat_[A-Za-z0-9_-]{27}|oy2[a-z0-9]{43}",
     .triggers = "npm_|pypi-|rubygems_|dckr_pat_|oy2",
     .score = 0.98F,
     .score_context = 0.98F,
     .why = "token of a package registry"},
    {.type = "API_KEY",
     .regex = "(?-i)(?:AC|SK)[0-9a-f]{32}",
     .triggers = "ac0|ac1|ac2|ac3|ac4|ac5|ac6|ac7|ac8|ac9|aca|acb|acc|acd|ace|acf|sk0|sk1|"
                 "sk2|sk3|sk4|sk5|sk6|sk7|sk8|sk9|ska|skb|skc|skd|ske|skf",
     .score = 0.9F,
     .score_context = 0.9F,
     .why = "Twilio key"},
    {.type = "API_KEY",
     .regex = "(?-i)SG\\.[A-Za-z0-9_-]{20,24}\\.[A-Za-z0-9_-]{40,46}|key-[0-9a-f]{32}|[0-9a-f"
              "]{32}-us\\d{1,2}",
     .triggers = "sg.|key-|-us1|-us2|-us3|-us4|-us5|-us6|-us7|-us8|-us9",
     .back = 32,
     .score = 0.95F,
     .score_context = 0.95F,
     .why = "key of a mail service"},
    {.type = "API_KEY",
     .regex = "(?-i)do[opr]_v1_[0-9a-f]{64}|HRKU-[A-Za-z0-9_-]{36,70}|dapi[0-9a-f]{32}(?:-\\d"
              ")?|hv[sbr]\\.[A-Za-z0-9_-]{24,200}|pul-[0-9a-f]{40}|[A-Za-z0-9]{14}\\.atlasv1\\"
              ".[A-Za-z0-9_=-]{60,80}|LTAI[A-Za-z0-9]{12,20}|AKID[A-Za-z0-9]{13,40}|nfp_[A-Za"
              "-z0-9]{36,40}|sbp_[0-9a-f]{40}|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}|f"
              "o1_[A-Za-z0-9_-]{43}|AKCp[A-Za-z0-9]{60,80}",
     .triggers = "doo_v1_|dop_v1_|dor_v1_|hrku-|dapi|hvs.|hvb.|hvr.|pul-|.atlasv1.|ltai|ak"
                 "id|nfp_|sbp_|pscale_|fo1_|akcp",
     .back = 14,
     .score = 0.97F,
     .score_context = 0.97F,
     .why = "key of a cloud"},
    {.type = "API_KEY",
     .regex = "(?-i)shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43"
              "}|EAAA[A-Za-z0-9_-]{60}|access_token\\$(?:production|sandbox)\\$[0-9a-z]{16}\\"
              "$[0-9a-f]{32}|EZ[AT]K[A-Za-z0-9]{54}|FLWSECK[A-Za-z0-9_-]{20,50}",
     .triggers = "shpat_|shpca_|shppa_|shpss_|sq0|eaaa|access_token$|ezak|eztk|flwseck",
     .score = 0.97F,
     .score_context = 0.97F,
     .why = "key of a shop or payment service"},
    {.type = "API_KEY",
     .regex = "(?-i)\\d{8,10}:AA[A-Za-z0-9_-]{33}",
     .triggers = ":aa",
     .back = 10,
     .score = 0.97F,
     .score_context = 0.97F,
     .why = "Telegram bot"},
    {.type = "API_KEY",
     .regex = "(?-i)ATATT3[A-Za-z0-9_=-]{60,250}|lin_api_[A-Za-z0-9]{40}|ntn_[A-Za-z0-9]{40,5"
              "0}|figd_[A-Za-z0-9_-]{40,50}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|gls?[ac]_[A-Za-z0-"
              "9_=+/-]{32,250}|NRAK-[A-Z0-9]{27}|sntry[su]_[A-Za-z0-9_=+/-]{60,250}|dp\\.(?:p"
              "t|st|ct|sa|scim|audit)\\.[A-Za-z0-9._-]{40,60}|tfp_[A-Za-z0-9_.-]{40,70}|sl\\."
              "[A-Za-z0-9_-]{130,250}|phc_[A-Za-z0-9]{40,50}|AGE-SECRET-KEY-1[A-Z0-9]{58}|y0_"
              "[A-Za-z0-9_-]{50,70}|ops_eyJ[A-Za-z0-9_=-]{100,1000}",
     .triggers = "atatt3|lin_api_|ntn_|figd_|pmak-|glsa_|glc_|nrak-|sntrys_|sntryu_|dp.pt."
                 "|dp.st.|dp.ct.|dp.sa.|dp.scim.|dp.audit.|tfp_|sl.|phc_|age-secret-key-|y"
                 "0_|ops_eyj",
     .score = 0.97F,
     .score_context = 0.97F,
     .why = "token of a web service"},
    /* The beginning of one, cut off or in two: what is telling in it is the prefix. */
    {.type = "API_KEY",
     .regex = "(?-i)(?:gh[pousr]_|github_pat_|glpat-|xox[abp]-|AIza|[srp]k_(?:live|test)_|sk-ant-|"
              "sk-proj-|do[opr]_v1_|shpat_)(?!x{3}|X{3}|your|YOUR|token|key)[A-Za-z0-9_-]{4,200}|(?"
              ":hf|npm)_(?=[A-Za-z]{0,16}[0-9])(?=[a-z0-9]{0,16}[A-Z])"
              "[A-Za-z0-9]{6,40}",
     .triggers = "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_|glpat-|xoxa-|xoxb-|xoxp-|aiza|sk_live_|"
                 "sk_test_|rk_live_|pk_live_|sk-ant-|sk-proj-|doo_v1_|dop_v1_|dor_v1_|shpat_|hf_|"
                 "npm_",
     .score = 0.7F,
     .score_context = 0.7F,
     .why = "beginning of a key"},
    {.type = "JWT",
     .regex = "(?-i)eyJ[A-Za-z0-9_-]{8,4000}\\.[A-Za-z0-9_-]{4,8000}\\.[A-Za-z0-9_-]{0,2000}",
     .triggers = "eyj",
     .valid = jwt_valid,
     .score = 0.97F,
     .score_context = 0.97F,
     .why = "header names an algorithm"},
    {.type = "PRIVATE_KEY",
     .regex = "-----BEGIN[ _]?(?:[A-Z0-9]{2,10}[ _]?){0,2}PRIVATE[ _]?KEY(?:[ "
              "_]?BLOCK)?-----(?:[^-]{1,14000}"
              "-----END[ _]?(?:[A-Z0-9]{2,10}[ _]?){0,2}PRIVATE[ _]?KEY(?:[ _]?BLOCK)?-----)?",
     .triggers = "-----begin",
     .score = 1.0F,
     .score_context = 1.0F,
     .why = "private key block"},
    {.type = "PRIVATE_KEY",
     .regex = "PuTTY-User-Key-File-\\d:[^\\x00]{0,14000}?Private-MAC: ?[0-9a-f]{40,64}",
     .triggers = "putty-user-key-file",
     .score = 1.0F,
     .score_context = 1.0F,
     .why = "private key file"},
    {.type = "CONNECTION_STRING",
     .regex = "(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\\+srv)?|rediss?|amqps?|mssql|sqlse"
              "rver|oracle|clickhouse|cassandra|couchdb|ldaps?|smtps?|imaps?|kafka|nats)(?:\\"
              "+[a-z0-9]{2,12})?://[^\\s:@/\"\\'<>]{0,80}:[^\\s@/\"\\'<>]{1,120}@[^\\s\"\\'<>"
              "]{1,200}",
     .triggers = "postgres|mysql|mariadb|mongodb|redis|amqp|mssql|sqlserver|oracle|clickho"
                 "use|cassandra|couchdb|ldap|smtp|imap|kafka|nats",
     .score = 0.98F,
     .score_context = 0.98F,
     .why = "password within"},
    {.type = "CONNECTION_STRING",
     .regex = "(?:server|data source|host|addr(?:ess)?|account ?name|defaultendpointsprotocol"
              "|endpoint|driver) ?=[^;\\n]{1,120};(?:[^;=\\n]{1,40}=[^;\\n]{0,120};){0,8}? ?("
              "?:password|pwd|accountkey|sharedaccesskey) ?=[^;\\s\"\\']{1,120}(?:;[a-z ]{1,3"
              "0}=[^;\\s\"\\']{0,60}){0,8}",
     .triggers = "server=|data source=|server =|host=|account name=|accountname=|defaulten"
                 "dpointsprotocol=|endpoint=|driver=",
     .score = 0.98F,
     .score_context = 0.98F,
     .why = "password within"},
    {.type = "CREDENTIALS",
     .regex = "(?:https?|ftps?|sftp|ssh|git|svn|wss?|socks5h?|smb|rtsp|mqtts?)://[^\\s:@/\"\\"
              "'<>]{1,80}:[^\\s@/\"\\'<>]{1,120}@[^\\s\"\\'<>]{1,400}",
     .triggers = "http|ftp|ssh:|git:|svn:|ws:|wss:|socks5|smb:|rtsp:|mqtt",
     .score = 0.97F,
     .score_context = 0.97F,
     .why = "URL with a password"},
    {.type = "CREDENTIALS",
     .regex = "(?:authorization[\"\\' ]{0,2}[:=] ?[\"\\']?)?(?|basic ([a-z0-9+/]{12,400}={0,2"
              "})|bearer ([a-z0-9._~+/-]{16,2000}={0,2}))",
     .triggers = "basic |bearer ",
     .valid = secret_valid,
     .score = 0.9F,
     .score_context = 0.9F,
     .why = "authorization header"},
    {.type = "PASSWORD",
     .regex = "[a-z0-9_.-]{0,30}(?:" PASSWORD_WORDS ")[a-z0-9_]{0,12}[\"'`]?[ \\t]{0,3}(?::=|=>|==|"
              "[:=：]|->)[ \\t]{0,3}(?|\"([^\"\\n]{3,100})\"|'([^'\\n]{3,100})'|(" SIGN "{3,100}))",
     .triggers = PASSWORD_WORDS,
     .back = 30,
     .valid = password_valid,
     .score = 0.9F,
     .score_context = 0.9F,
     .why = "word before"},
    {.type = "PASSWORD",
     .regex =
         "(?:" PASSWORD_WORDS ")(?: (?:for|to|of|für|zum|de|del|pour|para|do|da|per|voor) "
         "[^\\n:=]{1,40}?)?[ \\t]?(?:is "
         "now|is|was|to|ist|lautet|est|es|era|è|é|jest|是|为|は|는|은|"
         "—|–|-|:\\r?\\n| ?\\||" CELL ")[ \\t:*]{0,3}[\"'“„«`]?(" SIGN "{4,64}(?<![.!?)\\]}]))",
     .triggers = PASSWORD_WORDS,
     .valid = password_said_valid,
     .score = 0.8F,
     .score_context = 0.8F,
     .why = "word before"},
    {.type = "PASSWORD",
     /* No passports: "Reisepass: C01X00T47". */
     .regex = "[a-z0-9_.-]{0,20}(?<!reise)(?<!dienst)(?<!kinder)(?:pass|pw|passcode|mdp|clave)[\"']"
              "?[ \\t]{0,2}[:=][ "
              "\\t]{0,2}[\"']?(" SIGN "{4,64})",
     .triggers = "pass|pw|mdp|clave",
     .back = 20,
     .valid = password_said_valid,
     .score = 0.8F,
     .score_context = 0.8F,
     .why = "word before"},
    /* Options of commands, .netrc. */
    {.type = "PASSWORD",
     .regex = "--?(?:password|passwd|passphrase|pass|pwd|token|api-?key|secret)[ =][\"']?"
              "((?!-)[^\\s\"'$]{3,100})",
     .triggers = "-pass|-pwd|-token|-api|-secret",
     .back = 1,
     .valid = password_valid,
     .score = 0.85F,
     .score_context = 0.85F,
     .why = "option of a command"},
    {.type = "PASSWORD",
     .regex = "(?:sshpass -p ?|login [^\\s]{1,60} password |mysql(?:dump)? [^\\n]{0,60} -p(?! ))"
              "[\"']?([^\\s\"'$]{3,100})",
     .triggers = "sshpass|login |mysql",
     .valid = password_valid,
     .score = 0.85F,
     .score_context = 0.85F,
     .why = "option of a command"},
    {.type = "CREDENTIALS",
     .regex = "curl [^\\n]{0,120}?(?:-u|--user) ?[\"']?([^\\s:\"'$]{1,60}:[^\\s\"'$]{1,100})",
     .triggers = "curl ",
     .score = 0.9F,
     .score_context = 0.9F,
     .why = "option of a command"},
    {.type = "PIN",
     .regex =
         "(?:(?:my |the |card |sim |bank )?pin(?:[ -]?(?:code|number|nummer))?|passcode|"
         "(?:verification|security|confirmation|one-time|login|access) code|otp|tan|"
         "bestätigungscode|code de vérification|código de verificación|验证码|認証コード|인증번호|"
         "код подтверждения)(?: (?:is|ist|est|es|for [^\\n:]{1,30}))?"
         "(?:[ :=#]{1,3}[\"'`]?| ?\\|[ *`]{0,4}|" CELL ")"
         "(\\d{4,8}|\\d{3}[ -]\\d{3})(?![.,]\\d)",
     .triggers = "pin|passcode| code|otp|tan|bestätigungscode|vérification|verificación|验证码|"
                 "認証コード|인증번호|код подтверждения",
     .back = 24,
     .score = 0.8F,
     .score_context = 0.8F,
     .why = "word before"},
    {.type = "CVV",
     .regex = "(?:cvv2?|cvc2?|card verification (?:code|value|number)|kartenprüfnummer|prüfziffer)"
              "(?: (?:is|ist|code))?[ :=#]{1,3}(\\d{3,4})",
     .triggers = "cvv|cvc|card verification|kartenprüfnummer|prüfziffer",
     .score = 0.9F,
     .score_context = 0.9F,
     .why = "word before"},
    {.type = "CARD_EXPIRY",
     .regex = "(?:exp(?:iry|ires|iration|\\.)?(?: date)?|valid (?:thru|until|to)|gültig bis|"
              "expire(?: fin| le)?|vence|caduca|scadenza)[ :=]{1,3}"
              "((?:0[1-9]|1[0-2]) ?[/-] ?(?:20)?\\d\\d)(?! ?[/-] ?\\d)",
     .triggers = "exp|valid |gültig bis|vence|caduca|scadenza",
     .score = 0.7F,
     .score_context = 0.7F,
     .why = "word before"},
    {.type = "CREDENTIALS",
     .regex = "(?:seed|recovery|mnemonic|wallet|secret|backup)(?: recovery)? (?:phrase|words)"
              "[^\\n:]{0,20}[:\\s]{1,3}((?:[a-z]{3,8}[ ,\\n]{1,2}){11,23}[a-z]{3,8})",
     .triggers = "seed |recovery |mnemonic |wallet |secret |backup ",
     .score = 0.9F,
     .score_context = 0.9F,
     .why = "seed phrase"},
    {.type = "SECRET",
     .regex = "[a-z0-9_.-]{0,30}(?:" SECRET_WORDS ")[a-z0-9_-]{0,16}[\"'`]?"
              "(?:\\s{0,3}(?::=|=>|==|[:=：]|->| is| ist| est| es)\\s{0,3}| ?\\|[ *]{0,4}|" CELL
              "| )[\"'`]?"
              "((?:[a-z0-9+/_~.-]{12,400})={0,2})",
     .triggers = SECRET_WORDS,
     .back = 30,
     .valid = secret_valid,
     .score = 0.85F,
     .score_context = 0.85F,
     .why = "random, word before"},
};

WF_PATTERN_TABLE(wf_patterns_secrets, rows);
