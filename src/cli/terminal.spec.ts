import { Terminal, type OutputStream } from './terminal.js';

class FakeStream implements OutputStream {
  written = '';

  constructor(
    readonly isTTY: boolean,
    readonly columns = 80,
  ) {}

  write(chunk: string | Uint8Array, done?: () => void): void {
    this.written += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
    done?.();
  }

  hasColors(): boolean {
    return true;
  }
}

function terminalOf({ isTTY, json = false }: { isTTY: boolean; json?: boolean }) {
  const stdout = new FakeStream(isTTY);
  const stderr = new FakeStream(isTTY);
  return { terminal: new Terminal(stdout, stderr, json), stdout, stderr };
}

describe('on a terminal', () => {
  it('fields stand under each other, coloured, and without those that are not there', () => {
    const { terminal, stdout } = terminalOf({ isTTY: true });
    terminal.printFields([
      ['Status', 'revoked', 'bad'],
      ['Id', 'a\u001b[2J'],
      ['Nothing at all', null],
    ]);
    expect(stdout.written).toBe(
      '\u001b[2mStatus\u001b[0m  \u001b[31mrevoked\u001b[0m\n\u001b[2mId    \u001b[0m  a\\u001b[2J\n',
    );
  });

  it('progress is one line that goes away', () => {
    const { terminal, stdout, stderr } = terminalOf({ isTTY: true });
    const progress = terminal.progress('Issued', 8);
    progress.advance();
    progress.advance(7);
    progress.end();
    expect(stdout.written).toBe('');
    expect(stderr.written).toBe(
      ['Issued 0 of 8 (0 %)', 'Issued 1 of 8 (12 %)', 'Issued 8 of 8 (100 %)', '']
        .map((text) => `\r\u001b[K${text}`)
        .join(''),
    );
  });

  it('tables fit the width', () => {
    const { terminal, stdout } = terminalOf({ isTTY: true });
    terminal.printTable([{ title: 'SUBJECT', value: (text: string) => text, shrinks: true }], ['x'.repeat(200)]);
    expect(stdout.written.split('\n')[1]).toBe(`${'x'.repeat(79)}…`);
  });
});

describe('where nobody looks', () => {
  it('nothing is coloured, cut, or told of the progress', () => {
    const { terminal, stdout, stderr } = terminalOf({ isTTY: false });
    terminal.printFields([['Status', 'good', 'good']]);
    terminal.printTable([{ title: 'SUBJECT', value: (text: string) => text, shrinks: true }], ['x'.repeat(200)]);
    const progress = terminal.progress('Issued', 1);
    progress.advance();
    progress.end();
    expect(stdout.written).toBe(`Status  good\nSUBJECT\n${'x'.repeat(200)}\n`);
    expect(stderr.written).toBe('');
  });
});

describe('results', () => {
  it('are JSON where that is asked for, and notes go elsewhere', () => {
    const { terminal, stdout, stderr } = terminalOf({ isTTY: true, json: true });
    terminal.show({ id: 'a\u001b' }, () => terminal.print('for people'));
    terminal.note('a note');
    expect(JSON.parse(stdout.written)).toEqual({ id: 'a\u001b' });
    expect(stdout.written).not.toContain('\u001b');
    expect(stderr.written).toBe('a note\n');
  });

  it('may be bytes', async () => {
    const { terminal, stdout } = terminalOf({ isTTY: false });
    terminal.printRaw(Uint8Array.of(0x30, 0x82));
    await terminal.printAll('text');
    expect(stdout.written).toBe('0\u0082text');
  });
});
