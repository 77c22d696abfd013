const features = [
  'keys',
  'audit',
  'access',
  'issuers',
  'certificates',
  'crl',
  'ocsp',
  'revocation',
  'export',
  'idempotency',
  'control-plane',
  'admin',
];

/** What each folder may import besides itself, `pki` and `platform`. Everything else is refused. */
const allowed = {
  keys: [],
  audit: ['keys'],
  access: ['certificates', 'issuers', 'audit'],
  issuers: ['keys', 'audit'],
  certificates: ['issuers', 'keys', 'audit'],
  crl: ['certificates', 'issuers', 'keys', 'audit'],
  ocsp: ['certificates', 'issuers', 'keys', 'audit'],
  revocation: ['crl', 'ocsp', 'certificates', 'issuers', 'audit'],
  idempotency: ['keys'],
  export: ['certificates', 'issuers', 'audit'],
  'control-plane': ['access', 'certificates', 'issuers', 'keys', 'audit'],
  admin: ['access', 'audit', 'keys'],
};

const featureRules = features.map((feature) => ({
  name: `${feature}-imports`,
  comment: `${feature} may import: ${[feature, ...allowed[feature], 'pki', 'platform'].join(', ')}`,
  severity: 'error',
  from: { path: `^src/${feature}/` },
  to: {
    path: '^(src|migrations|scripts)/',
    pathNot: `^src/(${[feature, ...allowed[feature], 'pki', 'platform'].join('|')})/`,
  },
}));

export default {
  forbidden: [
    ...featureRules,
    {
      name: 'pki-is-pure',
      comment: 'pki takes bytes, keys and a time: nothing of ours, and no I/O',
      severity: 'error',
      from: { path: '^src/pki/', pathNot: '\\.spec\\.ts$|^src/pki/testing/' },
      to: {
        pathNot: [
          '^src/pki/',
          '^(node:)?(crypto|buffer)$',
          '^node_modules/(@peculiar/[^/]+|pkijs|asn1js|pvutils|reflect-metadata)/',
        ],
      },
    },
    {
      name: 'cli-is-a-client',
      comment: 'the command line knows Certplane by its interface alone',
      severity: 'error',
      from: { path: '^src/cli/', pathNot: '\\.spec\\.ts$' },
      to: {
        path: '^(src|migrations|scripts|clients)/',
        pathNot: '^src/(cli|pki)/|^src/version\\.ts$|^src/platform/config/duration\\.ts$|^clients/typescript/src/',
      },
    },
    {
      name: 'nobody-imports-the-cli',
      severity: 'error',
      comment: 'but for what writes its documentation',
      from: { path: '^(src|migrations|scripts|clients)/', pathNot: '^src/cli/|^scripts/cli-reference\\.ts$' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'the-client-stands-alone',
      comment: 'a package of its own, without dependencies',
      severity: 'error',
      from: { path: '^clients/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: '^clients/|^(node:)?(http|https)$' },
    },
    {
      name: 'platform-knows-no-feature',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: `^src/(${features.join('|')})/|^src/[^/]+\\.ts$` },
    },
    {
      name: 'only-keys-touch-private-keys',
      comment: 'a private key leaves keys/ as a Signer only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(keys|app)' },
      to: {
        path: '^src/keys/(local-signer|master-key|database-key-store|key\\.entity)',
        pathNot: '^src/keys/key\\.entity',
      },
    },
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'tests-stay-outside',
      severity: 'error',
      from: { path: '^(src|migrations|scripts|clients)/', pathNot: '\\.spec\\.ts$|^src/pki/testing/' },
      to: { path: '^test/|\\.spec\\.ts$|^src/pki/testing/' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'declared',
      comment: 'what the product imports stands in dependencies',
      severity: 'error',
      from: { path: '^(src|migrations|scripts)/', pathNot: '\\.spec\\.ts$|^src/pki/testing/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'] },
  },
};
