const PERCENT = 0x25;
const PADDING = 0x3d;
const SPACE = 0x20;
const ASCII_END = 0x80;
const NO_DIGIT = -1;

/** By character code, of both alphabets (RFC 4648 sections 4 and 5). A space was a plus sign to who wrote it. */
const BASE64_DIGITS = digitsOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
BASE64_DIGITS['-'.charCodeAt(0)] = 62;
BASE64_DIGITS['_'.charCodeAt(0)] = 63;
BASE64_DIGITS[SPACE] = 62;

const HEX_DIGITS = digitsOf('0123456789ABCDEF');
for (const letter of 'abcdef') HEX_DIGITS[letter.charCodeAt(0)] = Number.parseInt(letter, 16);

function digitsOf(alphabet: string): Int8Array {
  const digits = new Int8Array(ASCII_END).fill(NO_DIGIT);
  for (let i = 0; i < alphabet.length; i++) digits[alphabet.charCodeAt(i)] = i;
  return digits;
}

/**
 * Decodes the base64 at the end of a path: in either alphabet, padded or not, url-encoded or not. One pass, for it is on the
 * way of every GET. Null when it is none.
 */
export function decodeBase64Path(path: string): Buffer | null {
  const bytes = Buffer.allocUnsafe((path.length * 3) >> 2);
  let length = 0;
  let bits = 0;
  let characters = 0;
  let padded = false;
  for (let at = 0; at < path.length; at++) {
    let code = path.charCodeAt(at);
    if (code === PERCENT) {
      code = percentDecoded(path, at);
      at += 2;
    }
    if (code === PADDING) {
      padded = true;
      continue;
    }
    const digit = code < ASCII_END ? BASE64_DIGITS[code]! : NO_DIGIT;
    if (digit === NO_DIGIT || padded) return null;
    bits = ((bits & 0xffff) << 6) | digit;
    // Four characters are three bytes; the first of the four completes none.
    if ((characters++ & 3) !== 0) bytes[length++] = bits >> (6 - 2 * ((characters - 1) & 3));
  }
  return characters === 0 || (characters & 3) === 1 ? null : bytes.subarray(0, length);
}

/** The code of the character that `%` and two digits stand for; one that is no base64 when they don't. */
function percentDecoded(path: string, at: number): number {
  const high = hexDigit(path.charCodeAt(at + 1));
  const low = hexDigit(path.charCodeAt(at + 2));
  return high === NO_DIGIT || low === NO_DIGIT ? ASCII_END : high * 16 + low;
}

function hexDigit(code: number): number {
  return code < ASCII_END ? HEX_DIGITS[code]! : NO_DIGIT;
}
