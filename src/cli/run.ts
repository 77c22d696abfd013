import { VERSION } from '../version.js';
import { EXIT, type Context, type ExitCode } from './command.js';
import { parseCommandLine, wantsJson } from './command-line.js';
import { COMMANDS } from './commands.js';
import { connect, findTrusted, type Connection } from './connection.js';
import { reportFailure } from './failure.js';
import { helpText } from './help.js';
import { printable } from './table.js';
import { Terminal, type OutputStream } from './terminal.js';

/** What the program finds around it. */
export interface Surroundings {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Does what the command line says, and tells what the process is to end with. Never rejects. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const terminal = new Terminal(surroundings.stdout, surroundings.stderr, wantsJson(argv));
  let connection: Connection | null = null;
  try {
    const invocation = parseCommandLine(argv, COMMANDS);
    if (invocation.kind !== 'run') {
      terminal.printRaw(
        invocation.kind === 'version' ? `certplane ${VERSION}\n` : helpText(invocation.words, COMMANDS),
      );
      return EXIT.ok;
    }
    const { command, input, settings } = invocation;
    const context: Context = {
      terminal,
      get client() {
        return (connection ??= connect(settings, surroundings.environment)).client;
      },
      get trusted() {
        return findTrusted(settings, surroundings.environment);
      },
    };
    return await command.run(context, input);
  } catch (error) {
    return tellFailure(terminal, error, connection);
  } finally {
    closeConnection(connection);
  }
}

function closeConnection(connection: Connection | null): void {
  connection?.client.close();
}

function tellFailure(terminal: Terminal, error: unknown, connection: Connection | null): ExitCode {
  const {
    exitCode,
    code,
    message,
    hint,
    status,
    requestId,
    errors = [],
  } = reportFailure(error, connection?.keySource ?? null);
  if (terminal.json) {
    const told = {
      code,
      detail: message,
      hint,
      status,
      request_id: requestId,
      errors: errors.length > 0 ? errors : undefined,
    };
    terminal.note(JSON.stringify({ error: told }));
    return exitCode;
  }
  terminal.note(`certplane: ${exitCode === EXIT.fault ? message : printable(message)}`);
  if (errors.length > 1)
    for (const { field, message: fault } of errors) terminal.note(`  ${printable(`${field}: ${fault}`)}`);
  if (status !== undefined) terminal.note(`  (${code}${requestId ? `, request ${printable(requestId)}` : ''})`);
  if (hint !== null) terminal.note(`  ${printable(hint)}`);
  return exitCode;
}
