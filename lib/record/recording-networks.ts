import { formatPrefix, parsePrefix, type LocalNetworks, type NetworkInterface } from '../net/index.js';
import type { Recorder } from './recorder.js';

/** The machine's addresses, with each answer written down. */
export function recordingNetworks(recorder: Recorder, networks: LocalNetworks): LocalNetworks {
  const told = <T>(answer: T, show: (answer: T) => unknown): T => {
    if (recorder.isCore) recorder.networks(JSON.stringify(show(answer) ?? null));
    return answer;
  };
  return {
    interfaceOf: (address) => told(networks.interfaceOf(address), interfaceJson),
    ...(networks.isConnected
      ? { isConnected: (address: string) => told(networks.isConnected!(address), (answer) => answer) }
      : {}),
    forget: () => networks.forget?.(),
  };
}

interface InterfaceJson {
  readonly name: string;
  readonly addresses: readonly { readonly address: string; readonly subnet: string }[];
}

function interfaceJson(found: NetworkInterface | undefined): InterfaceJson | undefined {
  return (
    found && {
      name: found.name,
      addresses: found.addresses.map(({ address, subnet }) => ({ address, subnet: formatPrefix(subnet) })),
    }
  );
}

export function interfaceOfJson(json: InterfaceJson | null): NetworkInterface | undefined {
  if (json === null) return undefined;
  const addresses = json.addresses.map(({ address, subnet }) => ({ address, subnet: parsePrefix(subnet) }));
  return { name: json.name, addresses };
}
