/** What the OpenAPI document shows; PEM is cut short. */
export const CERTIFICATE_PEM_EXAMPLE =
  '-----BEGIN CERTIFICATE-----\nMIIBtDCCAVugAwIBAgIUBX…\n-----END CERTIFICATE-----\n';

export const ISSUER_ID_EXAMPLE = 'iss-local';

export const CREATE_ISSUER_EXAMPLE = {
  id: 'example-root',
  name: 'Example Root',
  kind: 'root',
  key_algorithm: 'ecdsa-p384',
  subject: 'CN=Example Root,O=Example,C=NL',
  validity: '7300d',
};

export const UPDATE_ISSUER_EXAMPLE = { name: 'Example Root 1', crl_shards: 16, crl_delta_interval: '1h' };

export const ISSUER_EXAMPLE = {
  id: 'example-root',
  name: 'Example Root',
  kind: 'root',
  status: 'active',
  parent_id: null,
  key_algorithm: 'ecdsa-p384',
  subject: 'CN=Example Root,O=Example,C=NL',
  not_before: '2026-11-21T08:55:00.000Z',
  not_after: '2046-11-16T09:00:00.000Z',
  path_length: null,
  baseline_requirements: false,
  crl_shards: 1,
  crl_delta_interval: '1h',
  expired_certs_on_crl: false,
  ocsp_request_signature: 'ignore',
  ocsp_requester_cas_pem: '',
  certificate_pem: CERTIFICATE_PEM_EXAMPLE,
  chain_pem: '',
  ocsp_url: 'http://pki.example.com/.well-known/pki/ocsp/example-root',
  crl_url: 'http://pki.example.com/.well-known/pki/crl/example-root.crl',
  ca_issuers_url: 'http://pki.example.com/.well-known/pki/ca/example-root',
  created_at: '2026-11-21T09:00:00.000Z',
};
