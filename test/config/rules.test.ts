import { expect } from 'chai';
import { ConfigError } from '../../lib/speaker/config-errors.js';
import { parseConfig } from '../../lib/speaker/config-text.js';

/** Broken combinations: name, text after asn and routerId, `line path: message` expected. */
const CASES: [string, string, string[]][] = [
  [
    'a neighbor twice, in different words',
    `neighbors:\n  - { address: '2001:db8::1', peerAs: 1 }\n  - { address: '2001:db8:0::1', peerAs: 2 }`,
    ['5 neighbors[1].address: neighbor 2001:db8::1 is there already, as neighbors[0]'],
  ],
  [
    'an unknown peer group',
    `peerGroups: { clients: { peerAs: 64512 } }\nneighbors:\n  - { address: 10.0.0.2, peerGroup: cleints }`,
    ["5 neighbors[0].peerGroup: there is no peer group 'cleints'; did you mean 'clients'?"],
  ],
  [
    'a peer group of every object',
    `neighbors:\n  - { address: 10.0.0.2, peerGroup: constructor }`,
    ["4 neighbors[0].peerGroup: there is no peer group 'constructor'"],
  ],
  [
    'no peerAs anywhere',
    `peerGroups: { g: { holdTime: 30 } }\nneighbors:\n  - { address: 10.0.0.2, peerGroup: g }\n  - { address: 10.0.0.3 }`,
    ["5 neighbors[0]: peerAs is missing, neither here nor in peer group 'g'", '6 neighbors[1]: peerAs is missing'],
  ],
  [
    'an eBGP reflector client',
    `neighbors:\n  - address: 10.0.0.2\n    peerAs: 64513\n    routeReflectorClient: true`,
    [
      '6 neighbors[0].routeReflectorClient: a route reflector client is iBGP (RFC 4456), but peerAs is 64513 and asn is 64512',
    ],
  ],
  [
    'a flaw of a group once, at the group',
    `peerGroups:\n  g: { routeReflectorClient: true, peerAs: 64513 }\nneighbors:\n  - { address: 10.0.0.2, peerGroup: g }\n  - { address: 10.0.0.3, peerGroup: g }`,
    [
      '4 peerGroups.g.routeReflectorClient: a route reflector client is iBGP (RFC 4456), but peerAs is 64513 and asn is 64512',
    ],
  ],
  [
    'a cluster ID for no client',
    `neighbors:\n  - { address: 10.0.0.2, peerAs: 64512, clusterId: 1.1.1.1 }`,
    ['4 neighbors[0].clusterId: only a route reflector client has a clusterId; set routeReflectorClient: true'],
  ],
  [
    'a prefix limit for a family that is not used, and a time that means nothing',
    `neighbors:\n  - address: 10.0.0.2\n    peerAs: 1\n    families: [ipv4-unicast]\n    prefixLimit:\n      ipv4-unicast: { maxPrefixes: 1, action: drop, restartTime: 5 }\n      ipv6-unicast: { maxPrefixes: 1 }`,
    [
      '8 neighbors[0].prefixLimit.ipv4-unicast.restartTime: with action: drop no session ends, so restartTime has no effect',
      '9 neighbors[0].prefixLimit.ipv6-unicast: ipv6-unicast is not among the families of this neighbor',
    ],
  ],
  [
    'multipath that has no effect',
    'multipath: { ebgp: 1, asPathRelax: true }',
    ['3 multipath: expected ebgp or ibgp greater than 1: without, only the best path is used'],
  ],
  [
    'a VRF and a table, and a VRF without a kernel',
    'fib: { type: print, vrf: blue, table: 100 }',
    [
      '3 fib.vrf: type: print writes to no kernel, so vrf has no effect',
      '3 fib.vrf: the table is that of the VRF: give either vrf or table',
    ],
  ],
  [
    'nexthop objects without a kernel',
    'fib: { type: memory, nexthopObjects: true }',
    ['3 fib.nexthopObjects: type: memory writes to no kernel, so nexthopObjects has no effect'],
  ],
  [
    'policies on the way to the kernel',
    `policies:\n  k: [{ actions: { result: accept, med: 5, kernelRoute: { type: blackhole, mtu: 1400 } } }]\nfib: { type: memory, exportPolicy: [k, q, k] }\nneighbors:\n  - { address: 10.0.0.2, peerAs: 1, exportPolicy: [k] }`,
    [
      "4 policies.k[0].actions.med: a kernel route has no med, and 'k' is in fib.exportPolicy: only result and kernelRoute count there",
      "4 policies.k[0].actions.kernelRoute: kernelRoute is for policies of fib.exportPolicy, and 'k' is in an exportPolicy",
      '4 policies.k[0].actions.kernelRoute.mtu: a blackhole route has no mtu',
      "5 fib.exportPolicy[1]: there is no policy 'q'",
      "5 fib.exportPolicy[2]: policy 'k' is listed twice",
    ],
  ],
  [
    'a wrong key deep inside',
    `peerGroups:\n  g: { peerAs: 1, prefixLimit: { ipv4-unicast: { maxPrefix: 5 } } }`,
    [
      '4 peerGroups.g.prefixLimit.ipv4-unicast.maxPrefixes: missing: expected a whole number, 1 to 4294967295',
      "4 peerGroups.g.prefixLimit.ipv4-unicast.maxPrefix: unknown key; did you mean 'maxPrefixes'?",
    ],
  ],
  [
    'several paths: what cannot be told',
    `neighbors:
  - { address: 10.0.0.2, peerAs: 1, addPath: { send: some } }
  - { address: 10.0.0.3, peerAs: 1, addPath: { send: { best: 0 } } }
  - { address: 10.0.0.4, peerAs: 1, addPath: { send: { perNeighborAs: true }, recieve: true } }
  - { address: 10.0.0.5, peerAs: 1, addPath: { send: true } }
  - { address: 10.0.0.6, peerAs: 1, addPath: { ipv4-unicast: { send: all, recieve: true } } }
  - { address: 10.0.0.7, peerAs: 1, families: [ipv4-unicast], addPath: { ipv6-unicast: { send: all } } }
  - { address: 10.0.0.8, peerAs: 1, addPath: { ipv4-unicast: { send: all }, send: all } }`,
    [
      '4 neighbors[0].addPath.send: found "some", expected \'all\', false, or a mapping with best',
      '5 neighbors[1].addPath.send.best: found 0, expected a whole number, 1 to 65535 (paths)',
      '6 neighbors[2].addPath.send.best: missing: expected a whole number, 1 to 65535 (paths)',
      "6 neighbors[2].addPath.recieve: unknown key; did you mean 'receive'?",
      "7 neighbors[3].addPath.send: found true, expected 'all', false, or a mapping with best",
      "8 neighbors[4].addPath.ipv4-unicast.recieve: unknown key; did you mean 'receive'?",
      '9 neighbors[5].addPath.ipv6-unicast: ipv6-unicast is not among the families of this neighbor',
      '10 neighbors[6].addPath.send: unknown key',
    ],
  ],
  [
    'no families, and one twice',
    `neighbors:\n  - { address: 10.0.0.2, peerAs: 1, families: [] }\n  - { address: 10.0.0.3, peerAs: 1, families: [ipv4-unicast, ipv4-unicast] }`,
    [
      '4 neighbors[0].families: found an empty list, expected at least one family',
      "5 neighbors[1].families: 'ipv4-unicast' is listed twice",
    ],
  ],
  [
    'times of graceful restart that we never announce',
    `peerGroups:
  g: { peerAs: 1, gracefulRestart: { restartTime: 30 } }
neighbors:
  - { address: 10.0.0.2, peerAs: 1, longLivedGracefulRestart: { staleTime: 30 } }
  - { address: 10.0.0.3, peerAs: 1, gracefulRestart: { enabled: false }, longLivedGracefulRestart: { enabled: true } }
  - { address: 10.0.0.4, peerGroup: g, gracefulRestart: { enabled: true } }`,
    [
      '4 peerGroups.g.gracefulRestart.restartTime: restartTime has no effect: with helperOnly (the default) we do not ask for it; set enabled: true',
      '6 neighbors[0].longLivedGracefulRestart.staleTime: staleTime has no effect: with helperOnly (the default) we do not ask for it; set enabled: true',
      '7 neighbors[1].longLivedGracefulRestart.enabled: long-lived graceful restart needs graceful restart (RFC 9494 section 3.1), which is off',
    ],
  ],
  [
    'our own restart without anybody who keeps our routes',
    `gracefulRestart: { atStop: restart }\nneighbors:\n  - { address: 10.0.0.2, peerAs: 1 }`,
    [
      '3 gracefulRestart: no neighbor is asked to keep our routes: set gracefulRestart: { enabled: true } at one or at a group',
    ],
  ],
  [
    'a wait for dynamic neighbors without any',
    `gracefulRestart: { dynamicNeighborQuietTime: 5 }
neighbors:
  - { address: 10.0.0.2, peerAs: 1, gracefulRestart: { enabled: true } }`,
    ['3 gracefulRestart.dynamicNeighborQuietTime: has no effect without dynamicNeighbors'],
  ],
  [
    'a restart that removes the kernel routes',
    `gracefulRestart: { atStop: restart }
fib: { type: memory, atStop: remove }
neighbors:
  - { address: 10.0.0.2, peerAs: 1, gracefulRestart: { enabled: true } }`,
    [
      '3 gracefulRestart.atStop: with fib.atStop: remove no packet is forwarded while we restart, so neighbors must not keep our routes',
    ],
  ],
  [
    'an unknown key in a mapping',
    `neighbors:\n  - { address: 10.0.0.2, peerAs: 1, gracefulRestart: { restartTme: 5 } }`,
    ["4 neighbors[0].gracefulRestart.restartTme: unknown key; did you mean 'restartTime'?"],
  ],
  [
    'timers that defeat each other',
    `neighbors:
  - { address: 10.0.0.2, peerAs: 1, holdTime: 30, keepaliveInterval: 30 }
  - { address: 10.0.0.3, peerAs: 1, holdTime: 0, keepaliveInterval: 30 }
  - { address: 10.0.0.4, peerAs: 1, holdTime: 90, sendHoldTime: 90 }
  - { address: 10.0.0.5, peerAs: 1, connectRetry: 10, connectRetryMax: 5 }`,
    [
      '4 neighbors[0].keepaliveInterval: 30 is more than a third of the hold time of 30 seconds',
      '5 neighbors[1].keepaliveInterval: with holdTime 0 no keepalives are sent',
      '6 neighbors[2].sendHoldTime: 90 is not longer than the hold time of 90 seconds',
      '7 neighbors[3].connectRetryMax: 5 is less than connectRetry, 10 seconds',
    ],
  ],
  [
    'a local address of the other family',
    `neighbors:\n  - { address: '2001:db8::1', peerAs: 1, localAddress: 10.0.0.1 }`,
    ['4 neighbors[0].localAddress: found the IPv4 address 10.0.0.1, but 2001:db8::1 is IPv6'],
  ],
  [
    'passive without a listener of its family',
    `listen: [{ address: '::' }]\nneighbors:\n  - { address: 10.0.0.2, peerAs: 1, passive: true }\n  - { address: '2001:db8::1', peerAs: 1, passive: true }`,
    ['5 neighbors[0].passive: 10.0.0.2 may only connect to us, but listen has no IPv4 address'],
  ],
  [
    'dynamic neighbors without a listener, twice the same prefix',
    `peerGroups: { g: { peerAs: 64512 } }\ndynamicNeighbors:\n  - { prefix: 10.0.0.0/8, peerGroup: g }\n  - { prefix: 10.0.0.0/8, peerGroup: g }`,
    [
      '5 dynamicNeighbors[0]: 10.0.0.0/8 may only connect to us, but listen has no IPv4 address',
      '6 dynamicNeighbors[1]: 10.0.0.0/8 may only connect to us, but listen has no IPv4 address',
      '6 dynamicNeighbors[1].prefix: prefix 10.0.0.0/8 is there already, as dynamicNeighbors[0]',
    ],
  ],
  [
    'policies of learn rules',
    `policies:
  a: [{ actions: { kernelRoute: { mtu: 1400 } } }, { actions: { nextHop: self } }, { actions: { nextHop: 10.0.0.9 } }]
learn:
  - { importPolicy: [a, b, a] }
fib: { type: ip-route }`,
    [
      "4 policies.a[0].actions.kernelRoute: kernelRoute is for policies of fib.exportPolicy, and 'a' is in a learn rule",
      "4 policies.a[1].actions.nextHop: nextHop: self needs a neighbor, and 'a' is in a learn rule",
      "6 learn[0].importPolicy[1]: there is no policy 'b'",
      "6 learn[0].importPolicy[2]: policy 'a' is listed twice",
    ],
  ],
  [
    'ports that are never used',
    `listen: [{ address: 0.0.0.0 }]\nneighbors:\n  - { address: 10.0.0.2, peerAs: 1, passive: true, port: 1790 }`,
    ['5 neighbors[0].port: with passive: true we never connect, so port has no effect'],
  ],
  [
    'listeners in each other’s way',
    `listen:\n  - { address: 10.0.0.1 }\n  - { address: 0.0.0.0 }\n  - { address: '::', port: 179 }\n  - { address: '::' }`,
    [
      '4 listen[0]: listen[1] takes port 179 on all IPv4 addresses already',
      '7 listen[3]: listener :: port 179 is there already, as listen[2]',
    ],
  ],
  [
    'itself as neighbor',
    `listen: [{ address: 10.0.0.1 }]\nneighbors:\n  - { address: 10.0.0.1, peerAs: 64512 }`,
    ['5 neighbors[0].address: 10.0.0.1 port 179 is this speaker itself (listen[0])'],
  ],
  [
    'networks',
    `networks:\n  - 10.0.0.0/8\n  - { prefix: 10.0.0.0/8 }\n  - { prefix: '2001:db8::/32', nextHop: 10.0.0.1 }\n  - { prefix: 10.1.0.0/16, blackhole: true }`,
    [
      '5 networks[1]: network 10.0.0.0/8 is there already, as networks[0]',
      '6 networks[2].nextHop: an IPv6 network cannot have an IPv4 next hop',
      '7 networks[3].blackhole: a blackhole needs fib: without it no kernel routes are written',
    ],
  ],
  [
    'options for eBGP at an iBGP neighbor, each at its place',
    `peerGroups:\n  g: { removePrivateAs: removeAll, routeServerClient: true }\nneighbors:\n  - { address: 10.0.0.2, peerAs: 64512, peerGroup: g, asOverride: true, enforceFirstAs: true, role: peer }`,
    [
      '4 peerGroups.g.removePrivateAs: removePrivateAs is for eBGP, and this neighbor is iBGP',
      '4 peerGroups.g.routeServerClient: routeServerClient is for eBGP, and this neighbor is iBGP',
      '6 neighbors[0].asOverride: asOverride is for eBGP, and this neighbor is iBGP',
      '6 neighbors[0].enforceFirstAs: enforceFirstAs is for eBGP, and this neighbor is iBGP',
      '6 neighbors[0].role: role is for eBGP, and this neighbor is iBGP',
    ],
  ],
  [
    'a local AS that is none',
    `neighbors:
  - { address: 10.0.0.2, peerAs: 1, localAs: 64512 }
  - { address: 10.0.0.3, peerAs: 64512, localAs: 65010 }
  - { address: 10.0.0.4, peerAs: 1, localAsNoPrepend: true }
  - { address: 10.0.0.5, peerAs: 65010, localAs: 65010, localAsReplaceAs: true }
  - { address: 10.0.0.6, peerAs: 1, localAs: 65010, routeReflectorClient: true }`,
    [
      '4 neighbors[0].localAs: AS 64512 is ours anyway: leave localAs out',
      '5 neighbors[1].localAs: the neighbor is in our own AS 64512, and cannot know us as AS 65010',
      '6 neighbors[2].localAsNoPrepend: localAsNoPrepend has no effect without localAs',
      '7 neighbors[3].localAsReplaceAs: localAsReplaceAs is for eBGP, and this neighbor is iBGP',
      '8 neighbors[4].routeReflectorClient: a route reflector client is iBGP (RFC 4456), but peerAs is 1 and asn is 64512',
    ],
  ],
  [
    'a strict role that is none, and a route server that is none',
    `neighbors:
  - { address: 10.0.0.2, peerAs: 1, roleStrict: true }
  - { address: 10.0.0.3, peerAs: 1, routeServerClient: true, role: provider }
  - { address: 10.0.0.4, peerAs: 1, routeServerClient: true, nextHopSelf: true }
  - { address: 10.0.0.5, peerAs: 1, routeServerClient: true, localAs: 2 }`,
    [
      '4 neighbors[0].roleStrict: roleStrict has no effect without role',
      '5 neighbors[1].role: to a route server client we are routeServer, not provider',
      "6 neighbors[2].nextHopSelf: a route server leaves its clients' routes as they are, so nextHopSelf cannot hold",
      "7 neighbors[3].localAs: a route server leaves its clients' AS_PATHs as they are: localAs needs localAsNoPrepend: true here",
    ],
  ],
  [
    'a confederation',
    `confederation: { identifier: 64500, memberAs: [65102, 65102, 64512, 64500] }
neighbors:
  - { address: 10.0.0.2, peerAs: 64500 }
  - { address: 10.0.0.3, peerAs: 65102, role: peer }
  - { address: 10.0.0.4, peerAs: 65102, localAs: 65010 }
  - { address: 10.0.0.5, peerAs: 1, localAs: 64500 }
  - { address: 10.0.0.6, peerAs: 65102, routeReflectorClient: true }`,
    [
      '3 confederation.memberAs[1]: AS 65102 is listed twice',
      '3 confederation.memberAs[2]: AS 64512 is our own Member-AS (asn): list the others',
      '3 confederation.memberAs[3]: AS 64500 is the identifier of the confederation, and no member',
      '5 neighbors[0].peerAs: AS 64500 is the identifier of our own confederation: a neighbor is in one of its members',
      '6 neighbors[1].role: role is for eBGP, and this neighbor is a member of our confederation',
      '7 neighbors[2].localAs: AS 65102 is a member of our confederation, and knows us as AS 64512',
      '8 neighbors[3].localAs: AS 64500 is ours anyway: leave localAs out',
      '9 neighbors[4].routeReflectorClient: a route reflector client is iBGP (RFC 4456), but peerAs is 65102 and asn is 64512',
    ],
  ],
  [
    'nothing to learn from',
    `learn: [{ protocols: [static] }]`,
    ['3 learn: learn needs fib: without it the kernel is not read'],
  ],
  [
    'a kernel that is none, and our own routes',
    `learn:\n  - { protocols: [static, 12, bird] }\nfib: { type: print, protocol: bird, conntrack: delete }`,
    [
      '4 learn: fib.type: print has no kernel to learn from',
      '4 learn[0].protocols[1]: 12 marks our own routes (fib.protocol): they are never learnt',
      '4 learn[0].protocols[2]: bird marks our own routes (fib.protocol): they are never learnt',
      '5 fib.conntrack: type: print writes to no kernel, so there is nothing to delete',
    ],
  ],
  [
    'aggregates of nothing, twice, and without a kernel',
    `confederation: { identifier: 64500 }
networks: [10.3.0.0/16]
aggregates:
  - { prefix: 10.1.0.0/16, blackhole: true, from: [] }
  - { prefix: 10.1.0.0/16, asSet: true }
  - { prefix: 10.2.0.1/32 }
  - { prefix: 'fd00::1/128' }
  - { prefix: 10.3.0.0/16 }`,
    [
      '6 aggregates[0].blackhole: a blackhole needs fib: without it no kernel routes are written',
      '6 aggregates[0].from: an aggregate needs something that it is made of',
      '7 aggregates[1].prefix: prefix 10.1.0.0/16 is there already, as aggregates[0]',
      '7 aggregates[1].asSet: asSet cannot hold in a confederation: RFC 9774 deprecates AS_CONFED_SET',
      '8 aggregates[2].prefix: no route is more specific than one to a host',
      '9 aggregates[3].prefix: no route is more specific than one to a host',
      '10 aggregates[4].prefix: 10.3.0.0/16 is announced anyway, as networks[0]',
    ],
  ],
  [
    'a hold for nobody, and one that a flush would break',
    `neighbors:
  - { address: 10.0.0.2, peerAs: 64513 }
  - { address: 10.0.0.3, peerAs: 64512, routeReflectorClient: true }
fib: { type: ip-route, atStart: flush, holdWithout: { neighbors: reflectors } }`,
    [
      '6 fib.holdWithout: atStart: flush removes at the start what this is to keep',
      '6 fib.holdWithout.neighbors: no neighbor is a reflector of ours: in our own AS, and no client of ours',
    ],
  ],
  [
    'a hold for strangers, and wrong words',
    `neighbors: [{ address: 10.0.0.2, peerAs: 64512 }]
fib: { type: ip-route, holdWithout: { neighbors: [10.0.0.2, 10.0.0.9] } }`,
    ['4 fib.holdWithout.neighbors[1]: there is no neighbor 10.0.0.9'],
  ],
  [
    'wrong words for a hold and a limit',
    `fib: { type: ip-route, holdWithout: { neighbors: reflector }, removalLimit: { percent: 0, second: 5 } }`,
    [
      `3 fib.holdWithout.neighbors: found "reflector", expected 'reflectors', 'all', or a list of addresses of neighbors`,
      '3 fib.removalLimit.seconds: missing: expected a whole number, 1 to 86400 (seconds)',
      '3 fib.removalLimit.percent: found 0, expected a whole number, 1 to 100 (per cent)',
      "3 fib.removalLimit.second: unknown key; did you mean 'seconds'?",
    ],
  ],
  [
    'a namespace for no kernel',
    `fib: { type: print, netns: red }`,
    ['3 fib.netns: type: print writes to no kernel, so netns has no effect'],
  ],
];

describe('configuration: impossible combinations', () => {
  for (const [name, text, expected] of CASES) {
    it(name, () => {
      try {
        parseConfig(`asn: 64512\nrouterId: 10.0.0.1\n${text}\n`, 'x.yaml');
        expect.fail('accepted');
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        expect(error.errors.map((e) => `${e.line} ${e.path}: ${e.message}`)).to.deep.equal(expected);
      }
    });
  }

  it('accepts what only looks alike', () => {
    const text = `asn: 64512
routerId: 10.0.0.1
listen: [{ address: 127.0.0.1, port: 1790 }, { address: 127.0.0.2, port: 1790 }, { address: '::' }, { address: 0.0.0.0 }, { address: '::', port: 0 }]
peerGroups: { all: { peerAs: 64512, localAddress: 127.0.0.1 }, partial: { holdTime: 0 } }
neighbors:
  - { address: 127.0.0.1, peerGroup: all }
  - { address: 10.0.0.2, peerGroup: partial, peerAs: 65000 }
  - { address: 10.0.0.3, peerAs: 64512, sendHoldTime: 0, connectRetry: 0.5 }
dynamicNeighbors: [{ prefix: 10.0.0.0/8, peerGroup: all }, { prefix: 10.0.0.0/16, peerGroup: all }]
networks: [10.0.0.0/8, 10.0.0.0/16]
`;
    expect(parseConfig(text, 'x').neighbors).to.have.length(3);
  });
});
