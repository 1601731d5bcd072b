/* The words of recovery phrases and of what two devices show alike: 2,048, sorted, of four to eight
 * letters, told apart by their first four. Only mesh/ includes this. */
#ifndef WF_MESH_PHRASE_WORDS_H
#define WF_MESH_PHRASE_WORDS_H

#define WF_PHRASE_WORDS 2048 /* 11 bits each */
#define WF_PHRASE_WORD_BYTES 9

extern const char wf_phrase__words[WF_PHRASE_WORDS][WF_PHRASE_WORD_BYTES];

#endif
