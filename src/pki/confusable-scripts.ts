/** Scripts with letters that nobody tells from those of another of them (Unicode Technical Standard #39 section 4). */
const CONFUSABLE_SCRIPTS = [
  /\p{Script=Latin}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Coptic}/u,
  /\p{Script=Lisu}/u,
];
const WORD = /[\p{L}\p{M}\p{N}]+/gu;

/**
 * The first word with letters of more than one of the scripts that look alike, or null. Words of different scripts beside one
 * another are usual; within one word they are there to deceive.
 */
export function findMixedScriptWord(text: string): string | null {
  for (const [word] of text.matchAll(WORD)) {
    if (CONFUSABLE_SCRIPTS.filter((script) => script.test(word)).length > 1) return word;
  }
  return null;
}
