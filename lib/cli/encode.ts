import type { Command } from 'commander';
import type { CodecOptions } from './codec/options.js';
import { addCodecOptions } from './codec/options.js';
import type { Output } from './output.js';

/** Add the command `encode`. */
export function registerEncode(program: Command, out: Output): void {
  const command = program
    .command('encode')
    .description('JSON lines, as decode writes them, to one line of hex each')
    .argument('[file]', "JSON lines; '-' for standard input", '-');
  addCodecOptions(command).action(async (file: string, options: CodecOptions) =>
    (await import('./codec/encode-command.js')).encode(file, options, out),
  );
}
