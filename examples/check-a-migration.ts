/**
 * A cluster in a full mesh moves to two reflectors: in which steps, and what is lost meanwhile? Virtual time: it takes a second or two.
 *
 *   npx tsx examples/check-a-migration.ts
 */
import { calico, type NetworkConfig } from '../lib/sim/index.js';

// A cluster of six nodes and two reflectors; its configurations in a mesh, and with the reflectors.
const net = calico(6, { reflectors: 2 });
const reflectors: NetworkConfig = net.configuration();
const nodes = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
for (const node of nodes) for (const rr of ['rr1', 'rr2']) net.unpeer(rr, node);
nodes.forEach((a, i) => nodes.slice(i + 1).forEach((b) => net.peer(a, b)));
const mesh: NetworkConfig = net.configuration();

const report = await net.plan(mesh, reflectors);
console.log(report.text);
