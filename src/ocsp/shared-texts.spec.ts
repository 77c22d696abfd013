import { SharedTexts } from './shared-texts.js';

it('gives back what it was given, however much that was', () => {
  const texts = new SharedTexts();
  for (let i = 0; i < 10_000; i++) expect(texts.share(`max-age=${i}`)).toBe(`max-age=${i}`);
});
