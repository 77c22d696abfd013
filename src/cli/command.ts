import type { CertplaneClient } from '../../clients/typescript/src/client.js';
import type { Terminal } from './terminal.js';

/** What the process ends with. Scripts rely on these. */
export const EXIT = { ok: 0, refused: 1, usage: 2, noConnection: 3, fault: 4 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An option of a command, as the parser, the help and the completion know it. */
export interface OptionSpec {
  readonly summary: string;
  /** What stands for its value in the help. Without one it is a flag. */
  readonly value?: string;
  /** May stand several times. */
  readonly many?: true;
  readonly choices?: readonly string[];
  /** The value is the name of a file. */
  readonly file?: true;
}

export interface ArgumentSpec {
  readonly summary: string;
  readonly many?: true;
  readonly optional?: true;
  readonly choices?: readonly string[];
  readonly file?: true;
}

export type Options = Readonly<Record<string, OptionSpec>>;
export type Arguments = Readonly<Record<string, ArgumentSpec>>;

type OptionValue<O> = O extends { readonly value: string }
  ? O extends { readonly many: true }
    ? readonly string[]
    : string | undefined
  : boolean;

type ArgumentValue<A> = A extends { readonly many: true }
  ? readonly string[]
  : A extends { readonly optional: true }
    ? string | undefined
    : string;

/** What stood on the command line, by the names of the options (`O`) and arguments (`A`). */
export type Input<O extends object, A extends object = object> = { readonly [K in keyof O]: OptionValue<O[K]> } & {
  readonly [K in keyof A]: ArgumentValue<A[K]>;
};

/** What a command works with. */
export interface Context {
  readonly terminal: Terminal;
  /** Connects when it is first asked for. */
  readonly client: CertplaneClient;
  /** The CAs to trust for https besides Certplane itself (PEM); undefined: those that Node.js trusts. */
  readonly trusted: string | readonly string[] | undefined;
}

interface Description {
  /** As it is typed, for example `certificates issue`. */
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Paragraphs for those who want to know more. */
  readonly details?: string;
  readonly examples: readonly (readonly [what: string, command: string])[];
}

interface Definition<O extends object, A extends object> extends Description {
  readonly arguments?: A & Arguments;
  readonly options?: O & Options;
  run(context: Context, input: Input<O, A>): Promise<ExitCode>;
}

export interface Command extends Description {
  readonly arguments: Arguments;
  readonly options: Options;
  run(context: Context, input: Readonly<Record<string, unknown>>): Promise<ExitCode>;
}

/** A command whose `run` knows the types of what its description says. */
export function command<const O extends object, const A extends object>(definition: Definition<O, A>): Command {
  const { arguments: taken, options, ...rest } = definition;
  return {
    ...rest,
    arguments: taken ?? {},
    options: options ?? {},
    run: (context, input) => definition.run(context, input as Input<O, A>),
  };
}
