import type { Command } from 'commander';
import { Option } from 'commander';
import { FORMATS } from './codec/detect.js';
import type { DecodeOptions } from './codec/options.js';
import { addCodecOptions } from './codec/options.js';
import type { Output } from './output.js';

/** Add the command `decode`. */
export function registerDecode(program: Command, out: Output): void {
  const command = program
    .command('decode')
    .description('BGP messages, captures, MRT archives and recordings to JSON lines')
    .argument(
      '[file]',
      "hex lines, raw messages, pcap, pcapng, MRT or a recording, also gzip or bzip2; '-' for standard input",
      '-',
    )
    .addOption(new Option('--format <format>', 'form of the input').choices(FORMATS).default('auto'));
  addCodecOptions(command).action(async (file: string, options: DecodeOptions) =>
    (await import('./codec/decode-command.js')).decode(file, options, out),
  );
}
