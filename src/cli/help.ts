import type { Arguments, Command, Options } from './command.js';
import { GENERAL_OPTIONS } from './command-line.js';
import { CONNECTION_OPTIONS } from './connection.js';
import { usageFailure } from './failure.js';
import { closest } from './spelling.js';

const WIDTH = 100;

const EXIT_CODES = `Exit codes
  0  it is done, or the answer is yes
  1  refused or not found; for \`status\`: not good
  2  the command line is wrong, or a file that it names can't be used
  3  Certplane can't be reached
  4  a fault of this program`;

/**
 * The help for a command, for those that begin with these words, or for all.
 * @throws Failure where there are none
 */
export function helpText(words: readonly string[], commands: readonly Command[]): string {
  const name = words.join(' ');
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return helpOfCommand(command);
  const group = commands.filter((candidate) => name === '' || candidate.name.startsWith(`${name} `));
  if (group.length > 0) return helpOfGroup(name, group);
  const meant = closest(
    name,
    commands.map((candidate) => candidate.name),
  );
  throw usageFailure(
    `There is no command \`${name}\`.`,
    meant === null ? '`certplane --help` shows the commands.' : `Did you mean \`certplane help ${meant}\`?`,
  );
}

function helpOfGroup(name: string, commands: readonly Command[]): string {
  const list = columns(commands.map((command) => [usageOf(command), command.summary]));
  if (name !== '') {
    return [`certplane ${name}`, '', list, '', `\`certplane ${name} COMMAND --help\` says more.`, ''].join('\n');
  }
  return [
    'certplane: issue certificates, revoke them, and ask how they stand',
    '',
    'Usage: certplane COMMAND [OPTIONS]',
    '',
    'Commands',
    list,
    '',
    'Options of every command',
    optionList(GENERAL_OPTIONS),
    '',
    'Where Certplane is (an option, else a variable of the environment, else what a server on this machine left in ./data)',
    optionList(CONNECTION_OPTIONS),
    '',
    EXIT_CODES,
    '',
    '`certplane COMMAND --help` says more, with examples.',
    '',
  ].join('\n');
}

function helpOfCommand(command: Command): string {
  const closing = 'Options of every command: --json, --help, and where Certplane is: see `certplane --help`.';
  return `${commandReference(command)}\n${closing}\n`;
}

/** What there is to know of one command alone. */
export function commandReference({ name, summary, details, arguments: taken, options, examples }: Command): string {
  const hasOptions = Object.keys(options).length > 0;
  const argumentRows = Object.entries(taken).map(([word, spec]) => [word.toUpperCase(), withChoices(spec)] as const);
  return [
    `${summary}.`,
    '',
    `Usage: certplane ${usageOf({ name, arguments: taken })}${hasOptions ? ' [OPTIONS]' : ''}`,
    '',
    ...(details === undefined ? [] : [wrap(details, ''), '']),
    ...(argumentRows.length === 0 ? [] : ['Arguments', columns(argumentRows), '']),
    ...(hasOptions ? ['Options', optionList(options), ''] : []),
    'Examples',
    ...examples.map(([what, line]) => `  ${what}\n    ${line}`),
    '',
  ].join('\n');
}

function usageOf({ name, arguments: taken }: Pick<Command, 'name' | 'arguments'>): string {
  return [name, ...argumentWords(taken)].join(' ');
}

function argumentWords(taken: Arguments): string[] {
  return Object.entries(taken).map(([name, { many, optional }]) => {
    const word = `${name.toUpperCase()}${many === true ? '…' : ''}`;
    return optional === true ? `[${word}]` : word;
  });
}

function optionList(options: Options): string {
  return columns(
    Object.entries(options).map(([name, spec]) => [
      `--${name}${spec.value === undefined ? '' : ` ${spec.value}`}${spec.many === true ? '…' : ''}`,
      withChoices(spec),
    ]),
  );
}

function withChoices({ summary, choices }: { summary: string; choices?: readonly string[] }): string {
  return choices === undefined ? summary : `${summary}. One of: ${choices.join(', ')}`;
}

/** Names to the left, what they mean to the right. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 4;
  return rows.map(([name, text]) => `  ${name}`.padEnd(width) + wrap(text, ' '.repeat(width))).join('\n');
}

/** Breaks lines between words; all but the first begin with the indent. */
function wrap(text: string, indent: string): string {
  const room = Math.max(30, WIDTH - indent.length);
  const lines = text.split('\n').map((paragraph) => {
    const broken: string[] = [];
    for (const word of paragraph.split(' ')) {
      const last = broken.at(-1);
      if (last === undefined || last.length + 1 + word.length > room) broken.push(word);
      else broken[broken.length - 1] = `${last} ${word}`;
    }
    return broken.join(`\n${indent}`);
  });
  return lines.join(`\n${indent}`);
}
