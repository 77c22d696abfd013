import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { BlockedKeys } from '../keys/blocked-keys.js';
import { KeyStore, type NewKey } from '../keys/key-store.js';
import { buildCertificate, keyIdentifierOf } from '../pki/certificate.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import {
  distinguishedNameFromAttributes,
  distinguishedNameFromText,
  formatDistinguishedName,
  type DistinguishedName,
} from '../pki/distinguished-name.js';
import { parsePublicKey } from '../pki/key-strength.js';
import { parsePem } from '../pki/pem.js';
import { checkImportedIssuer } from '../pki/imported-issuer.js';
import { randomSerialNumber } from '../pki/serial-number.js';
import { truncateToSecond } from '../platform/clock/clock.js';
import type { Tx } from '../platform/database/transaction.js';
import { DomainError } from '../platform/errors/domain-error.js';
import { IssuerEntity } from './issuer.entity.js';
import { checkCrlSettings } from './issuer-settings.js';
import type { CreateIssuer, SubjectInput } from './issuer.schemas.js';
import { SubordinateIssuance } from './subordinate-issuance.js';
import { validityPeriod } from './validity-period.js';

/** An issuer that is signed for and not stored yet. */
export interface PreparedIssuer {
  readonly issuer: IssuerEntity;
  readonly saveKey: (tx: Tx) => Promise<void>;
  /** Puts what a parent signed into the parent's inventory. */
  readonly confirm: (tx: Tx) => Promise<void>;
  /** After the commit: what relying parties of the parent will ask for. Never rejects. */
  readonly prepareResponse: () => Promise<void>;
}

type CreateRoot = Extract<CreateIssuer, { kind: 'root' }>;
type CreateIntermediate = Extract<CreateIssuer, { kind: 'intermediate' }>;
type ImportIssuer = Extract<CreateIssuer, { kind: 'imported' }>;

/** Makes the key and the certificate of a new issuer. */
@Injectable()
export class IssuerCreation {
  constructor(
    private readonly dataSource: DataSource,
    private readonly keyStore: KeyStore,
    private readonly blockedKeys: BlockedKeys,
    private readonly subordinates: SubordinateIssuance,
  ) {}

  async prepare(input: CreateIssuer, now: Date): Promise<PreparedIssuer> {
    switch (input.kind) {
      case 'root':
        return this.prepareRoot(input, now);
      case 'intermediate':
        return this.prepareIntermediate(input, now);
      case 'imported':
        return this.prepareImported(input, now);
    }
  }

  private async prepareRoot(input: CreateRoot, now: Date): Promise<PreparedIssuer> {
    const subject = distinguishedName(input.subject);
    const key = await this.keyStore.generate(input.key_algorithm);
    const pathLength = input.path_length ?? null;
    const { notBefore, notAfter } = validityPeriod(now, input.validity);
    const certificateDer = await buildCertificate(
      {
        serialNumber: randomSerialNumber(),
        issuerDer: subject.der,
        subjectDer: subject.der,
        spkiDer: key.spkiDer,
        notBefore,
        notAfter,
        authorityKeyIdentifier: keyIdentifierOf(key.spkiDer),
        profile: { kind: 'root', pathLength },
      },
      key.signer('certificate'),
    );
    return {
      ...newIssuer(input, now, { ...keyOf(key), certificateDer, chainDer: [], parentId: null, pathLength }),
      saveKey: (tx) => key.save(tx),
    };
  }

  private async prepareIntermediate(input: CreateIntermediate, now: Date): Promise<PreparedIssuer> {
    const parent = await this.dataSource.manager.findOneBy(IssuerEntity, { id: input.parent_id });
    if (parent === null) throw new DomainError('issuer_not_found', `There is no issuer ${input.parent_id}.`);
    const pathLength = input.path_length ?? 0;
    checkPathLength(parent, pathLength);
    const subject = distinguishedName(input.subject);
    const key = await this.keyStore.generate(input.key_algorithm);
    const signed = await this.subordinates.signSubordinate({
      parent,
      subjectDer: subject.der,
      subject: subject.text,
      spkiDer: key.spkiDer,
      ...validityPeriod(now, input.validity, parent),
      pathLength,
    });
    const { certificateDer } = signed;
    const chainDer = [parent.certificateDer, ...parent.chainDer];
    return {
      ...newIssuer(input, now, { ...keyOf(key), certificateDer, chainDer, parentId: parent.id, pathLength }),
      saveKey: (tx) => key.save(tx),
      confirm: (tx) => signed.confirm(tx),
      prepareResponse: () => signed.prepareResponse(),
    };
  }

  private async prepareImported(input: ImportIssuer, now: Date): Promise<PreparedIssuer> {
    const imported = checkImportedIssuer(
      { certificatePem: input.certificate_pem, privateKeyPem: input.private_key_pem, chainPem: input.chain_pem },
      now,
    );
    await this.blockedKeys.refuseBlocked(imported.fields.spkiDer);
    const key = imported.privateKey === null ? null : this.keyStore.adopt(imported.privateKey);
    const prepared = newIssuer(input, now, {
      keyId: key?.id ?? null,
      keyAlgorithm: imported.keyAlgorithm,
      certificateDer: imported.certificateDer,
      chainDer: [...imported.chain],
      parentId: null,
      pathLength: imported.pathLength,
    });
    checkCrlSettings(prepared.issuer);
    return key === null ? prepared : { ...prepared, saveKey: (tx) => key.save(tx) };
  }
}

type MadeIssuer = Pick<
  IssuerEntity,
  'keyId' | 'keyAlgorithm' | 'certificateDer' | 'chainDer' | 'parentId' | 'pathLength'
>;

/** With nothing to save beside it. */
function newIssuer(input: CreateIssuer, now: Date, made: MadeIssuer): PreparedIssuer {
  const fields = parseCertificateFields(made.certificateDer);
  const issuer: IssuerEntity = {
    id: input.id,
    name: input.name,
    kind: input.kind,
    status: 'active',
    subject: formatDistinguishedName(fields.subjectDer),
    notBefore: fields.notBefore,
    notAfter: fields.notAfter,
    baselineRequirements: input.baseline_requirements,
    ocspRequestSignature: input.ocsp_request_signature,
    ocspRequesterCasDer: readRequesterCas(input),
    crlShards: input.crl_shards,
    crlDeltaInterval: input.crl_delta_interval,
    expiredCertsOnCrl: input.expired_certs_on_crl,
    createdAt: truncateToSecond(now),
    ...made,
  };
  const nothing = (): Promise<void> => Promise.resolve();
  return { issuer, saveKey: nothing, confirm: nothing, prepareResponse: nothing };
}

function keyOf({ id, algorithm }: NewKey): Pick<IssuerEntity, 'keyId' | 'keyAlgorithm'> {
  return { keyId: id, keyAlgorithm: algorithm };
}

function distinguishedName(subject: SubjectInput): DistinguishedName {
  if (typeof subject === 'string') return distinguishedNameFromText(subject);
  const given = Object.entries(subject).filter(
    (attribute): attribute is [string, string] => attribute[1] !== undefined,
  );
  return distinguishedNameFromAttributes(Object.fromEntries(given));
}

function readRequesterCas(input: CreateIssuer): Buffer[] {
  const { ocsp_request_signature: policy, ocsp_requester_cas_pem: pem } = input;
  if (policy === 'ignore' && pem === undefined) return [];
  if (pem === undefined) {
    const message = `is needed where ocsp_request_signature is ${policy}`;
    throw new DomainError('invalid_request', `ocsp_requester_cas_pem ${message}`, [
      { field: 'ocsp_requester_cas_pem', message },
    ]);
  }
  const certificates = parsePem(pem, 'CERTIFICATE');
  for (const der of certificates) parsePublicKey(parseCertificateFields(der).spkiDer);
  return certificates;
}

function checkPathLength(parent: IssuerEntity, pathLength: number): void {
  if (parent.pathLength === null || pathLength < parent.pathLength) return;
  const most = parent.pathLength - 1;
  throw new DomainError(
    'path_length_exceeded',
    most < 0
      ? `The issuer ${parent.id} has path length 0: it can't sign another CA.`
      : `Under the issuer ${parent.id} the path length may be ${most} at the most.`,
  );
}
