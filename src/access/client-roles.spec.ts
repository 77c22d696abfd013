import type { ClientCertificate } from '../pki/client-certificate.js';
import { findClientRole, parseClientRoles, type ClientRole } from './client-roles.js';

const rolesOf = (entries: unknown): readonly ClientRole[] => {
  const parsed = parseClientRoles(JSON.stringify(entries));
  if ('faults' in parsed) throw new Error(parsed.faults.join('\n'));
  return parsed.roles;
};
const certificate = (names: Partial<ClientCertificate>): ClientCertificate =>
  ({ subject: '', dns: [], email: [], uri: [], clientAuth: true, ...names }) as ClientCertificate;

describe('parseClientRoles', () => {
  it('writes each name in the one way that certificates are compared in', () => {
    const roles = rolesOf([
      { subject: 'cn=a, o = Example', role: 'viewer' },
      { dns: 'A.Example.COM', role: 'viewer' },
      { email: 'Ops@Example.COM', role: 'viewer' },
      { uri: 'spiffe://Example/A', role: 'operator', issuer_ids: ['b', 'a', 'b'], profiles: ['leaf'] },
    ]);
    expect(roles.map(({ name }) => name)).toEqual([
      'CN=a,O=Example',
      'a.example.com',
      'Ops@example.com',
      'spiffe://Example/A',
    ]);
    expect(roles[0]?.scope).toEqual({ issuerIds: null, profiles: null });
    expect(roles[3]?.scope).toEqual({ issuerIds: ['a', 'b'], profiles: ['leaf'] });
  });

  it('tells every fault, and where it is', () => {
    const parsed = parseClientRoles(
      JSON.stringify([{ dns: 'a', role: 'x' }, { role: 'viewer' }, { dns: '', role: 'viewer', more: 1 }, 'text']),
    );
    expect('faults' in parsed && parsed.faults.map((fault) => fault.replace(/:.*/s, '')).sort()).toEqual([
      'entry 1, role',
      'entry 2',
      'entry 3',
      'entry 3, dns',
      'entry 4',
    ]);
  });

  it('takes no name twice, in whatever writing', () => {
    const parsed = parseClientRoles('[{"email":"a@B","role":"viewer"},{"email":"a@b","role":"admin"}]');
    expect(parsed).toEqual({ faults: ['email "a@b" stands there twice'] });
  });
});

describe('findClientRole', () => {
  const roles = rolesOf([
    { dns: 'a.example.com', role: 'viewer' },
    { subject: 'CN=a', role: 'admin' },
    { email: 'a@example.com', role: 'auditor' },
  ]);

  it.each([
    [{ dns: ['a.example.com'], subject: 'CN=a' }, 'viewer'],
    [{ dns: ['b.example.com'], subject: 'CN=a' }, 'admin'],
    [{ email: ['b@example.com', 'a@example.com'] }, 'auditor'],
    [{ email: ['a.example.com'], uri: ['a.example.com'] }, undefined],
    [{ subject: 'CN=a,O=b' }, undefined],
    [{ dns: ['*.example.com'] }, undefined],
    [{}, undefined],
  ])('for %j is %s', (names, role) => {
    expect(findClientRole(roles, certificate(names))?.role).toBe(role);
  });
});
