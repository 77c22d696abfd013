import type { CertplaneClient } from '../../../clients/typescript/src/client.js';
import { CERTIFICATE_REFERENCE, findCertificate } from '../certificate-reference.js';
import { command, EXIT } from '../command.js';
import { usageFailure } from '../failure.js';
import { checkWritable, readText, writeFile } from '../local-files.js';

const FORMATS = ['pem', 'der', 'pkcs7', 'pkcs12'] as const;
type Format = (typeof FORMATS)[number];

export const exportCertificate = command({
  name: 'certificates export',
  summary: 'Export a certificate, and those above it, as a file',
  details:
    'Certplane does not have the private key of a certificate, so that none is in the file. Each export is an event of the ' +
    'audit trail, and there is a limit to them.',
  arguments: { certificate: { summary: CERTIFICATE_REFERENCE, file: true } },
  options: {
    format: { value: 'FORMAT', summary: 'Default: pem', choices: FORMATS },
    out: { value: 'FILE', file: true, summary: 'Where it goes. Default: standard output' },
    force: { summary: 'Write over the file of --out' },
    'password-file': {
      value: 'FILE',
      file: true,
      summary: 'Holds the password of a PKCS #12 file; - is standard input',
    },
    'friendly-name': { value: 'TEXT', summary: 'What tools list the certificate of a PKCS #12 file under' },
  },
  examples: [
    ['With those above it, for a server', 'certplane certificates export www.example.pem --out chain.pem'],
    [
      'For a Java trust store',
      'certplane certificates export 3e9a3af941dd --format pkcs12 --password-file password.txt --out www.p12',
    ],
  ],
  run: async ({ client, terminal }, { certificate, format = 'pem', out, force, ...forPkcs12 }) => {
    if (format !== 'pem' && out === undefined && terminal.isInteractive) {
      throw usageFailure(`${format} is nothing to look at: name a file with --out.`);
    }
    if (out !== undefined) checkWritable(out, force);
    const { id } = await findCertificate(client, certificate);
    const contents = await fetchExport(client, id, format as Format, forPkcs12);
    if (out === undefined) terminal.printRaw(contents);
    else writeFile(out, contents, { force });
    return EXIT.ok;
  },
});

interface ForPkcs12 {
  readonly 'password-file': string | undefined;
  readonly 'friendly-name': string | undefined;
}

async function fetchExport(
  client: CertplaneClient,
  id: string,
  format: Format,
  { 'password-file': passwordFile, 'friendly-name': friendlyName }: ForPkcs12,
): Promise<string | Uint8Array> {
  switch (format) {
    case 'pem':
      return (await client.exportCertificatePem(id)).full_pem;
    case 'der':
      return (await client.exportCertificateDer(id)).bytes;
    case 'pkcs7':
      return (await client.exportCertificatePkcs7(id)).bytes;
    case 'pkcs12': {
      if (passwordFile === undefined) throw usageFailure('A PKCS #12 file needs a password: --password-file names it.');
      const password = readText(passwordFile).replace(/\r?\n$/, '');
      return (await client.exportCertificatePkcs12(id, { password, friendly_name: friendlyName })).bytes;
    }
  }
}
