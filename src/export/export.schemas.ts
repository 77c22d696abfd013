import { z } from 'zod';
import { CERTIFICATE_PEM_EXAMPLE } from '../issuers/issuer.examples.js';

export const EXPORT_PEM_QUERY = z.strictObject({
  download: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe('`true`: a file with the certificate and those above it, instead of JSON.'),
});
export type ExportPemQuery = z.output<typeof EXPORT_PEM_QUERY>;

export const EXPORTED_PEM = z
  .object({
    certificate_pem: z.string(),
    chain_pem: z.string().describe('The certificates above it, nearest first.'),
    full_pem: z.string().describe('Both, as servers want them.'),
  })
  .meta({
    id: 'ExportedPem',
    example: {
      certificate_pem: CERTIFICATE_PEM_EXAMPLE,
      chain_pem: CERTIFICATE_PEM_EXAMPLE,
      full_pem: CERTIFICATE_PEM_EXAMPLE + CERTIFICATE_PEM_EXAMPLE,
    },
  });

const BMP_TEXT = z
  .string()
  .regex(/^[^\p{Cc}]*$/u, 'must not have control characters')
  .refine((text) => !/[\ud800-\udfff]/.test(text), 'must not have characters outside the Basic Multilingual Plane');

export const EXPORT_PKCS12 = z
  .strictObject({
    password: BMP_TEXT.min(1).max(1024).describe('What the file is opened with. It is not kept.'),
    friendly_name: BMP_TEXT.min(1).max(200).optional().describe('What tools list the certificate under.'),
  })
  .meta({
    id: 'ExportPkcs12',
    example: { password: 'correct horse battery staple', friendly_name: 'www.example.com' },
  });
export type ExportPkcs12 = z.output<typeof EXPORT_PKCS12>;
