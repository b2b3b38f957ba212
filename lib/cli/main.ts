#!/usr/bin/env node
import { outputTo } from './output.js';
import { runProgram } from './program.js';

// Nobody reads on (`tsbgp show routes | head`): that is no failure.
const out = outputTo(process.stdout, process.stderr, () => process.exit(0));
process.exitCode = await runProgram(process.argv.slice(2), out);
