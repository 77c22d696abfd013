import type { CertificateSummary } from '../../../clients/typescript/src/schemas.js';
import { CERTIFICATE_REFERENCE, findCertificate } from '../certificate-reference.js';
import { command, EXIT } from '../command.js';
import { LIST_OPTIONS, printList } from '../list-printing.js';
import type { Column, Tone } from '../table.js';
import type { Field } from '../terminal.js';
import { parseTime, toMinute, toMoment } from '../wording.js';

const TONES: Readonly<Record<CertificateSummary['status'], Tone>> = { active: 'good', revoked: 'bad', expired: 'dim' };

const COLUMNS: readonly Column<CertificateSummary>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'STATUS', value: ({ status }) => status, tone: ({ status }) => TONES[status] },
  { title: 'NOT AFTER (UTC)', value: ({ not_after: notAfter }) => toMinute(notAfter) },
  { title: 'ISSUER', value: ({ issuer_id: issuer }) => issuer },
  { title: 'SERIAL NUMBER', value: ({ serial_number: serialNumber }) => serialNumber },
  { title: 'SUBJECT', value: (certificate) => certificate.subject || namesOf(certificate).join(', '), shrinks: true },
];

export const listCertificates = command({
  name: 'certificates list',
  summary: 'List certificates, newest first',
  options: {
    issuer: { value: 'ID', summary: 'Of this issuer' },
    status: { value: 'STATUS', summary: 'Of this status', choices: ['active', 'revoked', 'expired'] },
    profile: { value: 'PROFILE', summary: 'Of this profile', choices: ['leaf', 'intermediate', 'ocsp-responder'] },
    serial: { value: 'NUMBER', summary: 'With this serial number, in any writing' },
    'expires-before': { value: 'TIME', summary: 'For example 2027-01-01 or 2027-01-01T12:00:00Z' },
    ...LIST_OPTIONS,
  },
  examples: [
    ['What expires soon', 'certplane certificates list --status active --expires-before 2027-01-01'],
    ['Everything, for a program', 'certplane certificates list --all --json'],
  ],
  run: async (context, input) => {
    const expiresBefore = parseTime('--expires-before', input['expires-before']);
    await printList(context, input, {
      columns: COLUMNS,
      nothing: 'There are no such certificates.',
      fetch: (page) =>
        context.client.listCertificates({
          ...page,
          issuer_id: input.issuer,
          status: input.status as CertificateSummary['status'] | undefined,
          profile: input.profile as CertificateSummary['profile'] | undefined,
          serial_number: input.serial,
          expires_before: expiresBefore,
        }),
    });
    return EXIT.ok;
  },
});

export const showCertificate = command({
  name: 'certificates show',
  summary: 'Show a certificate',
  arguments: { certificate: { summary: CERTIFICATE_REFERENCE, file: true } },
  options: { pem: { summary: 'Print the certificate and those above it as PEM, and nothing else' } },
  examples: [
    ['By its serial number', 'certplane certificates show 3e:9a:3a:f9:41:dd'],
    ['As PEM', 'certplane certificates show www.pem --pem > chain.pem'],
  ],
  run: async ({ client, terminal }, { certificate: reference, pem }) => {
    const { id } = await findCertificate(client, reference);
    const certificate = await client.getCertificate(id);
    if (pem) terminal.printRaw((certificate.certificate_pem ?? '') + certificate.chain_pem);
    else terminal.show(certificate, () => terminal.printFields(fieldsOf(certificate)));
    return EXIT.ok;
  },
});

function fieldsOf(certificate: CertificateSummary): Field[] {
  const { revoked_at: revokedAt, revocation_reason: reason } = certificate;
  return [
    ['Id', certificate.id],
    ['Status', certificate.status, TONES[certificate.status]],
    ['Revoked', revokedAt === null ? null : `${toMoment(revokedAt)}, ${reason}`],
    ['Key suspected since', toMoment(certificate.invalidity_date)],
    ['Subject', certificate.subject],
    ['Names', namesOf(certificate).join(', ') || null],
    ['Issuer', certificate.issuer_id],
    ['Profile', certificate.profile],
    ['Serial number', certificate.serial_number],
    ['Not before', toMoment(certificate.not_before)],
    ['Not after', toMoment(certificate.not_after)],
    ['SHA-256', certificate.fingerprint_sha256],
  ];
}

function namesOf({ subject_alternative_names: { dns, ip, email, uri } }: CertificateSummary): string[] {
  return [...dns, ...ip, ...email, ...uri];
}
