import { UsageError } from '../net/index.js';
import { readTextFile } from '../io/config-file.js';
import { whyNoNetlink } from '../io/netlink/index.js';
import { TcpTransport } from '../io/tcp.js';
import type { Machine } from '../speaker/config-socket-rules.js';
import { parseConfig } from '../speaker/config-text.js';
import type { SpeakerConfig } from '../speaker/options.js';
import { Secrets } from '../speaker/secrets.js';
import { CommandError, type Output } from './output.js';
import { policyWarnings } from '../speaker/config-policy-rules.js';

/** @throws CommandError with all that is wrong with the file, a line each */
export async function loadConfig(file: string): Promise<SpeakerConfig> {
  try {
    return parseConfig(await readTextFile(file), file === '-' ? 'standard input' : file, thisMachine());
  } catch (error) {
    if (error instanceof UsageError) throw new CommandError(error.message);
    throw error;
  }
}

/** What the configuration asks for must be had here. */
function thisMachine(): Machine {
  const transport = new TcpTransport();
  return { secrets: new Secrets(), whyNot: (options) => transport.whyNot(options), whyNoNetlink };
}

export async function check(file: string, out: Output, json = false): Promise<void> {
  if (json) throw new CommandError('check: --json is for the plan of --against URL', 2);
  const config = await loadConfig(file);
  const { asn, routerId, neighbors = [], dynamicNeighbors = [], networks = [] } = config;
  const counts = [
    counted(neighbors.length, 'neighbor'),
    ...(dynamicNeighbors.length === 0 ? [] : [counted(dynamicNeighbors.length, 'dynamic neighbor range')]),
    counted(networks.length, 'network'),
  ];
  for (const warning of policyWarnings(config)) out.message(`${file}: warning: ${warning}`);
  await out.result(`${file}: ok: AS ${asn}, router ID ${routerId}, ${counts.join(', ')}\n`);
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
