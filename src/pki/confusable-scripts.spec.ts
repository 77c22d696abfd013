import { findMixedScriptWord } from './confusable-scripts.js';

describe('findMixedScriptWord', () => {
  it.each([
    'Prüfstelle 認証局',
    'Müller Пётр & Ελένη',
    'Straße 7b',
    'ТОВ «Приклад» LLC',
    '東京タワー2号 Tower',
    'a1-б2',
    '',
    '🔐',
  ])('finds nothing in %j', (text) => {
    expect(findMixedScriptWord(text)).toBeNull();
  });

  it.each([
    ['p\u0430ypal', 'p\u0430ypal'],
    ['The \u0391BC Company', '\u0391BC'],
    ['www.ex\u0430mple.com', 'ex\u0430mple'],
    ['\u0405ecure', '\u0405ecure'],
    ['\u13aapple', '\u13aapple'],
  ])('finds in %j the word %j', (text, word) => {
    expect(findMixedScriptWord(text)).toBe(word);
  });
});
