/** The procedures around ONLY_TO_CUSTOMER, by what we are to the neighbor (RFC 9234 section 5). */
import type { RoleName } from '../bgp/wire/capabilities/role.js';

export interface OnlyToCustomerProcedure {
  /** Received with the attribute: always a leak, a leak unless it names the neighbor's AS, or fine. */
  readonly leak: 'always' | 'unlessNeighbor' | 'never';
  /** Received without: the neighbor's AS is put in. */
  readonly addOnImport: boolean;
  /** Told without: our AS is put in. */
  readonly addOnExport: boolean;
  /** With the attribute it is not told. */
  readonly block: boolean;
}

const DOWN: OnlyToCustomerProcedure = { leak: 'always', addOnImport: false, addOnExport: true, block: false };
const UP: OnlyToCustomerProcedure = { leak: 'never', addOnImport: true, addOnExport: false, block: true };
const ACROSS: OnlyToCustomerProcedure = { leak: 'unlessNeighbor', addOnImport: true, addOnExport: true, block: true };

/**
 * | we are              | received with it                    | received without | told without | told with |
 * |---------------------|-------------------------------------|------------------|--------------|-----------|
 * | provider            | leak                                | as it is         | our AS added | as it is  |
 * | route server        | leak                                | as it is         | our AS added | as it is  |
 * | peer                | leak, unless the neighbor's AS is it | its AS added     | our AS added | not told  |
 * | customer            | as it is                            | its AS added     | as it is     | not told  |
 * | route server client | as it is                            | its AS added     | as it is     | not told  |
 */
export const ONLY_TO_CUSTOMER_PROCEDURES: Readonly<Record<RoleName, OnlyToCustomerProcedure>> = Object.freeze({
  provider: DOWN,
  routeServer: DOWN,
  peer: ACROSS,
  customer: UP,
  routeServerClient: UP,
});
