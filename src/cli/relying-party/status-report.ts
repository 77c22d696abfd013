import type { CertificateFields } from '../../pki/certificate-fields.js';
import { formatDistinguishedName } from '../../pki/distinguished-name.js';
import { formatSerialNumber } from '../../pki/serial-number.js';
import { EXIT, type ExitCode } from '../command.js';
import type { Field, Terminal } from '../terminal.js';
import { toMoment } from '../wording.js';
import type { FoundIssuer } from './issuer-search.js';
import type { StatusCheck, Verdict } from './status-check.js';

/** All that was found out about a certificate. */
export interface StatusReport {
  readonly certificate: CertificateFields;
  readonly issuer: FoundIssuer;
  readonly checks: readonly StatusCheck[];
  readonly verdict: Verdict;
}

/** Prints the report. @returns what it comes to */
export function printStatusReport(terminal: Terminal, report: StatusReport): ExitCode {
  terminal.show(toJson(report), () => printForPeople(terminal, report));
  const { checks, verdict } = report;
  if (verdict === 'good') return EXIT.ok;
  const nobodyAnswered = checks.length > 0 && checks.every(({ outcome }) => outcome === 'unreachable');
  return nobodyAnswered && verdict === 'undetermined' ? EXIT.noConnection : EXIT.refused;
}

function toJson({ certificate, issuer, checks, verdict }: StatusReport): object {
  return {
    verdict,
    subject: formatDistinguishedName(certificate.subjectDer),
    serial_number: formatSerialNumber(certificate.serialNumber),
    not_before: certificate.notBefore.toISOString(),
    not_after: certificate.notAfter.toISOString(),
    issuer: { subject: formatDistinguishedName(certificate.issuerDer), source: issuer.source },
    checks: checks.map((check) => ({
      source: check.source,
      url: check.url,
      outcome: check.outcome.replace(' ', '_'),
      revoked_at: check.revokedAt?.toISOString() ?? null,
      reason: check.reason,
      this_update: check.thisUpdate?.toISOString() ?? null,
      next_update: check.nextUpdate?.toISOString() ?? null,
      detail: check.detail,
    })),
  };
}

function printForPeople(terminal: Terminal, { certificate, issuer, checks, verdict }: StatusReport): void {
  terminal.printFields([
    ['Subject', formatDistinguishedName(certificate.subjectDer) || '(empty)'],
    ['Serial number', formatSerialNumber(certificate.serialNumber)],
    ['Not after', toMoment(certificate.notAfter)],
    ['Issuer', `${formatDistinguishedName(certificate.issuerDer)}, which has signed it (from ${issuer.source})`],
    ...checks.flatMap(fieldsOf),
    ['Verdict', explain(verdict, checks), verdict === 'good' ? 'good' : 'bad'],
  ]);
}

function fieldsOf(check: StatusCheck): Field[] {
  const { source, url, outcome, revokedAt, reason, thisUpdate, nextUpdate, detail } = check;
  const since = revokedAt === null ? '' : ` since ${toMoment(revokedAt)}, ${reason}`;
  const validity = thisUpdate === null ? null : `${toMoment(thisUpdate)} to ${toMoment(nextUpdate) ?? 'an open end'}`;
  return [
    [source.toUpperCase(), `${outcome}${since}`, outcome === 'good' ? 'good' : 'bad'],
    ['  asked', url],
    ['  answer', detail],
    ['  good for', validity],
  ];
}

function explain(verdict: Verdict, checks: readonly StatusCheck[]): string {
  switch (verdict) {
    case 'good':
      return checks.some(({ outcome }) => outcome === 'unreachable') ? 'good, by the source that answers' : 'good';
    case 'revoked':
      return checks.some(({ outcome }) => outcome === 'good')
        ? 'revoked: the sources differ, for one of them is older than the revocation'
        : 'revoked';
    case 'undetermined':
      return checks.length === 0
        ? 'undetermined: the certificate names neither an OCSP responder nor a CRL'
        : 'undetermined: there is no answer that can be believed';
    default:
      return verdict;
  }
}
