/* SPDX-License-Identifier: Apache-2.0 */
/* Abbreviations of the languages weft knows best, in lower case without their last point, sorted
 * by bytes; a search by halves. Single letters are not here: they are initials (sentence.c). */
#include "text/abbreviation.h"

#include <stddef.h>

#include "base/config.h"

#define NEVER WF_ABBREVIATION_NEVER
#define TITLE WF_ABBREVIATION_TITLE
#define NUMBER WF_ABBREVIATION_NUMBER
#define ENDS WF_ABBREVIATION_ENDS

static const struct {
    const char *word;
    enum wf_abbreviation kind;
} table[] = {
    {"a.d", ENDS},     {"a.m", ENDS},     {"abb", NUMBER},  {"abs", NUMBER},    {"adm", TITLE},
    {"afb", NUMBER},   {"al", ENDS},      {"allg", NEVER},  {"anm", NUMBER},    {"approx", NEVER},
    {"apr", ENDS},     {"arq", TITLE},    {"art", NUMBER},  {"arts", NUMBER},   {"aufl", NUMBER},
    {"aug", ENDS},     {"av", TITLE},     {"avda", NEVER},  {"ave", NUMBER},    {"avv", TITLE},
    {"b.a", ENDS},     {"b.c", ENDS},     {"b.c.e", ENDS},  {"bd", NUMBER},     {"bde", NUMBER},
    {"betr", NEVER},   {"bhf", ENDS},     {"bijv", NEVER},  {"bkz", NEVER},     {"bl", NUMBER},
    {"bl.a", NEVER},   {"blvd", NUMBER},  {"blz", NUMBER},  {"bros", ENDS},     {"bspw", NEVER},
    {"bzw", NEVER},    {"c.e", ENDS},     {"ca", NEVER},    {"cap", NUMBER},    {"capt", TITLE},
    {"cf", NEVER},     {"ch", NUMBER},    {"chap", NUMBER}, {"cmdr", TITLE},    {"co", ENDS},
    {"col", TITLE},    {"corp", ENDS},    {"cpt", TITLE},   {"d.c", ENDS},      {"d.h", NEVER},
    {"d.w.z", NEVER},  {"dec", ENDS},     {"dept", NEVER},  {"depto", NEVER},   {"det", TITLE},
    {"dez", ENDS},     {"dhr", TITLE},    {"dipl", TITLE},  {"dn", TITLE},      {"dott", TITLE},
    {"doç", TITLE},    {"dr", TITLE},     {"dra", TITLE},   {"drs", TITLE},     {"dvs", NEVER},
    {"dña", TITLE},    {"e.g", NEVER},    {"e.v", ENDS},    {"einschl", NEVER}, {"ekr", ENDS},
    {"entspr", NEVER}, {"eq", NUMBER},    {"eqs", NUMBER},  {"esp", NEVER},     {"et.al", ENDS},
    {"evtl", NEVER},   {"excl", NEVER},   {"exkl", NEVER},  {"exma", TITLE},    {"exmo", TITLE},
    {"feb", ENDS},     {"ff", ENDS},      {"fig", NUMBER},  {"figs", NUMBER},   {"fn", NUMBER},
    {"fr", TITLE},     {"frl", TITLE},    {"geb", NEVER},   {"gen", TITLE},     {"geom", TITLE},
    {"gest", NEVER},   {"ggf", NEVER},    {"ggfs", NEVER},  {"gmbh", ENDS},     {"gov", TITLE},
    {"hon", TITLE},    {"hr", TITLE},     {"hrn", TITLE},   {"hst", NUMBER},    {"i.d.r", NEVER},
    {"i.e", NEVER},    {"i.r", ENDS},     {"ibid", NEVER},  {"inc", ENDS},      {"incl", NEVER},
    {"ing", TITLE},    {"inkl", NEVER},   {"insp", TITLE},  {"inż", TITLE},     {"jan", ENDS},
    {"jew", NEVER},    {"jg", NUMBER},    {"jh", ENDS},     {"jhd", ENDS},      {"jr", ENDS},
    {"jul", ENDS},     {"jun", ENDS},     {"kap", NUMBER},  {"lic", TITLE},     {"lt", TITLE},
    {"ltd", ENDS},     {"m.a", ENDS},     {"m.d", ENDS},    {"m.e", ENDS},      {"m.fl", ENDS},
    {"m.in", NEVER},   {"mag", TITLE},    {"maj", TITLE},   {"messrs", TITLE},  {"mevr", TITLE},
    {"mgr", TITLE},    {"mio", ENDS},     {"misc", NEVER},  {"mlle", TITLE},    {"mlles", TITLE},
    {"mm", TITLE},     {"mme", TITLE},    {"mmes", TITLE},  {"mr", TITLE},      {"mrd", ENDS},
    {"mrs", TITLE},    {"ms", TITLE},     {"mx", TITLE},    {"n.chr", ENDS},    {"n.d", ENDS},
    {"nbr", NUMBER},   {"no", NUMBER},    {"nos", NUMBER},  {"nov", ENDS},      {"np", NEVER},
    {"nr", NUMBER},    {"núm", NUMBER},   {"o.a", NEVER},   {"o.ä", ENDS},      {"oct", ENDS},
    {"okt", ENDS},     {"op.cit", NEVER}, {"p.ej", NEVER},  {"p.ex", NEVER},    {"p.k", ENDS},
    {"p.m", ENDS},     {"p.s", NEVER},    {"pag", NUMBER},  {"par.ex", NEVER},  {"pgs", NUMBER},
    {"ph", TITLE},     {"ph.d", ENDS},    {"pkt", NUMBER},  {"plc", ENDS},      {"poz", NUMBER},
    {"pp", NUMBER},    {"pres", TITLE},   {"prof", TITLE},  {"pág", NUMBER},    {"págs", NUMBER},
    {"q.v", NEVER},    {"rag", TITLE},    {"rd", NUMBER},   {"rep", TITLE},     {"resp", NEVER},
    {"rev", TITLE},    {"rn", NUMBER},    {"s.a", ENDS},    {"s.a.s", ENDS},    {"s.l", ENDS},
    {"s.o", NEVER},    {"s.p.a", ENDS},   {"s.r.l", ENDS},  {"s.u", NEVER},     {"sec", NUMBER},
    {"secs", NUMBER},  {"sen", TITLE},    {"sep", ENDS},    {"sept", ENDS},     {"sgt", TITLE},
    {"sig", TITLE},    {"sig.ra", TITLE}, {"sigg", TITLE},  {"sn", TITLE},      {"sog", NEVER},
    {"sr", TITLE},     {"sra", TITLE},    {"sres", TITLE},  {"srs", TITLE},     {"srta", TITLE},
    {"st", TITLE},     {"ste", TITLE},    {"str", NUMBER},  {"supt", TITLE},    {"t.d", NEVER},
    {"t.ex", NEVER},   {"tab", NUMBER},   {"tel", NUMBER},  {"tj", NEVER},      {"tsd", ENDS},
    {"tzn", NEVER},    {"tzw", NEVER},    {"u.a", ENDS},    {"u.k", ENDS},      {"u.n", ENDS},
    {"u.s", ENDS},     {"u.u", NEVER},    {"u.ä", ENDS},    {"ud", TITLE},      {"uds", TITLE},
    {"univ", NEVER},   {"usf", ENDS},     {"ust", NUMBER},  {"v.chr", ENDS},    {"verh", NEVER},
    {"versch", NEVER}, {"verw", NEVER},   {"vgl", NEVER},   {"viz", NEVER},     {"vol", NUMBER},
    {"vols", NUMBER},  {"vs", NEVER},     {"yak", NEVER},   {"z.b", NEVER},     {"z.t", ENDS},
    {"ziff", NUMBER},  {"zit", NEVER},    {"zzgl", NEVER},  {"örn", NEVER},     {"βλ", NEVER},
    {"δηλ", NEVER},    {"κ.ά", ENDS},     {"κ.κ", TITLE},   {"κ.λπ", ENDS},     {"κα", TITLE},
    {"κλπ", ENDS},     {"κος", TITLE},    {"κτλ", ENDS},    {"μ.μ", ENDS},      {"μ.χ", ENDS},
    {"π.μ", ENDS},     {"π.χ", NEVER},    {"σελ", NEVER},   {"акад", TITLE},    {"г-жа", TITLE},
    {"г-н", TITLE},    {"гг", ENDS},      {"гл", NUMBER},   {"доц", TITLE},     {"др", ENDS},
    {"им", NEVER},     {"итд", ENDS},     {"млн", ENDS},    {"млрд", ENDS},     {"напр", NEVER},
    {"пп", NUMBER},    {"проф", TITLE},   {"рис", NUMBER},  {"руб", ENDS},      {"см", NEVER},
    {"ср", NEVER},     {"стр", NUMBER},   {"т.д", ENDS},    {"т.е", NEVER},     {"т.к", NEVER},
    {"т.н", NEVER},    {"т.п", ENDS},     {"табл", NUMBER}, {"тыс", ENDS},      {"ул", NEVER},
};

enum wf_abbreviation wf_text__abbreviation(struct wf_str word)
{
    size_t low = 0, high = WF_ARRAY_LEN(table);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = wf_str_cmp(word, wf_str_from(table[mid].word));
        if (order == 0)
            return table[mid].kind;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return WF_ABBREVIATION_NONE;
}
