import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { PeerType, WireContext } from '../../bgp/wire/index.js';
import { ALL_FAMILIES, MAX_EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH } from '../../bgp/wire/index.js';
import type { Format } from './detect.js';

/** Options that `decode` and `encode` share. */
export interface CodecOptions {
  readonly as4?: true;
  readonly as2?: true;
  readonly addPath: ReadonlySet<string>;
  readonly extendedMessage?: true;
  readonly peerType?: PeerType;
}

export interface DecodeOptions extends CodecOptions {
  readonly format: Format;
}

/** Add the shared options. */
export function addCodecOptions(command: Command): Command {
  return command
    .addOption(new Option('--as4', 'AS numbers in AS_PATH and AGGREGATOR have four octets (default)').conflicts('as2'))
    .addOption(new Option('--as2', 'AS numbers in AS_PATH and AGGREGATOR have two octets').conflicts('as4'))
    .addOption(
      new Option('--add-path <families>', 'families whose NLRI carry a Path Identifier: all, none or AFI/SAFI,...')
        .argParser(parseFamilies)
        .default(new Set<string>(), 'none'),
    )
    .option('--extended-message', 'messages up to 65535 octets; default limit 4096')
    .addOption(
      new Option('--peer-type <type>', 'apply the rules that depend on the kind of peer').choices([
        'ebgp',
        'ibgp',
        'confed',
      ]),
    )
    .option('--json', 'JSON lines; there is no other form');
}

function parseFamilies(text: string): ReadonlySet<string> {
  if (text === 'none') return new Set();
  if (text === 'all') return new Set([ALL_FAMILIES]);
  const families = text.split(',').map((family) => {
    const parts = /^(\d{1,5})\/(\d{1,3})$/.exec(family.trim());
    const [afi, safi] = [Number(parts?.[1]), Number(parts?.[2])];
    if (!(afi <= 0xffff && safi <= 0xff)) {
      throw new InvalidArgumentError(`'${family}' is not AFI/SAFI (for example 1/1,2/1), all or none.`);
    }
    return `${afi}/${safi}`;
  });
  return new Set(families);
}

/** The context that the options describe. */
export function contextOf(options: CodecOptions): WireContext {
  return Object.freeze({
    asn4: options.as2 !== true,
    addPath: options.addPath,
    maxMessageLength: options.extendedMessage === true ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH,
    ...(options.peerType === undefined ? {} : { peerType: options.peerType }),
  });
}
