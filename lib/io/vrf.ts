import { spawnSync } from 'node:child_process';
import { UsageError } from '../net/index.js';

/**
 * The routing table of a VRF device, as the kernel says it.
 * @param netns name of the network namespace that the device is in; default: our own
 * @throws UsageError `bad_vrf` when there is no such device, or it is no VRF
 */
export function vrfTable(device: string, netns?: string): number {
  const where = netns === undefined ? [] : ['-n', netns];
  const { stdout, stderr, error } = spawnSync('ip', [...where, '-d', '-o', 'link', 'show', 'dev', device], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  const table = /\bvrf table (\d+)\b/.exec(stdout ?? '')?.[1];
  if (table !== undefined) return Number(table);
  const reason = error?.message ?? (stderr.trim() || 'it is a device of another kind');
  throw new UsageError('bad_vrf', `not a VRF: '${device}' (${reason})`, 'vrf');
}
