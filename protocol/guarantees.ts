// What is promised, for each durability profile, and what is not. One table; the command line, the gateway and the docs
// quote it. Guards against: a promise that one page makes and another does not.

/** One promise: the same for both profiles, or told apart. */
export interface Guarantee {
  readonly about: string;
  readonly strict: string;
  readonly relaxed: string;
}

const both = (about: string, text: string): Guarantee => ({ about, strict: text, relaxed: text });

/** What holds, in the order of a command's life. */
export const GUARANTEES: readonly Guarantee[] = [
  {
    about: "accepted",
    strict:
      "The server has synced the command to its disk before it acknowledges it: a power cut loses none.",
    relaxed:
      "The server acknowledges first and syncs once a second: a power cut may lose commands that were accepted and not settled. Send them again with the same id.",
  },
  both(
    "settled",
    "The outcome leaves only after the shard's SQLite transaction that holds it was synced to disk, and, for a move between shards, after every shard has applied its part. A read sent after the answer shows all sides.",
  ),
  both(
    "crash of a process",
    "A kill -9 of the engine, of nats-server or of both loses nothing that was accepted; the shard goes on from the log where its file stands.",
  ),
  {
    about: "power cut",
    strict: "Everything accepted and everything settled is there afterwards.",
    relaxed:
      "Everything settled is there afterwards, in the shard files. The log may be shorter than they are; a shard whose log does not match its file stops and says so, it never guesses.",
  },
  both(
    "exactly once",
    "An id is settled once per tenant and addressed owner, for ever: the same content gives the first outcome again, other content is id_conflict.",
  ),
  both(
    "refusals",
    "A refusal is final and recorded, except that a malformed command and id_conflict leave nothing under their id. No answer in time is unknown, never a refusal: ask again by id.",
  ),
  both(
    "order",
    "One publisher's commands for one owner apply in the order published; each wallet changes one step at a time, its versions have no gaps.",
  ),
  both(
    "sums",
    "Over all wallets of an asset and the money in flight between shards the sum is zero, always; coffer verify checks it.",
  ),
  both(
    "bounds",
    "posted - held never falls below min, posted + incoming never exceeds max; what was reserved always completes.",
  ),
  both(
    "reads",
    "A read reflects every outcome that was settled before it was sent; an owner's wallets are shown at one instant.",
  ),
];

/** What is not promised. */
export const NOT_PROMISED: readonly string[] = [
  "Isolation between shards: while a move between shards is under way, one side may show it before the other. It is all or nothing in the end.",
  "A loss of the machine's disk: on one machine both copies, log and files, are on it.",
  "A server of your own that syncs at an interval under strict: then accepted means what relaxed says. dev and node tell what they found.",
];
