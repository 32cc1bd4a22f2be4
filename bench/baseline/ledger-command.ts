// What the baseline's ledger is asked: commands as they come over HTTP, in the short form or with legs, made uniform.
//
// Invariant: two texts of one content are equal commands, so `content` can be compared.

/** One leg; minor units. */
export interface LedgerLeg {
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
}

/** A wallet that is to be opened; `min` null = unlimited. */
export interface OpenWallet {
  readonly op: "open";
  readonly id: string;
  readonly content: string;
  readonly wallet: string;
  readonly asset: string;
  readonly min: bigint | null;
}

/** Money that is to be moved: all legs or none. */
export interface MoveMoney {
  readonly op: "transfer";
  readonly id: string;
  readonly content: string;
  readonly legs: readonly LedgerLeg[];
}

/** Either. */
export type LedgerCommand = OpenWallet | MoveMoney;

/** The fields of a transfer as Fastify has checked them. */
export interface TransferBody {
  readonly id: string;
  readonly from?: string;
  readonly to?: string;
  readonly amount?: string;
  readonly legs?: readonly { readonly from: string; readonly to: string; readonly amount: string }[];
}

/** The fields of an open. */
export interface OpenBody {
  readonly id: string;
  readonly wallet: string;
  readonly asset: string;
  readonly min?: string;
}

/** A transfer; its short form is one leg. */
export function transferOf({ id, from = "", to = "", amount = "0", legs }: TransferBody): MoveMoney {
  const all = (legs ?? [{ from, to, amount }]).map((leg) => ({ ...leg, amount: BigInt(leg.amount) }));
  const content = `transfer ${all.map((leg) => `${leg.from} ${leg.to} ${leg.amount}`).join(" ")}`;
  return { op: "transfer", id: id.toLowerCase(), content, legs: all };
}

/** An open; `min` is 0 when it is not told. */
export function openOf({ id, wallet, asset, min = "0" }: OpenBody): OpenWallet {
  const least = min === "unlimited" ? null : BigInt(min);
  return {
    op: "open",
    id: id.toLowerCase(),
    content: `open ${wallet} ${asset} ${min}`,
    wallet,
    asset,
    min: least,
  };
}
