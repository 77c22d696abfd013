import type { Command, OptionSpec, Options } from './command.js';
import { GENERAL_OPTIONS } from './command-line.js';
import { CONNECTION_OPTIONS } from './connection.js';

export const SHELLS = ['bash', 'zsh'] as const;
export type Shell = (typeof SHELLS)[number];

const COMMON: Options = { ...CONNECTION_OPTIONS, ...GENERAL_OPTIONS };

/** A script for the shell that completes commands, options, and what options and arguments may be. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  return shell === 'bash' ? bashScript(commands) : zshScript(commands);
}

interface Word {
  readonly word: string;
  readonly summary: string;
}

/** What may follow a command, or the words that several begin with. */
interface Place {
  /** For example `certificates issue`; empty at the beginning. */
  readonly words: string;
  readonly next: readonly Word[];
  /** Without those of every command. */
  readonly options: readonly Word[];
  readonly takesFiles: boolean;
}

function placesOf(commands: readonly Command[]): Place[] {
  const beginnings = new Set(commands.flatMap(({ name }) => beginningsOf(name)));
  return [...beginnings].map((words) => {
    const taken = commands.find(({ name }) => name === words);
    const [argument] = Object.values(taken?.arguments ?? {});
    const choices = (argument?.choices ?? []).map((word) => ({ word, summary: '' }));
    return {
      words,
      next: [...nextWords(words, commands), ...choices],
      options: optionWords(taken?.options ?? {}),
      takesFiles: argument?.file === true,
    };
  });
}

/** `a b` begins with nothing, with `a`, and with all of itself. */
function beginningsOf(name: string): string[] {
  const words = name.split(' ');
  return ['', ...words.map((_, index) => words.slice(0, index + 1).join(' '))];
}

function nextWords(words: string, commands: readonly Command[]): Word[] {
  const prefix = words === '' ? '' : `${words} `;
  const below = commands.filter(({ name }) => name.startsWith(prefix));
  const next = [...new Set(below.map(({ name }) => name.slice(prefix.length).split(' ')[0] ?? ''))];
  return next.map((word) => {
    const exact = below.find(({ name }) => name === prefix + word);
    const further = below.filter(({ name }) => name.startsWith(`${prefix}${word} `));
    const list = further.map(({ name }) => name.slice(prefix.length + word.length + 1)).join(', ');
    return { word, summary: exact?.summary ?? list };
  });
}

function optionWords(options: Options): Word[] {
  return Object.entries(options).map(([name, { summary }]) => ({ word: `--${name}`, summary }));
}

/** The options with values: an option of one name has values of one kind, but for those that can be chosen from. */
function valuesOf(commands: readonly Command[]): {
  readonly files: string;
  readonly others: string;
  readonly choices: readonly (readonly [place: string, values: string])[];
} {
  const all = [COMMON, ...commands.map(({ options }) => options)].flatMap((options) => Object.entries(options));
  const patternOf = (keep: (spec: OptionSpec) => boolean): string =>
    [...new Set(all.filter(([, spec]) => spec.value !== undefined && keep(spec)).map(([name]) => `--${name}`))].join(
      ' | ',
    );
  return {
    files: patternOf(({ file }) => file === true),
    others: patternOf(({ file, choices }) => file !== true && choices === undefined),
    choices: commands.flatMap(({ name, options }) =>
      Object.entries(options).flatMap(([option, { choices }]) =>
        choices === undefined ? [] : [[`${name} --${option}`, choices.join(' ')] as const],
      ),
    ),
  };
}

/** The arms of a case statement. */
function arms(rows: readonly (readonly [pattern: string, act: string])[]): string {
  return rows.map(([pattern, act]) => `    ${pattern}) ${act} ;;`).join('\n');
}

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
const join = (words: readonly Word[]): string => words.map(({ word }) => word).join(' ');
const patternOf = (places: readonly Place[]): string =>
  places.flatMap(({ words }) => (words === '' ? [] : [quote(words)])).join(' | ');

function bashScript(commands: readonly Command[]): string {
  const places = placesOf(commands);
  const { files, others, choices } = valuesOf(commands);
  return `# bash completion for certplane: source it, or write it to a file that bash-completion reads.
_certplane() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  local command="" next="" options="" files="" word index
  COMPREPLY=()
  # Bash makes a word of its own of the = in --option=value.
  if [[ $cur == "=" ]]; then cur=""; elif [[ $previous == "=" ]]; then previous="\${COMP_WORDS[COMP_CWORD - 2]}"; fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "\${command:+$command }$word" in
    ${patternOf(places)}) command="\${command:+$command }$word" ;;
    esac
  done
  case "$command $previous" in
${arms(choices.map(([place, values]) => [quote(place), `COMPREPLY=($(compgen -W ${quote(values)} -- "$cur")); return`]))}
  esac
  case "$command" in
${arms(
  places.map(({ words, next, options, takesFiles }) => [
    quote(words),
    `next=${quote(join(next))} options=${quote(join(options))} files=${takesFiles ? 'yes' : '""'}`,
  ]),
)}
  esac
  case "$previous" in
    ${files}) files=value ;;
    ${others}) return ;;
  esac
  if [[ $files == value || (-n $files && $cur != -*) ]]; then
    COMPREPLY=($(compgen -f -- "$cur"))
    compopt -o filenames 2>/dev/null
  elif [[ -n $next && $cur != -* ]]; then
    COMPREPLY=($(compgen -W "$next" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$options ${join(optionWords(COMMON))}" -- "$cur"))
  fi
}
complete -F _certplane certplane
`;
}

/** The elements of an array for _describe, where a colon ends the word. */
const described = (words: readonly Word[]): string =>
  words.map(({ word, summary }) => quote(`${word.replaceAll(':', String.raw`\:`)}:${summary}`)).join(' ');

function zshScript(commands: readonly Command[]): string {
  const places = placesOf(commands);
  const { files, others, choices } = valuesOf(commands);
  return `#compdef certplane
# zsh completion for certplane: write it to a file _certplane in a folder of $fpath, or source it after compinit.
_certplane() {
  local current="\${words[CURRENT]}" previous="\${words[CURRENT-1]}" command="" takes="" word
  local -a next options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${command:+$command }$word" in
    ${patternOf(places)}) command="\${command:+$command }$word" ;;
    esac
  done
  case "$command $previous" in
${arms(choices.map(([place, values]) => [quote(place), `compadd -- ${values}; return`]))}
  esac
  case "$previous" in
    ${files}) _files; return ;;
    ${others}) return ;;
  esac
  case "$command" in
${arms(
  places.map(({ words, next, options, takesFiles }) => [
    quote(words),
    `next=(${described(next)}); options=(${described(options)}); takes=${takesFiles ? 'files' : '""'}`,
  ]),
)}
  esac
  options+=(${described(optionWords(COMMON))})
  if [[ $current != -* && $takes == files ]]; then _files
  elif [[ $current != -* && $#next -gt 0 ]]; then _describe 'command' next
  else _describe -o 'option' options
  fi
}
if [[ $funcstack[1] == _certplane ]]; then _certplane "$@"; else compdef _certplane certplane; fi
`;
}
