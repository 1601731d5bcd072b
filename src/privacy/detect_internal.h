/* The detector's inside: what detect.c makes and detect_scan.c runs. */
#ifndef WF_PRIVACY_DETECT_INTERNAL_H
#define WF_PRIVACY_DETECT_INTERNAL_H

#include <pcre2.h> /* who includes this says before: PCRE2_CODE_UNIT_WIDTH 8 */
#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "privacy/detect.h"
#include "privacy/literal.h"
#include "privacy/pattern.h"
#include "privacy/view.h"

/* Letters and digits of the longest number; letters of context before and behind. */
#define WF_DETECT_NUMBER_MAX 40
#define WF_DETECT_BEFORE 60
#define WF_DETECT_BEHIND 30

/* How often something may be encoded again. */
#define WF_DETECT_DEPTH 4

/* A set of patterns, by their number. */
struct wf_detect_set {
    uint64_t bits[WF_LIMIT_PATTERNS / 64];
};

struct wf_detect_form {
    const struct wf_pattern *row;
    pcre2_code *code;
    bool is_native; /* compiled to machine code */
};

/* A word of a pattern's context. */
struct wf_detect_word {
    struct wf_str text; /* in the table */
    uint16_t form;
    bool starts, ends; /* must stand at the beginning, at the end of a word */
};

/* What a word tells that stands for a character ("four", "Zulu"), or that a text may be written in
 * another way ("drowssap", "cnffjbeq"). */
struct wf_detect_telling {
    char says[4];  /* what it stands for; "": how the text is written */
    uint8_t how;   /* enum wf_hiding: SPELLED, REVERSED, ROTATED */
    bool is_ended; /* no letters before and behind it */
};

/* Numbers that were nothing: where each stands. */
#define WF_DETECT_UNITS 48
/* Words one behind the other that stand for characters. */
#define WF_DETECT_SAID 64

struct wf_detect_said {
    size_t start, end;
    uint16_t telling;
};

struct wf_detect_told {
    struct wf_detect_said said[WF_DETECT_SAID]; /* [n]: the last row of them */
    size_t n;
    unsigned how; /* bits of enum wf_hiding that were told */
    struct {
        size_t start, end;
    } units[WF_DETECT_UNITS]; /* [n_units] */
    size_t n_units;
    struct {
        size_t start, end;    /* end: may lie behind the text */
    } spots[WF_DETECT_UNITS]; /* [n_spots]: what is near numbers of a short text, in order */
    size_t n_spots;
};

struct wf_detector {
    struct wf_detect_options options;
    struct wf_detect_form *forms; /* [n_forms] */
    size_t n_forms;
    size_t n_sets;               /* parts of 64 that are in use */
    struct wf_literals triggers; /* id: form; WF_DETECT_DIGIT */
    struct wf_literals context;  /* id: number in words */
    struct wf_detect_word *words;
    size_t n_words;
    struct wf_detect_set fits[WF_DETECT_NUMBER_MAX + 1]; /* by count of letters and digits */
    struct wf_detect_set first[256];                     /* by the first byte */
    struct wf_detect_set needs;                          /* are not reported without a word near */
    struct wf_detect_set few;                            /* less than 4 digits will do */
    struct wf_detect_telling *tellings;                  /* [n_tellings] */
    size_t n_tellings, cap_tellings;
    pcre2_general_context *memory;
};

#define WF_DETECT_DIGIT UINT16_C(0xffff)
/* Numbers of triggers from here on are of tellings. */
#define WF_DETECT_TELLING UINT16_C(0x1000)

static inline bool wf_detect_set_has(const struct wf_detect_set *s, size_t i)
{
    return (s->bits[i / 64] >> (i % 64) & 1) != 0;
}

static inline void wf_detect_set_add(struct wf_detect_set *s, size_t i)
{
    s->bits[i / 64] |= UINT64_C(1) << (i % 64);
}

/* Where words of contexts end, as far as the text has been looked at. */
struct wf_detect_near {
    uint32_t *ends, *states; /* [n] */
    size_t n, cap;
    size_t from, to; /* the part of the text that was looked at */
    uint32_t state;
};

/* A text is passed through the first automaton in so many lanes at once, of at most so many bytes:
 * each step of one waits for memory, which the others use. */
#define WF_DETECT_LANES 4
#define WF_DETECT_LANE_BYTES 512u

/* Where something ends in a lane. */
struct wf_detect_hit {
    uint32_t at, state;
};

struct wf_detect_found {
    struct wf_pii pii;
    float rank; /* its score, less for a word that is further away */
    size_t order;
    bool is_guess; /* it may be there by chance */
};

struct wf_detect_run {
    const struct wf_detector *d;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    struct wf_detect_found *found; /* [n], as they come */
    size_t n, cap;
    struct wf_pii *list; /* what a scan gives */
    struct wf_detect_near near;
    struct wf_buf clean;                   /* the text with bytes that are no UTF-8 replaced */
    struct wf_view views[WF_DETECT_DEPTH]; /* of the text, of the view before */
    struct wf_view said;                   /* rows of words, as what they stand for */
    struct wf_view retold;                 /* numbers and texts, as they may be meant */
    struct wf_detect_told told;
    size_t *done; /* [n_forms]: where the last match of each form ended */
    /* What is looked at now. */
    struct wf_str text;
    const struct wf_view *view; /* NULL: the text itself */
};

/* Looks through r->text (valid UTF-8) and adds what is there to r->found. Errors: NOMEM, LIMIT. */
int wf_detect__look(struct wf_detect_run *r) WF_MUST_USE;

/* Adds one, of a rank for overlaps. Errors: NOMEM, LIMIT. */
int wf_detect__add(struct wf_detect_run *r, struct wf_pii found, float rank) WF_MUST_USE;

/* Adds the words that tell something to the triggers. Errors: NOMEM, LIMIT. */
int wf_detect__add_tellings(struct wf_detector *d) WF_MUST_USE;
/* Notes what was told, while r->text is looked through: nothing yet; a word that ends at `end`; a
 * number that was nothing. Errors: NOMEM. */
void wf_detect__begin_told(struct wf_detect_run *r);
int wf_detect__tell(struct wf_detect_run *r, struct wf_literal hit, size_t end) WF_MUST_USE;
void wf_detect__note_unit(struct wf_detect_run *r, size_t start);
/* Notes any number: what is near may be written in another way. */
void wf_detect__note_spot(struct wf_detect_run *r, size_t start, size_t end);
/* Looks through r->text as it was told. Errors: NOMEM, LIMIT. */
int wf_detect__look_told(struct wf_detect_run *r) WF_MUST_USE;

/* Makes one of each two that overlap, of a type whose borders are a matter of opinion. */
void wf_detect__unite(struct wf_detect_run *r);
/* Makes one of the parts of an address that follow each other: of n in order of place; returns how
 * many are left. */
size_t wf_detect__join(struct wf_str text, struct wf_pii *list, size_t n);

#endif
