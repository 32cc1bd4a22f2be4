// Behaviour versions: every change of what the apply makes of a record gets a number, and an EpochStart
// switches it on. Older records keep the old rules, so that a replay gives the same state for ever.

/** The newest behaviour that this code knows; an EpochStart that names a later one halts the shard. */
export const BEHAVIOUR_VERSION = 1;
