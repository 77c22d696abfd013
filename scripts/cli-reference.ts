import { COMMANDS } from '../src/cli/commands.js';
import { commandReference } from '../src/cli/help.js';

const INTRODUCTION = `# The command line

<!-- Generated from scripts/cli-reference.ts and src/cli/commands/ by \`npm run docs\`. -->

\`certplane\` does over the REST interface what its user may do: it holds no rights of its own. In the folder of Certplane it runs
as

\`\`\`sh
npx certplane --help
npm run --silent cli -- --help
\`\`\`

What needs the database itself, such as a lost admin key, is for \`npm run admin\`: see [the runbook](runbooks/lost-admin-key.md).

\`\`\`sh
npx certplane certificates issue --cn www.example.com --new-key www.key --out www.pem
npx certplane status www.pem
npx certplane revoke www.pem --reason keyCompromise
\`\`\`

## Where Certplane is

| option                          | variable                                        | else                                              |
| ------------------------------- | ----------------------------------------------- | ------------------------------------------------- |
| \`--url\`                         | \`CERTPLANE_URL\`                                 | \`https://localhost:8443\`                          |
| \`--key-file\`                    | \`CERTPLANE_API_KEY_FILE\` or \`CERTPLANE_API_KEY\` | \`admin.key\` in the data directory                 |
| \`--ca\`                          | \`CERTPLANE_CA_FILE\`                             | \`ca.pem\` in the data directory, and public CAs    |
| \`--client-cert\`, \`--client-key\` |                                                 | no client certificate                             |

An option counts more than a variable. The data directory is \`CERTPLANE_DATA_DIR\`, or \`./data\`: on the machine and in the folder of
the server, nothing needs to be said. An API key can't be given on the command line itself, where others would see it. The CAs of
\`--ca\` are trusted alone.

## What it prints

Results go to standard output, everything else to standard error. On a terminal, tables are cut to its width and coloured
(\`NO_COLOR\` turns that off), and long work shows how far it is. Control characters and characters that turn the direction of
writing are shown as escapes.

With \`--json\`, the result is the answer of the REST interface as it is, and a failure is one line on standard error:

\`\`\`json
{ "error": { "code": "issuer_not_found", "detail": "There is no issuer x.", "hint": "…", "status": 404, "request_id": "…" } }
\`\`\`

\`code\` is that of the interface, or \`usage\`, \`no_connection\`, \`unexpected_answer\`, \`ambiguous\`, \`export_incomplete\` or \`fault\`.
With \`--all\`, a list is one JSON document, however long, that is written as the pages come.

| exit code | what it means                                                                  |
| --------- | ------------------------------------------------------------------------------ |
| 0         | it is done, or the answer is yes                                               |
| 1         | refused or not found, in part or as a whole; for \`status\`: not good            |
| 2         | the command line is wrong, or a file that it names can't be used               |
| 3         | Certplane can't be reached; for \`status\`: nobody answered                      |
| 4         | a fault of the program itself                                                  |

## Private keys

\`--new-key\` makes a private key on this machine, in a file that only its owner may read (mode 0600, PKCS #8), and sends a
certification request for it; the key itself goes nowhere. A file with a key is never written over. Where the certificate is
refused, the new key is removed again; where the connection breaks, it stays, and \`--key\` takes it up.

A certificate is named by its id, by its serial number in any writing, or by a file that holds it.

## Completion

\`\`\`sh
source <(npx certplane completion bash)                  # bash, for this session
npx certplane completion zsh > ~/.zfunc/_certplane       # zsh, in a folder of $fpath
\`\`\`

## Commands
`;

/** docs/cli.md. */
export function describeCommandLine(): string {
  const sections = COMMANDS.map(
    (command) => `### certplane ${command.name}\n\n\`\`\`text\n${commandReference(command).trimEnd()}\n\`\`\``,
  );
  return `${INTRODUCTION}\n${sections.join('\n\n')}\n`;
}
