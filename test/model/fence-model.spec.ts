import { explore } from './explore.js';
import { fenceMachine, stuck } from './fence-machine.js';
import { HARMLESS, type Scope, UNSAFE, type Weakening } from './fence-rules.js';

/** The shortest way to a fault, numbered, or an empty text. */
function counterexample(trace: readonly string[] | null): string {
  return (trace ?? []).map((step, index) => `${String(index + 1).padStart(3)}. ${step}`).join('\n');
}

describe('the freshness lease, over all interleavings', () => {
  const scopes: [what: string, states: number, scope: Scope][] = [
    ['two nodes', 83_179, { nodes: 2, calls: 1 }],
    ['two revoke calls, and a database that cannot be asked', 29_990, { nodes: 1, calls: 2, outages: 1 }],
    ['a crash, a lost connection and a pruned feed', 81_299, { nodes: 1, calls: 1, crashes: 1, losses: 1, prunes: 1 }],
    [
      'other revocations and a pre-signer',
      81_344,
      { nodes: 1, calls: 1, others: 1, presigns: 1, prunes: 1, outages: 1 },
    ],
    ['a release and a second revocation', 88_354, { nodes: 1, calls: 2, releases: 1, presigns: 1 }],
    ['a release, and a pruned feed', 116_927, { nodes: 1, calls: 2, releases: 1, prunes: 1 }],
  ];

  it.each(scopes)('never answers good once a revoke call has returned: %s (%i states)', (_what, states, scope) => {
    const found = explore(fenceMachine(scope, null));
    expect(counterexample(found.trace)).toBe('');
    expect(found.states).toBe(states);
  });

  it.each<[what: string, scope: Scope]>([
    ['two revoke calls, and a database that cannot be asked', { nodes: 1, calls: 2, outages: 1 }],
    ['a release and a second revocation', { nodes: 1, calls: 2, releases: 1 }],
    ['a crash and a lost connection', { nodes: 1, calls: 1, crashes: 1, losses: 1 }],
  ])('always lets a revoke call return and a node have a lease, whatever the others do: %s', (_what, scope) => {
    expect(counterexample(explore(fenceMachine(scope, null, stuck)).trace)).toBe('');
  });

  it.each(Object.entries(UNSAFE) as [Weakening, Scope][])('lets a stale good through when %s', (weakening, scope) => {
    const { trace } = explore(fenceMachine(scope, weakening));
    expect(counterexample(trace)).toMatch(
      / (?:answers good from memory|join a fill that read good|stored good response)$/,
    );
  });

  it.each(Object.entries(HARMLESS) as [Weakening, Scope][])('stays safe when %s', (weakening, scope) => {
    expect(counterexample(explore(fenceMachine(scope, weakening)).trace)).toBe('');
  });

  it('tells the shortest way to a stale answer', () => {
    const { trace } = explore(fenceMachine({ nodes: 1, calls: 1 }, 'a store is not guarded'));
    expect(counterexample(trace)).toMatchInlineSnapshot(`
     "  1. node 1 begins a fill: reads that the status is good
       2. caller A revokes the key: number 1
       3. node 1 stores the good response of its fill
       4. caller A returns
       5. a request reads the stored good response"
    `);
  });
});
