import { canonicalJson } from './canonical-json.js';

describe('canonicalJson', () => {
  it('writes the example of RFC 8785 section 3.2.2 as section 3.2.4 does', () => {
    const value: unknown = JSON.parse(`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
      "literals": [null, true, false]
    }`);
    const expected =
      '7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e33333333333333' +
      '2c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d';
    expect(Buffer.from(canonicalJson(value)).toString('hex')).toBe(expected);
  });

  it('orders members by UTF-16 code units, as in section 3.2.3', () => {
    const value: unknown = JSON.parse(`{
      "\\u20ac": "Euro Sign", "\\r": "Carriage Return", "\\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
      "\\ud83d\\ude00": "Emoji: Grinning Face", "\\u0080": "Control", "\\u00f6": "Latin Small Letter O With Diaeresis"
    }`);
    expect(Object.values(JSON.parse(canonicalJson(value)) as object)[0]).toBe('One');
    expect(
      canonicalJson(value)
        .match(/:"(\w+)/g)
        ?.map((name) => name.slice(2)),
    ).toEqual(['Carriage', 'One', 'Control', 'Latin', 'Euro', 'Emoji', 'Hebrew']);
  });

  it.each<[string, unknown, string]>([
    ['minus zero', -0, '0'],
    ['the smallest number', 5e-324, '5e-324'],
    ['the largest', 1.7976931348623157e308, '1.7976931348623157e+308'],
    ['what is no longer exact', 295147905179352830000, '295147905179352830000'],
    [
      'a name that objects have anyway',
      JSON.parse('{"__proto__":1,"a":{"constructor":[]}}'),
      '{"__proto__":1,"a":{"constructor":[]}}',
    ],
    ['nothing', {}, '{}'],
  ])('writes %s', (_, value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it('is the same whatever the order of the members was', () => {
    expect(canonicalJson({ b: [{ y: 1, x: 2 }], a: null })).toBe(canonicalJson({ a: null, b: [{ x: 2, y: 1 }] }));
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a member that is undefined', { a: undefined }],
    ['infinity', JSON.parse('1e400')],
    ['what is not a number', Number.NaN],
    ['a big integer', 1n],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['bytes', Buffer.of(1)],
    ['half a surrogate pair', '\ud800'],
    ['the other half, in a name', { '\udc00': 1 }],
    ['the halves the wrong way round', ['\udc00\ud800']],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });
});
