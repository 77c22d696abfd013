import { parseArgs, type ParseArgsConfig } from 'node:util';
import { CONNECTION_OPTIONS, type ConnectionSettings } from './connection.js';
import type { Arguments, Command, Options } from './command.js';
import { usageFailure, type Failure } from './failure.js';
import { closest } from './spelling.js';

/** What every command takes. */
export const GENERAL_OPTIONS = {
  json: { summary: 'Print the result as JSON, and what goes wrong too' },
  help: { summary: 'Say how the command is used' },
} as const satisfies Options;

const EVERYWHERE: Options = { ...GENERAL_OPTIONS, ...CONNECTION_OPTIONS, version: { summary: '' } };

export type Invocation =
  | { readonly kind: 'version' }
  /** The words are those of a command, or those that several begin with. */
  | { readonly kind: 'help'; readonly words: readonly string[] }
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly input: Readonly<Record<string, unknown>>;
      readonly settings: ConnectionSettings;
      readonly json: boolean;
    };

/** Understands the command line. @throws Failure that says what is wrong with it, and how it is meant */
export function parseCommandLine(argv: readonly string[], commands: readonly Command[]): Invocation {
  const { words, rest } = splitCommand(argv, commands);
  if (rest.includes('--version') && words.length === 0) return { kind: 'version' };
  if (words[0] === 'help') return { kind: 'help', words: words.slice(1) };
  const name = words.join(' ');
  const command = commands.find((candidate) => candidate.name === name);
  if (wantsHelp(rest)) return { kind: 'help', words };
  if (command === undefined) throw unknownCommand(words, rest, commands);
  return readInvocation(command, rest);
}

/** Whether errors are to be told as JSON: known also where the command line can't be understood. */
export function wantsJson(argv: readonly string[]): boolean {
  return beforeSeparator(argv).includes('--json');
}

function wantsHelp(argv: readonly string[]): boolean {
  return beforeSeparator(argv).some((word) => word === '--help' || word === '-h');
}

function beforeSeparator(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end < 0 ? argv : argv.slice(0, end);
}

/** Takes the words of the command from the arguments; options may stand before and between them. */
function splitCommand(
  argv: readonly string[],
  commands: readonly Command[],
): { words: readonly string[]; rest: readonly string[] } {
  const words: string[] = [];
  const rest: string[] = [];
  const begins = (candidate: readonly string[]): boolean =>
    candidate[0] === 'help' || commands.some(({ name }) => `${name} `.startsWith(`${candidate.join(' ')} `));
  let open = true;
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word.startsWith('-')) {
      rest.push(word);
      const takesValue = EVERYWHERE[word.slice(2)]?.value !== undefined;
      if (open && takesValue && argv[index + 1] !== undefined) rest.push(argv[(index += 1)] ?? '');
    } else if (open && begins([...words, word])) words.push(word);
    else {
      open = false;
      rest.push(word);
    }
  }
  return { words, rest };
}

function unknownCommand(words: readonly string[], rest: readonly string[], commands: readonly Command[]): Failure {
  const others = rest.filter((word) => !word.startsWith('-'));
  const typed = [...words, ...others.slice(0, 1)].join(' ');
  const hint = `\`certplane ${[...words, '--help'].join(' ')}\` shows the commands.`;
  if (typed === '') return usageFailure('There is no command.', hint);
  if (others.length === 0) return usageFailure(`\`certplane ${typed}\` needs to know what to do.`, hint);
  const names = commands.map(({ name }) => name);
  const meant = closest([...words, ...others].slice(0, 2).join(' '), names) ?? closest(typed, names);
  return usageFailure(
    `There is no command \`${typed}\`.`,
    meant === null ? hint : `Did you mean \`certplane ${meant}\`?`,
  );
}

function readInvocation(command: Command, rest: readonly string[]): Invocation {
  const options: Options = { ...GENERAL_OPTIONS, ...CONNECTION_OPTIONS, ...command.options };
  const { values, positionals } = parseWords(command, rest, options);
  const read = (name: string): unknown => readOption(name, options[name]!, values[name], command);
  const input = Object.fromEntries(Object.keys(command.options).map((name) => [name, read(name)]));
  const settings = Object.fromEntries(Object.keys(CONNECTION_OPTIONS).map((name) => [name, read(name)]));
  return {
    kind: 'run',
    command,
    input: { ...input, ...readArguments(command, positionals) },
    settings: settings as ConnectionSettings,
    json: read('json') === true,
  };
}

type Values = Readonly<Record<string, readonly (string | boolean)[] | undefined>>;

function parseWords(
  command: Command,
  rest: readonly string[],
  options: Options,
): { values: Values; positionals: readonly string[] } {
  const config: ParseArgsConfig['options'] = Object.fromEntries(
    Object.entries(options).map(([name, { value }]) => [
      name,
      // Several of each, so that a second one is not overheard.
      { type: value === undefined ? 'boolean' : 'string', multiple: true },
    ]),
  );
  try {
    const parsed = parseArgs({ args: [...rest], options: config, allowPositionals: true });
    return { values: parsed.values as Values, positionals: parsed.positionals };
  } catch (error) {
    throw wrongOption(error as Error & { code?: string }, command, Object.keys(options));
  }
}

function wrongOption(error: Error & { code?: string }, command: Command, names: readonly string[]): Failure {
  const unknown = /^Unknown option '(-{1,2}[^'=]*)/.exec(error.message)?.[1];
  if (unknown === undefined) return usageFailure(firstSentence(error.message), helpHint(command));
  const meant = closest(unknown.replace(/^-+/, ''), names);
  const hint = meant === null ? helpHint(command) : `Did you mean --${meant}?`;
  return usageFailure(`\`certplane ${command.name}\` has no option ${unknown}.`, hint);
}

/** Node.js explains more than is asked for. */
function firstSentence(message: string): string {
  return `${message.split(/\.\s|\n/)[0]?.replace(/\.$/, '') ?? ''}.`;
}

function readOption(
  name: string,
  { value, many, choices }: Options[string],
  given: readonly (string | boolean)[] = [],
  command: Command,
): unknown {
  if (value === undefined) return given.length > 0;
  const texts = given as readonly string[];
  for (const text of texts) checkChoice(`--${name}`, text, choices, command);
  if (many === true) return texts;
  if (texts.length > 1) throw usageFailure(`--${name} may stand only once.`, helpHint(command));
  if (texts[0] === '') throw usageFailure(`--${name} must not be empty.`, helpHint(command));
  return texts[0];
}

function readArguments(command: Command, positionals: readonly string[]): Record<string, unknown> {
  const specs: Arguments = command.arguments;
  const values: Record<string, unknown> = {};
  let rest = positionals;
  for (const [name, { many, optional, choices }] of Object.entries(specs)) {
    if (rest.length === 0 && optional !== true) {
      throw usageFailure(`\`certplane ${command.name}\` needs ${name.toUpperCase()}.`, helpHint(command));
    }
    const taken = many === true ? rest : rest.slice(0, 1);
    for (const text of taken) checkChoice(name.toUpperCase(), text, choices, command);
    values[name] = many === true ? taken : taken[0];
    rest = rest.slice(taken.length);
  }
  const [extra] = rest;
  if (extra === undefined) return values;
  throw usageFailure(`\`certplane ${command.name}\` has no use for \`${extra}\`.`, helpHint(command));
}

function checkChoice(what: string, text: string, choices: readonly string[] | undefined, command: Command): void {
  if (choices === undefined || choices.includes(text)) return;
  const meant = closest(text, choices);
  const hint = meant === null ? helpHint(command) : `Did you mean ${meant}?`;
  throw usageFailure(`${what} is ${JSON.stringify(text)}; it must be one of: ${choices.join(', ')}.`, hint);
}

function helpHint({ name }: Command): string {
  return `\`certplane ${name} --help\` says more.`;
}
