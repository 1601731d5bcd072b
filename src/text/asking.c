/* SPDX-License-Identifier: Apache-2.0 */
/* Stems, and words that say what is wanted rather than what it is about.
 *
 * A stem is a prefix that most inflections of a word share (the first 70 hundredths, at least five
 * letters), which works alike in many languages and needs no tables. */
#include "base/config.h"
#include "text/utf8.h"
#include "text/word.h"

/* What people write when they ask for a summary, and what it is of. Folded, sorted by bytes.
 * en de es fr it pt */
static const char *const asking[] = {
    "abstract",
    "acontece",
    "argomento",
    "article",
    "articulo",
    "artikel",
    "author",
    "bericht",
    "beschreibe",
    "beschreiben",
    "besprechung",
    "book",
    "brief",
    "briefly",
    "buch",
    "capitolo",
    "capitulo",
    "chapitre",
    "chapter",
    "content",
    "contents",
    "conversation",
    "decris",
    "descreva",
    "describe",
    "described",
    "describes",
    "description",
    "descrivi",
    "dialogue",
    "discusion",
    "discuss",
    "discussao",
    "discussed",
    "discusses",
    "discussion",
    "discussione",
    "discussions",
    "diskussion",
    "document",
    "documento",
    "documents",
    "dokument",
    "enredo",
    "entire",
    "erklare",
    "erklaren",
    "explain",
    "explained",
    "explica",
    "explique",
    "fasse",
    "geschichte",
    "gesprach",
    "gist",
    "give",
    "handlung",
    "happen",
    "happened",
    "happening",
    "happens",
    "hauptpunkte",
    "histoire",
    "historia",
    "informe",
    "inhalt",
    "intrigue",
    "kapitel",
    "kurz",
    "libro",
    "livre",
    "livro",
    "main",
    "meeting",
    "mention",
    "mentioned",
    "narrator",
    "ocurre",
    "opinion",
    "opinions",
    "outline",
    "overview",
    "pagina",
    "paper",
    "passage",
    "passe",
    "passiert",
    "plot",
    "point",
    "points",
    "principales",
    "principaux",
    "puntos",
    "reader",
    "recap",
    "resuma",
    "resume",
    "resumen",
    "resumer",
    "resumir",
    "resumo",
    "reuniao",
    "reunion",
    "riassumere",
    "riassumi",
    "riassunto",
    "riunione",
    "said",
    "say",
    "says",
    "seite",
    "spiega",
    "storia",
    "story",
    "succede",
    "sucede",
    "sujet",
    "summarise",
    "summarization",
    "summarize",
    "summarized",
    "summary",
    "talk",
    "talked",
    "tell",
    "tema",
    "temas",
    "testo",
    "text",
    "texte",
    "texto",
    "thema",
    "theme",
    "themen",
    "think",
    "thought",
    "thoughts",
    "told",
    "topic",
    "topics",
    "trama",
    "uberblick",
    "whole",
    "worum",
    "zusammenfassen",
    "zusammenfassung",
};

bool wf_word_is_asking(struct wf_str word)
{
    size_t low = 0, high = WF_ARRAY_LEN(asking);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = wf_str_cmp(word, wf_str_from(asking[mid]));
        if (order == 0)
            return true;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return false;
}

/* Bytes of the part of a word that most of its inflections share. */
static size_t stem_bytes(struct wf_str word)
{
    size_t n = wf_utf8_count(word);
    if (n <= 5)
        return word.len;
    return wf_utf8_offset(word, WF_MAX((n * 7 + 5) / 10, 5));
}

uint64_t wf_word_stem(const struct wf_word *word)
{
    struct wf_str s = wf_str_n(word->text, word->len);
    uint64_t h = wf_str_hash(word->is_pair ? s : wf_str_sub(s, 0, stem_bytes(s)), 1);
    return h;
}
