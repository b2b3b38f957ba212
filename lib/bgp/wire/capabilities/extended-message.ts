import { emptyCapability } from './capability.js';

export const extendedMessage = emptyCapability(6, 'EXTENDED_MESSAGE', 'RFC 8654 3');
