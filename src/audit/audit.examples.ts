/** What the OpenAPI document shows. */
export const AUDIT_EVENT_EXAMPLE = {
  id: '019aa6c2-5d41-7b60-a2c8-7e0d9f3b1c64',
  occurred_at: '2026-11-21T10:30:00.000Z',
  actor: 'api-key:deploy',
  action: 'certificate.revoke',
  outcome: 'success',
  subject_type: 'certificate',
  subject_id: '019aa6c2-5d10-7c3e-9b1a-2f6c1d0e4a57',
  source_address: '203.0.113.20',
  request_id: '0e8f4bd5-3f51-4a2f-9bb0-6c2a4a3d6c55',
  details: {
    issuer_id: 'iss-local',
    serial_number: '5bd7c8a1f0e24b3396a1d07c5e8f4412',
    reason: 'keyCompromise',
    revoked_at: '2026-11-21T10:30:00.000Z',
  },
};

const KEY_ID = '019aa6c2-0a11-7f20-8d3c-5b1e0f6a9c21';

export const CHECKPOINT_EXAMPLE = {
  tree_size: 1042,
  root_hash: '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  signed_at: '2026-11-21T10:30:01.000Z',
  key_id: KEY_ID,
  note:
    `certplane/${KEY_ID}\n1042\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n` +
    `— certplane/${KEY_ID} lNt+9Ml9y1Yj9WmQk6rVbHq2a1fS7tG0oXc5wEzJ4uPnRdLhT8iBvKxAeMsDgFyUpCq3ZNOYb6W2rHkI0jVtXl5f+w==\n`,
};

export const AUDIT_KEY_EXAMPLE = {
  id: KEY_ID,
  public_key_pem:
    '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n',
  created_at: '2026-11-21T09:00:00.000Z',
  retired_at: null,
};

/** The lines of an export: what it goes on from, events, each checkpoint behind what it covers, the end. */
export const AUDIT_EXPORT_EXAMPLE = [
  { type: 'export', version: 1, first_position: 0, after: null },
  {
    type: 'event',
    position: 0,
    leaf_hash: '1a7d2c9e4b6f80315c2d9eaf07b1463852e0c7d9a4f6b81e3c5d7092f4a6b8c1',
    event: AUDIT_EVENT_EXAMPLE,
  },
  {
    type: 'checkpoint',
    tree_size: 1,
    signed_at: CHECKPOINT_EXAMPLE.signed_at,
    key_id: KEY_ID,
    note: CHECKPOINT_EXAMPLE.note.replace('1042', '1'),
  },
  { type: 'end', tree_size: 1 },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join('');
