import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { buildCertId, type CertIdIssuer } from '../../src/pki/cert-id.js';
import { parseCertificateFields } from '../../src/pki/certificate-fields.js';
import { parsePem } from '../../src/pki/pem.js';
import { parseSerialNumber } from '../../src/pki/serial-number.js';
import { questionOf } from '../support/ocsp-question.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { Asker, HASHES, type Hash, type Subject } from './asker.js';
import { Builds, type Patch } from './builds.js';
import { History } from './history.js';
import { NodeProcess } from './node-process.js';
import { StallWatch } from './stall-watch.js';

const ISSUER = 'iss-local';
const UNISSUED = 3;

export interface ClusterOptions {
  readonly seed: number;
  /** Whole seconds. */
  readonly leaseSeconds: number;
  /** For all nodes that have no patches of their own. */
  readonly patches?: readonly Patch[];
}

/** What the certificates of the run are made after. */
interface Pattern {
  readonly certificateId: string;
  readonly issuer: CertIdIssuer;
}

/** Several processes on one database. */
export class Cluster {
  readonly nodes: NodeProcess[] = [];
  readonly history: History;
  readonly asker: Asker;
  private readonly unissuedSerials = Array.from({ length: UNISSUED }, () => randomSerial());
  private readonly adminKey = randomBytes(24).toString('base64url');
  private readonly masterKey = randomBytes(32).toString('base64');
  private readonly builds = new Builds();
  private readonly build: string;
  private pattern: Pattern | null = null;
  private stallWatch: StallWatch | null = null;

  private constructor(
    private readonly database: TestDatabase,
    private readonly client: Client,
    private readonly options: ClusterOptions,
  ) {
    this.build = this.builds.copy(options.patches);
    this.history = new History({
      seed: options.seed,
      leaseMs: options.leaseSeconds * 1000,
      unissued: this.unissuedSerials.map((serial) => serial.toString('hex')),
    });
    this.asker = new Asker(this.history, this.adminKey, ISSUER);
  }

  /** Starts nodes on a new database: the first one alone, for it sets everything up. */
  static async start(options: ClusterOptions, names: readonly string[]): Promise<Cluster> {
    const database = await createTestDatabase();
    const client = new Client({ connectionString: database.url });
    await client.connect();
    const cluster = new Cluster(database, client, options);
    try {
      cluster.stallWatch = await StallWatch.start(cluster.history, database.url, cluster.nodes);
      const [first, ...others] = names;
      cluster.pattern = await cluster.findPattern(await cluster.add(first!));
      await Promise.all(others.map((name) => cluster.add(name)));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Starts another node, from a build with these patches. */
  async add(name: string, patches?: readonly Patch[]): Promise<NodeProcess> {
    const node = await NodeProcess.create({
      name,
      build: patches === undefined ? this.build : this.builds.copy(patches),
      databaseUrl: this.database.url,
      env: {
        CERTPLANE_MASTER_KEY: this.masterKey,
        CERTPLANE_BOOTSTRAP_ADMIN_KEY: this.adminKey,
        CERTPLANE_OCSP_LEASE: `${this.options.leaseSeconds}s`,
        CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN: '0',
      },
    });
    this.nodes.push(node);
    return node.start();
  }

  /** Ends a node for good; nobody waits for it any more. */
  async retire(node: NodeProcess): Promise<void> {
    const { pid } = node;
    this.nodes.splice(this.nodes.indexOf(node), 1);
    await node.remove();
    await this.client.query("UPDATE responder_nodes SET silent = true WHERE name LIKE '%:' || $1", [String(pid)]);
  }

  /** Whether a node has renewed its lease within the last one. */
  async hasLease({ pid }: NodeProcess): Promise<boolean> {
    const { rows } = await this.client.query<{ renewed: boolean }>(
      `SELECT 1 FROM responder_nodes
        WHERE name LIKE '%:' || $1 AND NOT silent AND renewed_at > now() - make_interval(secs => $2 / 2.0)`,
      [String(pid), this.options.leaseSeconds],
    );
    return rows.length > 0;
  }

  /** Issues certificates: copies of one under other serial numbers, with their responses due to be signed. */
  async issue(count: number): Promise<Subject[]> {
    const serials = Array.from({ length: count }, () => randomSerial());
    const { rows } = await this.client.query<{ id: string; serial_number: Buffer }>(
      `WITH made AS (
         INSERT INTO certificates (id, issuer_id, serial_number, profile, subject, subject_alternative_names, spki_sha256,
                                   not_before, not_after, reserved_at, certificate_der, fingerprint_sha256)
         SELECT gen_random_uuid(), issuer_id, serial, profile, subject, subject_alternative_names, spki_sha256,
                not_before, not_after, reserved_at, certificate_der, fingerprint_sha256
           FROM certificates, unnest($1::bytea[]) AS serial
          WHERE id = $2
         RETURNING id, issuer_id, serial_number
       ), enrolled AS (
         INSERT INTO ocsp_responses (issuer_id, serial_number, cert_id_algorithm, refresh_at)
         SELECT issuer_id, serial_number, algorithm, '-infinity' FROM made, unnest(ARRAY['sha1', 'sha256']) AS algorithm
       )
       SELECT id, serial_number FROM made`,
      [serials, this.knownPattern.certificateId],
    );
    return rows.map(({ id, serial_number: serial }) => this.toSubject(id, serial));
  }

  /** Serial numbers that nobody was given. */
  unissued(): Subject[] {
    return this.unissuedSerials.map((serial) => this.toSubject(serial.toString('hex'), serial));
  }

  /** Resolves when all that has held anybody up until now stands in the history. */
  async settle(): Promise<void> {
    await this.stallWatch?.settle();
  }

  async stop(): Promise<void> {
    await this.stallWatch?.stop();
    await Promise.all(this.nodes.splice(0).map((node) => node.remove()));
    this.asker.close();
    await this.client.end();
    await this.database.drop();
    this.builds.remove();
  }

  private get knownPattern(): Pattern {
    if (this.pattern === null) throw new Error('the cluster has not started');
    return this.pattern;
  }

  private async findPattern(node: NodeProcess): Promise<Pattern> {
    const openssl = new OpensslWorkshop();
    try {
      const { csr } = await openssl.csr('/CN=host.example.com');
      const issued = await this.asker.rest(node, 'POST', '/api/v1/certificates', { issuer_id: ISSUER, csr });
      const issuer = await this.asker.rest(node, 'GET', `/api/v1/issuers/${ISSUER}`);
      const { id } = JSON.parse(issued.body.toString('utf8')) as { id: string };
      const { certificate_pem: pem } = JSON.parse(issuer.body.toString('utf8')) as { certificate_pem: string };
      return { certificateId: id, issuer: parseCertificateFields(parsePem(pem, 'CERTIFICATE')[0]!) };
    } finally {
      openssl.remove();
    }
  }

  private toSubject(id: string, serial: Buffer): Subject {
    const { issuer } = this.knownPattern;
    const serialNumber = parseSerialNumber(serial.toString('hex'));
    const certIds = byHash((algorithm) => buildCertId(algorithm, issuer, serialNumber));
    return { id, certIds, questions: byHash((hash) => questionOf(certIds[hash], null)) };
  }
}

function byHash<T>(make: (hash: Hash) => T): Record<Hash, T> {
  return Object.fromEntries(HASHES.map((hash) => [hash, make(hash)])) as Record<Hash, T>;
}

/** Sixteen bytes, positive and minimal. */
function randomSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = 0x40 | (serial[0]! & 0x3f);
  return serial;
}
