// The saga that a step tells: a plain move's first step, in the record that starts the saga, says everything that the
// saga does but the other shard. Owns when a step tells a saga, and making the saga from it again.

import type { Saga, Step } from "../actors/ledger.ts";
import type { Wallet } from "../actors/wallet.ts";
import type { ItemLeg } from "../protocol/item.ts";
import { ownerOf } from "../protocol/names.ts";
import type { StepRow } from "./step-row.ts";

/** A stored step with the wallet of its only entry, of which only what never changes counts. */
export interface ToldStep {
  readonly step: StepRow;
  readonly wallet: Pick<Wallet, "tenant" | "name" | "asset">;
}

/** Whether a step says what a plain saga with this leg says, so that {@link sagaOfStep} gives an equal one. */
export function tellsSaga(step: Step, saga: Saga, leg: ItemLeg): boolean {
  const [change] = step.changes;
  return (
    step.kind === "reserve" &&
    step.command === saga.command &&
    step.tenant === saga.tenant &&
    step.owner === saga.owner &&
    step.op === saga.op &&
    step.code === saga.code &&
    step.ref === saga.ref &&
    step.transfer === null &&
    step.changes.length === 1 &&
    change !== undefined &&
    change.wallet.name === leg.from &&
    change.wallet.asset === leg.asset &&
    change.held === leg.amount &&
    change.counterparty === leg.to
  );
}

/** The saga that a step tells, or undefined when it tells none. */
export function sagaOfStep(number: number, { step, wallet }: ToldStep, shard: number): Saga | undefined {
  const [entry] = step.entries;
  if (step.kind !== "reserve" || step.op !== "transfer" || step.entries.length !== 1 || !entry) return;
  const { heldDelta: amount, counterparty: to } = entry;
  if (typeof to !== "string") return;
  const { tenant, name: from, asset } = wallet;
  const { command, code, ref } = step;
  const owner = step.owner ?? ownerOf(from);
  const legs = [{ leg: 0, from, to, amount, asset }];
  return {
    ...{ number, phase: "applying", move: "transfer", tenant, owner, command, op: "transfer", code, ref },
    own: [{ wallet: from, debit: amount, credit: 0n, leg: 0, counterparty: to }],
    peers: [{ shard, legs, vote: "waiting", refusal: null, leg: 0, acknowledged: false }],
    ...{ target: null, transfer: null, amount: 0n, final: false, assets: [] },
  };
}
