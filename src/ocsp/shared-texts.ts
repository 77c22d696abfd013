const MAX_TEXTS = 4096;

/**
 * Keeps one of many equal texts, so that a million entries need not hold a million copies, and so that what is read for
 * every request stays near the processor. Its own size is bounded: it forgets all, and begins again.
 */
export class SharedTexts {
  private readonly texts = new Map<string, string>();

  share(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    if (this.texts.size >= MAX_TEXTS) this.texts.clear();
    this.texts.set(text, text);
    return text;
  }
}
