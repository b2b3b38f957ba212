import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TcpTransport } from '../../../lib/io/tcp.js';
import { Secret } from '../../../lib/net/secret.js';

/** What a test can need from the machine, and the program that proves it is there. */
export const PROGRAMS = {
  bird: ['bird', 'birdc'],
  frr: ['/usr/lib/frr/zebra', '/usr/lib/frr/bgpd', 'vtysh'],
  gobgp: ['gobgpd', 'gobgp'],
  openbgpd: ['/usr/sbin/bgpd', 'bgpctl'],
  exabgp: ['exabgp'],
  ping: ['ping'],
  tshark: ['tshark', 'dumpcap'],
  bgpdump: ['bgpdump'],
  conntrack: ['conntrack'],
} as const satisfies Record<string, readonly string[]>;

/** `socketOptions`: TCP MD5 and the like, through the optional package koffi. */
export type Requirement = keyof typeof PROGRAMS | 'socketOptions';

/** @returns why a test that needs these cannot run here, or undefined */
export function missing(needs: readonly Requirement[]): string | undefined {
  const reason = noNamespaces();
  if (reason !== undefined) return reason;
  for (const need of needs) {
    if (need === 'socketOptions') {
      const without = new TcpTransport().whyNot({ md5Key: new Secret('key') });
      if (without !== undefined) return `needs socket options: ${without}`;
      continue;
    }
    const absent = PROGRAMS[need].find((program) => !isProgram(program));
    if (absent !== undefined) return `needs ${need}: ${absent} is not installed`;
  }
  return undefined;
}

let namespaces: { reason: string | undefined } | undefined;

/** Asked once a process: it makes a namespace and removes it again. */
function noNamespaces(): string | undefined {
  namespaces ??= { reason: probeNamespaces() };
  return namespaces.reason;
}

function probeNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux network namespaces';
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  for (const program of ['ip', 'sysctl']) if (!isProgram(program)) return `needs ${program}: it is not installed`;
  const name = `tsbgp-${process.pid}-probe`;
  const made = spawnSync('ip', ['netns', 'add', name]);
  if (made.status !== 0) return `cannot make network namespaces: ${made.stderr.toString().trim()}`;
  spawnSync('ip', ['netns', 'del', name]);
  return undefined;
}

function isProgram(program: string): boolean {
  const directories = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  const candidates = program.startsWith('/') ? [program] : directories.map((directory) => join(directory, program));
  return candidates.some((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
