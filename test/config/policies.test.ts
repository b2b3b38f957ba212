import { expect } from 'chai';
import { ConfigError } from '../../lib/speaker/config-errors.js';
import { policyWarnings } from '../../lib/speaker/config-policy-rules.js';
import { parseConfig } from '../../lib/speaker/config-text.js';

const HEAD = 'asn: 64512\nrouterId: 10.0.0.1\n';

/** What is wrong, as it is told. */
function errorsOf(text: string): string {
  try {
    parseConfig(HEAD + text, 'f');
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  return '';
}

const CASES: readonly (readonly [what: string, yaml: string, error: RegExp])[] = [
  [
    'an unknown policy',
    'neighbors: [{ address: 10.0.0.2, peerAs: 1, importPolicy: [customer] }]\npolicies: { customers: [] }',
    /f:3:\d+: neighbors\[0\]\.importPolicy\[0\]: there is no policy 'customer'; did you mean 'customers'\?/,
  ],
  [
    'an unknown policy of a group',
    'peerGroups: { g: { exportPolicy: [x] } }',
    /f:3:\d+: peerGroups\.g\.exportPolicy\[0\]: there is no policy 'x'/,
  ],
  [
    'a policy twice',
    'neighbors: [{ address: 10.0.0.2, peerAs: 1, importPolicy: [p, p] }]\npolicies: { p: [] }',
    /policy 'p' is listed twice/,
  ],
  [
    'an unknown key of a statement',
    'policies: { p: [{ condition: {} }] }',
    /policies\.p\[0\]\.condition: unknown key; did you mean 'conditions'\?/,
  ],
  [
    'an unknown condition',
    'policies: { p: [{ conditions: { prefixSet: [a] } }] }',
    /policies\.p\[0\]\.conditions\.prefixSet: unknown key; did you mean 'prefixSets'\?/,
  ],
  [
    'an unknown part of asPath',
    'policies: { p: [{ conditions: { not: { asPath: { origin: [1] } } } }] }',
    /asPath\.origin: unknown key; did you mean 'originAs'\?/,
  ],
  [
    'an unknown action',
    'policies: { p: [{ actions: { localpref: 5 } }] }',
    /actions\.localpref: unknown key; did you mean 'localPref'\?/,
  ],
  ['not in not', 'policies: { p: [{ conditions: { not: { not: {} } } }] }', /conditions\.not\.not: unknown key/],
  [
    'a wrong result',
    'policies: { p: [{ actions: { result: permit } }] }',
    /result: found "permit", expected 'accept' or 'reject'/,
  ],
  ['no list', 'policies: { p: { actions: {} } }', /policies\.p: found .* expected a list/],
  [
    'an unknown prefix set',
    'policies: { p: [{ conditions: { prefixSets: [a] } }] }',
    /f:3:\d+: policies\.p\[0\]\.conditions\.prefixSets\[0\]: there is no prefix set 'a'/,
  ],
  [
    'an unknown AS path set',
    'policies: { p: [{ conditions: { not: { asPath: { sets: [a] } } } }] }',
    /there is no AS path set 'a'/,
  ],
  ['an unknown group', 'policies: { p: [{ conditions: { fromPeerGroups: [a] } }] }', /there is no peer group 'a'/],
  [
    'an unknown community set',
    'policies: { p: [{ conditions: { communities: { any: [no-exprt] } } }] }',
    /there is no well-known community or community set 'no-exprt'/,
  ],
  [
    'a set of another kind',
    "communitySets: { s: ['1:1:1'] }\npolicies: { p: [{ actions: { communities: { remove: [s] } } }] }",
    /'s' holds large communities, and this is communities/,
  ],
  [
    'a community of another kind',
    "policies: { p: [{ conditions: { largeCommunities: { any: ['1:1'] } } }] }",
    /found "1:1", expected a large community such as 65000:1:2/,
  ],
  [
    'two kinds in one set',
    "communitySets: { s: ['1:1', '1:1:1'] }",
    /found communities and large communities in one set/,
  ],
  ['a set named like a community', "communitySets: { no-export: ['1:1'] }", /'no-export' reads as a community/],
  [
    'a pattern that is added',
    "policies: { p: [{ actions: { communities: { add: ['1:*'] } } }] }",
    /'1:\*' is a pattern/,
  ],
  [
    'a wrong community',
    "policies: { p: [{ actions: { communities: { add: ['70000:1'] } } }] }",
    /expected a community such as/,
  ],
  [
    'a wrong extended community',
    "policies: { p: [{ actions: { extendedCommunities: { add: ['rt:1'] } } }] }",
    /expected an extended community/,
  ],
  [
    'ge below the length',
    'prefixSets: { s: [{ prefix: 10.0.0.0/8, ge: 7 }] }',
    /prefixSets\.s\[0\]\.ge: found 7, expected 8 to 32 for 10\.0\.0\.0\/8/,
  ],
  ['le above the longest', "prefixSets: { s: [{ prefix: '2001:db8::/32', le: 129 }] }", /le: found 129/],
  ['ge above le', 'prefixSets: { s: [{ prefix: 10.0.0.0/8, ge: 20, le: 19 }] }', /le 19 is less than ge 20/],
  ['bits after the length', 'prefixSets: { s: [10.0.0.1/8] }', /did you mean 10\.0\.0\.0\/8\?/],
  ['a wrong expression', "asPathSets: { s: ['('] }", /asPathSets\.s\[0\]: found "\(", expected a regular expression/],
  ['an empty range', 'policies: { p: [{ conditions: { med: {} } }] }', /med: expected ge, le or both/],
  [
    'a range that nothing can match',
    'policies: { p: [{ conditions: { asPath: { length: { ge: 5, le: 4 } } } }] }',
    /le 4 is less than ge 5/,
  ],
  [
    'add and subtract',
    'policies: { p: [{ actions: { med: { add: 1, subtract: 2 } } }] }',
    /med: expected either add or subtract/,
  ],
  [
    'localPref that YAML takes for a number',
    'policies: { p: [{ actions: { localPref: -10 } }] }',
    /localPref: found -10, expected a number, { add: N } or { subtract: N }/,
  ],
  [
    'self on import',
    'neighbors: [{ address: 10.0.0.2, peerAs: 1, importPolicy: [p] }]\npolicies: { p: [{ actions: { nextHop: self } }] }',
    /f:4:\d+: .*nextHop: self is for export policies, and 'p' is in an importPolicy/,
  ],
  [
    'peer on export',
    'neighbors: [{ address: 10.0.0.2, peerAs: 1, exportPolicy: [p] }]\npolicies: { p: [{ actions: { nextHop: peer } }] }',
    /nextHop: peer is for import policies/,
  ],
  [
    'a wrong next hop',
    'policies: { p: [{ actions: { nextHop: me } }] }',
    /expected an address, 'self', 'peer' or 'unchanged'/,
  ],
];

describe('configuration of policies', () => {
  for (const [what, yaml, error] of CASES) {
    it(`refuses ${what}`, () => {
      expect(errorsOf(yaml)).to.match(error);
    });
  }

  it('tells all flaws at once', () => {
    const lines = errorsOf(
      'prefixSets: { s: [{ prefix: 10.0.0.0/8, ge: 7 }] }\npolicies: { p: [{ conditions: { prefixSets: [x] } }], q: [{ name: 5 }] }',
    ).split('\n');
    expect(lines).to.have.length(3);
  });

  it('warns of eBGP neighbors without a policy, and says what that means', () => {
    const warnings = (text: string): string[] => policyWarnings(parseConfig(HEAD + text, 'f'));
    expect(warnings('neighbors: [{ address: 10.0.0.2, peerAs: 64512 }]')).to.deep.equal([]);
    expect(
      warnings(
        'neighbors: [{ address: 10.0.0.2, peerAs: 1, defaultImportPolicy: accept, exportPolicy: [p] }]\npolicies: { p: [] }',
      ),
    ).to.deep.equal([]);
    expect(
      warnings('neighbors: [{ address: 10.0.0.2, peerAs: 1, exportPolicy: [p] }]\npolicies: { p: [] }'),
    ).to.deep.equal(['neighbor 10.0.0.2: eBGP without an import policy (RFC 8212): every route is accepted']);
    expect(
      warnings(
        'ebgpRequiresPolicy: true\nlisten: [{ address: 0.0.0.0 }]\npeerGroups: { g: { peerAs: 1 } }\ndynamicNeighbors: [{ prefix: 10.0.0.0/8, peerGroup: g }]',
      ),
    ).to.deep.equal([
      'neighbors in 10.0.0.0/8: eBGP without an import policy or export policy (RFC 8212): no route is accepted, no route is announced',
    ]);
  });
});
