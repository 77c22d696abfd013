import { EXIT } from './command.js';
import { parseCommandLine, wantsJson, type Invocation } from './command-line.js';
import { COMMANDS } from './commands.js';
import { Failure } from './failure.js';
import { helpText } from './help.js';

const parse = (line: string): Invocation => parseCommandLine(line === '' ? [] : line.split(' '), COMMANDS);

function parseRun(line: string): Extract<Invocation, { kind: 'run' }> {
  const invocation = parse(line);
  if (invocation.kind !== 'run') throw new Error(`it is ${invocation.kind}`);
  return invocation;
}

function failureOf(line: string): Failure {
  try {
    parse(line);
  } catch (error) {
    if (error instanceof Failure) return error;
  }
  throw new Error(`${line} is no failure`);
}

describe('the command line', () => {
  it('is a command with its arguments and options', () => {
    const { command, input, settings, json } = parseRun('revoke a b --reason keyCompromise --json --url https://x');
    expect(command.name).toBe('revoke');
    expect(input).toEqual({
      certificate: ['a', 'b'],
      reason: 'keyCompromise',
      from: undefined,
      'invalid-since': undefined,
    });
    expect(settings).toMatchObject({ url: 'https://x', ca: undefined });
    expect(json).toBe(true);
  });

  it.each([
    '--json issuers show iss-local',
    'issuers --json show iss-local',
    '--url https://x --json issuers show iss-local',
    'issuers show --json iss-local',
    'issuers show --json -- iss-local',
  ])('takes options wherever they stand: %s', (line) => {
    expect(parseRun(line)).toMatchObject({
      command: { name: 'issuers show' },
      input: { id: 'iss-local', pem: false },
      json: true,
    });
  });

  it('takes what begins with a hyphen behind --', () => {
    expect(parseRun('issuers show -- -x').input).toMatchObject({ id: '-x' });
  });

  it('collects what may stand several times', () => {
    expect(parseRun('certificates issue --dns a --dns=b --new-key k').input).toMatchObject({ dns: ['a', 'b'], ip: [] });
  });

  it.each<[string, string, string | null]>([
    ['', 'There is no command.', '`certplane --help` shows the commands.'],
    ['issuers', '`certplane issuers` needs to know what to do.', '`certplane issuers --help` shows the commands.'],
    ['isuers list', 'There is no command `isuers`.', 'Did you mean `certplane issuers list`?'],
    ['issuers lst', 'There is no command `issuers lst`.', 'Did you mean `certplane issuers list`?'],
    ['frobnicate', 'There is no command `frobnicate`.', '`certplane --help` shows the commands.'],
    ['issuers list --limt 5', '`certplane issuers list` has no option --limt.', 'Did you mean --limit?'],
    ['issuers list -x', '`certplane issuers list` has no option -x.', '`certplane issuers list --help` says more.'],
    ['issuers show', '`certplane issuers show` needs ID.', '`certplane issuers show --help` says more.'],
    ['issuers show a b', '`certplane issuers show` has no use for `b`.', '`certplane issuers show --help` says more.'],
    ['issuers list --limit 5 --limit 6', '--limit may stand only once.', '`certplane issuers list --help` says more.'],
    ['issuers list --url=', '--url must not be empty.', '`certplane issuers list --help` says more.'],
    ['completion fish', 'SHELL is "fish"; it must be one of: bash, zsh.', '`certplane completion --help` says more.'],
  ])('%s is wrong, and it says how it is meant', (line, message, hint) => {
    expect(failureOf(line)).toMatchObject({ message, hint, exitCode: EXIT.usage, code: 'usage' });
  });

  it('names the choices, and the nearest', () => {
    expect(failureOf('revoke a --reason keyCompromised')).toMatchObject({
      message: expect.stringMatching(/must be one of: unspecified, keyCompromise/) as string,
      hint: 'Did you mean keyCompromise?',
    });
  });

  it('says what is wrong with an option that lacks its value', () => {
    expect(failureOf('issuers list --limit').message).toMatch(/--limit.*argument missing/);
    expect(failureOf('issuers list --all=x').message).toMatch(/--all.*does not take an argument/);
  });

  it('knows whether JSON is wanted also where it is wrong', () => {
    expect(wantsJson(['nothing', '--json'])).toBe(true);
    expect(wantsJson(['nothing', '--', '--json'])).toBe(false);
  });
});

describe('help', () => {
  it.each([
    ['--help', []],
    ['help', []],
    ['issuers --help', ['issuers']],
    ['help issuers', ['issuers']],
    ['issuers show -h', ['issuers', 'show']],
    ['issuers show iss-local --help', ['issuers', 'show']],
    ['help issuers show', ['issuers', 'show']],
  ])('is what `certplane %s` asks for', (line, words) => {
    expect(parse(line)).toEqual({ kind: 'help', words });
  });

  it.each(COMMANDS.map(({ name }) => name))('of `%s` has an example that the parser takes', (name) => {
    const command = COMMANDS.find((candidate) => candidate.name === name)!;
    expect(helpText(name.split(' '), COMMANDS)).toContain(`Usage: certplane ${name}`);
    const lines = command.examples.map(([, line]) => line);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      const own = line
        .split('|')
        .map((part) => part.trim())
        .filter((part) => part.startsWith('certplane '));
      for (const part of own) expect(() => parseCommandLine(wordsOf(part).slice(1), COMMANDS)).not.toThrow();
    }
  });

  it('has a line for each command, and each has a summary without a full stop', () => {
    const all = helpText([], COMMANDS);
    for (const { name, summary } of COMMANDS) {
      expect(all).toContain(`  ${name}`);
      expect(summary).toMatch(/^[A-Z].*[^.]$/);
    }
  });

  it('fits the terminals that there are', () => {
    for (const { name } of COMMANDS) {
      const lines = helpText(name.split(' '), COMMANDS).split('\nExamples\n')[0]!.split('\n');
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(120);
    }
  });

  it('on what is not there says what was meant', () => {
    expect(() => helpText(['isuers', 'list'], COMMANDS)).toThrow('There is no command `isuers list`.');
  });
});

/** The words of a shell command, as far as the examples go. */
function wordsOf(line: string): string[] {
  const [command = ''] = line.split(/ > | < |\)$/);
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );
}
