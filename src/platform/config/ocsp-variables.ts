import { z } from 'zod';
import { duration, flag, integer, list, size } from './variable-types.js';

/** The variables of the OCSP responder. */
export const OCSP_VARIABLES = {
  CERTPLANE_OCSP_VALIDITY: duration('10m', '10d')
    .prefault('24h')
    .describe('From thisUpdate to nextUpdate of an OCSP response. A response is replaced at half of it.'),
  CERTPLANE_OCSP_RESPONDER_VALIDITY: duration('1h', '365d')
    .prefault('30d')
    .describe('The lifetime of a delegated OCSP responder certificate.'),
  CERTPLANE_OCSP_RESPONDER_ROTATION_GRACE: duration('1m', '180d')
    .prefault('7d')
    .describe('How long before it expires a delegated OCSP responder certificate is replaced.'),
  CERTPLANE_OCSP_NONCE_MAX: integer(16, 128)
    .prefault('128')
    .describe('The longest nonce, in octets, that an OCSP request may have (RFC 9654: 1 to 128, at least 16 to 32).'),
  CERTPLANE_OCSP_ENABLED: flag
    .prefault('true')
    .describe('`false`: every OCSP path is 404, and certificates issued from then on name no OCSP responder.'),
  CERTPLANE_OCSP_LEASE: duration('1s', '60s')
    .prefault('5s')
    .describe(
      'How long an instance may answer OCSP from memory without having asked for new revocations. A revocation waits this long, once, for an instance that died. The same on all instances.',
    ),
  CERTPLANE_OCSP_MEMORY_MAX: size('1MiB', '64GiB')
    .prefault('256MiB')
    .describe('The most memory that one process gives to OCSP responses; those least recently used go first.'),
  CERTPLANE_OCSP_PRESIGN: z
    .enum(['eager', 'lazy'])
    .default('eager')
    .describe(
      '`eager`: a fresh response to every unexpired certificate lies ready in the database. `lazy`: a response is signed when it is first asked for.',
    ),
  CERTPLANE_OCSP_PRESIGN_HASHES: list(['sha1', 'sha256', 'sha384', 'sha512'])
    .prefault('sha1,sha256')
    .describe('The CertID hash algorithms that responses are signed for in advance, separated by commas.'),
  CERTPLANE_OCSP_CACHE_REFRESH_INTERVAL: duration('1s', '12h')
    .prefault('1h')
    .describe('How often the responses that have passed half of their validity are replaced.'),
  CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN: integer(0, 100_000_000)
    .prefault('1000')
    .describe('OCSP requests a minute from one source: an IPv4 address, or an IPv6 network of 64 bits. 0 is no limit.'),
  CERTPLANE_OCSP_REFUSAL: z
    .enum(['standard', 'unauthorized'])
    .default('standard')
    .describe(
      'What a refused OCSP request is told. `standard`: tryLater over the rate limit, malformedRequest for a bad nonce. `unauthorized`: that one answer for both.',
    ),
};

/** All durations are seconds. */
export interface OcspConfig {
  readonly validity: number;
  readonly responderValidity: number;
  readonly responderRotationGrace: number;
  /** Octets. */
  readonly nonceMax: number;
  readonly enabled: boolean;
  readonly lease: number;
  /** Bytes. */
  readonly memoryMax: number;
  readonly presign: 'eager' | 'lazy';
  readonly presignHashes: readonly ('sha1' | 'sha256' | 'sha384' | 'sha512')[];
  readonly refreshInterval: number;
  /** 0 is no limit. */
  readonly rateLimitPerMinute: number;
  readonly refusal: 'standard' | 'unauthorized';
}

const VARIABLES = z.object(OCSP_VARIABLES);

export function toOcspConfig(env: z.output<typeof VARIABLES>): OcspConfig {
  return {
    validity: env.CERTPLANE_OCSP_VALIDITY,
    responderValidity: env.CERTPLANE_OCSP_RESPONDER_VALIDITY,
    responderRotationGrace: env.CERTPLANE_OCSP_RESPONDER_ROTATION_GRACE,
    nonceMax: env.CERTPLANE_OCSP_NONCE_MAX,
    enabled: env.CERTPLANE_OCSP_ENABLED,
    lease: env.CERTPLANE_OCSP_LEASE,
    memoryMax: env.CERTPLANE_OCSP_MEMORY_MAX,
    presign: env.CERTPLANE_OCSP_PRESIGN,
    presignHashes: env.CERTPLANE_OCSP_PRESIGN_HASHES,
    refreshInterval: env.CERTPLANE_OCSP_CACHE_REFRESH_INTERVAL,
    rateLimitPerMinute: env.CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN,
    refusal: env.CERTPLANE_OCSP_REFUSAL,
  };
}
