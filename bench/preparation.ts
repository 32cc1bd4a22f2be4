// Before the run: opens the wallets and sources of the fleet and gives every wallet money from its shard's source.
// Not part of what is measured.

import type { OpenCommand, TransferCommand } from "../protocol/command.ts";
import { encodeCommandFrame } from "../protocol/command-frame.ts";
import type { TenantName } from "../protocol/names.ts";
import { frameSubject } from "../protocol/subject.ts";
import type { BenchIds } from "./bench-ids.ts";
import { BENCH_ASSET, type Fleet, type FleetWallet } from "./fleet.ts";
import type { MessageSource } from "./message-source.ts";

/** Minor units that each wallet starts with: enough that no transfer of a run is refused. */
export const START_AMOUNT = 1_000_000_000;

/** How commands become frames. */
export interface Framing {
  readonly tenant: TenantName;
  readonly ids: BenchIds;
  /** Where frames say that outcomes go. */
  readonly reply: string;
  readonly frameCommands: number;
}

type Prepared = OpenCommand | TransferCommand;
/** Makes one command with the id that it is given. */
type Make = (id: Prepared["id"]) => Prepared;

/** Opens of all sources and wallets, in frames. */
export function openings(fleet: Fleet, framing: Framing): MessageSource {
  const sources = fleet.sources.map((source) => ({ shard: source.shard, make: opening(source, true) }));
  const wallets = fleet.wallets.map((wallet) => ({ shard: wallet.shard, make: opening(wallet, false) }));
  return framesOf([...sources, ...wallets], framing);
}

/** One transfer to each wallet, in frames; notes them in the fleet. */
export function fundings(fleet: Fleet, framing: Framing): MessageSource {
  const makes = fleet.wallets.map((wallet, number) => {
    fleet.move(fleet.sourceNumber(wallet.shard), number, START_AMOUNT);
    return { shard: wallet.shard, make: funding(fleet.sourceOn(wallet.shard), wallet) };
  });
  return framesOf(makes, framing);
}

/** Opens a wallet, or a source of money, which has no lower bound. */
export function opening({ owner, wallet }: FleetWallet, isSource: boolean): Make {
  const min = isSource ? "unlimited" : 0n;
  return (id) => ({ op: "open", id, owner, wallet, asset: BENCH_ASSET, min, max: "unlimited", meta: null });
}

function funding(source: FleetWallet, target: FleetWallet): Make {
  const legs = [{ from: source.wallet, to: target.wallet, amount: BigInt(START_AMOUNT) }];
  const rest = { holdTtlMs: null, code: null, ref: null, meta: null, ifVersion: null };
  return (id) => ({ op: "transfer", id, owner: source.owner, legs, ...rest });
}

/** Sorts commands by shard, keeping their order, and cuts frames; the shards take turns. */
function framesOf(
  makes: readonly { readonly shard: number; readonly make: Make }[],
  { tenant, ids, reply, frameCommands }: Framing,
): MessageSource {
  const byShard = Map.groupBy(makes, ({ shard }) => shard);
  const frames = [...byShard].flatMap(([shard, all]) => {
    const count = Math.ceil(all.length / frameCommands);
    return Array.from({ length: count }, (_, turn) => ({
      shard,
      turn,
      makes: all.slice(turn * frameCommands, (turn + 1) * frameCommands),
    }));
  });
  const queue = frames.sort((left, right) => left.turn - right.turn).values();
  return {
    encoding: "frame",
    crossed: 0,
    next: (first, wallMs) => {
      const frame = queue.next().value;
      if (frame === undefined) return null;
      const commands = frame.makes.map(({ make }, index) => make(ids.id(first + index, wallMs)));
      const subject = frameSubject(frame.shard, tenant);
      return { subject, count: commands.length, bytes: encodeCommandFrame({ reply, commands }) };
    },
  };
}
