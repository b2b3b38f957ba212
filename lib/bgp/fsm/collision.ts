/** What collision detection needs of an OPEN: BGP Identifier (host order) and AS number. */
export interface SpeakerIdentity {
  readonly routerId: number;
  readonly asn: number;
}

/**
 * Which of two connections between the same pair of speakers survives: the one that the speaker with the higher BGP
 * Identifier dialed; with equal identifiers (possible between ASes only) the one of the higher AS.
 * @returns true when the connection that `local` dialed survives, false when the one that `peer` dialed does; both ends
 *          come to the same end
 * @see RFC 4271 section 6.8, RFC 6286 section 2.3
 */
export function dialedSurvives(local: SpeakerIdentity, peer: SpeakerIdentity): boolean {
  if (local.routerId !== peer.routerId) return local.routerId > peer.routerId;
  return local.asn > peer.asn;
}
