import { command, EXIT, type Command } from '../command.js';
import { completionScript, SHELLS, type Shell } from '../completion.js';

/** @param commands all of them, this one included */
export function completionCommand(commands: () => readonly Command[]): Command {
  return command({
    name: 'completion',
    summary: 'Print a script that completes commands and options in bash or zsh',
    arguments: { shell: { summary: 'Which shell', choices: SHELLS } },
    examples: [
      ['bash, for this session', 'source <(certplane completion bash)'],
      ['bash, for good', 'certplane completion bash > ~/.local/share/bash-completion/completions/certplane'],
      ['zsh, in a folder of $fpath', 'certplane completion zsh > ~/.zfunc/_certplane'],
    ],
    run: ({ terminal }, { shell }) => {
      terminal.printRaw(completionScript(shell as Shell, commands()));
      return Promise.resolve(EXIT.ok);
    },
  });
}
