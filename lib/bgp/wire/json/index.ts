/** The JSON form of `tsbgp decode` and `tsbgp encode`: the only place with `snake_case` names. */
export { errorToJson, messageFromJson, messageToJson, updateToJson } from './message.js';
export { attributesFromJson, attributesToJson } from './attributes.js';
export { nlriFromJson, nlriToJson, prefixText } from './nlri.js';
export type { JsonObject } from './read.js';
