import { expect } from 'chai';
import { ConfigError, type ConfigErrorItem } from '../../lib/speaker/config-errors.js';
import { checkConfig } from '../../lib/speaker/config.js';
import { parseConfig } from '../../lib/speaker/config-text.js';

const HEAD = 'asn: 64512\nrouterId: 10.0.0.1\n';

function errorsOf(text: string): readonly ConfigErrorItem[] {
  try {
    parseConfig(text, 'x.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error.errors;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

function only(text: string): ConfigErrorItem {
  const errors = errorsOf(text);
  expect(errors, JSON.stringify(errors)).to.have.length(1);
  return errors[0]!;
}

describe('configuration file', () => {
  it('reads the whole example of the design', () => {
    const config = parseConfig(
      `asn: 64512
routerId: 10.255.255.1
clusterId: 10.255.255.1            # default: routerId
listen:
  - { address: 10.255.255.1, port: 179 }
peerGroups:
  clients: { peerAs: 64512, routeReflectorClient: true, holdTime: 90, families: [ipv4-unicast, ipv6-unicast] }
neighbors:
  - { address: 10.0.0.1, peerGroup: clients, description: rack 1 }
dynamicNeighbors:
  - { prefix: 10.255.0.0/16, peerGroup: clients }
networks:
  - 10.1.0.0/16
fib: { type: ip-route, table: main, protocol: bgp, metric: 32 }
api: { listen: 127.0.0.1:8179 }
`,
      'tsbgp.yaml',
    );
    expect(config).to.deep.equal({
      asn: 64512,
      routerId: '10.255.255.1',
      clusterId: '10.255.255.1',
      listen: [{ address: '10.255.255.1', port: 179 }],
      peerGroups: {
        clients: {
          peerAs: 64512,
          routeReflectorClient: true,
          holdTime: 90,
          families: ['ipv4-unicast', 'ipv6-unicast'],
        },
      },
      neighbors: [{ address: '10.0.0.1', peerGroup: 'clients', description: 'rack 1' }],
      dynamicNeighbors: [{ prefix: '10.255.0.0/16', peerGroup: 'clients' }],
      networks: ['10.1.0.0/16'],
      fib: { type: 'ip-route', table: 'main', protocol: 'bgp', metric: 32 },
      api: { listen: '127.0.0.1:8179' },
    });
    expect(Object.isFrozen(config.neighbors?.[0])).to.equal(true);
  });

  it('reads JSON, also with tabs, anchors of YAML, and defaults', () => {
    const json = `{\n\t"asn": 64512,\n\t"routerId": "10.0.0.1",\n\t"listen": [{"address": "::"}],\n\t"api": {}\n}\n`;
    expect(parseConfig(json, 'x.json')).to.deep.equal({
      asn: 64512,
      routerId: '10.0.0.1',
      listen: [{ address: '::', port: 179 }],
      api: { listen: '127.0.0.1:8179' },
    });
    const yaml = `${HEAD}peerGroups:\n  a: &a { peerAs: 64512 }\n  b: *a\n  empty:\n`;
    expect(parseConfig(yaml, 'x').peerGroups).to.deep.equal({ a: { peerAs: 64512 }, b: { peerAs: 64512 }, empty: {} });
  });

  it('brings addresses, prefixes and AS numbers into one form', () => {
    const config = parseConfig(
      `asn: AS64512\nrouterId: 10.0.0.1\nnetworks: ['2001:DB8:0::/48', 192.0.2.1]\nneighbors: [{ address: '2001:db8::0:1', peerAs: '1.10' }]`,
      'x',
    );
    expect(config.asn).to.equal(64512);
    expect(config.networks).to.deep.equal(['2001:db8::/48', '192.0.2.1/32']);
    expect(config.neighbors).to.deep.equal([{ address: '2001:db8::1', peerAs: 65546 }]);
  });

  it('names file, line, column, path, what was found and what was expected', () => {
    const error = only(`${HEAD}neighbors:\n  - address: 10.0.0.2\n    peerAs: 64512\n    holdTime: 2\n`);
    expect(error).to.deep.equal({
      file: 'x.yaml',
      line: 6,
      column: 15,
      path: 'neighbors[0].holdTime',
      found: '2',
      expected: '0 or 3 to 65535 (seconds)',
      message: 'found 2, expected 0 or 3 to 65535 (seconds); 1 and 2 are not allowed (RFC 4271 section 4.2)',
    });
  });

  it('reports all errors at once, in the order of the file', () => {
    const errors = errorsOf(
      `asn: many\nrouterId: 10.0.0.1\nneighbors:\n  - { address: 10.0.0.2, peerGroup: no }\n  - { adress: 10.0.0.3 }\nnetworks: 10.0.0.0/8\nextra: 1\n`,
    );
    expect(errors.map(({ line, path }) => [line, path])).to.deep.equal([
      [1, 'asn'],
      [4, 'neighbors[0].peerGroup'],
      [5, 'neighbors[1].address'],
      [5, 'neighbors[1].adress'],
      [6, 'networks'],
      [7, 'extra'],
    ]);
  });

  const unknownKeys: [string, string][] = [
    ['routrId: 1', "unknown key; did you mean 'routerId'?"],
    ['router_id: 1', "unknown key; did you mean 'routerId'?"],
    ['holdTime: 90', 'unknown key; it belongs to peerGroups.*.holdTime or neighbors[].holdTime'],
    ['neighbors: [{ address: 10.0.0.2, remote-as: 1, peerAs: 1 }]', "unknown key; did you mean 'peerAs'?"],
    ['xyzzy: 1', 'unknown key'],
    ['__proto__: { asn: 1 }', 'unknown key'],
  ];
  for (const [text, message] of unknownKeys) {
    it(`suggests: ${text}`, () => expect(errorsOf(HEAD + text).map((e) => e.message)).to.include(message));
  }

  it('reports broken YAML with its place', () => {
    expect(only('asn: [')).to.include({ file: 'x.yaml', line: 1 });
    expect(only('asn: 1\nasn: 2\n')).to.include({ line: 2, message: 'Map keys must be unique' });
    expect(only('asn: *nobody\n').message).to.match(/alias/i);
    expect(only('').message).to.equal('found nothing, expected a mapping with asn and routerId');
    expect(
      errorsOf(
        'a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d]\nf: [*e,*e,*e,*e]\n',
      ),
    ).to.not.be.empty;
  });

  const wrong: [string, string, RegExp][] = [
    ['AS 0 (RFC 7607)', 'asn: 0', /found 0, expected an AS number/],
    ['asdot without quotes', 'asn: 1.10', /write asdot in quotes/],
    ['AS_TRANS', 'asn: 23456', /AS_TRANS/],
    ['AS number too large', 'asn: 4294967296', /expected an AS number/],
    ['router ID 0 (RFC 6286)', 'routerId: 0.0.0.0', /not 0\.0\.0\.0/],
    ['IPv6 router ID', "routerId: '::1'", /dotted form/],
    ['cluster ID 0', 'clusterId: 0.0.0.0', /cluster ID/],
    ['network with host bits', 'networks: [10.1.0.1/16]', /did you mean 10\.1\.0\.0\/16\?/],
    [
      'dynamic prefix with host bits',
      'dynamicNeighbors: [{ prefix: 10.0.0.1/8, peerGroup: g }]',
      /did you mean 10\.0\.0\.0\/8/,
    ],
    ['port 0', 'neighbors: [{ address: 10.0.0.2, peerAs: 1, port: 0 }]', /1 to 65535/],
    ['listen port', 'listen: [{ address: 10.0.0.1, port: 65536 }]', /0 to 65535/],
    ['metric', 'fib: { type: print, metric: -1 }', /0 to 4294967295/],
    ['fib type', 'fib: { type: iproute }', /did you mean 'ip-route'/],
    ['fib type', 'fib: { type: netlnk }', /did you mean 'netlink'/],
    ['a namespace for nothing', 'fib: { type: print, netns: blue }', /writes to no kernel/],
    ["the kernel's own table", 'fib: { type: print, table: local }', /belongs to the kernel/],
    ["the kernel's own protocol", 'fib: { type: print, protocol: kernel }', /would be removed/],
    ["the administrator's protocol", 'fib: { type: print, protocol: 4 }', /'static' marks routes that are not ours/],
    ['truth', 'alwaysCompareMed: yes', /in YAML 1.2 this is text/],
    ['family', 'neighbors: [{ address: 10.0.0.2, peerAs: 1, families: [ipv4] }]', /did you mean 'ipv4-unicast'/],
    [
      'a zone of no link',
      "neighbors: [{ address: '2001:db8::1%eth0', peerAs: 1 }]",
      /only a link-local address has a zone/,
    ],
    ['a zone that is none', "neighbors: [{ address: 'fe80::1%eth 0', peerAs: 1 }]", /not an interface name/],
    ['link-local', "neighbors: [{ address: 'fe80::1', peerAs: 1 }]", /needs its interface, as in fe80::1%eth0/],
    [
      'link-local next hop',
      "networks: [{ prefix: 10.0.0.0/8, nextHop: 'fe80::1' }]",
      /a link-local address says nothing here/,
    ],
    ['multicast', 'neighbors: [{ address: 224.0.0.1, peerAs: 1 }]', /multicast/],
    ['unspecified', "neighbors: [{ address: '::', peerAs: 1 }]", /no host/],
    ['IPv4-mapped', "neighbors: [{ address: '::ffff:10.0.0.2', peerAs: 1 }]", /without ::ffff:/],
    ['community', "networks: [{ prefix: 10.0.0.0/8, communities: ['1:70000'] }]", /expected a community/],
    ['API name', 'api: { listen: localhost:80 }', /127\.0\.0\.1:8179/],
    ['two lines', 'neighbors: [{ address: 10.0.0.2, peerAs: 1, description: "a\\nb" }]', /one line/],
    ['a scalar as list', 'neighbors: 10.0.0.2', /found "10.0.0.2", expected a list/],
    ['a list as mapping', 'peerGroups: []', /found an empty list, expected a mapping/],
    ['a scalar as entry', 'neighbors: [10.0.0.2]', /found "10.0.0.2", expected a mapping/],
    ['a list for families', 'neighbors: [{ address: 10.0.0.2, peerAs: 1, families: ipv4-unicast }]', /expected a list/],
    ['nothing', 'fib:', /found nothing, expected a mapping/],
  ];
  for (const [name, text, message] of wrong) {
    it(`refuses ${name}`, () => {
      const key = text.split(':')[0]!;
      const base = HEAD.split('\n').filter((line) => !line.startsWith(`${key}:`));
      expect(
        errorsOf([...base, text].join('\n'))
          .map((e) => e.message)
          .join('\n'),
      ).to.match(message);
    });
  }
});

describe('configuration object', () => {
  it('is checked alike, without places', () => {
    const error = catchError(() =>
      checkConfig({ asn: 64512, routerId: '10.0.0.1', neighbors: [{ address: 'x', peerAs: 1 }] }),
    );
    expect(error.code).to.equal('bad_config');
    expect(error.errors).to.deep.equal([
      {
        path: 'neighbors[0].address',
        found: '"x"',
        expected: 'the IP address of a host',
        message: 'found "x", expected the IP address of a host',
      },
    ]);
    expect(error.message).to.equal('neighbors[0].address: found "x", expected the IP address of a host');
  });

  it('ignores options that are undefined, and copies', () => {
    const given = {
      asn: 64512,
      routerId: '10.0.0.1',
      clusterId: undefined,
      neighbors: [{ address: '10.0.0.2', peerAs: 1, holdTime: undefined }],
    };
    const config = checkConfig(given);
    expect(config).to.deep.equal({ asn: 64512, routerId: '10.0.0.1', neighbors: [{ address: '10.0.0.2', peerAs: 1 }] });
    given.neighbors[0]!.peerAs = 2;
    expect(config.neighbors![0]!.peerAs).to.equal(1);
  });

  it('survives any value', () => {
    for (const value of [undefined, null, 5, 'x', [], () => 1])
      expect(() => checkConfig(value)).to.throw(ConfigError, /asn and routerId/);
  });
});

function catchError(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
