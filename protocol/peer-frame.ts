// A peer frame carries a run of consecutive items from one shard to another, and the cumulative
// acknowledgement of the opposite direction. Frames are cut when they are sent and never stored; only the
// numbers, hashes and items in them mean anything. Codec: peer-frame-codec.
//
// Items travel in groups: what one record caused for one peer, cut at a fixed number of items or bytes. Groups
// follow from the log alone, so both ends know where they end; marks stand at ends of groups and nowhere else.

/** How far one side of a pair has come: the last item's number, at the end of a group, and the running hash at it. */
export interface PairMark {
  /** 0 = none yet. */
  readonly number: number;
  /** 16 bytes; all zero at number 0. */
  readonly hash: Uint8Array;
}

/** One frame, as sent and received. */
export interface PeerFrame {
  /** Cluster id. */
  readonly cluster: string;
  readonly from: number;
  readonly to: number;
  /** Epoch of the sending owner. */
  readonly epoch: number;
  /** What the sender has applied of the opposite direction. */
  readonly acked: PairMark;
  /** The sender dropped a frame that started too far ahead: send again from acked + 1. */
  readonly resend: boolean;
  /** The mark before the first item; the first item's number is `before.number + 1`. */
  readonly before: PairMark;
  /** The lowest item that the sender still keeps; before.number + 1 when it keeps none. */
  readonly lowestKept: number;
  /** Encoded groups of items in number order; empty = an acknowledgement alone. */
  readonly groups: readonly Uint8Array[];
}
